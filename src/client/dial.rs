//! Connecting to a server that may not be up yet.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::bail;

use super::words::Words;
use crate::sys::{self, Interest, Signals};

/// How long a server may take to come up.
const PATIENCE: Duration = Duration::from_secs(3);

/// The first pause between two tries; each is twice as long as the one before.
const FIRST_PAUSE: Duration = Duration::from_millis(50);

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

/// The same, but `None` is still to be told.
///
/// # Errors
/// In one line: no address of the server has accepted for 3 seconds.
pub fn try_connect(
    words: Words,
    server: &Server,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    match dial(&server.addresses, signals) {
        Ok(connection) => {
            // What is sent must not wait for the acknowledgment of what was sent before. It fails only on a broken connection.
            let _ = connection.set_nodelay(true);
            Ok(Some(connection))
        }
        Err(DialError::Interrupted) => Ok(None),
        Err(DialError::Unreachable(reason)) => {
            bail!(words.unreachable(server.host, server.port, PATIENCE, &reason))
        }
    }
}

/// Tries every address, again and again with growing
/// pauses until [`PATIENCE`] is over or one of `signals` comes.
///
/// # Errors
/// [`DialError`].
fn dial(addresses: &[SocketAddr], signals: &mut Signals) -> Result<TcpStream, DialError> {
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let refusal = match connect_to_any(addresses, end) {
            Ok(connection) => return Ok(connection),
            Err(refusal) => refusal,
        };
        if !signals.take().is_empty() {
            return Err(DialError::Interrupted);
        }
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return Err(DialError::Unreachable(refusal));
        }
        // Nobody tells when a server starts to listen; the one event to wait for is the user's.
        let mut watched = [sys::watch(signals.as_fd(), Interest::Read)];
        sys::wait(&mut watched, Some(pause.min(left))).map_err(DialError::Unreachable)?;
        if !signals.take().is_empty() {
            return Err(DialError::Interrupted);
        }
        pause *= 2;
    }
}

fn connect_to_any(addresses: &[SocketAddr], end: Instant) -> io::Result<TcpStream> {
    let mut refusal = io::Error::from(io::ErrorKind::AddrNotAvailable);
    for address in addresses {
        // A timeout of zero would be an error of its own.
        let left = end.saturating_duration_since(Instant::now()).clamp(FIRST_PAUSE, ONE_TRY);
        match TcpStream::connect_timeout(address, left) {
            Ok(connection) => return Ok(connection),
            Err(error) => refusal = error,
        }
    }
    Err(refusal)
}
