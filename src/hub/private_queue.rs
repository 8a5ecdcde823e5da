//! What is for one client alone, between two messages of its channel.

use std::time::Instant;

use super::channel::Channel;

/// Bytes that may wait, where they may go together. Beyond that nothing more is told: who does not read must not make the server
/// keep its answers.
const MAX: usize = 4096;

/// Bytes for one client alone. Where there is a pace they are a message without bytes in it, which keeps them apart from others: the
/// course's client shows one string of each `read`.
#[derive(Debug, Default)]
pub struct PrivateQueue {
    bytes: Vec<u8>,
    /// The answer to the newest ping, behind them: it is enough (RFC 6455, 5.5.3), and takes no notice's place.
    pong: Vec<u8>,
    /// The place in the log before which they come: the end of a message.
    before: u64,
    /// How many messages are released when it is their turn.
    turn: u64,
}

impl PrivateQueue {
    /// Puts `what` at the end of what was said until now. While there is something already: behind that where there is no pace, up
    /// to 4 KiB, and not at all where there is.
    pub fn tell(&mut self, what: &[u8], channel: &mut Channel, now: Instant) {
        if self.is_empty() {
            self.begin(channel, now);
        } else if !channel.pacer.is_off() || self.bytes.len() + what.len() > MAX {
            return;
        }
        self.bytes.extend_from_slice(what);
    }

    /// The same for the answer to a ping.
    pub fn pong(&mut self, pong: Vec<u8>, channel: &mut Channel, now: Instant) {
        if self.is_empty() {
            self.begin(channel, now);
        }
        self.pong = pong;
    }

    /// Without a pace it needs no turn, and is no news to all who hear the channel.
    fn begin(&mut self, channel: &mut Channel, now: Instant) {
        self.before = channel.log.end();
        if !channel.pacer.is_off() {
            channel.pacer.push(self.before, now);
            channel.notices += 1;
        }
        self.turn = channel.pacer.pushed();
    }

    /// True when all is sent.
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty() && self.pong.is_empty()
    }

    /// The place in the log before which it comes.
    pub fn before(&self) -> u64 {
        self.before
    }

    /// How many messages are released when it is its turn.
    pub fn turn(&self) -> u64 {
        self.turn
    }

    /// What is to be sent next.
    pub fn bytes(&self) -> &[u8] {
        if self.bytes.is_empty() { &self.pong } else { &self.bytes }
    }

    /// What is left once so many of [`PrivateQueue::bytes`] are taken. A pong of which a part is taken is no answer that another could
    /// replace.
    pub fn without(mut self, taken: usize) -> PrivateQueue {
        if self.bytes.is_empty() && taken > 0 {
            self.bytes = std::mem::take(&mut self.pong);
        }
        self.bytes.drain(..taken);
        self
    }

    /// All that is not yet sent.
    pub fn all(&self) -> Vec<u8> {
        [&self.bytes[..], &self.pong].concat()
    }
}
