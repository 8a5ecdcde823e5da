//! The client on a terminal: what one types is never torn by what arrives.
//!
//! Still two processes that share descriptor 3. The first reads the keyboard, sends, and draws everything: `wording` says what a
//! message looks like, [`crate::client::terminal`] puts it on the screen, `echoes` knows which are one's own. The second
//! (`listener`) hears the server, hands over what it says, and watches over the terminal. `link` is the way to the server.

mod echoes;
mod link;
mod listener;
mod wording;
pub mod words;

use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::keyboard::{GRACE, Over, verdict};
use super::line::{message, room_for_text};
use super::messenger::WORDS;
use super::outbox::Outbox;
use crate::client::terminal::{self, Colours, Terminal, Typed};
use crate::client::{ENDING, Lines, Server};
use crate::sys::{self, Interest, Signal, Signals, TerminalModes};
use echoes::{Echoes, Heard};
use link::Link;
use wording::{Whose, message_lines, name_to_offer, notice};

/// So many messages may wait for the server. A paste is kept whole, and a user cannot type more.
const MOST_WAITING: usize = 20_000;

/// The signals that end the talk beside [`ENDING`], and then do what they do by default.
pub const FATAL: [Signal; 2] = [Signal::SIGHUP, Signal::SIGQUIT];

/// How the talk ended.
pub enum End {
    /// As the user wanted: the farewell.
    Wanted(&'static str),
    /// By this signal, of [`FATAL`].
    Signal(Signal),
}

/// The talk.
pub struct Face<'a> {
    server: &'a Server<'a>,
    pseudo: &'a str,
    /// A connection that is lost is looked for again.
    reconnects: bool,
    signals: Signals,
    /// The terminal as it was, for the second process.
    modes: TerminalModes,
    terminal: Terminal,
    colours: Colours,
    /// None: the second process has ended.
    link: Option<Link<'a>>,
    /// The server's address, since the first connection.
    address: Option<String>,
    /// The connection broke while we sent.
    is_broken: bool,
    lines: Lines,
    outbox: Outbox,
    echoes: Echoes,
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

impl<'a> Face<'a> {
    /// Takes the terminal, and talks to `server` over `connection`; without one, looks for it.
    ///
    /// # Errors
    /// What the system says of terminal and processes.
    pub fn new(
        server: &'a Server<'a>,
        connection: Option<TcpStream>,
        signals: Signals,
        pseudo: &'a str,
        reconnects: bool,
    ) -> anyhow::Result<Face<'a>> {
        let modes = terminal::saved_modes().context("tcgetattr")?;
        let terminal = Terminal::open(WORDS, format!("{pseudo}> ")).context("tcsetattr")?;
        let mut face = Face {
            server,
            pseudo,
            reconnects,
            signals,
            modes,
            terminal,
            colours: Colours::of_environment(),
            link: None,
            address: None,
            is_broken: false,
            lines: Lines::new(room_for_text(pseudo)),
            outbox: Outbox::default(),
            echoes: Echoes::default(),
            heard: Vec::new(),
            messages: 0,
            leaving: None,
        };
        match connection {
            Some(connection) => face.connected(connection)?,
            None => face.link = Some(Link::down(server, &face.signals, &face.modes).context("fork")?),
        }
        Ok(face)
    }

