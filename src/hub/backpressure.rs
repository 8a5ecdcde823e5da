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
//!
//! One slow reader is slower than the shortest rate that the pauses leave, and is disconnected:
//! it does not slow down the others. Where half of the readers are beyond their limit, as all of a
//! class on slow links are, pauses follow each other until fewer are: the room goes at the pace of
//! its median reader.

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
pub(super) const LONG_PAUSE: Duration = Duration::from_millis(100);

/// For half of the clients beyond their limit: pauses that follow each other.
pub(super) const MAX_PAUSE: Duration = Duration::from_secs(1);

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
    /// When the first of the pauses that follow each other began.
    paused_since: Option<Instant>,
    /// The server ends: the rest of the pipe is to be read in a bounded time.
    pub(super) is_ending: bool,
    /// The pause that a client of the last round of sending needs.
    pub(super) pressure: Option<Duration>,
    /// Clients judged in the last round of sending, and those beyond their limit that still read.
    readers: usize,
    late: usize,
    /// When a client will have been beyond its limit for too long.
    pub(super) judge_at: Option<Instant>,
}

impl Backpressure {
    pub fn new(lag_limit: u64) -> Backpressure {
        Backpressure {
            lag_limit,
            paused_until: None,
            bytes: 0,
            paused_since: None,
            is_ending: false,
            pressure: None,
            readers: 0,
            late: 0,
            judge_at: None,
        }
    }

    /// At least two turns' bytes beyond the soft limit, however low that is.
    fn hard_limit(&self) -> u64 {
        self.lag_limit + self.lag_limit.max(2 * CAPACITY as u64)
    }

    pub fn begin_round(&mut self) {
        (self.pressure, self.judge_at) = (None, None);
        (self.readers, self.late) = (0, 0);
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
        self.readers += 1;
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
            self.late += usize::from(connection.late_since.is_some());
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
        let Some(pause) = self.pressure else {
            self.paused_until = None;
            return;
        };
        if self.paused_until.is_some() {
            return;
        }
        if self.bytes >= CAPACITY {
            (self.paused_since, self.bytes) = (Some(now), 0);
        } else if !self.may_go_on(now) {
            return;
        }
        self.paused_until = Some(now + pause);
    }

    /// The next pause may follow at once.
    fn may_go_on(&self, now: Instant) -> bool {
        let is_half_late = 2 * self.late >= self.readers.max(1);
        !self.is_ending && is_half_late && self.paused_since.is_some_and(|since| now < since + MAX_PAUSE)
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
