//! A full room: a silent client of the address that has the most places gives way, never a
//! stranger.

use super::*;

use std::net::{IpAddr, Ipv4Addr};

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

#[track_caller]
fn is_refused(server: &Server) {
    let notice = String::from_utf8(server.connect().hears_the_end()).unwrap();
    assert!(notice.contains("la salle est pleine"), "{notice}");
}

#[test]
fn in_a_full_room_the_oldest_silent_client_of_the_heaviest_address_gives_way_to_a_stranger() {
    let server = Server::start(&["--max-clients", "4"]);
    let mut speaker = server.join();
    speaker.sends("here\0");
    speaker.hears("here\0\0");
    let (mut oldest, _silent, _third) = (server.join(), server.join(), server.join());
    // Of the same address: refused, as before.
    is_refused(&server);
    let mut stranger = Peer::connect_from(ELSEWHERE, server.address);
    server.program.out.line_about(stranger.stream.local_addr().unwrap());
    gives_its_place(&mut oldest);
    server.program.err.line_with(&["déconnecté", &oldest.stream.local_addr().unwrap().to_string()]);
    stranger.sends("from elsewhere\0");
    speaker.hears("from elsewhere\0\0");
    is_refused(&server);
}

/// From 127.0.0.`host`.
#[track_caller]
fn connect_from(host: u8, server: &Server) -> Peer {
    Peer::connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 0, host)), server.address)
}

#[track_caller]
fn join_from(host: u8, server: &Server) -> Peer {
    let peer = connect_from(host, server);
    server.program.out.line_about(peer.stream.local_addr().unwrap());
    peer
}

#[track_caller]
fn gives_its_place(peer: &mut Peer) {
    let notice = String::from_utf8(peer.hears_the_end()).unwrap();
    assert!(notice.contains("votre place va à une autre adresse") && notice.ends_with('\0'), "{notice:?}");
}

/// Says a text, which all of them hear.
#[track_caller]
fn says(which: usize, peers: &mut [Peer], text: &str) {
    peers[which].sends(format!("{text}\0"));
    peers.iter_mut().for_each(|peer| peer.hears_up_to(&format!("{text}\0")));
}

#[test]
fn a_client_that_takes_part_keeps_its_place_in_a_full_room() {
    let server = Server::start(&["--max-clients", "4"]);
    let mut peers = [1, 1, 2, 3].map(|host| join_from(host, &server));
    says(0, &mut peers, "zero");
    says(1, &mut peers, "one");
    let notice = String::from_utf8(connect_from(4, &server).hears_the_end()).unwrap();
    assert!(notice.contains("la salle est pleine (4 clients au plus)"), "{notice}");
    says(2, &mut peers, "all four");
}

#[test]
fn an_address_cannot_keep_more_than_half_of_a_full_room_by_talking() {
    let server = Server::start(&["--max-clients", "3"]);
    let mut peers = [1, 1, 1].map(|host| join_from(host, &server));
    [1, 2, 0].into_iter().for_each(|which| says(which, &mut peers, &which.to_string()));
    let mut stranger = join_from(2, &server);
    gives_its_place(&mut peers[1]);
    stranger.sends("from elsewhere\0");
    stranger.hears("from elsewhere\0\0");
    let notice = String::from_utf8(connect_from(2, &server).hears_the_end()).unwrap();
    assert!(notice.contains("la salle est pleine"), "{notice}");
}

#[test]
fn one_network_cannot_keep_a_full_room_with_an_address_for_each_client() {
    let server = Server::start(&["--max-clients", "4"]);
    let mut peers = [1, 2, 3, 4].map(|host| join_from(host, &server));
    says(0, &mut peers, "zero");
    let refused = String::from_utf8(connect_from(5, &server).hears_the_end()).unwrap();
    assert!(refused.contains("la salle est pleine"), "{refused}");
    let mut stranger = Peer::connect_from(IpAddr::V4(Ipv4Addr::new(127, 0, 1, 1)), server.address);
    gives_its_place(&mut peers[1]);
    stranger.sends("from another network\0");
    peers[0].hears_up_to("from another network\0");
}

#[test]
fn a_refused_message_is_no_reason_to_stay() {
    let server = Server::start(&["--max-clients", "4", "--distinct-names"]);
    let mut peers = [1, 1, 2, 3].map(|host| join_from(host, &server));
    says(0, &mut peers, "alice : here");
    peers[1].sends("alice : me too\0");
    peers[1].hears_up_to("message non transmis");
    let _stranger = join_from(4, &server);
    gives_its_place(&mut peers[1]);
    let [alice, _, carol, david] = peers;
    says(0, &mut [alice, carol, david], "alice : still here");
}

#[test]
fn a_name_in_directed_messages_is_no_reason_to_stay() {
    let server = server_of(env!("CARGO_BIN_EXE_direct_serveur"), &["--max-clients", "4"]);
    let mut peers = [(1, "alice"), (1, "bobby"), (2, "carol"), (3, "david")].map(|(host, name)| {
        let mut peer = connect_from(host, &server);
        peer.sends(format!("{name}\n"));
        server.program.out.line_with(&[name, "is 127.0.0."]);
        peer
    });
    peers[0].sends("%alice%to myself\n");
    peers[0].hears("to myself\n");
    // A message that reaches nobody.
    peers[1].sends("%nobody%hello\n");
    peers[1].hears_up_to("no client is called \"nobody\"\n");
    let mut stranger = connect_from(4, &server);
    stranger.sends("erika\n%alice%hello\n");
    peers[0].hears("hello\n");
    let notice = String::from_utf8(peers[1].hears_the_end()).unwrap();
    assert!(notice.contains("your place goes to another address"), "{notice}");
}

#[test]
fn a_worker_that_does_not_report_that_its_client_is_gone_keeps_its_place_and_may_give_it() {
    let server = Server::start(&["--max-clients", "2"]);
    let (mut alice, bob) = (server.join(), server.join());
    // As one that was taken over, it does not report the reset, which the hub finds as it sends.
    let worker = server.child_of(&bob);
    stop(worker);
    bob.resets();
    says(0, std::slice::from_mut(&mut alice), "one");
    says(0, std::slice::from_mut(&mut alice), "two");
    is_refused(&server);
    let mut stranger = join_from(2, &server);
    wait_for_death(&[worker]);
    stranger.sends("from elsewhere\0");
    alice.hears_up_to("from elsewhere\0");
    is_refused(&server);
}

#[test]
fn nobody_gives_way_to_a_browser_that_has_not_entered_or_to_a_penalised_address() {
    let server = Server::start(&["--web", "0", "--max-clients", "3"]);
    for _ in 0..3 {
        let mut crashed = Peer::connect_from(ELSEWHERE, server.address);
        send(server.wait_for_children(1)[0], nix::sys::signal::Signal::SIGABRT);
        crashed.hears_the_end();
        server.wait_for_children(0);
    }
    let mut silent = [server.join(), server.join(), server.join()];
    let refused = Peer::connect_from(ELSEWHERE, server.address).hears_the_end();
    assert!(String::from_utf8(refused).unwrap().contains("ont planté"));
    let third = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 3));
    let url = server.program.out.web_url();
    let web = url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address");
    let mut browser = Peer::connect_from(third, web);
    browser.sends("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    browser.hears_the_end();
    silent[0].sends("tous là\0");
    silent.iter_mut().for_each(|peer| peer.hears("tous là\0\0"));
}
