//! Lines that may be lost and are offered again, when the room says them after all.

use super::*;
use std::net::TcpListener;

#[test]
fn a_message_that_arrives_after_the_loss_is_no_longer_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let arguments = ["127.0.0.1", "alice", "--reconnect", "--port", &port];
    let mut alice = Emulator::start((100, 20), &[], CLIENT, &arguments);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    alice.types("deux fois\rdeux fois\rune fois\r");
    server.hears("alice : deux fois\0alice : deux fois\0alice : une fois\0");
    drop(server);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    let is_offered =
        |count: &str| format!("── connecté · {count} : Entrée sur une ligne vide renvoie, Échap renonce");
    alice.ends_with(&[&is_offered("3 lignes ne sont pas revenues"), "alice>"]);
    // Another's message with the same text is none of them.
    server.sends("bob : deux fois\0alice : deux fois\0");
    let offer = is_offered("2 lignes ne sont pas revenues");
    alice.ends_with(&["bob : deux fois", "» alice : deux fois", &offer, "alice>"]);
    server.sends("alice : une fois\0");
    alice.ends_with(&["» alice : une fois", &is_offered("1 ligne n'est pas revenue"), "alice>"]);
    server.sends("alice : deux fois\0");
    alice.sees("no offer", |screen| (!screen.contents().contains("renvoie, Échap")).then_some(()));
    // Enter sends nothing again.
    alice.types("\rfin\r");
    server.hears("alice : fin\0");
}
