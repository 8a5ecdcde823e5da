//! The hub: the first process. The only reader of the shared pipe, the only writer of client sockets, the only printer,
//! and one poll loop for all of it.

use std::collections::BTreeMap;
use std::io::{self, PipeWriter};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::Context;
use smallvec::SmallVec;

use super::child;
use super::hear::hear;
use super::inbox::{CAPACITY, Inbox};
use super::options::{Options, Verbosity};
use super::room::Room;
use super::words;
use crate::server::{Console, Door, Farewells, Knock};
use crate::sys::{self, Ended, Interest, Pid, PollFd, Signal, Signals};

/// The signals that the hub hears of.
const CAUGHT: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGCHLD];

/// How long the hub leaves the pipe unread for clients that are far behind but may be reading, once in [`CAPACITY`] bytes
/// heard. So a flood slows down for readers that are about as fast; who reads much more slowly falls behind and is dropped.
/// Ordinary talk does not wait for anybody.
const MOMENT: Duration = Duration::from_millis(20);

/// Connections accepted in one turn of the loop, so that a rush of them does not hold up the room.
const ACCEPTED_AT_ONCE: usize = 32;

/// Descriptors of the hub's own beside the clients' and the low ones: signal pipe, terminals.
const OWN_DESCRIPTORS: u64 = 16;

/// The first process and all that it holds.
pub struct Hub {
    options: Options,
    /// Descriptors 3 and 4: the pipe. The write end is for the children; held, so that the pipe never ends.
    inbox: Inbox,
    pipe: PipeWriter,
    /// Descriptor 5.
    door: Door,
    signals: Signals,
    room: Room,
    farewells: Farewells,
    out: Console,
    err: Console,
    /// Until when the pipe is left unread.
    moment: Option<Instant>,
    /// Bytes heard since the last moment.
    heard: usize,
    stop: Option<Signal>,
}

/// As many as a quiet room has, on the stack: what the hub writes on the heap, a child forked before pays for.
type Few<T> = SmallVec<[T; 8]>;

/// What poll found.
#[derive(Clone, Copy, Debug)]
enum Event {
    Signal,
    Pipe,
    Door,
    Writable(Pid),
    /// The consoles and farewells see for themselves what they can do.
    Other,
}

impl Hub {
    /// Makes the pipe (3 and 4), then the listening socket (5), then the rest, out of the way of the clients' (6, ...).
    ///
    /// # Errors
    /// Whatever the system refuses, with what was being done.
    pub fn new(options: Options) -> anyhow::Result<Hub> {
        sys::keep_only(&[]).context("impossible de fermer les descripteurs hérités")?;
        sys::ignore_signal(Signal::SIGPIPE);
        sys::keep_large_blocks_apart();
        let limit = sys::raise_descriptor_limit().context("limite de descripteurs illisible")?;
        let (reader, pipe) = io::pipe().context("impossible de créer le tube")?;
        sys::make_nonblocking(&reader).context("impossible de préparer le tube")?;
        let address = options.address;
        let door = Door::open(address, options.backlog)
            .with_context(|| format!("impossible d'écouter sur {address}"))?;
        let lowest = lowest_own_descriptor(limit);
        let signals = Signals::catch(&CAUGHT, lowest).context("impossible d'attraper les signaux")?;
        let mut hub = Hub {
            options,
            inbox: Inbox::new(reader),
            pipe,
            door,
            signals,
            room: Room::new(options.pace, options.lag_limit, Instant::now()),
            farewells: Farewells::default(),
            out: Console::stdout(lowest, words::lines_lost),
            err: Console::stderr(lowest, words::lines_lost),
            moment: None,
            heard: 0,
            stop: None,
        };
        if limit < OWN_DESCRIPTORS + options.max_clients as u64 {
            hub.err.line(words::few_descriptors(limit, options.max_clients));
        }
        Ok(hub)
    }

