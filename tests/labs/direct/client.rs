//! `direct_client`, on a terminal and without one, with our server and with servers that the tests
//! play.

use super::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

/// Our client without a terminal, once the server knows its name. No earlier client of this server
/// may have had the name.
#[track_caller]
fn piped(server: &Server, name: &str) -> Program {
    let client = start(server, name);
    server.program.out.line_with(&[&format!("(parent) {name} is ")]);
    client
}

#[track_caller]
fn start(server: &Server, name: &str) -> Program {
    Program::start(Command::new(CLIENT).args([name, "127.0.0.1", "--port", &server.port()]))
}

#[track_caller]
fn on_terminal(server: &Server, name: &str) -> Terminal {
    let client = Terminal::start(CLIENT, &[name, "127.0.0.1", "--plain", "--port", &server.port()]);
    client.shows(&format!("{name}> "));
    server.program.out.line_with(&[&format!("(parent) {name} is ")]);
    client
}

/// Our client, connected to a server that the test plays.
#[track_caller]
fn with_fake_server(name: &str) -> (Program, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let client = Program::start(Command::new(CLIENT).args([name, "--port", &port]));
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    (client, connection)
}

#[test]
fn the_client_sends_its_name_and_then_puts_it_before_each_message() {
    let (mut client, mut server) = with_fake_server("alice");
    client.types("%bob%hello\n%bob%50% off\n% carl %  spaced \n%bob%\n%bob%no end");
    client.closes_stdin();
    let mut sent = Vec::new();
    server.read_to_end(&mut sent).unwrap();
    let expected = "alice\n%bob%alice: hello\n%bob%alice: 50% off\n%carl%alice:   spaced \n%bob%alice: \n\
                    %bob%alice: no end\n";
    assert_eq!(String::from_utf8_lossy(&sent), expected);
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    assert_eq!(client.out.to_the_end(), "");
    assert_eq!(client.err.to_the_end(), "direct_client: end of input, goodbye\n");
}

#[test]
fn without_a_terminal_the_client_prints_the_lines_it_receives_and_nothing_else() {
    let server = server(&[]);
    let (mut alice, mut bob) = (piped(&server, "alice"), piped(&server, "bob"));
    alice.types("%bob%hello\n");
    bob.out.line_with(&["alice: hello"]);
    bob.types("%alice%hi \u{1b}[1m\n%alice%again\n%carl%nobody\n");
    bob.out.line_with(&["carl"]);
    alice.out.line_with(&["bob: again"]);
    for (client, status, last_line) in
        [(&mut alice, 0, "end of input, goodbye"), (&mut bob, 1, "not every line was delivered")]
    {
        client.closes_stdin();
        assert_eq!(client.ends().code(), Some(status));
        assert_eq!(client.err.to_the_end(), format!("direct_client: {last_line}\n"));
    }
    assert_eq!(alice.out.to_the_end(), "bob: hi \u{1b}[1m\nbob: again\n");
    assert_eq!(bob.out.to_the_end(), "alice: hello\n[ERROR] no client is called \"carl\"\n");
}

#[test]
fn a_line_without_a_valid_recipient_is_reported_and_not_sent() {
    let (mut client, mut server) = with_fake_server("alice");
    let mistakes = ["hello", "%bob", "%%hello", "", "%b\u{1b}b%hello"];
    mistakes.iter().for_each(|line| client.types(format!("{line}\n")));
    client.types("%bob%well\n");
    client.closes_stdin();
    let mut sent = Vec::new();
    server.read_to_end(&mut sent).unwrap();
    assert_eq!(String::from_utf8_lossy(&sent), "alice\n%bob%alice: well\n");
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert_eq!(
        said.lines().filter(|line| line.starts_with("direct_client: not sent: ")).count(),
        5,
        "{said}"
    );
    assert!(said.contains("write %name%message, as %bob%hello"), "{said}");
    assert!(said.contains("a name holds no control characters"), "{said}");
    assert_eq!(client.out.to_the_end(), "");
}

