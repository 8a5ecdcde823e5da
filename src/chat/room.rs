//! The room: who is in it, what was said, and how far each has heard it.

use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::log::Log;
use super::pacer::Pacer;
use super::record::Record;
use crate::sys::{self, Interest, Pid, PollFd, Signal, large};

/// A connected client, which is a cursor in the log.
#[derive(Debug)]
pub struct Client {
    /// Its child.
    pub pid: Pid,
    /// The hub's copy of its socket; the child has another.
    pub socket: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// The channel that it hears.
    pub hears: Hears,
    /// Why it left, as its child has told: 0 at the end of file, or an errno.
    pub left: Option<i32>,
    /// Its last words, when it was sent away.
    pub sent_away: Option<Vec<u8>>,
    /// The place in the log up to which its socket has taken all.
    cursor: u64,
    /// Since when its socket takes less than there is.
    blocked_since: Option<Instant>,
    /// Poll has found it able again.
    can_take: bool,
    /// It was able, and took nothing: it is not polled while the room [rests](Room::rests_until).
    lacks_memory: bool,
    /// Moments that it was given since its socket last took a byte.
    moments: u32,
    /// Its connection takes nothing any more; its child will say so.
    gone: bool,
    /// The errno of which a `send` learned that, if it says more than that nobody is there. A socket tells it once: the child
    /// then reads an orderly end.
    broke: Option<i32>,
}

impl Client {
    /// True when its child ended before it had said why.
    pub fn lost_its_child(&self) -> bool {
        self.left.is_none() && self.sent_away.is_none()
    }

    /// Why it left: 0 at the end of file, or an errno; `None` when its child ended before it had said so.
    pub fn why_it_left(&self) -> Option<i32> {
        match self.left {
            Some(0) => self.broke.or(Some(0)),
            told => told,
        }
    }

    /// The descriptor of its socket, the same number in the hub and in its child.
    pub fn descriptor(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// How far a client is behind what it could have heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Lag {
    /// Bytes released and not taken.
    pub bytes: u64,
    /// For how long its socket has not taken all.
    pub since: Duration,
}

/// What one round of sending came to.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Clients that are further behind than they may be.
    pub laggards: Vec<Pid>,
    /// A client is more than half its limit behind and may be reading: it makes sense to give it a moment.
    pub strained: bool,
}

/// How many moments a client may be given without its socket taking anything: after that, it has stopped.
const MOST_MOMENTS: u32 = 10;

/// How long a client rests whose socket is able and takes nothing, because the system lacks memory (ENOBUFS, ENOMEM): poll
/// would report it at once, again and again.
const REST: Duration = Duration::from_millis(20);

/// The room.
#[derive(Debug)]
pub struct Room {
    /// Ordered by `pid`. One block, since each message writes to every cursor. Not dropped implicitly: a child gives the
    /// block back without closing sockets, which in a child it does not own.
    clients: Vec<ManuallyDrop<Client>>,
    channels: Vec<Channel>,
    lag_limit: u64,
    /// Somebody's socket takes bytes again.
    somebody_can_take: bool,
    /// As in [`Delivery::strained`], since the last one.
    strained: bool,
    /// Until when clients are left alone that cannot be sent to for want of memory.
    rests_until: Option<Instant>,
}

/// What some clients hear: one encoding of all that is said, or what is said to one client alone.
#[derive(Debug)]
struct Channel {
    log: Log,
    pacer: Pacer,
    /// The released mark up to which all have been offered the log.
    offered: u64,
    /// The place of the slowest, from which the log is kept.
    needed: u64,
}

impl Channel {
    fn has_news(&self) -> bool {
        self.pacer.released() != self.offered
    }
}

/// A channel's number.
pub type Hears = usize;

impl Room {
    /// An empty room without a channel. A client more than `lag_limit` bytes behind is to be dropped.
    pub fn new(lag_limit: u64) -> Room {
        Room {
            clients: large(),
            channels: large(),
            lag_limit,
            somebody_can_take: false,
            strained: false,
            rests_until: None,
        }
    }

    /// Adds a channel with `pace` between two messages and returns its number: 0, 1, ...
    pub fn add_channel(&mut self, pace: Duration, now: Instant) -> Hears {
        let (log, pacer) = (Log::default(), Pacer::new(pace, now));
        self.channels.push(Channel { log, pacer, offered: 0, needed: 0 });
        self.channels.len() - 1
    }

