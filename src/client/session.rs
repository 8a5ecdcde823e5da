//! The one-process client of a lab: typed lines go through its [`ClientProtocol`] to the server,
//! received bytes to its [`Ui`].
//!
//! A line that cannot be sent yet waits: in [`UiMode::Tui`] in a queue, otherwise unread in the
//! terminal or the pipe.

mod ending;
mod input;

use std::collections::VecDeque;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::Duration;

use anyhow::{Context, anyhow, bail};

use self::input::has_room_for;
use super::event_loop::{EventLoop, Exit, Ready, Sources, UiSources};
use super::protocol::{Awaits, ClientProtocol, send_line, start};
use super::signals::{FATAL, prepare, prepare_with_terminal};
use super::ui::{Ui, UiMode, plain::Plain, tui::Tui};
use super::{Connector, LineBuffer, Messages, SendBuffer, ServerAddress, Target, connect_with, terminal};
use crate::sys::{self, Interest};

/// Unsent bytes beyond which no typed line is taken.
const MAX_UNSENT: usize = 64 * 1024;
/// Time for the server to close after our side, where the client [awaits](Awaits) nothing.
const LEAVING: Duration = Duration::from_secs(1);
/// Shortest last piece of a long line: no word that means something alone, as the relay's `fin`.
const MIN_LAST_PIECE: usize = 4;

/// Connects and runs the session until keyboard, user or server end it, which is reported on
/// standard error. `is_plain`: no status and input line on a terminal, as the courses' clients.
pub fn run_client<P: ClientProtocol>(
    messages: Messages,
    address: &ServerAddress,
    is_plain: bool,
    protocol: P,
) -> anyhow::Result<()> {
    let server = Target::resolve(messages, address)?;
    let is_tui = !is_plain && terminal::is_usable();
    let mut signals = if is_tui { prepare_with_terminal()? } else { prepare()? };
    let Some(connection) = connect_with(messages, &mut Connector::new(&server), &mut signals)? else {
        messages.program.complain(messages.interrupted());
        return Ok(());
    };
    let ui: Box<dyn Ui> = match is_tui {
        true => Box::new(Tui::new(messages).context("tcsetattr")?),
        false => Box::new(Plain::new(messages)),
    };
    let mut session = Session {
        messages,
        address: format!("{} port {}", server.host, server.port),
        connection: &connection,
        events: EventLoop::new(signals),
        to_send: SendBuffer::new(protocol.opening_bytes()),
        protocol,
        ui,
        lines: LineBuffer::keeping(P::MAX_LEN, MIN_LAST_PIECE),
        queue: VecDeque::new(),
        unread: 0,
        input_ended: false,
        active_at: Some(Duration::ZERO),
        is_answered: true,
    };
    let outcome = session.run_to_the_end();
    let (unsent, closed) = (session.unsent(), session.ui.close());
    let with_unsent = |reason: &str| messages.with_unsent(reason, unsent);
    match outcome.map_err(|error| anyhow!(with_unsent(&messages.program.language.reasons(&error))))? {
        Exit::Normal(message) => messages.program.complain(&with_unsent(&message)),
        Exit::Signal(signal) => sys::die_by(signal),
    }
    closed
}

struct Session<'a, P> {
    messages: Messages,
    address: String,
    connection: &'a TcpStream,
    /// In its grace period once our side has ended.
    events: EventLoop,
    protocol: P,
    ui: Box<dyn Ui>,
    lines: LineBuffer,
    queue: VecDeque<Vec<u8>>,
    /// Lines that stood in the input at the server's end.
    unread: usize,
    to_send: SendBuffer,
    input_ended: bool,
    /// Time of the start, or of the last bytes sent or received, by the clock of `events`, until a
    /// pause was noticed.
    active_at: Option<Duration>,
    /// Bytes have come since the last bytes sent.
    is_answered: bool,
}

