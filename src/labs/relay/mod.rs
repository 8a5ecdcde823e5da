//! Relay: two clients talk in turn through one server process (docs/PROTOCOLS.md, section 2).
//!
//! Teaches turn-taking as a state machine, message boundaries on a TCP stream, one process that
//! polls several clients, and descriptor passing. Read `pair.rs` first: the rules, without sockets.
//!
//! ```text
//! server: "1\0" or "2\0" (number), "emi\0" or "rec\0" (role), then the partner's messages
//! client: in its turn, one message of at most 1023 bytes and a NUL; "fin\0" to leave
//! server: "exit\0" when it stops
//! ```
//!
//! One message: `connection` peeks at its sender's socket and `message` decodes it, `pair` decides
//! what follows, `item_queue` holds it until the reader may get it. `pair_session` is a pair with
//! its two sockets. `server` serves the first pair and queues the clients that wait; `placement`
//! chooses a pair for the next one; `pair_pool` passes the clients of further pairs to a child per
//! pair, which runs `pair_worker`. `client` is the other program, `server_message` its decoder.

mod client;
mod connection;
mod item_queue;
pub mod message;
mod messages;
mod pair;
mod pair_pool;
mod pair_session;
mod pair_worker;
mod placement;
mod server;
pub mod server_message;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::serve;

use crate::cli::Program;

pub const SERVER: Program = Program::french("relay_serveur");

pub const PORT: u16 = 44573;

/// Bytes of a message's text, at most; its NUL is one more.
pub const MAX_LEN: usize = 1023;

/// Sent by a server that stops.
const EXIT: &[u8] = b"exit\0";

/// Sent by a client that leaves.
const FIN: &[u8] = b"fin\0";

/// A text of the server for a client that is refused.
fn refusal(reason: &str) -> Vec<u8> {
    format!("{reason}\0").into_bytes()
}
