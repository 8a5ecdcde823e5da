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
    /// The name has no address.
    Unknown(io::Error),
    /// No address of it accepted within [`PATIENCE`]; the last refusal.
    Unreachable(io::Error),
    /// The user did not want to wait.
    Interrupted,
}

/// Connects to `host`, an address or a name, on `port`. `None` when the user would not wait for it: that was told.
///
/// # Errors
/// As [`try_connect`].
pub fn connect(
    words: Words,
    host: &str,
    port: u16,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    let connection = try_connect(words, host, port, signals)?;
    if connection.is_none() {
        words.program.complain(words.interrupted());
    }
    Ok(connection)
}

/// The same, but `None` is still to be told.
///
/// # Errors
/// In one line: the name has no address, or no address of it has accepted for 3 seconds.
pub fn try_connect(
    words: Words,
    host: &str,
    port: u16,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    match dial(host, port, signals) {
        Ok(connection) => {
            // What is sent must not wait for the acknowledgment of what was sent before. It fails only on a broken connection.
            let _ = connection.set_nodelay(true);
            Ok(Some(connection))
        }
        Err(DialError::Interrupted) => Ok(None),
        Err(DialError::Unknown(reason)) => bail!(words.unknown_host(host, &reason)),
        Err(DialError::Unreachable(reason)) => bail!(words.unreachable(host, port, PATIENCE, &reason)),
    }
}

/// Tries every address of the name, again and again with growing
/// pauses until [`PATIENCE`] is over or one of `signals` comes.
///
/// # Errors
/// [`DialError`]. An unknown name is told at once.
fn dial(host: &str, port: u16, signals: &mut Signals) -> Result<TcpStream, DialError> {
    let addresses: Vec<SocketAddr> = (host, port).to_socket_addrs().map_err(DialError::Unknown)?.collect();
    let end = Instant::now() + PATIENCE;
    let mut pause = FIRST_PAUSE;
    loop {
        let refusal = match connect_to_any(&addresses, end) {
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
