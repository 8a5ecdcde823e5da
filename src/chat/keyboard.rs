//! The client's first process: what one types, on its way to the server.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;

use super::line::{message, room_for_text};
use super::messenger::WORDS;
use super::screen::{BROKEN, CLOSED, NO_OUTPUT};
use crate::client::{Lines, Pulse, Screen};
use crate::sys::{self, Ended, Interest, Signals};

/// How long the server may let us wait in all before it closes, once the keyboard has ended and all is sent. The time that
/// its last messages take to be shown does not count.
const GRACE: Duration = Duration::from_secs(5);

/// The keyboard's process.
pub struct Keyboard<'a> {
    connection: &'a TcpStream,
    signals: Signals,
    pseudo: &'a str,
    lines: Lines,
    /// Messages that the connection has not taken yet. The keyboard is not read while there are any.
    to_send: VecDeque<Vec<u8>>,
}

/// What ended the talk.
enum End {
    /// The screen's process: the server is gone, as `wanted` after the end of the keyboard, or the output is.
    Screen { wanted: bool },
    /// The user asked, by a signal.
    User,
    /// The keyboard has no more, and all is sent.
    Input,
    /// The connection takes nothing any more.
    Connection,
}

impl Keyboard<'_> {
    /// The keyboard of `pseudo`, on a connection that the screen's process shares.
    pub fn new<'a>(connection: &'a TcpStream, signals: Signals, pseudo: &'a str) -> Keyboard<'a> {
        let lines = Lines::new(room_for_text(pseudo));
        Keyboard { connection, signals, pseudo, lines, to_send: VecDeque::new() }
    }

    /// Sends what is typed until something ends it; then both processes are gone. Returns the user's farewell.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(mut self, mut screen: Screen) -> anyhow::Result<&'static str> {
        let end = match self.send_lines(&mut screen) {
            Ok(End::Input) => {
                // Our side ends; the server answers with what is left to say, and ends its own. It fails only when the
                // connection is gone already.
                let _ = self.connection.shutdown(Shutdown::Write);
                self.wait_for(&mut screen, true)
            }
            Ok(End::Connection) => self.wait_for(&mut screen, false),
            end => end,
        };
        match end {
            Ok(End::Screen { wanted }) => verdict(screen.join().context("waitpid")?, wanted),
            Ok(End::User) => {
                screen.stop();
                Ok(WORDS.interrupted())
            }
            Ok(End::Input) => {
                screen.stop();
                bail!(WORDS.not_closed());
            }
            Ok(End::Connection) => {
                screen.stop();
                bail!(WORDS.broken());
            }
            Err(error) => {
                screen.stop();
                Err(error)
            }
        }
    }

    fn send_lines(&mut self, screen: &mut Screen) -> anyhow::Result<End> {
        let keyboard = io::stdin();
        let mut input_ended = false;
        while !(input_ended && self.to_send.is_empty()) {
            let input_or_output = match self.to_send.is_empty() {
                true => sys::watch(keyboard.as_fd(), Interest::Read),
                false => sys::watch(self.connection.as_fd(), Interest::Write),
            };
            let mut watched = [
                sys::watch(self.signals.as_fd(), Interest::Read),
                sys::watch(screen.lifeline(), Interest::Read),
                input_or_output,
            ];
            sys::wait(&mut watched, None).context("poll")?;
            match watched.each_ref().map(sys::is_ready) {
                [true, _, _] if !self.signals.take().is_empty() => return Ok(End::User),
                [_, true, _] if screen.pulse() == Pulse::Ended => return Ok(self.end_of_screen(false)),
                [_, _, true] if self.to_send.is_empty() => input_ended = self.read_keyboard()?,
                _ => {}
            }
            if self.send().is_err() {
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
                self.to_send.extend(self.lines.finish().map(|text| message(self.pseudo, &text)));
                Ok(true)
            }
            Ok(n) => {
                self.lines.feed(&typed[..n], |text| self.to_send.push_back(message(self.pseudo, &text)));
                Ok(false)
            }
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error).context(WORDS.no_keyboard()),
        }
    }

    /// Sends what the connection takes now, each message in a `send` of its own.
    fn send(&mut self) -> io::Result<()> {
        while let Some(message) = self.to_send.front_mut() {
            let sent = sys::send_now(self.connection, message)?;
            if sent < message.len() {
                message.drain(..sent);
                break;
            }
            self.to_send.pop_front();
        }
        Ok(())
    }

    /// Waits for the end of the screen's process, until the user insists or the server has let us wait for [`GRACE`] while
    /// nothing was being shown.
    fn wait_for(&mut self, screen: &mut Screen, wanted: bool) -> anyhow::Result<End> {
        let mut patience = GRACE;
        loop {
            let timeout = match screen.pulse() {
                Pulse::Ended => return Ok(self.end_of_screen(wanted)),
                Pulse::Showing => None,
                Pulse::Idle if patience.is_zero() => {
                    return Ok(if wanted { End::Input } else { End::Connection });
                }
                Pulse::Idle => Some(patience),
            };
            let signals = sys::watch(self.signals.as_fd(), Interest::Read);
            let mut watched = [signals, sys::watch(screen.lifeline(), Interest::Read)];
            let begun = Instant::now();
            sys::wait(&mut watched, timeout).context("poll")?;
            if sys::is_ready(&watched[0]) && !self.signals.take().is_empty() {
                return Ok(End::User);
            }
            if timeout.is_some() {
                patience = patience.saturating_sub(begun.elapsed());
            }
        }
    }

    /// Ctrl+C reaches both processes, and the other may have ended before we look: then it was the user.
    fn end_of_screen(&mut self, wanted: bool) -> End {
        if self.signals.take().is_empty() { End::Screen { wanted } } else { End::User }
    }
}

/// What the screen's end means to the user.
fn verdict(ended: Ended, wanted: bool) -> anyhow::Result<&'static str> {
    match ended {
        Ended::Status(CLOSED) if wanted => Ok(WORDS.end_of_input()),
        Ended::Status(CLOSED) => bail!(WORDS.closed()),
        Ended::Status(BROKEN) => bail!(WORDS.broken()),
        Ended::Status(status) if status >= NO_OUTPUT => {
            bail!(WORDS.no_output(sys::system_reason(status - NO_OUTPUT)))
        }
        Ended::Status(status) => bail!("le second processus a fini avec le statut {status}"),
        Ended::Signal(signal) => bail!("le second processus a été tué par {signal}"),
    }
}
