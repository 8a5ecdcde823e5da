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
    let notice = String::from_utf8(oldest.hears_the_end()).unwrap();
    assert!(notice.contains("votre place va à une autre adresse") && notice.ends_with('\0'), "{notice:?}");
    server.program.err.line_with(&["déconnecté", &oldest.stream.local_addr().unwrap().to_string()]);
    stranger.sends("from elsewhere\0");
    speaker.hears("from elsewhere\0\0");
    is_refused(&server);
}

#[test]
fn a_client_that_has_spoken_keeps_its_place_in_a_full_room() {
    let server = Server::start(&["--max-clients", "3"]);
    let mut speakers = [server.join(), server.join(), server.join()];
    for (which, speaker) in speakers.iter_mut().enumerate() {
        speaker.sends(format!("{which}\0"));
        speaker.hears_up_to(&format!("{which}\0"));
    }
    let notice = String::from_utf8(Peer::connect_from(ELSEWHERE, server.address).hears_the_end()).unwrap();
    assert!(notice.contains("la salle est pleine (3 clients au plus)"), "{notice}");
    speakers[0].sends("all three\0");
    speakers.iter_mut().for_each(|speaker| speaker.hears_up_to("all three\0"));
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
