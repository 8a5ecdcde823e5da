//! `--reconnect` without a terminal, as in a script.

use super::reconnect::*;
use super::*;
use nix::sys::signal::Signal::{SIGINT, SIGKILL};
use std::net::TcpListener;
use std::process::Command;

#[test]
fn reconnects_are_reported_on_standard_error() {
    let server = Server::start(&[]);
    let port = server.port();
    let mut alice =
        Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--reconnect", "--port", &port]));
    alice.out.line_with(&["Connecté à"]);
    server.wait_for_children(1);
    // A server that ends in order may still accept a client.
    server.program.signal(SIGKILL);
    alice.err.line_with(&["le serveur a fermé la connexion ; on réessaie jusqu'à ce qu'il réponde"]);
    alice.types("entre-temps\n");
    drop(server);
    let _server = again_at(&port);
    alice.out.line_with(&["alice : entre-temps"]);
    alice.closes_stdin();
    assert!(alice.ends().success());
    let printed = alice.out.to_the_end();
    assert!(printed.ends_with("(Ctrl+D pour partir)\n\nalice : entre-temps\nalice> "), "{printed}");
    let said = alice.err.to_the_end();
    assert!(
        said.contains(
            "chat_client : de nouveau connecté ; ce qui s'est dit entre-temps n'a pas été entendu\n"
        ),
        "{said}"
    );
}

#[test]
fn the_end_of_input_ends_the_search_where_nothing_is_left_to_be_sent() {
    for (has_echo, last) in [(true, "au revoir"), (false, "tout n'est pas revenu du serveur")] {
        let _row = Row::of(&last);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut alice =
            Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--reconnect", "--port", &port]));
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        alice.types("un\n");
        server.hears("alice : un\0");
        if has_echo {
            server.sends("alice : un\0");
            alice.out.line_with(&["alice : un"]);
        }
        drop((server, listener));
        alice.err.line_with(&["on réessaie"]);
        alice.closes_stdin();
        assert_eq!(alice.ends().success(), has_echo);
        let said = alice.err.to_the_end();
        assert!(said.ends_with(&format!("{last}\n")), "{said}");
    }
}

#[test]
fn lines_not_heard_back_are_reported_and_not_sent_again() {
    for (options, keyboard_ends) in [(&["--reconnect"][..], false), (&[], false), (&[], true)] {
        let _row = Row::of(&(&options, keyboard_ends));
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut alice =
            Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]).args(options));
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        alice.types("un\ndeux\n");
        server.hears("alice : un\0alice : deux\0");
        server.sends("alice : un\0");
        alice.out.line_with(&["alice : un"]);
        if keyboard_ends {
            // The server does not answer that with its own end.
            alice.closes_stdin();
            assert_eq!(alice.ends().code(), Some(1));
        }
        drop(server);
        if options.is_empty() {
            assert_eq!(alice.ends().code(), Some(1));
        } else {
            let mut server = Peer::adopt(listener.accept().unwrap().0);
            alice.types("trois\n");
            server.hears("alice : trois\0");
        }
        alice.err.line_with(&["pas revenu", "alice : deux"]);
        assert!(!alice.err.so_far().contains("alice : un"), "{}", alice.err.so_far());
    }
}

#[test]
fn a_full_room_is_retried_without_losing_a_line() {
    // A connection counts once it has lasted 1 s. A busy machine may delay the refusal longer, not
    // ten times.
    let is_kept = (0..10).any(|_| {
        let server = Server::start(&["--max-clients", "1"]);
        let bob = server.join();
        let port = server.port();
        let mut alice =
            Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--reconnect", "--port", &port]));
        alice.err.line_with(&["le serveur a fermé la connexion ; on réessaie"]);
        alice.types("un\n");
        has_refused(&server, 4);
        drop(bob);
        server.program.out.wait_for("alice to be in", |bytes| {
            (String::from_utf8_lossy(bytes).matches("nouveau client").count() == 2).then_some(())
        });
        // This line arrives, and no earlier line arrives behind it.
        alice.types("deux\n");
        alice.out.line_with(&["alice : deux"]);
        let is_kept = alice.out.so_far().contains("alice : un\n");
        alice.closes_stdin();
        let is_success = alice.ends().success();
        let said = alice.err.to_the_end();
        is_kept && is_success && said.matches("on réessaie").count() == 1
    });
    assert!(is_kept, "not in any of ten attempts");
}

#[test]
fn a_signal_ends_the_search() {
    let mut alice = Program::start(Command::new(CLIENT).args([
        "127.0.0.1",
        "alice",
        "--reconnect",
        "--port",
        &free_port(),
    ]));
    alice.err.line_with(&["aucun serveur ne répond", "on réessaie"]);
    alice.signal(SIGINT);
    assert_eq!(alice.ends().code(), Some(0));
    assert!(alice.err.to_the_end().ends_with("chat_client : interrompu, au revoir\n"));
}