impl<P: ClientProtocol> Session<'_, P> {
    fn run_to_the_end(&mut self) -> anyhow::Result<Exit> {
        let outcome = self.run();
        if sys::is_asked_to_end() {
            return outcome;
        }
        let mut typed = Vec::new();
        if let Err(signal) = self.ui.finish(&mut self.events.signals, &mut typed) {
            sys::note_asked_to_end();
            if let Some(signal) = signal.filter(|signal| FATAL.contains(signal)) {
                return Ok(Exit::Signal(signal));
            }
        }
        // After the end of input, lines are dropped.
        let is_unsent = !self.input_ended && !typed.is_empty();
        self.unread += if is_unsent { typed.len() } else { 0 };
        match outcome? {
            Exit::Normal(message) if is_unsent => bail!(message),
            exit => Ok(exit),
        }
    }

    fn run(&mut self) -> anyhow::Result<Exit> {
        start(&mut self.protocol, &self.address, &mut *self.ui);
        loop {
            self.ui.set_status(self.status());
            let ready = self.wait()?;
            if let Some(exit) = self.read_keyboard(ready.keyboard)? {
                return Ok(exit);
            }
            // After the keyboard (a key may raise a signal), before the server's end of file.
            if let Some(signal) = self.events.take_signals(|signal| self.ui.handle_signal(signal))? {
                return Ok(self.ended_by(signal));
            }
            self.ui.draw(ready.screen)?;
            if ready.incoming
                && let Some(exit) = self.read_server()?
            {
                return Ok(exit);
            }
            if let Some(exit) = self.notice_pause() {
                return Ok(exit);
            }
            self.take_lines();
            if ready.outgoing || !self.to_send.bytes.is_empty() {
                self.send()?;
            }
            self.shut_down_if_sent();
            if self.until_left().is_some_and(|left| left.is_zero()) {
                if !self.may_have_lost() {
                    return Ok(Exit::Normal(self.messages.end_of_input().to_string()));
                }
                // A slow path, or a dead one: looks again until the grace period is over.
                self.events.note_half_close();
            }
            self.events.extend_on_progress(self.connection);
            if self.events.is_grace_over() {
                bail!(self.messages.not_closed());
            }
        }
    }

    fn wait(&mut self) -> anyhow::Result<Ready> {
        let ui = self.ui.sources();
        let takes_lines = self.protocol.blocked().is_none() && self.queue.is_empty() && !self.input_ended;
        // A terminal in raw mode is read to the end: Ctrl+C is a key, and unread input would go to
        // the shell as commands.
        let reads_keyboard = self.is_tui() || (takes_lines && !self.events.is_in_grace());
        let sources = Sources {
            incoming: ui.has_room.then(|| self.connection.as_fd()),
            outgoing: (!self.to_send.bytes.is_empty())
                .then(|| sys::watch(self.connection.as_fd(), Interest::Write)),
            ui: UiSources { keyboard: ui.keyboard.filter(|_| reads_keyboard), ..ui },
        };
        // Else their clock stands still.
        let is_timed = |left: Option<Duration>| left.filter(|_| sources.ui.has_room);
        let timeouts = [self.until_pause(), self.until_shutdown(), self.until_left()].map(is_timed);
        self.events.wait(sources, timeouts).context(self.messages.stuck())
    }

    fn is_tui(&self) -> bool {
        self.ui.mode() == UiMode::Tui
    }

    /// End of input, queued lines, a server that takes nothing, then the protocol's own parts.
    fn status(&self) -> Vec<String> {
        let leaving = self.input_ended.then(|| self.messages.leaving().map(str::to_string));
        let waiting = (!self.queue.is_empty()).then(|| self.messages.waiting(self.queue.len()));
        let stuck = (!self.to_send.bytes.is_empty()).then(|| self.messages.takes_nothing().to_string());
        let own = self.protocol.status(&self.address);
        leaving.into_iter().flatten().chain(waiting).chain(stuck).chain(own).collect()
    }

    /// One read. After the end of input, lines are dropped, and a second end exits at once.
    fn read_keyboard(&mut self, is_ready: bool) -> anyhow::Result<Option<Exit>> {
        let (protocol, queue, messages) = (&self.protocol, &self.queue, self.messages);
        let had_ended = self.input_ended;
        let reject = |lines: &[&str]| match lines {
            _ if had_ended => None,
            _ if !has_room_for(queue, lines) => Some(messages.too_much_waits()),
            [line] => protocol.rejects(line.as_bytes()),
            [] => protocol.blocked(),
            _ => None,
        };
        let input = self.ui.read_keyboard(is_ready, &reject).with_context(|| messages.no_keyboard())?;
        if had_ended && input.has_ended {
            sys::note_asked_to_end();
            self.send_closing_bytes();
            if self.may_have_lost() || self.protocol.failure().is_some() {
                bail!(messages.not_closed());
            }
            return Ok(Some(Exit::Normal(messages.end_of_input().to_string())));
        }
        if !had_ended {
            self.lines.feed(&input.bytes, |line| self.queue.push_back(line));
            if input.has_ended {
                self.queue.extend(self.lines.finish());
                self.input_ended = true;
            }
        }
        Ok(None)
    }

    fn can_send(&self, line: &[u8]) -> bool {
        self.protocol.blocked().is_none() || (self.is_tui() && self.protocol.rejects(line).is_none())
    }

    /// Passes queued lines to the protocol while it takes them, and ends our side after the last.
    fn take_lines(&mut self) {
        while self.to_send.bytes.len() < MAX_UNSENT
            && self.queue.front().is_some_and(|line| self.can_send(line))
        {
            let Some(line) = self.queue.pop_front() else { break };
            self.to_send.push_line(&send_line(&mut self.protocol, &mut *self.ui, line));
        }
        // In a Tui, a user without more lines need not wait for a turn.
        let may_leave = self.is_tui() || self.protocol.blocked().is_none();
        let is_done = self.input_ended && self.queue.is_empty() && may_leave;
        if (is_done || self.protocol.has_left()) && !self.events.is_in_grace() {
            self.to_send.bytes.extend(self.protocol.closing_bytes());
            self.events.start_grace();
            self.input_ended = true;
        }
    }

    fn send(&mut self) -> anyhow::Result<()> {
        let sent = self.to_send.send(self.connection).context(self.messages.broken())?;
        if sent > 0 {
            self.events.note_sent(sent);
            (self.active_at, self.is_answered) = (Some(self.events.now()), false);
        }
        Ok(())
    }

    /// Half-close, some time after the last bytes sent. Fails only when the connection is gone
    /// already.
    fn shut_down_if_sent(&mut self) {
        if self.until_shutdown().is_some_and(|left| left.is_zero()) {
            let _ = self.connection.shutdown(Shutdown::Write);
            self.events.note_half_close();
        }
    }

    fn until_shutdown(&self) -> Option<Duration> {
        let is_leaving = self.events.is_in_grace() && self.to_send.bytes.is_empty();
        // Once the server has closed, it keeps what is left for a bounded time.
        let is_due = is_leaving && self.events.since_half_close().is_none() && self.ui.sources().has_room;
        is_due.then(|| match self.protocol.awaits() {
            Awaits::Nothing => Duration::ZERO,
            Awaits::Close | Awaits::Answers => self.events.until_quiet(),
        })
    }

    fn until_left(&self) -> Option<Duration> {
        let since = self.events.since_half_close().filter(|_| self.protocol.awaits() == Awaits::Nothing)?;
        Some(LEAVING.saturating_sub(since))
    }

    /// True while the server's system has not acknowledged all, but for the half-close, which
    /// counts as one byte.
    fn may_have_lost(&self) -> bool {
        let half_close = usize::from(self.events.since_half_close().is_some());
        sys::unacknowledged(self.connection) > half_close
    }

    fn until_pause(&self) -> Option<Duration> {
        Some(self.protocol.pause_after().saturating_sub(self.events.now() - self.active_at?))
    }
}

#[cfg(test)]
mod tests;
