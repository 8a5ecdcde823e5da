//! Connecting to a server that may not be up yet.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::bail;
use nix::errno::Errno;

use super::terminal;
use super::words::Words;
use crate::sys::{self, Interest, Signal, Signals};

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(3);

/// The first pause between two tries; each is twice as long as the one before, up to the longest.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const PAUSE_AFTER_LOSS: Duration = Duration::from_millis(200);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// How long one address may be silent before the next is tried.
const ONE_TRY: Duration = Duration::from_secs(1);

/// Why there is no connection.
#[derive(Debug)]
enum DialError {
    /// No address accepted within [`PATIENCE`]; the last refusal.
    Unreachable(io::Error),
    /// The user did not want to wait.
    Interrupted,
}

/// Where a server is.
#[derive(Debug)]
pub struct Server<'a> {
    host: &'a str,
    port: u16,
    addresses: Vec<SocketAddr>,
}

/// Looks up `host`, an address or a name. Before [`super::prepare`]: a lookup may take long, and cannot be waited for beside
/// signals, so Ctrl+C has to end the process by itself.
///
/// # Errors
/// In one line: the name has no address.
pub fn find(words: Words, host: &str, port: u16) -> anyhow::Result<Server<'_>> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(Server { host, port, addresses: addresses.collect() }),
        Err(reason) => bail!(words.unknown_host(host, &reason)),
    }
}

/// Connects to `server`. `None` when the user would not wait for it: that was told.
///
/// # Errors
/// As [`try_connect`].
pub fn connect(words: Words, server: &Server, signals: &mut Signals) -> anyhow::Result<Option<TcpStream>> {
    let connection = try_connect(words, server, signals)?;
    if connection.is_none() {
        words.program.complain(words.interrupted());
    }
    Ok(connection)
}

/// Connects to `server`, however long it takes. `None` when the user would not wait for it.
///
/// # Errors
/// What poll(2) says.
pub fn connect_at_last(server: &Server, signals: &mut Signals) -> io::Result<Option<TcpStream>> {
    match dial(server, signals, None) {
        Ok(connection) => Ok(Some(connection)),
        Err(DialError::Interrupted) => Ok(None),
        Err(DialError::Unreachable(reason)) => Err(reason),
    }
}

/// As [`connect`], but `None` is still to be told.
///
/// # Errors
/// In one line: no address of the server has accepted for 3 seconds.
pub fn try_connect(
    words: Words,
    server: &Server,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    match dial(server, signals, Some(Instant::now() + PATIENCE)) {
        Ok(connection) => Ok(Some(connection)),
        Err(DialError::Interrupted) => Ok(None),
        Err(DialError::Unreachable(reason)) => {
            bail!(words.unreachable(server.host, server.port, PATIENCE, &reason))
        }
    }
}

/// Tries every address, again and again with growing pauses, until `end` (none: for ever) or until one of `signals` ends it.
///
/// # Errors
/// [`DialError`].
fn dial(server: &Server, signals: &mut Signals, end: Option<Instant>) -> Result<TcpStream, DialError> {
    // Who has all the time in the world has tried before.
    let mut dial = if end.is_some() { Dial::new(server) } else { Dial::anew(server) };
    loop {
        if let Some(connection) = dial.advance() {
            return Ok(connection);
        }
        if wants_to_end(signals) {
            return Err(DialError::Interrupted);
        }
        let left = end.map_or(Duration::MAX, |end| end.saturating_duration_since(Instant::now()));
        if left.is_zero() {
            return Err(DialError::Unreachable(dial.refusal));
        }
        let mut watched = vec![sys::watch(signals.as_fd(), Interest::Read)];
        watched.extend(dial.socket().map(|socket| sys::watch(socket, Interest::Write)));
        sys::wait(&mut watched, Some(dial.patience().min(left))).map_err(DialError::Unreachable)?;
    }
}

/// True when the user does not want to wait. Ctrl+Z stops us meanwhile, where we catch it.
fn wants_to_end(signals: &mut Signals) -> bool {
    let taken = signals.take();
    if taken.contains(&Signal::SIGTSTP) {
        // It fails for no signal that there is.
        let _ = sys::stop_as_asked();
    }
    taken.iter().any(|signal| !terminal::SIGNALS.contains(signal))
}

/// A server that is tried, as part of somebody's poll loop: which waits for [`Dial::socket`], at most for [`Dial::patience`], and
/// then calls [`Dial::advance`].
#[derive(Debug)]
pub struct Dial<'a> {
    server: &'a Server<'a>,
    /// Which address is the next.
    next: usize,
    /// The one that is being tried, and until when.
    trying: Option<(TcpStream, Instant)>,
    /// When to begin with the first address once more.
    again: Instant,
    pause: Duration,
    /// The last one's reason.
    refusal: io::Error,
}

impl<'a> Dial<'a> {
    /// Nothing has been tried yet.
    pub fn new(server: &'a Server<'a>) -> Dial<'a> {
        let refusal = io::ErrorKind::AddrNotAvailable.into();
        Dial { server, next: 0, trying: None, again: Instant::now(), pause: FIRST_PAUSE, refusal }
    }

    /// The server has gone away, or did not answer: it is tried again after a pause. A server that is just ending may still let one in,
    /// and what is sent to it then is lost.
    pub fn anew(server: &'a Server<'a>) -> Dial<'a> {
        Dial { again: Instant::now() + PAUSE_AFTER_LOSS, ..Dial::new(server) }
    }

    /// To wait for, with [`Interest::Write`], while an address is being tried.
    pub fn socket(&self) -> Option<BorrowedFd<'_>> {
        self.trying.as_ref().map(|(socket, _)| socket.as_fd())
    }

    /// How long to wait at most.
    pub fn patience(&self) -> Duration {
        // Nobody tells when a server starts to listen.
        let until = self.trying.as_ref().map_or(self.again, |(_, until)| *until);
        until.saturating_duration_since(Instant::now())
    }

    /// Goes on as far as it can without waiting. The connection, once there is one.
    pub fn advance(&mut self) -> Option<TcpStream> {
        loop {
            match self.trying.take() {
                Some((socket, _)) if sys::is_writable_now(&socket) => match sys::finish_connecting(&socket) {
                    Ok(()) => return Some(socket),
                    Err(refusal) => self.refused(refusal),
                },
                Some((_, until)) if until <= Instant::now() => self.refused(Errno::ETIMEDOUT.into()),
                None if self.again <= Instant::now() => {
                    let address = self.server.addresses.get(self.next);
                    match address.map(|address| sys::begin_connecting(*address)) {
                        Some(Ok(socket)) => self.trying = Some((socket, Instant::now() + ONE_TRY)),
                        Some(Err(refusal)) => self.refused(refusal),
                        None => self.refused(Errno::EADDRNOTAVAIL.into()),
                    }
                }
                trying => {
                    self.trying = trying;
                    return None;
                }
            }
        }
    }

    fn refused(&mut self, refusal: io::Error) {
        self.refusal = refusal;
        self.next += 1;
        if self.next >= self.server.addresses.len() {
            self.next = 0;
            self.again = Instant::now() + self.pause;
            self.pause = (2 * self.pause).min(LONGEST_PAUSE);
        }
    }
}
