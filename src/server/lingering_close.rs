//! Lingering close: a connection that is no longer served, but still has bytes to deliver.
//!
//! close(2) on a socket with unread input resets the connection and destroys what was sent last:
//! tcp(7), RFC 1122 4.2.2.13. So the last bytes are sent, the sending side is shut down, and input
//! is read and dropped until the peer closes or the deadline passes. Nothing blocks.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::sys::{self, Interest, PollFd};

/// Time for the peer to take the next bytes, or to close its side.
const GRACE: Duration = Duration::from_millis(500);

/// Time in all, for a peer that takes a few bytes now and then.
const MAX_GRACE: Duration = Duration::from_secs(5);

/// Beyond this number, the oldest is closed at once.
const MAX: usize = 128;

#[derive(Debug)]
struct LingeringClose {
    socket: TcpStream,
    rest: Vec<u8>,
    /// `rest` was sent, and the sending side is shut down.
    is_shut_down: bool,
    deadline: Instant,
    last_deadline: Instant,
}

#[derive(Debug, Default)]
pub struct LingeringCloses {
    connections: Vec<LingeringClose>,
    /// A descriptor was freed since the last [`LingeringCloses::advance`].
    freed: bool,
}

impl LingeringCloses {
    /// Sends `rest`, which may be empty, and closes.
    pub fn add(&mut self, socket: TcpStream, rest: Vec<u8>, now: Instant) {
        if self.connections.len() >= MAX {
            self.connections.remove(0);
            self.freed = true;
        }
        let (deadline, last_deadline) = (now + GRACE, now + MAX_GRACE);
        let mut connection = LingeringClose { socket, rest, is_shut_down: false, deadline, last_deadline };
        // At once: a peer that is gone already must not displace another.
        if connection.advance(now) {
            self.connections.push(connection);
        } else {
            self.freed = true;
        }
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub fn watch(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.connections.iter().map(|connection| {
            let interest = if connection.rest.is_empty() { Interest::Read } else { Interest::Write };
            sys::watch(connection.socket.as_fd(), interest)
        })
    }

    /// The next deadline.
    pub fn due(&self) -> Option<Instant> {
        self.connections.iter().map(|connection| connection.deadline).min()
    }

    /// Waits until every connection is closed.
    pub fn finish(&mut self) {
        while let Some(due) = self.due() {
            let mut watched: Vec<PollFd> = self.watch().collect();
            let left = due.saturating_duration_since(Instant::now());
            if sys::wait(&mut watched, Some(left)).is_err() {
                return;
            }
            self.advance(Instant::now());
        }
    }

    /// Sends and reads without blocking. True when a descriptor was freed since the last call.
    pub fn advance(&mut self, now: Instant) -> bool {
        let before = self.connections.len();
        self.connections.retain_mut(|connection| connection.advance(now));
        std::mem::take(&mut self.freed) || self.connections.len() < before
    }
}

impl LingeringClose {
    /// False when the connection is to be closed.
    fn advance(&mut self, now: Instant) -> bool {
        if !self.rest.is_empty() {
            match sys::try_send(&self.socket, &self.rest) {
                Ok(0) => {}
                Ok(sent) => {
                    self.rest.drain(..sent);
                    self.deadline = self.last_deadline.min(now + GRACE);
                }
                Err(_) => return false,
            }
        }
        if self.rest.is_empty() && !std::mem::replace(&mut self.is_shut_down, true) {
            // Fails only when the connection is gone, which the next read shows.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        let closed = self.rest.is_empty() && sys::discard_input(&self.socket);
        !closed && now < self.deadline
    }
}
