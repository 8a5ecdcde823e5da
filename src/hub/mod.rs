//! The engine of servers with shared messages: it forks a worker per client, reads one pipe and
//! runs one poll loop. The chat server ([`crate::chat::server`]) and directed messages
//! ([`crate::labs::direct`]) are a [`service`] each.
//!
//! One message's way, from alice's socket to bob's, in the order in which to read:
//!
//! 1. [`worker`]: alice's process reads her socket.
//! 2. [`framing`]: finds where messages end in the stream.
//! 3. [`record`]: packs messages as records for one `write` of at most `PIPE_BUF` bytes.
//! 4. [`record_reader`]: the hub's end of the shared pipe; takes the records apart again.
//! 5. [`event_loop`]: the first process waits for the pipe, gives each record to the service, then
//!    sends.
//! 6. [`crate::chat::server`]: the service; says the message in a channel per encoding.
//! 7. [`crate::chat::encoding`]: how the message is written for clients of C strings, of lines, of
//!    WebSocket frames.
//! 8. [`message_log`] and [`pacer`]: the message is appended once, and released when it may leave.
//! 9. [`connection`]: bob's cursor moves as far as his socket takes bytes.
//!
//! Beside it: `lifecycle` accepts clients, forks workers and reaps them; `clients` finds a client
//! by its worker's pid; `backpressure` slows a flood down and drops slow readers; `private_queue`
//! holds notices for one client alone.
//!
//! `framing`, `record`, `message_log` and `pacer` are pure: bytes and times in, bytes out.

mod backpressure;
pub(crate) mod clients;
pub mod connection;
pub mod event_loop;
pub mod framing;
mod lifecycle;
pub mod message_log;
pub mod pacer;
mod private_queue;
pub mod record;
pub mod record_reader;
pub mod service;
pub mod worker;
