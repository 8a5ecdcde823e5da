//! Which lines `chat_client` without a terminal reports as perhaps lost when its connection ends.

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGKILL, SIGSTOP, SIGTERM};
#[cfg(target_os = "linux")]
use std::io::{Read, Write};
use std::net::TcpListener;
use std::process::Command;
use std::time::Duration;

/// A line reported as perhaps lost.
fn lost(line: &str) -> String {
    format!("chat_client : pas revenu du serveur, peut-être perdu, non renvoyé : alice : {line}\n")
}

const NOT_ALL_BACK: &str = "fin de l'entrée, mais tout n'est pas revenu du serveur";

/// `chat_client` as alice, and its connection to a server that the test plays.
#[track_caller]
fn alice() -> (Program, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let client = Program::start(Command::new(CLIENT).args([
        "127.0.0.1",
        "alice",
        "--port",
        &address.port().to_string(),
    ]));
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    client.out.line_about(address);
    (client, Peer::adopt(connection))
}

#[track_caller]
fn ends_with(mut client: Program, status: i32, lines: &[&str], reason: &str) {
    assert_eq!(client.ends().code(), Some(status));
    let lines: String = lines.iter().map(|line| lost(line)).collect();
    assert_eq!(client.err.to_the_end(), format!("{lines}chat_client : {reason}\n"));
}

#[test]
fn a_first_line_that_did_not_come_back_is_reported_however_the_server_ends_the_connection() {
    for (resets, reason) in
        [(false, "le serveur a fermé la connexion"), (true, "la connexion au serveur est rompue")]
    {
        let _row = Row::of(&reason);
        let (mut client, mut server) = alice();
        client.types("un\ndeux\n");
        server.hears("alice : un\0alice : deux\0");
        match resets {
            true => server.resets(),
            false => drop(server),
        }
        ends_with(client, 1, &["un", "deux"], reason);
    }
}

/// A full room, for example.
#[test]
fn after_the_end_of_input_no_other_connection_is_made_where_nothing_is_left_to_say() {
    let server = Server::start(&["--max-clients", "1"]);
    let _inside = server.join();
    let mut client = Program::start(Command::new(CLIENT).args([
        "127.0.0.1",
        "alice",
        "--reconnect",
        "--port",
        &server.port(),
    ]));
    client.types("un\n");
    client.closes_stdin();
    assert_eq!(client.ends().code(), Some(1));
    assert!(client.err.to_the_end().starts_with(&lost("un")));
}

/// A proxy whose server is down; a server that is told to stop. One attempt of five is enough: on a
/// busy machine the client may close its side first.
#[test]
fn a_server_that_closes_before_the_clients_side_is_no_success() {
    assert!((0..5).any(|_| {
        let (mut client, mut server) = alice();
        client.types("un\n");
        client.closes_stdin();
        server.hears("alice : un\0");
        drop(server);
        let status = client.ends().code();
        let expected = match status {
            Some(1) => format!("{}chat_client : le serveur a fermé la connexion\n", lost("un")),
            _ => "chat_client : fin de l'entrée, au revoir\n".to_string(),
        };
        assert_eq!(client.err.to_the_end(), expected);
        status == Some(1)
    }));
}

#[test]
fn after_the_end_of_input_a_server_that_echoes_has_taken_what_came_back_and_another_all() {
    for (answer, status, lines, reason) in [
        ("", 0, &[][..], "fin de l'entrée, au revoir"),
        ("bob : salut\0", 0, &[], "fin de l'entrée, au revoir"),
        ("alice : un\0alice : deux\0", 0, &[], "fin de l'entrée, au revoir"),
        ("alice : un\nalice : deux\n", 0, &[], "fin de l'entrée, au revoir"),
        // So do servers that put something around it.
        ("alice : un\0\nalice : deux\0\n", 0, &[], "fin de l'entrée, au revoir"),
        ("alice : un\0\r\nalice : deux\0\r\n", 0, &[], "fin de l'entrée, au revoir"),
        ("alice : un\n\ralice : deux\n\r", 0, &[], "fin de l'entrée, au revoir"),
        ("\nalice : un\0\nalice : deux\0", 0, &[], "fin de l'entrée, au revoir"),
        ("\u{feff}alice : un\0\u{feff}alice : deux\0", 0, &[], "fin de l'entrée, au revoir"),
        // One message that came back whole tells that the server echoes.
        ("alice : un\0", 1, &["deux"], NOT_ALL_BACK),
        // Another order is no loss, and a message passed over is one.
        ("alice : deux\0alice : un\0", 0, &[], "fin de l'entrée, au revoir"),
        ("alice : deux\0", 1, &["un"], NOT_ALL_BACK),
        // A course's server cuts a message where its read ends.
        ("alice : un\0alice : d\0eux\0", 1, &["deux"], NOT_ALL_BACK),
        // So do our server's own words.
        ("chat_serveur : la salle est pleine\0", 1, &["un", "deux"], NOT_ALL_BACK),
    ] {
        let _row = Row::of(&answer);
        let (mut client, mut server) = alice();
        client.types("un\ndeux\n");
        client.closes_stdin();
        assert_eq!(server.hears_the_end(), b"alice : un\0alice : deux\0");
        server.sends(answer);
        drop(server);
        ends_with(client, status, lines, reason);
    }
}

