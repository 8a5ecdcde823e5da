//! The way to the server: sent to while there is one, looked for while there is none, left in the end.

use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use anyhow::{Context, bail};

use super::link::Link;
use super::wording::Whose;
use super::{End, Face, words};
use crate::chat::cutter::messages;
use crate::chat::keyboard::{GRACE, Over, verdict};
use crate::chat::messenger::WORDS;

impl Face<'_> {
    /// Sends what the server takes now, or looks on for one.
    pub(super) fn send_or_connect(&mut self) -> anyhow::Result<()> {
        match &self.link {
            Some(Link { connection: Some(_), .. }) => self.send(),
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
        self.show_messages(&at_once, Whose::Own);
    }

    fn look_on(&mut self) -> anyhow::Result<()> {
        match self.dial.advance(Instant::now()) {
            Ok(Some(connection)) => {
                self.connected(connection)?;
                self.send();
            }
            Ok(None) => {}
            Err(reason) => {
                let reason = self.dial.unreachable(WORDS, &reason);
                bail!(words::with_unsent(&reason, self.outbox.len()));
            }
        }
        if let Some(heard) = self.dial.take_heard() {
            messages(&heard).for_each(|message| self.show_message(message, Whose::Others));
        }
        Ok(())
    }

    pub(super) fn connected(&mut self, connection: TcpStream) -> anyhow::Result<()> {
        let address = self.dial.address();
        match self.address.replace(address.clone()) {
            None => self.terminal.say(&words::connected(&address, self.pseudo)),
            Some(_) if self.dial.is_repeating() => {}
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
            .then(|| Link::down(&self.signals, &self.modes))
            .transpose()
            .context("fork")?;
        let ended = link.into_second().join().context("waitpid")?;
        self.link = search;
        match verdict(ended, self.leaving.is_some())? {
            Over::Wanted(farewell) => return Ok(Some(End::Wanted(farewell.to_string()))),
            Over::Lost(reason) => {
                let reason = if self.is_broken { WORDS.broken() } else { reason };
                self.heard.clear();
                self.show_what_may_be_lost();
                if self.link.is_none() {
                    bail!(words::with_unsent(reason, self.outbox.len()));
                }
                self.dial.lost(Instant::now());
                if !self.dial.is_repeating() {
                    self.notice(&words::lost(reason));
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
                return Ok(Some(End::Wanted(WORDS.end_of_input().to_string())));
            }
            None if self.reconnects => bail!(words::with_unsent(words::NO_CONNECTION, self.outbox.len())),
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
            bail!(WORDS.not_closed());
        }
        Ok(None)
    }
}
