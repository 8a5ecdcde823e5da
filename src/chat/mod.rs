//! The instant messenger: one process per client, one shared pipe, one log.
//!
//! One message's way, and the file that shows each step:
//!
//! 1. `child`: a child reads its client's socket; `cutter` finds where messages end; `record` packs them for one write.
//! 2. `hub`: the first process waits in one poll loop; `inbox` reads the pipe, the `rules` take each record.
//! 3. `room`: the message is appended to the `log`, the `pacer` says when it may leave, and each client's cursor moves as
//!    far as its socket takes bytes.
//!
//! Beside that: a child's `nametag` shows in `ps -f` whom it serves, by the `pseudo` that its client bears; the `report` lists who is
//! connected; the `transcript` has what was said before anybody hears it.
//!
//! The client is two processes: `keyboard` sends (`line` makes messages of what is typed, `outbox` keeps them until they are
//! sent), `screen` shows, `messenger` starts and ends both. On a terminal it is `face` that does all that. `messages` holds what the
//! server prints. `lines` is the encoding of the second door, `web` all of the third. The codecs (`cutter`, `record`, `lines`), `log` and `pacer` are pure.

pub mod client;
pub mod confusables;
pub mod encoding;
pub mod filter;
pub mod line_text;
pub mod message;
pub mod messages;
pub mod names;
pub mod nick;
pub mod options;
pub mod proc_title;
pub mod server;
pub mod status_report;
pub mod transcript;
pub mod web;
