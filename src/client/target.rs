//! Connecting to a server that may not be up yet.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::connector::Connector;
use super::messages::Messages;
use super::terminal;
use crate::sys::{self, Interest, Signal, Signals};
use crate::text::visible;

/// A server that is there answers at once, as a rule: it is waited for so long before anything else is done.
const AT_ONCE: Duration = Duration::from_millis(100);

/// Where a server is.
#[derive(Debug)]
pub struct Target<'a> {
    host: &'a str,
    port: u16,
    addresses: Vec<SocketAddr>,
}

impl Target<'_> {
    /// Where it may be, in the order of trying.
    pub(super) fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What to tell when it has not answered for as long as it was `tried`.
    pub(super) fn unreachable(&self, messages: Messages, tried: Duration, reason: &io::Error) -> String {
        messages.unreachable(self.host, self.port, tried, reason)
    }

    #[cfg(test)]
    pub(super) fn of(address: SocketAddr) -> Target<'static> {
        Target { host: "", port: address.port(), addresses: vec![address] }
    }
}

/// Looks up `host`, an address or a name. Before [`crate::client::prepare`]: a lookup may take long, and cannot be waited for beside
/// signals, so Ctrl+C has to end the process by itself.
///
/// # Errors
/// In one line: the name has no address.
pub fn find(messages: Messages, host: &str, port: u16) -> anyhow::Result<Target<'_>> {
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(Target { host, port, addresses: addresses.collect() }),
        Err(reason) => bail!(messages.unknown_host(host, &reason)),
    }
}

/// Connects to `server`. `None` when the user would not wait for it: that was told.
///
/// # Errors
/// As [`try_connect`].
pub fn connect(
    messages: Messages,
    server: &Target,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    let connection = try_connect(messages, server, signals)?;
    if connection.is_none() {
        messages.program.complain(messages.interrupted());
    }
    Ok(connection)
}

/// As [`connect`], but `None` is still to be told.
///
/// # Errors
/// In one line: no address of the server has accepted for 3 seconds.
pub fn try_connect(
    messages: Messages,
    server: &Target,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    look_for(messages, &mut Connector::in_brief(server), signals)
}

/// Looks for a server by `connector`, for as long as that does. What one says that closes at once is told. `None` when the user would not
/// wait for it, which is still to be told.
///
/// # Errors
/// In one line: `connector` has given up.
pub fn look_for(
    messages: Messages,
    connector: &mut Connector,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    loop {
        match connector.advance(Instant::now()) {
            Ok(None) => {}
            Ok(connection) => return Ok(connection),
            Err(reason) => bail!(connector.unreachable(messages, &reason)),
        }
        if let Some(heard) = connector.take_heard() {
            let lines = heard.split(|byte| matches!(byte, 0 | b'\n')).filter(|line| !line.is_empty());
            lines.for_each(|line| messages.program.complain(&visible(line)));
        }
        if wants_to_end(signals) {
            return Ok(None);
        }
        let watched = [Some(sys::watch(signals.as_fd(), Interest::Read)), connector.watched()];
        sys::wait_for_some(watched, Some(connector.patience(Instant::now()))).context("poll")?;
    }
}

/// The connection, if the server is there and answers at once; else `connector` is to be gone on with.
///
/// # Errors
/// What poll(2) says; no address of the server can be tried.
pub fn connect_at_once(connector: &mut Connector) -> io::Result<Option<TcpStream>> {
    let connection = connector.advance(Instant::now())?;
    let Some(asked) = connector.watched().filter(|_| connection.is_none()) else { return Ok(connection) };
    sys::wait(&mut [asked], Some(AT_ONCE))?;
    connector.advance(Instant::now())
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
