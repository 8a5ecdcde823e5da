//! The echo lab: docs/PROTOCOLS.md, section 3. Tests of the code shared with other servers are in
//! `fork_per_client`.

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::io::Write;
use std::net::{Ipv6Addr, TcpListener};
use std::process::Command;
use std::thread;

const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");
const CLIENT: &str = env!("CARGO_BIN_EXE_echo_client");

/// Sends `sent` in writes of `size_of_write` bytes, half-closes, and expects the same bytes back.
#[track_caller]
fn is_echoed(server: &Server, sent: &[u8], size_of_write: usize) {
    let mut peer = server.connect();
    let mut speaker = peer.duplicate();
    let heard = thread::scope(|scope| {
        scope.spawn(|| {
            sent.chunks(size_of_write).for_each(|part| speaker.sends(part));
            speaker.half_closes();
        });
        peer.hears_the_end()
    });
    assert!(heard == sent, "{} bytes of {}", heard.len(), sent.len());
}

#[test]
fn port_0_may_stand_behind_the_host_too() {
    for host in ["127.0.0.1:0", "[::1]:0"] {
        let _row = Row::of(&host);
        is_echoed(&Server::from(Command::new(ECHO).arg(host)), b"text", 4);
    }
}

#[test]
fn every_byte_value_comes_back_unchanged_in_one_write_or_byte_by_byte() {
    for options in [&[][..], &["--iterative"]] {
        let _row = Row::of(&options);
        let server = Server::of(ECHO, options);
        let bytes: Vec<u8> = (0..=255).chain((0..=255).rev()).collect();
        is_echoed(&server, &bytes, 512);
        is_echoed(&server, &bytes, 1);
        is_echoed(&server, b"", 1);
    }
}

#[test]
fn ten_megabytes_come_back_while_they_are_sent() {
    for options in [&[][..], &["--iterative"]] {
        let _row = Row::of(&options);
        let bytes: Vec<u8> = (0..10_000_000u32).map(|i| (i % 8191 % 251) as u8).collect();
        is_echoed(&Server::of(ECHO, options), &bytes, 100_000);
    }
}

#[test]
fn a_client_that_half_closes_before_it_reads_gets_all_bytes_back() {
    let server = Server::of(ECHO, &[]);
    let mut peer = server.connect();
    let sent = "0123456789".repeat(5000);
    peer.sends(&sent);
    peer.half_closes();
    server.program.out.line_with(&[&format!("client {} left", peer.stream.local_addr().unwrap())]);
    assert!(peer.hears_the_end() == sent.as_bytes());
}

#[test]
fn twenty_clients_at_once_each_get_their_own_bytes_back() {
    let server = Server::of(ECHO, &[]);
    thread::scope(|scope| {
        for byte in 0..20 {
            let server = &server;
            scope.spawn(move || is_echoed(server, &vec![byte; 100_000], 999));
        }
    });
    server.wait_for_children(0);
}

#[test]
fn a_client_that_never_reads_does_not_block_another() {
    let server = Server::of(ECHO, &[]);
    let (takes_nothing, _) = server.connect_served();
    takes_nothing.stream.set_nonblocking(true).unwrap();
    for _ in 0..20 {
        // Fills the sockets and the child's buffer.
        while (&takes_nothing.stream).write(&[b'x'; 65536]).is_ok() {}
        is_echoed(&server, &[b'y'; 50_000], 5000);
    }
}

#[test]
fn a_reset_at_any_moment_affects_only_that_client() {
    let server = Server::of(ECHO, &[]);
    let (mut stays, _) = server.connect_served();
    for _ in 0..10 {
        server.connect().resets();
        let (mut mid_talk, _) = server.connect_served();
        mid_talk.sends("never read again");
        mid_talk.resets();
        stays.sends("still here");
        stays.hears("still here");
    }
    server.wait_for_children(1);
    server.program.out.line_with(&["vanished (Connection reset by peer)"]);
}

