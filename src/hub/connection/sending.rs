//! Sends a client what its socket takes, without blocking: from its channel, and its private queue.

use std::net::Shutdown;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::Connection;
use crate::hub::backpressure::STOPPED_AFTER;
use crate::hub::message_log::Channel;
use crate::sys;

/// Back-off of a socket that is writable and takes nothing, because the system lacks memory
/// (ENOBUFS, ENOMEM). `poll` would report it at once, again and again.
const RETRY_AFTER: Duration = Duration::from_millis(20);

/// Retries in a second.
const STARVED: u32 = 50;

impl Connection {
    /// Sends released bytes: one `send`, or more around a private notice. Returns the bytes taken.
    pub(in crate::hub) fn catch_up(&mut self, channel: &Channel, now: Instant) -> usize {
        let is_due = self.private_queue.is_due(channel);
        self.send_up_to(channel.pacer.released, is_due, channel, now)
    }

    /// Sends up to `end`, released or not, and the private queue. True once all of it is sent.
    pub(in crate::hub) fn send_rest(&mut self, end: u64, channel: &Channel, now: Instant) -> bool {
        self.send_up_to(end, !self.private_queue.is_empty(), channel, now);
        self.cursor >= end && self.private_queue.is_empty()
    }

    /// True if something is left for [`Connection::send_rest`].
    pub(in crate::hub) fn has_unsent(&self, channel: &Channel) -> bool {
        !self.is_closed && (self.cursor < channel.log.end() || !self.private_queue.is_empty())
    }

    fn send_up_to(&mut self, end: u64, with_queue: bool, channel: &Channel, now: Instant) -> usize {
        if !with_queue {
            return self.catch_up_to(end, channel, now);
        }
        let mut sent = self.catch_up_to(self.private_queue.position, channel, now);
        while self.cursor == self.private_queue.position && !self.private_queue.is_empty() {
            let queue = std::mem::take(&mut self.private_queue);
            let taken = self.send(queue.front(), now);
            self.private_queue = queue.consume(taken);
            sent += taken;
            if taken == 0 || self.blocked_since.is_some() {
                return sent;
            }
        }
        if self.private_queue.is_empty() {
            sent += self.catch_up_to(end, channel, now);
        }
        sent
    }

    fn catch_up_to(&mut self, position: u64, channel: &Channel, now: Instant) -> usize {
        let sent = self.send(channel.log.between(self.cursor, position), now);
        self.cursor += sent as u64;
        if self.cursor == channel.pacer.released {
            self.delivered.messages = channel.released_messages().saturating_sub(self.earlier);
        }
        sent
    }

    /// One `send`. Returns the bytes that the socket took.
    fn send(&mut self, bytes: &[u8], now: Instant) -> usize {
        if bytes.is_empty() || self.is_closed {
            return 0;
        }
        match sys::try_send(&self.socket, bytes) {
            Ok(sent) => {
                self.delivered.bytes += sent as u64;
                let lacks_memory = sent == 0 && sys::is_writable_now(&self.socket);
                self.retry_at = lacks_memory.then(|| now + RETRY_AFTER);
                self.starved = if lacks_memory { self.starved.saturating_add(1) } else { 0 };
                let is_full = sent < bytes.len();
                self.blocked_since = is_full.then(|| self.blocked_since.unwrap_or(now));
                self.stalled_since = is_full.then(|| self.stalled_since.filter(|_| sent == 0).unwrap_or(now));
                sent
            }
            Err(error) => {
                self.is_closed = true;
                // Its worker sees the end of the input and reports it. Fails only on a dead socket.
                let _ = self.socket.shutdown(Shutdown::Both);
                self.send_error = error.raw_os_error().filter(|&errno| errno != Errno::EPIPE as i32);
                0
            }
        }
    }

    /// Its socket has taken nothing for so long that it counts as stopped.
    pub(in crate::hub) fn has_stopped(&self, now: Instant) -> bool {
        self.stalled_since.is_some_and(|at| now.saturating_duration_since(at) >= STOPPED_AFTER)
    }

    /// True once after a second in which the system had no memory for its messages.
    pub(in crate::hub) fn take_starved(&mut self) -> bool {
        let is_starved = self.starved == STARVED;
        self.starved += u32::from(is_starved);
        is_starved
    }

    pub(in crate::hub) fn backs_off(&self, now: Instant) -> bool {
        !self.is_closed && self.retry_at.is_some_and(|at| now < at)
    }
}