#[test]
fn a_message_too_long_for_one_text_arrives_whole_in_several() {
    let server = server(&[]);
    let (mut alice, mut bob) = (piped(&server, "alice"), join(&server, "bob"));
    let message = "é€🦀x".repeat(2000);
    alice.types(format!("%bob%{message}\n%bob%done\n"));
    alice.closes_stdin();
    assert_eq!(alice.ends().code(), Some(0));
    bob.half_closes();
    let heard = String::from_utf8(bob.hears_the_end()).unwrap();
    let texts: Vec<&str> = heard.lines().map(|line| line.strip_prefix("alice: ").unwrap()).collect();
    assert_eq!(texts.concat(), message + "done");
    assert_eq!(alice.out.to_the_end(), "");
}

#[test]
fn two_terminals_talk_and_the_prompt_follows_each_message() {
    let server = server(&[]);
    let (mut alice, mut bob) = (on_terminal(&server, "alice"), on_terminal(&server, "bob"));
    alice.shows("Connected to 127.0.0.1 port");
    alice.types("%bob%hello\r");
    bob.shows("bob> \r\nalice: hello\r\nbob> ");
    bob.types("%alice%hi yourself\r");
    alice.shows("\r\nbob: hi yourself\r\nalice> ");
    bob.types("hello\r");
    bob.shows("direct_client: not sent: write %name%message, as %bob%hello\r\nbob> ");
    bob.types("%carl%hello\r");
    bob.shows("\r\n[ERROR] no client is called \"carl\"\r\nbob> ");
}

#[test]
fn on_a_terminal_messages_are_shown_escaped() {
    let server = server(&[]);
    let alice = on_terminal(&server, "alice");
    let mut eve = join(&server, "eve");
    eve.sends(&b"%alice%eve: \x1b]0;title\x07\x1b[2J\x0b\x08 \xc2\x9b31m \xe2\x80\xaeleft \xff\n"[..]);
    alice.shows("\r\neve: ^[]0;title^G^[[2J^K^H <U+009B>31m <U+202E>left \\xff\r\nalice> ");
    assert!(!alice.screen.so_far().contains('\x1b'));
}

#[test]
fn ctrl_c_ctrl_d_sigint_and_sigterm_end_the_client_with_a_line_and_status_0() {
    let server = server(&[]);
    for (name, key, line) in
        [("alice", "\x03", "interrupted, goodbye"), ("bob", "\x04", "end of input, goodbye")]
    {
        let _row = Row::of(&(&name, &key, &line));
        let mut client = on_terminal(&server, name);
        client.types(key);
        assert_eq!(client.ends().code(), Some(0));
        client.shows(&format!("\r\ndirect_client: {line}\r\n"));
    }
    for (name, signal) in [("carl", SIGINT), ("dora", SIGTERM)] {
        let _row = Row::of(&(&name, &signal));
        let mut client = piped(&server, name);
        client.signal(signal);
        assert_eq!(client.ends().code(), Some(0));
        assert_eq!(client.err.to_the_end(), "direct_client: interrupted, goodbye\n");
    }
    server.wait_for_children(0);
}

#[test]
fn a_refused_name_is_reported_and_ends_the_client_with_status_1() {
    let server = server(&[]);
    let _bob = join(&server, "bob");
    for (keyboard_ends, reason) in
        [(false, "the server closed the connection"), (true, "the server refused us")]
    {
        let _row = Row::of(&(&keyboard_ends, &reason));
        let mut second = start(&server, "bob");
        if keyboard_ends {
            second.closes_stdin();
        }
        assert_eq!(second.ends().code(), Some(1));
        assert_eq!(second.out.to_the_end(), "[ERROR] direct_serveur: the name \"bob\" is taken\n");
        let said = second.err.to_the_end();
        // The client may see the server's close before the end of its input.
        assert!(said == format!("direct_client: {reason}\n") || keyboard_ends, "{said}");
        assert_eq!(said.lines().count(), 1, "{said}");
    }
}

