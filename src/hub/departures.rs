//! Clients that have left, or have lost their worker, and are still to be sent messages.
//!
//! Each keeps its cursor into the log of its channel: nothing is copied for it, and all of them
//! together hold no more memory than the log, which the hard limit of [`super::backpressure`]
//! bounds. Once a client has its messages, its connection is closed as any other
//! ([`LingeringCloses`]).

use std::os::fd::AsFd;
use std::time::Instant;

use super::backpressure::Backpressure;
use super::connection::Connection;
use super::message_log::{ChannelId, Channels};
use crate::server::{Grace, LingeringCloses, oldest_of_heaviest, source};
use crate::sys::{self, Interest, PollFd, dontfork_vec};

/// Beyond this number, the oldest of the source that has the most is closed at once.
const MAX: usize = 512;

#[derive(Debug)]
struct Departure {
    connection: Connection,
    channel: ChannelId,
    /// The end of its messages in the log.
    end: u64,
    /// Sent after the messages.
    last_words: Vec<u8>,
    grace: Grace,
}

#[derive(Debug)]
pub(crate) struct Departures {
    all: Vec<Departure>,
    is_unlimited: bool,
    /// One was closed since the last [`Departures::advance`].
    freed: bool,
}

impl Default for Departures {
    fn default() -> Departures {
        Departures { all: dontfork_vec(), is_unlimited: false, freed: false }
    }
}

impl Departures {
    /// Sends what is in the log of `channel` up to `end`, then `last_words`, and closes.
    pub fn add(
        &mut self,
        mut connection: Connection,
        (channel, end): (ChannelId, u64),
        last_words: Vec<u8>,
        now: Instant,
    ) {
        if !self.is_unlimited && self.all.len() >= MAX {
            self.evict();
        }
        // At once: its socket may not be full.
        connection.is_writable = true;
        self.all.push(Departure { connection, channel, end, last_words, grace: Grace::new(now) });
    }

    /// Closes one at once. False if there is none.
    pub fn evict(&mut self) -> bool {
        let sources: Vec<_> = self.all.iter().map(|one| source(one.connection.peer.ip())).collect();
        let Some(at) = oldest_of_heaviest(&sources, |_| true) else { return false };
        self.all.remove(at);
        self.freed = true;
        true
    }

    /// Lets any number depart, as the server ends: see [`LingeringCloses::lift_limit`].
    pub fn lift_limit(&mut self) {
        self.is_unlimited = true;
    }

    pub fn is_empty(&self) -> bool {
        self.all.is_empty()
    }

    /// The sockets, each with its number for [`Departures::set_writable`].
    pub fn watch(&self, now: Instant) -> impl Iterator<Item = (usize, PollFd<'_>)> {
        let waiting = self.all.iter().enumerate().filter(move |(_, one)| !one.connection.backs_off(now));
        waiting.map(|(at, one)| (at, sys::watch(one.connection.socket.as_fd(), Interest::Write)))
    }

    /// `poll` has found this socket of [`Departures::watch`] writable.
    pub fn set_writable(&mut self, at: usize) {
        self.all[at].connection.is_writable = true;
    }

    /// The next deadline.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.all.iter().filter(|one| one.connection.backs_off(now));
        let retries = waiting.filter_map(|one| one.connection.retry_at);
        self.all.iter().map(|one| one.grace.deadline).chain(retries).min()
    }

    /// Lowers the position from which each channel's log is needed, and closes those beyond the
    /// hard limit.
    pub fn hold(&mut self, channels: &mut Channels, backpressure: &Backpressure) {
        for Departure { connection, channel, .. } in &mut self.all {
            let channel = &mut channels[*channel];
            connection.is_closed |= backpressure.is_beyond_hard_limit(connection, channel);
            if !connection.is_closed {
                channel.needed = channel.needed.min(connection.cursor);
            }
        }
    }

    /// In a worker: see [`sys::discard_in_child`].
    pub fn discard_in_child(&mut self) {
        sys::discard_in_child(&mut self.all);
    }

    /// Sends without blocking. True when one was done with: the log may be trimmed.
    pub fn advance(&mut self, channels: &Channels, lingering: &mut LingeringCloses, now: Instant) -> bool {
        let mut freed = std::mem::take(&mut self.freed);
        let is_done = |one: &mut Departure| one.advance(channels, now);
        for Departure { connection, last_words, .. } in self.all.extract_if(.., is_done) {
            freed = true;
            if !connection.is_closed {
                lingering.add(connection.socket, last_words, now);
            }
        }
        freed
    }
}

impl Departure {
    /// True when there is nothing more to send, or no more time.
    fn advance(&mut self, channels: &Channels, now: Instant) -> bool {
        let Departure { connection, channel, end, grace, .. } = self;
        // At the deadline too: `poll` finds a socket writable only when a third of its buffer is
        // free.
        if std::mem::take(&mut connection.is_writable) | grace.is_over(now) {
            let before = connection.delivered.bytes;
            if connection.send_rest(*end, &channels[*channel], now) {
                return true;
            }
            if connection.delivered.bytes > before {
                grace.extend(now);
            }
        }
        connection.is_closed |= grace.is_over(now);
        connection.is_closed
    }
}
