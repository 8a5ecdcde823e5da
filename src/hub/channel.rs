//! What some clients hear: one encoding of all that is said, or what is said to one client alone.

use std::time::Instant;

use super::message_log::MessageLog;
use super::pacer::Pacer;

/// A channel's number.
pub type ChannelId = usize;

/// A log, and how much of it is released.
#[derive(Debug)]
pub struct Channel {
    /// All that was said and is needed yet.
    pub log: MessageLog,
    /// Says what may leave.
    pub pacer: Pacer,
    /// How many released messages all have been offered.
    pub offered: u64,
    /// How many of those appended are no messages, but turns of what one client alone is told.
    pub notices: u64,
    /// The place of the slowest, from which the log is kept.
    pub needed: u64,
}

impl Channel {
    /// Nothing said yet.
    pub fn new(pacer: Pacer) -> Channel {
        Channel { log: MessageLog::default(), pacer, offered: 0, notices: 0, needed: 0 }
    }

    /// How many messages were said.
    pub fn said(&self) -> u64 {
        self.pacer.pushed() - self.notices
    }

    /// How many of them are released. One less for a moment, while a notice waits for its turn.
    pub fn released(&self) -> u64 {
        self.pacer.count().saturating_sub(self.notices)
    }

    /// Something is released that nobody has been offered yet.
    pub fn has_news(&self) -> bool {
        self.pacer.count() != self.offered
    }

    /// All have been offered what is released, from `started` to `ended`; what nobody needs is forgotten.
    pub fn was_offered(&mut self, started: Instant, ended: Instant) {
        self.log.trim(self.needed);
        if self.has_news() {
            self.offered = self.pacer.count();
            self.pacer.sent(started, ended);
        }
    }
}
