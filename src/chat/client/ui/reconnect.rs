//! The way to the server: sent to while there is one, looked for while there is none, left in the end.

use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use anyhow::{Context, bail};

use super::connection::ServerConnection;
use super::format::Origin;
use super::{ChatUi, End, messages};
use crate::chat::client::MESSAGES;
use crate::chat::client::sender::{GRACE, Over, verdict};
use crate::hub::framing::messages;

impl ChatUi<'_> {
    /// Sends what the server takes now, or looks on for one.
    pub(super) fn send_or_connect(&mut self) -> anyhow::Result<()> {
        match &self.link {
            Some(ServerConnection { connection: Some(_), .. }) => self.send(),
            Some(_) => return self.look_on(),
            None => {}
        }
        Ok(())
    }

    fn send(&mut self) {
        let Some(connection) = self.link.as_ref().and_then(|link| link.connection.as_ref()) else { return };
        let (echoes, mut at_once) = (&mut self.echoes, Vec::new());
        let now = Instant::now();
        let sent = |mut message: Vec<u8>| {
            message.pop();
            at_once.extend(echoes.sent(message, now));
        };
        if !self.is_broken && self.outbox.send(connection, sent).is_err() {
            self.is_broken = true;
            // The second process then comes to the end of what the server has said.
            let _ = connection.shutdown(Shutdown::Both);
        }
        self.show_messages(&at_once, Origin::Own);
    }

    fn look_on(&mut self) -> anyhow::Result<()> {
        match self.connector.advance(Instant::now()) {
            Ok(Some(connection)) => {
                self.connected(connection)?;
                self.send();
            }
            Ok(None) => {}
            Err(reason) => {
                let reason = self.connector.unreachable(MESSAGES, &reason);
                bail!(messages::with_unsent(&reason, self.outbox.len()));
            }
        }
        if let Some(heard) = self.connector.take_heard() {
            messages(&heard).for_each(|message| self.show_message(message, Origin::Others));
        }
        Ok(())
    }

    pub(super) fn connected(&mut self, connection: TcpStream) -> anyhow::Result<()> {
        let address = self.connector.address();
        match self.address.replace(address.clone()) {
            None => self.terminal.say(&messages::connected(&address, self.pseudo)),
            Some(_) if self.connector.is_repeating() => {}
            Some(_) => self.notice(messages::BACK),
        }
        self.outbox.begin_anew();
        self.is_broken = false;
        let link = ServerConnection::up(connection, &self.signals, &self.modes).context("fork")?;
        if let Some(before) = self.link.replace(link) {
            before.into_second().stop();
        }
        Ok(())
    }

    pub(super) fn second_ended(&mut self) -> anyhow::Result<Option<End>> {
        let Some(link) = self.link.take() else { return Ok(None) };
        let was_up = link.connection.is_some();
        // What reaches both processes, and ends the other at once, is told as what it is.
        if let Some(end) = self.heed_signals()? {
            self.link = Some(link);
            return Ok(Some(end));
        }
        // Before the connection is closed: its number is to be the next one's.
        let search = (self.reconnects && was_up)
            .then(|| ServerConnection::down(&self.signals, &self.modes))
            .transpose()
            .context("fork")?;
        let ended = link.into_second().join().context("waitpid")?;
        self.link = search;
        match verdict(ended, self.leaving.is_some())? {
            Over::Wanted(farewell) => return Ok(Some(End::Wanted(farewell.to_string()))),
            Over::Lost(reason) => {
                let reason = if self.is_broken { MESSAGES.broken() } else { reason };
                self.heard.clear();
                self.show_what_may_be_lost();
                if self.link.is_none() {
                    bail!(messages::with_unsent(reason, self.outbox.len()));
                }
                self.connector.lost(Instant::now());
                if !self.connector.is_repeating() {
                    self.notice(&messages::lost(reason));
                }
            }
        }
        Ok(None)
    }

    /// What is left to do for a user who leaves.
    pub(super) fn leave(&mut self) -> anyhow::Result<Option<End>> {
        let (Some(since), Some(link)) = (self.leaving, &self.link) else { return Ok(None) };
        match &link.connection {
            None if self.outbox.is_empty() => {
                return Ok(Some(End::Wanted(MESSAGES.end_of_input().to_string())));
            }
            None if self.reconnects => {
                bail!(messages::with_unsent(messages::NO_CONNECTION, self.outbox.len()))
            }
            // The search will soon be over, one way or the other.
            None => return Ok(None),
            // It fails only when the connection is gone already.
            Some(connection) if self.outbox.is_empty() => drop(connection.shutdown(Shutdown::Write)),
            Some(_) => {
                // The server's time begins when all is sent.
                self.leaving = Some(Instant::now());
                return Ok(None);
            }
        }
        if since.elapsed() >= GRACE {
            bail!(MESSAGES.not_closed());
        }
        Ok(None)
    }
}
