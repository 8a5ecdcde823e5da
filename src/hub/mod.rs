//! The engine of servers with shared messages: it forks a worker per client, reads one pipe and
//! runs one poll loop. The chat server ([`crate::chat::server`]) and directed messages
//! ([`crate::labs::direct`]) are a [`service`] each.
//!
//! The crate's page ([`crate`]) tells one message's way through these files, from alice's socket to
//! bob's.
//!
//! Beside that way: `lifecycle` accepts clients, forks workers and reaps them; `clients` finds a
//! client by its worker's pid; `backpressure` slows a flood down and drops slow readers;
//! `private_queue` holds notices for one client alone.
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