    /// A channel that nobody hears yet, without pace: for one client alone.
    pub fn own_channel(&mut self, now: Instant) -> Hears {
        let is_free = |channel: &Hears| self.clients.iter().all(|client| client.hears != *channel);
        let free = (0..self.channels.len()).find(is_free);
        free.unwrap_or_else(|| self.add_channel(Duration::ZERO, now))
    }

    /// How many clients there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// True when nobody is in.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// The client that `pid` serves.
    pub fn client(&mut self, pid: Pid) -> Option<&mut Client> {
        let at = self.place_of(pid).ok()?;
        Some(&mut self.clients[at])
    }

    /// What a client hears; `None` when it hears nothing any more: it has left, was sent away, or its connection is gone.
    pub fn heard_by(&self, pid: Pid) -> Option<Hears> {
        let client = &self.clients[self.place_of(pid).ok()?];
        (!client.gone && client.left.is_none()).then_some(client.hears)
    }

    /// Where it is, or where it would be.
    fn place_of(&self, pid: Pid) -> Result<usize, usize> {
        self.clients.binary_search_by_key(&pid, |client| client.pid)
    }

    /// The children, in the order of their numbers.
    pub fn children(&self) -> Vec<Pid> {
        self.clients.iter().map(|client| client.pid).collect()
    }

    /// Lets a client in; it hears what is said in one channel from now on.
    pub fn join(&mut self, pid: Pid, (socket, peer): (TcpStream, SocketAddr), hears: Hears) {
        let cursor = self.channels[hears].log.end();
        let client = Client {
            pid,
            socket,
            peer,
            hears,
            left: None,
            sent_away: None,
            cursor,
            blocked_since: None,
            can_take: false,
            lacks_memory: false,
            moments: 0,
            gone: false,
            broke: None,
        };
        let (Ok(at) | Err(at)) = self.place_of(pid);
        self.clients.insert(at, ManuallyDrop::new(client));
    }

    /// Notes why a client left, as its child has told in a record of [`super::record::Kind::Left`].
    pub fn left(&mut self, record: &Record) {
        if let Some(client) = self.client(record.pid) {
            client.left = record.body.try_into().ok().map(i32::from_ne_bytes);
        }
    }

    /// Says `message` to all who hear a channel: one append, however many they are.
    pub fn say(&mut self, channel: Hears, message: &[u8], now: Instant) {
        let Channel { log, pacer, .. } = &mut self.channels[channel];
        pacer.push(log.append(message), now);
    }

