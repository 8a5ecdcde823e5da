//! The client's first process: what one types, on its way to the server.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;

use super::MESSAGES;
use super::outgoing::{message, room_for_text};
use super::receiver::{BROKEN, CLOSED, NO_OUTPUT};
use super::send_queue::SendQueue;
use crate::client::{LineBuffer, PeerProcess, PeerStatus};
use crate::sys::{self, Ended, Interest, Signals};

/// How long the server may let us wait in all before it closes, once the keyboard has ended and all is sent. The time that
/// its last messages take to be shown does not count.
pub const GRACE: Duration = Duration::from_secs(5);

/// The keyboard's process.
pub struct Sender<'a> {
    signals: Signals,
    pseudo: &'a str,
    lines: LineBuffer,
    /// The keyboard is not read while there is anything to send.
    to_send: SendQueue,
    input_ended: bool,
}

/// How it ended.
#[derive(Debug, PartialEq, Eq)]
pub enum Over {
    /// As the user wanted: the farewell.
    Wanted(&'static str),
    /// The server is gone: the reason.
    Lost(&'static str),
}

/// What ended the talk.
enum End {
    /// The screen's process: the server is gone, as `wanted` after the end of the keyboard, or the output is.
    PeerProcess { wanted: bool },
    /// The user asked, by a signal.
    User,
    /// The keyboard has no more, and all is sent.
    Input,
    /// The connection takes nothing any more.
    Connection,
}

impl Sender<'_> {
    /// The keyboard of `pseudo`.
    pub fn new(signals: Signals, pseudo: &str) -> Sender<'_> {
        let lines = LineBuffer::new(room_for_text(pseudo));
        Sender { signals, pseudo, lines, to_send: SendQueue::default(), input_ended: false }
    }

    /// The signals that it heeds.
    pub fn signals(&mut self) -> &mut Signals {
        &mut self.signals
    }

    /// How many messages have found no server.
    pub fn unsent(&self) -> usize {
        self.to_send.len()
    }

    /// Sends what is typed on a connection that the screen's process shares, until something ends it; then that process is gone.
    ///
    /// # Errors
    /// What ended it against the user's will, and will not be better on another connection.
    pub fn run(&mut self, connection: &TcpStream, mut screen: PeerProcess) -> anyhow::Result<Over> {
        self.to_send.begin_anew();
        let end = match self.send_lines(connection, &mut screen) {
            Ok(End::Input) => {
                // Our side ends; the server answers with what is left to say, and ends its own. It fails only when the
                // connection is gone already.
                let _ = connection.shutdown(Shutdown::Write);
                self.wait_for(&mut screen, true)
            }
            Ok(End::Connection) => self.wait_for(&mut screen, false),
            end => end,
        };
        if let Ok(End::PeerProcess { wanted }) = end {
            return verdict(screen.join().context("waitpid")?, wanted);
        }
        screen.stop();
        match end? {
            End::Input => bail!(MESSAGES.not_closed()),
            End::Connection => Ok(Over::Lost(MESSAGES.broken())),
            End::User | End::PeerProcess { .. } => Ok(Over::Wanted(MESSAGES.interrupted())),
        }
    }

    fn send_lines(&mut self, connection: &TcpStream, screen: &mut PeerProcess) -> anyhow::Result<End> {
        let keyboard = io::stdin();
        while !(self.input_ended && self.to_send.is_empty()) {
            let input_or_output = match self.to_send.is_empty() {
                true => sys::watch(keyboard.as_fd(), Interest::Read),
                false => sys::watch(connection.as_fd(), Interest::Write),
            };
            let mut watched = [
                sys::watch(self.signals.as_fd(), Interest::Read),
                sys::watch(screen.lifeline(), Interest::Read),
                input_or_output,
            ];
            sys::wait(&mut watched, None).context("poll")?;
            match watched.each_ref().map(sys::is_ready) {
                [true, _, _] if !self.signals.take().is_empty() => return Ok(End::User),
                [_, true, _] if screen.pulse() == PeerStatus::Ended => return Ok(self.end_of_screen(false)),
                [_, _, true] if self.to_send.is_empty() => self.input_ended = self.read_keyboard()?,
                _ => {}
            }
            if self.to_send.send(connection, drop).is_err() {
                return Ok(End::Connection);
            }
        }
        Ok(End::Input)
    }

    /// One read of the keyboard. True at its end.
    fn read_keyboard(&mut self) -> anyhow::Result<bool> {
        let mut typed = [0; 4096];
        match nix::unistd::read(io::stdin(), &mut typed) {
            Ok(0) => {
                let last = self.lines.finish().map(|text| message(self.pseudo, &text));
                last.into_iter().for_each(|message| self.to_send.push(message));
                Ok(true)
            }
            Ok(n) => {
                self.lines.feed(&typed[..n], |text| self.to_send.push(message(self.pseudo, &text)));
                Ok(false)
            }
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error).context(MESSAGES.no_keyboard()),
        }
    }

    /// Waits for the end of the screen's process, until the user insists or the server has let us wait for [`GRACE`] while
    /// nothing was being shown.
    fn wait_for(&mut self, screen: &mut PeerProcess, wanted: bool) -> anyhow::Result<End> {
        let mut patience = GRACE;
        loop {
            let timeout = match screen.pulse() {
                PeerStatus::Ended => return Ok(self.end_of_screen(wanted)),
                PeerStatus::Showing => None,
                PeerStatus::Idle if patience.is_zero() => {
                    return Ok(if wanted { End::Input } else { End::Connection });
                }
                PeerStatus::Idle => Some(patience),
            };
            let signals = sys::watch(self.signals.as_fd(), Interest::Read);
            let mut watched = [signals, sys::watch(screen.lifeline(), Interest::Read)];
            let incomplete_suffix_len = Instant::now();
            sys::wait(&mut watched, timeout).context("poll")?;
            if sys::is_ready(&watched[0]) && !self.signals.take().is_empty() {
                return Ok(End::User);
            }
            if timeout.is_some() {
                patience = patience.saturating_sub(incomplete_suffix_len.elapsed());
            }
        }
    }

    /// Ctrl+C reaches both processes, and the other may have ended before we look: then it was the user.
    fn end_of_screen(&mut self, wanted: bool) -> End {
        if self.signals.take().is_empty() { End::PeerProcess { wanted } } else { End::User }
    }
}

/// What the second process's end means to the user.
///
/// # Errors
/// What another connection would not mend.
pub fn verdict(ended: Ended, wanted: bool) -> anyhow::Result<Over> {
    match ended {
        Ended::Status(CLOSED) if wanted => Ok(Over::Wanted(MESSAGES.end_of_input())),
        Ended::Status(CLOSED) => Ok(Over::Lost(MESSAGES.closed())),
        Ended::Status(BROKEN) if wanted => bail!(MESSAGES.broken()),
        Ended::Status(BROKEN) => Ok(Over::Lost(MESSAGES.broken())),
        Ended::Status(status) if status >= NO_OUTPUT => {
            bail!(MESSAGES.no_output(sys::system_reason(status - NO_OUTPUT)))
        }
        Ended::Status(status) => bail!("le second processus a fini avec le statut {status}"),
        Ended::Signal(signal) => bail!("le second processus a été tué par {signal}"),
    }
}
