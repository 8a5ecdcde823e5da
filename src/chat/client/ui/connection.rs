//! The connection: sends while there is one, tries to connect while there is none, and closes it in
//! the end. There is always a second process, as the terminal's watchdog.

use std::io;
use std::net::{Shutdown, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use super::format::Origin;
use super::receiver::receive_or_watch;
use super::{ChatUi, ServerConnection};
use crate::chat::client::messages::{self, MESSAGES};
use crate::chat::client::receiver::{ConnectionEnd, end_of};
use crate::client::{Exit, PeerProcess};
use crate::hub::framing;
use crate::sys;

impl ChatUi<'_> {
    /// Forks the second process.
    pub(super) fn start_receiver(&self, socket: Option<TcpStream>) -> anyhow::Result<ServerConnection> {
        let keyboard = io::stdin();
        let kept = socket.as_ref().map_or(keyboard.as_fd(), AsFd::as_fd);
        let receiver = PeerProcess::start(&self.events.signals, &kept, |_, parent| {
            receive_or_watch(parent, socket.as_ref(), &self.modes)
        });
        Ok(ServerConnection { receiver: receiver.context("fork")?, socket, has_ended: false })
    }

    pub(super) fn send_or_connect(&mut self) -> anyhow::Result<()> {
        match &self.server {
            Some(server) if server.socket.is_none() => return self.connect(),
            _ => self.send(),
        }
        Ok(())
    }

    /// Sends nothing without a connection.
    fn send(&mut self) {
        let Some(socket) = self.server.as_ref().and_then(|server| server.socket.as_ref()) else { return };
        let (echoes, mut not_awaited) = (&mut self.echoes, Vec::new());
        let now = Instant::now();
        let sent = |mut message: Vec<u8>| {
            message.pop();
            not_awaited.extend(echoes.sent(message, now));
        };
        if !self.is_broken && self.queue.send(socket, sent).is_err() {
            self.is_broken = true;
            // The second process reads what the server has still sent, then the end.
            let _ = socket.shutdown(Shutdown::Both);
        }
        self.show_messages(&not_awaited, Origin::Sent);
    }

    pub(super) fn note_acknowledged(&mut self) {
        let socket = self.server.as_ref().and_then(|server| server.socket.as_ref());
        if let Some(socket) = socket.filter(|_| !self.echoes.is_empty()) {
            self.echoes.acknowledged_all_but(sys::unacknowledged(socket));
        }
    }

    fn connect(&mut self) -> anyhow::Result<()> {
        match self.connector.advance(Instant::now()) {
            Ok(Some(socket)) => {
                self.connected(socket)?;
                self.send();
            }
            Ok(None) => {}
            Err(reason) => {
                let reason = self.connector.unreachable(MESSAGES, &reason);
                bail!(messages::with_unsent(&reason, self.queue.messages.len()));
            }
        }
        if let Some(text) = self.connector.take_first_failure(MESSAGES) {
            self.notice(&text);
        }
        if let Some(text) = self.connector.take_rejection() {
            self.show_messages(framing::messages(&text), Origin::Others);
        }
        Ok(())
    }

    pub(super) fn connected(&mut self, socket: TcpStream) -> anyhow::Result<()> {
        let address = self.connector.address();
        match self.address.replace(address.clone()) {
            None => self.terminal.print(&messages::connected(&address, self.pseudo)),
            Some(_) if self.connector.is_flapping() => {}
            Some(_) => self.notice(messages::BACK),
        }
        self.terminal.offer(std::mem::take(&mut self.unheard));
        (self.is_broken, self.half_closed) = (false, None);
        let server = self.start_receiver(Some(socket))?;
        if let Some(before) = self.server.replace(server) {
            before.into_receiver().stop();
        }
        Ok(())
    }

    pub(super) fn receiver_ended(&mut self) -> anyhow::Result<Option<Exit>> {
        self.note_acknowledged();
        let Some(server) = self.server.take() else { return Ok(None) };
        let was_connected = server.socket.is_some();
        // A signal that reached both processes may have ended the other first.
        if let Some(exit) = self.take_signals()? {
            self.server = Some(server);
            return Ok(Some(exit));
        }
        // Forked before descriptor 3 is closed, which must be free for the next connection.
        let next = (self.reconnects && was_connected).then(|| self.start_receiver(None)).transpose()?;
        let ended = server.into_receiver().join().context("waitpid")?;
        self.server = next;
        let has_sent_all = self.events.is_in_grace() && self.queue.messages.is_empty();
        // After our own shutdown, late bytes of the server break the connection.
        let has_given_up = self.had_closed == Some(false);
        // A server that closes first may not have read all.
        let is_taken = self.half_closed == Some(true) || self.echoes.is_empty();
        let end = end_of(ended, has_sent_all && is_taken && !has_given_up);
        if has_given_up && end.is_ok() {
            return self.not_closed().map(Some);
        }
        self.show_lost(matches!(end, Ok(ConnectionEnd::ByUser(_))));
        match end? {
            ConnectionEnd::ByUser(_) if self.has_lost() => bail!(messages::NOT_ALL_BACK),
            ConnectionEnd::ByUser(message) => return Ok(Some(Exit::Normal(message.to_string()))),
            ConnectionEnd::Lost(reason) => {
                let reason = if self.is_broken { MESSAGES.broken() } else { reason };
                self.partial_message.clear();
                if self.server.is_none() {
                    bail!(messages::with_unsent(reason, self.queue.messages.len()));
                }
                self.connector.reconnect(Instant::now());
                if !self.connector.is_flapping() {
                    self.notice(&messages::lost(reason));
                }
            }
        }
        Ok(None)
    }

    /// After the end of input: closes our side once everything is sent, and waits for the server.
    pub(super) fn leave(&mut self) -> anyhow::Result<Option<Exit>> {
        let Some(server) = self.server.as_ref().filter(|_| self.events.is_in_grace()) else {
            return Ok(None);
        };
        match &server.socket {
            None if self.queue.messages.is_empty() && !self.has_lost() => {
                return Ok(Some(Exit::Normal(MESSAGES.end_of_input().to_string())));
            }
            None if self.queue.messages.is_empty() => bail!(messages::NOT_ALL_BACK),
            None if self.connector.tries_for_ever() => {
                bail!(messages::with_unsent(messages::NO_CONNECTION, self.queue.messages.len()))
            }
            // The connector gives up soon.
            None => {}
            // The grace period begins when everything is sent.
            Some(_) if !self.queue.messages.is_empty() => self.events.start_grace(),
            Some(socket) => {
                if self.until_half_close().is_some_and(|left| left.is_zero()) {
                    self.half_closed = Some(!sys::has_ended(socket));
                    // Fails only when the connection is gone already.
                    let _ = socket.shutdown(Shutdown::Write);
                }
                self.events.extend_on_progress(socket);
                if self.events.is_grace_over() {
                    if self.had_closed.is_some() {
                        return self.not_closed().map(Some);
                    }
                    // The second process passes on what it has not read (it was stopped), and what
                    // it holds, and ends.
                    self.had_closed = Some(sys::has_ended(socket));
                    let _ = socket.shutdown(Shutdown::Both);
                    server.receiver.resume();
                    self.events.start_grace();
                }
            }
        }
        Ok(None)
    }

    /// After the end of input, once everything is sent and an answer may not come any more. Not
    /// while the server is not read: once it has closed, it keeps what is left for a bounded time.
    pub(super) fn until_half_close(&self) -> Option<Duration> {
        let has_sent_all = self.events.is_in_grace() && self.queue.messages.is_empty();
        let is_due = has_sent_all && self.half_closed.is_none() && self.terminal.has_room();
        is_due.then(|| if self.echoes.is_empty() { Duration::ZERO } else { self.events.until_quiet() })
    }

    /// Whether messages may be lost that were not sent again, nor given up.
    fn has_lost(&self) -> bool {
        !self.unheard.is_empty() || self.terminal.has_offer()
    }

    /// The end of a client whose server has not closed in the grace period.
    fn not_closed(&mut self) -> anyhow::Result<Exit> {
        if !self.echoes.is_empty() {
            self.note_acknowledged();
            self.show_lost(false);
            bail!(MESSAGES.not_closed());
        }
        if self.has_lost() {
            bail!(messages::NOT_ALL_BACK);
        }
        // The room has all: some courses' servers leave a connection open, since later children
        // hold it.
        Ok(Exit::Normal(MESSAGES.not_closed().to_string()))
    }
}