#[test]
fn line_ends_and_blanks_alone_are_shown_as_nothing() {
    let (mut client, mut server) = alice();
    client.types("un\n");
    server.hears("alice : un\0");
    server.sends("alice : un\0\r\n\0\n\0 \0\u{feff}\0bob : salut\0\n");
    client.out.line_with(&["bob : salut"]);
    client.closes_stdin();
    // The client ends its side first: a server that closes before is a failure.
    assert_eq!(server.hears_the_end(), b"");
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    assert!(client.out.to_the_end().ends_with("\nalice : un\nalice> \nbob : salut\nalice> "));
}

#[test]
fn a_line_that_the_child_had_not_read_at_the_end_of_input_is_no_success() {
    for ends_all in [false, true] {
        let _row = Row::of(&ends_all);
        let server = Server::start(&[]);
        let mut client = our_client(&server, "alice");
        let child = server.wait_for_children(1)[0];
        client.types("un\n");
        client.out.line_with(&["alice : un"]);
        stop(child);
        client.types("deux\n");
        client.closes_stdin();
        let half_closed = format!(":{:04X} ", server.address.port());
        eventually("the client's end in the server's kernel", || {
            let connections = std::fs::read_to_string("/proc/net/tcp").unwrap();
            let is_half_closed =
                |line: &str| line.split_once(&half_closed)?.1.split(' ').nth(1).map(|it| it == "08");
            connections.lines().any(|line| is_half_closed(line) == Some(true)).then_some(())
        });
        match ends_all {
            true => server.program.signal(SIGTERM),
            false => send(child, SIGKILL),
        }
        // The kernel may reset a connection with unread bytes.
        assert_eq!(client.ends().code(), Some(1));
        let said = client.err.to_the_end();
        assert!(said.starts_with(&lost("deux")) && said.lines().count() == 2, "{said}");
    }
}

#[test]
fn a_line_piped_to_a_full_room_is_no_success() {
    let server = Server::start(&["--max-clients", "1"]);
    let _bob = server.join();
    let mut client =
        Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &server.port()]));
    client.types("un\n");
    client.closes_stdin();
    assert_eq!(client.ends().code(), Some(1));
    assert!(client.out.to_the_end().contains("\nchat_serveur : la salle est pleine"));
    // The room may close before the line is read: then it is not reported.
    let said = client.err.to_the_end();
    assert!(said.starts_with(&lost("un")) || said.lines().count() == 1, "{said}");
}

#[test]
fn a_server_known_to_send_nothing_back_has_taken_what_others_spoke_after() {
    let (mut client, mut server) = alice();
    client.types("un\n");
    server.hears("alice : un\0");
    // An echo is awaited for a second.
    std::thread::sleep(Duration::from_millis(1100));
    server.sends("bob : salut\0");
    client.out.line_with(&["bob : salut"]);
    client.types("deux\n");
    server.hears("alice : deux\0");
    drop(server);
    ends_with(client, 1, &["deux"], "le serveur a fermé la connexion");
}

#[test]
fn a_line_that_a_stopped_child_never_took_is_reported_although_others_speak() {
    let server = Server::start(&[]);
    let mut client = our_client(&server, "alice");
    let child = eventually("the child", || server.children().first().copied());
    let mut bob = server.join();
    client.types("un\n");
    client.out.line_with(&["alice : un"]);
    send(child, SIGSTOP);
    client.types("deux\n");
    for text in ["a", "b", "c"] {
        std::thread::sleep(Duration::from_millis(1100));
        bob.sends(format!("bob : {text}\0"));
        client.out.line_with(&[&format!("bob : {text}")]);
    }
    send(child, SIGKILL);
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    // The child's kernel may reset a connection with unread bytes.
    assert!(said.starts_with(&lost("deux")) && said.lines().count() == 2, "{said}");
}

