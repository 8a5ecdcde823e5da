//! Connection attempts to a server that may not be up yet, or may be down again: back-off,
//! reconnection, probation. A state machine for a poll loop; it never blocks.
//!
//! Each round tries every address in turn; the pause between rounds doubles up to a maximum. A
//! connection made after a failure or a loss is on probation: a server that is full accepts, says
//! so and closes, which counts as a failure.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFd;

use super::messages::Messages;
use super::target::Target;
use crate::sys::{self, Interest};

/// Total time of [`Connector::with_timeout`].
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// Pauses between rounds: the first, the first after a loss, the longest, and the longest within
/// [`CONNECT_TIMEOUT`].
const MIN_BACK_OFF: Duration = Duration::from_millis(50);
const BACK_OFF_AFTER_LOSS: Duration = Duration::from_millis(200);
const MAX_BACK_OFF: Duration = Duration::from_secs(5);
const MAX_BACK_OFF_WITH_TIMEOUT: Duration = Duration::from_millis(250);

/// Time for one address to answer.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);

/// Longer than a full server keeps a connection: half a second for ours.
const PROBATION: Duration = Duration::from_secs(1);

/// A connection that lasted this long resets the back-off.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// Bytes read from a server that closes during probation.
const MAX_REJECTION: usize = 1024;

/// To be driven by a poll loop: wait for [`Connector::poll_fd`], at most for
/// [`Connector::timeout`], then call [`Connector::advance`].
#[derive(Debug)]
pub struct Connector<'a> {
    server: &'a Target<'a>,
    /// Index of the address that is next, being tried, or connected.
    address: usize,
    attempt: Attempt,
    next_round: Instant,
    back_off: Duration,
    /// Start of the last round; `None`: rounds go on for ever.
    deadline: Option<Instant>,
    needs_probation: bool,
    connected_at: Option<Instant>,
    /// Consecutive connections that did not last.
    short_lived: usize,
    /// Last text of a server that closed during probation, and whether it has not been taken yet.
    rejection: (Vec<u8>, bool),
}

/// The socket, and the time limit of its state.
#[derive(Debug)]
enum Attempt {
    None,
    Connecting(TcpStream, Instant),
    OnProbation(TcpStream, Instant),
}

