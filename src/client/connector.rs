//! Connection attempts to a server that may not be up yet, or may be down again: back-off,
//! reconnection, probation. A state machine for a poll loop; it never blocks.
//!
//! Each round tries every address in turn; the pause between rounds doubles up to a maximum. A
//! round in which no address fails with an [error that may pass](may_pass) is the last, unless the
//! server was there before: then none is, and each round looks the name up again. A connection made
//! after a loss is on probation: a server that is full accepts, says so and closes,
//! which counts as a failure.

mod errors;

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFd;

use self::errors::may_pass;
use super::messages::Messages;
use super::target::{Lookup, Target};
use crate::sys::{self, Interest, ScopedAddress};

/// Pauses between rounds, the first and the longest: before the first connection, and after one was
/// lost.
const MIN_BACK_OFF: Duration = Duration::from_millis(50);
const MAX_BACK_OFF: Duration = Duration::from_millis(250);
const MIN_BACK_OFF_AFTER_LOSS: Duration = Duration::from_millis(200);
const MAX_BACK_OFF_AFTER_LOSS: Duration = Duration::from_secs(5);

/// Time for one address to answer, doubled after each round in which it was too short: a path may
/// be slow, or lose the first packet. Beyond the deadline, all together are given one second.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(1);
const MAX_ATTEMPT_TIMEOUT: Duration = Duration::from_secs(8);

/// The least time for one address, even where others took all there was.
const MIN_ATTEMPT_TIMEOUT: Duration = Duration::from_millis(250);

/// Longer than a full server keeps a connection: half a second for ours, and the way to it, which
/// connecting took.
const PROBATION: Duration = Duration::from_secs(1);

/// A connection that lasted this long resets the back-off.
const STABLE_AFTER: Duration = Duration::from_secs(5);

/// To be driven by a poll loop: wait for [`Connector::poll_fd`], at most for
/// [`Connector::timeout`], then call [`Connector::advance`].
#[derive(Debug)]
pub struct Connector<'a> {
    server: &'a Target<'a>,
    addresses: Vec<SocketAddr>,
    /// The next attempt is to look the name up before.
    lookup_is_due: bool,
    /// Index of the address that is next, being tried, or connected.
    address: usize,
    attempt: Attempt,
    attempt_timeout: Duration,
    /// It was too short in this round.
    has_timed_out: bool,
    next_round: Instant,
    back_off: Duration,
    max_back_off: Duration,
    /// Start of the last round; `None`: rounds go on for ever.
    deadline: Option<Instant>,
    /// An address of this round may answer later.
    has_hope: bool,
    /// Error of the first round that failed, and whether it has been taken, or is of no interest.
    first_failure: (Option<io::Error>, bool),
    needs_probation: bool,
    connected_at: Option<Instant>,
    /// Consecutive connections that did not last.
    short_lived: usize,
    /// Last text of a server that closed during probation, and whether it has not been taken yet.
    rejection: (Vec<u8>, bool),
}

/// The socket, and the time when the attempt began, or the probation ends.
#[derive(Debug)]
enum Attempt {
    None,
    LookingUp(Lookup),
    Connecting(TcpStream, Instant),
    OnProbation(TcpStream, Instant),
}