#[test]
fn the_server_prints_each_client_and_its_bytes_escaped() {
    let server = Server::of(ECHO, &[]);
    let (mut peer, child) = server.connect_served();
    let address = peer.stream.local_addr().unwrap();
    let prefix = format!("(child {child}) received from {address}: ");
    for (sent, shown) in
        [("hello", "hello"), ("line\r\n", "line^M^J"), ("\x1b[2J\u{9b}1m\u{202e}", "^[[2J<U+009B>1m<U+202E>")]
    {
        let _row = Row::of(&(&sent, &shown));
        peer.sends(sent);
        peer.hears(sent);
        assert_eq!(server.program.out.line_with(&[&prefix, shown]), format!("{prefix}{shown}"));
    }
    peer.sends(b"\xff\xc3");
    server.program.out.line_with(&[&prefix, "\\xff\\xc3"]);
    peer.half_closes();
    server.program.out.line_with(&[&format!("(child {child}) client {address} left")]);
}

#[test]
fn a_long_chunk_is_printed_in_lines_that_split_no_character() {
    let server = Server::of(ECHO, &[]);
    let (mut peer, child) = server.connect_served();
    // The next character begins at byte 511 of 512.
    let sent = format!("x{}", "é".repeat(500));
    peer.sends(&sent);
    peer.hears(&sent);
    peer.half_closes();
    server.program.out.line_with(&[&format!("(child {child}) client"), "left"]);
    let said = server.program.out.so_far();
    let lines =
        said.lines().filter_map(|line| Some(line.split_once(" received from ")?.1.split_once(": ")?.1));
    assert_eq!(lines.collect::<String>(), sent);
}

#[test]
fn an_ipv6_server_serves_both_families() {
    let server = Server::from(Command::new(ECHO).args(["::", "0"]));
    is_echoed(&server, b"over IPv4", 3);
    server.program.out.line_with(&["client 127.0.0.1:"]);
    let mut new = Peer::connect((Ipv6Addr::LOCALHOST, server.address.port()).into());
    new.sends("over IPv6");
    new.hears("over IPv6");
    server.program.out.line_with(&["received from [::1]:"]);
}

#[test]
fn host_and_port_may_be_two_arguments_or_options() {
    for arguments in [
        &["127.0.0.1", "0"][..],
        &["localhost", "0"],
        &["127.0.0.1", "--port", "0"],
        &["--port", "0"],
        &["--bind", "::1", "--port", "0"],
        &["::1", "0"],
        &["[::1]", "0"],
        &["::1%lo", "0"],
    ] {
        let _row = Row::of(&arguments);
        let server = Server::from(Command::new(ECHO).args(arguments));
        assert!(server.address.ip().is_loopback(), "{arguments:?}: {}", server.address);
        is_echoed(&server, b"here", 4);
    }
}

#[test]
fn the_client_finds_a_server_by_address_or_name() {
    for (listens, dials) in [("127.0.0.1", "127.0.0.1"), ("127.0.0.1", "localhost"), ("::1", "::1")] {
        let _row = Row::of(&(&listens, &dials));
        let server = Server::from(Command::new(ECHO).args([listens, "0"]));
        let outcome = outcome_of(CLIENT, &[dials, &server.port()], "hello\n");
        assert_eq!((outcome.status, outcome.out.as_str()), (Some(0), "hello\n"), "{dials}: {}", outcome.err);
        assert_eq!(outcome.err, "echo_client: end of input, goodbye\n");
    }
}

#[test]
fn an_unknown_host_name_is_reported_by_server_and_client() {
    for program in [ECHO, CLIENT] {
        let _row = Row::of(&program);
        let Outcome { status, out, err } = outcome_of(program, &["nowhere.invalid", "8000"], "");
        assert_eq!((status, out.as_str()), (Some(1), ""));
        assert!(err.contains("the name \"nowhere.invalid\" leads to no address"), "{err}");
        assert_eq!(err.lines().count(), 1, "{err}");
    }
}

#[test]
fn a_port_in_use_is_reported_with_the_systems_reason() {
    let server = Server::of(ECHO, &[]);
    let Outcome { status, err, .. } = outcome_of(ECHO, &["127.0.0.1", &server.port()], "");
    assert_eq!(status, Some(1));
    assert!(err.contains(&format!("cannot listen on {}: Address already in use", server.address)), "{err}");
}

