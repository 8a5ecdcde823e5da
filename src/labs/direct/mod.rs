//! Directed messages: `%name%message` goes to the client of that name, and to no other (docs/PROTOCOLS.md, section 7).
//!
//! `server` is the messenger's hub with other rules: a channel for each client in place of one for all. `message` and `name` are
//! the codec, pure; `messages` holds what the server prints and tells. `client` puts its name before what is typed, and `heard` is what
//! it makes of what it is given.

mod client;
mod incoming;
pub mod message;
mod messages;
pub mod name;
mod server;

pub use client::{PROGRAM as CLIENT, talk};
pub use name::{Name, NameError};
pub use server::{Options, PROGRAM as SERVER, serve};

/// Where the server listens, unless told otherwise.
pub const PORT: u16 = 5556;

/// How many clients at once, unless told otherwise.
pub const MAX_CLIENTS: usize = 5;