impl<'a> Connector<'a> {
    /// Tries for as long as `server` says.
    pub fn new(server: &'a Target<'a>) -> Connector<'a> {
        let now = Instant::now();
        Connector {
            server,
            addresses: server.addresses.clone(),
            lookup_is_due: false,
            address: 0,
            attempt: Attempt::None,
            attempt_timeout: ATTEMPT_TIMEOUT,
            has_timed_out: false,
            next_round: now,
            back_off: MIN_BACK_OFF,
            max_back_off: MAX_BACK_OFF,
            deadline: server.wait.map(|wait| now + wait),
            has_hope: false,
            first_failure: (None, false),
            needs_probation: false,
            connected_at: None,
            short_lived: 0,
            rejection: (Vec::new(), false),
        }
    }

    /// Begins again, without a time limit, after the connection was lost.
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
        self.back_off = self.back_off.max(MIN_BACK_OFF_AFTER_LOSS);
        self.max_back_off = MAX_BACK_OFF_AFTER_LOSS;
        (self.deadline, self.needs_probation) = (None, true);
        self.first_failure = (None, true);
        self.schedule_round(now);
    }

    pub fn tries_for_ever(&self) -> bool {
        self.deadline.is_none()
    }

    /// True while consecutive connections do not last: reporting each would flood the screen.
    pub fn is_flapping(&self) -> bool {
        self.short_lived > 1
    }

    pub fn poll_fd(&self) -> Option<PollFd<'_>> {
        match &self.attempt {
            Attempt::None => None,
            Attempt::LookingUp(lookup) => Some(sys::watch(lookup.end(), Interest::Read)),
            Attempt::Connecting(socket, _) => Some(sys::watch(socket.as_fd(), Interest::Write)),
            Attempt::OnProbation(socket, _) => Some(sys::watch(socket.as_fd(), Interest::End)),
        }
    }

    /// Longest time to wait before the next [`Connector::advance`].
    pub fn timeout(&self, now: Instant) -> Option<Duration> {
        let until = match self.attempt {
            Attempt::None => self.next_round,
            Attempt::LookingUp(_) => return None,
            Attempt::Connecting(_, begun) => self.end_of_attempt(begun),
            Attempt::OnProbation(_, until) => until,
        };
        Some(until.saturating_duration_since(now))
    }

    /// Goes on without blocking. Returns the connection once there is one, and the last error on
    /// giving up, after which only [`Connector::reconnect`] may follow.
    pub fn advance(&mut self, now: Instant) -> io::Result<Option<TcpStream>> {
        loop {
            match std::mem::replace(&mut self.attempt, Attempt::None) {
                Attempt::None if self.next_round <= now => self.start_attempt(now)?,
                Attempt::LookingUp(lookup) if lookup.is_over() => lookup.finish(&mut self.addresses),
                Attempt::Connecting(socket, begun) => match sys::finish_connecting(&socket) {
                    Ok(true) if self.needs_probation => {
                        let until = now + PROBATION + now.saturating_duration_since(begun);
                        self.attempt = Attempt::OnProbation(socket, until)
                    }
                    Ok(true) => return Ok(Some(self.connected(socket, now))),
                    Ok(false) if self.end_of_attempt(begun) <= now => {
                        self.has_timed_out = true;
                        self.attempt_failed(Errno::ETIMEDOUT.into(), now)?
                    }
                    Ok(false) => {
                        self.attempt = Attempt::Connecting(socket, begun);
                        return Ok(None);
                    }
                    Err(error) => self.attempt_failed(error, now)?,
                },
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

    /// Address of the last connection. getpeername(2) tells none of one that was reset.
    pub fn address(&self) -> String {
        let address = self.addresses.get(self.address).copied().map(ScopedAddress::from);
        address.map(|address| address.to_string()).unwrap_or_default()
    }

    /// Message that a search without a time limit has begun, once: after its first round.
    pub fn take_first_failure(&mut self, messages: Messages) -> Option<String> {
        let reason = self.first_failure.0.take().filter(|_| self.tries_for_ever())?;
        Some(messages.not_yet(self.server.host, self.server.port, &reason))
    }

    /// Error message for the `reason` that [`Connector::advance`] has given up with.
    pub fn unreachable(&self, messages: Messages, reason: &io::Error) -> String {
        let Target { host, port, wait, .. } = *self.server;
        match wait.filter(|tried| !tried.is_zero() && may_pass(reason)) {
            Some(tried) => messages.unreachable(host, port, tried, reason),
            None => messages.cannot_connect(host, port, reason),
        }
    }

    fn connected(&mut self, socket: TcpStream, now: Instant) -> TcpStream {
        self.connected_at = Some(now);
        socket
    }

    fn start_attempt(&mut self, now: Instant) -> io::Result<()> {
        if std::mem::take(&mut self.lookup_is_due)
            && let Some(lookup) = self.server.start_lookup()
        {
            self.attempt = Attempt::LookingUp(lookup);
            return Ok(());
        }
        match self.addresses.get(self.address).map(|address| sys::begin_connecting(*address)) {
            Some(Ok(socket)) => self.attempt = Attempt::Connecting(socket, now),
            Some(Err(error)) => self.attempt_failed(error, now)?,
            None => self.attempt_failed(Errno::EADDRNOTAVAIL.into(), now)?,
        }
        Ok(())
    }

    /// A last round over many addresses is not to take long.
    fn end_of_attempt(&self, begun: Instant) -> Instant {
        let end = begun + self.attempt_timeout;
        let Some(deadline) = self.deadline else { return end };
        let end = end.min(deadline.max(begun + ATTEMPT_TIMEOUT)).min(deadline + ATTEMPT_TIMEOUT);
        end.max(begun + MIN_ATTEMPT_TIMEOUT)
    }

    /// Fails with `error` on giving up: at the end of the last round.
    fn attempt_failed(&mut self, error: io::Error, now: Instant) -> io::Result<()> {
        self.has_hope |= may_pass(&error);
        self.address += 1;
        if self.address < self.addresses.len() {
            return Ok(());
        }
        let has_hope = self.has_hope || self.needs_probation;
        let gives_up = !has_hope || self.deadline.is_some_and(|deadline| deadline <= now);
        self.schedule_round(now);
        if gives_up {
            return Err(error);
        }
        if !self.first_failure.1 {
            self.first_failure = (Some(error), true);
        }
        Ok(())
    }

    /// After the back-off, at the deadline at the latest: the last round begins then.
    fn schedule_round(&mut self, now: Instant) {
        (self.address, self.has_hope, self.lookup_is_due) = (0, false, self.needs_probation);
        if std::mem::take(&mut self.has_timed_out) {
            self.attempt_timeout = (2 * self.attempt_timeout).min(MAX_ATTEMPT_TIMEOUT);
        }
        let at = now + self.back_off;
        self.next_round = self.deadline.map_or(at, |deadline| deadline.min(at));
        self.back_off = (2 * self.back_off).min(self.max_back_off);
    }

    fn read_rejection(&mut self, socket: &TcpStream) {
        let mut bytes = [0; 1024];
        // A reset connection has nothing left to read.
        let count = sys::try_read(socket, &mut bytes).ok().flatten().unwrap_or(0);
        if count > 0 && bytes[..count] != self.rejection.0 {
            self.rejection = (bytes[..count].to_vec(), true);
        }
    }
}

#[cfg(test)]
mod tests;
