//! The client's first process: what one types, on its way to the server.

use std::collections::VecDeque;
use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use nix::errno::Errno;

use super::line::Lines;
use super::screen::{BROKEN, CLOSED, NO_OUTPUT};
use crate::client::Screen;
use crate::sys::{self, Ended, Interest, Signals};

/// How long the server may take to close once the keyboard has ended and all is sent: until then its last messages are
/// shown.
const GRACE: Duration = Duration::from_secs(5);

/// The keyboard's process.
pub struct Keyboard<'a> {
    connection: &'a TcpStream,
    signals: Signals,
    lines: Lines,
    /// Messages that the connection has not taken yet. The keyboard is not read while there are any.
    to_send: VecDeque<Vec<u8>>,
}

/// What ended the talk.
enum End {
    /// The screen's process ended first: the server is gone, or the output.
    Screen,
    /// The user asked, by a signal.
    User,
    /// The keyboard has no more, and all is sent.
    Input,
    /// The connection takes nothing any more.
    Connection,
}

impl Keyboard<'_> {
    /// The keyboard of `pseudo`, on a connection that the screen's process shares.
    pub fn new<'a>(connection: &'a TcpStream, signals: Signals, pseudo: &str) -> Keyboard<'a> {
        Keyboard { connection, signals, lines: Lines::new(pseudo), to_send: VecDeque::new() }
    }

    /// Sends what is typed until something ends it; then both processes are gone. Returns the user's farewell.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(mut self, screen: Screen) -> anyhow::Result<&'static str> {
        let by_user = match self.send_lines(&screen) {
            Ok(End::User) => {
                screen.stop();
                return Ok("interrompu, au revoir");
            }
            Err(error) => {
                screen.stop();
                return Err(error);
            }
            Ok(End::Input) => true,
            Ok(End::Connection | End::Screen) => false,
        };
        if by_user {
            // Our side ends; the server answers with what is left to say, and ends its own. It fails only when the
            // connection is gone already.
            let _ = self.connection.shutdown(Shutdown::Write);
        }
        if self.wait_for(&screen)? {
            return verdict(screen.join().context("waitpid a échoué")?, by_user);
        }
        screen.stop();
        verdict(Ended::Status(BROKEN), by_user)
    }

    fn send_lines(&mut self, screen: &Screen) -> anyhow::Result<End> {
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
            sys::wait(&mut watched, None).context("poll a échoué")?;
            match watched.each_ref().map(sys::is_ready) {
                [true, _, _] if !self.signals.take().is_empty() => return Ok(End::User),
                [_, true, _] => return Ok(End::Screen),
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
                self.to_send.extend(self.lines.finish());
                Ok(true)
            }
            Ok(n) => {
                self.lines.feed(&typed[..n], |message| self.to_send.push_back(message));
                Ok(false)
            }
            Err(Errno::EINTR | Errno::EAGAIN) => Ok(false),
            Err(error) => Err(error).context("impossible de lire le clavier"),
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

    /// Waits for the end of the screen's process, [`GRACE`] long at most, or until the user insists. True when it ended.
    fn wait_for(&mut self, screen: &Screen) -> anyhow::Result<bool> {
        let end = Instant::now() + GRACE;
        loop {
            let left = end.saturating_duration_since(Instant::now());
            let signals = sys::watch(self.signals.as_fd(), Interest::Read);
            let mut watched = [signals, sys::watch(screen.lifeline(), Interest::Read)];
            sys::wait(&mut watched, Some(left)).context("poll a échoué")?;
            match watched.each_ref().map(sys::is_ready) {
                [_, true] => return Ok(true),
                [true, _] if !self.signals.take().is_empty() => return Ok(false),
                _ if left.is_zero() => return Ok(false),
                _ => {}
            }
        }
    }
}

/// What the screen's end means to the user.
fn verdict(ended: Ended, by_user: bool) -> anyhow::Result<&'static str> {
    match ended {
        Ended::Status(CLOSED | BROKEN) if by_user => Ok("fin de l'entrée, au revoir"),
        Ended::Status(CLOSED) => Err(anyhow!("le serveur a fermé la connexion")),
        Ended::Status(BROKEN) => Err(anyhow!("la connexion au serveur est rompue")),
        Ended::Status(NO_OUTPUT) => Err(anyhow!("plus rien ne peut être affiché, fin")),
        Ended::Status(status) => Err(anyhow!("le second processus a fini avec le statut {status}")),
        Ended::Signal(signal) => Err(anyhow!("le second processus a été tué par {signal}")),
    }
}
