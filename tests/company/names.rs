//! `--distinct-names`: nobody speaks under another's name.

use super::*;

fn room(options: &[&str]) -> (Server, Peer, Peer) {
    let server = Server::start(&[&["--distinct-names"], options].concat());
    let (mut alice, mut eve) = (server.join(), server.join());
    alice.sends("alice : bonjour\0");
    alice.hears("alice : bonjour\0\0");
    eve.hears("alice : bonjour\0\0");
    (server, alice, eve)
}

fn taken(name: &str) -> String {
    format!(
        "chat_serveur : message non transmis : le pseudo « {name} » est pris par un autre client, choisissez-en un qui ne \
         lui ressemble pas\0"
    )
}

#[test]
fn who_uses_anothers_name_or_a_look_alike_is_told_in_private_and_heard_by_nobody() {
    let (server, mut alice, mut eve) = room(&[]);
    for name in ["alice", "Alice", "\u{430}lice", "al\u{200b}ice"] {
        eve.sends(format!("{name} : donnez-moi vos copies\0"));
        eve.hears(taken("alice"));
    }
    eve.sends("alice > donnez-moi vos copies\n");
    eve.hears(taken("alice"));
    server.program.err.line_with(&["n'est pas transmis : le pseudo « alice » est celui d'un autre"]);
    eve.sends("eve : bon\0");
    alice.hears("eve : bon\0\0");
    eve.hears("eve : bon\0\0");
    assert!(!server.program.out.so_far().contains("copies"));
}

#[test]
fn ones_first_name_is_the_only_one() {
    let (_server, mut alice, mut eve) = room(&[]);
    alice.sends("carol : c'est moi\0");
    alice.hears("chat_serveur : message non transmis : votre pseudo dans cette salle est « alice »\0");
    alice.sends("sans pseudo\0");
    eve.hears("sans pseudo\0\0");
}

#[test]
fn a_name_is_free_when_its_client_has_left() {
    let (_server, alice, mut eve) = room(&[]);
    drop(alice);
    eventually("the name to be free", || {
        eve.sends("alice : c'est moi\0");
        (eve.strings(1) == ["alice : c'est moi"]).then_some(())
    });
}

#[test]
fn what_would_forge_another_line_is_made_visible() {
    let (_server, mut alice, mut eve) = room(&[]);
    eve.sends("eve : a\nalice : b\r\x1b[1Aalice : c\u{85}\u{2028}alice : d\0");
    let shown = "eve : a^Jalice : b^M^[[1Aalice : c<U+0085><U+2028>alice : d\0\0";
    alice.hears(shown);
    eve.hears(shown);
}

#[test]
fn at_the_second_door_names_count_as_well_and_both_doors_share_them() {
    let (server, mut alice, mut eve) = room(&["--lines", "0"]);
    let line = server.program.out.line_with(&["lignes de texte"]);
    let address = line.split_whitespace().find_map(|word| word.parse().ok()).expect("an address");
    let mut bob = Peer::connect(address);
    bob.line();
    bob.sends("alice : moi aussi\n");
    let told = taken("alice");
    assert_eq!(bob.line(), told.trim_end_matches('\0').to_string() + "\n");
    bob.sends("bob : salut\n");
    alice.hears("bob : salut\0\0");
    eve.hears("bob : salut\0\0");
    eve.sends("bob : salut\0");
    eve.hears(taken("bob"));
}

#[test]
fn one_who_does_not_read_what_it_is_told_is_no_burden_and_hears_it_between_two_messages() {
    let (server, mut alice, mut eve) = room(&["--pace", "0"]);
    for i in 0..1000 {
        eve.sends("alice : x\0");
        alice.sends(format!("alice : {i}\0"));
    }
    let own: Vec<String> = (0..1000).map(|i| format!("alice : {i}")).collect();
    assert_eq!(alice.strings(1000), own);
    server.program.err.line_with(&["est celui d'un autre"]);
    // Each string is whole: one of alice's, or one of the server's.
    let told = taken("alice");
    let mut expected = 0;
    while expected < 1000 {
        let string = eve.strings(1).remove(0);
        if string != told.trim_end_matches('\0') {
            assert_eq!(string, format!("alice : {expected}"));
            expected += 1;
        }
    }
}

#[test]
fn without_the_option_bytes_are_unchanged() {
    let server = Server::start(&[]);
    let (mut alice, mut eve) = (server.join(), server.join());
    alice.sends("alice : bonjour\0");
    eve.hears("alice : bonjour\0\0");
    eve.sends("alice : a\nalice : b\0");
    alice.hears("alice : bonjour\0\0alice : a\nalice : b\0\0");
}
