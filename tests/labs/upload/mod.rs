//! `upload_serveur`: files that are stored, their names, and uploads that leave nothing behind.

mod failures;
mod late_text;
use crate::common::*;

use nix::sys::signal::Signal::{self, SIGINT, SIGKILL, SIGTERM};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use tempfile::TempDir;

const UPLOAD_SERVER: &str = env!("CARGO_BIN_EXE_upload_serveur");
const GREETING: &str = "upload_serveur: send your file\r\n";

/// A server, and the directory where it stores files.
struct Landing {
    server: Server,
    directory: TempDir,
}

impl Landing {
    #[track_caller]
    fn start(options: &[&str]) -> Landing {
        Landing::by(&mut Command::new(UPLOAD_SERVER), options)
    }

    /// Starts the server by `command`, which ends with the server's name.
    #[track_caller]
    fn by(command: &mut Command, options: &[&str]) -> Landing {
        let directory = tempfile::tempdir().unwrap();
        let server = Landing::at(command, directory.path(), options);
        Landing { server, directory }
    }

    #[track_caller]
    fn at(command: &mut Command, directory: &Path, options: &[&str]) -> Server {
        command.args(["--bind", "127.0.0.1", "--port", "0", "--dir"]).arg(directory);
        Server::from(command.args(options))
    }

    /// A client that has been greeted.
    #[track_caller]
    fn client(&self) -> Peer {
        let mut peer = self.server.connect();
        peer.hears(GREETING);
        peer
    }

    /// Sends `bytes` and returns the answer; the connection ends with it.
    #[track_caller]
    fn answer(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut client = self.client();
        client.sends(bytes);
        answer_to(&mut client)
    }

    /// Every entry, hidden ones included, with its bytes.
    #[track_caller]
    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let entries = std::fs::read_dir(self.directory.path()).unwrap().map(Result::unwrap);
        entries
            .map(|entry| {
                (entry.file_name().into_string().unwrap(), std::fs::read(entry.path()).unwrap_or_default())
            })
            .collect()
    }

    #[track_caller]
    fn names(&self) -> Vec<String> {
        self.files().into_keys().collect()
    }

    /// Expects an empty directory once all clients have disconnected.
    #[track_caller]
    fn is_empty(&self) {
        self.server.wait_for_children(0);
        assert_eq!(self.names(), [""; 0]);
    }
}

#[track_caller]
fn answer_to(client: &mut Peer) -> String {
    String::from_utf8(client.hears_the_end()).unwrap()
}

/// The bytes that our own client sends for a file of this name.
fn announced(name: impl AsRef<[u8]>, bytes: &[u8]) -> Vec<u8> {
    with_header(name, bytes.len(), &Sha256::digest(bytes), bytes)
}

fn with_header(name: impl AsRef<[u8]>, size: usize, sum: &[u8], bytes: &[u8]) -> Vec<u8> {
    let sum: String = sum.iter().map(|byte| format!("{byte:02x}")).collect();
    [format!("\0forklab-upload 1 {size} {sum} ").as_bytes(), name.as_ref(), b"\n", bytes].concat()
}

fn every_byte() -> Vec<u8> {
    (0..=255).cycle().take(300_000).collect()
}

#[test]
fn a_text_that_ends_with_a_newline_and_silence_is_stored_as_received_txt() {
    let landing = Landing::start(&[]);
    // Line 1 of the protocol: the greeting ends with \r\n. Line 3: the answer has no newline at its
    // end.
    assert_eq!(landing.answer("bonjour \n"), "received 9 bytes as received.txt [SUCCESS]");
    assert_eq!(landing.files(), BTreeMap::from([("received.txt".into(), b"bonjour \n".to_vec())]));
    // Measured from before the last byte is sent: a busy machine makes it longer, never shorter.
    let mut client = landing.client();
    let before = std::time::Instant::now();
    client.sends("bonjour \n");
    assert!(answer_to(&mut client).ends_with("[SUCCESS]"));
    assert!(before.elapsed() >= std::time::Duration::from_millis(300));
}

#[test]
fn nuls_and_a_carriage_return_behind_a_newline_do_not_keep_a_text_open() {
    for end in [" \n\0", " \n\r", "\r\n\0", &format!(" \n{}", "\0".repeat(1019))] {
        let _row = Row::of(&end);
        let landing = Landing::start(&[]);
        let text = format!("abc{end}");
        let size = text.len();
        assert_eq!(landing.answer(&text), format!("received {size} bytes as received.txt [SUCCESS]"));
        assert_eq!(landing.files()["received.txt"], text.into_bytes());
    }
}

