//! The loop: what is typed goes to the dialogue, what that says goes to the server, and what the server says to the dialogue.

use std::io::{self, Read};
use std::net::{Shutdown, TcpStream};
use std::ops::ControlFlow;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::input_queue::InputQueue;
use super::protocol::ClientProtocol;
use super::steps::{begin, hear, pause, take};
use super::ui::{Ui, UiMode};
use super::{LineBuffer, Messages, terminal};
use crate::sys::{self, Interest, Signal, Signals};

/// How long the server may take to close, once the keyboard has ended and all is sent.
const GRACE: Duration = Duration::from_secs(5);

/// Bytes for the server that may wait; while there are more, no typed line is taken.
const MAX_WAITING: usize = 64 * 1024;

/// The last piece of a line in pieces has at least so many bytes: it is no word that would mean something alone, as the relay's `fin`.
const LEAST_REST: usize = 4;

/// One conversation.
pub struct EventLoop<'a, D> {
    messages: Messages,
    connection: &'a TcpStream,
    signals: Signals,
    protocol: D,
    face: Box<dyn Ui>,
    lines: LineBuffer,
    /// Typed lines that the dialogue has not taken yet.
    typed: InputQueue,
    to_send: Vec<u8>,
    keyboard_ended: bool,
    /// Since when the server may close, our side having ended.
    since: Option<Instant>,
    /// When the server has last said something, until that is known to be a pause.
    heard: Option<Instant>,
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

