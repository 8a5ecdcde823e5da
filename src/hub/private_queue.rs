//! Bytes for one client alone: a notice of the server, the answer to a WebSocket ping. They are sent between two messages of the
//! client's channel, in the order in which notice and messages came.
//!
//! Where the channel is paced, a notice takes a turn of the pacer like a message without bytes: that keeps it in a `send` of
//! its own, for clients that show one C string per `read`.

use std::time::Instant;

use super::connection::Connection;
use super::message_log::{Channel, ChannelId, Channels};

/// Bytes that may wait in an unpaced queue. Further notices are dropped: a client that does not read must not make the server
/// store its answers.
const MAX: usize = 4096;

#[derive(Debug, Default)]
pub(crate) struct PrivateQueue {
    notices: Vec<u8>,
    /// The answer to the newest ping, sent after the notices. One answer to several pings is enough (RFC 6455, 5.5.3).
    pong: Vec<u8>,
    /// The position in the log before which the queue is sent: the end of a message.
    position: u64,
    /// The queue is sent once the pacer has released so many messages.
    turn: u64,
}

impl Channels {
    /// Queues a notice for one client. It is dropped where the queue of a paced channel is not empty, or an unpaced one is full.
    pub fn tell(&mut self, connection: &mut Connection, notice: &[u8], now: Instant) {
        let Some(id) = connection.channel else { return };
        if connection.private_queue.is_empty() {
            self.begin_queue(id, connection, now);
        } else if !self[id].pacer.is_off() || connection.private_queue.notices.len() + notice.len() > MAX {
            return;
        }
        connection.private_queue.notices.extend_from_slice(notice);
    }

    /// Queues the answer to a ping, in place of an earlier one that still waits.
    pub fn pong(&mut self, connection: &mut Connection, pong: Vec<u8>, now: Instant) {
        let Some(id) = connection.channel else { return };
        if connection.private_queue.is_empty() {
            self.begin_queue(id, connection, now);
        }
        connection.private_queue.pong = pong;
    }

    fn begin_queue(&mut self, id: ChannelId, connection: &mut Connection, now: Instant) {
        let channel = &mut self[id];
        let position = channel.log.end();
        let is_paced = !channel.pacer.is_off();
        if is_paced {
            channel.pacer.push(position, now);
            channel.notices += 1;
        }
        connection.private_queue.position = position;
        connection.private_queue.turn = channel.pacer.pushed();
        if !is_paced {
            self.notified.push(connection.pid);
        }
    }
}

impl PrivateQueue {
    pub fn is_empty(&self) -> bool {
        self.notices.is_empty() && self.pong.is_empty()
    }

    /// The position in the log before which the queue is sent, once its turn has come.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// True when something is queued and its turn of the pacer has come.
    pub fn is_due(&self, channel: &Channel) -> bool {
        !self.is_empty() && channel.pacer.count() >= self.turn
    }

    /// The bytes of the next `send`.
    pub fn front(&self) -> &[u8] {
        if self.notices.is_empty() { &self.pong } else { &self.notices }
    }

    /// Removes the first `sent` bytes of [`PrivateQueue::front`]. A pong that was sent in part becomes a notice: no later pong may
    /// replace it.
    pub fn consume(mut self, sent: usize) -> PrivateQueue {
        if self.notices.is_empty() && sent > 0 {
            self.notices = std::mem::take(&mut self.pong);
        }
        self.notices.drain(..sent);
        self
    }

    /// All unsent bytes.
    pub fn all(&self) -> Vec<u8> {
        [&self.notices[..], &self.pong].concat()
    }
}
