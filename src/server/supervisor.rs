//! The first process of a server: listeners, signals, admission, lingering closes, output.
//!
//! A lab's event loop takes from here what to wait for and until when ([`Supervisor::watched`],
//! [`Supervisor::due`]), waits, handles events, and ends each turn with [`Supervisor::end_turn`].

use std::io;
use std::net::{SocketAddr, TcpListener};
use std::os::fd::{BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use anyhow::{Context, anyhow};

use super::messages::Messages;
use super::penalties::Penalties;
use super::startup::lowest_own_descriptor;
use super::turns::Turns;
use super::waiting::{PendingConnection, Waiting};
use super::{LingeringCloses, Listener, Options, Output, Privileges};
use crate::cli::Program;
use crate::sys::{self, Interest, Pid, PollFd, Profile, Signal, Signals};

mod admission;
mod shortage;
mod signals;

use shortage::Shortage;

/// SIGCHLD first: a signal that has ended both server and child is then taken with the child's end.
const CAUGHT: [Signal; 2] = [Signal::SIGCHLD, Signal::SIGTERM];

/// Connections accepted in one turn of the loop: a rush of them must not delay other events.
pub const ACCEPTED_AT_ONCE: usize = 32;

pub struct Supervisor {
    pub program: Program,
    pub messages: Messages,
    pub listeners: Vec<Listener>,
    pub signals: Signals,
    pub lingering: LingeringCloses,
    pub out: Output,
    pub err: Output,
    pub privileges: Privileges,
    pub turns: Turns,
    /// The signal that ends the server.
    pub stop: Option<Signal>,
    /// Caught signals from `own` of [`Supervisor::open`], until the caller takes them.
    pub user_signals: Vec<Signal>,
    /// SIGHUP may mean that the terminal was closed.
    has_terminal: bool,
    /// SIGHUP is among the caller's signals. Otherwise it ends the server.
    hangup_is_request: bool,
    pub max_clients: usize,
    max_per_address: Option<usize>,
    penalties: Option<Penalties>,
    waiting: Waiting,
    shortage: Shortage,
    /// The server's own descriptors opened after the first listener are numbered from here.
    lowest: RawFd,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// To be handled by [`Supervisor::take_signals`].
    Signal,
    /// To be handled by [`Supervisor::accept`].
    Listener(usize),
    /// Lines to print; [`Supervisor::end_turn`] handles this and the next.
    Output,
    LingeringClose,
}

impl Supervisor {
    /// Listens. `limit`: RLIMIT_NOFILE, from `startup`. Signals in `own` are for
    /// [`Supervisor::user_signals`], and children ignore them, as they do Ctrl+C, which reaches
    /// every process of the terminal: the first one ends its children.
    pub fn open(
        program: Program,
        options: &Options,
        limit: u64,
        own: &[Signal],
    ) -> anyhow::Result<Supervisor> {
        let messages = Messages(program.language);
        let listener = sys::listen(options.address, options.backlog)
            .map_err(|reason| anyhow!(messages.cannot_listen(options.address, &reason)))?;
        let lowest = lowest_own_descriptor(limit);
        // nohup(1): the server is to outlive its terminal.
        let outlives_terminal = sys::is_ignored(Signal::SIGHUP);
        let has_terminal = sys::has_terminal() && !outlives_terminal;
        let hangup_is_request = own.contains(&Signal::SIGHUP);
        let hangup = (!hangup_is_request && !outlives_terminal).then_some(Signal::SIGHUP);
        let own: Vec<Signal> = own.iter().copied().chain([Signal::SIGINT]).chain(hangup).collect();
        let signals = Signals::catch_with_own(&CAUGHT, &own, lowest).context("sigaction")?;
        let supervisor = Supervisor {
            program,
            messages,
            listeners: vec![Listener::new(listener)],
            signals,
            lingering: LingeringCloses::default(),
            out: Output::on(io::stdout(), lowest, messages),
            err: Output::on(io::stderr(), lowest, messages),
            privileges: Privileges::new(options, messages)?,
            turns: Turns::default(),
            stop: None,
            user_signals: Vec::new(),
            has_terminal,
            hangup_is_request,
            max_clients: options.max_clients,
            max_per_address: options.max_per_address,
            penalties: options.penalties.then(Penalties::default),
            waiting: Waiting::default(),
            shortage: Shortage::default(),
            lowest,
        };
        Ok(supervisor)
    }

    /// Listens on one more address. Returns the bound one.
    pub fn add_listener(&mut self, address: SocketAddr, backlog: i32) -> anyhow::Result<SocketAddr> {
        let listener = sys::listen(address, backlog)
            .and_then(|listener| self.move_high_numbered(listener.into()))
            .map(TcpListener::from)
            .map_err(|reason| anyhow!(self.messages.cannot_listen(address, &reason)))?;
        let bound = listener.local_addr().context("getsockname")?;
        self.listeners.push(Listener::new(listener));
        Ok(bound)
    }

    pub fn drop_privileges(&self) -> anyhow::Result<()> {
        self.privileges.drop_privileges(self.messages)
    }

    /// Prepares the sandbox of each child, with files in `directory` alone, if any.
    pub fn confine(&mut self, profile: Profile, directory: Option<BorrowedFd>) {
        self.privileges.confine(profile, directory, self.lowest);
        if self.privileges.sandbox.closes_terminal {
            self.err.replace_stderr();
        }
    }

    /// Prints the first line, with the bound address, then `more` and those of `-v`.
    pub fn announce(&mut self, more: &[String]) -> anyhow::Result<()> {
        let address = self.listeners[0].address().context("getsockname")?;
        self.out.line(self.messages.ready(address));
        more.iter().chain(&self.privileges.lines(self.messages)).for_each(|line| self.out.line(line));
        if self.out.is_foreign {
            self.out.line(self.messages.foreign_terminal());
        }
        self.flush();
        Ok(())
    }

    /// Entries for poll, with the listeners if `accepting`.
    pub fn watched(&self, accepting: bool) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let listeners = self.listeners.iter().enumerate().filter(move |_| accepting);
        let listeners = listeners.filter_map(|(at, listener)| Some((Event::Listener(at), listener.watch()?)));
        let outputs = [&self.out, &self.err].into_iter().filter_map(Output::watch);
        std::iter::once((Event::Signal, sys::watch(self.signals.as_fd(), Interest::Read)))
            .chain(listeners)
            .chain(self.lingering.watch().map(|socket| (Event::LingeringClose, socket)))
            .chain(outputs.map(|output| (Event::Output, output)))
    }

    /// The next deadline of poll.
    pub fn due(&self) -> Option<Instant> {
        let listeners = self.listeners.iter().filter_map(Listener::due);
        let others =
            [self.lingering.due(), self.waiting.due(), self.turns.due(), self.privileges.sandbox.due()];
        listeners.chain(others.into_iter().flatten()).min()
    }

    /// Accepts one connection. Callers take at most `ACCEPTED_AT_ONCE` in one turn, and those of
    /// [`Supervisor::retry_waiting`] first. No list: after a fork, heap writes copy pages.
    pub fn accept(&mut self, listener: usize, now: Instant) -> Option<PendingConnection> {
        let accepted = self.listeners[listener].accept(now).unwrap_or_else(|reason| {
            self.err.line(self.messages.accept_paused(&reason));
            None
        });
        if self.listeners[listener].is_paused() {
            // For want of descriptors: one is freed, which ends the pause.
            self.lingering.evict();
        }
        let client = accepted.inspect(|_| self.turns.progress())?;
        Some(PendingConnection::new(client, listener))
    }

    /// Renumbers a descriptor of the server's own.
    pub fn move_high_numbered(&self, fd: OwnedFd) -> io::Result<OwnedFd> {
        sys::move_high(fd, self.lowest)
    }

    /// Forks a child that holds `keep` and standard output, and exits with the status of `work`.
    pub fn spawn(&mut self, mut keep: Vec<RawFd>, work: impl FnOnce(&mut Output) -> i32) -> io::Result<Pid> {
        // Before the fork, or the child would write it too.
        self.flush();
        let Supervisor { signals, out, err, privileges, .. } = self;
        keep.push(out.number());
        keep.extend(privileges.sandbox.keeps());
        sys::spawn(signals, &keep, &mut privileges.sandbox, || {
            out.forget();
            err.forget();
            work(out)
        })
    }

    /// A client has left and freed a descriptor: ends the pauses of listeners.
    pub fn resume(&mut self, now: Instant) {
        self.waiting.client_left = true;
        self.listeners.iter_mut().for_each(|listener| listener.resume(now, true));
    }

    /// Prints that the server stops: on standard error where standard output fails from now on, as
    /// in `| tee`, which the same Ctrl+C has ended.
    pub fn announce_stop(&mut self, clients: usize) {
        let Some(signal) = self.stop else { return };
        let line = self.messages.stopping(signal, clients);
        self.out.line(&line);
        self.out.flush();
        if self.out.take_failure().is_some() {
            self.err.line(line);
        }
        self.flush();
    }

    pub fn flush(&mut self) {
        self.out.flush();
        if let Some(reason) = self.out.take_failure() {
            self.err.line(self.messages.no_output(&reason));
        }
        self.err.flush();
    }
}
