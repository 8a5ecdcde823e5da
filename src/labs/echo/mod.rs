//! Echo: what a client sends comes back, byte for byte (docs/PROTOCOLS.md, section 3).
//!
//! Teaches `accept`, `read` and `write`: one client at a time, then a child process per client.
//! Read `server.rs` first.
//!
//! ```text
//! client: any bytes
//! server: the same bytes
//! ```

mod client;
mod server;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::{PROGRAM as SERVER, serve};

pub const PORT: u16 = 8000;
