//! The first process of a server: what each lab's holds beside its own.
//!
//! Doors to listen at, signals, connections on their way out, two consoles. A lab's loop asks what to wait for and until
//! when, waits, does what it was built for, and ends its turn here.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::prepare::{OWN_DESCRIPTORS, lowest_own_descriptor};
use super::words::Words;
use super::{Console, Door, Farewells, Guard, Knock, Options};
use crate::cli::Program;
use crate::sys::{self, Duty, Interest, PollFd, Signal, Signals};

/// The signals that the first process hears of.
const CAUGHT: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGCHLD];

/// Connections accepted in one turn of the loop, so that a rush of them does not hold up the others.
pub const ACCEPTED_AT_ONCE: usize = 32;

/// How long one more of its address than may be waits for another of them to be gone: who comes back at once is here before its
/// old child has seen it leave.
const SECOND_LOOK: Duration = Duration::from_millis(500);

/// How many may wait so.
const MOST_WAITING: usize = 32;

/// A connection that is not yet let in.
#[derive(Debug)]
pub struct Visitor {
    /// Its socket, and its peer's address.
    pub client: (TcpStream, SocketAddr),
    /// Where it came in.
    pub door: usize,
    /// Until when it waits for a place of its address; `None`: it has just come.
    until: Option<Instant>,
}

/// The first process.
pub struct Parent {
    /// Who is running.
    pub program: Program,
    /// What it says.
    pub words: Words,
    /// Where clients come in: the first door, and others where the lab has them.
    pub doors: Vec<Door>,
    /// SIGINT, SIGTERM and SIGCHLD, and those of a lab's own.
    pub signals: Signals,
    /// Connections that are no longer served.
    pub farewells: Farewells,
    /// Standard output.
    pub out: Console,
    /// Standard error.
    pub err: Console,
    /// Who it runs as, and what confines its children.
    pub guard: Guard,
    /// The signal that has asked it to stop.
    pub stop: Option<Signal>,
    /// Signals of the lab's own that have come.
    asked: Vec<Signal>,
    /// SIGHUP may mean that its terminal is gone.
    has_terminal: bool,
    max_clients: usize,
    max_per_address: Option<usize>,
    /// One more of their address than may be, for a moment.
    waiting: Vec<Visitor>,
    /// Somebody has left since they were looked at.
    somebody_left: bool,
    /// The lowest number for descriptors that are to stay out of the way.
    lowest: RawFd,
}

/// What poll found at the first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal has come: [`Parent::take_signals`].
    Signal,
    /// Somebody is at this door: [`Parent::accept`].
    Door(usize),
    /// The consoles and farewells see for themselves what they can do.
    Other,
}

impl Parent {
    /// Listens, and makes the rest, out of the way of the clients' numbers. `limit` is what [`super::prepare`] gave. Of the signals in
    /// `own` the lab hears as well ([`Parent::asked`]), and children are deaf to them.
    ///
    /// # Errors
    /// Those of listening, with the address; [`Guard::new`].
    pub fn open(program: Program, options: &Options, limit: u64, own: &[Signal]) -> anyhow::Result<Parent> {
        let words = Words(program.language);
        let door = Door::open(options.address, options.backlog)
            .with_context(|| words.cannot_listen(options.address))?;
        let lowest = lowest_own_descriptor(limit);
        // Whoever started it with nohup(1) wants it to outlive its terminal.
        let has_terminal = sys::has_terminal() && !sys::is_ignored(Signal::SIGHUP);
        let signals = Signals::catch_with_own(&CAUGHT, own, lowest).context("sigaction")?;
        let mut parent = Parent {
            program,
            words,
            doors: vec![door],
            signals,
            farewells: Farewells::default(),
            out: Console::stdout(lowest, words),
            err: Console::stderr(lowest, words),
            guard: Guard::new(options, words)?,
            stop: None,
            asked: Vec::new(),
            has_terminal,
            max_clients: options.max_clients,
            max_per_address: options.max_per_address,
            waiting: Vec::new(),
            somebody_left: false,
            lowest,
        };
        if limit < OWN_DESCRIPTORS + options.max_clients as u64 {
            parent.err.line(words.few_descriptors(limit, options.max_clients));
        }
        Ok(parent)
    }

