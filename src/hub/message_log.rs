//! The messages, in the one order that all clients see. A client is a cursor: the position up to
//! which its socket has taken all. Queueing a message is one append to a channel, whatever the
//! number of its readers.

use std::ops::{Index, IndexMut};
use std::time::{Duration, Instant};

use super::pacer::Pacer;
use crate::sys::{self, Pid, dontfork_vec};

/// Memory that an empty log may keep: each client of directed messages has one.
const KEPT: usize = 256 << 10;

/// The bytes of a channel from the slowest reader's cursor on, addressed by their position since
/// the server started. Positions only grow, so a cursor stays valid when the log is trimmed.
#[derive(Debug)]
pub(crate) struct MessageLog {
    bytes: Vec<u8>,
    /// The position of `bytes[0]`.
    start: u64,
}

impl Default for MessageLog {
    fn default() -> MessageLog {
        MessageLog { bytes: dontfork_vec(), start: 0 }
    }
}

impl MessageLog {
    /// Appends `message` and returns the position after it.
    pub fn append(&mut self, message: &[u8]) -> u64 {
        self.bytes.extend_from_slice(message);
        self.end()
    }

    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes from position `from` up to `to`; none unless `to` is beyond `from`. A position
    /// outside the log stands for its nearest end.
    pub fn between(&self, from: u64, to: u64) -> &[u8] {
        let index = |position: u64| (position.clamp(self.start, self.end()) - self.start) as usize;
        self.bytes.get(index(from)..index(to)).unwrap_or_default()
    }

    pub fn trim(&mut self, from: u64) {
        let unneeded = (from.clamp(self.start, self.end()) - self.start) as usize;
        if unneeded == self.bytes.len() {
            self.start += unneeded as u64;
            self.bytes.clear();
            // The memory of a flood goes back to the system.
            if self.bytes.capacity() > KEPT {
                self.bytes = dontfork_vec();
            }
        } else if unneeded > self.bytes.len() / 2 {
            // Only when more goes than stays: each byte is moved once on average.
            self.bytes.drain(..unneeded);
            self.start += unneeded as u64;
        }
    }
}

/// A log and its [`Pacer`], which says up to where the log may be sent.
#[derive(Debug)]
pub(crate) struct Channel {
    pub log: MessageLog,
    pub pacer: Pacer,
    pub readers: usize,
    /// Released messages at the last round of sending to all readers.
    pub offered: u64,
    /// Turns of the pacer that belong to a private notice, not to a message.
    pub notices: u64,
    /// The cursor of the slowest reader: the log is kept from here.
    pub needed: u64,
    /// The end of what was released before the last round of sending.
    pub settled: u64,
}

impl Channel {
    pub fn messages(&self) -> u64 {
        self.pacer.pushed - self.notices
    }

    /// Messages released so far; one less while a notice waits for its turn.
    pub fn released_messages(&self) -> u64 {
        self.pacer.count().saturating_sub(self.notices)
    }

    /// True when messages were released since the last round of sending.
    pub fn has_news(&self) -> bool {
        self.pacer.count() != self.offered
    }

    /// Ends a round of sending that took from `started` to `ended`.
    pub fn end_round(&mut self, started: Instant, ended: Instant) {
        self.log.trim(self.needed);
        self.settled = self.pacer.released;
        if self.has_news() {
            self.offered = self.pacer.count();
            self.pacer.sent(started, ended);
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct ChannelId(usize);

#[derive(Debug)]
pub(crate) struct Channels {
    pub(super) all: Vec<Channel>,
    /// Connections with a private notice that no pacer's turn announces.
    pub(super) notified: Vec<Pid>,
}

impl Default for Channels {
    fn default() -> Channels {
        Channels { all: dontfork_vec(), notified: dontfork_vec() }
    }
}

impl Channels {
    /// Adds a channel with at least `pace` between two messages; [`Duration::ZERO`]: no pacing.
    pub fn add(&mut self, pace: Duration, now: Instant) -> ChannelId {
        let (log, pacer) = (MessageLog::default(), Pacer::new(pace, now));
        self.all.push(Channel { log, pacer, readers: 0, offered: 0, notices: 0, needed: 0, settled: 0 });
        ChannelId(self.all.len() - 1)
    }

    /// A channel without readers and without pacing, for one client alone.
    pub fn unused(&mut self, now: Instant) -> ChannelId {
        match self.all.iter().position(|channel| channel.readers == 0) {
            Some(at) => ChannelId(at),
            None => self.add(Duration::ZERO, now),
        }
    }

    pub fn readers(&self) -> usize {
        self.all.iter().map(|channel| channel.readers).sum()
    }

    /// Appends a message for all readers of a channel.
    pub fn say(&mut self, id: ChannelId, message: &[u8], now: Instant) {
        let Channel { log, pacer, .. } = &mut self[id];
        pacer.push(log.append(message), now);
    }

    pub(super) fn discard_in_child(&mut self) {
        sys::discard_in_child(&mut self.all);
        sys::discard_in_child(&mut self.notified);
    }
}

impl Index<ChannelId> for Channels {
    type Output = Channel;

    fn index(&self, ChannelId(at): ChannelId) -> &Channel {
        &self.all[at]
    }
}

impl IndexMut<ChannelId> for Channels {
    fn index_mut(&mut self, ChannelId(at): ChannelId) -> &mut Channel {
        &mut self.all[at]
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_position_stays_valid_when_the_log_is_trimmed() {
        let mut log = MessageLog::default();
        let first = log.append(b"un");
        let second = log.append(b"deux");
        log.append(b"trois");
        log.trim(second);
        assert_eq!(log.between(second, log.end()), b"trois");
        // A trimmed position gives nothing.
        assert_eq!(log.between(first, second), b"");
        log.trim(log.end());
        assert_eq!((log.end(), log.between(0, log.end())), (11, &b""[..]));
    }

    proptest! {
        #[test]
        fn trimming_keeps_all_bytes_from_the_position_on(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..50),
            trims in prop::collection::vec(0u64..2500, 50),
        ) {
            let (mut log, mut whole, mut needed) = (MessageLog::default(), Vec::new(), 0);
            for (message, trim) in messages.iter().zip(trims) {
                whole.extend_from_slice(message);
                prop_assert_eq!(log.append(message), whole.len() as u64);
                needed = trim.clamp(needed, log.end());
                log.trim(needed);
                prop_assert_eq!(log.between(needed, log.end()), &whole[needed as usize..]);
            }
        }
    }
}
