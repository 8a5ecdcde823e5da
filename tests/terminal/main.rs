//! The clients on a terminal: an emulator reads their output, and the tests compare its screen.

#[path = "../common/mod.rs"]
mod common;

mod chat_client;
mod lab_clients;
#[cfg(target_os = "linux")]
mod stopped_clients;
#[cfg(target_os = "linux")]
mod stopped_output;
