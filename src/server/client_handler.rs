//! A lab whose clients share nothing: what it is to the server, and how one of its clients is served from coming to leaving.

use std::net::TcpStream;
use std::os::fd::{AsRawFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::{Disconnect, LingeringCloses, Session};
use crate::cli::Program;
use crate::sys::{self, Pid, Profile};

/// What makes a server one lab's and not another's.
pub trait ClientHandler {
    /// Who is running.
    const PROGRAM: Program;
    /// What its children must be able to do.
    const PROFILE: Profile;

    /// Serves one client to its end.
    ///
    /// # Errors
    /// Why it is served no longer, when that was not the lab's own decision.
    fn serve(&self, session: &mut Session) -> Result<(), Disconnect>;

    /// What a client is told that is not let in: `reason`, in the protocol's clothes.
    fn refusal(reason: &str) -> Vec<u8>;

    /// The directory that children write files to, whose descriptor they keep.
    fn directory(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// This child has ended, perhaps in the middle of something.
    fn child_ended(&self, _child: Pid) {}
}

/// How clients are served.
#[derive(Clone, Copy, Debug)]
pub struct ServeMode {
    /// One at a time, by the first process; the others wait to be accepted.
    pub iterative: bool,
    /// How long a client may be silent, or not take what it is sent.
    pub patience: Option<Duration>,
}

/// Serves one client, and prints how it came and went.
pub(super) fn serve<L: ClientHandler>(lab: &L, session: &mut Session) {
    let (peer, descriptor) = (session.peer, session.socket.as_raw_fd());
    session.log(format_args!("client {peer} connected, descriptor {descriptor}"));
    let left = match lab.serve(session) {
        Ok(()) => "was served".to_string(),
        Err(Disconnect::Closed) => "left".to_string(),
        Err(Disconnect::Broken(reason)) => {
            format!("vanished ({})", sys::system_reason(reason.raw_os_error().unwrap_or_default()))
        }
        Err(Disconnect::Idle) => "was silent for too long".to_string(),
        Err(Disconnect::Stopped) => "is left, because the server ends".to_string(),
    };
    session.log(format_args!("client {peer} {left}"));
}

/// In a child: what was said last is heard before the connection is closed.
pub(super) fn linger(socket: &TcpStream) {
    // A copy that is gone with the process; no descriptor for it means no leave. By dup(2) and not `try_clone`: a child has no
    // fcntl(2), see [`sys::Sandbox`].
    if let Ok(copy) = nix::unistd::dup(socket) {
        let mut lingering = LingeringCloses::default();
        lingering.add(copy.into(), Vec::new(), Instant::now());
        lingering.finish();
    }
}
