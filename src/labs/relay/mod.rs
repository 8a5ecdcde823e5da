//! Relay: two clients speak in turn, through one process (docs/PROTOCOLS.md, section 2).
//!
//! One message's way: `message` finds it in what its sender's socket holds, `pair` says what follows from it, `outbox` waits
//! until its reader can be told, and `occupant` does all that with one client's socket. `table` is a pair of them. `server`
//! serves the first pair itself and keeps a line of those who wait; `further` hands the other pairs to processes of their own,
//! each a `child`; `places` is the choice between them. `client` is the other program, and `answer` what it understands.

pub mod answer;
mod client;
mod connection;
pub mod message;
mod messages;
mod pair;
mod pair_pool;
mod pair_session;
mod placement;
mod send_queue;
mod server;
mod worker;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::{PROGRAM as SERVER, serve};

/// Where the server listens, unless told otherwise.
pub const PORT: u16 = 44573;

/// The most bytes of a message's text; its NUL is one more.
pub const MAX_LEN: usize = 1023;

/// What a server that ends tells its clients.
const EXIT: &[u8] = b"exit\0";

/// What a client that leaves tells its server.
const FIN: &[u8] = b"fin\0";
