//! Connecting to a server that may not be up yet.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::search::Dial;
use super::terminal;
use super::words::Words;
use crate::sys::{self, Interest, Signal, Signals};
use crate::text::visible;

/// A server that is there answers at once, as a rule: it is waited for so long before anything else is done.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Where a server is.
#[derive(Debug)]
pub struct Server<'a> {
    host: &'a str,
    port: u16,
    addresses: Vec<SocketAddr>,
}

impl Server<'_> {
    /// Where it may be, in the order of trying.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What to tell when it has not answered for as long as it was `tried`.
    pub(super) fn unreachable(&self, words: Words, tried: Duration, reason: &io::Error) -> String {
        words.unreachable(self.host, self.port, tried, reason)
    }

    #[cfg(test)]
    pub(super) fn of(address: SocketAddr) -> Server<'static> {
        Server { host: "", port: address.port(), addresses: vec![address] }
    }
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

/// As [`connect`], but `None` is still to be told.
///
/// # Errors
/// In one line: no address of the server has accepted for 3 seconds.
pub fn try_connect(
    words: Words,
    server: &Server,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    look_for(words, &mut Dial::in_brief(server), signals)
}

/// Looks for a server by `dial`, for as long as that does. What one says that closes at once is told. `None` when the user would not
/// wait for it, which is still to be told.
///
/// # Errors
/// In one line: `dial` has given up.
pub fn look_for(words: Words, dial: &mut Dial, signals: &mut Signals) -> anyhow::Result<Option<TcpStream>> {
    loop {
        match dial.advance(Instant::now()) {
            Ok(None) => {}
            Ok(connection) => return Ok(connection),
            Err(reason) => bail!(dial.unreachable(words, &reason)),
        }
        if let Some(heard) = dial.take_heard() {
            let lines = heard.split(|byte| matches!(byte, 0 | b'\n')).filter(|line| !line.is_empty());
            lines.for_each(|line| words.program.complain(&visible(line)));
        }
        if wants_to_end(signals) {
            return Ok(None);
        }
        let watched = [Some(sys::watch(signals.as_fd(), Interest::Read)), dial.watched()];
        sys::wait_for_some(watched, Some(dial.patience(Instant::now()))).context("poll")?;
    }
}

/// The connection, if the server is there and answers at once; else `dial` is to be gone on with.
///
/// # Errors
/// What poll(2) says; no address of the server can be tried.
pub fn connect_at_once(dial: &mut Dial) -> io::Result<Option<TcpStream>> {
    let connection = dial.advance(Instant::now())?;
    let Some(asked) = dial.watched().filter(|_| connection.is_none()) else { return Ok(connection) };
    sys::wait(&mut [asked], Some(AT_ONCE))?;
    dial.advance(Instant::now())
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
