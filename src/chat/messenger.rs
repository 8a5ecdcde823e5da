//! The client's two processes: the keyboard's, which sends, and the screen's, which shows.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};

use super::cutter::{Cutter, messages};
use super::line::Lines;
use crate::cli::complain;
use crate::client::{DialError, PATIENCE, Screen, dial};
use crate::sys::{self, Ended, Interest, Signal, Signals};
use crate::text::visible;

/// The program's name in front of what it says on standard error.
pub const PROGRAM: &str = "chat_client";

/// How long the server may take to close once the keyboard has ended and all is sent: until then its last messages are
/// shown.
const GRACE: Duration = Duration::from_secs(5);

/// The longest message that the screen keeps together. Ours are shorter; other servers' are cut.
const LONGEST: usize = 64 * 1024;

/// How the screen's process ends: the server closed, its connection broke, or the output failed (and was complained of).
const CLOSED: i32 = 0;
const BROKEN: i32 = 3;
const NO_OUTPUT: i32 = 4;

/// Connects to `host` and talks under the name `pseudo` until the keyboard, the user or the server ends it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, pseudo: &str) -> anyhow::Result<()> {
    sys::keep_only(&[]).context("impossible de fermer les descripteurs hérités")?;
    sys::ignore_signal(Signal::SIGPIPE);
    // The first descriptor that is made, so 3.
    let connection = dial(host, port).map_err(|error| unreachable(host, port, error))?;
    // A message must not wait for the acknowledgment of the one before. It fails only on a broken connection.
    let _ = connection.set_nodelay(true);
    let signals = Signals::catch(&[Signal::SIGINT, Signal::SIGTERM], 3).context("signaux")?;
    let on_terminal = io::stdout().is_terminal();
    open_screen(&connection, pseudo, on_terminal).context("impossible d'écrire sur la sortie standard")?;
    let screen = Screen::start(&signals, &connection, |connection, parent| {
        show(connection, parent, pseudo, on_terminal)
    })
    .context("impossible de créer le second processus")?;
    let keyboard =
        Keyboard { connection: &connection, signals, lines: Lines::new(pseudo), to_send: VecDeque::new() };
    let farewell = keyboard.run(screen)?;
    // After the prompt on a terminal, a line of its own.
    let newline = if on_terminal { "\n" } else { "" };
    let _ = io::stderr().write_all(format!("{newline}{PROGRAM} : {farewell}\n").as_bytes());
    Ok(())
}

fn unreachable(host: &str, port: u16, error: DialError) -> anyhow::Error {
    match error {
        DialError::Unknown(reason) => anyhow!("le nom {host} ne mène à aucune adresse : {reason}"),
        DialError::Unreachable(reason) => {
            let tried = PATIENCE.as_secs();
            anyhow!("aucun serveur ne répond à {host} port {port} (essayé {tried} s) : {reason}")
        }
    }
}

fn open_screen(connection: &TcpStream, pseudo: &str, on_terminal: bool) -> io::Result<()> {
    let server = connection.peer_addr()?;
    let mut out = io::stdout().lock();
    writeln!(out, "Connecté à {server} sous le nom {pseudo} (Ctrl+D pour partir)")?;
    if on_terminal {
        write!(out, "{pseudo}> ")?;
    }
    out.flush()
}

/// The keyboard's process.
struct Keyboard<'a> {
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
    /// The user asked, in words to be shown.
    User(&'static str),
    /// The keyboard has no more, and all is sent.
    Input,
    /// The connection takes nothing any more.
    Connection,
}

