//! The loop: what is typed goes to the dialogue, what that says goes to the server, and what the server says to the dialogue.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::{Dialogue, Face, Look};
use crate::client::{Lines, Words, terminal};
use crate::sys::{self, Interest, Signal, Signals};

/// How long the server may take to close, once the keyboard has ended and all is sent.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes for the server that may wait; while there are more, no typed line is taken.
const MOST_WAITING: usize = 64 * 1024;

/// One conversation.
pub struct Conversation<'a, D> {
    words: Words,
    connection: &'a TcpStream,
    signals: Signals,
    dialogue: D,
    face: Box<dyn Face>,
    lines: Lines,
    /// Typed lines that the dialogue has not taken yet.
    typed: VecDeque<Vec<u8>>,
    to_send: Vec<u8>,
    keyboard_ended: bool,
    /// Since when the server may close, our side having ended.
    since: Option<Instant>,
}

/// How it ended.
pub enum End {
    /// What the user is told, with status 0.
    Farewell(String),
    /// By this signal, which is still to do what it does by default.
    Signal(Signal),
}

/// What the last wait has found.
struct Ready {
    keyboard: bool,
    readable: bool,
    writable: bool,
    screen: bool,
}

impl<'a, D: Dialogue> Conversation<'a, D> {
    pub fn new(
        words: Words,
        connection: &'a TcpStream,
        signals: Signals,
        dialogue: D,
        face: Box<dyn Face>,
    ) -> Conversation<'a, D> {
        let to_send = dialogue.introduction();
        let (lines, typed) = (Lines::new(D::LONGEST), VecDeque::new());
        let (keyboard_ended, since) = (false, None);
        Conversation {
            words,
            connection,
            signals,
            dialogue,
            face,
            lines,
            typed,
            to_send,
            keyboard_ended,
            since,
        }
    }

    /// Talks until something ends it.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(&mut self) -> anyhow::Result<End> {
        begin(&mut self.dialogue, &mut *self.face);
        loop {
            self.face.set_status(self.status());
            let ready = self.wait()?;
            self.read_keyboard(ready.keyboard)?;
            // A key may have been one, and then comes before what the server does at the same time.
            if let Some(end) = self.heed_signals()? {
                return Ok(end);
            }
            self.face.show(ready.screen)?;
            if ready.readable
                && let ControlFlow::Break(end) = self.read_server()
            {
                return end;
            }
            self.take_typed();
            if ready.writable || !self.to_send.is_empty() {
                self.send();
            }
            if self.since.is_some_and(|since| since.elapsed() >= GRACE) {
                bail!(self.words.not_closed());
            }
        }
    }

    /// Shows what is left, and gives the terminal back.
    ///
    /// # Errors
    /// What the screen says, in one line.
    pub fn close(self) -> anyhow::Result<()> {
        self.face.close()
    }

    /// Waits for whatever comes first.
    fn wait(&self) -> anyhow::Result<Ready> {
        let face = &self.face;
        // On a terminal without rows, what is typed too early waits in the terminal. With rows, Ctrl+C is a key like others, to the end.
        let takes_lines = self.dialogue.deaf().is_none() && self.typed.is_empty();
        let listens =
            face.look() == Look::Rows || (takes_lines && !self.keyboard_ended && self.since.is_none());
        let keyboard = face.keyboard().filter(|_| listens);
        let watched = [
            Some(sys::watch(self.signals.as_fd(), Interest::Read)),
            keyboard.map(|keyboard| sys::watch(keyboard, Interest::Read)),
            face.has_room().then(|| sys::watch(self.connection.as_fd(), Interest::Read)),
            (!self.to_send.is_empty()).then(|| sys::watch(self.connection.as_fd(), Interest::Write)),
            face.is_behind().then(|| sys::watch(face.output(), Interest::Write)),
        ];
        let grace = self.since.map(|since| GRACE.saturating_sub(since.elapsed()));
        let timeout = [grace, face.patience()].into_iter().flatten().min();
        let [_, keyboard, readable, writable, screen] =
            sys::wait_for_some(watched, timeout).context("poll")?;
        Ok(Ready { keyboard, readable, writable, screen })
    }

    /// How things stand: the user's end, lines that wait, and what the dialogue says.
    fn status(&self) -> Vec<String> {
        let leaves = self.keyboard_ended.then(|| self.words.leaving().to_string());
        let waiting = (!self.typed.is_empty()).then(|| self.words.waiting(self.typed.len()));
        leaves.into_iter().chain(waiting).chain(self.dialogue.status()).collect()
    }

    fn heed_signals(&mut self) -> anyhow::Result<Option<End>> {
        // One of them may have stopped us, and others have come meanwhile.
        loop {
            let taken = self.signals.take();
            if taken.is_empty() {
                return Ok(None);
            }
            for signal in taken {
                if terminal::SIGNALS.contains(&signal) {
                    self.face.heed(signal).context("tcsetattr")?;
                } else {
                    return Ok(Some(self.ended_by(signal)));
                }
            }
        }
    }

    fn ended_by(&mut self, signal: Signal) -> End {
        // As much as the connection takes: whoever interrupts does not want to wait.
        let _ = sys::send_now(self.connection, self.dialogue.farewell());
        if terminal::FATAL.contains(&signal) {
            return End::Signal(signal);
        }
        self.face.interrupted();
        End::Farewell(self.words.interrupted().to_string())
    }

    fn read_keyboard(&mut self, is_ready: bool) -> anyhow::Result<()> {
        let typing = self.face.listen(is_ready, self.dialogue.deaf());
        let typing = typing.with_context(|| self.words.no_keyboard())?;
        if self.keyboard_ended {
            return Ok(());
        }
        self.lines.feed(&typing.bytes, |line| self.typed.push_back(line));
        if typing.has_ended {
            self.typed.extend(self.lines.finish());
            self.keyboard_ended = true;
        }
        Ok(())
    }

    /// Gives typed lines to the dialogue while it listens, and ends our side after the last.
    fn take_typed(&mut self) {
        while self.dialogue.deaf().is_none() && self.to_send.len() < MOST_WAITING {
            let Some(line) = self.typed.pop_front() else { break };
            self.to_send.extend(take(&mut self.dialogue, &mut *self.face, line));
        }
        let all_is_said = self.keyboard_ended && self.typed.is_empty() && self.dialogue.deaf().is_none();
        if (all_is_said || self.dialogue.has_left()) && self.since.is_none() {
            self.to_send.extend(self.dialogue.farewell());
            self.since = Some(Instant::now());
            self.keyboard_ended = true;
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
    fn read_server(&mut self) -> ControlFlow<anyhow::Result<End>> {
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
                match hear(&mut self.dialogue, &mut *self.face, &bytes[..n]) {
                    ControlFlow::Continue(()) => return ControlFlow::Continue(()),
                    ControlFlow::Break(farewell) => Ok(farewell),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return ControlFlow::Continue(()),
            Err(error) => Err(anyhow::Error::new(error).context(self.words.broken())),
        };
        ControlFlow::Break(end.map(End::Farewell))
    }
}

/// What the screen shows first.
pub fn begin(dialogue: &mut impl Dialogue, face: &mut dyn Face) {
    dialogue.begin(face);
    face.set_prompt(dialogue.prompt(), dialogue.asks());
}

/// A line is said: returns the bytes to send.
pub fn take(dialogue: &mut impl Dialogue, face: &mut dyn Face, line: Vec<u8>) -> Vec<u8> {
    face.entered(&line);
    let to_send = dialogue.typed(line, face);
    face.set_prompt(dialogue.prompt(), dialogue.asks());
    to_send
}

/// Bytes have come. Breaks with a farewell when that was the end.
pub fn hear(dialogue: &mut impl Dialogue, face: &mut dyn Face, bytes: &[u8]) -> ControlFlow<String> {
    dialogue.heard(bytes, face)?;
    face.set_prompt(dialogue.prompt(), dialogue.asks());
    ControlFlow::Continue(())
}
