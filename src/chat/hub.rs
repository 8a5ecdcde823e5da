//! The hub: the first process of a server whose clients share a room. The only reader of the shared pipe, the only writer of
//! client sockets, the only printer, and one poll loop for all of it.
//!
//! Who hears what, and in which words, are the [`Rules`] of a lab: the messenger's ([`super::rules`]), and those of
//! directed messages ([`crate::labs::direct`]).

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::Context;
use smallvec::SmallVec;

use super::inbox::{CAPACITY, Heard, Inbox};
use super::room::Room;
use super::stage::{Rules, Stage};
use crate::server::{self, ACCEPTED_AT_ONCE, Options, Parent, Visitor, prepare};
use crate::sys::{self, Duty, Ended, Interest, Pid, PollFd, Signal};

/// How long the hub leaves the pipe unread for clients that are far behind but may be reading, once in [`CAPACITY`] bytes
/// heard. So a flood slows down for readers that are about as fast; who reads much more slowly falls behind and is dropped.
/// Ordinary talk does not wait for anybody.
const MOMENT: Duration = Duration::from_millis(20);

/// A poll that takes longer than this has waited: nothing was there before what it tells of.
const AT_ONCE: Duration = Duration::from_micros(5);

/// How long a child that ended without a word may go unnoticed beside others that announced their end.
const SWEEP: Duration = Duration::from_millis(100);

/// The first process and all that it holds.
pub struct Hub<R: Rules> {
    /// What is this lab's own.
    pub rules: R,
    /// Descriptors 3 and 4: the pipe. The write end is for the children; held, so that the pipe never ends.
    inbox: Inbox,
    pipe: PipeWriter,
    /// Descriptor 5: its door.
    parent: Parent,
    room: Room,
    /// Until when the pipe is left unread.
    moment: Option<Instant>,
    /// Bytes heard since the last moment.
    heard: usize,
    /// Reads of the pipe that gave something else than records of living children.
    junk: u64,
    /// When to look for children that ended without a word.
    sweep: Option<Instant>,
}

/// As many as a quiet room has, on the stack: what the hub writes on the heap, a child forked before pays for.
type Few<T> = SmallVec<[T; 8]>;

/// What poll found.
#[derive(Clone, Copy, Debug)]
enum Event {
    Parent(server::Event),
    Pipe,
    Writable(Pid),
}

impl<R: Rules> Hub<R> {
    /// Makes the pipe (3 and 4), then the listening socket (5), then the rest, out of the way of the clients' (6, ...).
    ///
    /// # Errors
    /// Whatever the system refuses, with what was being done.
    pub fn open(rules: R, options: &Options, room: Room) -> anyhow::Result<Hub<R>> {
        let limit = prepare()?;
        let (inbox, pipe) = Inbox::open().context("pipe")?;
        let parent = Parent::open(R::PROGRAM, options, limit, &rules.signals())?;
        Ok(Hub { rules, inbox, pipe, parent, room, moment: None, heard: 0, junk: 0, sweep: None })
    }

    /// Opens another door; what comes in there is told apart by the rules. Returns the address really bound.
    ///
    /// # Errors
    /// As [`Parent::open_another_door`].
    pub fn open_another_door(&mut self, address: SocketAddr, backlog: i32) -> anyhow::Result<SocketAddr> {
        self.parent.open_another_door(address, backlog)
    }

    /// The first door's address.
    ///
    /// # Errors
    /// What getsockname(2) says.
    pub fn address(&self) -> anyhow::Result<SocketAddr> {
        self.parent.doors[0].address().context("getsockname")
    }

    /// Runs the room until SIGINT or SIGTERM. The first lines printed are that it is ready, and `more`.
    ///
    /// # Errors
    /// That it cannot become the user it is to run as; what poll(2) or waitpid(2) says when they fail, which they should not.
    pub fn run(mut self, more: &[String]) -> anyhow::Result<()> {
        self.parent.become_user()?;
        self.rules.open(&mut self.parent)?;
        self.parent.confine(Duty::Records, None);
        self.parent.announce(more)?;
        while self.parent.stop.is_none() {
            self.turn()?;
        }
        self.close();
        Ok(())
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        let began = Instant::now();
        let events = self.wait(began).context("poll")?;
        let now = Instant::now();
        // What a child wrote alone is said at once, without a look for more: poll tells of that. Where it looks at many who do
        // not read, it takes its time in any case.
        let is_quiet = now.duration_since(began) > AT_ONCE && self.room.blocked(now).next().is_none();
        for event in events {
            match event {
                Event::Parent(server::Event::Signal) => self.take_signals(now)?,
                Event::Parent(server::Event::Door(door)) => self.accept(door, now),
                Event::Parent(server::Event::Other) => {}
                Event::Pipe => self.read_pipe(if is_quiet { 1 } else { CAPACITY }, now),
                Event::Writable(pid) => self.room.can_take(pid),
            }
        }
        if self.sweep.is_some_and(|at| at <= now) {
            self.sweep(now)?;
        }
        for visitor in self.parent.second_look(now) {
            self.admit(visitor, now);
        }
        // Not `now`: accepting, forking and reaping take time, and the pace is counted from the sending.
        self.deliver(Instant::now());
        let Hub { rules, room, parent, .. } = self;
        rules.end_turn(&mut Stage { room, parent, now });
        self.parent.end_turn(now);
        Ok(())
    }

