//! Servers with another greeting than ours: the file goes as a text, or not at all.

use super::*;

use std::io::Read;

const FOREIGN: &str = "Bienvenue\r\n";
const NOT_OURS: &str =
    "upload_client: not upload_serveur: the file was sent as a line of text, without its name\n";

#[track_caller]
fn has_sent_nothing_more(client: &Program, server: &Peer) {
    sleeps(client.pid());
    server.stream.set_nonblocking(true).unwrap();
    assert_eq!(server.stream.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.stream.set_nonblocking(false).unwrap();
}

#[test]
fn with_text_the_file_a_space_and_a_newline_are_sent_without_a_half_close() {
    for text in ["Bonjour, voilà", "", "ends with a newline\n", "\u{1b}[2J"] {
        let _row = Row::of(&text);
        // The name is not sent, so any name is accepted.
        let (client, mut server) = sending(&Sample::new(".hidden", text.as_bytes()), &["--text"]);
        server.sends(FOREIGN);
        server.hears(format!("{text} \n"));
        has_sent_nothing_more(&client, &server);
        server.sends("Fichier reçu [SUCCESS]\0");
        drop(server);
        succeeds(client, "Bienvenue\nFichier reçu [SUCCESS]\n");
    }
}

#[test]
fn a_file_with_a_nul_is_refused_as_text() {
    let sample = Sample::new("x", b"a\0b");
    fails(alone(&["--text", sample.path()]), "", &["as text: it holds a NUL", sample.path()]);
}

#[test]
fn with_text_success_for_more_than_a_line_counts_at_our_server_alone() {
    // The course's servers read 1024 bytes, and Java's a line, which a carriage return ends.
    for text in ["un\ndeux\n".to_string(), "un\rdeux\n".to_string(), "x".repeat(1025), "x".repeat(5000)] {
        let _row = Row::of(&text.len());
        let sample = Sample::new("x", text.as_bytes());
        let (client, mut server) = sending(&sample, &["--text"]);
        server.sends(FOREIGN);
        server.hears(format!("{text} \n"));
        server.sends("[SUCCESS]");
        drop(server);
        fails(client, "Bienvenue\n[SUCCESS]\n", &["may be for a part of", sample.path()]);
        let (client, mut server) = sending(&sample, &["--text"]);
        server.sends(GREETING);
        server.hears(format!("{text} \n"));
        server.sends("[SUCCESS]");
        drop(server);
        succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
    }
}

#[test]
fn one_line_goes_as_a_text_whatever_ends_the_greeting() {
    for (greeting, shown) in [
        (FOREIGN, "Bienvenue"),
        ("Welcome\0", "Welcome"),
        // Whole after a pause.
        ("Welcome", "Welcome"),
        ("upload_serveur: hello\n", "upload_serveur: hello"),
    ] {
        let _row = Row::of(&greeting);
        for (verdict, status) in [("[SUCCESS]", 0), ("[ERROR]", 1)] {
            let (mut client, mut server) = sending(&Sample::new("x", "é\tà".as_bytes()), &[]);
            server.sends(greeting);
            server.hears("é\tà \n");
            has_sent_nothing_more(&client, &server);
            server.sends(verdict);
            drop(server);
            assert_eq!(client.ends().code(), Some(status));
            assert_eq!(client.out.to_the_end(), format!("{shown}\n{verdict}\n"));
            let said = client.err.to_the_end();
            assert!(if status == 0 { said == NOT_OURS } else { said.contains("did not keep") }, "{said}");
        }
    }
}

#[test]
fn a_file_that_is_not_one_line_is_not_sent_to_a_foreign_server() {
    for (file, why) in [
        (&b"un\ndeux"[..], "it has several lines"),
        (b"un\n\n", "it has several lines"),
        (b"un\rdeux", "it has several lines"),
        (b"\x7fELF\x02\x01\x01\0", "it holds a control character"),
        (b"\x89PNG", "it is not UTF-8 text"),
        (&[b'x'; 1023], "it is longer than a line"),
        (&[0; 5000], "it is longer than a line"),
    ] {
        let _row = Row::of(&why);
        let sample = Sample::new("x", file);
        let (client, mut server) = sending(&sample, &[]);
        server.sends(FOREIGN);
        assert_eq!(server.hears_the_end(), b"");
        fails(client, "Bienvenue\n", &[why, sample.path(), "was not sent", "--text"]);
    }
}

#[test]
fn a_server_that_does_not_greet_is_sent_a_text_only_if_asked_to() {
    let sample = Sample::new("x", b"bonjour");
    // Both at once: each waits for the greeting for 10 s.
    let [(refused, mut silent), (client, mut server)] =
        [&[][..], &["--text"]].map(|options| sending(&sample, options));
    assert_eq!(silent.hears_the_end(), b"");
    fails(refused, "", &["does not greet", "--text"]);
    server.hears("bonjour \n");
    server.sends("[SUCCESS]");
    drop(server);
    succeeds(client, "[SUCCESS]\n");
}

#[test]
fn a_server_that_reads_no_further_than_the_newline_of_the_file_has_it_whole() {
    let line = b"une ligne\n";
    let (mut client, mut server) = sending(&Sample::new("x", line), &[]);
    server.sends(FOREIGN);
    let whole = || (server.stream.peek(&mut [0; 1024]).unwrap() == line.len() + 2).then_some(());
    eventually("the whole text", whole);
    server.stream.read_exact(&mut [0; 10]).unwrap();
    server.sends("recu [SUCCESS]");
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
}

#[test]
fn success_of_a_server_that_leaves_bytes_unread_is_no_success() {
    for end in ["", "\n"] {
        let _row = Row::of(&end);
        let line = format!("{}{end}", "x".repeat(900));
        let (client, mut server) = sending(&Sample::new("x", line.as_bytes()), &[]);
        server.sends(FOREIGN);
        // The line, a space and a newline, of which one `recv` takes 256.
        let whole = || (server.stream.peek(&mut [0; 1024]).unwrap() == line.len() + 2).then_some(());
        eventually("the whole line", whole);
        server.stream.read_exact(&mut [0; 256]).unwrap();
        server.sends("recu [SUCCESS]");
        drop(server);
        fails(client, "Bienvenue\nrecu [SUCCESS]\n", &["may not have read all of", "/x"]);
    }
}

/// The end comes before the reset: what is still on its way when the server closes.
#[test]
#[cfg(target_os = "linux")]
fn success_of_a_server_that_closes_before_the_rest_arrives_is_no_success() {
    // More than a receive buffer holds that nobody reads, less than both.
    let line = [b'x'; 300_000];
    let (client, mut server) = sending(&Sample::new("x", &line), &["--text"]);
    server.sends(FOREIGN);
    let is_sent = || (server.stream.peek(&mut [0; 1024]).unwrap() == 1024).then_some(());
    eventually("the beginning", is_sent);
    sleeps(client.pid());
    server.sends("recu [SUCCESS]");
    server.stream.shutdown(std::net::Shutdown::Write).unwrap();
    fails(client, "Bienvenue\nrecu [SUCCESS]\n", &["may not have read all of", "/x"]);
}
