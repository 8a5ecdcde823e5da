//! The first process of a server: what each lab's holds beside its own.
//!
//! Doors to listen at, signals, connections on their way out, two consoles. A lab's loop asks what to wait for and until
//! when, waits, does what it was built for, and ends its turn here.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::messages::Messages;
use super::startup::{OWN_DESCRIPTORS, lowest_own_descriptor};
use super::{AcceptOutcome, LingeringCloses, Listener, Options, Output, Privileges};
use crate::cli::Program;
use crate::sys::{self, Interest, PollFd, Profile, Signal, Signals};

/// The signals that the first process hears of.
const CAUGHT: [Signal; 3] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGCHLD];

/// Connections accepted in one turn of the loop, so that a rush of them does not hold up the others.
pub const ACCEPTED_AT_ONCE: usize = 32;

/// How long one more of its address than may be waits for another of them to be gone: who comes back at once is here before its
/// old child has seen it leave.
const RETRY_WAIT: Duration = Duration::from_millis(500);

/// How many may wait so.
const MAX_WAITING: usize = 32;

/// A connection that is not yet let in.
#[derive(Debug)]
pub struct PendingConnection {
    /// Its socket, and its peer's address.
    pub client: (TcpStream, SocketAddr),
    /// Where it came in.
    pub listener: usize,
    /// Until when it waits for a place of its address; `None`: it has just come.
    until: Option<Instant>,
}

/// The first process.
pub struct Supervisor {
    /// Who is running.
    pub program: Program,
    /// What it says.
    pub messages: Messages,
    /// Where clients come in: the first door, and others where the lab has them.
    pub listeners: Vec<Listener>,
    /// SIGINT, SIGTERM and SIGCHLD, and those of a lab's own.
    pub signals: Signals,
    /// Connections that are no longer served.
    pub lingering: LingeringCloses,
    /// Standard output.
    pub out: Output,
    /// Standard error.
    pub err: Output,
    /// Who it runs as, and what confines its children.
    pub privileges: Privileges,
    /// The signal that has asked it to stop.
    pub stop: Option<Signal>,
    /// Signals of the lab's own that have come.
    take_user_signals: Vec<Signal>,
    /// SIGHUP may mean that its terminal is gone.
    has_terminal: bool,
    max_clients: usize,
    max_per_address: Option<usize>,
    /// One more of their address than may be, for a moment.
    waiting: Vec<PendingConnection>,
    /// Somebody has left since they were looked at.
    client_left: bool,
    /// The lowest number for descriptors that are to stay out of the way.
    lowest: RawFd,
}

/// What poll found at the first process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// A signal has come: [`Supervisor::take_signals`].
    Signal,
    /// Somebody is at this door: [`Supervisor::accept`].
    Listener(usize),
    /// The consoles and farewells see for themselves what they can do.
    Other,
}

impl Supervisor {
    /// Listens, and makes the rest, out of the way of the clients' numbers. `limit` is what [`crate::server::startup`] gave. Of the signals in
    /// `own` the lab hears as well ([`Supervisor::take_user_signals`]), and children are deaf to them.
    ///
    /// # Errors
    /// Those of listening, with the address; [`Privileges::new`].
    pub fn open(
        program: Program,
        options: &Options,
        limit: u64,
        own: &[Signal],
    ) -> anyhow::Result<Supervisor> {
        let messages = Messages(program.language);
        let listener = Listener::open(options.address, options.backlog)
            .with_context(|| messages.cannot_listen(options.address))?;
        let lowest = lowest_own_descriptor(limit);
        // Whoever started it with nohup(1) wants it to outlive its terminal.
        let has_terminal = sys::has_terminal() && !sys::is_ignored(Signal::SIGHUP);
        let signals = Signals::catch_with_own(&CAUGHT, own, lowest).context("sigaction")?;
        let mut supervisor = Supervisor {
            program,
            messages,
            listeners: vec![listener],
            signals,
            lingering: LingeringCloses::default(),
            out: Output::stdout(lowest, messages),
            err: Output::stderr(lowest, messages),
            privileges: Privileges::new(options, messages)?,
            stop: None,
            take_user_signals: Vec::new(),
            has_terminal,
            max_clients: options.max_clients,
            max_per_address: options.max_per_address,
            waiting: Vec::new(),
            client_left: false,
            lowest,
        };
        if limit < OWN_DESCRIPTORS + options.max_clients as u64 {
            supervisor.err.line(messages.descriptor_limit_is_low(limit, options.max_clients));
        }
        Ok(supervisor)
    }

    /// Listens at another door, whose number is out of the way.
    ///
    /// Returns the address really bound.
    ///
    /// # Errors
    /// As [`Supervisor::open`].
    pub fn add_listener(&mut self, address: SocketAddr, backlog: i32) -> anyhow::Result<SocketAddr> {
        let listener =
            Listener::open(address, backlog).and_then(|listener| listener.move_high_numbered(self.lowest));
        let listener = listener.with_context(|| self.messages.cannot_listen(address))?;
        let bound = listener.address().context("getsockname")?;
        self.listeners.push(listener);
        Ok(bound)
    }

    /// Becomes the user it is to run as, see [`Privileges::drop_privileges`].
    ///
    /// # Errors
    /// The system's refusal.
    pub fn drop_privileges(&self) -> anyhow::Result<()> {
        self.privileges.drop_privileges(self.messages)
    }

    /// Makes ready what confines each child, see [`Privileges::confine`].
    pub fn confine(&mut self, duty: Profile, directory: Option<BorrowedFd>) {
        self.privileges.confine(duty, directory, self.lowest);
        if self.privileges.sandbox.closes_terminal() {
            self.err.replace_stderr();
        }
    }

