//! The room: who is in it, what was said, and how far each has heard it.

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, RawFd};
use std::time::{Duration, Instant};

use super::channel::{Channel, ChannelId};
use super::clients::ClientTable;
use super::connection::{Connection, Lag};
use super::pacer::Pacer;
use super::private_queue::PrivateQueue;
use super::record::Record;
use crate::sys::{self, Interest, Pid, PollFd, Signal, dontfork_vec};

/// So many of an address may be at the room's door beside those who have its places: a browser opens connections before it needs
/// them, and keeps them for a while.
const AT_THE_DOOR: usize = 8;

/// What one round of sending came to.
#[derive(Debug, Default)]
pub struct Delivery {
    /// Clients that are further behind than they may be.
    pub slow_readers: Vec<Pid>,
    /// A client is more than half its limit behind and may be reading: it makes sense to give it a moment.
    pub under_pressure: bool,
}

/// The room.
#[derive(Debug)]
pub struct Room {
    clients: ClientTable,
    channels: Vec<Channel>,
    /// What is heard by who is not in the room, or not yet: nothing.
    lobby: Option<ChannelId>,
    /// How many those are.
    visitors: usize,
    lag_limit: u64,
    /// Somebody's socket takes bytes again.
    any_writable: bool,
    /// Somebody's socket is full.
    any_blocked: bool,
    /// As in [`Delivery::under_pressure`], since the last one.
    under_pressure: bool,
    /// Those whose children have told that they end.
    leaving: Vec<Pid>,
    /// Those who were told something alone since the last round of sending, where no turn of a pacer is news to all.
    notified: Vec<Pid>,
}

impl Room {
    /// An empty room without a channel. A client more than `lag_limit` bytes behind is to be dropped.
    pub fn new(lag_limit: u64) -> Room {
        Room {
            clients: ClientTable::default(),
            channels: dontfork_vec(),
            lobby: None,
            visitors: 0,
            lag_limit,
            any_writable: false,
            any_blocked: false,
            under_pressure: false,
            leaving: dontfork_vec(),
            notified: dontfork_vec(),
        }
    }

    /// Adds a channel with `pace` between two messages and returns its number: 0, 1, ...
    pub fn add_channel(&mut self, pace: Duration, now: Instant) -> ChannelId {
        self.channels.push(Channel::new(Pacer::new(pace, now)));
        self.channels.len() - 1
    }

    /// Adds a channel in which nothing is ever said: whoever hears that one is a visitor, and not in the room.
    pub fn add_lobby(&mut self, now: Instant) -> ChannelId {
        let lobby = self.add_channel(Duration::ZERO, now);
        self.lobby = Some(lobby);
        lobby
    }

    /// A channel that nobody hears yet, without pace: for one client alone.
    pub fn own_channel(&mut self, now: Instant) -> ChannelId {
        let is_free = |channel: &ChannelId| self.clients.iter().all(|client| client.channel_id != *channel);
        let free = (0..self.channels.len()).find(is_free);
        free.unwrap_or_else(|| self.add_channel(Duration::ZERO, now))
    }

    /// How many clients there are, visitors among them: each has a process.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// How many are in the room.
    pub fn present(&self) -> usize {
        self.clients.len() - self.visitors
    }

    /// True for who is at the door and not in the room.
    pub fn is_visitor(&self, client: &Connection) -> bool {
        self.lobby == Some(client.channel_id)
    }

    /// How many places of the room this address has taken.
    pub fn places_of(&self, address: IpAddr) -> usize {
        self.of(address).filter(|client| !self.is_visitor(client)).count()
    }

    /// The same for who comes now: of visitors, those are counted who are too many.
    pub fn from(&self, address: IpAddr) -> usize {
        let visitors = self.of(address).filter(|client| self.is_visitor(client)).count();
        self.places_of(address) + visitors.saturating_sub(AT_THE_DOOR)
    }

    /// Those who have this address and have not left, as far as is known.
    fn of(&self, address: IpAddr) -> impl Iterator<Item = &Connection> {
        let is_here = |client: &&Connection| client.left.is_none() && !client.gone;
        self.clients.iter().filter(move |client| client.peer.ip() == address).filter(is_here)
    }

    /// True when nobody is in.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// The client that `pid` serves.
    pub fn client(&mut self, pid: Pid) -> Option<&mut Connection> {
        self.clients.get_mut(pid)
    }

    /// What a client hears; `None` when it hears nothing any more: it has left, was sent away, or its connection is gone.
    pub fn heard_by(&self, pid: Pid) -> Option<ChannelId> {
        let client = self.clients.get(pid)?;
        (!client.gone && client.left.is_none()).then_some(client.channel_id)
    }

