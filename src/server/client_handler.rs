//! The part of a server that each lab without shared state defines, and how one client is served.

use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::first_bytes::{BAD_REQUEST, Expected};
use super::{Disconnect, LingeringCloses, Messages, Session};
use crate::cli::Program;
use crate::sys::{self, Pid, Profile};

pub trait ClientHandler {
    const PROGRAM: Program;
    /// The children's.
    const PROFILE: Profile;
    /// The first bytes of its clients; `None`: any.
    const EXPECTED: Option<Expected>;

    /// Serves one client to its end, or until the handler itself decides to stop: `Ok`.
    fn serve(&self, session: &mut Session) -> Result<(), Disconnect>;

    /// `reason` in the lab's protocol, for a client that is refused.
    fn refusal(reason: &str) -> Vec<u8>;

    /// The directory that children write files to; they keep its descriptor.
    fn directory(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// A child was reaped, perhaps in the middle of its work.
    fn child_ended(&self, _child: Pid) {}
}

#[derive(Clone, Copy, Debug)]
pub struct ServeMode {
    /// One client at a time, in the first process; the others wait in the backlog.
    pub iterative: bool,
    /// Idle timeout: for input, and for output that the client does not take.
    pub idle_timeout: Option<Duration>,
}

/// Serves one client, and prints its arrival and its end. Returns the rest of the final answer.
pub(super) fn serve<L: ClientHandler>(lab: &L, mut session: Session) -> Vec<u8> {
    let (peer, descriptor) = (session.peer, session.socket.as_raw_fd());
    session.log(format_args!("client {peer} connected, descriptor {descriptor}"));
    let served = session.await_first_bytes().and_then(|()| lab.serve(&mut session));
    let left = match served {
        Ok(()) => "was served".to_string(),
        Err(Disconnect::Closed) => "left".to_string(),
        Err(Disconnect::Broken(reason)) => format!("vanished ({})", sys::plain_reason(&reason)),
        Err(Disconnect::Idle) => "was silent for too long".to_string(),
        Err(Disconnect::Stopped) if sys::is_stopped_by_sigterm() => {
            "is left, because its child received SIGTERM".to_string()
        }
        Err(Disconnect::Stopped) => "is left, because the server ends".to_string(),
        Err(Disconnect::Foreign(foreign)) => {
            let messages = Messages(L::PROGRAM.language);
            let reason = L::PROGRAM.says(messages.wrong_protocol(&foreign));
            // What is not sent is the rest.
            let _ = session.send_final(&foreign.answer(BAD_REQUEST, &reason, L::refusal));
            format!("is refused: {}", messages.foreign(&foreign))
        }
    };
    session.log(format_args!("client {peer} {left}"));
    session.unsent
}

/// Sends `rest` and closes: lingering close in a child.
pub(super) fn linger(socket: &TcpStream, rest: Vec<u8>) {
    // Keeps a duplicate, closed with the process; without a descriptor for it, no lingering. Uses
    // dup(2), since `try_clone` calls fcntl(2), which the sandbox refuses.
    if let Ok(copy) = nix::unistd::dup(socket) {
        let mut lingering = LingeringCloses::default();
        lingering.add(copy.into(), rest, Instant::now());
        lingering.finish();
    }
}
