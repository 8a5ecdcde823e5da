//! The programs of socket-programming courses, done right.
//!
//! Read it in the order of one message's way: [`chat`] opens with that order and names the file of each step.
//!
//! | room | holds |
//! | --- | --- |
//! | [`chat`] | the instant messenger: hub, child, log, record, the codecs |
//! | [`labs`] | echo, calculation, upload, relay, directed messages |
//! | [`server`] | what every server shares: listen, accept, fork, print without waiting, take leave |
//! | [`client`] | what every client shares: dial with retry, two processes that end together, a terminal to type on |
//! | [`sys`] | fork, signals, poll, descriptors, limits: the one room with `unsafe` |
//! | [`text`] | bytes from the network made fit for a terminal or a log |
//! | [`cli`] | command lines, and their mistakes in one line |
//!
//! The programs never start a thread: `fork` copies one thread only, with whatever locks the others held.

pub mod chat;
pub mod cli;
pub mod client;
pub mod hub;
pub mod labs;
pub mod server;
pub mod sys;
pub mod text;
