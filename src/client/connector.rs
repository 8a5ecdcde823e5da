//! The search for a server that may not be there yet, or not any more, as part of somebody's poll loop. Nothing in it waits.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::PollFd;

use super::messages::Messages;
use super::target::Target;
use crate::sys::{self, Interest};

/// How long a server may take to come up, for those who do not look for it for ever.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(3);

/// The first pause between two tries; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const PAUSE_AFTER_LOSS: Duration = Duration::from_millis(200);
const MAX_PAUSE: Duration = Duration::from_secs(5);
/// The same while somebody waits for [`CONNECT_TIMEOUT`].
const MAX_PAUSE_BRIEF: Duration = Duration::from_millis(250);

/// How long one address may be silent before the next is tried.
const ONE_TRY: Duration = Duration::from_secs(1);

/// A connection that comes after a refusal or a loss has to last so long before it is one: longer than a server takes that lets one in
/// to say that it is full. Ours does so after half a second at most.
const PROBATION: Duration = Duration::from_secs(1);

/// A connection that has lasted so long was no failure: the pauses begin anew.
const LASTING: Duration = Duration::from_secs(5);

/// The most bytes that a server is heard for which closes at once.
const MAX_HEARD: usize = 1024;

/// A server that is tried, again and again: whoever does so waits for [`Connector::watched`], at most for [`Connector::patience`], and then calls
/// [`Connector::advance`].
#[derive(Debug)]
pub struct Connector<'a> {
    server: &'a Target<'a>,
    /// Which address is the next, or is being tried, or has answered.
    next: usize,
    attempt: Attempt,
    /// When to begin with the first address once more.
    again: Instant,
    pause: Duration,
    /// When the last tries begin; none: never.
    end: Option<Instant>,
    is_over: bool,
    /// A connection is on probation.
    is_wary: bool,
    /// Since when the last connection stands.
    since: Option<Instant>,
    /// So many connections, the last ones, have not lasted.
    short: usize,
    /// The last one's reason.
    refusal: io::Error,
    /// What servers have said that closed at once: the last one of them, and whether it is still to be told.
    heard: (Vec<u8>, bool),
}

/// What is being tried, and until when.
#[derive(Debug)]
enum Attempt {
    Nothing,
    Asked(TcpStream, Instant),
    OnProbation(TcpStream, Instant),
}

