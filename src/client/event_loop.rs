//! Poll loop of a client on one thread: signals, keyboard, server and screen, none of which blocks
//! the others.
//!
//! Used by the labs' one-process clients ([`super::session`]) and by the messenger on a terminal
//! ([`crate::chat::client`]). Each turn of theirs waits here, takes the signals, and then serves
//! the sources that are ready.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::poll::PollFd;

use super::signals;
use crate::sys::{self, Interest, Signal, Signals};

/// Time for the server to close, once the input has ended and everything is sent.
pub const GRACE: Duration = Duration::from_secs(5);

/// Time before the half-close in which an answer may still come: some forwarders, as nginx's
/// `stream`, then close both ways at once.
pub const QUIET: Duration = Duration::from_millis(300);

#[derive(Debug)]
pub struct EventLoop {
    pub signals: Signals,
    grace_since: Option<Instant>,
}

/// End of a client that is no error.
#[derive(Debug)]
pub enum Exit {
    /// To be reported on standard error, with status 0.
    Normal(String),
    /// The default action of this signal is still to be taken.
    Signal(Signal),
}

/// Descriptors to wait for in this turn.
pub struct Sources<'a> {
    pub ui: UiSources<'a>,
    /// To be read: the connection, or the process that reads it.
    pub incoming: Option<BorrowedFd<'a>>,
    /// The connection, to take bytes or while it is being established.
    pub outgoing: Option<PollFd<'a>>,
}

/// The descriptors of the user interface.
pub struct UiSources<'a> {
    /// `None` once it has hung up.
    pub keyboard: Option<BorrowedFd<'a>>,
    /// Has output to take.
    pub screen: Option<BorrowedFd<'a>>,
    /// False while so much output is pending that the server is not to be read (backpressure).
    pub has_room: bool,
    /// Longest time to wait before the next turn.
    pub timeout: Option<Duration>,
}

/// Sources on which something can be done.
pub struct Ready {
    pub keyboard: bool,
    pub incoming: bool,
    pub outgoing: bool,
    pub screen: bool,
}

impl EventLoop {
    pub fn new(signals: Signals) -> EventLoop {
        EventLoop { signals, grace_since: None }
    }

    /// Waits until a source is ready, a signal comes, or the shortest of the timeouts or the grace
    /// period is over.
    pub fn wait<const N: usize>(
        &self,
        sources: Sources,
        timeouts: [Option<Duration>; N],
    ) -> io::Result<Ready> {
        let read = |fd| sys::watch(fd, Interest::Read);
        let watched = [
            Some(read(self.signals.as_fd())),
            sources.ui.keyboard.map(read),
            sources.incoming.map(read),
            sources.outgoing,
            sources.ui.screen.map(|screen| sys::watch(screen, Interest::Write)),
        ];
        let grace = self.grace_since.map(|since| GRACE.saturating_sub(since.elapsed()));
        let timeout = timeouts.into_iter().chain([sources.ui.timeout, grace]).flatten().min();
        let [_, keyboard, incoming, outgoing, screen] = sys::wait_for_some(watched, timeout)?;
        Ok(Ready { keyboard, incoming, outgoing, screen })
    }

    /// Passes the signals of the terminal to `handle`. Returns the first that ends the client.
    pub fn take_signals(
        &mut self,
        mut handle: impl FnMut(Signal) -> io::Result<()>,
    ) -> anyhow::Result<Option<Signal>> {
        // Others may have come while one of them stopped the process.
        loop {
            let taken = self.signals.take();
            if taken.is_empty() {
                return Ok(None);
            }
            for signal in taken {
                if !signals::TERMINAL.contains(&signal) {
                    return Ok(Some(signal));
                }
                handle(signal).context("tcsetattr")?;
            }
        }
    }

    /// Starts the grace period, or starts it anew.
    pub fn start_grace(&mut self) {
        self.grace_since = Some(Instant::now());
    }

    /// Starts a running grace period anew: the server is still answering.
    pub fn extend_grace(&mut self) {
        self.grace_since = self.grace_since.map(|_| Instant::now());
    }

    pub fn is_in_grace(&self) -> bool {
        self.grace_since.is_some()
    }

    pub fn is_grace_over(&self) -> bool {
        self.grace_since.is_some_and(|since| since.elapsed() >= GRACE)
    }
}
