//! `--reconnect`: a server that goes and comes back.

use super::*;
use nix::sys::signal::Signal::{SIGINT, SIGKILL};
use std::process::Command;

/// A server once more, where the last one was.
fn again_at(port: &str) -> Server {
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", port]))
}

/// A port at which nobody listens.
fn free_port() -> String {
    std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string()
}

#[test]
fn a_lost_server_is_found_again_and_what_was_typed_meanwhile_is_sent() {
    let server = Server::start(&[]);
    let port = server.port();
    let mut alice = alice_in(&server, (100, 12), &[], &["--reconnect"]);
    let second = second_of(&alice);
    // A connection that was not accepted yet would be reset.
    server.wait_for_children(1);
    server.program.signal(SIGKILL);
    let lost = "-- le serveur a fermé la connexion ; on réessaie jusqu'à ce qu'il réponde";
    alice.sees("the loss", |screen| rows_of(screen).contains(&lost.to_string()).then_some(()));
    // The keyboard is alive.
    alice.types("un\rdeux\rbrouillon");
    let state = format!(
        "── connexion perdue, nouvel essai (2 messages attendent) · alice · 127.0.0.1:{port} · 0 message"
    );
    alice.ends_with(&[lost, &state, "alice> brouillon"]);
    drop(server);
    let server = again_at(&port);
    let back = "-- de nouveau connecté ; ce qui s'est dit entre-temps n'a pas été entendu";
    let after = ["» alice : un", "» alice : deux", &status(&server, "2 messages"), "alice> brouillon"];
    alice.ends_with(&[&[lost, back][..], &after].concat());
    // Two processes again, on descriptor 3 again.
    let third = second_of(&alice);
    assert_ne!(third, second);
    let number_3 = |pid| descriptors_of(pid).into_iter().find(|(number, _)| *number == 3);
    assert_eq!(number_3(alice.terminal.pid()), number_3(third));
    assert!(number_3(third).is_some_and(|(_, what)| what.starts_with("socket:")));
    assert_eq!(children_of(alice.terminal.pid()), [third]);
}

#[test]
fn a_server_that_is_not_there_yet_is_waited_for() {
    let port = free_port();
    let arguments = ["127.0.0.1", "alice", "--reconnect", "--port", &port];
    let mut alice = Emulator::start((100, 12), &[], CLIENT, &arguments);
    alice.types("tôt\r");
    let state = "── pas encore de serveur, nouvel essai (1 message attend) · alice · 0 message";
    alice.ends_with(&[state, "alice>"]);
    let server = again_at(&port);
    alice.ends_with(&["» alice : tôt", &status(&server, "1 message"), "alice>"]);
}

#[test]
fn whoever_leaves_meanwhile_is_told_what_was_not_sent() {
    let port = free_port();
    let arguments = ["127.0.0.1", "alice", "--reconnect", "--port", &port];
    for (keys, status, farewell) in [
        ("\x04", 0, "chat_client : fin de l'entrée, au revoir"),
        ("un\r\x04", 1, "chat_client : pas de connexion : 1 message n'est pas parti"),
        ("un\r\x03", 0, "chat_client : interrompu, au revoir"),
    ] {
        let mut alice = Emulator::start((100, 12), &[], CLIENT, &arguments);
        alice.sees("the prompt", |screen| screen.contents().contains("alice> ").then_some(()));
        alice.types(keys);
        assert_eq!(alice.terminal.ends().code(), Some(status));
        alice.ends_with(&[farewell]);
    }
}

#[test]
fn somebody_watches_over_the_terminal_also_without_a_server() {
    let port = free_port();
    let client = [CLIENT, "127.0.0.1", "alice", "--reconnect", "--port", &port];
    let script = ["-c", r#""$0" "$@"; echo "statut $?"; read -r reste"#];
    let mut alice = Emulator::start((100, 12), &[], "sh", &[&script[..], &client].concat());
    alice.sees("the prompt", |screen| screen.contents().contains("alice> ").then_some(()));
    let first = eventually("the client", || children_of(alice.terminal.pid()).first().copied());
    let second = eventually("its second process", || children_of(first).first().copied());
    send(first, SIGKILL);
    alice.ends_with(&["statut 137"]);
    wait_for_death(&[first, second]);
    let fresh = Emulator::start((100, 12), &[], "cat", &[]);
    eventually("the modes of before", || (alice.modes() == fresh.modes()).then_some(()));
}

#[test]
fn without_a_terminal_it_is_told_on_standard_error() {
    let server = Server::start(&[]);
    let port = server.port();
    let mut alice =
        Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--reconnect", "--port", &port]));
    alice.out.line_with(&["Connecté à"]);
    server.wait_for_children(1);
    // A server that ends in order may still let one in.
    server.program.signal(SIGKILL);
    alice.err.line_with(&["le serveur a fermé la connexion ; on réessaie jusqu'à ce qu'il réponde"]);
    alice.types("entre-temps\n");
    drop(server);
    let _server = again_at(&port);
    alice.out.line_with(&["alice : entre-temps"]);
    alice.end_of_keyboard();
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
fn a_signal_ends_the_search_also_without_a_terminal() {
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
