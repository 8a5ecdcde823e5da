//! Directed messages: `%name%message` goes to the client of that name, and to no other
//! (docs/PROTOCOLS.md, section 7).
//!
//! Teaches routing by name: one process reads all clients and writes to one of them. Read
//! `message.rs` first, then `server.rs`.
//!
//! ```text
//! client: its name and a newline, then texts: %name%message and a newline
//! server: to the named client the message, to the sender of a wrong text a line "[ERROR] ..."
//! server: before it closes a connection, "[ERROR] direct_serveur: ..."
//! ```
//!
//! `server` is a service of the messenger's hub, with a channel per client instead of one for all.
//! `message` and `name` are the codec, pure; `shares` tells whose bytes wait for a slow recipient;
//! `messages` holds the server's lines. `client` puts its
//! name before the message; `incoming` scans the lines that it gets.

mod client;
mod incoming;
pub mod message;
mod messages;
pub mod name;
mod server;
mod shares;

pub use client::{PROGRAM as CLIENT, talk};
pub use name::Name;
pub use server::{Options, serve};

use crate::cli::Program;

pub const SERVER: Program = Program::english("direct_serveur");

pub const PORT: u16 = 5556;

/// Clients at once, by default.
pub const MAX_CLIENTS: usize = 5;
