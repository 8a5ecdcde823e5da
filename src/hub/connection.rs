//! The hub's side of one client: its socket, and a cursor into the log of its channel.
//!
//! The hub alone writes to the socket, with `send` calls that never block. The client's worker has
//! another copy of the socket and only reads.

use std::net::TcpStream;
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime};

use super::message_log::{Channel, ChannelId, Channels};
use super::peer_address::PeerAddress;
use super::private_queue::PrivateQueue;
use crate::server::Silence;
use crate::sys::{self, Pid, ScopedAddress, Signal};

mod sending;

/// Sends from `cursor` on, and from `private_queue` between two messages, until it `is_closed`.
#[derive(Debug)]
pub(crate) struct Connection {
    pub pid: Pid,
    pub socket: TcpStream,
    pub peer: PeerAddress,
    /// When it connected. Wall-clock time, which goes on while the machine sleeps.
    pub since: SystemTime,
    /// Bytes that its socket has taken; messages as of when it had last taken all released ones.
    pub delivered: Traffic,
    /// The channel that it reads; `None` for a browser that has not entered the room.
    pub(super) channel: Option<ChannelId>,
    /// Why it left, as its worker reports in [`super::record::Kind::Left`].
    pub left: Option<i32>,
    /// Set by [`Connection::disconnect`]: the last bytes to send.
    pub last_words: Option<Vec<u8>>,
    /// The position in the log up to which its socket has taken all.
    pub(super) cursor: u64,
    /// Since when its socket has taken less than there is.
    pub blocked_since: Option<Instant>,
    /// `poll` has found a blocked socket writable.
    pub(super) is_writable: bool,
    /// Not polled until then: the socket was writable and took nothing.
    pub(super) retry_at: Option<Instant>,
    /// Sends in a row that failed so.
    starved: u32,
    /// When its socket, full since then, last took a byte or was found full.
    pub(super) stalled_since: Option<Instant>,
    /// Since when it has been beyond its lag limit.
    pub(super) late_since: Option<Instant>,
    /// Ended by each of its messages that is relayed.
    pub silence: Silence,
    /// Nothing is sent to it any more: a `send` failed, or the server has disconnected it.
    pub(super) is_closed: bool,
    /// Its worker holds a message for its rest.
    pub(super) is_held: bool,
    /// Its worker was reaped: the pid may belong to another process by now.
    pub(super) is_reaped: bool,
    /// Its worker was killed by [`Connection::end_worker`].
    pub(super) worker_killed: bool,
    /// The errno of a failed `send`, unless it is EPIPE. The kernel reports a reset once: the
    /// worker then reads an orderly end.
    send_error: Option<i32>,
    pub(super) private_queue: PrivateQueue,
    /// Messages of its channel before it joined.
    earlier: u64,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Traffic {
    pub messages: u64,
    pub bytes: u64,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Lag {
    /// Bytes that are released and that its socket has not taken.
    pub bytes: u64,
    /// For how long its socket has not taken all.
    pub since: Duration,
}

impl Connection {
    pub(super) fn new(pid: Pid, (socket, peer): (TcpStream, ScopedAddress)) -> Connection {
        Connection {
            pid,
            socket,
            peer: peer.into(),
            since: SystemTime::now(),
            delivered: Traffic::default(),
            channel: None,
            left: None,
            last_words: None,
            cursor: 0,
            blocked_since: None,
            is_writable: false,
            retry_at: None,
            starved: 0,
            stalled_since: None,
            late_since: None,
            silence: Silence::new(Instant::now()),
            is_closed: false,
            is_held: false,
            is_reaped: false,
            worker_killed: false,
            send_error: None,
            private_queue: PrivateQueue::default(),
            earlier: 0,
        }
    }

    /// Reads what is said in a channel from now on.
    pub fn join(&mut self, id: ChannelId, channels: &mut Channels) {
        self.leave_channel(channels);
        let channel = &mut channels[id];
        channel.readers += 1;
        self.channel = Some(id);
        (self.cursor, self.earlier) = (channel.log.end(), channel.messages());
    }

    /// Undoes [`Connection::join`]. Returns the channel.
    pub(super) fn leave_channel(&mut self, channels: &mut Channels) -> Option<ChannelId> {
        let id = self.channel.take();
        if let Some(id) = id {
            channels[id].readers -= 1;
        }
        id
    }

    /// Tells this client alone, between two messages.
    pub fn tell(&mut self, notice: &[u8], channels: &mut Channels, now: Instant) {
        let Some(id) = self.channel else { return };
        if self.private_queue.tell(notice, &mut channels[id], now) {
            channels.notified.push(self.pid);
        }
    }

    /// Sends nothing for this long, as if its socket were full.
    pub fn hold(&mut self, now: Instant, time: Duration) {
        (self.blocked_since, self.retry_at) = (Some(now), Some(now + time));
    }

    /// Answers this client's ping, between two messages.
    pub fn pong(&mut self, pong: Vec<u8>, channels: &mut Channels, now: Instant) {
        let Some(id) = self.channel else { return };
        if self.private_queue.pong(pong, &mut channels[id], now) {
            channels.notified.push(self.pid);
        }
    }

    pub fn channel(&self) -> Option<ChannelId> {
        self.channel
    }

    /// False once it has left, was disconnected, or a `send` to it has failed.
    pub fn is_open(&self) -> bool {
        !self.is_closed && self.left.is_none()
    }

    /// False once it has left or was disconnected: its worker ends then, or is killed. Still true
    /// after a failed `send`, until its worker has reported the end: a stopped worker, or one that
    /// was taken over, does not.
    pub fn is_served(&self) -> bool {
        self.left.is_none() && self.last_words.is_none()
    }

    /// True if the reaped worker ended without a report and was not killed by
    /// [`Connection::disconnect`].
    pub fn worker_died(&self) -> bool {
        self.is_served()
    }

    /// Why it left: the worker's report, or the hub's own errno where the worker saw an orderly
    /// end. `None` without a report.
    pub fn end_reason(&self) -> Option<i32> {
        match self.left {
            Some(0) => self.send_error.or(Some(0)),
            reported => reported,
        }
    }

    /// The number of its socket, the same in the hub and in the worker.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Disconnects it: it is sent nothing more but `last_words`. The worker is killed; the rest
    /// happens when that is reaped, as for any other end.
    pub fn disconnect(&mut self, last_words: Vec<u8>) {
        self.last_words = Some(last_words);
        self.is_closed = true;
        self.kill_worker();
    }

    /// Kills a worker that no longer acts for its client; the rest happens when it is reaped, as
    /// for one that crashed. False if it was killed before.
    pub(super) fn end_worker(&mut self) -> bool {
        let first = !std::mem::replace(&mut self.worker_killed, true);
        if first {
            self.kill_worker();
        }
        first
    }

    fn kill_worker(&self) {
        if !self.is_reaped {
            // Not SIGTERM, which stays pending in a stopped process.
            sys::kill(self.pid, Signal::SIGKILL);
        }
    }

    pub(super) fn behind(&self, channel: &Channel) -> u64 {
        if self.is_closed { 0 } else { channel.pacer.released.saturating_sub(self.cursor) }
    }

    /// Distance from the newest released byte; `None` where it reads no channel.
    pub fn lag(&self, channels: &Channels, now: Instant) -> Option<Lag> {
        let since = self.blocked_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        self.channel.map(|id| Lag { bytes: self.behind(&channels[id]), since })
    }

    /// The messages that its socket has not taken; none where it stopped within a private notice.
    pub(super) fn unsent_messages<'a>(&self, channel: &'a Channel) -> &'a [u8] {
        let log = &channel.log;
        if self.private_queue.is_empty() { log.between(self.cursor, log.end()) } else { &[] }
    }
}
