//! Upload ("simple FTP"): a client sends a file, the server stores it under a safe name and never
//! over another (docs/PROTOCOLS.md, section 5).
//!
//! Teaches where a file ends on a stream, checks of untrusted names and sizes, and files that
//! appear whole or not at all. Read `receive.rs` first, then `store.rs`.
//!
//! ```text
//! server: a greeting line, by which our client knows it
//! client: a header line (size, SHA-256, name) and the file's bytes, or a text without a header
//! server: one line that ends in [SUCCESS] or [ERROR]
//! ```
//!
//! `header`, `name`, `form` and `verdict` are the codec, pure. `server` greets and answers,
//! `receive` takes one file from a client into the `store`, and `late_text` what comes after the
//! end that was guessed. `client` opens its `input`, reads it through `source`, sends it as
//! `outgoing` through `transfer`, and shows `progress` and `output`.

pub mod client;
mod form;
pub mod header;
mod input;
mod late_text;
pub mod name;
mod outgoing;
mod output;
mod progress;
mod receive;
pub mod server;
mod source;
mod store;
mod transfer;
pub mod verdict;

/// Error of a client that a signal ends.
const INTERRUPTED: &str = "interrupted";

/// The server's first line. Our client sends a header to a server with this greeting alone, so it
/// never changes.
const GREETING: &[u8] = b"upload_serveur: send your file\r\n";
