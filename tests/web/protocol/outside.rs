//! Connections outside the room: they take no place in it, and the oldest gives way.

use super::*;

use std::net::{IpAddr, Ipv4Addr};

#[test]
fn silent_connections_take_nobodys_place_and_the_oldest_give_way() {
    let room = Room::open(&["--max-clients", "100"]);
    let silent: Vec<Peer> = (0..300).map(|_| Peer::connect(room.web)).collect();
    // A client of the other port, the page, and a page in the room.
    let mut client = room.server.join();
    assert!(room.gets("/").starts_with("HTTP/1.1 200"));
    let mut browser = room.enter();
    browser.says("alice : salut");
    client.hears_up_to("alice : salut");
    // The oldest was told, in HTTP.
    let mut silent = silent.into_iter();
    let answer = String::from_utf8(silent.next().unwrap().hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("sans rien demander"), "{answer}");
    // The newest is still served.
    let mut newest = silent.next_back().unwrap();
    newest.sends(format!("GET /favicon.ico HTTP/1.1\r\nHost: {}\r\n\r\n", room.web));
    newest.hears_up_to("HTTP/1.1 204");
    assert_eq!(room.server.program.err.so_far(), "");
}

#[test]
fn a_strangers_connection_does_not_give_way_to_a_flood_of_another_address() {
    let room = Room::open(&[]);
    let mut stranger = Peer::connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2)), room.web);
    stranger.sends("GET / HTTP/1.1\r\n");
    let mut flood: Vec<Peer> = (0..140).map(|_| Peer::connect(room.web)).collect();
    flood[0].hears_up_to("HTTP/1.1 503");
    stranger.sends(format!("Host: {}\r\n\r\n", room.web));
    stranger.hears_up_to("HTTP/1.1 200");
}

#[test]
fn a_page_that_enters_a_full_room_is_refused() {
    let room = Room::open(&["--max-clients", "1"]);
    let mut early = Peer::connect(room.web);
    room.server.wait_for_children(1);
    let _client = room.server.join();
    early.sends(upgrade(room.web));
    let answer = String::from_utf8(early.hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("la salle est pleine"), "{answer}");
}

#[test]
fn a_page_of_a_stranger_loads_and_enters_a_room_that_is_full_of_one_address() {
    let room = Room::open(&["--max-clients", "3", "--lines", "0"]);
    let mut silent = [room.server.join(), room.server.join(), room.server.join()];
    let elsewhere = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));
    let mut loads = Peer::connect_from(elsewhere, room.web);
    loads.sends(format!("GET / HTTP/1.1\r\nHost: {}\r\n\r\n", room.web));
    loads.hears_up_to("HTTP/1.1 200");
    let mut page = Peer::connect_from(elsewhere, room.web);
    page.sends(upgrade(room.web));
    page.hears_up_to("{\"hello\"");
    let notice = String::from_utf8(silent[0].hears_the_end()).unwrap();
    assert!(notice.contains("votre place va à une autre adresse"), "{notice}");
    page.sends(frame(0x81, b"eve : me voici"));
    silent[1].hears_up_to("me voici");
    // Two places less than the other address no longer: refused.
    let mut second = Peer::connect_from(elsewhere, room.web);
    second.sends(upgrade(room.web));
    let answer = String::from_utf8(second.hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503") && answer.contains("la salle est pleine"), "{answer}");
}
