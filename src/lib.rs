//! The programs of socket-programming courses, done right.
//!
//! # One message's way, from alice's socket to bob's
//!
//! `chat_serveur` forks a process for each client. The nine steps of a message, in order:
//!
//! 1. [`hub::worker`]: alice's worker, a child process, reads her socket.
//! 2. [`hub::framing`]: finds where each message ends in the stream.
//! 3. [`hub::record`]: packs messages into records; the worker puts them into the pipe that all
//!    workers share, in one write.
//! 4. [`hub::record_reader`]: the hub, the first process, reads the pipe and checks each record.
//! 5. [`hub::event_loop`]: the hub's poll loop calls the reader and finds the client of the
//!    record's worker.
//! 6. [`chat::server`]: decides whether the message is relayed, and to which clients.
//! 7. [`chat::encoding`]: the same message for each kind of client: C string, text line, WebSocket
//!    frame (written by [`chat::web`]).
//! 8. [`hub::message_log`] and [`hub::pacer`]: one log of all messages, and the time when each may
//!    be sent.
//! 9. [`hub::fan_out`] walks along the clients. [`hub::connection`]: bob's cursor in the log; it
//!    writes to his socket as far as that takes bytes.
//!
//! # Folders
//!
//! | module | contents |
//! | --- | --- |
//! | [`hub`] | the engine: a worker per client, one pipe, one poll loop |
//! | [`chat`] | the instant messenger: its server, on the hub, and its client |
//! | [`labs`] | echo, calculation, upload, relay, directed messages |
//! | [`server`] | for every server: listen, accept, fork, print without blocking, lingering close |
//! | [`client`] | for every client: connect with retry, a pair of processes, the terminal |
//! | [`cli`] | command lines, and their errors in one line |
//! | [`sys`] | system calls, and all `unsafe`: fork, signals, poll, descriptors, sandbox |
//! | [`text`] | bytes from the network made safe to show |
//!
//! No thread runs while a program forks: fork copies one thread only, and the locks that others
//! held would stay locked. Servers start none; a client starts one to look a name up again.

pub mod chat;
pub mod cli;
pub mod client;
pub mod hub;
pub mod labs;
pub mod server;
pub mod sys;
pub mod text;
