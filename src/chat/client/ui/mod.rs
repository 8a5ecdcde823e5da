//! The client on a terminal: what one types is never torn by what arrives.
//!
//! Still two processes that share descriptor 3. The first reads the keyboard, sends, and draws everything: `wording` says what a
//! message looks like, [`crate::client::terminal`] puts it on the screen, `echoes` knows which are one's own. The second
//! (`listener`) hears the server, hands over what it says, and watches over the terminal. `link` is both processes' way to the
//! server; `hearing` and `way` are what the first does with each.

mod connection;
mod conversation;
mod format;
pub mod messages;
mod pending_echoes;
mod receiver;
mod reconnect;

use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::MESSAGES;
use super::outgoing::room_for_text;
use super::send_queue::SendQueue;
use super::sender::GRACE;
use crate::client::terminal::{self, Colours, FATAL, Terminal, Typed};
use crate::client::{Connector, ENDING, LineBuffer, Target, connect_at_once};
use crate::sys::{self, Interest, Signal, Signals, TerminalModes};
use connection::ServerConnection;
use format::notice;
use pending_echoes::PendingEchoes;

/// How the talk ended.
pub enum End {
    /// As the user wanted: the farewell.
    Wanted(String),
    /// By this signal, of [`FATAL`].
    Signal(Signal),
}

/// The talk.
pub struct ChatUi<'a> {
    pseudo: &'a str,
    /// A connection that is lost is looked for again.
    reconnects: bool,
    signals: Signals,
    /// The terminal as it was, for the second process.
    modes: TerminalModes,
    terminal: Terminal,
    colours: Colours,
    /// None: the second process has ended.
    link: Option<ServerConnection>,
    /// The next tries.
    connector: Connector<'a>,
    /// The server's address, since the first connection.
    address: Option<String>,
    /// The connection broke while we sent.
    is_broken: bool,
    lines: LineBuffer,
    outbox: SendQueue,
    echoes: PendingEchoes,
    /// Of a message that has come in part.
    heard: Vec<u8>,
    messages: usize,
    /// The user leaves; since when the server may close.
    leaving: Option<Instant>,
}

/// What the last wait has found.
struct Ready {
    keyboard: bool,
    lifeline: bool,
}

