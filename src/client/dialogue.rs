//! A client of one process and one poll loop: keyboard, server, screen and signals, none of which makes the others wait.

use std::collections::VecDeque;
use std::io::{self, IsTerminal, Read, Write};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::errno::Errno;

use super::{ENDING, Lines, Words};
use crate::sys::{self, Interest, PIPE_BUF, Signals};

/// How long the server may take to close, once the keyboard has ended and all is sent.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes for the screen that may wait; while there are more, the server is not read.
const MOST_WAITING: usize = 64 * 1024;

/// What a lab's client makes of what is typed and of what comes. Bytes for the screen go to `screen`.
pub trait Dialogue {
    /// The most bytes of a typed line; a longer one comes in pieces.
    const LONGEST: usize;

    /// What the screen shows first.
    fn begin(&mut self, screen: &mut Vec<u8>);

    /// True when a line may be typed now. What is typed meanwhile waits in the terminal.
    fn listens(&self) -> bool;

    /// True once the user has left by a line: what is typed after it is not said.
    fn has_left(&self) -> bool {
        false
    }

    /// A line was typed: returns the bytes to send.
    fn typed(&mut self, line: Vec<u8>, screen: &mut Vec<u8>) -> Vec<u8>;

    /// Bytes have come. Breaks with a farewell when that was the end.
    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String>;

    /// True when a server that closes before the keyboard has ended is nothing unusual.
    fn may_be_closed(&self) -> bool;

    /// Why the end that the user wanted is no success all the same, if it is none.
    fn failure(&self) -> Option<String> {
        None
    }

    /// What the server is sent when the user leaves, by the end of the keyboard or by a signal.
    fn farewell(&self) -> &'static [u8] {
        b""
    }
}

/// One conversation.
struct Conversation<'a, D> {
    words: Words,
    connection: &'a TcpStream,
    signals: Signals,
    dialogue: D,
    lines: Lines,
    /// Typed lines that the dialogue has not taken yet.
    typed: VecDeque<Vec<u8>>,
    to_send: Vec<u8>,
    screen: Vec<u8>,
    /// The last byte shown was no newline.
    in_line: bool,
    /// Standard output; a terminal is opened once more, without blocking: its user may hold it in the middle of a write.
    out: Box<dyn AsFd>,
    keyboard_ended: bool,
    /// Since when the server may close, our side having ended.
    since: Option<Instant>,
}

/// How it ended: what the user is told, with status 0.
type Farewell = String;

/// Talks until keyboard, user or server end it, and says how it ended on standard error.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn converse(
    words: Words,
    connection: &TcpStream,
    signals: Signals,
    dialogue: impl Dialogue,
) -> anyhow::Result<()> {
    let mut conversation = Conversation::new(words, connection, signals, dialogue);
    let outcome = conversation.run();
    // From here on a signal ends the program at once: a terminal that is held could hold the last lines for ever.
    ENDING.into_iter().for_each(sys::default_signal);
    let shown = conversation.show_the_rest();
    words.program.complain(&outcome?);
    shown
}

impl<'a, D: Dialogue> Conversation<'a, D> {
    fn new(words: Words, connection: &'a TcpStream, signals: Signals, dialogue: D) -> Self {
        Conversation {
            words,
            connection,
            signals,
            dialogue,
            lines: Lines::new(D::LONGEST),
            typed: VecDeque::new(),
            to_send: Vec::new(),
            screen: Vec::new(),
            in_line: false,
            out: match sys::own_description_of_terminal(io::stdout()) {
                Some(terminal) => Box::new(terminal),
                None => Box::new(io::stdout()),
            },
            keyboard_ended: false,
            since: None,
        }
    }

    fn run(&mut self) -> anyhow::Result<Farewell> {
        self.dialogue.begin(&mut self.screen);
        loop {
            let [signal, keyboard, readable, writable, screen] = self.wait()?;
            if signal && !self.signals.take().is_empty() {
                // As much as the connection takes: whoever interrupts does not want to wait.
                let _ = sys::send_now(self.connection, self.dialogue.farewell());
                if io::stdout().is_terminal() {
                    // It shows the key as ^C, and our last line gets one of its own.
                    self.screen.push(b'\n');
                }
                return Ok(self.words.interrupted().to_string());
            }
            if screen {
                self.show()?;
            }
            if keyboard {
                self.read_keyboard()?;
            }
            if readable && let ControlFlow::Break(end) = self.read_server() {
                return end;
            }
            self.take_typed();
            if writable || !self.to_send.is_empty() {
                self.send();
            }
            if self.since.is_some_and(|since| since.elapsed() >= GRACE) {
                bail!(self.words.not_closed());
            }
        }
    }

