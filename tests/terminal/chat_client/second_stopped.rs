//! The second process alone is stopped, by SIGSTOP: the first lets it go on where that matters.

use super::*;
use std::net::TcpListener;

/// `alice` and her server, which the test plays, with the port's listener closed.
#[track_caller]
fn alice_with(options: &[&str]) -> (Emulator, Peer, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let arguments = [&["127.0.0.1", "alice", "--port", &port], options].concat();
    let mut alice = Emulator::start((100, 12), &[], CLIENT, &arguments);
    let server = Peer::adopt(listener.accept().unwrap().0);
    // While it connects, the second process is another.
    alice.sees("the connection", |screen| screen.contents().contains("Connecté à").then_some(()));
    (alice, server, port)
}

#[test]
fn the_end_of_the_server_is_noticed_after_all_that_it_sent() {
    let (mut alice, mut server, port) = alice_with(&["--reconnect"]);
    server.sends("bob : un\0");
    alice.sees("a message", |screen| rows_of(screen).contains(&"bob : un".to_string()).then_some(()));
    stop(second_of(&alice));
    server.sends("bob : deux\0bob : trois\0");
    drop(server);
    let lost = "-- le serveur a fermé la connexion ; on réessaie jusqu'à ce qu'il réponde";
    let status = format!("── connexion perdue, nouvel essai · 3 messages · 127.0.0.1:{port} · alice");
    alice.ends_with(&["bob : un", "bob : deux", "bob : trois", lost, &status, "alice>"]);
}

#[test]
fn a_server_whose_answer_is_unread_is_not_said_to_send_nothing_back() {
    let (mut alice, mut server, port) = alice_with(&[]);
    stop(second_of(&alice));
    // Before it is asked, so that the answer is there in time.
    server.sends("alice : un\0");
    alice.types("un\r");
    server.hears("alice : un\0");
    alice.ends_with(&[
        "» alice : un",
        &format!("── connecté · 1 message · 127.0.0.1:{port} · alice"),
        "alice>",
    ]);
    assert!(!alice.with_scrollback().iter().any(|row| row.contains("ne vous renvoie pas")));
}