impl<'a> Connector<'a> {
    /// Nothing has been tried yet, and there is no hurry.
    pub fn new(server: &'a Target<'a>) -> Connector<'a> {
        Connector {
            server,
            next: 0,
            attempt: Attempt::Nothing,
            again: Instant::now(),
            pause: FIRST_PAUSE,
            end: None,
            is_over: false,
            is_wary: false,
            since: None,
            short: 0,
            refusal: io::ErrorKind::AddrNotAvailable.into(),
            heard: (Vec::new(), false),
        }
    }

    /// The same for a server that should be there, or come up within 3 seconds.
    pub fn in_brief(server: &'a Target<'a>) -> Connector<'a> {
        Connector { end: Some(Instant::now() + CONNECT_TIMEOUT), ..Connector::new(server) }
    }

    /// The connection was lost, or none was found in time: it is looked for from now on for ever, after a pause. A server that is just
    /// ending may still let one in, and what is sent to it then is lost.
    pub fn lost(&mut self, now: Instant) {
        match self.since.take() {
            Some(since) if since + LASTING <= now => {
                (self.pause, self.short) = (FIRST_PAUSE, 0);
                self.heard = (Vec::new(), false);
            }
            Some(_) => self.short += 1,
            None => {}
        }
        self.pause = self.pause.max(PAUSE_AFTER_LOSS);
        (self.end, self.is_over) = (None, false);
        self.rest(now);
    }

    /// True while one connection after the other does not last: to tell of each would fill the screen.
    pub fn is_repeating(&self) -> bool {
        self.short > 1
    }

    /// To wait for, while an address is being tried.
    pub fn watched(&self) -> Option<PollFd<'_>> {
        match &self.attempt {
            Attempt::Nothing => None,
            Attempt::Asked(socket, _) => Some(sys::watch(socket.as_fd(), Interest::Write)),
            Attempt::OnProbation(socket, _) => Some(sys::watch(socket.as_fd(), Interest::End)),
        }
    }

    /// How long to wait at most.
    pub fn patience(&self, now: Instant) -> Duration {
        // Nobody tells when a server starts to listen.
        let until = match self.attempt {
            Attempt::Nothing => self.again,
            Attempt::Asked(_, until) | Attempt::OnProbation(_, until) => until,
        };
        until.saturating_duration_since(now)
    }

    /// Goes on as far as it can without waiting. The connection, once there is one.
    ///
    /// # Errors
    /// The last refusal, when nobody has answered in time.
    pub fn advance(&mut self, now: Instant) -> io::Result<Option<TcpStream>> {
        loop {
            match std::mem::replace(&mut self.attempt, Attempt::Nothing) {
                Attempt::Nothing if self.is_over => {
                    return Err(std::mem::replace(&mut self.refusal, io::ErrorKind::TimedOut.into()));
                }
                Attempt::Nothing if self.again <= now => self.ask(now),
                Attempt::Asked(socket, _) if sys::is_writable_now(&socket) => {
                    match sys::finish_connecting(&socket) {
                        Ok(()) if self.is_wary => {
                            self.attempt = Attempt::OnProbation(socket, now + PROBATION)
                        }
                        Ok(()) => return Ok(Some(self.found(socket, now))),
                        Err(refusal) => self.refused(refusal, now),
                    }
                }
                Attempt::Asked(_, until) if until <= now => self.refused(Errno::ETIMEDOUT.into(), now),
                Attempt::OnProbation(socket, _) if sys::has_ended(&socket) => {
                    self.hear(&socket);
                    self.refused(Errno::ECONNRESET.into(), now);
                }
                Attempt::OnProbation(socket, until) if until <= now => {
                    return Ok(Some(self.found(socket, now)));
                }
                waiting => {
                    self.attempt = waiting;
                    return Ok(None);
                }
            }
        }
    }

    /// What a server has said that closed at once, unless it was told before.
    pub fn take_heard(&mut self) -> Option<Vec<u8>> {
        let (heard, is_new) = &mut self.heard;
        std::mem::take(is_new).then(|| heard.clone())
    }

    /// The address that has answered.
    pub fn address(&self) -> String {
        // Not what getpeername(2) says: a connection that was reset at once has no peer any more.
        self.server.addresses().get(self.next).map(ToString::to_string).unwrap_or_default()
    }

    /// What to tell when [`Connector::advance`] has given up for this reason.
    pub fn unreachable(&self, messages: Messages, reason: &io::Error) -> String {
        self.server.unreachable(messages, CONNECT_TIMEOUT, reason)
    }

    fn found(&mut self, socket: TcpStream, now: Instant) -> TcpStream {
        self.since = Some(now);
        socket
    }

    fn ask(&mut self, now: Instant) {
        // The last tries are not to go on for ever where there are many addresses.
        let until = self.end.map_or(now, |end| now.min(end)) + ONE_TRY;
        match self.server.addresses().get(self.next).map(|address| sys::begin_connecting(*address)) {
            Some(Ok(socket)) => self.attempt = Attempt::Asked(socket, until),
            Some(Err(refusal)) => self.refused(refusal, now),
            None => self.refused(Errno::EADDRNOTAVAIL.into(), now),
        }
    }

    fn refused(&mut self, refusal: io::Error, now: Instant) {
        self.refusal = refusal;
        self.next += 1;
        if self.next >= self.server.addresses().len() {
            self.is_over = self.end.is_some_and(|end| end <= now);
            self.rest(now);
        }
    }

    /// A pause. At the end of all patience, all addresses are tried a last time.
    fn rest(&mut self, now: Instant) {
        self.next = 0;
        self.is_wary = self.end.is_none();
        self.again = self.end.map_or(now + self.pause, |end| end.min(now + self.pause));
        let longest = if self.end.is_some() { MAX_PAUSE_BRIEF } else { MAX_PAUSE };
        self.pause = (2 * self.pause).min(longest);
    }

    fn hear(&mut self, socket: &TcpStream) {
        let mut bytes = [0; MAX_HEARD];
        // What cannot be read any more is nothing heard.
        let count = sys::try_read(socket, &mut bytes).ok().flatten().unwrap_or(0);
        if count > 0 && bytes[..count] != self.heard.0 {
            self.heard = (bytes[..count].to_vec(), true);
        }
    }
}

#[cfg(test)]
mod tests;
