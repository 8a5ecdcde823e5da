//! Directed messages: `direct_serveur` and `direct_client`, with real processes on real sockets (docs/PROTOCOLS.md, section 7).

mod client;
mod failures;
mod routing_errors;
mod names;
mod arguments;
mod wire;

use crate::common::*;
use std::process::Command;

const SERVER: &str = env!("CARGO_BIN_EXE_direct_serveur");
const CLIENT: &str = env!("CARGO_BIN_EXE_direct_client");

/// `direct_serveur` on a free port of 127.0.0.1, with more `options`.
fn server(options: &[&str]) -> Server {
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}

fn address_of(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

/// A connection that the server has given a child, and no name yet.
fn nameless(server: &Server) -> Peer {
    let peer = server.connect();
    server.program.out.line_with(&["(parent) new client", &address_of(&peer)]);
    peer
}

/// A client whose name the server knows: what is sent to it from now on reaches it.
fn join(server: &Server, name: &str) -> Peer {
    let mut peer = server.connect();
    peer.sends(format!("{name}\n"));
    server.program.out.line_with(&[&format!("(parent) {name} is {},", address_of(&peer))]);
    peer
}

/// The child that serves `peer`, as the server has printed it.
fn child_of(server: &Server, peer: &Peer) -> i32 {
    let line = server.program.out.line_with(&["(parent) new client", &address_of(peer)]);
    let (_, after) = line.split_once("child ").expect("the child's number in the line");
    after.split(',').next().and_then(|number| number.parse().ok()).expect("a number")
}

/// Waits until the server has printed that `name` is gone.
fn has_left(server: &Server, name: &str) {
    server.program.out.line_with(&[&format!("(parent) {name} ("), "ended"]);
}
