//! The second process alone is stopped, by SIGSTOP: the first lets it go on where that matters.

use super::*;
use std::net::TcpListener;

/// Waits until `row` is on the screen.
#[track_caller]
fn shows(alice: &mut Emulator, row: &str) {
    alice.sees(row, |screen| rows_of(screen).iter().any(|shown| shown == row).then_some(()));
}

#[test]
fn the_end_of_the_server_is_noticed_after_all_that_it_sent() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let arguments = ["127.0.0.1", "alice", "--reconnect", "--port", &port];
    let mut alice = Emulator::start((100, 12), &[], CLIENT, &arguments);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.sends("bob : un\0");
    shows(&mut alice, "bob : un");
    stop(second_of(&alice));
    server.sends("bob : deux\0bob : trois\0");
    drop(listener);
    drop(server);
    let lost = "-- le serveur a fermé la connexion ; on réessaie jusqu'à ce qu'il réponde";
    let status = format!("── connexion perdue, nouvel essai · 3 messages · 127.0.0.1:{port} · alice");
    alice.ends_with(&["bob : un", "bob : deux", "bob : trois", lost, &status, "alice>"]);
}

#[test]
fn a_server_whose_answer_is_unread_is_not_said_to_send_nothing_back() {
    let server = Server::start(&[]);
    let mut alice = alice_in(&server, (100, 12), &[], &[]);
    stop(second_of(&alice));
    alice.types("un\r");
    alice.ends_with(&["» alice : un", &status(&server, "1 message"), "alice>"]);
    assert!(!alice.with_scrollback().iter().any(|row| row.contains("ne renvoie rien")));
}
