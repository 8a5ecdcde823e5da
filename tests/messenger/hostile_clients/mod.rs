//! Hostile and careless clients: silent ones, endless messages, many connections, other protocols,
//! forged names.

mod distinct_names;
mod foreign_protocols;
mod full_room;
mod idle_timeout;
mod max_per_address;
mod penalties;
mod unterminated;

use crate::common::*;
use std::process::Command;

/// Starts `program` on a free port of 127.0.0.1, with more `options`.
#[track_caller]
fn server_of(program: &str, options: &[&str]) -> Server {
    Server::from(Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}
