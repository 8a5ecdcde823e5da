//! Company that one would rather not have: silent, endless, in a crowd, in another protocol, under another's name.

#[path = "common/mod.rs"]
mod common;
#[path = "company/crowd.rs"]
mod crowd;
#[path = "company/endless.rs"]
mod endless;
#[path = "company/foreign.rs"]
mod foreign;
#[path = "company/names.rs"]
mod names;
#[path = "company/silent.rs"]
mod silent;

use common::*;
use std::process::Command;

/// The server of a lab on a free port of 127.0.0.1, with more `options`.
fn server_of(program: &str, options: &[&str]) -> Server {
    Server::from(Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}
