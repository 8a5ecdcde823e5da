//! `calc_client`, on a terminal and without one, with our server and with servers that the tests
//! play.

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::io::Write;
use std::net::TcpListener;
use std::process::{Command, Stdio};

const SERVER: &str = env!("CARGO_BIN_EXE_calc_serveur");
const CLIENT: &str = env!("CARGO_BIN_EXE_calc_client");

const OPENING: &str = "Welcome: two numbers in, their sum out.\r\nFirst number?\n";
const SUM: &str = "Second number?\n\r\nThe sum is:\n";

#[track_caller]
fn piped(server: &Server, keyboard: impl AsRef<[u8]>) -> Outcome {
    outcome_of(CLIENT, &["--port", &server.port()], keyboard)
}

#[test]
fn without_a_terminal_the_client_prints_byte_for_byte() {
    let server = Server::of(SERVER, &[]);
    let outcome = piped(&server, "12\n30\n");
    assert_eq!((outcome.status, outcome.out), (Some(0), format!("{OPENING}{SUM}42\n{OPENING}")));
    assert_eq!(outcome.err, "calc_client: end of input, goodbye\n");
}

#[test]
fn a_last_line_without_newline_is_sent_with_one_and_empty_input_sends_nothing() {
    let server = Server::of(SERVER, &["--iterative"]);
    assert_eq!(piped(&server, "1\n2").out, format!("{OPENING}{SUM}3\n"));
    assert_eq!(piped(&server, "").out, OPENING);
}

#[test]
fn thousands_of_piped_sums_are_all_answered() {
    let server = Server::of(SERVER, &[]);
    let mut client = Program::start(Command::new(CLIENT).args(["--port", &server.port()]));
    let mut keyboard = client.take_stdin();
    let typing = std::thread::spawn(move || {
        (0..20_000).for_each(|i| keyboard.write_all(format!("{i}\n1\n").as_bytes()).unwrap());
    });
    typing.join().unwrap();
    assert!(client.ends().success());
    let out = client.out.to_the_end();
    let sums: Vec<u32> = out.lines().filter_map(|line| line.parse().ok()).collect();
    assert!(sums.iter().copied().eq(1..=20_000), "{} sums", sums.len());
}

#[test]
fn a_line_too_long_for_the_server_is_sent_as_one_line_and_gets_one_error() {
    let server = Server::of(SERVER, &[]);
    let out = piped(&server, format!("{}\n1\n2\n", "7".repeat(20_000))).out;
    let error = "Error: a line of more than 256 bytes is not a number\nFirst number?\n";
    assert_eq!(out, format!("{OPENING}{error}{SUM}3\n{OPENING}"));
}

#[test]
fn the_host_defaults_to_this_machine() {
    let server = Server::of(SERVER, &[]);
    for host in [&[][..], &["127.0.0.1"], &["localhost"]] {
        let _row = Row::of(&host);
        let outcome = outcome_of(CLIENT, &[host, &["--port", &server.port()]].concat(), "");
        assert_eq!((outcome.status, outcome.out.as_str()), (Some(0), OPENING), "{}", outcome.err);
    }
    let Outcome { status, err, .. } = outcome_of(CLIENT, &["nowhere.invalid"], "");
    assert_eq!(status, Some(1));
    assert!(
        err.contains("the name \"nowhere.invalid\" leads to no address") && err.lines().count() == 1,
        "{err}"
    );
}

#[test]
fn without_a_server_the_client_reports_it_and_exits_with_status_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(CLIENT).args(["--port", &port, "--wait", "1"]));
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert!(said.contains(&format!("no server answers at 127.0.0.1 port {port}")), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    let mistakes: [(&[&str], &str); 5] = [
        (&["127.0.0.1", "5555"], "\"5555\" is not expected"),
        (&["--port", "0"], "\"0\" refused: a number from 1 to 65535"),
        (&["--port"], "--port <N>: a value is missing"),
        (&["--port", "x"], "\"x\" refused"),
        (&["--host", "here"], "\"--host\" is not expected"),
    ];
    for (arguments, what) in mistakes {
        let _row = Row::of(&(&arguments, &what));
        is_refused_in_english(CLIENT, arguments, what);
    }
    help_contains(CLIENT, &["[HOST]", "--port <N>", "127.0.0.1 by default", "5555 by default", "--plain"]);
}

/// The client on a terminal, connected to `port`.
#[track_caller]
fn on_terminal(port: &str) -> Terminal {
    let client = Terminal::start(CLIENT, &["--plain", "--port", port]);
    client.shows(&format!("Connected to 127.0.0.1 port {port}"));
    client
}

#[test]
fn on_a_terminal_each_question_and_answer_is_a_line() {
    let server = Server::of(SERVER, &[]);
    let mut client = on_terminal(&server.port());
    client.shows("their sum out.\r\nFirst number?\r\n");
    client.types("12\r");
    client.shows("\r\n12\r\nSecond number?\r\n");
    client.types("abc\r");
    client
        .shows("Error: \"abc\" is not a whole number (expected: one such as 12 or -3)\r\nSecond number?\r\n");
    client.types("30\r");
    client.shows("\r\n30\r\n\r\nThe sum is:\r\n42\r\nWelcome");
    client.types("\x04");
    assert_eq!(client.ends().code(), Some(0));
    client.shows("\r\ncalc_client: end of input, goodbye\r\n");
}