    /// Runs the room until SIGINT or SIGTERM.
    ///
    /// # Errors
    /// What poll(2) or waitpid(2) says when they fail, which they should not.
    pub fn run(mut self) -> anyhow::Result<()> {
        let address = self.door.address().context("adresse d'écoute illisible")?;
        self.out.line(words::ready(address));
        if self.out.is_foreign() {
            self.out.line(words::foreign_terminal());
        }
        self.out.flush();
        while self.stop.is_none() {
            self.turn()?;
        }
        self.close();
        Ok(())
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        let events = self.wait().context("poll a échoué")?;
        let now = Instant::now();
        for event in events {
            match event {
                Event::Signal => self.take_signals(now)?,
                Event::Pipe => drop(self.read_pipe(now)),
                Event::Door => self.accept(now),
                Event::Writable(pid) => self.room.can_take(pid),
                Event::Other => {}
            }
        }
        // Not `now`: accepting, forking and reaping take time, and the pace is counted from the sending.
        self.deliver(Instant::now());
        let freed = self.farewells.advance(now);
        self.door.reopen(now, freed);
        self.out.flush();
        self.err.flush();
        Ok(())
    }

    /// Waits for whatever comes first, and says what it is.
    fn wait(&self) -> io::Result<Few<Event>> {
        let (mut events, mut watched): (Few<Event>, Few<PollFd>) = self.watched().unzip();
        sys::wait(&mut watched, self.timeout(Instant::now()))?;
        let mut ready = watched.iter().map(sys::is_ready);
        events.retain(|_| ready.next() == Some(true));
        Ok(events)
    }

