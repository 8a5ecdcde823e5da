//! The engine of servers with shared messages: it forks a worker per client, reads one pipe and
//! runs one poll loop. The chat server ([`crate::chat::server`]) and directed messages
//! ([`crate::labs::direct`]) are a [`service`] each.
//!
//! One message's way, from alice's socket to bob's:
//!
//! 1. `worker`: alice's worker, a child process, reads her socket.
//! 2. `framing`: removes what is no speech (telnet's commands, lengths, leftovers), finds where
//!    each message ends.
//! 3. `record`: packs messages into records; the worker puts them into the pipe in one write.
//! 4. `record_reader`: the hub, the first process, reads the pipe and checks each record.
//! 5. `event_loop`: calls the reader (`read_packet`), finds the client of the record's worker.
//! 6. and 7. the [`service`] decides which clients read it, and encodes it
//!    ([`crate::chat::server`], [`crate::chat::encoding`]).
//! 8. `message_log` and `pacer`: one log of all messages, and the time when each may be sent.
//! 9. `fan_out`, which `event_loop` calls (`deliver`), walks along the clients; `connection` is one
//!    of them: bob's cursor in the log. The hub writes to his socket as far as it takes bytes.
//!
//! Beside that way: `lifecycle` accepts clients, forks workers and reaps them; `clients` finds a
//! client by its worker's pid; `keys` proves which worker has written a record, and `forgeries`
//! ends one that writes in another's name; `backpressure` slows a flood down and drops slow
//! readers; `departures` sends clients that have left the rest of their messages; `places` finds
//! the client that gives way in a full room; `private_queue` holds notices for one client alone;
//! `entry` is the record by which a browser enters the room; `shutdown` closes all connections in
//! good order.
//!
//! `framing`, `record`, `message_log` and `pacer` are pure: bytes and times in, bytes out.

mod backpressure;
pub(crate) mod clients;
pub mod connection;
mod departures;
pub mod entry;
pub mod event_loop;
pub(crate) mod fan_out;
mod forgeries;
pub mod framing;
mod keys;
mod lifecycle;
pub mod message_log;
pub mod pacer;
pub(crate) mod peer_address;
mod places;
mod private_queue;
pub mod record;
pub mod record_reader;
pub mod service;
mod shutdown;
pub mod worker;