impl<'a> ChatUi<'a> {
    /// Takes the terminal, and looks for `server`.
    ///
    /// # Errors
    /// What the system says of terminal and processes.
    pub fn new(
        server: &'a Target<'a>,
        signals: Signals,
        pseudo: &'a str,
        reconnects: bool,
    ) -> anyhow::Result<ChatUi<'a>> {
        let mut connector = if reconnects { Connector::new(server) } else { Connector::in_brief(server) };
        // Or every start would show a search, and make a process for it. The lowest number that is free, so 3.
        let connection = connect_at_once(&mut connector).context("poll")?;
        let modes = terminal::saved_modes().context("tcgetattr")?;
        let terminal = Terminal::open(MESSAGES, format!("{pseudo}> ")).context("tcsetattr")?;
        let mut face = ChatUi {
            pseudo,
            reconnects,
            signals,
            modes,
            terminal,
            colours: Colours::of_environment(),
            link: None,
            connector,
            address: None,
            is_broken: false,
            lines: LineBuffer::new(room_for_text(pseudo)),
            outbox: SendQueue::default(),
            echoes: PendingEchoes::default(),
            heard: Vec::new(),
            messages: 0,
            leaving: None,
        };
        match connection {
            Some(connection) => face.connected(connection)?,
            None => face.link = Some(ServerConnection::down(&face.signals, &face.modes).context("fork")?),
        }
        Ok(face)
    }

    /// Talks until something ends it; then both processes are done with the terminal, which is as it was.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(mut self) -> anyhow::Result<End> {
        let end = self.talk();
        self.show_what_was_sent();
        self.terminal.close();
        // Only now: until the terminal is as it was, somebody has to watch over it.
        if let Some(link) = self.link {
            link.into_second().stop();
        }
        end
    }

    fn talk(&mut self) -> anyhow::Result<End> {
        loop {
            // Before anything is drawn: the terminal may be another size, or have been the shell's.
            if let Some(end) = self.heed_signals()? {
                return Ok(end);
            }
            self.show_status();
            self.terminal.show().with_context(|| MESSAGES.no_terminal())?;
            let ready = self.wait()?;
            for typed in self.terminal.listen(ready.keyboard).context(MESSAGES.no_keyboard())? {
                match typed {
                    // What is typed by one who leaves is read, or the shell would take it for commands, and dropped.
                    _ if self.leaving.is_some() => {}
                    Typed::Line(line) => self.say(&line),
                    Typed::End => self.leaving = Some(Instant::now()),
                }
            }
            if !ready.lifeline {
                self.show_what_did_not_come_back();
            } else if let Some(end) = self.hear()? {
                return Ok(end);
            }
            self.send_or_connect()?;
            if let Some(end) = self.leave()? {
                return Ok(end);
            }
        }
    }

    fn wait(&mut self) -> anyhow::Result<Ready> {
        let Some(link) = &self.link else { bail!(messages::NO_SECOND) };
        let now = Instant::now();
        let patience = link.connection.is_none().then(|| self.connector.patience(now));
        let search = self.connector.watched().filter(|_| link.connection.is_none());
        let sends = link.connection.as_ref().filter(|_| !self.outbox.is_empty() && !self.is_broken);
        let terminal = &self.terminal;
        let watched = [
            Some(sys::watch(self.signals.as_fd(), Interest::Read)),
            terminal.keyboard().map(|keyboard| sys::watch(keyboard, Interest::Read)),
            terminal.has_room().then(|| sys::watch(link.second.lifeline(), Interest::Read)),
            sends.map(|connection| sys::watch(connection.as_fd(), Interest::Write)),
            search,
            terminal.is_behind().then(|| sys::watch(terminal.output(), Interest::Write)),
        ];
        let grace = self.leaving.map(|since| GRACE.saturating_sub(since.elapsed()));
        let until = |at: Instant| at.saturating_duration_since(now);
        let overdue = self.echoes.deadline().map(until).filter(|_| terminal.has_room());
        let timeout: Option<Duration> =
            [patience, grace, overdue, terminal.patience()].into_iter().flatten().min();
        let [_, keyboard, lifeline, ..] = sys::wait_for_some(watched, timeout).context("poll")?;
        Ok(Ready { keyboard, lifeline })
    }

    fn heed_signals(&mut self) -> anyhow::Result<Option<End>> {
        // One of them may have stopped us, and others have come meanwhile.
        loop {
            let taken = self.signals.take();
            if taken.is_empty() {
                return Ok(None);
            }
            for signal in taken {
                if ENDING.contains(&signal) {
                    return Ok(Some(End::Wanted(messages::with_unsent(
                        MESSAGES.interrupted(),
                        self.outbox.len(),
                    ))));
                } else if FATAL.contains(&signal) {
                    return Ok(Some(End::Signal(signal)));
                }
                self.terminal.heed(signal).context("tcsetattr")?;
            }
        }
    }

    fn show_status(&mut self) {
        let is_up = self.link.as_ref().is_some_and(|link| link.connection.is_some());
        let (was_up, leaves) = (self.address.is_some(), self.leaving.is_some());
        let state = messages::state(is_up, was_up, self.reconnects, leaves, self.outbox.len());
        // The pseudo stands in the prompt as well.
        let mut status = vec![state, messages::counted(self.messages)];
        status.extend(self.address.clone());
        status.push(self.pseudo.to_string());
        self.terminal.set_status(status);
    }

    fn notice(&mut self, text: &str) {
        self.terminal.say(&notice(text));
    }
}