    fn watched(&self) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let pipe = self.moment.is_none().then(|| sys::watch(self.inbox.pipe().as_fd(), Interest::Read));
        let blocked = self.room.blocked().map(|(pid, fd)| (Event::Writable(pid), fd));
        let consoles = [&self.out, &self.err].into_iter().filter_map(Console::watch);
        std::iter::once((Event::Signal, sys::watch(self.signals.as_fd(), Interest::Read)))
            .chain(pipe.map(|pipe| (Event::Pipe, pipe)))
            .chain(self.door.watch().map(|door| (Event::Door, door)))
            .chain(blocked)
            .chain(self.farewells.watch().chain(consoles).map(|other| (Event::Other, other)))
    }

    /// Until the earliest of the times that something is due; `None` in a room where nothing is.
    fn timeout(&self, now: Instant) -> Option<Duration> {
        let due = [self.room.due(), self.farewells.due(), self.door.due(), self.moment];
        due.into_iter().flatten().min().map(|at| at.saturating_duration_since(now))
    }

    fn take_signals(&mut self, now: Instant) -> anyhow::Result<()> {
        for signal in self.signals.take() {
            match signal {
                Signal::SIGCHLD => self.reap(now)?,
                _ => self.stop = Some(signal),
            }
        }
        Ok(())
    }

    /// Takes all ended children, then what they wrote before they ended, then leave of their clients: in this order, since
    /// a child may write its last record and end between a look at the pipe and a look at the children.
    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        let mut dead = Vec::new();
        while let Some(child) = sys::reap_one().context("waitpid a échoué")? {
            dead.push(child);
        }
        self.drain_pipe(now);
        for (pid, ended) in dead {
            self.say_goodbye(pid, ended, now);
        }
        self.door.reopen(now, true);
        Ok(())
    }

    /// Reads what is in the pipe now; what is written meanwhile may wait.
    fn drain_pipe(&mut self, now: Instant) {
        let mut read = 0;
        while read < CAPACITY {
            match self.read_pipe(now) {
                0 => break,
                n => read += n,
            }
        }
    }

    fn say_goodbye(&mut self, pid: Pid, ended: Ended, now: Instant) {
        let Some((client, rest)) = self.room.leave(pid) else { return };
        let line = words::departed(pid, &client, ended, self.room.len());
        if client.left.is_none() && client.dropped.is_none() {
            // Its child crashed or was killed: that went wrong, whatever one wants to see.
            self.err.line(line);
        } else {
            self.say(Verbosity::Chat, |_| line);
        }
        let last_words = match client.dropped {
            Some(lag) => words::you_are_too_slow(lag),
            None => rest,
        };
        self.farewells.add(client.socket, last_words, now);
    }

    /// One read of the pipe. Returns how many bytes came.
    fn read_pipe(&mut self, now: Instant) -> usize {
        let Hub { inbox, room, out, options, .. } = self;
        match inbox.read(|record| hear(record, room, out, options.verbosity, now)) {
            Ok(n) => {
                self.heard += n;
                n
            }
            Err(_) => {
                self.err.line(words::bad_record());
                0
            }
        }
    }

    fn accept(&mut self, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            match self.door.accept(now) {
                Knock::Client(socket, peer) => self.welcome(socket, peer, now),
                Knock::Nobody => return,
                Knock::Shut(reason) => {
                    reason.iter().for_each(|reason| self.err.line(words::door_shut(reason)));
                    return;
                }
            }
        }
    }

    /// Gives a client its process, or tells it why not.
    fn welcome(&mut self, socket: TcpStream, peer: SocketAddr, now: Instant) {
        let most = self.options.max_clients;
        if self.room.len() >= most {
            self.err.line(words::refused_full(peer, most));
            return self.farewells.add(socket, words::you_are_too_many(most), now);
        }
        let hops = self.options.verbosity == Verbosity::Hops;
        let Hub { signals, pipe, inbox, room, out, err, .. } = self;
        let forked = sys::spawn(signals, &[pipe.as_raw_fd(), socket.as_raw_fd()], || {
            inbox.forget();
            room.forget();
            out.forget();
            err.forget();
            child::serve(&socket, pipe, hops)
        });
        match forked {
            Ok(pid) => {
                self.room.join(pid, socket, peer);
                self.say(Verbosity::Chat, |hub| {
                    let count = hub.room.len();
                    hub.room.client(pid).map_or_else(String::new, |client| words::joined(pid, client, count))
                });
            }
            Err(reason) => {
                self.err.line(words::refused_no_process(peer, &reason));
                self.farewells.add(socket, words::you_get_no_process(), now);
            }
        }
    }

    /// One round of sending, and what follows from it.
    fn deliver(&mut self, now: Instant) {
        if self.moment.is_some_and(|until| until <= now) {
            self.moment = None;
            self.room.end_moment();
        }
        let mut hops = BTreeMap::<usize, Vec<RawFd>>::new();
        let tell = self.options.verbosity >= Verbosity::Hops;
        let delivery = self.room.deliver(now, |descriptor, bytes| {
            if tell {
                hops.entry(bytes).or_default().push(descriptor);
            }
        });
        if !hops.is_empty() {
            self.say(Verbosity::Hops, |_| words::hops_send(&hops));
        }
        if !delivery.strained {
            self.moment = None;
        } else if self.moment.is_none() && self.heard >= CAPACITY {
            self.moment = Some(now + MOMENT);
            self.heard = 0;
            self.room.begin_moment();
        }
        for pid in delivery.laggards {
            let Some((client, lag)) = self.room.drop_laggard(pid, now) else { continue };
            self.err.line(words::too_slow(pid, client, lag));
            // Its child goes first; the rest happens when it is reaped, as for every other client. Not SIGTERM: a child that
            // somebody has stopped would not take it.
            sys::kill(pid, Signal::SIGKILL);
        }
    }

    /// Ends all children and all connections. What was said before the end still goes to whoever takes it at once.
    fn close(&mut self) {
        let now = Instant::now();
        if let Some(signal) = self.stop {
            self.say(Verbosity::Quiet, |hub| words::stopping(signal, hub.room.len()));
        }
        for pid in self.room.children() {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped, and we would wait for ever.
            sys::kill(pid, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(pid);
        }
        self.drain_pipe(now);
        self.room.deliver_all(now);
        for pid in self.room.children() {
            if let Some((client, _)) = self.room.leave(pid) {
                // It fails only when the connection is gone already.
                let _ = client.socket.shutdown(std::net::Shutdown::Both);
            }
        }
        self.out.flush();
        self.err.flush();
    }

    /// Prints a line if the server is talkative enough and somebody reads: words are made only then.
    fn say(&mut self, level: Verbosity, words: impl FnOnce(&mut Hub) -> String) {
        if self.options.verbosity >= level && self.out.has_room() {
            let line = words(self);
            self.out.line(line);
        }
    }
}

/// Above the numbers of as many clients as are admitted by default, where the limit allows that. No higher in a larger room
/// (whose clients' numbers leave these out): each child would carry a table of descriptors up to the highest.
fn lowest_own_descriptor(limit: u64) -> RawFd {
    1006.min(limit.saturating_sub(OWN_DESCRIPTORS)).max(6) as RawFd
}