#[test]
fn a_text_of_many_lines_in_many_segments_is_stored_whole() {
    // A newline and 300 ms of silence end a text. A busy machine may exceed that, not ten times.
    let whole = (0..10).any(|_| {
        let landing = Landing::start(&[]);
        let mut client = landing.client();
        for i in 0..50 {
            client.sends(format!("ligne {i}, pas encore finie"));
            client.sends(", maintenant oui\n");
        }
        assert!(answer_to(&mut client).ends_with("[SUCCESS]"));
        let expected: String =
            (0..50).map(|i| format!("ligne {i}, pas encore finie, maintenant oui\n")).collect();
        landing.files()["received.txt"] == expected.into_bytes()
    });
    assert!(whole, "not whole in any of ten attempts");
}

#[test]
fn a_text_ends_at_a_half_close_whatever_its_last_byte() {
    let landing = Landing::start(&[]);
    let mut client = landing.client();
    client.sends("sans retour");
    client.half_closes();
    assert_eq!(answer_to(&mut client), "received 11 bytes as received.txt [SUCCESS]");
    assert_eq!(landing.files()["received.txt"], b"sans retour");
}

#[test]
fn a_course_client_in_c_uploads_its_text() {
    let landing = Landing::start(&[]);
    let file = landing.directory.path().join("source");
    std::fs::write(&file, "un\ndeux\n").unwrap();
    let mut client = Program::start(
        Command::new(c_compat("upload_client_c")).arg(&file).args(["127.0.0.1", &landing.server.port()]),
    );
    assert!(client.ends().success(), "{}", client.err.to_the_end());
    assert!(client.out.to_the_end().contains("received 10 bytes as received.txt [SUCCESS]"));
    assert_eq!(landing.files()["received.txt"], b"un\ndeux\n \n");
}

#[test]
fn a_client_that_sends_nothing_gets_an_error_and_leaves_no_file() {
    let landing = Landing::start(&[]);
    let mut client = landing.client();
    client.half_closes();
    assert_eq!(answer_to(&mut client), "nothing was received [ERROR]");
    landing.is_empty();
}

#[test]
fn an_announced_file_is_stored_byte_for_byte_under_its_own_name() {
    let landing = Landing::start(&[]);
    let bytes = every_byte();
    assert_eq!(
        landing.answer(announced("a b é.bin", &bytes)),
        "received 300000 bytes as a b é.bin [SUCCESS]"
    );
    assert_eq!(landing.answer(announced("empty", b"")), "received 0 bytes as empty [SUCCESS]");
    // Byte by byte, header included. The contents look like another header and the end of a text.
    let mut client = landing.client();
    let tricky = announced("inner", b" \n\n");
    announced("slow", &tricky).iter().for_each(|byte| client.sends([*byte]));
    assert!(answer_to(&mut client).ends_with("[SUCCESS]"));
    let expected = [("a b é.bin", bytes), ("empty", vec![]), ("slow", tricky)];
    assert_eq!(landing.files(), expected.map(|(name, bytes)| (name.to_string(), bytes)).into());
}

#[test]
fn an_unsafe_name_is_refused_with_the_reason() {
    let landing = Landing::start(&[]);
    let long = "x".repeat(300);
    let names: [(&[u8], &str); 10] = [
        (b"../x", "begins with a dot"),
        (b"/etc/x", "a separator"),
        (b"a/b", "a separator"),
        (b"a\\b", "a separator"),
        (b".bashrc", "begins with a dot"),
        (b"a\0b", "a control character"),
        (b"a\x1b[2Jb", "a control character"),
        (b"", "it is empty"),
        (b"\xff", "not UTF-8"),
        (long.as_bytes(), "it has 300 bytes"),
    ];
    for (name, why) in names {
        let _row = Row::of(&(&name, &why));
        let answer = landing.answer(announced(name, b"contents"));
        assert!(answer.contains(why) && answer.ends_with(" [ERROR]"), "{answer:?}");
        assert!(!answer.contains(['\x1b', '\0', '\n']), "{answer:?}");
    }
    landing.is_empty();
    assert!(!landing.directory.path().parent().unwrap().join("x").exists());
    assert!(!landing.server.program.out.so_far().contains('\x1b'));
}