    /// When the next message may leave, or those that rest `now` have rested.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let rested = self.rests_until.filter(|&until| now < until);
        self.channels.iter().filter_map(|channel| channel.pacer.due()).chain(rested).min()
    }

    /// The sockets that were full, to wait until they take bytes again, but for those that rest `now`. The others are not
    /// watched: an idle room of a thousand costs poll nothing.
    pub fn blocked(&self, now: Instant) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        let blocked = self.clients.iter().filter(|client| client.blocked_since.is_some() && !client.gone);
        let rests = self.rests_until.is_some_and(|until| now < until);
        let blocked = blocked.filter(move |client| !(rests && client.lacks_memory));
        blocked.map(|client| (client.pid, sys::watch(client.socket.as_fd(), Interest::Write)))
    }

    /// Says that poll found one of [`Room::blocked`] able to take bytes again.
    pub fn can_take(&mut self, pid: Pid) {
        if let Some(client) = self.client(pid) {
            client.can_take = true;
            self.somebody_can_take = true;
        }
    }

    /// Gives the memory for clients and messages back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        self.clients = Vec::new();
        self.channels = Vec::new();
    }

    /// Releases what may leave now and sends it to each client that can take it. Tells `sent` how many bytes went to which
    /// descriptor.
    pub fn deliver(&mut self, now: Instant, sent: impl FnMut(RawFd, usize)) -> Delivery {
        self.channels.iter_mut().for_each(|channel| channel.pacer.release(now));
        let moved = self.channels.iter().any(Channel::has_news);
        if !moved && !self.somebody_can_take {
            return Delivery { strained: self.strained, ..Delivery::default() };
        }
        self.deliver_released(now, sent)
    }

    /// Counts a moment for each client that one is given for.
    pub fn begin_moment(&mut self) {
        let Room { clients, channels, lag_limit, .. } = self;
        let strained = clients.iter_mut().filter(|c| c.is_strained(channels, *lag_limit));
        strained.for_each(|client| client.moments += 1);
    }

    /// The moment is over: each client that it was for is tried, whatever poll says, which finds a socket able only when a
    /// third of its buffer is free.
    pub fn end_moment(&mut self) {
        let Room { clients, channels, lag_limit, .. } = self;
        let behind = clients.iter_mut().filter(|client| client.behind(channels) > *lag_limit / 2);
        behind.for_each(|client| client.can_take = true);
        self.somebody_can_take = true;
    }

    /// The same when the room closes: everything goes at once.
    pub fn deliver_all(&mut self, now: Instant) -> Delivery {
        self.channels.iter_mut().for_each(|channel| channel.pacer.release_all());
        self.deliver_released(now, |_, _| ())
    }

    fn deliver_released(&mut self, now: Instant, mut sent: impl FnMut(RawFd, usize)) -> Delivery {
        let mut delivery = Delivery::default();
        let Room { clients, channels, lag_limit, rests_until, .. } = self;
        channels.iter_mut().for_each(|channel| channel.needed = channel.pacer.released());
        for client in clients {
            if client.blocked_since.is_none() || std::mem::take(&mut client.can_take) {
                let bytes = client.catch_up(channels, now);
                if bytes > 0 {
                    sent(client.descriptor(), bytes);
                } else if client.lacks_memory {
                    *rests_until = Some(now + REST);
                }
            }
            delivery.strained |= client.is_strained(channels, *lag_limit);
            if client.behind(channels) > *lag_limit {
                delivery.laggards.push(client.pid);
            }
            if !client.gone {
                let channel = &mut channels[client.hears];
                channel.needed = channel.needed.min(client.cursor);
            }
        }
        let ended = Instant::now();
        for channel in channels {
            channel.log.trim(channel.needed);
            if channel.has_news() {
                channel.offered = channel.pacer.released();
                channel.pacer.sent(now, ended);
            }
        }
        self.somebody_can_take = false;
        self.strained = delivery.strained;
        delivery
    }

    /// A client, and how far it is behind.
    pub fn laggard(&mut self, pid: Pid, now: Instant) -> Option<(&Client, Lag)> {
        let client = &self.clients[self.place_of(pid).ok()?];
        let since = client.blocked_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        Some((client, Lag { bytes: client.behind(&self.channels), since }))
    }

    /// Gives a client up: it hears nothing more but its `last_words`. Its child goes first; the rest happens when that is
    /// reaped, as for every other client.
    pub fn send_away(&mut self, pid: Pid, last_words: Vec<u8>) {
        let Some(client) = self.client(pid) else { return };
        client.sent_away = Some(last_words);
        client.gone = true;
        // Not SIGTERM: a child that somebody has stopped would not take it.
        sys::kill(pid, Signal::SIGKILL);
    }

    /// Takes a client out of the room, with what was said before it left and not yet sent to it.
    pub fn leave(&mut self, pid: Pid) -> Option<(Client, Vec<u8>)> {
        let client = ManuallyDrop::into_inner(self.clients.remove(self.place_of(pid).ok()?));
        let log = &self.channels[client.hears].log;
        let rest = if client.gone { &[][..] } else { log.between(client.cursor, log.end()) };
        let rest = rest.to_vec();
        Some((client, rest))
    }
}

impl Client {
    /// Sends what is released and not yet sent, in one `send`. Returns how many bytes the socket took.
    fn catch_up(&mut self, channels: &[Channel], now: Instant) -> usize {
        let channel = &channels[self.hears];
        let bytes = channel.log.between(self.cursor, channel.pacer.released());
        if bytes.is_empty() || self.gone {
            return 0;
        }
        match sys::send_now(&self.socket, bytes) {
            Ok(sent) => {
                self.cursor += sent as u64;
                if sent > 0 {
                    self.moments = 0;
                }
                self.lacks_memory = sent == 0 && sys::is_writable_now(&self.socket);
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

    fn behind(&self, channels: &[Channel]) -> u64 {
        let released = channels[self.hears].pacer.released();
        if self.gone { 0 } else { released.saturating_sub(self.cursor) }
    }

    fn is_strained(&self, channels: &[Channel], lag_limit: u64) -> bool {
        self.behind(channels) > lag_limit / 2 && self.moments < MOST_MOMENTS
    }
}

#[cfg(test)]
mod tests;
