//! Typed lines to the send queue, received messages to the terminal.

use std::time::Instant;

use super::format::{Origin, message_lines, name_to_offer, now};
use super::{ChatUi, ServerConnection};
use crate::chat::PROGRAM as SERVER;
use crate::chat::client::messages;
use crate::chat::client::outgoing::message;
use crate::chat::client::pending_echoes::may_be_echo;
use crate::chat::message::{ParsedMessage, trim_start};
use crate::chat::messages::NOT_SAID;
use crate::client::Exit;

/// Longest send queue: twice the largest paste.
const MAX_UNSENT: usize = 20_000;

impl ChatUi<'_> {
    /// Queues a typed line, unless it is blank.
    pub(super) fn queue_line(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.queue.messages.len() >= MAX_UNSENT {
            return self.notice(&messages::not_kept(line));
        }
        let (pseudo, queue) = (self.pseudo, &mut self.queue.messages);
        self.lines.feed(format!("{line}\n").as_bytes(), |text| queue.push_back(message(pseudo, &text)));
    }

    /// One read of the second process.
    pub(super) fn receive(&mut self) -> anyhow::Result<Option<Exit>> {
        let mut bytes = vec![0; 64 * 1024];
        let Some(server) = &mut self.server else { return Ok(None) };
        let bytes = match server.receiver.read(&mut bytes) {
            None => return Ok(None),
            Some(0) => return self.receiver_ended(),
            Some(n) => &bytes[..n],
        };
        self.events.extend_grace();
        for &byte in bytes {
            match byte {
                0 => self.show_received(),
                _ => self.partial_message.push(byte),
            }
        }
        Ok(None)
    }

    fn show_received(&mut self) {
        let received = std::mem::take(&mut self.partial_message);
        if is_refusal(&received)
            && let Some(refused) = self.echoes.refused(Instant::now())
        {
            self.show_message(&refused, Origin::Refused);
        }
        let origin = match self.echoes.received(&received, Instant::now()) {
            None if self.withdraw_offer(&received) => Origin::Own,
            None => Origin::Others,
            Some(skipped) => {
                self.show_messages(&skipped, Origin::Sent);
                Origin::Own
            }
        };
        self.show_message(&received, origin);
    }

    /// A message of a connection that was lost may arrive all the same, and reach the room after
    /// the next connection was made: it is not to be sent again.
    fn withdraw_offer(&mut self, received: &[u8]) -> bool {
        let own = message(self.pseudo, b"");
        let text = trim_start(received).strip_prefix(&own[..own.len() - 1]);
        text.is_some_and(|text| self.terminal.withdraw(|line| may_be_echo(line.as_bytes(), text)))
    }

    fn show_message(&mut self, message: &[u8], origin: Origin) {
        self.shown += 1;
        if let Some(name) = name_to_offer(message).filter(|name| *name != self.pseudo) {
            self.terminal.completion().offer(name);
        }
        let lines = message_lines(&now(), message, origin, self.colours);
        lines.iter().for_each(|line| self.terminal.print(line));
    }

    pub(super) fn show_messages<M: AsRef<[u8]>>(
        &mut self,
        messages: impl IntoIterator<Item = M>,
        origin: Origin,
    ) {
        messages.into_iter().for_each(|message| self.show_message(message.as_ref(), origin));
    }

    /// Shows messages with an overdue echo, unless the second process is not read for want of
    /// room, or has not read the socket: the echo may be there.
    pub(super) fn show_overdue(&mut self) {
        let now = Instant::now();
        if !self.terminal.has_room() || self.echoes.deadline().is_none_or(|at| at > now) {
            return;
        }
        if self.server.as_ref().is_some_and(ServerConnection::is_unread) {
            return self.echoes.extend(now);
        }
        self.note_acknowledged();
        let (overdue, is_new) = self.echoes.overdue(now);
        self.show_messages(&overdue, Origin::Sent);
        if is_new {
            self.notice(messages::NOTHING_BACK);
        }
    }

    /// The connection is over, `in_order`: the server has closed after everything was sent. Shows
    /// messages that may be lost. They are not sent again by themselves: the room may have heard
    /// them.
    pub(super) fn show_lost(&mut self, in_order: bool) {
        if let Some(mut partial) = self.queue.take_partial() {
            partial.pop();
            self.echoes.sent(partial, Instant::now());
        }
        let lost = if in_order { self.echoes.end_in_order() } else { self.echoes.end() };
        self.show_messages(&lost, Origin::Lost);
        let texts = lost.iter().map(|message| ParsedMessage::of(message).text);
        self.unheard.extend(texts.map(|text| String::from_utf8_lossy(text).into_owned()));
    }
}

/// True for our server's refusal of a message. Anyone may forge one: the message that it seems to
/// be about is then marked, and shown again when its echo comes.
fn is_refusal(message: &[u8]) -> bool {
    let ParsedMessage { name, text } = ParsedMessage::of(message);
    name == Some(SERVER.name.as_bytes()) && text.starts_with(NOT_SAID.as_bytes())
}
