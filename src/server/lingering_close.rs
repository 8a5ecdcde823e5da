//! Lingering close: a connection that is no longer served, but still has bytes to deliver.
//!
//! close(2) on a socket with unread input resets the connection and destroys what was sent last:
//! tcp(7), RFC 1122 4.2.2.13. So the last bytes are sent, the sending side is shut down, and input
//! is read and dropped until the peer closes or the deadline passes. Nothing blocks.

use std::io;
use std::net::{IpAddr, Ipv4Addr, Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::first_bytes::{Expected, UNAVAILABLE, foreign};
use super::session::GREETING_DELAY;
use super::source::{oldest_of_heaviest, source};
use crate::sys::{self, Interest, PollFd};

/// Time for the peer to take or send the next bytes, or to close its side.
const GRACE: Duration = Duration::from_millis(500);

/// Time in all, for a peer that takes or sends a few bytes now and then.
const MAX_GRACE: Duration = Duration::from_secs(5);

/// Beyond this number, the oldest of the source that has the most is closed at once.
const MAX: usize = 128;

/// The deadline of a peer that is no longer served.
#[derive(Clone, Copy, Debug)]
pub struct Grace {
    pub deadline: Instant,
    last: Instant,
}

impl Grace {
    pub fn new(now: Instant) -> Grace {
        Grace { deadline: now + GRACE, last: now + MAX_GRACE }
    }

    /// The peer has made progress.
    pub fn extend(&mut self, now: Instant) {
        self.deadline = self.last.min(now + GRACE);
    }

    pub fn is_over(&self, now: Instant) -> bool {
        self.deadline <= now
    }
}

#[derive(Debug)]
struct LingeringClose {
    socket: TcpStream,
    rest: Vec<u8>,
    /// Of a client that is refused unserved: `rest` is not sent before its first bytes are judged.
    refusal: Option<Refusal>,
    /// `rest` was sent, and the sending side is shut down.
    is_shut_down: bool,
    grace: Grace,
}

#[derive(Debug)]
struct Refusal {
    reason: String,
    /// The first bytes may come until then.
    until: Instant,
}

#[derive(Debug, Default)]
pub struct LingeringCloses {
    connections: Vec<LingeringClose>,
    is_unlimited: bool,
    /// A descriptor was freed since the last [`LingeringCloses::advance`].
    freed: bool,
}

impl LingeringCloses {
    /// Lets any number linger, as a server ends: their descriptors are open already.
    pub fn lift_limit(&mut self) {
        self.is_unlimited = true;
    }

    /// Sends `rest`, which may be empty, and closes.
    pub fn add(&mut self, socket: TcpStream, rest: Vec<u8>, now: Instant) {
        self.push(socket, rest, None, now);
    }

    /// As [`LingeringCloses::add`], for a client that was not served: where its first bytes are a
    /// web request, it is sent `reason` in HTTP in place of `rest`.
    pub fn refuse(&mut self, socket: TcpStream, reason: String, rest: Vec<u8>, now: Instant) {
        self.push(socket, rest, Some(Refusal { reason, until: now + GREETING_DELAY }), now);
    }

    fn push(&mut self, socket: TcpStream, rest: Vec<u8>, refusal: Option<Refusal>, now: Instant) {
        if !self.is_unlimited && self.connections.len() >= MAX {
            self.evict();
        }
        let mut connection =
            LingeringClose { socket, rest, refusal, is_shut_down: false, grace: Grace::new(now) };
        // At once: a peer that is gone already must not displace another.
        if connection.advance(now) {
            self.connections.push(connection);
        } else {
            self.freed = true;
        }
    }

    /// Closes one at once. False if there is none.
    pub fn evict(&mut self) -> bool {
        // A connection that was reset has no peer, and is closed by the next turn.
        let unknown = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
        let peer = |one: &LingeringClose| one.socket.peer_addr().map_or(unknown, |peer| source(peer.ip()));
        let sources: Vec<IpAddr> = self.connections.iter().map(peer).collect();
        let Some(at) = oldest_of_heaviest(&sources, |_| true) else { return false };
        let evicted = self.connections.remove(at);
        if evicted.refusal.is_some() {
            // Lost on a client that is gone.
            let _ = sys::try_send(&evicted.socket, &evicted.rest);
        }
        self.freed = true;
        true
    }

    pub fn is_empty(&self) -> bool {
        self.connections.is_empty()
    }

    pub fn watch(&self) -> impl Iterator<Item = PollFd<'_>> {
        self.connections.iter().map(|connection| {
            let reads = connection.rest.is_empty() || connection.refusal.is_some();
            let interest = if reads { Interest::Read } else { Interest::Write };
            sys::watch(connection.socket.as_fd(), interest)
        })
    }

    /// The next deadline.
    pub fn due(&self) -> Option<Instant> {
        let due =
            |one: &LingeringClose| one.refusal.as_ref().map_or(one.grace.deadline, |refusal| refusal.until);
        self.connections.iter().map(due).min()
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
        match self.judge(now) {
            Ok(true) => {}
            Ok(false) => return true,
            Err(_) => return false,
        }
        if !self.rest.is_empty() {
            match sys::try_send(&self.socket, &self.rest) {
                Ok(0) => {}
                Ok(sent) => {
                    self.rest.drain(..sent);
                    self.grace.extend(now);
                }
                Err(_) => return false,
            }
        }
        if self.rest.is_empty() && !std::mem::replace(&mut self.is_shut_down, true) {
            // Fails only when the connection is gone, which the next read shows.
            let _ = self.socket.shutdown(Shutdown::Write);
        }
        // One bounded read per turn of the poll loop, which comes back for the rest.
        match self.rest.is_empty().then(|| sys::try_read(&self.socket, &mut [0; 4096])) {
            // The peer has ended its side or is gone.
            Some(Ok(Some(0)) | Err(_)) => return false,
            // Closed while it sends, the connection would be reset.
            Some(Ok(Some(_))) => self.grace.extend(now),
            Some(Ok(None)) | None => {}
        }
        !self.grace.is_over(now)
    }

    /// Chooses the answer to a client that is refused. False while its first bytes may still come.
    fn judge(&mut self, now: Instant) -> io::Result<bool> {
        let Some(Refusal { reason, until }) = &self.refusal else { return Ok(true) };
        let mut bytes = [0; 1024];
        let come = match sys::try_peek(&self.socket, &mut bytes)? {
            None if now < *until => return Ok(false),
            n => &bytes[..n.unwrap_or_default()],
        };
        // The web port's refusals are in HTTP already.
        let is_http = self.rest.starts_with(b"HTTP/");
        if let Some(foreign) = foreign(come, if is_http { Expected::Request } else { Expected::Text }) {
            let rest = std::mem::take(&mut self.rest);
            self.rest = foreign.answer(UNAVAILABLE, reason, |_| rest);
        } else if is_http && come.starts_with(b"HEAD ") {
            // Without content: RFC 9110, 9.3.2.
            let head = self.rest.windows(4).position(|four| four == b"\r\n\r\n");
            self.rest.truncate(head.map_or(0, |at| at + 4));
        }
        self.refusal = None;
        Ok(true)
    }
}