#[test]
fn a_full_or_stopped_server_ends_the_client_with_status_1() {
    let mut server = server(&["--max-clients", "1"]);
    let mut alice = piped(&server, "alice");
    let mut second = start(&server, "bob");
    assert_eq!(second.ends().code(), Some(1));
    assert!(second.out.to_the_end().starts_with("[ERROR] direct_serveur: the server is full"));
    server.program.signal(SIGTERM);
    server.program.ends();
    assert_eq!(alice.ends().code(), Some(1));
    assert_eq!(alice.err.to_the_end(), "direct_client: the server closed the connection\n");
}

/// One attempt of five is enough: on a busy machine the client may close its side first.
#[test]
fn a_server_that_closes_before_the_clients_side_may_not_have_read_its_texts() {
    assert!((0..5).any(|_| {
        let (mut client, mut server) = with_fake_server("alice");
        client.types("%bob%salut\n");
        client.closes_stdin();
        let mut heard = Vec::new();
        while !heard.ends_with(b"salut\n") {
            let mut bytes = [0; 100];
            let n = server.read(&mut bytes).unwrap();
            heard.extend_from_slice(&bytes[..n]);
        }
        drop(server);
        let status = client.ends().code();
        let said = client.err.to_the_end();
        assert_eq!(said.contains("the server closed the connection"), status == Some(1), "{said}");
        status == Some(1)
    }));
}

#[test]
fn a_forged_refusal_followed_by_another_line_counts_as_an_error_alone() {
    // Our own server never relays such a line unchanged.
    let (mut alice, mut server) = with_fake_server("alice");
    server.write_all(b"[ERROR] direct_serveur: go away\njoking\n").unwrap();
    alice.out.line_with(&["joking"]);
    alice.closes_stdin();
    // Reads up to the client's half-close: a close with unread bytes would be a reset.
    server.read_to_end(&mut Vec::new()).unwrap();
    drop(server);
    assert_eq!(alice.ends().code(), Some(1));
    assert_eq!(alice.err.to_the_end(), "direct_client: not every line was delivered\n");
}

#[test]
fn a_client_with_empty_input_ends_at_once() {
    let server = server(&[]);
    let mut alice = start(&server, "alice");
    alice.closes_stdin();
    assert_eq!(alice.ends().code(), Some(0));
    server.program.out.line_with(&["(parent) alice (", "left"]);
}

#[test]
fn arbitrary_bytes_from_the_server_do_no_harm() {
    let (mut client, mut server) = with_fake_server("alice");
    let noise: Vec<u8> = (0..200_000u32).map(|i| (i.wrapping_mul(2_654_435_761) >> 13) as u8).collect();
    server.write_all(&noise).unwrap();
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    client.out.to_the_end();
    let said = client.err.to_the_end();
    assert!(said.starts_with("direct_client: the ") && said.lines().count() == 1, "{said}");
}

#[test]
fn a_host_may_be_a_name_or_an_ipv6_address() {
    let server = server(&[]);
    let mut alice =
        Program::start(Command::new(CLIENT).args(["alice", "localhost", "--port", &server.port()]));
    server.program.out.line_with(&["(parent) alice is 127.0.0.1:"]);
    alice.closes_stdin();
    assert_eq!(alice.ends().code(), Some(0));
    let server = Server::from(Command::new(SERVER).args(["--bind", "::1", "--port", "0"]));
    let _bob = Program::start(Command::new(CLIENT).args(["bob", "::1", "--port", &server.port()]));
    server.program.out.line_with(&["(parent) bob is [::1]:"]);
}

#[test]
fn the_client_ends_with_its_input_although_messages_keep_coming() {
    let server = server(&[]);
    let mut alice = join(&server, "alice");
    let mut client = piped(&server, "bob");
    let (stop, stopped) = std::sync::mpsc::channel::<()>();
    let speaker = std::thread::spawn(move || {
        while stopped.recv_timeout(Duration::from_millis(10)).is_err() {
            alice.sends("%bob%hello\n");
        }
        alice
    });
    client.out.line_with(&["hello"]);
    client.closes_stdin();
    assert_eq!(client.ends().code(), Some(0), "{}", client.err.so_far());
    stop.send(()).unwrap();
    speaker.join().unwrap();
}
