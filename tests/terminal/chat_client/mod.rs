//! `chat_client` on a terminal, as its user sees it: an emulator reads its output, and the tests
//! compare the screen.

use crate::common::*;

mod display;
mod editing;
mod leaving;
mod offers;
mod reconnect;
mod reconnect_plain;
mod resize;
mod second_stopped;
mod terminal_restored;
mod tmux;

/// `alice` on a terminal of this size, connected to `server`.
#[track_caller]
fn alice_in(server: &Server, size: (u16, u16), variables: &[&str], options: &[&str]) -> Emulator {
    let port = server.port();
    let arguments = [&["127.0.0.1", "alice", "--port", &port], options].concat();
    let mut alice = Emulator::start(size, variables, CLIENT, &arguments);
    alice.sees("the prompt", |screen| screen.contents().contains("alice> ").then_some(()));
    alice
}

#[track_caller]
fn alice(server: &Server) -> Emulator {
    alice_in(server, (60, 10), &[], &[])
}

/// The status row of a client that is connected to `server`, where the terminal is wide enough.
fn status(server: &Server, messages: &str) -> String {
    format!("── connecté · {messages} · 127.0.0.1:{} · alice", server.port())
}

/// The second process of a client that was started on the terminal itself.
#[track_caller]
fn second_of(alice: &Emulator) -> i32 {
    eventually("the second process", || children_of(alice.terminal.pid()).first().copied())
}
