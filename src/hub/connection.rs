//! A client of the room: a cursor in the log of its channel.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsRawFd, RawFd};
use std::time::{Duration, Instant, SystemTime};

use nix::errno::Errno;

use super::channel::{Channel, ChannelId};
use super::private_queue::PrivateQueue;
use crate::chat::nick::Nick;
use crate::sys::{self, Pid};

/// How many moments a client may be given without its socket taking anything: after that, it has stopped.
pub const MAX_PAUSES: u32 = 10;

/// How long a client rests whose socket is able and takes nothing, because the system lacks memory (ENOBUFS, ENOMEM): poll
/// would report it at once, again and again.
const REST: Duration = Duration::from_millis(20);

/// A connected client.
#[derive(Debug)]
pub struct Connection {
    /// Its child.
    pub pid: Pid,
    /// The hub's copy of its socket; the child has another.
    pub socket: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Since when it is in, as clocks on walls have it: they go on while the machine sleeps.
    pub since: SystemTime,
    /// The name that it gives itself, in what was passed on.
    pub pseudo: Nick,
    /// What it has said, passed on or not: bytes with the NULs that end its messages.
    pub said: Traffic,
    /// What its socket has taken: messages as of when it had last taken all that there was.
    pub heard: Traffic,
    /// The channel that it hears.
    pub channel_id: ChannelId,
    /// Why it left, as its child has told: 0 at the end of file, an errno, or [`crate::hub::record::IDLE`].
    pub left: Option<i32>,
    /// Its last words, when it was sent away.
    pub sent_away: Option<Vec<u8>>,
    /// What its first words have shown.
    pub standing: HandshakeState,
    /// The place in the log up to which its socket has taken all.
    pub cursor: u64,
    /// Since when its socket takes less than there is.
    pub blocked_since: Option<Instant>,
    /// Poll has found it able again.
    pub can_take: bool,
    /// Until when it is not polled: it was found able, and took nothing.
    pub rests_until: Option<Instant>,
    /// Moments that it was given since its socket last took a byte.
    pub pauses: u32,
    /// Its connection takes nothing any more; its child will say so.
    pub gone: bool,
    /// Its child has ended and was reaped: its number may be another process's already.
    pub reaped: bool,
    /// The errno of which a `send` learned that, if it says more than that nobody is there. A socket tells it once: the child
    /// then reads an orderly end.
    broke: Option<i32>,
    /// What is for it alone.
    pub aside: PrivateQueue,
    /// How many messages its channel had before it came.
    earlier: u64,
}

/// Messages and their bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Traffic {
    /// How many.
    pub messages: u64,
    /// How many bytes in all.
    pub bytes: u64,
}

impl Traffic {
    /// Adds what another has.
    pub fn add(&mut self, other: Traffic) {
        self.messages += other.messages;
        self.bytes += other.bytes;
    }
}

/// What a client's first words have shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HandshakeState {
    /// It has said nothing yet.
    Silent,
    /// It may speak.
    Speaks,
    /// It was sent away for what it said, and nothing more of it is heard.
    Refused,
}

/// How far a client is behind what it could have heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Bytes released and not taken.
    pub bytes: u64,
    /// For how long its socket has not taken all.
    pub since: Duration,
}

impl Connection {
    /// A client that hears what comes after the place `cursor` of its channel, and after the messages `earlier`.
    pub fn new(
        pid: Pid,
        (socket, peer): (TcpStream, SocketAddr),
        channel_id: ChannelId,
        cursor: u64,
        earlier: u64,
    ) -> Connection {
        Connection {
            pid,
            socket,
            peer,
            since: SystemTime::now(),
            pseudo: Nick::default(),
            said: Traffic::default(),
            heard: Traffic::default(),
            channel_id,
            left: None,
            sent_away: None,
            standing: HandshakeState::Silent,
            cursor,
            blocked_since: None,
            can_take: false,
            rests_until: None,
            pauses: 0,
            gone: false,
            reaped: false,
            broke: None,
            aside: PrivateQueue::default(),
            earlier,
        }
    }