    /// The children, in the order of their numbers.
    pub fn children(&self) -> Vec<Pid> {
        self.clients.pids()
    }

    /// Lets a client in; it hears what is said in one channel from now on.
    pub fn join(&mut self, pid: Pid, client: (TcpStream, SocketAddr), channel_id: ChannelId) {
        let channel = &self.channels[channel_id];
        self.visitors += usize::from(self.lobby == Some(channel_id));
        self.clients.insert(Connection::new(pid, client, channel_id, channel.log.end(), channel.said()));
    }

    /// Lets a visitor in: it hears a channel, from now on.
    pub fn let_in(&mut self, pid: Pid, channel: ChannelId) {
        if let Some(client) = self.clients.get_mut(pid) {
            self.visitors -= usize::from(self.lobby == Some(client.channel_id));
            client.move_to(channel, &self.channels[channel]);
        }
    }

    /// Notes why a client left, as its child has told in a record of [`crate::hub::record::Kind::Left`].
    pub fn left(&mut self, record: &Record) {
        let Some(client) = self.clients.get_mut(record.pid) else { return };
        if client.left.is_none() {
            client.left = record.body.try_into().ok().map(i32::from_ne_bytes);
            self.leaving.push(record.pid);
        }
    }

    /// Those whose children have told that they end.
    pub fn leaving(&self) -> &[Pid] {
        &self.leaving
    }

    /// Says `message` to all who hear a channel: one append, however many they are.
    pub fn say(&mut self, channel: ChannelId, message: &[u8], now: Instant) {
        let Channel { log, pacer, .. } = &mut self.channels[channel];
        pacer.push(log.append(message), now);
    }

    /// Tells one client alone, between two messages.
    pub fn tell(&mut self, pid: Pid, what: &[u8], now: Instant) {
        self.say_aside(pid, |aside, channel| aside.tell(what, channel, now));
    }

    /// Answers one client's ping, between two messages.
    pub fn pong(&mut self, pid: Pid, pong: Vec<u8>, now: Instant) {
        self.say_aside(pid, |aside, channel| aside.pong(pong, channel, now));
    }

    fn say_aside(&mut self, pid: Pid, say: impl FnOnce(&mut PrivateQueue, &mut Channel)) {
        let Some(client) = self.clients.get_mut(pid) else { return };
        let channel = &mut self.channels[client.channel_id];
        // Otherwise it is to be told already, or takes nothing now.
        if channel.pacer.is_off() && client.aside.is_empty() {
            self.notified.push(pid);
        }
        say(&mut client.aside, channel);
    }

    /// When the next message may leave, or a client that rests `now` has rested.
    pub fn due(&self, now: Instant) -> Option<Instant> {
        let resting = self.blocked_clients().filter(|client| client.rests(now));
        let rested = resting.filter_map(|client| client.rests_until);
        self.channels.iter().filter_map(|channel| channel.pacer.due()).chain(rested).min()
    }

