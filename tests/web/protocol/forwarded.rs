//! Browsers behind a proxy: `X-Forwarded-For` and `--trusted-proxy`.

use super::*;
use nix::sys::signal::Signal::{SIGABRT, SIGUSR1};

impl Room {
    /// Asks for the room as a proxy does for a browser, with these header lines.
    #[track_caller]
    fn asks_for(&self, headers: &[&str]) -> Peer {
        let headers = headers.iter().map(|value| format!("X-Forwarded-For: {value}\r\n")).collect::<String>();
        let mut peer = Peer::connect(self.web);
        peer.sends(upgrade(self.web).replace("Connection:", &format!("{headers}Connection:")));
        peer
    }

    #[track_caller]
    fn enter_for(&self, headers: &[&str]) -> Peer {
        let mut peer = self.asks_for(headers);
        peer.hears("HTTP/1.1 101 Switching Protocols\r\n");
        peer.hears_up_to("}}");
        peer
    }

    /// Asks for the room, in which the address has no place.
    #[track_caller]
    fn is_full_for(&self, headers: &[&str]) {
        let answer = String::from_utf8(self.asks_for(headers).hears_the_end()).unwrap();
        assert!(answer.starts_with("HTTP/1.1 503 "), "{headers:?}: {answer}");
        assert!(answer.contains("votre adresse a déjà toutes ses places"), "{answer}");
    }
}

#[test]
fn browsers_behind_a_trusted_proxy_are_counted_by_their_own_address() {
    let room =
        Room::open(&["--max-per-address", "2", "--trusted-proxy", "127.0.0.0/8", "--trusted-proxy", "[::1]"]);
    // Connections of the proxy that have not asked for the room take no place of anybody.
    let _idle: Vec<Peer> = (0..12).map(|_| Peer::connect(room.web)).collect();
    let _one = room.enter_for(&["203.0.113.9"]);
    // The part before was written by the browser itself.
    let two = room.enter_for(&["192.0.2.7, 203.0.113.9:4711"]);
    for headers in [
        &["203.0.113.9"][..],
        &["192.0.2.8, 203.0.113.9"],
        &["192.0.2.8", "203.0.113.9, 127.0.0.9"],
        &["203.0.113.9, ::1"],
        &["::ffff:203.0.113.9"],
    ] {
        let _row = Row::of(&headers);
        room.is_full_for(headers);
    }
    room.server.program.err.line_with(&["client 203.0.113.9 via 127.0.0.1:", "refusé"]);
    let _others =
        ["203.0.113.10", "2001:db8::7", "[2001:db8::8]:4711"].map(|address| room.enter_for(&[address]));
    // A malformed list, or none: the proxy's own address.
    let _malformed = [&["203.0.113.9, unknown"][..], &[]].map(|headers| room.enter_for(headers));
    room.is_full_for(&["_hidden"]);
    drop(two);
    room.server.program.out.line_with(&["client 203.0.113.9 via 127.0.0.1:", "est parti"]);
    room.enter_for(&["203.0.113.9"]);
}

#[test]
fn the_header_of_a_peer_that_is_not_trusted_does_not_count() {
    for options in [&[][..], &["--trusted-proxy", "192.0.2.1", "--trusted-proxy", "::1"]] {
        let _row = Row::of(&options);
        let room = Room::open(&[&["--max-per-address", "2"], options].concat());
        let _both = ["203.0.113.9", "203.0.113.10"].map(|address| room.enter_for(&[address]));
        room.is_full_for(&["203.0.113.11"]);
        let printed = room.server.program.out.so_far();
        assert!(!printed.contains("203.0.113"), "{printed}");
    }
}

#[test]
fn the_first_port_counts_the_proxys_machine_as_any_other() {
    let room = Room::open(&["--max-per-address", "1", "--trusted-proxy", "127.0.0.1"]);
    let _browser = room.enter_for(&["203.0.113.9"]);
    let _client = room.server.join();
    assert!(room.server.connect().strings(1)[0].contains("votre adresse a déjà toutes ses places"));
}

#[test]
fn the_operator_sees_the_browsers_address_and_the_proxys() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("transcript");
    let options = ["--trusted-proxy", "127.0.0.1", "--transcript", file.to_str().unwrap()];
    let room = Room::open(&options);
    let mut page = room.enter_for(&["203.0.113.9"]);
    let address = format!("203.0.113.9 via {}", page.stream.local_addr().unwrap());
    room.server.program.out.line_with(&[&format!("nouveau client {address} (web)")]);
    page.sends(frame(0x81, b"alice : bonjour"));
    page.hears_up_to("bonjour\"}");
    let line: Value = serde_json::from_str(std::fs::read_to_string(file).unwrap().trim()).unwrap();
    assert_eq!(line["address"], address);
    let child = room.server.wait_for_children(1)[0];
    let title = std::fs::read_to_string(format!("/proc/{child}/cmdline")).unwrap();
    assert_eq!(title.trim_end_matches('\0'), format!("chat_serveur: {address} alice"));
    room.server.program.signal(SIGUSR1);
    room.server.program.out.line_with(&[&format!("{address} "), " alice "]);
}

#[test]
fn the_penalty_for_crashes_is_the_browsers_and_not_the_proxys() {
    let room = Room::open(&["--trusted-proxy", "127.0.0.1"]);
    let crash = |mut peer: Peer| {
        let child = room.server.wait_for_children(1)[0];
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), SIGABRT).unwrap();
        peer.hears_the_end();
        room.server.wait_for_children(0);
    };
    // Before a request, nobody knows for which browser.
    (0..4).for_each(|_| crash(Peer::connect(room.web)));
    (0..3).for_each(|_| crash(room.enter_for(&["203.0.113.66"])));
    let answer = String::from_utf8(room.asks_for(&["203.0.113.66"]).hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("ont planté"), "{answer}");
    room.enter_for(&["203.0.113.50"]);
}

#[test]
fn behind_a_proxy_the_address_with_the_most_places_is_a_browsers() {
    let room = Room::open(&["--trusted-proxy", "127.0.0.1", "--max-clients", "3"]);
    let mut pages = [(); 3].map(|()| room.enter_for(&["203.0.113.66"]));
    let mut other = room.enter_for(&["203.0.113.50"]);
    pages[0].hears_up_to("votre place va à une autre adresse");
    let answer = String::from_utf8(room.asks_for(&["203.0.113.66"]).hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503 ") && answer.contains("la salle est pleine"), "{answer}");
    other.sends(frame(0x81, b"bob : bonjour"));
    pages[1].hears_up_to("bonjour\"}");
}
