//! Calculation: the server asks for two numbers and answers their sum (docs/PROTOCOLS.md, section
//! 4).
//!
//! Teaches a dialogue over a stream: lines, invalid input, silence. Read `calculator.rs` first.
//!
//! ```text
//! server: a greeting, then a question per number, each a line
//! client: a whole decimal number and a newline
//! server: "Error: ..." and the question again, or after two numbers the sum
//! ```

pub mod calculator;
mod client;
pub mod number;
mod server;

pub use client::{PROGRAM as CLIENT, talk};
pub use server::{PROGRAM as SERVER, serve};

pub const PORT: u16 = 5555;