    /// It hears another channel from now on, see [`crate::hub::room::Room::let_in`].
    pub fn move_to(&mut self, channel_id: ChannelId, channel: &Channel) {
        self.channel_id = channel_id;
        (self.cursor, self.earlier) = (channel.log.end(), channel.said());
    }

    /// True when its child ended before it had said why.
    pub fn died_unexpectedly(&self) -> bool {
        self.left.is_none() && self.sent_away.is_none()
    }

    /// Why it left: what its child has told, or, where that was an orderly end, the errno that the hub has met. `None` when its
    /// child ended before it had said so.
    pub fn why_it_left(&self) -> Option<i32> {
        match self.left {
            Some(0) => self.broke.or(Some(0)),
            notified => notified,
        }
    }

    /// The descriptor of its socket, the same number in the hub and in its child.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }

    /// Sends what is released and not yet sent, in one `send`, unless something is for it alone. Returns how many bytes the
    /// socket took.
    pub fn catch_up(&mut self, channel: &Channel, now: Instant) -> usize {
        if self.aside.is_empty() || channel.pacer.count() < self.aside.turn() {
            return self.catch_up_to(channel.pacer.released(), channel, now);
        }
        let mut sent = self.catch_up_to(self.aside.before(), channel, now);
        while self.cursor == self.aside.before() && !self.aside.is_empty() {
            let notified = std::mem::take(&mut self.aside);
            let taken = self.send(notified.bytes(), now);
            self.aside = notified.without(taken);
            sent += taken;
            if taken == 0 || self.blocked_since.is_some() {
                return sent;
            }
        }
        if self.aside.is_empty() {
            sent += self.catch_up_to(channel.pacer.released(), channel, now);
        }
        sent
    }

    fn catch_up_to(&mut self, place: u64, channel: &Channel, now: Instant) -> usize {
        let sent = self.send(channel.log.between(self.cursor, place), now);
        self.cursor += sent as u64;
        if self.cursor == channel.pacer.released() {
            self.heard.messages = channel.released().saturating_sub(self.earlier);
        }
        sent
    }

    /// One `send`, as far as the socket takes it. Returns how much that was.
    fn send(&mut self, bytes: &[u8], now: Instant) -> usize {
        if bytes.is_empty() || self.gone {
            return 0;
        }
        match sys::try_send(&self.socket, bytes) {
            Ok(sent) => {
                if sent > 0 {
                    self.pauses = 0;
                    self.heard.bytes += sent as u64;
                }
                let lacks_memory = sent == 0 && sys::is_writable_now(&self.socket);
                self.rests_until = lacks_memory.then(|| now + REST);
                self.blocked_since = if sent < bytes.len() { self.blocked_since.or(Some(now)) } else { None };
                sent
            }
            Err(error) => {
                self.gone = true;
                self.broke = error.raw_os_error().filter(|&errno| errno != Errno::EPIPE as i32);
                0
            }
        }
    }

    /// True until it has rested.
    pub fn rests(&self, now: Instant) -> bool {
        !self.gone && self.rests_until.is_some_and(|until| now < until)
    }

    /// Bytes that are released and that it has not taken.
    pub fn behind(&self, channel: &Channel) -> u64 {
        if self.gone { 0 } else { channel.pacer.released().saturating_sub(self.cursor) }
    }

    /// What it has not taken of what was said, up to now; nothing where it has stopped in something for it alone.
    pub fn not_taken<'a>(&self, channel: &'a Channel) -> &'a [u8] {
        let log = &channel.log;
        if self.aside.is_empty() { log.between(self.cursor, log.end()) } else { &[] }
    }

    /// True when it is more than half its limit behind and may be reading.
    pub fn is_under_pressure(&self, channel: &Channel, lag_limit: u64) -> bool {
        self.behind(channel) > lag_limit / 2 && self.pauses < MAX_PAUSES
    }

    /// What was said, to all or to it alone, and not yet sent to it.
    pub fn rest(&self, channel: &Channel) -> Vec<u8> {
        if self.gone {
            return Vec::new();
        }
        let log = &channel.log;
        let before = if self.aside.is_empty() { self.cursor } else { self.aside.before() };
        [log.between(self.cursor, before), &self.aside.all(), log.between(before, log.end())].concat()
    }
}