    /// Listens at another door, whose number is out of the way.
    ///
    /// Returns the address really bound.
    ///
    /// # Errors
    /// As [`Parent::open`].
    pub fn open_another_door(&mut self, address: SocketAddr, backlog: i32) -> anyhow::Result<SocketAddr> {
        let door = Door::open(address, backlog).and_then(|door| door.out_of_the_way(self.lowest));
        let door = door.with_context(|| self.words.cannot_listen(address))?;
        let bound = door.address().context("getsockname")?;
        self.doors.push(door);
        Ok(bound)
    }

    /// Becomes the user it is to run as, see [`Guard::become_user`].
    ///
    /// # Errors
    /// The system's refusal.
    pub fn become_user(&self) -> anyhow::Result<()> {
        self.guard.become_user(self.words)
    }

    /// Makes ready what confines each child, see [`Guard::confine`].
    pub fn confine(&mut self, duty: Duty, directory: Option<BorrowedFd>) {
        self.guard.confine(duty, directory, self.lowest);
        if self.guard.confinement.leaves_terminal() {
            self.err.only_writes();
        }
    }

    /// Prints the first line, which holds the address really bound, and `more` lines; what guards it, if that is asked for.
    ///
    /// # Errors
    /// What getsockname(2) says.
    pub fn announce(&mut self, more: &[String]) -> anyhow::Result<()> {
        let address = self.doors[0].address().context("getsockname")?;
        self.out.line(self.words.ready(address));
        more.iter().chain(&self.guard.lines(self.words)).for_each(|line| self.out.line(line));
        if self.out.is_foreign() {
            self.out.line(self.words.foreign_terminal());
        }
        self.flush();
        Ok(())
    }