    /// Waits for whatever comes first, and says which: a signal, the keyboard, bytes of the server, room for ours, room on the
    /// screen.
    fn wait(&self) -> anyhow::Result<[bool; 5]> {
        let keyboard = io::stdin();
        let wants_keys = self.dialogue.listens() && self.typed.is_empty() && !self.keyboard_ended;
        let watched = [
            Some(sys::watch(self.signals.as_fd(), Interest::Read)),
            wants_keys.then(|| sys::watch(keyboard.as_fd(), Interest::Read)),
            (self.screen.len() < MOST_WAITING).then(|| sys::watch(self.connection.as_fd(), Interest::Read)),
            (!self.to_send.is_empty()).then(|| sys::watch(self.connection.as_fd(), Interest::Write)),
            (!self.screen.is_empty()).then(|| sys::watch(self.out.as_fd(), Interest::Write)),
        ];
        let timeout = self.since.map(|since| GRACE.saturating_sub(since.elapsed()));
        sys::wait_for_some(watched, timeout).context("poll")
    }

    /// One read of the keyboard.
    fn read_keyboard(&mut self) -> anyhow::Result<()> {
        let mut keys = [0; 4096];
        match nix::unistd::read(io::stdin(), &mut keys) {
            Ok(0) => {
                self.typed.extend(self.lines.finish());
                self.keyboard_ended = true;
            }
            Ok(n) => self.lines.feed(&keys[..n], |line| self.typed.push_back(line)),
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(error) => return Err(error).context(self.words.no_keyboard()),
        }
        Ok(())
    }

    /// Gives typed lines to the dialogue while it listens, and ends our side after the last.
    fn take_typed(&mut self) {
        while self.dialogue.listens() && self.to_send.len() < MOST_WAITING {
            let Some(line) = self.typed.pop_front() else { break };
            self.to_send.extend(self.dialogue.typed(line, &mut self.screen));
        }
        let all_is_said = self.keyboard_ended && self.typed.is_empty() && self.dialogue.listens();
        if (all_is_said || self.dialogue.has_left()) && self.since.is_none() {
            self.to_send.extend(self.dialogue.farewell());
            self.since = Some(Instant::now());
            self.end_our_side();
        }
    }

    /// Sends what the connection takes now.
    fn send(&mut self) {
        match sys::send_now(self.connection, &self.to_send) {
            Ok(sent) => drop(self.to_send.drain(..sent)),
            // The server may have said why before it went: the next reads tell.
            Err(_) => self.to_send.clear(),
        }
        self.end_our_side();
    }

    /// Once all is said and sent. It fails only when the connection is gone already.
    fn end_our_side(&self) {
        if self.since.is_some() && self.to_send.is_empty() {
            let _ = self.connection.shutdown(Shutdown::Write);
        }
    }

    /// One read of the server.
    fn read_server(&mut self) -> ControlFlow<anyhow::Result<Farewell>> {
        let mut bytes = [0; 4096];
        let end = match (&mut &*self.connection).read(&mut bytes) {
            Ok(0) if self.since.is_some() => match self.dialogue.failure() {
                Some(reason) => Err(anyhow::Error::msg(reason)),
                None => Ok(self.words.end_of_input().to_string()),
            },
            Ok(0) if self.dialogue.may_be_closed() => Ok(self.words.closed().to_string()),
            Ok(0) => Err(anyhow::anyhow!(self.words.closed())),
            Ok(n) => {
                if self.since.is_some() {
                    // It still answers: its time begins anew.
                    self.since = Some(Instant::now());
                }
                return match self.dialogue.heard(&bytes[..n], &mut self.screen) {
                    ControlFlow::Continue(()) => ControlFlow::Continue(()),
                    ControlFlow::Break(farewell) => ControlFlow::Break(Ok(farewell)),
                };
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return ControlFlow::Continue(()),
            Err(error) => Err(anyhow::Error::new(error).context(self.words.broken())),
        };
        ControlFlow::Break(end)
    }

    /// One write to the screen: of PIPE_BUF bytes, which a pipe takes without blocking when poll says so.
    fn show(&mut self) -> anyhow::Result<()> {
        match nix::unistd::write(self.out.as_fd(), &self.screen[..self.screen.len().min(PIPE_BUF)]) {
            Ok(n) => {
                self.in_line = self.screen[..n].last().map_or(self.in_line, |&byte| byte != b'\n');
                self.screen.drain(..n);
            }
            Err(Errno::EINTR | Errno::EAGAIN) => {}
            Err(reason) => bail!(self.words.no_output(reason.desc())),
        }
        Ok(())
    }

    /// What is left for the screen when it is over. Where a prompt stands on a terminal, what is said next gets a line of its own.
    fn show_the_rest(&mut self) -> anyhow::Result<()> {
        let in_line = self.screen.last().map_or(self.in_line, |&byte| byte != b'\n');
        if in_line && io::stdout().is_terminal() {
            self.screen.push(b'\n');
        }
        let written = io::stdout().write_all(&self.screen).and_then(|()| io::stdout().flush());
        written.or_else(|error| {
            let reason = error.raw_os_error().map_or("", sys::system_reason);
            bail!(self.words.no_output(reason))
        })
    }
}
