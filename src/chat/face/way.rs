//! The way to the server: sent to while there is one, looked for while there is none, left in the end.

use std::net::{Shutdown, TcpStream};
use std::time::Instant;

use anyhow::{Context, bail};

use super::link::Link;
use super::{End, Face, words};
use crate::chat::keyboard::{GRACE, Over, verdict};
use crate::chat::messenger::WORDS;
use crate::client::Dial;

impl<'a> Face<'a> {
    /// Sends what the server takes now, or looks on for one.
    pub(super) fn send_or_connect(&mut self) -> anyhow::Result<()> {
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

    pub(super) fn connected(&mut self, connection: TcpStream) -> anyhow::Result<()> {
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

    pub(super) fn second_ended(&mut self) -> anyhow::Result<Option<End>> {
        let Some(link) = self.link.take() else { return Ok(None) };
        let was_up = link.connection().is_some();
        // What reaches both processes, and ends the other at once, is told as what it is.
        if let Some(end) = self.heed_signals()? {
            self.link = Some(link);
            return Ok(Some(end));
        }
        // Before the connection is closed: its number is to be the next one's.
        let search = (self.reconnects && was_up)
            .then(|| Link::down(Dial::anew(self.server), &self.signals, &self.modes))
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
    pub(super) fn leave(&mut self) -> anyhow::Result<Option<End>> {
        let (Some(since), Some(link)) = (self.leaving, &self.link) else { return Ok(None) };
        match link.connection() {
            None if self.outbox.is_empty() => return Ok(Some(End::Wanted(WORDS.end_of_input()))),
            None => bail!(words::unsent(self.outbox.len())),
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