    /// What to wait for. Without the doors when nobody may come in now.
    pub fn watched(&self, doors_open: bool) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let doors = self.doors.iter().enumerate().filter(move |_| doors_open);
        let doors = doors.filter_map(|(at, door)| Some((Event::Door(at), door.watch()?)));
        let consoles = [&self.out, &self.err].into_iter().filter_map(Console::watch);
        std::iter::once((Event::Signal, sys::watch(self.signals.as_fd(), Interest::Read)))
            .chain(doors)
            .chain(self.farewells.watch().chain(consoles).map(|other| (Event::Other, other)))
    }

    /// Until when to wait at most.
    pub fn due(&self) -> Option<Instant> {
        let doors = self.doors.iter().filter_map(Door::due);
        let waiting = self.waiting.iter().filter_map(|visitor| visitor.until);
        doors.chain(self.farewells.due()).chain(waiting).min()
    }

    /// Takes the signals that have come. True when a child may have ended; [`Parent::stop`] is set when it is over.
    pub fn take_signals(&mut self) -> bool {
        let signals = self.signals.take();
        let hung_up = signals.contains(&Signal::SIGHUP) && self.signals.has_hung_up();
        for &signal in &signals {
            match signal {
                Signal::SIGCHLD => {}
                Signal::SIGINT | Signal::SIGTERM => self.stop = self.stop.or(Some(signal)),
                // Not that somebody asks for something: nobody sees it any more.
                Signal::SIGHUP if hung_up && self.has_terminal && !sys::has_terminal() => {
                    self.stop = self.stop.or(Some(signal));
                }
                _ => self.asked.push(signal),
            }
        }
        signals.contains(&Signal::SIGCHLD)
    }

    /// The signals of the lab's own that have come since the last call.
    pub fn asked(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.asked)
    }

    /// Those who waited for a place of their address and are to be looked at again, the first comer first: all once somebody
    /// has left, or those who have waited long enough.
    pub fn second_look(&mut self, now: Instant) -> Vec<Visitor> {
        let all = std::mem::take(&mut self.somebody_left);
        self.waiting
            .extract_if(.., |visitor| all || visitor.until.is_some_and(|until| until <= now))
            .collect()
    }

    /// Takes the next connection that waits at a door, if any does; no more than [`ACCEPTED_AT_ONCE`] in one turn, and before them those
    /// of [`Parent::second_look`]. One by one: a list of them would be on the heap, and for what a server writes there between two
    /// forks, the first child pays.
    pub fn accept(&mut self, door: usize, now: Instant) -> Option<Visitor> {
        match self.doors[door].accept(now) {
            Knock::Client(socket, peer) => Some(Visitor { client: (socket, peer), door, until: None }),
            Knock::Nobody => None,
            Knock::Shut(reason) => {
                reason.iter().for_each(|reason| self.err.line(self.words.door_shut(reason)));
                None
            }
        }
    }

    /// Gives a descriptor a number out of the way of the clients'.
    ///
    /// # Errors
    /// As [`sys::move_high`].
    pub fn out_of_the_way(&self, fd: OwnedFd) -> io::Result<OwnedFd> {
        sys::move_high(fd, self.lowest)
    }

    /// Gives a client back for which there is room beside the `present` ones, of whom so many have an address as `with` tells;
    /// otherwise tells it, in the clothes of the lab's protocol (`tell`), that there is none. One more of its address than may
    /// be is first kept for a moment: [`Parent::second_look`].
    pub fn admit(
        &mut self,
        visitor: Visitor,
        present: usize,
        with: impl FnOnce(IpAddr) -> usize,
        tell: impl FnOnce(&str) -> Vec<u8>,
        now: Instant,
    ) -> Option<(TcpStream, SocketAddr)> {
        let Visitor { client: (socket, peer), door, until } = visitor;
        let reason = if present >= self.max_clients {
            self.err.line(self.words.refused_full(peer, self.max_clients));
            self.words.you_are_too_many(self.max_clients)
        } else if let Some(most) = self.max_per_address.filter(|&most| with(peer.ip()) >= most) {
            let until = until.unwrap_or(now + SECOND_LOOK);
            if now < until && self.waiting.len() < MOST_WAITING {
                self.waiting.push(Visitor { client: (socket, peer), door, until: Some(until) });
                return None;
            }
            self.err.line(self.words.refused_address(peer, most));
            self.words.you_are_too_many_there(most)
        } else {
            return Some((socket, peer));
        };
        self.farewells.add(socket, tell(&self.program.says(&reason)), now);
        None
    }

    /// Tells a client, and the one who runs the server, that no process could be made for it.
    pub fn refuse_without_process(
        &mut self,
        (socket, peer): (TcpStream, SocketAddr),
        reason: &io::Error,
        tell: impl FnOnce(&str) -> Vec<u8>,
        now: Instant,
    ) {
        self.err.line(self.words.refused_no_process(peer, reason));
        let reason = self.program.says(self.words.you_get_no_process());
        self.farewells.add(socket, tell(&reason), now);
    }

    /// Somebody has left, and a descriptor was freed: a door that was shut for lack of one may try again.
    pub fn reopen(&mut self, now: Instant) {
        self.somebody_left = true;
        self.doors.iter_mut().for_each(|door| door.reopen(now, true));
    }

    /// What every turn of a loop ends with.
    pub fn end_turn(&mut self, now: Instant) {
        let freed = self.farewells.advance(now);
        self.doors.iter_mut().for_each(|door| door.reopen(now, freed));
        self.flush();
    }

    /// Prints what can be printed now.
    pub fn flush(&mut self) {
        self.out.flush();
        self.err.flush();
    }
}
