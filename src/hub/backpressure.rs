//! Slow readers. Each may fall `lag_limit` bytes behind; then it is disconnected.
//!
//! A flood slows down for readers that are about as fast: while one is more than half its limit
//! behind and still reading, the hub leaves the pipe unread for [`PIPE_PAUSE`], once in
//! [`CAPACITY`] bytes. The pipe fills up, workers block in `write`, and their clients feel TCP's
//! window. Ordinary talk never waits, and a reader that takes nothing is given [`MAX_PAUSES`]
//! pauses at most.

use std::time::{Duration, Instant};

use super::clients::ClientTable;
use super::connection::Connection;
use super::message_log::{Channel, Channels};
use super::record_reader::CAPACITY;

const PIPE_PAUSE: Duration = Duration::from_millis(20);

/// Pauses of the pipe for a client whose socket takes nothing; then it counts as stopped.
pub(super) const MAX_PAUSES: u32 = 10;

#[derive(Debug)]
pub(crate) struct Backpressure {
    lag_limit: u64,
    pub(super) paused_until: Option<Instant>,
    /// Bytes read since the last pause began.
    pub(super) bytes_read: usize,
    /// In the last round of sending, a reading client was more than half its limit behind.
    pub(super) under_pressure: bool,
}

impl Backpressure {
    pub fn new(lag_limit: u64) -> Backpressure {
        Backpressure { lag_limit, paused_until: None, bytes_read: 0, under_pressure: false }
    }

    /// Ends a pause that is over. Each client that it was for is tried without asking `poll`: that
    /// finds a socket writable only when a third of its buffer is free.
    pub fn resume<C>(&mut self, clients: &mut ClientTable<C>, channels: &Channels, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.slow_connections(clients, channels).for_each(|connection| connection.is_writable = true);
            clients.any_writable = true;
        }
    }

    /// Looks at a client that was just sent to. True when it is beyond its limit.
    pub fn is_too_slow(&mut self, connection: &Connection, channel: &Channel) -> bool {
        let behind = connection.behind(channel);
        self.under_pressure |= behind > self.lag_limit / 2 && connection.pauses < MAX_PAUSES;
        behind > self.lag_limit
    }

    /// Begins a pause where one makes sense, after a round of sending.
    pub fn pause<C>(&mut self, clients: &mut ClientTable<C>, channels: &Channels, now: Instant) {
        if !self.under_pressure {
            self.paused_until = None;
        } else if self.paused_until.is_none() && self.bytes_read >= CAPACITY {
            self.paused_until = Some(now + PIPE_PAUSE);
            self.bytes_read = 0;
            let slow = self.slow_connections(clients, channels);
            slow.filter(|connection| connection.pauses < MAX_PAUSES)
                .for_each(|connection| connection.pauses += 1);
        }
    }

    fn slow_connections<'a, C>(
        &self,
        clients: &'a mut ClientTable<C>,
        channels: &'a Channels,
    ) -> impl Iterator<Item = &'a mut Connection> {
        let most = self.lag_limit / 2;
        let is_slow = move |connection: &&mut Connection| {
            connection.channel.is_some_and(|id| connection.behind(&channels[id]) > most)
        };
        clients.connections_mut().filter(is_slow)
    }
}
