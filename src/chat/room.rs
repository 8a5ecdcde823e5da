//! The room: who is in it, what was said, and how far each has heard it.

use std::mem::ManuallyDrop;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use super::log::Log;
use super::pacer::Pacer;
use crate::sys::{self, Interest, Pid, PollFd, large};

/// A connected client, which is a cursor in the log.
#[derive(Debug)]
pub struct Client {
    /// Its child.
    pub pid: Pid,
    /// The hub's copy of its socket; the child has another.
    pub socket: TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Why it left, as its child has told: 0 at the end of file, or an errno.
    pub left: Option<i32>,
    /// How far behind it was when it was dropped for that.
    pub dropped: Option<Lag>,
    /// The place in the log up to which its socket has taken all.
    cursor: u64,
    /// Since when its socket takes less than there is.
    blocked_since: Option<Instant>,
    /// Poll has found it able again.
    can_take: bool,
    /// Moments that it was given since its socket last took a byte.
    moments: u32,
    /// Its connection takes nothing any more; its child will say so.
    gone: bool,
}

impl Client {
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

/// The room.
#[derive(Debug)]
pub struct Room {
    /// Ordered by `pid`. One block, since each message writes to every cursor. Not dropped implicitly: a child gives the
    /// block back without closing sockets, which in a child it does not own.
    clients: Vec<ManuallyDrop<Client>>,
    log: Log,
    pacer: Pacer,
    lag_limit: u64,
    /// The released mark up to which all have been offered the log.
    offered: u64,
    /// Somebody's socket takes bytes again.
    somebody_can_take: bool,
    /// As in [`Delivery::strained`], since the last one.
    strained: bool,
}

impl Room {
    /// An empty room. A client more than `lag_limit` bytes behind is to be dropped.
    pub fn new(pace: Duration, lag_limit: u64, now: Instant) -> Room {
        Room {
            clients: large(),
            log: Log::default(),
            pacer: Pacer::new(pace, now),
            lag_limit,
            offered: 0,
            somebody_can_take: false,
            strained: false,
        }
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

    /// Where it is, or where it would be.
    fn place_of(&self, pid: Pid) -> Result<usize, usize> {
        self.clients.binary_search_by_key(&pid, |client| client.pid)
    }

    /// The children, in the order of their numbers.
    pub fn children(&self) -> Vec<Pid> {
        self.clients.iter().map(|client| client.pid).collect()
    }

    /// Lets a client in; it hears what is said from now on.
    pub fn join(&mut self, pid: Pid, socket: TcpStream, peer: SocketAddr) {
        let cursor = self.log.end();
        let client = Client {
            pid,
            socket,
            peer,
            left: None,
            dropped: None,
            cursor,
            blocked_since: None,
            can_take: false,
            moments: 0,
            gone: false,
        };
        let (Ok(at) | Err(at)) = self.place_of(pid);
        self.clients.insert(at, ManuallyDrop::new(client));
    }

    /// Says `message` to all: one append, however many they are.
    pub fn say(&mut self, message: &[u8], now: Instant) {
        let end = self.log.append(message);
        self.pacer.push(end, now);
    }

    /// When the next message may leave.
    pub fn due(&self) -> Option<Instant> {
        self.pacer.due()
    }

    /// The sockets that were full, to wait until they take bytes again. The others are not watched: an idle room of a
    /// thousand costs poll nothing.
    pub fn blocked(&self) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        let blocked = self.clients.iter().filter(|client| client.blocked_since.is_some() && !client.gone);
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
        self.log.forget();
        self.pacer.forget();
    }

    /// Releases what may leave now and sends it to each client that can take it. Tells `sent` how many bytes went to which
    /// descriptor.
    pub fn deliver(&mut self, now: Instant, sent: impl FnMut(RawFd, usize)) -> Delivery {
        self.pacer.release(now);
        if self.pacer.released() == self.offered && !self.somebody_can_take {
            return Delivery { strained: self.strained, ..Delivery::default() };
        }
        let moved = self.pacer.released() != self.offered;
        let delivery = self.deliver_released(now, sent);
        if moved {
            self.pacer.sent(now, Instant::now());
        }
        delivery
    }

    /// Counts a moment for each client that one is given for.
    pub fn begin_moment(&mut self) {
        let (released, limit) = (self.pacer.released(), self.lag_limit);
        self.clients.iter_mut().filter(|c| c.is_strained(released, limit)).for_each(|c| c.moments += 1);
    }

    /// The moment is over: each client that it was for is tried, whatever poll says, which finds a socket able only when a
    /// third of its buffer is free.
    pub fn end_moment(&mut self) {
        let (released, limit) = (self.pacer.released(), self.lag_limit);
        self.clients.iter_mut().filter(|c| c.behind(released) > limit / 2).for_each(|c| c.can_take = true);
        self.somebody_can_take = true;
    }

    /// The same when the room closes: everything goes at once.
    pub fn deliver_all(&mut self, now: Instant) -> Delivery {
        self.pacer.release_all();
        self.deliver_released(now, |_, _| ())
    }

    fn deliver_released(&mut self, now: Instant, mut sent: impl FnMut(RawFd, usize)) -> Delivery {
        let mut delivery = Delivery::default();
        let released = self.pacer.released();
        let mut slowest = released;
        for client in &mut self.clients {
            if client.blocked_since.is_none() || std::mem::take(&mut client.can_take) {
                let bytes = client.catch_up(&self.log, released, now);
                if bytes > 0 {
                    sent(client.descriptor(), bytes);
                }
            }
            delivery.strained |= client.is_strained(released, self.lag_limit);
            if client.behind(released) > self.lag_limit {
                delivery.laggards.push(client.pid);
            }
            slowest = slowest.min(client.needs_from(released));
        }
        self.log.trim(slowest);
        self.offered = released;
        self.somebody_can_take = false;
        self.strained = delivery.strained;
        delivery
    }