#[test]
fn a_line_lost_before_a_reconnection_is_status_1_at_the_end_of_input() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let arguments = ["127.0.0.1", "alice", "--reconnect", "--port", &port];
    let mut client = Program::start(Command::new(CLIENT).args(arguments));
    client.types("un\n");
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.hears("alice : un\0");
    drop(server);
    client.err.line_with(&["peut-être perdu", "alice : un"]);
    client.types("deux\n");
    client.closes_stdin();
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    assert_eq!(server.hears_the_end(), b"alice : deux\0");
    server.sends("alice : deux\0");
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert!(
        said.ends_with("\nchat_client : fin de l'entrée, mais tout n'est pas revenu du serveur\n"),
        "{said}"
    );
    assert!(!said.contains("alice : deux"), "{said}");
}

#[test]
fn an_interrupted_client_reports_none() {
    let (mut client, mut server) = alice();
    client.types("un\ndeux\n");
    server.hears("alice : un\0alice : deux\0");
    server.sends("alice : un\0");
    client.out.line_with(&["alice : un"]);
    client.signal(SIGINT);
    ends_with(client, 0, &[], "interrompu, au revoir");
}

#[test]
fn a_line_that_came_back_with_its_controls_made_visible_is_not_lost() {
    let server = Server::start(&["--distinct-names"]);
    let port = server.address.port().to_string();
    let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
    client.out.line_about(server.address);
    client.types("un\u{b}deux\u{c}\n");
    client.out.line_with(&["alice : un^Kdeux^L"]);
    server.program.signal(SIGKILL);
    ends_with(client, 1, &[], "le serveur a fermé la connexion");
}

#[test]
fn a_second_process_that_is_stopped_alone_loses_nothing_of_a_server_that_ends() {
    for (keyboard_ends, status, reason) in
        [(false, 1, "le serveur a fermé la connexion"), (true, 0, "fin de l'entrée, au revoir")]
    {
        let _row = Row::of(&reason);
        let (mut client, mut server) = alice();
        stop(eventually("the second process", || children_of(client.pid()).first().copied()));
        if keyboard_ends {
            client.closes_stdin();
            server.hears_the_end();
        }
        server.sends("bob : un\0bob : deux\0");
        drop(server);
        let out = client.out.clone();
        ends_with(client, status, &[], reason);
        assert!(out.to_the_end().ends_with("\nbob : un\nalice> \nbob : deux\nalice> "), "{}", out.so_far());
    }
}

/// A history that the server sends, a room that talks.
#[test]
fn a_server_that_still_sends_after_the_end_of_input_is_heard_to_its_end() {
    let (mut client, mut server) = alice();
    client.types("un\n");
    client.closes_stdin();
    assert_eq!(server.hears_the_end(), b"alice : un\0");
    server.sends("alice : un\0");
    for i in 0..8 {
        // In all longer than a silent server is waited for.
        std::thread::sleep(Duration::from_secs(1));
        server.sends(format!("bob : line {i}\0"));
    }
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    let shown = client.out.to_the_end();
    assert!((0..8).all(|i| shown.contains(&format!("bob : line {i}\n"))), "{shown}");
}

/// A slow path: the server says nothing back before it has all. Linux tells what is acknowledged.
#[test]
#[cfg(target_os = "linux")]
fn a_server_that_takes_long_for_what_was_sent_is_waited_for() {
    let (mut client, server) = alice();
    nix::sys::socket::setsockopt(&server.stream, nix::sys::socket::sockopt::RcvBuf, &40_000).unwrap();
    let lines: String = (0..800).map(|i| format!("{i:0900}\n")).collect();
    client.types(lines);
    client.closes_stdin();
    let (mut stream, mut heard, mut chunk) = (&server.stream, Vec::new(), vec![0; 80_000]);
    loop {
        // In all longer than a server is waited for that takes nothing.
        std::thread::sleep(Duration::from_secs(1));
        match stream.read(&mut chunk).expect("read") {
            0 => break,
            n => heard.extend_from_slice(&chunk[..n]),
        }
        if heard.ends_with(b"799\0") {
            break;
        }
    }
    stream.write_all(&heard).expect("write");
    drop(server);
    assert_eq!(client.ends().code(), Some(0), "{}", client.err.to_the_end());
}
