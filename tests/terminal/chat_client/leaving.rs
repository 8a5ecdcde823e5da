//! The end of input at a server that has not sent everything back.

use super::*;
use nix::sys::signal::Signal::{SIGCONT, SIGKILL};
use std::net::TcpListener;

/// Row of a message that may be lost.
fn lost(line: &str) -> String {
    format!("› alice : {line} (perdu avec la connexion ?)")
}

#[track_caller]
fn shows(alice: &mut Emulator, row: &str) {
    alice.sees(row, |screen| rows_of(screen).contains(&row.to_string()).then_some(()));
}

/// Types Ctrl+D and calls `end`, which ends the connection; the client notices both at once.
#[track_caller]
fn leaves_at(alice: &mut Emulator, end: impl FnOnce()) {
    let second = second_of(alice);
    stop(alice.terminal.pid());
    alice.types("\x04");
    end();
    wait_for_death(&[second]);
    send(alice.terminal.pid(), SIGCONT);
}

#[test]
fn a_line_that_the_child_had_not_read_at_the_end_of_input_is_marked() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (100, 12), &[], &[]);
    let child = server.wait_for_children(1)[0];
    alice.types("un\r");
    shows(&mut alice, "» alice : un");
    stop(child);
    alice.types("deux\r");
    shows(&mut alice, "› alice : deux");
    leaves_at(&mut alice, || send(child, SIGKILL));
    assert_eq!(alice.terminal.ends().code(), Some(1));
    shows(&mut alice, &lost("deux"));
    assert!(!alice.with_scrollback().contains(&lost("un")));
}

#[test]
fn what_a_server_that_echoes_has_not_sent_back_is_marked_and_of_another_nothing() {
    const NOT_ALL: &str = "fin de l'entrée, mais tout n'est pas revenu du serveur";
    const CLOSED: &str = "le serveur a fermé la connexion";
    for (answer, row, closes_first, status, lost, reason) in [
        ("alice : un\0", "» alice : un", false, 1, vec![lost("deux")], NOT_ALL),
        ("alice : deux\0", "» alice : deux", false, 1, vec![lost("un")], NOT_ALL),
        ("bob : salut\0", "bob : salut", false, 0, vec![], "fin de l'entrée, au revoir"),
        // It may not have read them.
        ("alice : un\0", "» alice : un", true, 1, vec![lost("deux")], CLOSED),
        ("bob : salut\0", "bob : salut", true, 1, vec![lost("un"), lost("deux")], CLOSED),
    ] {
        let _row = Row::of(&(answer, closes_first));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut alice = Emulator::start((100, 12), &[], CLIENT, &["127.0.0.1", "alice", "--port", &port]);
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        alice.types("un\rdeux\r");
        server.hears("alice : un\0alice : deux\0");
        server.sends(answer);
        shows(&mut alice, row);
        if closes_first {
            leaves_at(&mut alice, || drop(server));
        } else {
            alice.types("\x04");
            server.hears_the_end();
            drop(server);
        }
        assert_eq!(alice.terminal.ends().code(), Some(status));
        alice.ends_with(&[&format!("chat_client : {reason}")]);
        let mut rows = alice.with_scrollback();
        rows.retain(|row| row.contains("perdu avec la connexion"));
        assert_eq!(rows, lost);
    }
}

#[test]
fn what_a_server_that_never_closes_has_not_sent_back_is_marked() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut alice = Emulator::start((100, 12), &[], CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    alice.types("un\r");
    server.hears("alice : un\0");
    alice.types("\x04");
    assert_eq!(alice.terminal.ends().code(), Some(1));
    alice.ends_with(&[
        &lost("un"),
        "chat_client : fin de l'entrée, mais le serveur n'a pas fermé la connexion",
    ]);
}
