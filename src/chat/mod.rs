//! The chat server and its client. The engine is in [`crate::hub`], which tells the way of one
//! message file by file.
//!
//! | file | holds |
//! | --- | --- |
//! | `server` | `ChatServer`: applies each record to the room |
//! | `encoding` | the three encodings: C strings, lines (`line_text`), WebSocket frames (`web`) |
//! | `message` | the form `pseudo : text` |
//! | `filter` | whether a message may be said; `names`, `confusables` for `--distinct-names` |
//! | `nick`, `proc_title` | the nick a client gives itself, and the title of its child in `ps -f` |
//! | `transcript` | each message in a file, before it is sent |
//! | `status_report` | the list of clients on SIGUSR1 |
//! | `messages` | the texts that the server prints |
//! | `client` | the client: two processes |

pub mod client;
mod confusables;
mod encoding;
mod filter;
pub mod line_text;
pub mod message;
mod messages;
pub mod names;
pub(crate) mod nick;
pub mod options;
pub(crate) mod proc_title;
pub mod server;
mod status_report;
pub mod transcript;
pub mod web;
