//! Slow readers, judged by bytes and by time, as Redis judges its (client-output-buffer-limit).
//!
//! A client is disconnected once it has been more than `lag_limit` bytes behind for [`MAX_LATE`]
//! (soft limit), or is more than twice as far behind (hard limit). The hard limit is judged by
//! bytes of earlier rounds of sending: what one turn of the loop makes is nobody's lag.
//!
//! A flood slows down for readers that are about as fast: while one is more than half its limit
//! behind and still reading, the hub leaves the pipe unread for a pause, once in [`CAPACITY`] bytes
//! read or made of them. The pipe fills up, workers block in `write`, and their clients feel TCP's
//! window. Ordinary talk never waits. A socket that has taken nothing for [`STOPPED_AFTER`] is
//! given no pause.

use std::time::{Duration, Instant};

use super::clients::ClientTable;
use super::connection::Connection;
use super::message_log::{Channel, Channels};
use super::record_reader::CAPACITY;

/// Bytes that all logs together hold for readers that are behind, unless the hard limit is large.
const BUDGET: u64 = 64 << 20;

/// For a client that is more than half its limit behind.
const PAUSE: Duration = Duration::from_millis(20);

/// For a client beyond its limit.
const LONG_PAUSE: Duration = Duration::from_millis(100);

/// Time that a client may be beyond its limit.
pub(super) const MAX_LATE: Duration = Duration::from_secs(2);

/// A client that takes nothing for so long has stopped reading.
pub(super) const STOPPED_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug)]
pub(crate) struct Backpressure {
    lag_limit: u64,
    pub(super) paused_until: Option<Instant>,
    /// Bytes read, or made of them in one channel, since the last pause began.
    pub(super) bytes: usize,
    /// The pause that a client of the last round of sending needs.
    pub(super) pressure: Option<Duration>,
    /// When a client will have been beyond its limit for too long.
    pub(super) judge_at: Option<Instant>,
}

impl Backpressure {
    pub fn new(lag_limit: u64) -> Backpressure {
        Backpressure { lag_limit, paused_until: None, bytes: 0, pressure: None, judge_at: None }
    }

    /// At least two turns' bytes beyond the soft limit, however low that is.
    fn hard_limit(&self) -> u64 {
        self.lag_limit + self.lag_limit.max(2 * CAPACITY as u64)
    }

    pub fn begin_round(&mut self) {
        (self.pressure, self.judge_at) = (None, None);
    }

    /// Ends a pause that is over. Each client that it was for is tried without asking `poll`: that
    /// finds a socket writable only when a third of its buffer is free.
    pub fn resume<C>(&mut self, clients: &mut ClientTable<C>, channels: &Channels, now: Instant) {
        if self.paused_until.is_some_and(|until| until <= now) {
            self.paused_until = None;
            self.slow_connections(clients, channels).for_each(|connection| connection.is_writable = true);
            clients.any_writable = true;
        }
        clients.any_writable |= self.judge_at.is_some_and(|at| at <= now);
    }

    /// Judges a client that was just sent to. True when it is to be disconnected.
    pub fn is_too_slow(&mut self, connection: &mut Connection, channel: &Channel, now: Instant) -> bool {
        let behind = connection.behind(channel);
        if behind <= self.lag_limit / 2 {
            connection.late_since = None;
            return false;
        }
        let mut pause = PAUSE;
        connection.late_since = (behind > self.lag_limit).then(|| connection.late_since.unwrap_or(now));
        if let Some(since) = connection.late_since {
            pause = LONG_PAUSE;
            let until = since + MAX_LATE;
            if until <= now {
                return true;
            }
            self.judge_at = self.judge_at.map_or(until, |at| at.min(until)).into();
        }
        if !connection.has_stopped(now) {
            self.pressure = self.pressure.max(Some(pause));
        }
        self.is_beyond_hard_limit(connection, channel)
    }

    pub fn is_beyond_hard_limit(&self, connection: &Connection, channel: &Channel) -> bool {
        !connection.is_closed && channel.settled.saturating_sub(connection.cursor) > self.hard_limit()
    }

    /// True where all logs together hold too much of earlier rounds: with a log for each client,
    /// many may be within their limits.
    pub fn is_over_budget(&self, channels: &Channels) -> bool {
        let held = |channel: &Channel| channel.settled.saturating_sub(channel.needed);
        channels.all.iter().map(held).sum::<u64>() > BUDGET.max(4 * self.hard_limit())
    }

    /// Begins a pause where one makes sense, after a round of sending.
    pub fn pause(&mut self, now: Instant) {
        match self.pressure {
            None => self.paused_until = None,
            Some(pause) if self.paused_until.is_none() && self.bytes >= CAPACITY => {
                self.paused_until = Some(now + pause);
                self.bytes = 0;
            }
            Some(_) => {}
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