impl Keyboard<'_> {
    /// Sends what is typed until something ends it; then both processes are gone. Returns the user's farewell.
    ///
    /// # Errors
    /// What ended it against the user's will.
    fn run(mut self, screen: Screen) -> anyhow::Result<&'static str> {
        let end = self.send_lines(&screen);
        let by_user = match &end {
            Ok(End::User(farewell)) => {
                screen.stop();
                return Ok(farewell);
            }
            Err(_) => {
                screen.stop();
                return end.map(|_| "");
            }
            Ok(End::Input) => {
                // Our side ends; the server answers with what is left to say, and ends its own.
                let _ = self.connection.shutdown(Shutdown::Write);
                true
            }
            Ok(End::Connection | End::Screen) => false,
        };
        let screen_ended = self.wait_for(&screen)?;
        match (screen_ended, by_user) {
            (true, _) => verdict(screen.join().context("waitpid a échoué")?, by_user),
            (false, true) => {
                screen.stop();
                Ok("fin de l'entrée, au revoir")
            }
            (false, false) => {
                screen.stop();
                Err(anyhow!("la connexion au serveur est rompue"))
            }
        }
    }

    fn send_lines(&mut self, screen: &Screen) -> anyhow::Result<End> {
        let keyboard = io::stdin();
        let mut input_ended = false;
        while !(input_ended && self.to_send.is_empty()) {
            let third = match self.to_send.is_empty() {
                true => (keyboard.as_fd(), Interest::Read),
                false => (self.connection.as_fd(), Interest::Write),
            };
            let watched =
                [(self.signals.as_fd(), Interest::Read), (screen.lifeline(), Interest::Read), third];
            match sys::wait(&watched, None).context("poll a échoué")?[..] {
                [true, _, _] if !self.signals.take().is_empty() => {
                    return Ok(End::User("interrompu, au revoir"));
                }
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
            Err(nix::errno::Errno::EINTR | nix::errno::Errno::EAGAIN) => Ok(false),
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
            let watched = [(self.signals.as_fd(), Interest::Read), (screen.lifeline(), Interest::Read)];
            match sys::wait(&watched, Some(left)).context("poll a échoué")?[..] {
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

/// The screen's process: shows every message until the server or the keyboard's process is gone. Returns its status.
fn show(mut connection: &TcpStream, parent: BorrowedFd, pseudo: &str, on_terminal: bool) -> i32 {
    let mut cutter = Cutter::new(LONGEST);
    loop {
        let timeout = cutter.deadline().map(|at| at.saturating_duration_since(Instant::now()));
        let watched = [(connection.as_fd(), Interest::Read), (parent, Interest::End)];
        let Ok(ready) = sys::wait(&watched, timeout) else { return BROKEN };
        let mut end = None;
        match ready[..] {
            [_, true] => return CLOSED,
            [true, _] => match connection.read(cutter.spare()) {
                Ok(0) => end = Some(CLOSED),
                Ok(n) => cutter.filled(n),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => end = Some(BROKEN),
            },
            _ => {}
        }
        let shown = cutter.take(Instant::now(), end.is_some(), |chunk| {
            let text: Vec<u8> =
                messages(chunk).flat_map(|message| on_screen(message, pseudo, on_terminal)).collect();
            let mut out = io::stdout().lock();
            out.write_all(&text).and_then(|()| out.flush())
        });
        if let Err(reason) = shown {
            complain(PROGRAM, &format!("impossible d'écrire sur la sortie standard : {reason}"));
            return NO_OUTPUT;
        }
        if let Some(status) = end {
            return status;
        }
    }
}

/// A message as the course's client shows it: newline, text, newline, prompt. On a terminal its control characters are
/// made visible, and a line break in it cannot be taken for another's message.
fn on_screen(message: &[u8], pseudo: &str, on_terminal: bool) -> Vec<u8> {
    let end = message.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let text = &message[..end];
    let text = if on_terminal { lines_made_visible(text) } else { text.to_vec() };
    [b"\n", &text[..], b"\n", pseudo.as_bytes(), b"> "].concat()
}

fn lines_made_visible(text: &[u8]) -> Vec<u8> {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let lines: Vec<String> = text.split(|&byte| byte == b'\n').map(visible).collect();
    lines.join("\n    | ").into_bytes()
}