impl<'a> Connector<'a> {
    /// Tries for ever.
    pub fn new(server: &'a Target<'a>) -> Connector<'a> {
        Connector {
            server,
            address: 0,
            attempt: Attempt::None,
            next_round: Instant::now(),
            back_off: MIN_BACK_OFF,
            deadline: None,
            needs_probation: false,
            connected_at: None,
            short_lived: 0,
            rejection: (Vec::new(), false),
        }
    }

    /// Gives up after 3 seconds.
    pub fn with_timeout(server: &'a Target<'a>) -> Connector<'a> {
        Connector { deadline: Some(Instant::now() + CONNECT_TIMEOUT), ..Connector::new(server) }
    }

    /// Begins again, without a time limit, after the connection was lost or the timeout expired.
    /// The pause before the first round matters: a server that is shutting down may still accept,
    /// and would lose what it is sent.
    pub fn reconnect(&mut self, now: Instant) {
        match self.connected_at.take() {
            Some(since) if since + STABLE_AFTER <= now => {
                (self.back_off, self.short_lived) = (MIN_BACK_OFF, 0);
                self.rejection = (Vec::new(), false);
            }
            Some(_) => self.short_lived += 1,
            None => {}
        }
        self.back_off = self.back_off.max(BACK_OFF_AFTER_LOSS);
        self.deadline = None;
        self.schedule_round(now);
    }

    /// True while consecutive connections do not last: reporting each would flood the screen.
    pub fn is_flapping(&self) -> bool {
        self.short_lived > 1
    }

    pub fn poll_fd(&self) -> Option<PollFd<'_>> {
        match &self.attempt {
            Attempt::None => None,
            Attempt::Connecting(socket, _) => Some(sys::watch(socket.as_fd(), Interest::Write)),
            Attempt::OnProbation(socket, _) => Some(sys::watch(socket.as_fd(), Interest::End)),
        }
    }

    /// Longest time to wait before the next [`Connector::advance`].
    pub fn timeout(&self, now: Instant) -> Duration {
        let until = match self.attempt {
            Attempt::None => self.next_round,
            Attempt::Connecting(_, until) | Attempt::OnProbation(_, until) => until,
        };
        until.saturating_duration_since(now)
    }

    /// Goes on without blocking. Returns the connection once there is one, and the last error on
    /// giving up, after which only [`Connector::reconnect`] may follow.
    pub fn advance(&mut self, now: Instant) -> io::Result<Option<TcpStream>> {
        loop {
            match std::mem::replace(&mut self.attempt, Attempt::None) {
                Attempt::None if self.next_round <= now => self.start_attempt(now)?,
                Attempt::Connecting(socket, _) if sys::is_writable_now(&socket) => {
                    match sys::finish_connecting(&socket) {
                        Ok(()) if self.needs_probation => {
                            self.attempt = Attempt::OnProbation(socket, now + PROBATION)
                        }
                        Ok(()) => return Ok(Some(self.connected(socket, now))),
                        Err(error) => self.attempt_failed(error, now)?,
                    }
                }
                Attempt::Connecting(_, until) if until <= now => {
                    self.attempt_failed(Errno::ETIMEDOUT.into(), now)?
                }
                Attempt::OnProbation(socket, _) if sys::has_ended(&socket) => {
                    self.read_rejection(&socket);
                    self.attempt_failed(Errno::ECONNRESET.into(), now)?;
                }
                Attempt::OnProbation(socket, until) if until <= now => {
                    return Ok(Some(self.connected(socket, now)));
                }
                pending => {
                    self.attempt = pending;
                    return Ok(None);
                }
            }
        }
    }

    /// Text of a server that closed during probation, each different one once.
    pub fn take_rejection(&mut self) -> Option<Vec<u8>> {
        let (text, is_new) = &mut self.rejection;
        std::mem::take(is_new).then(|| text.clone())
    }

    /// Address of the last connection. Not from getpeername(2): a connection that was reset has no
    /// peer any more.
    pub fn address(&self) -> String {
        self.server.addresses.get(self.address).map(ToString::to_string).unwrap_or_default()
    }

    /// Error message for the `reason` that [`Connector::advance`] has given up with.
    pub fn unreachable(&self, messages: Messages, reason: &io::Error) -> String {
        messages.unreachable(self.server.host, self.server.port, CONNECT_TIMEOUT, reason)
    }

    fn connected(&mut self, socket: TcpStream, now: Instant) -> TcpStream {
        self.connected_at = Some(now);
        socket
    }

    fn start_attempt(&mut self, now: Instant) -> io::Result<()> {
        // Counted from the deadline at the latest, or a last round over many addresses would take
        // too long.
        let until = self.deadline.map_or(now, |deadline| now.min(deadline)) + ATTEMPT_TIMEOUT;
        match self.server.addresses.get(self.address).map(|address| sys::begin_connecting(*address)) {
            Some(Ok(socket)) => self.attempt = Attempt::Connecting(socket, until),
            Some(Err(error)) => self.attempt_failed(error, now)?,
            None => self.attempt_failed(Errno::EADDRNOTAVAIL.into(), now)?,
        }
        Ok(())
    }

    /// Fails with `error` on giving up: at the end of the last round.
    fn attempt_failed(&mut self, error: io::Error, now: Instant) -> io::Result<()> {
        self.address += 1;
        if self.address < self.server.addresses.len() {
            return Ok(());
        }
        let gives_up = self.deadline.is_some_and(|deadline| deadline <= now);
        self.schedule_round(now);
        if gives_up { Err(error) } else { Ok(()) }
    }

    /// After the back-off, at the deadline at the latest: the last round begins then.
    fn schedule_round(&mut self, now: Instant) {
        self.address = 0;
        self.needs_probation = self.deadline.is_none();
        let at = now + self.back_off;
        self.next_round = self.deadline.map_or(at, |deadline| deadline.min(at));
        let longest = if self.deadline.is_some() { MAX_BACK_OFF_WITH_TIMEOUT } else { MAX_BACK_OFF };
        self.back_off = (2 * self.back_off).min(longest);
    }

    fn read_rejection(&mut self, socket: &TcpStream) {
        let mut bytes = [0; MAX_REJECTION];
        // A reset connection has nothing left to read.
        let count = sys::try_read(socket, &mut bytes).ok().flatten().unwrap_or(0);
        if count > 0 && bytes[..count] != self.rejection.0 {
            self.rejection = (bytes[..count].to_vec(), true);
        }
    }
}

#[cfg(test)]
mod tests;
