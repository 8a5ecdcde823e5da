//! The chat client on a terminal: input line at the bottom, messages above.
//!
//! The first process (`ChatUi`) reads the keyboard, sends and draws: `conversation` and
//! `connection` are its steps, `format` lays out messages. The second (`receiver`) reads the server
//! and watches over the terminal.

mod connection;
mod conversation;
mod format;
mod receiver;

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::Instant;

use anyhow::{Context, bail};

use super::messages::{self, MESSAGES};
use super::outgoing::room_for_text;
use super::pending_echoes::PendingEchoes;
use super::send_queue::SendQueue;
use crate::client::terminal::{Colours, Terminal};
use crate::client::{
    Connector, EventLoop, Exit, FATAL, LineBuffer, PeerProcess, Ready, Sources, Target, connect_at_once,
};
use crate::sys::{self, Interest, Signal, Signals, TerminalModes};
use crate::text::visible;
use format::{Origin, notice};

pub struct ChatUi<'a> {
    pseudo: &'a str,
    reconnects: bool,
    /// In its grace period from the end of input on.
    events: EventLoop,
    /// The terminal's modes before, for the watchdog.
    modes: TerminalModes,
    terminal: Terminal,
    colours: Colours,
    /// `None`: the second process has ended.
    server: Option<ServerConnection>,
    connector: Connector<'a>,
    /// Address of the last connection.
    address: Option<String>,
    /// A send has failed on this connection.
    is_broken: bool,
    lines: LineBuffer,
    queue: SendQueue,
    echoes: PendingEchoes,
    partial_message: Vec<u8>,
    /// Texts that may be lost: offered again on the next connection.
    unheard: Vec<String>,
    /// Number of messages shown.
    shown: usize,
    /// The grace period is over, and a last one runs: had the server closed by then?
    had_closed: Option<bool>,
    /// Our side is closed: was the server's open then?
    half_closed: Option<bool>,
}

#[derive(Debug)]
pub struct ServerConnection {
    /// Descriptor 3 in both processes; `None` while connecting.
    pub socket: Option<TcpStream>,
    pub receiver: PeerProcess,
    /// The server's end was seen in the socket. The second process reports it once it has read
    /// everything.
    has_ended: bool,
}

impl ServerConnection {
    /// Once the server has ended, the second process must not stay stopped:
    /// [`PeerProcess::resume`].
    fn note_end(&mut self) {
        if !self.has_ended && self.socket.as_ref().is_some_and(sys::has_ended) {
            self.has_ended = true;
            self.receiver.resume();
        }
    }

    /// The second process has left bytes in the socket. It may have been stopped.
    fn is_unread(&self) -> bool {
        let is_unread = self.socket.as_ref().is_some_and(sys::is_readable_now);
        if is_unread {
            self.receiver.resume();
        }
        is_unread
    }

    /// Closes the connection.
    pub fn into_receiver(self) -> PeerProcess {
        self.receiver
    }
}

