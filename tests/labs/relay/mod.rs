//! The relay for two: `relay_serveur` and `relay_client`, with real processes on real sockets
//! (docs/PROTOCOLS.md, section 2).

mod arguments;
mod client;
mod disconnects;
#[cfg(target_os = "linux")]
mod link;
mod pairs;
mod protocol_errors;
mod waiting_line;
mod wire;

use crate::common::*;
use std::process::Command;

const SERVER: &str = env!("CARGO_BIN_EXE_relay_serveur");
const CLIENT: &str = env!("CARGO_BIN_EXE_relay_client");

/// `relay_serveur` on a free port of 127.0.0.1, with more `options`.
#[track_caller]
fn server(options: &[&str]) -> Server {
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}

/// A client that has received its number and nothing else.
#[track_caller]
fn numbered(server: &Server, number: u8) -> Peer {
    let mut peer = server.connect();
    peer.hears(format!("{number}\0"));
    peer
}

/// Two clients with number and role. The first one has the turn.
#[track_caller]
fn pair(server: &Server) -> (Peer, Peer) {
    let mut first = numbered(server, 1);
    let mut second = numbered(server, 2);
    first.hears("emi\0");
    second.hears("rec\0");
    (first, second)
}

/// Sends `text` from one client and expects it at the other.
#[track_caller]
fn says(from: &mut Peer, to: &mut Peer, text: &str) {
    from.sends(format!("{text}\0"));
    to.hears(format!("{text}\0"));
}

#[track_caller]
fn address_of(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

/// A client that waits for a place.
#[track_caller]
fn in_line(server: &Server) -> Peer {
    let peer = server.connect();
    prints(server, &["(père) le client", &address_of(&peer), "attend une place"]);
    peer
}

/// Waits until the server has printed a line that holds all of `parts`.
#[track_caller]
fn prints(server: &Server, parts: &[&str]) {
    server.program.out.line_with(parts);
}

/// Waits until `bytes` bytes from `peer` are unread in the server's socket, according to `ss`.
#[track_caller]
fn has_unread(server: &Server, peer: &Peer, bytes: usize) {
    let [server, peer] =
        [server.address, peer.stream.local_addr().unwrap()].map(|address| format!(":{}", address.port()));
    eventually(&format!("{bytes} bytes in Recv-Q"), || {
        let shown =
            Command::new("ss").args(["-Htn", "sport", "=", &server, "and", "dport", "=", &peer]).output();
        let shown = String::from_utf8(shown.expect("ss").stdout).unwrap();
        (shown.split_whitespace().nth(1)? == bytes.to_string()).then_some(())
    });
}
