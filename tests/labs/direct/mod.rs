//! Directed messages: `direct_serveur` and `direct_client`, with real processes on real sockets
//! (docs/PROTOCOLS.md, section 7).

mod arguments;
mod client;
mod failures;
mod names;
mod routing_errors;
mod wire;

use crate::common::*;
use std::process::Command;

const SERVER: &str = env!("CARGO_BIN_EXE_direct_serveur");
const CLIENT: &str = env!("CARGO_BIN_EXE_direct_client");

/// `direct_serveur` on a free port of 127.0.0.1, with more `options`.
#[track_caller]
fn server(options: &[&str]) -> Server {
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}

#[track_caller]
fn address_of(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

/// A client that the server has accepted and that has not sent its name.
#[track_caller]
fn nameless(server: &Server) -> Peer {
    let peer = server.connect();
    server.program.out.line_about(peer.stream.local_addr().unwrap());
    peer
}

/// A client that the server knows by name: messages sent from now on reach it.
#[track_caller]
fn join(server: &Server, name: &str) -> Peer {
    let mut peer = server.connect();
    peer.sends(format!("{name}\n"));
    server.program.out.line_with(&[&format!("(parent) {name} is {},", address_of(&peer))]);
    peer
}

/// Waits until the server has printed that `name` has left.
#[track_caller]
fn has_left(server: &Server, name: &str) {
    server.program.out.line_with(&[&format!("(parent) {name} ("), "ended"]);
}
