//! The client's second process, on a terminal: hands what the server says to the first, which alone draws; and when the first
//! dies without having put the terminal in order, does so in its place.

use std::io::Write;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::net::UnixStream;

use nix::errno::Errno;

use crate::chat::client::receiver::{CLOSED, hear};
use crate::client::terminal::put_back;
use crate::hub::framing::messages;
use crate::sys::{self, Interest, Signal, TerminalModes};

/// Signals that a terminal, or its end, sends to both processes: the first decides what they mean, and this one outlives it.
const THE_OTHERS: [Signal; 4] = [Signal::SIGQUIT, Signal::SIGHUP, Signal::SIGTSTP, Signal::SIGTTOU];

/// Writes every message, ended by a NUL, to the first process, until that or the server is gone. Returns its status. A first
/// process that does not read makes it wait, and so, at last, the server.
pub fn listen(connection: &TcpStream, parent: &UnixStream, modes: &TerminalModes) -> i32 {
    THE_OTHERS.into_iter().for_each(sys::ignore_signal);
    let status = hear(connection, parent, |chunk| {
        let mut heard: Vec<u8> = Vec::with_capacity(chunk.len() + 1);
        for message in messages(chunk) {
            heard.extend(message.iter().filter(|&&byte| byte != 0));
            heard.push(0);
        }
        (&*parent).write_all(&heard).map_err(|_| Errno::EPIPE)
    });
    relieve(parent, modes);
    status
}

/// While there is no server: only waits for the first process's end.
pub fn guard(parent: &UnixStream, modes: &TerminalModes) -> i32 {
    THE_OTHERS.into_iter().for_each(sys::ignore_signal);
    while !sys::has_ended(parent) {
        // It can only fail for want of memory, and then there is no hurry.
        let _ = sys::wait(&mut [sys::watch(parent.as_fd(), Interest::End)], None);
    }
    relieve(parent, modes);
    CLOSED
}

/// Puts the terminal in order, if the first process is gone.
fn relieve(parent: &UnixStream, modes: &TerminalModes) {
    if sys::has_ended(parent) {
        put_back(modes);
    }
}
