//! Bytes for one client alone: a notice of the server, the answer to a WebSocket ping. They are
//! sent between two messages of the client's channel, behind all that was said before the last of
//! them: the answer to a probe tells that nothing said before it is still to come.
//!
//! Where the channel is paced, a notice takes a turn of the pacer like a message without bytes:
//! that keeps it in a `send` of its own, for clients that show one C string per `read`.

use std::time::Instant;

use super::message_log::Channel;

/// Bytes that may wait in an unpaced queue. Further notices are dropped: a client that does not
/// read must not make the server store its answers.
const MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct PrivateQueue {
    notices: Vec<u8>,
    /// The answer to the newest ping, sent after the notices: one suffices (RFC 6455, 5.5.3).
    pong: Vec<u8>,
    /// The position in the log, between messages, at which the queue is sent in its turn.
    pub position: u64,
    /// The queue is sent once the pacer has released so many messages.
    turn: u64,
    /// The notices were sent in part: the rest comes before any message.
    is_cut: bool,
}

impl PrivateQueue {
    /// Queues a notice. It is dropped where the queue of a paced channel is not empty, or an
    /// unpaced one is full or was sent in part. True when it is the first in an unpaced channel,
    /// which no turn of the pacer announces.
    pub fn tell(&mut self, notice: &[u8], channel: &mut Channel, now: Instant) -> bool {
        let is_first = self.is_empty();
        let is_full = self.is_cut || self.notices.len() + notice.len() > MAX;
        if !is_first && (!channel.pacer.is_off() || is_full) {
            return false;
        }
        self.notices.extend_from_slice(notice);
        self.begin(channel, now) && is_first
    }

    /// Queues the answer to a ping in place of an earlier one. Returns as [`PrivateQueue::tell`].
    pub fn pong(&mut self, pong: Vec<u8>, channel: &mut Channel, now: Instant) -> bool {
        let is_unannounced = self.is_empty() && self.begin(channel, now);
        self.pong = pong;
        is_unannounced
    }

    /// Takes a place behind what was said until now. True without pacing.
    fn begin(&mut self, channel: &mut Channel, now: Instant) -> bool {
        self.position = channel.log.end();
        if !channel.pacer.is_off() {
            channel.pacer.push(self.position, now);
            channel.notices += 1;
        }
        self.turn = channel.pacer.pushed;
        channel.pacer.is_off()
    }

    pub fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.pong.is_empty()
    }

    /// True when something is queued and its turn of the pacer has come.
    pub fn is_due(&self, channel: &Channel) -> bool {
        !self.is_empty() && channel.pacer.count() >= self.turn
    }

    /// The bytes of the next `send`.
    pub fn front(&self) -> &[u8] {
        if self.notices.is_empty() { &self.pong } else { &self.notices }
    }

    /// Removes the first `sent` bytes of [`PrivateQueue::front`]. A pong that was sent in part
    /// becomes a notice: no later pong may replace it.
    pub fn consume(mut self, sent: usize) -> PrivateQueue {
        if self.notices.is_empty() && sent > 0 {
            self.notices = std::mem::take(&mut self.pong);
        }
        self.notices.drain(..sent);
        self.is_cut = !self.notices.is_empty() && (self.is_cut || sent > 0);
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::hub::message_log::Channels;
    use std::time::Duration;

    #[test]
    fn a_later_notice_takes_the_queue_behind_what_was_said_unless_it_was_sent_in_part() {
        let (now, mut channels, mut queue) = (Instant::now(), Channels::default(), PrivateQueue::default());
        let id = channels.add(Duration::ZERO, now);
        assert!(queue.tell(b"one ", &mut channels[id], now));
        channels.say(id, b"said", now);
        assert!(!queue.tell(b"two", &mut channels[id], now), "the queue is announced");
        assert_eq!((queue.position, queue.front()), (4, &b"one two"[..]));
        queue = queue.consume(0);
        channels.say(id, b"said", now);
        assert!(!queue.tell(b" three", &mut channels[id], now));
        queue = queue.consume(2);
        channels.say(id, b"said", now);
        assert!(!queue.tell(b" four", &mut channels[id], now));
        assert_eq!((queue.position, queue.front()), (8, &b"e two three"[..]));
        queue = queue.consume(11);
        assert!(queue.tell(b"five", &mut channels[id], now));
        assert_eq!((queue.position, queue.front()), (12, &b"five"[..]));
    }
}
