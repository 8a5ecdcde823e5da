//! Last words: a connection whose client is no longer served, but still has something to be told.
//!
//! `close` on a socket with unread input resets the connection and destroys what was sent last: tcp(7), RFC 1122
//! 4.2.2.13. So the last bytes are sent, our side is ended, and what the peer still sends is read and forgotten until it
//! ends its side too, or has had its time. No process is needed for that, and nobody waits.

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use crate::sys::{self, Interest, PollFd};

/// How long a peer may take to take the next bytes, or to end its side.
const GRACE: Duration = Duration::from_millis(500);

/// How long it may take in all, even for a peer that takes a few bytes now and then.
const MAX_GRACE: Duration = Duration::from_secs(5);

/// How many may be on their way out; the one that has been so longest is closed for a newcomer.
const MAX: usize = 128;

#[derive(Debug)]
struct LingeringClose {
    socket: TcpStream,
    rest: Vec<u8>,
    deadline: Instant,
    last_deadline: Instant,
}

/// The connections on their way out.
#[derive(Debug, Default)]
pub struct LingeringCloses {
    leaving: Vec<LingeringClose>,
    /// A descriptor was freed since the last [`LingeringCloses::advance`].
    freed: bool,
}

impl LingeringCloses {
    /// Takes leave of `socket` with `last_words`, which may be empty.
    pub fn add(&mut self, socket: TcpStream, last_words: Vec<u8>, now: Instant) {
        if self.leaving.len() >= MAX {
            self.leaving.remove(0);
            self.freed = true;
        }
        let mut farewell = LingeringClose {
            socket,
            rest: last_words,
            deadline: now + GRACE,
            last_deadline: now + MAX_GRACE,
        };
        if farewell.rest.is_empty() {
            farewell.end_our_side();
        }
        // At once: more may come in this turn than are kept, and those who are gone already need no place.
        if farewell.goes_on(now) {
            self.leaving.push(farewell);
        } else {
            self.freed = true;
        }
    }

    /// True when nobody is on the way out.
    pub fn is_empty(&self) -> bool {
        self.leaving.is_empty()
    }

    /// What to wait for.
    pub fn watch(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.leaving.iter().map(|farewell| {
            let interest = if farewell.rest.is_empty() { Interest::Read } else { Interest::Write };
            sys::watch(farewell.socket.as_fd(), interest)
        })
    }

    /// When the next one's time is over.
    pub fn due(&self) -> Option<Instant> {
        self.leaving.iter().map(|farewell| farewell.deadline).min()
    }

    /// Waits until all are gone, or have had their time.
    pub fn finish(&mut self) {
        while let Some(due) = self.due() {
            let mut watched: Vec<PollFd> = self.watch().collect();
            let left = due.saturating_duration_since(Instant::now());
            if sys::wait(&mut watched, Some(left)).is_err() {
                // Nobody can be waited for any more.
                return;
            }
            self.advance(Instant::now());
        }
    }

    /// Goes on with each as far as is possible now. True when a descriptor was freed, now or since the last time.
    pub fn advance(&mut self, now: Instant) -> bool {
        let before = self.leaving.len();
        self.leaving.retain_mut(|farewell| farewell.goes_on(now));
        std::mem::take(&mut self.freed) || self.leaving.len() < before
    }
}

impl LingeringClose {
    /// False when it is over, one way or the other.
    fn goes_on(&mut self, now: Instant) -> bool {
        if !self.rest.is_empty() {
            match sys::try_send(&self.socket, &self.rest) {
                Ok(0) => {}
                Ok(sent) => {
                    self.rest.drain(..sent);
                    self.deadline = self.last_deadline.min(now + GRACE);
                    if self.rest.is_empty() {
                        self.end_our_side();
                    }
                }
                Err(_) => return false,
            }
        }
        let over = self.rest.is_empty() && sys::discard_input(&self.socket);
        !over && now < self.deadline
    }

    fn end_our_side(&self) {
        // It fails only when the connection is gone already, which the next read tells.
        let _ = self.socket.shutdown(Shutdown::Write);
    }
}