#[test]
fn an_invalid_header_is_refused_with_the_reason() {
    let landing = Landing::start(&[]);
    let endless = [b"\0forklab-upload 1 ".to_vec(), vec![b'9'; 1 << 20]].concat();
    let openings: [(&[u8], &str); 5] = [
        (b"\0\0\0\0", "neither a text nor a header"),
        (b"\0forklab-upload 2 0 00 x\n", "this server speaks version 1"),
        (b"\0forklab-upload 1 -1 00 x\n", "its size is no number"),
        (b"\0forklab-upload 1 99999999999999999999 00 x\n", "its size is no number"),
        (&endless, "longer than 1024 bytes"),
    ];
    for (opening, why) in openings {
        let _row = Row::of(&(&opening, &why));
        let answer = landing.answer(opening);
        assert!(answer.contains(why) && answer.ends_with(" [ERROR]"), "{answer:?}");
    }
    landing.is_empty();
}

#[test]
fn a_wrong_size_is_refused() {
    let landing = Landing::start(&[]);
    let sum = Sha256::digest(b"contents");
    let too_much = landing.answer(with_header("x", 7, &sum, b"contents"));
    assert_eq!(too_much, "more came than the 7 bytes announced [ERROR]");
    let mut client = landing.client();
    client.sends(with_header("x", 9, &sum, b"contents"));
    client.half_closes();
    assert_eq!(answer_to(&mut client), "only 8 of the 9 bytes announced came [ERROR]");
    landing.is_empty();
}

#[test]
fn a_wrong_checksum_is_refused() {
    let landing = Landing::start(&[]);
    let answer = landing.answer(with_header("x", 8, &Sha256::digest(b"CONTENTS"), b"contents"));
    assert!(
        answer.starts_with("the SHA-256 is not the one announced") && answer.ends_with(" [ERROR]"),
        "{answer}"
    );
    landing.is_empty();
}

#[test]
fn an_existing_file_is_never_overwritten_and_the_new_name_is_reported() {
    let landing = Landing::start(&[]);
    landing.answer(announced("report.txt", b"first"));
    let answer = landing.answer(announced("report.txt", b"second"));
    assert_eq!(answer, "received 6 bytes as report-2.txt, because report.txt was there already [SUCCESS]");
    landing.answer("text \n");
    let answer = landing.answer("another \n");
    assert!(answer.contains("as received-2.txt") && answer.ends_with("[SUCCESS]"), "{answer}");
    let expected = [
        ("received-2.txt", "another \n"),
        ("received.txt", "text \n"),
        ("report-2.txt", "second"),
        ("report.txt", "first"),
    ];
    assert_eq!(landing.files(), expected.map(|(name, text)| (name.to_string(), text.into())).into());
}

#[test]
fn a_symbolic_link_in_the_directory_is_neither_followed_nor_replaced() {
    let landing = Landing::start(&[]);
    let elsewhere = tempfile::tempdir().unwrap();
    let victim = elsewhere.path().join("victim");
    symlink(&victim, landing.directory.path().join("x")).unwrap();
    symlink(elsewhere.path(), landing.directory.path().join("received.txt")).unwrap();
    assert!(landing.answer(announced("x", b"contents")).contains("received 8 bytes as x-2,"));
    assert!(landing.answer("text \n").contains("received 6 bytes as received-2.txt,"));
    assert_eq!(std::fs::read_dir(elsewhere.path()).unwrap().count(), 0);
}

#[test]
fn simultaneous_uploads_of_one_name_never_mix() {
    let landing = Landing::start(&[]);
    let mut clients: Vec<Peer> = (0..40).map(|_| landing.client()).collect();
    // Half of them send a header, half a text; each in several parts, by turns.
    let contents = |i: usize| {
        if i < 20 { vec![i as u8; 50_000] } else { [vec![i as u8; 49_999], b"\n".to_vec()].concat() }
    };
    let sent: Vec<Vec<u8>> =
        (0..40).map(|i| if i < 20 { announced("same.txt", &contents(i)) } else { contents(i) }).collect();
    for part in 0..10 {
        for (client, bytes) in clients.iter_mut().zip(&sent) {
            let size = bytes.len().div_ceil(10);
            client.sends(bytes.chunks(size).nth(part).unwrap_or_default());
        }
    }
    let mut kept = Vec::new();
    for client in &mut clients {
        let answer = answer_to(client);
        assert!(answer.ends_with("[SUCCESS]"), "{answer}");
        kept.push(answer.split_once(" as ").unwrap().1.split([',', ' ']).next().unwrap().to_string());
    }
    let files = landing.files();
    assert_eq!(files.len(), 40);
    for (i, name) in kept.iter().enumerate() {
        assert_eq!(files[name], contents(i), "{name}");
    }
}

