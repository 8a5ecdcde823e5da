//! Waits for a [`Connector`] to find its server, before a client has anything else to do.

use std::io;
use std::net::TcpStream;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::connector::Connector;
use super::messages::Messages;
use super::signals;
use crate::sys::{self, Interest, Signal, Signals};
use crate::text::visible;

/// A server that is up answers within this time as a rule: [`connect_at_once`].
const AT_ONCE: Duration = Duration::from_millis(100);

/// What ended a wait for a connection.
pub enum Connecting {
    Connected(TcpStream),
    InputReady,
    /// By the user, which is not yet reported.
    Interrupted,
}

/// Connects by `connector`, until it gives up, and prints what a server said before it closed at
/// once. `None` when the user interrupted the wait, which is not yet reported.
pub fn connect_with(
    messages: Messages,
    connector: &mut Connector,
    signals: &mut Signals,
) -> anyhow::Result<Option<TcpStream>> {
    match connect_while_idle(messages, connector, signals, None)? {
        Connecting::Connected(connection) => Ok(Some(connection)),
        Connecting::InputReady | Connecting::Interrupted => Ok(None),
    }
}

/// The same, until `input` is readable.
pub fn connect_while_idle(
    messages: Messages,
    connector: &mut Connector,
    signals: &mut Signals,
    input: Option<BorrowedFd>,
) -> anyhow::Result<Connecting> {
    loop {
        match connector.advance(Instant::now()) {
            Ok(None) => {}
            Ok(Some(connection)) => return Ok(Connecting::Connected(connection)),
            Err(reason) => bail!(connector.unreachable(messages, &reason)),
        }
        if let Some(notice) = connector.take_first_failure(messages) {
            messages.program.complain(&notice);
        }
        if let Some(text) = connector.take_rejection() {
            let lines = text.split(|byte| matches!(byte, 0 | b'\n')).filter(|line| !line.is_empty());
            lines.for_each(|line| messages.program.complain(&visible(line)));
        }
        if is_interrupted(signals) {
            return Ok(Connecting::Interrupted);
        }
        let [signals, input] = [Some(signals.as_fd()), input].map(|fd| Some(sys::watch(fd?, Interest::Read)));
        let watched = [signals, connector.poll_fd(), input];
        let ready =
            sys::wait_for_some(watched, connector.timeout(Instant::now())).context(messages.stuck())?;
        if ready[2] {
            return Ok(Connecting::InputReady);
        }
    }
}

/// One round of attempts, for 100 ms at most. `None`: `connector` is to be advanced in a poll loop.
pub fn connect_at_once(connector: &mut Connector) -> io::Result<Option<TcpStream>> {
    let connection = connector.advance(Instant::now())?;
    let Some(socket) = connector.poll_fd().filter(|_| connection.is_none()) else { return Ok(connection) };
    sys::wait(&mut [socket], Some(AT_ONCE))?;
    connector.advance(Instant::now())
}

/// Stops the process meanwhile on Ctrl+Z, where SIGTSTP is caught.
fn is_interrupted(signals: &mut Signals) -> bool {
    let taken = signals.take();
    if taken.contains(&Signal::SIGTSTP) {
        // Fails for invalid signal numbers only.
        let _ = sys::stop_as_asked();
    }
    taken.iter().any(|signal| !signals::TERMINAL.contains(signal))
}
