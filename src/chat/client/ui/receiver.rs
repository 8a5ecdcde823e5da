//! Second process on a terminal: passes the server's messages to the first, which alone draws. Also
//! the terminal's watchdog: restores its modes if the first process is killed.

use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use crate::chat::client::receiver::{BROKEN, CLOSED, receive, shown};
use crate::client::terminal::restore_after_kill;
use crate::sys::{self, Interest, Signal, TerminalModes};

/// Sent by the terminal to both processes: the first handles them, and this one must outlive it.
const LEFT_TO_FIRST: [Signal; 3] = [Signal::SIGQUIT, Signal::SIGTSTP, Signal::SIGTTOU];

/// Returns the exit status. No `connection`: one is being made.
pub fn receive_or_watch(parent: &UnixStream, connection: Option<&TcpStream>, modes: &TerminalModes) -> i32 {
    LEFT_TO_FIRST.into_iter().for_each(sys::ignore_signal);
    let status = match connection {
        Some(connection) => pass_on(connection, parent),
        None => watch(parent),
    };
    if sys::has_ended(parent) {
        restore_after_kill(modes);
    }
    status
}

/// Writes every message, ended by a NUL, to the first process, until that or the server is gone. A
/// first process that does not read makes this one wait, and so the server (backpressure).
fn pass_on(connection: &TcpStream, parent: &UnixStream) -> i32 {
    receive(connection, parent, |chunk| {
        let mut bytes: Vec<u8> = Vec::with_capacity(chunk.len() + 1);
        for message in shown(chunk) {
            bytes.extend(message.iter().filter(|&&byte| byte != 0));
            bytes.push(0);
        }
        sys::write_all(parent, &bytes)
    })
}

fn watch(parent: &UnixStream) -> i32 {
    while !sys::has_ended(parent) {
        if sys::wait(&mut [sys::watch(parent.as_fd(), Interest::End)], None).is_err() {
            return BROKEN;
        }
    }
    CLOSED
}