#[test]
fn n_clients_are_n_plus_1_processes_and_a_client_too_many_is_refused() {
    let landing = Landing::start(&["--max-clients", "2"]);
    let _clients = [landing.client(), landing.client()];
    assert_eq!(landing.server.wait_for_children(2).len(), 2);
    let told = answer_to(&mut landing.server.connect());
    assert_eq!(told, "upload_serveur: the server is full (at most 2 clients), try again later [ERROR]");
}

#[test]
fn bytes_from_clients_are_printed_escaped() {
    let landing = Landing::start(&[]);
    let name = "a\u{202e}b\x1b[2J";
    landing.answer(announced(name, b"x"));
    landing.answer("\x1b[2J \n");
    landing.server.wait_for_children(0);
    let shown = landing.server.program.out.so_far();
    assert!(!shown.contains(['\x1b', '\u{202e}']), "{shown:?}");
    landing.server.program.out.line_with(&["refused", "<U+202E>"]);
}

/// Sends `file` by our client. Returns its status and its output.
#[track_caller]
fn by_our_client(landing: &Landing, file: &Path) -> (Option<i32>, String) {
    let mut client = Program::start(
        Command::new(env!("CARGO_BIN_EXE_upload_client"))
            .arg(file)
            .args(["localhost", &landing.server.port()]),
    );
    (client.ends().code(), client.out.to_the_end())
}

#[test]
fn our_client_and_our_server_interoperate() {
    let landing = Landing::start(&["--max-bytes", "1000000"]);
    let place = tempfile::tempdir().unwrap();
    let (file, large) = (place.path().join("deux mots.bin"), place.path().join("large"));
    std::fs::write(&file, every_byte()).unwrap();
    std::fs::write(&large, vec![0; 1_000_001]).unwrap();
    let (status, out) = by_our_client(&landing, &file);
    assert_eq!(status, Some(0));
    assert_eq!(out, "upload_serveur: send your file\nreceived 300000 bytes as deux mots.bin [SUCCESS]\n");
    let (status, out) = by_our_client(&landing, &file);
    assert_eq!(status, Some(0));
    assert!(out.contains("as deux mots-2.bin, because deux mots.bin was there already [SUCCESS]"), "{out}");
    let (status, out) = by_our_client(&landing, &large);
    assert_eq!(status, Some(1));
    assert!(out.ends_with("the file is too large: at most 1000000 bytes are taken [ERROR]\n"), "{out}");
    let expected = ["deux mots-2.bin", "deux mots.bin"].map(|name| (name.to_string(), every_byte()));
    assert_eq!(landing.files(), expected.into());
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    let mistakes: [(&[&str], &str); 9] = [
        (&["5555"], "\"5555\" is not expected"),
        (&["--port", "65536"], "--port <N>: \"65536\" refused: a number from 0 to 65535"),
        (&["--bind", "here"], "\"here\" refused: an IPv4 or IPv6 address"),
        (&["--dir"], "--dir <DIR>: a value is missing"),
        (&["--max-bytes", "0"], "--max-bytes <N>: \"0\" refused"),
        (&["--idle-timeout", "86401"], "a number from 0 to 86400 is expected"),
        (&["--max-clients", "0"], "\"0\" refused"),
        (&["--max-per-address", "1000001"], "\"1000001\" refused: a number from 0 to 1000000"),
        (&["--user", "a", "--user", "b"], "--user <NAME> is given twice"),
    ];
    for (arguments, what) in mistakes {
        let _row = Row::of(&(&arguments, &what));
        is_refused_in_english(UPLOAD_SERVER, arguments, what);
    }
}

#[test]
fn help_names_every_option_and_gives_examples() {
    let options =
        ["--bind", "--port", "--max-clients", "--backlog", "--dir", "--max-bytes", "--idle-timeout"];
    let defaults = ["5555 by default", "104857600 by default", "60 by default"];
    let guards = ["--max-per-address", "--user", "--no-limits", "--no-seccomp", "-v, --verbose"];
    help_contains(UPLOAD_SERVER, &[&options[..], &defaults, &guards].concat());
}