    /// Prints the first line, which holds the address really bound, and `more` lines; what guards it, if that is asked for.
    ///
    /// # Errors
    /// What getsockname(2) says.
    pub fn announce(&mut self, more: &[String]) -> anyhow::Result<()> {
        let address = self.listeners[0].address().context("getsockname")?;
        self.out.line(self.messages.ready(address));
        more.iter().chain(&self.privileges.lines(self.messages)).for_each(|line| self.out.line(line));
        if self.out.is_foreign() {
            self.out.line(self.messages.foreign_terminal());
        }
        self.flush();
        Ok(())
    }

    /// What to wait for. Without the doors when nobody may come in now.
    pub fn watched(&self, accepting: bool) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let listeners = self.listeners.iter().enumerate().filter(move |_| accepting);
        let listeners = listeners.filter_map(|(at, listener)| Some((Event::Listener(at), listener.watch()?)));
        let consoles = [&self.out, &self.err].into_iter().filter_map(Output::watch);
        std::iter::once((Event::Signal, sys::watch(self.signals.as_fd(), Interest::Read)))
            .chain(listeners)
            .chain(self.lingering.watch().chain(consoles).map(|other| (Event::Other, other)))
    }

    /// Until when to wait at most.
    pub fn due(&self) -> Option<Instant> {
        let listeners = self.listeners.iter().filter_map(Listener::due);
        let waiting = self.waiting.iter().filter_map(|pending| pending.until);
        listeners.chain(self.lingering.due()).chain(waiting).min()
    }

    /// Takes the signals that have come. True when a child may have ended; [`Supervisor::stop`] is set when it is over.
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
                _ => self.take_user_signals.push(signal),
            }
        }
        signals.contains(&Signal::SIGCHLD)
    }

    /// The signals of the lab's own that have come since the last call.
    pub fn take_user_signals(&mut self) -> Vec<Signal> {
        std::mem::take(&mut self.take_user_signals)
    }

    /// Those who waited for a place of their address and are to be looked at again, the first comer first: all once somebody
    /// has left, or those who have waited long enough.
    pub fn retry_waiting(&mut self, now: Instant) -> Vec<PendingConnection> {
        let all = std::mem::take(&mut self.client_left);
        self.waiting
            .extract_if(.., |pending| all || pending.until.is_some_and(|until| until <= now))
            .collect()
    }

    /// Takes the next connection that waits at a door, if any does; no more than [`ACCEPTED_AT_ONCE`] in one turn, and before them those
    /// of [`Supervisor::retry_waiting`]. One by one: a list of them would be on the heap, and for what a server writes there between two
    /// forks, the first child pays.
    pub fn accept(&mut self, listener: usize, now: Instant) -> Option<PendingConnection> {
        match self.listeners[listener].accept(now) {
            AcceptOutcome::Accepted(socket, peer) => {
                Some(PendingConnection { client: (socket, peer), listener, until: None })
            }
            AcceptOutcome::WouldBlock => None,
            AcceptOutcome::Paused(reason) => {
                reason.iter().for_each(|reason| self.err.line(self.messages.accept_paused(reason)));
                None
            }
        }
    }

    /// Gives a descriptor a number out of the way of the clients'.
    ///
    /// # Errors
    /// As [`sys::move_high`].
    pub fn move_high_numbered(&self, fd: OwnedFd) -> io::Result<OwnedFd> {
        sys::move_high(fd, self.lowest)
    }

    /// Gives a client back for which there is room beside the `present` ones, of whom so many have an address as `with` tells;
    /// otherwise tells it, in the clothes of the lab's protocol (`tell`), that there is none. One more of its address than may
    /// be is first kept for a moment: [`Supervisor::retry_waiting`].
    pub fn admit(
        &mut self,
        pending: PendingConnection,
        present: usize,
        with: impl FnOnce(IpAddr) -> usize,
        tell: impl FnOnce(&str) -> Vec<u8>,
        now: Instant,
    ) -> Option<(TcpStream, SocketAddr)> {
        let PendingConnection { client: (socket, peer), listener, until } = pending;
        let reason = if present >= self.max_clients {
            self.err.line(self.messages.refused_full(peer, self.max_clients));
            self.messages.room_is_full(self.max_clients)
        } else if let Some(most) = self.max_per_address.filter(|&most| with(peer.ip()) >= most) {
            let until = until.unwrap_or(now + RETRY_WAIT);
            if now < until && self.waiting.len() < MAX_WAITING {
                self.waiting.push(PendingConnection { client: (socket, peer), listener, until: Some(until) });
                return None;
            }
            self.err.line(self.messages.refused_address(peer, most));
            self.messages.too_many_from_your_address(most)
        } else {
            return Some((socket, peer));
        };
        self.lingering.add(socket, tell(&self.program.says(&reason)), now);
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
        self.err.line(self.messages.fork_failed(peer, reason));
        let reason = self.program.says(self.messages.no_process_for_you());
        self.lingering.add(socket, tell(&reason), now);
    }

    /// Somebody has left, and a descriptor was freed: a door that was shut for lack of one may try again.
    pub fn resume(&mut self, now: Instant) {
        self.client_left = true;
        self.listeners.iter_mut().for_each(|listener| listener.resume(now, true));
    }

    /// What every turn of a loop ends with.
    pub fn end_turn(&mut self, now: Instant) {
        let freed = self.lingering.advance(now);
        self.listeners.iter_mut().for_each(|listener| listener.resume(now, freed));
        self.flush();
    }

    /// Prints what can be printed now.
    pub fn flush(&mut self) {
        self.out.flush();
        self.err.flush();
    }
}