#[test]
fn without_a_server_the_client_reports_it_and_exits_with_status_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", &port, "--wait", "1"]));
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert!(said.contains(&format!("no server answers at 127.0.0.1 port {port}")), "{said}");
    assert!(said.contains("Connection refused") && said.lines().count() == 1, "{said}");
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    let mistakes: [(&str, &[&str], &str); 16] = [
        (ECHO, &["127.0.0.1", "--bind", "127.0.0.1"], "HOST] does not go with --bind <ADDR>"),
        (ECHO, &["127.0.0.1", "8000", "--port", "1"], "PORT] does not go with --port <N>"),
        (ECHO, &["127.0.0.1", "eight"], "\"eight\" refused: a number from 0 to 65535"),
        (ECHO, &["127.0.0.1", "65536"], "\"65536\" refused"),
        (ECHO, &["127.0.0.1", "8000", "more"], "\"more\" is not expected"),
        (ECHO, &["--idle-timeout", "86401"], "a number from 0 to 86400 is expected"),
        (ECHO, &["--idle-timeout"], "--idle-timeout <S>: a value is missing"),
        (ECHO, &["--max-per-address", "some"], "\"some\" refused: a number from 0 to 1000000"),
        (
            ECHO,
            &["--iterative", "--max-per-address", "3"],
            "--iterative does not go with --max-per-address <N>",
        ),
        (ECHO, &["--no-seccomp=1"], "takes no value"),
        (ECHO, &["--user"], "--user <NAME>: a value is missing"),
        (ECHO, &["--iterativ"], "\"--iterativ\" is not expected"),
        (CLIENT, &["127.0.0.1", "0"], "\"0\" refused: a number from 1 to 65535"),
        (CLIENT, &["127.0.0.1", "eight"], "\"eight\" refused"),
        (CLIENT, &["127.0.0.1", "8000", "more"], "\"more\" is not expected"),
        (CLIENT, &["--port", "8000"], "\"--port\" is not expected"),
    ];
    for (program, arguments, what) in mistakes {
        let _row = Row::of(&(&program, &arguments, &what));
        is_refused_in_english(program, arguments, what);
    }
}

#[test]
fn help_names_every_option_and_gives_examples() {
    let options =
        ["[HOST] [PORT]", "--bind", "--port", "--max-clients", "--backlog", "--iterative", "8000 by default"];
    let guards =
        ["--max-per-address <N>", "--idle-timeout <S>", "--user", "--no-limits", "--no-seccomp", "-v"];
    help_contains(ECHO, &[&options[..], &guards].concat());
    help_contains(CLIENT, &["[HOST] [PORT]", "127.0.0.1 by default", "8000 by default", "--plain"]);
}

#[test]
fn piped_lines_come_back_unchanged_empty_and_long_ones_included() {
    let server = Server::of(ECHO, &[]);
    let text = format!("one\n\n\n{}\n été \x1b[31m\nlast", "x".repeat(3000));
    let outcome = outcome_of(CLIENT, &["127.0.0.1", &server.port()], &text);
    assert_eq!((outcome.status, outcome.out), (Some(0), text + "\n"));
    let nothing = outcome_of(CLIENT, &["127.0.0.1", &server.port()], "");
    assert_eq!((nothing.status, nothing.out.as_str()), (Some(0), ""));
}

#[test]
fn a_piped_file_of_many_lines_comes_back_unchanged() {
    let server = Server::of(ECHO, &[]);
    let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", &server.port()]));
    let text: String = (0..100_000).map(|i| format!("line {i}\n")).collect();
    let (mut keyboard, sent) = (client.take_stdin(), text.clone());
    let typing = thread::spawn(move || keyboard.write_all(sent.as_bytes()));
    typing.join().unwrap().unwrap();
    assert!(client.ends().success());
    assert!(client.out.to_the_end() == text);
}

/// The client on a terminal, connected to `port`.
#[track_caller]
fn on_terminal(port: &str) -> Terminal {
    let client = Terminal::start(CLIENT, &["127.0.0.1", port, "--plain"]);
    client.shows(&format!("Connected to 127.0.0.1 port {port}"));
    client.shows("(Ctrl+D to leave)\r\n> ");
    client
}

