//! Company that one would rather not have: silent, endless, in a crowd, in another protocol, under another's name.

mod distinct_names;
mod foreign_protocols;
mod idle_timeout;
mod max_per_address;
mod unterminated;

use crate::common::*;
use std::process::Command;

/// The server of a lab on a free port of 127.0.0.1, with more `options`.
#[track_caller]
fn server_of(program: &str, options: &[&str]) -> Server {
    Server::from(Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}