#[test]
fn a_server_that_closes_after_one_sum_ends_the_client_with_status_0() {
    let server = Server::of(SERVER, &["--iterative"]);
    let mut client = on_terminal(&server.port());
    for number in ["12\r", "30\r"] {
        let _row = Row::of(&number);
        client.types(number);
    }
    assert_eq!(client.ends().code(), Some(0));
    client.shows("The sum is:\r\n42\r\ncalc_client: the server closed the connection\r\n");
}

#[test]
fn ctrl_c_sigint_and_sigterm_end_the_client_with_a_line_and_status_0() {
    let server = Server::of(SERVER, &[]);
    let mut client = on_terminal(&server.port());
    client.shows("First number?\r\n");
    client.types("\x03");
    assert_eq!(client.ends().code(), Some(0));
    // The last message starts a new line: the terminal has echoed the key.
    client.shows("^C\r\ncalc_client: interrupted, goodbye\r\n");
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut client = Program::start(Command::new(CLIENT).args(["--port", &server.port()]));
        client.out.line_with(&["First number?"]);
        client.signal(signal);
        assert_eq!(client.ends().code(), Some(0));
        assert_eq!(client.err.to_the_end(), "calc_client: interrupted, goodbye\n");
    }
    server.wait_for_children(0);
}

/// A listener for a server that the test plays, and its port.
#[track_caller]
fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

#[test]
fn a_server_that_closes_before_a_line_was_sent_ends_the_client_with_status_1() {
    let (listener, port) = listening();
    let mut client = Program::start(Command::new(CLIENT).args(["--port", &port]));
    drop(listener.accept().unwrap());
    assert_eq!(client.ends().code(), Some(1));
    assert_eq!(client.out.to_the_end(), "");
    assert_eq!(client.err.to_the_end(), "calc_client: the server closed the connection\n");
}

#[test]
fn lines_that_a_full_server_or_one_of_one_sum_does_not_take_are_counted_with_status_1() {
    let told =
        |lines| format!("calc_client: the server closed the connection ({lines} lines were not sent)\n");
    let server = Server::of(SERVER, &["--max-clients", "1"]);
    let mut other = server.connect();
    other.hears("Welcome");
    let outcome = piped(&server, "1\n2\n");
    let full = "calc_serveur: the server is full (at most 1 client), try again later\r\n";
    assert_eq!((outcome.status, outcome.out.as_str()), (Some(1), full));
    assert_eq!(outcome.err, told(2));
    let outcome = piped(&Server::of(SERVER, &["--iterative"]), "1\n2\n3\n4\n5\n");
    assert_eq!((outcome.status, outcome.out), (Some(1), format!("{OPENING}{SUM}3\n")));
    assert_eq!(outcome.err, told(3));
}

#[test]
fn questions_in_any_words_with_or_without_newlines_are_shown_escaped() {
    let (listener, port) = listening();
    let mut client = on_terminal(&port);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.sends("Bonjour\r\n\nPremier nombre : ");
    client.shows("Bonjour\r\n\r\nPremier nombre : ");
    client.types("12\r");
    server.hears("12\n");
    server.sends("Deuxi\u{e8}me\x1b[2J\u{202e} : ");
    client.shows("12\r\nDeuxi\u{e8}me^[[2J<U+202E> : ");
    // Input typed before the question is sent as well.
    client.types("3\r4\r");
    server.hears("3\n4\n");
    server.sends("15");
    client.shows("15");
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    assert!(!client.screen.so_far().contains('\x1b'));
}

#[test]
fn at_end_of_input_the_client_half_closes_and_shows_the_remaining_answers() {
    let (listener, port) = listening();
    let mut client = Program::start(Command::new(CLIENT).args(["--port", &port]));
    client.types("1\n2\n");
    client.closes_stdin();
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    assert_eq!(server.hears_the_end(), b"1\n2\n");
    server.sends("the sum is \x1b[1m");
    server.sends("3\n");
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    assert_eq!(client.out.to_the_end(), "the sum is \x1b[1m3\n");
}

#[test]
fn a_reset_connection_is_reported_with_status_1() {
    let (listener, port) = listening();
    let mut client = Program::start(Command::new(CLIENT).args(["--port", &port]));
    // A line from the client proves that it is connected.
    client.types("1\n");
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.hears("1\n");
    server.resets();
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert!(
        said.starts_with("calc_client: the connection to the server is broken: Connection reset"),
        "{said}"
    );
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_full_standard_output_ends_the_client_with_one_line_and_status_1() {
    let server = Server::of(SERVER, &[]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(CLIENT);
    let output = command.args(["--port", &server.port()]).stdin(Stdio::null()).stdout(full).output().unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(said, "calc_client: cannot write to standard output: No space left on device\n");
}
