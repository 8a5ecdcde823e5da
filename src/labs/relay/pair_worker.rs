//! The child process of one further pair. Its clients' sockets arrive over a Unix socket pair, the
//! link; for each place that becomes free it writes one byte back.

use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::connection::Connection;
use super::messages;
use super::pair_session::PairSession;
use crate::server::{LingeringCloses, Output};
use crate::sys::{self, Interest, Passed, Pid, PollFd, ScopedAddress};

pub const SERVED: i32 = 0;

/// Exit status when poll fails (EX_OSERR, sysexits.h).
const FAILED: i32 = 71;

const FREED: &[u8] = b"-";

struct PairWorker<'a> {
    link: &'a UnixStream,
    out: &'a mut Output,
    session: PairSession,
    lingering: LingeringCloses,
    /// Places that became free and were not reported to the first process yet.
    freed: usize,
}

/// Serves a pair until the first process closes the link (both places are free then, or the server
/// ends, in whatever way), or SIGTERM does. Returns the exit status.
pub fn serve(link: &UnixStream, out: &mut Output) -> i32 {
    sys::stop_by_sigterm(link.as_fd());
    let session = PairSession::new(format!("(fils {})", Pid::this()));
    let mut worker = PairWorker { link, out, session, lingering: LingeringCloses::default(), freed: 0 };
    loop {
        match worker.turn() {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return FAILED,
        }
    }
    worker.session.close(worker.out, &mut worker.lingering);
    worker.lingering.finish();
    worker.out.flush();
    SERVED
}

impl PairWorker<'_> {
    /// False when the link is closed.
    fn turn(&mut self) -> io::Result<bool> {
        let is_lost = self.wait()?
            && match sys::take_passed(self.link) {
                Ok(Passed::Descriptor(fd)) => !self.join(fd),
                Ok(Passed::Lost) => true,
                Ok(Passed::Nothing) => false,
                // SIGTERM has closed it: EBADF.
                Ok(Passed::End) | Err(_) => return Ok(false),
            };
        if is_lost {
            self.session.line(self.out, messages::LOST_WHILE_PASSED);
        }
        let now = Instant::now();
        let left = self.session.advance(self.out, now);
        // The first process counts the place of a lost client as taken.
        self.freed += left.len() + usize::from(is_lost);
        // Fails without memory, or when the first process is gone, which the link shows too.
        while self.freed > 0 && sys::try_send(self.link, FREED).is_ok_and(|sent| sent > 0) {
            self.freed -= 1;
        }
        left.into_iter().for_each(|(socket, last_words)| self.lingering.add(socket, last_words, now));
        self.lingering.advance(now);
        self.out.flush();
        Ok(true)
    }

    /// True when the link is readable.
    fn wait(&self) -> io::Result<bool> {
        let now = Instant::now();
        let link = sys::watch(self.link.as_fd(), Interest::Read);
        let others = self.session.watch(now).chain(self.lingering.watch()).chain(self.out.watch());
        // There is always room: repeats a send that failed, as [`sys::wait`] backs off.
        let unsent = (self.freed > 0).then(|| sys::watch(self.link.as_fd(), Interest::Write));
        let mut watched: Vec<PollFd> = std::iter::once(link).chain(unsent).chain(others).collect();
        let due = self.session.due().into_iter().chain(self.lingering.due()).min();
        sys::wait(&mut watched, due.map(|at| at.saturating_duration_since(now)))?;
        Ok(sys::is_ready(&watched[0]))
    }

    /// False if the client is gone.
    fn join(&mut self, fd: OwnedFd) -> bool {
        let socket = TcpStream::from(fd);
        // A reset connection has no peer.
        let Ok(peer) = socket.peer_addr() else { return false };
        let peer = ScopedAddress::of_peer(peer);
        self.session.join(Connection::new((socket, peer)), self.out);
        true
    }
}