    /// Talks until something ends it; then both processes are done with the terminal, which is as it was.
    ///
    /// # Errors
    /// What ended it against the user's will.
    pub fn run(mut self) -> anyhow::Result<End> {
        let end = self.talk();
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
            self.terminal.show().with_context(|| WORDS.no_terminal())?;
            let ready = self.wait()?;
            for typed in self.terminal.listen(ready.keyboard).context(WORDS.no_keyboard())? {
                match typed {
                    Typed::Line(line) => self.say(&line),
                    Typed::End => self.leaving = Some(Instant::now()),
                }
            }
            let heard = if ready.lifeline { self.hear()? } else { self.show_what_did_not_come_back() };
            if let Some(end) = heard {
                return Ok(end);
            }
            self.send_or_connect()?;
            if let Some(end) = self.leave()? {
                return Ok(end);
            }
        }
    }

    fn wait(&mut self) -> anyhow::Result<Ready> {
        let Some(link) = &self.link else { bail!("le second processus manque") };
        let (search, patience) = link.search();
        let sends = link.connection().filter(|_| !self.outbox.is_empty() && !self.is_broken);
        let terminal = &self.terminal;
        let watched = [
            Some(sys::watch(self.signals.as_fd(), Interest::Read)),
            self.leaving.is_none().then(|| sys::watch(terminal.keyboard(), Interest::Read)),
            terminal.has_room().then(|| sys::watch(link.lifeline(), Interest::Read)),
            sends.map(|connection| sys::watch(connection.as_fd(), Interest::Write)),
            search.map(|socket| sys::watch(socket, Interest::Write)),
            terminal.is_behind().then(|| sys::watch(terminal.output(), Interest::Write)),
        ];
        let grace = self.leaving.map(|since| GRACE.saturating_sub(since.elapsed()));
        let until = |at: Instant| at.saturating_duration_since(Instant::now());
        let overdue = self.echoes.deadline().map(until).filter(|_| terminal.has_room());
        let timeout: Option<Duration> =
            [patience, grace, overdue, terminal.patience()].into_iter().flatten().min();
        let [_, keyboard, lifeline, ..] = sys::wait_for_some(watched, timeout).context("poll")?;
        Ok(Ready { keyboard, lifeline })
    }

    fn heed_signals(&mut self) -> anyhow::Result<Option<End>> {
        for signal in self.signals.take() {
            if ENDING.contains(&signal) {
                return Ok(Some(End::Wanted(WORDS.interrupted())));
            } else if FATAL.contains(&signal) {
                return Ok(Some(End::Signal(signal)));
            }
            self.terminal.heed(signal).context("tcsetattr")?;
        }
        Ok(None)
    }

    fn show_status(&mut self) {
        let is_up = self.link.as_ref().is_some_and(|link| link.connection().is_some());
        let state = words::state(is_up, self.address.is_some(), self.leaving.is_some(), self.outbox.len());
        let mut status = vec![state, self.pseudo.to_string()];
        status.extend(self.address.clone());
        status.push(words::counted(self.messages));
        self.terminal.set_status(status);
    }

    fn notice(&mut self, text: &str) {
        self.terminal.say(&notice(text));
    }

    fn say(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.outbox.len() >= MOST_WAITING {
            return self.notice(&words::not_kept(line));
        }
        let (pseudo, outbox) = (self.pseudo, &mut self.outbox);
        self.lines.feed(format!("{line}\n").as_bytes(), |text| outbox.push(message(pseudo, &text)));
    }

    /// Reads what the second process hands over.
    fn hear(&mut self) -> anyhow::Result<Option<End>> {
        let mut bytes = vec![0; 64 * 1024];
        let Some(link) = &mut self.link else { return Ok(None) };
        let bytes = match link.second().hear(&mut bytes) {
            None => return Ok(None),
            Some(0) => return self.second_ended(),
            Some(n) => &bytes[..n],
        };
        if self.leaving.is_some() {
            // The server still answers: its time begins anew.
            self.leaving = Some(Instant::now());
        }
        for &byte in bytes {
            match byte {
                0 => self.show_heard(),
                _ => self.heard.push(byte),
            }
        }
        Ok(None)
    }

    fn show_heard(&mut self) {
        let heard = std::mem::take(&mut self.heard);
        self.messages += 1;
        let whose = match self.echoes.heard(&heard, Instant::now()) {
            Heard::Shown => return,
            Heard::Own => Whose::Own,
            Heard::Others => Whose::Others,
        };
        if let Some(name) = name_to_offer(&heard).filter(|name| *name != self.pseudo) {
            self.terminal.offer(name);
        }
        self.show_message(&heard, whose);
    }

    fn show_message(&mut self, message: &[u8], whose: Whose) {
        message_lines(message, whose, self.colours).iter().for_each(|line| self.terminal.say(line));
    }

    /// Only when nothing waits to be heard: it could be among that.
    fn show_what_did_not_come_back(&mut self) -> Option<End> {
        for message in self.echoes.overdue(Instant::now()) {
            self.show_message(&message, Whose::Unheard);
        }
        None
    }

    fn send_or_connect(&mut self) -> anyhow::Result<()> {
        let Some(link) = &mut self.link else { return Ok(()) };
        if let Some(connection) = link.connection() {
            let echoes = &mut self.echoes;
            let now = Instant::now();
            let kept = |mut message: Vec<u8>| {
                message.pop();
                echoes.sent(message, now);
            };
            if !self.is_broken && self.outbox.send(connection, kept).is_err() {
                self.is_broken = true;
                // The second process then comes to the end of what the server has said.
                let _ = connection.shutdown(Shutdown::Both);
            }
            Ok(())
        } else if let Some(connection) = link.advance() {
            self.connected(connection)
        } else {
            Ok(())
        }
    }

    fn connected(&mut self, connection: TcpStream) -> anyhow::Result<()> {
        let address = connection.peer_addr().context(WORDS.broken())?.to_string();
        match self.address.replace(address.clone()) {
            None => self.terminal.say(&words::connected(&address, self.pseudo)),
            Some(_) => self.notice(words::BACK),
        }
        self.outbox.begin_anew();
        self.is_broken = false;
        let link = Link::up(connection, &self.signals, &self.modes).context("fork")?;
        if let Some(before) = self.link.replace(link) {
            before.into_second().stop();
        }
        Ok(())
    }

    fn second_ended(&mut self) -> anyhow::Result<Option<End>> {
        let Some(link) = self.link.take() else { return Ok(None) };
        let was_up = link.connection().is_some();
        // What reaches both processes, and ends the other at once, is told as what it is.
        if let Some(end) = self.heed_signals()? {
            self.link = Some(link);
            return Ok(Some(end));
        }
        // Before the connection is closed: its number is to be the next one's.
        let search = (self.reconnects && was_up)
            .then(|| Link::down(self.server, &self.signals, &self.modes))
            .transpose()
            .context("fork")?;
        let ended = link.into_second().join().context("waitpid")?;
        self.link = search;
        match verdict(ended, self.leaving.is_some())? {
            Over::Wanted(farewell) => return Ok(Some(End::Wanted(farewell))),
            Over::Lost(reason) => {
                let reason = if self.is_broken { WORDS.broken() } else { reason };
                if self.link.is_none() {
                    bail!(reason);
                }
                self.heard.clear();
                self.notice(&words::lost(reason));
            }
        }
        Ok(None)
    }

    /// What is left to do for a user who leaves.
    fn leave(&mut self) -> anyhow::Result<Option<End>> {
        let (Some(since), Some(link)) = (self.leaving, &self.link) else { return Ok(None) };
        match link.connection() {
            None if self.outbox.is_empty() => return Ok(Some(End::Wanted(WORDS.end_of_input()))),
            None => bail!(words::unsent(self.outbox.len())),
            // It fails only when the connection is gone already.
            Some(connection) if self.outbox.is_empty() => drop(connection.shutdown(Shutdown::Write)),
            Some(_) => {}
        }
        if since.elapsed() >= GRACE {
            bail!(WORDS.not_closed());
        }
        Ok(None)
    }
}
