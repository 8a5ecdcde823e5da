//! The instant messenger. Its server is a service of [`crate::hub`].
//!
//! - `startup` builds the server from its options; `server` decides what records mean; `encoding`
//!   writes messages for each kind of client (`web` for browsers).
//! - `filter` refuses messages under other clients' names (`names`, `confusables`).
//! - `client_state` is what the server keeps of a client.
//! - `message` parses `pseudo : text`; `nick` keeps the name, `proc_title` shows it in `ps -f`.
//! - `status_report` prints the connected clients; `hop_trace` prints the trace of `-v`;
//!   `transcript` writes what is said to a file, before it is sent.
//! - `messages` holds the French texts that the server prints; `client` is the two-process client.

pub mod client;
mod client_state;
mod confusables;
pub mod encoding;
mod filter;
mod hop_trace;
pub mod message;
mod messages;
pub mod names;
mod nick;
pub mod options;
mod proc_title;
pub(crate) mod server;
pub mod startup;
mod status_report;
pub mod transcript;
pub mod web;

use crate::cli::Program;

pub const PROGRAM: Program = Program::french("chat_serveur");