impl<'a> ChatUi<'a> {
    pub fn new(
        server: &'a Target<'a>,
        signals: Signals,
        pseudo: &'a str,
        reconnects: bool,
    ) -> anyhow::Result<ChatUi<'a>> {
        let mut connector = Connector::new(server);
        // A server that is up is connected before anything is drawn or forked. Gets the lowest free
        // number, 3.
        let connection = connect_at_once(&mut connector).context(MESSAGES.stuck())?;
        let modes = TerminalModes::of(io::stdin()).context("tcgetattr")?;
        let terminal = Terminal::open(MESSAGES, format!("{pseudo}> ")).context("tcsetattr")?;
        let mut ui = ChatUi {
            pseudo,
            reconnects,
            events: EventLoop::new(signals),
            modes,
            terminal,
            colours: Colours::of_environment(),
            server: None,
            connector,
            address: None,
            is_broken: false,
            lines: LineBuffer::new(room_for_text(pseudo)),
            queue: SendQueue::default(),
            echoes: PendingEchoes::default(),
            partial_message: Vec::new(),
            unheard: Vec::new(),
            shown: 0,
            had_closed: None,
            half_closed: None,
        };
        match connection {
            Some(socket) => ui.connected(socket)?,
            None => ui.server = Some(ui.start_receiver(None)?),
        }
        Ok(ui)
    }

    /// Talks until something ends it, restores the terminal and reaps the second process.
    pub fn run(mut self) -> anyhow::Result<Exit> {
        let exit = self.talk();
        let sent = self.echoes.show_hidden();
        self.show_messages(&sent, Origin::Sent);
        let finished = if sys::is_asked_to_end() { Ok(()) } else { self.finish(&exit) };
        let signal = finished.inspect_err(|_| sys::note_asked_to_end()).err().flatten();
        self.terminal.close();
        // The watchdog goes last.
        if let Some(server) = self.server {
            server.into_receiver().stop();
        }
        match signal.filter(|signal| FATAL.contains(signal)) {
            Some(signal) => Ok(Exit::Signal(signal)),
            None => exit,
        }
    }

    /// Waits for a terminal that takes nothing: [`Terminal::finish`].
    fn finish(&mut self, exit: &anyhow::Result<Exit>) -> Result<(), Option<Signal>> {
        if !self.terminal.is_behind() {
            return Ok(());
        }
        self.terminal.set_status(vec![match exit {
            Ok(Exit::Normal(message)) => message.clone(),
            Ok(Exit::Signal(_)) => String::new(),
            Err(reason) => visible(reason.to_string().as_bytes()),
        }]);
        if self.server.is_none() {
            // The watchdog. Without one, a SIGKILL leaves the terminal in raw mode.
            self.server = self.start_receiver(None).ok();
        }
        loop {
            let mut typed = Vec::new();
            let finished = self.terminal.finish(&mut self.events.signals, &mut typed);
            // After the end of input, lines are dropped.
            if typed.is_empty() || self.events.is_in_grace() {
                return finished;
            }
            typed.iter().for_each(|line| self.notice(&messages::not_sent(line)));
            finished?;
        }
    }

    fn talk(&mut self) -> anyhow::Result<Exit> {
        loop {
            // Before drawing: the terminal may have been resized, or used by the shell.
            if let Some(exit) = self.take_signals()? {
                return Ok(exit);
            }
            self.update_status();
            self.terminal.draw()?;
            let ready = self.wait()?;
            if ready.outgoing
                && let Some(server) = &mut self.server
            {
                server.note_end();
            }
            self.read_keyboard(ready.keyboard)?;
            if !ready.incoming {
                self.show_overdue();
            } else if let Some(exit) = self.receive()? {
                return Ok(exit);
            }
            self.send_or_connect()?;
            if let Some(exit) = self.leave()? {
                return Ok(exit);
            }
        }
    }

    fn wait(&mut self) -> anyhow::Result<Ready> {
        let Some(server) = &self.server else { bail!(messages::NO_SECOND) };
        let (now, ui) = (Instant::now(), self.terminal.sources());
        let (outgoing, until_attempt) = match &server.socket {
            Some(socket) => {
                let has_unsent = !self.queue.messages.is_empty() && !self.is_broken;
                let interest = if has_unsent { Interest::Write } else { Interest::End };
                let is_watched = has_unsent || !server.has_ended;
                (is_watched.then(|| sys::watch(socket.as_fd(), interest)), None)
            }
            None => (self.connector.poll_fd(), self.connector.timeout(now)),
        };
        let overdue = self.echoes.deadline().map(|at| at.saturating_duration_since(now));
        let overdue = overdue.filter(|_| ui.has_room);
        let incoming = ui.has_room.then(|| server.receiver.lifeline());
        let until_half_close = server.socket.as_ref().and_then(|_| self.until_half_close());
        let sources = Sources { ui, incoming, outgoing };
        self.events.wait(sources, [until_attempt, overdue, until_half_close]).context(MESSAGES.stuck())
    }

    /// After the end of input, lines are read and dropped: unread, the shell would take them for
    /// commands.
    fn read_keyboard(&mut self, is_ready: bool) -> anyhow::Result<()> {
        let input = self.terminal.read_keyboard(is_ready).context(MESSAGES.no_keyboard())?;
        if !self.events.is_in_grace() {
            input.lines.iter().for_each(|line| self.queue_line(line));
            if input.has_ended {
                self.events.start_grace();
            }
        }
        Ok(())
    }

    fn take_signals(&mut self) -> anyhow::Result<Option<Exit>> {
        let signal = self.events.take_signals(|signal| self.terminal.handle_signal(signal))?;
        Ok(signal.map(|signal| match FATAL.contains(&signal) {
            true => Exit::Signal(signal),
            false => Exit::Normal(messages::with_unsent(MESSAGES.interrupted(), self.queue.messages.len())),
        }))
    }

    fn update_status(&mut self) {
        let is_up = self.server.as_ref().is_some_and(|server| server.socket.is_some());
        let (was_up, leaves) = (self.address.is_some(), self.events.is_in_grace());
        let counts = (self.queue.messages.len(), self.echoes.late());
        let state = messages::state((is_up, was_up), self.connector.tries_for_ever(), leaves, counts);
        // The pseudo comes last: it is in the prompt too.
        let mut status = vec![state, messages::counted(self.shown)];
        status.extend(self.address.clone());
        status.push(self.pseudo.to_string());
        self.terminal.set_status(status);
    }

    fn notice(&mut self, text: &str) {
        self.terminal.print(&notice(text));
    }
}