    /// Gives a laggard up: it gets nothing more. Returns how far it was behind.
    pub fn drop_laggard(&mut self, pid: Pid, now: Instant) -> Option<(&Client, Lag)> {
        let released = self.pacer.released();
        let client = self.client(pid)?;
        let since = client.blocked_since.map_or(Duration::ZERO, |at| now.saturating_duration_since(at));
        let lag = Lag { bytes: client.behind(released), since };
        client.dropped = Some(lag);
        client.gone = true;
        Some((client, lag))
    }

    /// Takes a client out of the room, with what was said before it left and not yet sent to it.
    pub fn leave(&mut self, pid: Pid) -> Option<(Client, Vec<u8>)> {
        let client = ManuallyDrop::into_inner(self.clients.remove(self.place_of(pid).ok()?));
        let rest = if client.gone { &[][..] } else { self.log.between(client.cursor, self.log.end()) };
        let rest = rest.to_vec();
        Some((client, rest))
    }
}

impl Client {
    /// Sends what is released and not yet sent, in one `send`. Returns how many bytes the socket took.
    fn catch_up(&mut self, log: &Log, released: u64, now: Instant) -> usize {
        let bytes = log.between(self.cursor, released);
        if bytes.is_empty() || self.gone {
            return 0;
        }
        match sys::send_now(&self.socket, bytes) {
            Ok(sent) => {
                self.cursor += sent as u64;
                if sent > 0 {
                    self.moments = 0;
                }
                self.blocked_since = if sent < bytes.len() { self.blocked_since.or(Some(now)) } else { None };
                sent
            }
            Err(_) => {
                self.gone = true;
                0
            }
        }
    }

    fn behind(&self, released: u64) -> u64 {
        if self.gone { 0 } else { released.saturating_sub(self.cursor) }
    }

    fn is_strained(&self, released: u64, lag_limit: u64) -> bool {
        self.behind(released) > lag_limit / 2 && self.moments < MOST_MOMENTS
    }

    /// The place from which the log must be kept for it.
    fn needs_from(&self, released: u64) -> u64 {
        if self.gone { released } else { self.cursor }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::TcpListener;

    const LIMIT: u64 = 100_000;

    /// A room, and the other ends of its clients' sockets, which nobody reads.
    fn room_of(clients: i32) -> (Room, Vec<TcpStream>) {
        let mut room = Room::new(Duration::ZERO, LIMIT, Instant::now());
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let others = (1..=clients).map(|pid| {
            let other = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (socket, peer) = listener.accept().unwrap();
            room.join(Pid::from_raw(pid), socket, peer);
            other
        });
        let others = others.collect();
        (room, others)
    }

    fn say(room: &mut Room, bytes: usize) -> Delivery {
        let now = Instant::now();
        room.say(&vec![b'x'; bytes], now);
        room.deliver(now, |_, _| ())
    }

    /// Talks until the socket of client 1 is full and it is strained.
    fn strain(room: &mut Room) {
        while !say(room, 10_000).strained {}
    }

    #[test]
    fn a_client_that_takes_nothing_is_given_a_bounded_number_of_moments() {
        let (mut room, _others) = room_of(1);
        strain(&mut room);
        for _ in 0..MOST_MOMENTS {
            assert!(say(&mut room, 1).strained);
            room.begin_moment();
            room.end_moment();
        }
        assert!(!say(&mut room, 1).strained, "it has stopped: nobody waits for it any more");
    }

    #[test]
    fn a_client_that_reads_again_is_given_moments_again() {
        let (mut room, mut others) = room_of(1);
        strain(&mut room);
        (0..MOST_MOMENTS).for_each(|_| room.begin_moment());
        let mut taken = vec![0; 5_000_000];
        while room.clients[0].moments > 0 {
            std::io::Read::read(&mut others[0], &mut taken).unwrap();
            room.end_moment();
            room.deliver(Instant::now(), |_, _| ());
        }
        strain(&mut room);
    }

    #[test]
    fn a_client_beyond_its_limit_is_a_laggard_and_the_log_is_kept_for_the_slowest() {
        let (mut room, _others) = room_of(2);
        strain(&mut room);
        let laggards = loop {
            let delivery = say(&mut room, 10_000);
            if !delivery.laggards.is_empty() {
                break delivery.laggards;
            }
        };
        let (_, lag) = room.drop_laggard(laggards[0], Instant::now()).unwrap();
        assert!(lag.bytes > LIMIT && lag.since > Duration::ZERO);
        let needed = room.clients.iter().filter(|c| !c.gone).map(|c| c.cursor).min().unwrap();
        assert!(!room.log.between(needed, room.log.end()).is_empty());
    }

    #[test]
    fn a_connection_that_is_gone_keeps_nothing_in_the_log() {
        let (mut room, mut others) = room_of(2);
        drop(others.remove(0));
        let mut heard = vec![0; 1000];
        while !room.clients[0].gone {
            say(&mut room, 1000);
            std::io::Read::read_exact(&mut others[0], &mut heard).unwrap();
        }
        say(&mut room, 1000);
        assert_eq!(room.log.between(0, room.log.end()), b"");
    }
}