    /// The sockets that were full, to wait until they take bytes again, but for those that rest `now`. The others are not
    /// watched: an idle room of a thousand costs poll nothing.
    pub fn blocked(&self, now: Instant) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        let blocked = self.blocked_clients().filter(move |client| !client.rests(now));
        blocked.map(|client| (client.pid, sys::watch(client.socket.as_fd(), Interest::Write)))
    }

    /// Looks at nobody in a room where all read: a turn of the loop costs the same in a large one.
    fn blocked_clients(&self) -> impl Iterator<Item = &Connection> {
        let clients = self.any_blocked.then(|| self.clients.iter());
        clients.into_iter().flatten().filter(|client| client.blocked_since.is_some() && !client.gone)
    }

    /// Says that poll found one of [`Room::blocked`] able to take bytes again.
    pub fn can_take(&mut self, pid: Pid) {
        if let Some(client) = self.client(pid) {
            client.can_take = true;
            self.any_writable = true;
        }
    }

    /// Gives the memory for clients and messages back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        self.clients.forget();
        sys::discard_in_child(&mut self.channels);
        sys::discard_in_child(&mut self.leaving);
        sys::discard_in_child(&mut self.notified);
    }

    /// Releases what may leave now and sends it to each client that can take it. Tells `sent` how many bytes went to which
    /// descriptor.
    pub fn deliver(&mut self, now: Instant, mut sent: impl FnMut(RawFd, usize)) -> Delivery {
        self.channels.iter_mut().for_each(|channel| channel.pacer.release(now));
        let moved = self.channels.iter().any(Channel::has_news);
        if !moved && !self.any_writable {
            // Not a walk along all, or whoever pings without end costs as much as whoever talks without end.
            while let Some(pid) = self.notified.pop() {
                self.deliver_to(pid, now, &mut sent);
            }
            return Delivery { under_pressure: self.under_pressure, ..Delivery::default() };
        }
        self.deliver_released(now, sent)
    }

    /// Counts a moment for each client that one is given for.
    pub fn begin_pause(&mut self) {
        let Room { clients, channels, lag_limit, .. } = self;
        let under_pressure =
            clients.iter_mut().filter(|c| c.is_under_pressure(&channels[c.channel_id], *lag_limit));
        under_pressure.for_each(|client| client.pauses += 1);
    }

    /// The moment is over: each client that it was for is tried, whatever poll says, which finds a socket able only when a
    /// third of its buffer is free.
    pub fn end_pause(&mut self) {
        let Room { clients, channels, lag_limit, .. } = self;
        let behind =
            clients.iter_mut().filter(|client| client.behind(&channels[client.channel_id]) > *lag_limit / 2);
        behind.for_each(|client| client.can_take = true);
        self.any_writable = true;
    }

    /// The same when the room closes: everything goes at once.
    pub fn deliver_all(&mut self, now: Instant) -> Delivery {
        self.channels.iter_mut().for_each(|channel| channel.pacer.release_all());
        self.deliver_released(now, |_, _| ())
    }

    /// Sends one client what it alone is told, if it can take it.
    fn deliver_to(&mut self, pid: Pid, now: Instant, sent: &mut impl FnMut(RawFd, usize)) {
        let Some(client) = self.clients.get_mut(pid).filter(|client| client.blocked_since.is_none()) else {
            return;
        };
        let bytes = client.catch_up(&self.channels[client.channel_id], now);
        if bytes > 0 {
            sent(client.descriptor(), bytes);
        }
        self.any_blocked |= client.blocked_since.is_some();
    }

    fn deliver_released(&mut self, now: Instant, mut sent: impl FnMut(RawFd, usize)) -> Delivery {
        let mut delivery = Delivery::default();
        let Room { clients, channels, lag_limit, any_blocked, notified, .. } = self;
        *any_blocked = false;
        notified.clear();
        channels.iter_mut().for_each(|channel| channel.needed = channel.pacer.released());
        for client in clients.iter_mut() {
            let channel = &mut channels[client.channel_id];
            if client.blocked_since.is_none() || std::mem::take(&mut client.can_take) {
                let bytes = client.catch_up(channel, now);
                if bytes > 0 {
                    sent(client.descriptor(), bytes);
                }
            }
            *any_blocked |= client.blocked_since.is_some();
            delivery.under_pressure |= client.is_under_pressure(channel, *lag_limit);
            if client.behind(channel) > *lag_limit {
                delivery.slow_readers.push(client.pid);
            }
            if !client.gone {
                channel.needed = channel.needed.min(client.cursor);
            }
        }
        let ended = Instant::now();
        channels.iter_mut().for_each(|channel| channel.was_offered(now, ended));
        self.any_writable = false;
        self.under_pressure = delivery.under_pressure;
        delivery
    }

    /// A client, how far it is behind, and [`Connection::not_taken`].
    pub fn slow_reader(&self, pid: Pid, now: Instant) -> Option<(&Connection, Lag, &[u8])> {
        let client = self.clients.get(pid)?;
        let since = client.blocked_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let channel = &self.channels[client.channel_id];
        Some((client, Lag { bytes: client.behind(channel), since }, client.not_taken(channel)))
    }

    /// Notes that a child was reaped, before what it wrote is read: that may be a reason to send its client away.
    pub fn reaped(&mut self, pid: Pid) {
        if let Some(client) = self.client(pid) {
            client.reaped = true;
        }
    }

    /// Gives a client up: it hears nothing more but its `last_words`. Its child goes first, if it is still there; the rest
    /// happens when that is reaped, as for every other client.
    pub fn send_away(&mut self, pid: Pid, last_words: Vec<u8>) {
        let Some(client) = self.client(pid) else { return };
        client.sent_away = Some(last_words);
        client.gone = true;
        if !client.reaped {
            // Not SIGTERM: a child that somebody has stopped would not take it.
            sys::kill(pid, Signal::SIGKILL);
        }
    }

    /// Takes a client out of the room, with what was said before it left and not yet sent to it.
    pub fn leave(&mut self, pid: Pid) -> Option<(Connection, Vec<u8>)> {
        let client = self.clients.remove(pid)?;
        self.visitors -= usize::from(self.is_visitor(&client));
        self.leaving.retain(|&leaving| leaving != pid);
        let rest = client.rest(&self.channels[client.channel_id]);
        Some((client, rest))
    }
}

#[cfg(test)]
mod tests;