    fn take_signals(&mut self, now: Instant) -> anyhow::Result<()> {
        if self.parent.take_signals() {
            self.reap(now)?;
        }
        let Hub { rules, room, parent, .. } = self;
        for signal in parent.asked() {
            rules.asked(signal, &mut Stage { room, parent, now });
        }
        Ok(())
    }

    /// Waits for whatever comes first, and says what it is.
    fn wait(&self, now: Instant) -> io::Result<Few<Event>> {
        let (mut events, mut watched): (Few<Event>, Few<PollFd>) = self.watched(now).unzip();
        sys::wait(&mut watched, self.timeout(now))?;
        let mut ready = watched.iter().map(sys::is_ready);
        events.retain(|_| ready.next() == Some(true));
        Ok(events)
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let pipe = self.moment.is_none().then(|| sys::watch(self.inbox.pipe().as_fd(), Interest::Read));
        let blocked = self.room.blocked(now).map(|(pid, fd)| (Event::Writable(pid), fd));
        let parent = self.parent.watched(true).map(|(event, fd)| (Event::Parent(event), fd));
        parent.chain(pipe.map(|pipe| (Event::Pipe, pipe))).chain(blocked)
    }

    /// Until the earliest of the times that something is due; `None` in a room where nothing is.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        let due = [self.room.due(now), self.parent.due(), self.moment, self.sweep];
        due.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    /// Takes the children that have ended, and leave of their clients.
    ///
    /// Those that have said so are asked for by their numbers: to find out who has ended, the kernel walks along all, which takes
    /// a millisecond among ten thousand. One that ends without a word, in the same moment as one that has said so, is found a
    /// little later.
    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        let mut dead = Few::new();
        for &pid in self.room.leaving() {
            if let Some(ended) = sys::reap_ended(pid).context("waitpid")? {
                dead.push((pid, ended));
            }
        }
        if dead.is_empty() {
            return self.sweep(now);
        }
        self.sweep = self.sweep.or(Some(now + SWEEP));
        self.bury(dead, now);
        Ok(())
    }

    /// Takes all ended children, whether they have said so or not.
    fn sweep(&mut self, now: Instant) -> anyhow::Result<()> {
        self.sweep = None;
        let mut dead = Few::new();
        while let Some(child) = sys::reap_one().context("waitpid")? {
            dead.push(child);
        }
        self.bury(dead, now);
        Ok(())
    }

    /// Takes what ended children wrote before they ended, then leave of their clients: in this order, since a child may write its
    /// last record and end between a look at the pipe and a look at the children.
    fn bury(&mut self, dead: Few<(Pid, Ended)>, now: Instant) {
        dead.iter().for_each(|&(pid, _)| self.room.reaped(pid));
        self.drain_pipe(now);
        self.rules.before_sending(&mut self.parent);
        for (pid, ended) in dead {
            self.say_goodbye(pid, ended, now);
        }
        self.parent.reopen(now);
    }

    fn say_goodbye(&mut self, pid: Pid, ended: Ended, now: Instant) {
        let Some((mut client, rest)) = self.room.leave(pid) else { return };
        let last_words = self.rules.departed(&client, ended, self.room.present(), &mut self.parent);
        let last_words = client.sent_away.take().unwrap_or_else(|| [rest, last_words].concat());
        if client.left == Some(0) && last_words.is_empty() {
            // It has ended its side, and has heard all: nothing unread is there for which `close` would reset the connection.
            return;
        }
        self.parent.farewells.add(client.socket, last_words, now);
    }

    /// Reads what is in the pipe now; what is written meanwhile may wait.
    fn drain_pipe(&mut self, now: Instant) {
        self.read_pipe(sys::pipe_capacity(self.inbox.pipe()).max(CAPACITY), now);
    }

    /// Reads the pipe until it is empty, or has given `most` bytes.
    fn read_pipe(&mut self, most: usize, now: Instant) {
        let mut read = 0;
        while read < most {
            match self.read_packet(now) {
                0 => break,
                n => read += n,
            }
        }
        self.heard += read;
    }

    /// One read of the pipe. Returns how many bytes came.
    fn read_packet(&mut self, now: Instant) -> usize {
        let Hub { rules, inbox, room, parent, .. } = self;
        let mut unlikely = false;
        let heard = inbox.read(|record| match room.client(record.pid) {
            Some(_) => unlikely |= !rules.hear(record, &mut Stage { room, parent, now }),
            None => unlikely = true,
        });
        // An error of read(2), which should not fail, is no record either.
        let Heard { bytes, junk } = heard.unwrap_or(Heard { bytes: 0, junk: true });
        if junk || unlikely {
            self.junk += 1;
            // A child that writes nothing else must not fill the log: the first time, then the second, the fourth, the eighth.
            if self.junk.is_power_of_two() {
                self.parent.err.line(self.parent.words.bad_record(self.junk));
            }
        }
        bytes
    }

    fn accept(&mut self, door: usize, now: Instant) {
        for visitor in self.parent.second_look(now) {
            self.admit(visitor, now);
        }
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(visitor) = self.parent.accept(door, now) else { break };
            self.admit(visitor, now);
        }
    }

    fn admit(&mut self, visitor: Visitor, now: Instant) {
        let (room, rules, door) = (&self.room, &self.rules, visitor.door);
        let tell = |reason: &str| rules.refusal(door, reason);
        let client = self.parent.admit(visitor, room.len(), |address| room.from(address), tell, now);
        if let Some(client) = client {
            self.welcome(client, door, now);
        }
    }

    /// Gives a client its process, or tells it why not.
    fn welcome(&mut self, client: (TcpStream, SocketAddr), door: usize, now: Instant) {
        let Hub { rules, pipe, inbox, room, parent, .. } = self;
        let socket = &client.0;
        let keep = [pipe.as_raw_fd(), socket.as_raw_fd()];
        let forked = sys::spawn(&parent.signals, &keep, &parent.guard.confinement, || {
            inbox.forget();
            room.forget();
            rules.forget();
            parent.out.forget();
            parent.err.forget();
            rules.serve(door, &client, pipe)
        });
        match forked {
            Ok(pid) => self.join(pid, client, door, now),
            Err(reason) => {
                let tell = |reason: &str| rules.refusal(door, reason);
                parent.refuse_without_process(client, &reason, tell, now);
            }
        }
    }

    fn join(&mut self, pid: Pid, client: (TcpStream, SocketAddr), door: usize, now: Instant) {
        let (hears, greeting) = self.rules.welcome(door, &mut self.room, now);
        if !greeting.is_empty() {
            // A new socket takes a line at once; one that does not is gone already, as its child will say.
            let _ = sys::send_now(&client.0, &greeting);
        }
        self.room.join(pid, client, hears);
        let count = self.room.present();
        if let Some(client) = self.room.client(pid) {
            self.rules.joined(client, count, &mut self.parent);
        }
    }

    /// One round of sending, and what follows from it.
    fn deliver(&mut self, now: Instant) {
        self.rules.before_sending(&mut self.parent);
        if self.moment.is_some_and(|until| until <= now) {
            self.moment = None;
            self.room.end_moment();
        }
        let mut hops = BTreeMap::<usize, Vec<RawFd>>::new();
        let tell = self.rules.tells_hops();
        let delivery = self.room.deliver(now, |descriptor, bytes| {
            if tell {
                hops.entry(bytes).or_default().push(descriptor);
            }
        });
        if !hops.is_empty() {
            self.rules.sent(&hops, &mut self.parent);
        }
        if !delivery.strained {
            self.moment = None;
        } else if self.moment.is_none() && self.heard >= CAPACITY {
            self.moment = Some(now + MOMENT);
            self.heard = 0;
            self.room.begin_moment();
        }
        for pid in delivery.laggards {
            let Some((client, lag, rest)) = self.room.laggard(pid, now) else { continue };
            let last_words = self.rules.too_slow(client, lag, rest, &mut self.parent);
            self.room.send_away(pid, last_words);
        }
    }

    /// Ends all children and all connections. What was said before the end still goes to whoever takes it at once.
    fn close(&mut self) {
        let now = Instant::now();
        let Hub { parent, room, .. } = self;
        if let Some(signal) = parent.stop {
            parent.out.line(parent.words.stopping(signal, room.present()));
        }
        for pid in self.room.children() {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped, and we would wait for ever.
            sys::kill(pid, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(pid);
            self.room.reaped(pid);
        }
        self.drain_pipe(now);
        self.rules.before_sending(&mut self.parent);
        self.room.deliver_all(now);
        for pid in self.room.children() {
            if let Some((client, rest)) = self.room.leave(pid) {
                if rest.is_empty() && !client.gone {
                    // As much of it as goes at once.
                    let _ = sys::send_now(&client.socket, &self.rules.stopping(&client));
                }
                // It fails only when the connection is gone already.
                let _ = client.socket.shutdown(std::net::Shutdown::Both);
            }
        }
        self.parent.flush();
    }
}