impl<'a, D: ClientProtocol> EventLoop<'a, D> {
    pub fn new(
        messages: Messages,
        connection: &'a TcpStream,
        signals: Signals,
        protocol: D,
        face: Box<dyn Ui>,
    ) -> EventLoop<'a, D> {
        let to_send = protocol.introduction();
        let (lines, typed) = (LineBuffer::keeping(D::MAX_LEN, LEAST_REST), InputQueue::default());
        let (keyboard_ended, since, heard) = (false, None, None);
        EventLoop {
            messages,
            connection,
            signals,
            protocol,
            face,
            lines,
            typed,
            to_send,
            keyboard_ended,
            since,
            heard,
        }
    }

    /// Talks until something ends it.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(&mut self) -> anyhow::Result<End> {
        begin(&mut self.protocol, &mut *self.face);
        loop {
            self.face.set_status(self.status());
            let ready = self.wait()?;
            if let ControlFlow::Break(end) = self.read_keyboard(ready.keyboard)? {
                return Ok(end);
            }
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
            self.notice_pause();
            self.take_typed();
            if ready.writable || !self.to_send.is_empty() {
                self.send();
            }
            if self.since.is_some_and(|since| since.elapsed() >= GRACE) {
                bail!(self.messages.not_closed());
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
        // On a terminal without rows, what is typed too early waits in the terminal.
        let takes_keys = self.protocol.deaf().is_none() && self.typed.is_empty() && !self.keyboard_ended;
        // With rows, Ctrl+C is a key like others, to the end; and what is typed by one who leaves is read, or the shell would take it for
        // commands.
        let listens = face.look() == UiMode::Tui || (takes_keys && self.since.is_none());
        let keyboard = face.keyboard().filter(|_| listens);
        let watched = [
            Some(sys::watch(self.signals.as_fd(), Interest::Read)),
            keyboard.map(|keyboard| sys::watch(keyboard, Interest::Read)),
            face.has_room().then(|| sys::watch(self.connection.as_fd(), Interest::Read)),
            (!self.to_send.is_empty()).then(|| sys::watch(self.connection.as_fd(), Interest::Write)),
            face.is_behind().then(|| sys::watch(face.output(), Interest::Write)),
        ];
        let grace = self.since.map(|since| GRACE.saturating_sub(since.elapsed()));
        let timeout = [grace, face.patience(), self.until_pause()].into_iter().flatten().min();
        let [_, keyboard, readable, writable, screen] =
            sys::wait_for_some(watched, timeout).context("poll")?;
        Ok(Ready { keyboard, readable, writable, screen })
    }

    /// How things stand: the user's end, lines that wait, a server that takes nothing, and what the dialogue says.
    fn status(&self) -> Vec<String> {
        let leaves = self.keyboard_ended.then(|| self.messages.leaving().map(str::to_string));
        let waiting = (!self.typed.is_empty()).then(|| self.messages.waiting(self.typed.len()));
        let stuck = (!self.to_send.is_empty()).then(|| self.messages.takes_nothing().to_string());
        leaves.into_iter().flatten().chain(waiting).chain(stuck).chain(self.protocol.status()).collect()
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
                    // It may have stopped us, for longer than the server has time: that begins anew.
                    self.since = self.since.map(|_| Instant::now());
                } else {
                    return Ok(Some(self.ended_by(signal)));
                }
            }
        }
    }

    fn ended_by(&mut self, signal: Signal) -> End {
        self.leave_at_once();
        if terminal::FATAL.contains(&signal) {
            return End::Signal(signal);
        }
        self.face.interrupted();
        End::Farewell(self.messages.interrupted().to_string())
    }

    /// Says farewell, as far as the connection takes it: whoever interrupts does not want to wait.
    fn leave_at_once(&self) {
        if self.since.is_none() {
            let _ = sys::try_send(self.connection, self.protocol.farewell());
        }
    }

    /// One read of the keyboard. Once that has ended, what is typed is dropped, and a second end is for now.
    fn read_keyboard(&mut self, is_ready: bool) -> anyhow::Result<ControlFlow<End>> {
        let (protocol, typed, messages) = (&self.protocol, &self.typed, self.messages);
        let has_ended = self.keyboard_ended;
        let refuse = |lines: &[&str]| match lines {
            _ if has_ended => None,
            _ if !typed.has_room_for(lines) => Some(messages.too_much_waits()),
            [line] => protocol.refuses(line.as_bytes()),
            [] => protocol.deaf(),
            _ => None,
        };
        let typing = self.face.listen(is_ready, &refuse).with_context(|| messages.no_keyboard())?;
        if has_ended && typing.has_ended {
            self.leave_at_once();
            return Ok(ControlFlow::Break(End::Farewell(messages.end_of_input().to_string())));
        }
        if !has_ended {
            self.lines.feed(&typing.bytes, |line| self.typed.push(line));
            if typing.has_ended {
                self.lines.finish().into_iter().for_each(|line| self.typed.push(line));
                self.keyboard_ended = true;
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// True when the dialogue takes this line now. Without rows, one that it could take waits in the terminal, or in the pipe.
    fn is_heard(&self, line: &[u8]) -> bool {
        let has_rows = self.face.look() == UiMode::Tui;
        self.protocol.deaf().is_none() || (has_rows && self.protocol.refuses(line).is_none())
    }

    /// Gives typed lines to the dialogue while it listens, and ends our side after the last.
    fn take_typed(&mut self) {
        while self.to_send.len() < MAX_WAITING && self.typed.first().is_some_and(|line| self.is_heard(line)) {
            let Some(line) = self.typed.pop() else { break };
            self.to_send.extend(take(&mut self.protocol, &mut *self.face, line));
        }
        // On rows, who has nothing more to say does not wait for a turn.
        let may_leave = self.face.look() == UiMode::Tui || self.protocol.deaf().is_none();
        let all_is_said = self.keyboard_ended && self.typed.is_empty() && may_leave;
        if (all_is_said || self.protocol.has_left()) && self.since.is_none() {
            self.to_send.extend(self.protocol.farewell());
            self.since = Some(Instant::now());
            self.keyboard_ended = true;
            self.end_our_side();
        }
    }

    /// Sends what the connection takes now.
    fn send(&mut self) {
        match sys::try_send(self.connection, &self.to_send) {
            Ok(sent) => drop(self.to_send.drain(..sent)),
            // The server may have said why before it went: the next reads tell.
            Err(_) => self.to_send.clear(),
        }
        self.end_our_side();
    }

    /// True when our side has ended with a word for that.
    fn has_said_farewell(&self) -> bool {
        self.since.is_some() && self.to_send.is_empty() && !self.protocol.farewell().is_empty()
    }

    /// Once all is said and sent. It fails only when the connection is gone already.
    fn end_our_side(&self) {
        if self.since.is_some() && self.to_send.is_empty() {
            let _ = self.connection.shutdown(Shutdown::Write);
        }
    }

    /// How long a silence is still no pause. A program that reads along is told of none.
    fn until_pause(&self) -> Option<Duration> {
        let heard = self.heard.filter(|_| self.face.look() != UiMode::Piped)?;
        Some(self.protocol.patience().saturating_sub(heard.elapsed()))
    }

    fn notice_pause(&mut self) {
        if self.until_pause().is_some_and(|left| left.is_zero()) {
            self.heard = None;
            pause(&mut self.protocol, &mut *self.face);
        }
    }

    /// One read of the server.
    fn read_server(&mut self) -> ControlFlow<anyhow::Result<End>> {
        let mut bytes = [0; 4096];
        let end = match (&mut &*self.connection).read(&mut bytes) {
            Ok(0) if self.since.is_some() => match self.protocol.failure() {
                Some(reason) => Err(anyhow::Error::msg(reason)),
                None => Ok(self.messages.end_of_input().to_string()),
            },
            Ok(0) if self.protocol.may_be_closed() => Ok(self.messages.closed().to_string()),
            Ok(0) => Err(anyhow::anyhow!(self.messages.closed())),
            Ok(n) => {
                if self.since.is_some() {
                    // It still answers: its time begins anew.
                    self.since = Some(Instant::now());
                }
                self.heard = Some(Instant::now());
                match hear(&mut self.protocol, &mut *self.face, &bytes[..n]) {
                    ControlFlow::Continue(()) => return ControlFlow::Continue(()),
                    ControlFlow::Break(farewell) => Ok(farewell),
                }
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return ControlFlow::Continue(()),
            // A server that has closed before it read our farewell, because our side had ended: nothing else was lost.
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset && self.has_said_farewell() => {
                Ok(self.messages.end_of_input().to_string())
            }
            Err(error) => Err(anyhow::Error::new(error).context(self.messages.broken())),
        };
        ControlFlow::Break(end.map(End::Farewell))
    }
}
