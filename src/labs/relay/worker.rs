//! A child: the process of one further pair. Its clients' sockets come to it through the link, a pair of unix sockets; it
//! answers with a byte for each place that becomes free.

use std::io::{self, Write};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Instant;

use super::connection::Connection;
use super::messages;
use super::pair_session::{Context, PairSession};
use crate::server::{LingeringCloses, Output};
use crate::sys::{self, Interest, Passed, Pid, PollFd};

/// Its status when its pair is over.
pub const SERVED: i32 = 0;

/// Its status when poll fails, which it should not (EX_OSERR of sysexits.h).
const FAILED: i32 = 71;

/// A byte on the link: a place is free.
const FREED: &[u8] = b"-";

/// What a child holds.
struct Worker<'a> {
    link: &'a UnixStream,
    out: &'a mut Output,
    mark: String,
    table: PairSession,
    lingering: LingeringCloses,
}

/// Serves a pair until the first process closes the link: both places are empty then, or the server ends, however it does.
pub fn serve(link: &UnixStream, out: &mut Output) -> i32 {
    let mark = format!("(fils {})", Pid::this());
    let (table, lingering) = (PairSession::default(), LingeringCloses::default());
    let mut child = Worker { link, out, mark, table, lingering };
    loop {
        match child.turn() {
            Ok(true) => {}
            Ok(false) => break,
            Err(_) => return FAILED,
        }
    }
    child.table.close(&mut child.lingering);
    child.lingering.finish();
    child.out.flush();
    SERVED
}

impl Worker<'_> {
    /// False when the link is closed.
    fn turn(&mut self) -> io::Result<bool> {
        let is_linked = self.wait()?;
        let mut freed = 0;
        if is_linked {
            match sys::take_passed(self.link) {
                Ok(Passed::Descriptor(fd)) => freed += self.seat(fd),
                Ok(Passed::Lost) => freed += self.lose(),
                Ok(Passed::Nothing) => {}
                Ok(Passed::End) | Err(_) => return Ok(false),
            }
        }
        let now = Instant::now();
        let left = self.table.advance(&mut Context { out: self.out, mark: &self.mark, now });
        for _ in 0..freed + left.len() {
            // It fails only when the first process is gone, which the link will tell. It never blocks: of these bytes, there
            // are no more than clients that were passed.
            let _ = self.link.write(FREED);
        }
        left.into_iter().for_each(|socket| self.lingering.add(socket, Vec::new(), now));
        self.lingering.advance(now);
        self.out.flush();
        Ok(true)
    }

    /// Waits for whatever comes first. True when the link has something.
    fn wait(&self) -> io::Result<bool> {
        let now = Instant::now();
        let link = sys::watch(self.link.as_fd(), Interest::Read);
        let others = self.table.watch(now).chain(self.lingering.watch()).chain(self.out.watch());
        let mut watched: Vec<PollFd> = std::iter::once(link).chain(others).collect();
        let due = self.table.due().into_iter().chain(self.lingering.due()).min();
        sys::wait(&mut watched, due.map(|at| at.saturating_duration_since(now)))?;
        Ok(sys::is_ready(&watched[0]))
    }

    /// Gives a client a place. Returns how many places that leaves free which the first process takes for taken.
    fn seat(&mut self, fd: OwnedFd) -> usize {
        let socket = TcpStream::from(fd);
        // A reset connection has no peer any more.
        let Ok(peer) = socket.peer_addr() else { return self.lose() };
        // As the first process names it: [`crate::server::Listener`].
        let peer = SocketAddr::new(peer.ip().to_canonical(), peer.port());
        let mut context = Context { out: self.out, mark: &self.mark, now: Instant::now() };
        self.table.seat(Connection::new((socket, peer)), &mut context);
        0
    }

    fn lose(&mut self) -> usize {
        self.out.line(format_args!("{} {}", self.mark, messages::lost_on_the_way()));
        1
    }
}
