//! Lines that may be lost: which are offered again, and which the room says after all.

use super::reconnect::alice_at;
use super::*;
use std::net::TcpListener;

#[test]
fn a_message_that_arrives_after_the_loss_is_no_longer_offered() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut alice = alice_at(&listener);
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

#[test]
fn a_message_passed_over_by_a_later_one_is_awaited_and_offered_after_the_loss() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let mut alice = alice_at(&listener);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    alice.types("un\rdeux\rtrois\r");
    server.hears("alice : un\0alice : deux\0alice : trois\0");
    server.sends("alice : trois\0");
    // Its echo may still come, where a server keeps another order.
    server.sends("alice : un\0");
    let said = ["› alice : un", "› alice : deux", "» alice : trois", "» alice : un"];
    alice.sees("what was said, and one that is awaited", |screen| {
        let rows = rows_of(screen);
        let is_awaited = rows.iter().any(|row| row.starts_with("── connecté (1 message pas encore revenu)"));
        (is_awaited && said.iter().all(|row| rows.contains(&row.to_string()))).then_some(())
    });
    drop(server);
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    alice.ends_with(&[
        "── connecté · 1 ligne n'est pas revenue : Entrée sur une ligne vide renvoie, Échap renonce",
        "alice>",
    ]);
    let mut rows = alice.with_scrollback();
    rows.retain(|row| row.contains("perdu avec la connexion"));
    assert_eq!(rows, ["› alice : deux (perdu avec la connexion ?)"]);
    alice.types("\r");
    server.hears("alice : deux\0");
}
