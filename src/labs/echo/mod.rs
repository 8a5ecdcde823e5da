//! Echo: what a client sends comes back, byte for byte (docs/PROTOCOLS.md, section 3).
//!
//! `server` is the lab's two parts, one client at a time and then all at once; `client` sends a line and waits for it.

mod client;
mod server;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::{PROGRAM as SERVER, serve};

/// Where the server listens, unless told otherwise.
pub const PORT: u16 = 8000;
