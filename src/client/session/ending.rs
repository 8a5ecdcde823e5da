//! The ends of a session: a signal, the server's close, its last word.

use std::io::ErrorKind::ConnectionReset;

use anyhow::{Context, bail};

use super::Session;
use super::input::count_unread;
use crate::client::event_loop::Exit;
use crate::client::protocol::{Awaits, ClientProtocol, pause, receive};
use crate::client::signals::FATAL;
use crate::sys::{self, Signal};

impl<P: ClientProtocol> Session<'_, P> {
    pub(super) fn ended_by(&mut self, signal: Signal) -> Exit {
        self.send_closing_bytes();
        if FATAL.contains(&signal) {
            return Exit::Signal(signal);
        }
        self.ui.interrupted();
        Exit::Normal(self.messages.interrupted().to_string())
    }

    /// As far as the connection takes them without blocking.
    pub(super) fn send_closing_bytes(&self) {
        if !self.events.is_in_grace() {
            let _ = sys::try_send(self.connection, self.protocol.closing_bytes());
        }
    }

    pub(super) fn notice_pause(&mut self) -> Option<Exit> {
        if !self.until_pause()?.is_zero() {
            return None;
        }
        self.active_at = None;
        let end = pause(&mut self.protocol, &mut *self.ui);
        self.ended_by_server(end)
    }

    /// The server has ended the session if it gave a closing message.
    fn ended_by_server(&mut self, message: Option<String>) -> Option<Exit> {
        let exit = Exit::Normal(message?);
        self.unread = count_unread(&mut *self.ui, &mut self.lines);
        Some(exit)
    }

    /// False where the server closed before our half-close, and without an answer to what was sent:
    /// it may never have read that.
    fn has_taken_all(&self) -> bool {
        let answers_close = self.events.since_half_close().is_some();
        answers_close || self.is_answered || self.protocol.awaits() != Awaits::Close
    }

    pub(super) fn unsent(&self) -> usize {
        self.queue.len() + self.unread + self.to_send.unsent_lines()
    }

    /// One read. Returns the exit when the session is over.
    pub(super) fn read_server(&mut self) -> anyhow::Result<Option<Exit>> {
        let mut bytes = [0; 4096];
        let read = sys::try_read(self.connection, &mut bytes);
        if let Ok(Some(0)) | Err(_) = read {
            let end = pause(&mut self.protocol, &mut *self.ui);
            if let Some(exit) = self.ended_by_server(end) {
                return Ok(Some(exit));
            }
            self.unread = count_unread(&mut *self.ui, &mut self.lines);
        }
        let message = match read {
            Ok(None) => return Ok(None),
            Ok(Some(0)) if self.events.is_in_grace() => match self.protocol.failure() {
                Some(reason) => bail!(reason),
                None if !self.has_taken_all() => bail!(self.messages.closed()),
                None => self.messages.end_of_input().to_string(),
            },
            Ok(Some(0)) if self.protocol.server_may_close() && self.unsent() == 0 => {
                self.messages.closed().to_string()
            }
            Ok(Some(0)) => bail!(self.messages.closed()),
            Ok(Some(n)) => {
                match self.protocol.awaits() {
                    Awaits::Answers => self.events.restart_grace(),
                    Awaits::Close | Awaits::Nothing => self.events.extend_grace(),
                }
                (self.active_at, self.is_answered) = (Some(self.events.now()), true);
                let end = receive(&mut self.protocol, &mut *self.ui, &bytes[..n]);
                return Ok(self.ended_by_server(end));
            }
            // The server closed without reading our closing bytes; nothing else was lost.
            Err(error) if error.kind() == ConnectionReset && self.until_left().is_some() => {
                self.messages.end_of_input().to_string()
            }
            Err(error) => return Err(error).context(self.messages.broken()),
        };
        Ok(Some(Exit::Normal(message)))
    }
}