#[test]
fn on_a_terminal_each_answer_is_shown_between_two_prompts() {
    let server = Server::of(ECHO, &[]);
    let mut client = on_terminal(&server.port());
    client.types("hello\r");
    client.shows("> hello\r\nhello\r\n> ");
    client.types("\r");
    client.shows("\r\n> \r\n\r\n> ");
    client.types("été\r");
    client.shows("> été\r\nété\r\n> ");
    let long = "y".repeat(3000);
    client.types(&format!("{long}\r"));
    client.shows(&format!("\r\n{long}\r\n> "));
}

#[test]
fn ctrl_c_ctrl_d_sigint_and_sigterm_end_the_client_with_a_line_and_status_0() {
    let server = Server::of(ECHO, &[]);
    for (key, line) in [("\x03", "interrupted, goodbye"), ("\x04", "end of input, goodbye")] {
        let _row = Row::of(&(&key, &line));
        let mut client = on_terminal(&server.port());
        client.types(key);
        assert_eq!(client.ends().code(), Some(0));
        client.shows(&format!("echo_client: {line}\r\n"));
    }
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", &server.port()]));
        eventually("its signals to be caught", || catches_sigterm(client.pid()).then_some(()));
        client.signal(signal);
        assert_eq!(client.ends().code(), Some(0));
        assert_eq!(client.err.to_the_end(), "echo_client: interrupted, goodbye\n");
    }
    server.wait_for_children(0);
}

/// Our client on a terminal, connected to a server that the test plays.
#[track_caller]
fn with_fake_server() -> (Terminal, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = on_terminal(&listener.local_addr().unwrap().port().to_string());
    (client, Peer::adopt(listener.accept().unwrap().0))
}

#[test]
fn a_server_that_closes_ends_the_client_with_a_line_and_status_1() {
    let (mut client, server) = with_fake_server();
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    client.shows("echo_client: the server closed the connection\r\n");
}

#[test]
fn a_line_is_sent_without_its_newline_and_any_answer_is_shown_escaped() {
    let (mut client, mut server) = with_fake_server();
    client.types("hello\r");
    server.hears("hello");
    server.sends("HELLO\n");
    client.shows("HELLO\r\n> ");
    client.types("abc\r");
    server.hears("abc");
    server.sends("\x1b[2J much more than was sent\n");
    client.shows("^[[2J much more than was sent\r\n> ");
    assert!(!client.screen.so_far().contains('\x1b'));
    // An answer shorter than the line: the user can go on.
    client.types("a long line\r");
    server.hears("a long line");
    server.sends("OK");
    client.shows("OK");
    client.types("yes\r");
    server.hears("yes");
    server.sends("yes");
    client.shows("yes\r\n> ");
    // No answer at all: the user can leave.
    client.types("silence\r");
    server.hears("silence");
    client.types("\x04");
    assert_eq!(server.hears_the_end(), b"");
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    client.shows("echo_client: the server closed the connection, 1 line has not come back\r\n");
}

#[test]
fn a_piped_client_ends_with_status_0_once_all_came_back_although_the_server_does_not_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", &port]));
    client.types("salut\n");
    client.closes_stdin();
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server = Peer::adopt(connection);
    assert_eq!(server.hears_the_end(), b"salut");
    server.sends("salut");
    assert_eq!(client.ends().code(), Some(0), "{}", client.err.so_far());
    assert_eq!(client.out.to_the_end(), "salut\n");
}

#[test]
fn a_piped_client_ends_with_status_1_where_lines_did_not_come_back() {
    for (typed, answer, missing) in [
        ("one\n", "", Some("1 line has")),
        ("one\ntwo\nthree\n", "on", Some("2 lines have")),
        ("one\ntwo\nthree\n", "onetwo", Some("1 line has")),
        // Servers that cut a line, or add a newline.
        ("a long line\n", "a long", None),
        ("one\ntwo\n", "one\ntwo\n", None),
    ] {
        let _row = Row::of(&(&typed, &answer));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", &port]));
        client.types(typed);
        client.closes_stdin();
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        assert_eq!(server.hears_the_end(), typed.replace('\n', "").as_bytes());
        server.sends(answer);
        drop(server);
        assert_eq!(client.ends().code(), Some(i32::from(missing.is_some())));
        let said = missing.map(|lines| format!("the server closed the connection, {lines} not come back"));
        let said = said.as_deref().unwrap_or("end of input, goodbye");
        assert_eq!(client.err.to_the_end(), format!("echo_client: {said}\n"));
    }
}
