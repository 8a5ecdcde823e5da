//! The engine.

pub mod channel;
pub mod clients;
pub mod connection;
pub mod event_loop;
pub mod framing;
pub mod message_log;
pub mod pacer;
pub mod private_queue;
pub mod record;
pub mod record_reader;
pub mod room;
pub mod service;
pub mod worker;
