//! Calculation: the server asks for two numbers and answers their sum (docs/PROTOCOLS.md, section 4).
//!
//! `number` reads what was typed, `calculator` is the server's side of the conversation (both pure); `server` gives it a
//! socket; `client` shows what any such server says.

pub mod calculator;
mod client;
pub mod number;
mod server;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::{PROGRAM as SERVER, serve};

/// Where the server listens, unless told otherwise.
pub const PORT: u16 = 5555;
