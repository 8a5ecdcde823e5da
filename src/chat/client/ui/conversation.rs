//! What is said and heard: lines on their way out, messages on their way to the screen.

use std::time::Instant;

use super::format::{Origin, message_lines, name_to_offer};
use super::{ChatUi, End, messages};
use crate::chat::PROGRAM as SERVER;
use crate::chat::client::outgoing::message;
use crate::chat::message::ParsedMessage;
use crate::chat::messages::NOT_SAID;

/// So many messages may wait for the server. A paste is kept whole, and a user cannot type more.
const MAX_WAITING: usize = 20_000;

impl ChatUi<'_> {
    /// Takes a line that was typed; a blank one says nothing.
    pub(super) fn say(&mut self, line: &str) {
        if line.trim().is_empty() {
            return;
        }
        if self.outbox.len() >= MAX_WAITING {
            return self.notice(&messages::not_kept(line));
        }
        let (pseudo, outbox) = (self.pseudo, &mut self.outbox);
        self.lines.feed(format!("{line}\n").as_bytes(), |text| outbox.push(message(pseudo, &text)));
    }

    /// Reads what the second process hands over.
    pub(super) fn hear(&mut self) -> anyhow::Result<Option<End>> {
        let mut bytes = vec![0; 64 * 1024];
        let Some(link) = &mut self.link else { return Ok(None) };
        let bytes = match link.second.hear(&mut bytes) {
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
        if is_a_refusal(&heard)
            && let Some(refused) = self.echoes.refused(Instant::now())
        {
            self.show_message(&refused, Origin::Refused);
        }
        let whose = match self.echoes.heard(&heard, Instant::now()) {
            None => Origin::Others,
            Some(before) => {
                self.show_messages(&before, Origin::Own);
                Origin::Own
            }
        };
        self.show_message(&heard, whose);
    }

    pub(super) fn show_message(&mut self, message: &[u8], whose: Origin) {
        self.messages += 1;
        if let Some(name) = name_to_offer(message).filter(|name| *name != self.pseudo) {
            self.terminal.offer(name);
        }
        message_lines(message, whose, self.colours).iter().for_each(|line| self.terminal.say(line));
    }

    pub(super) fn show_messages(&mut self, messages: &[Vec<u8>], whose: Origin) {
        messages.iter().for_each(|message| self.show_message(message, whose));
    }

    /// Only when nothing waits to be heard, for want of room or of time: it could be among that.
    pub(super) fn show_what_did_not_come_back(&mut self) {
        if !self.terminal.has_room() {
            return;
        }
        let (overdue, is_noticed) = self.echoes.overdue(Instant::now());
        self.show_messages(&overdue, Origin::Own);
        if is_noticed {
            self.notice(messages::NOTHING_BACK);
        }
    }

    /// The connection is lost, and what it took may be.
    pub(super) fn show_what_may_be_lost(&mut self) {
        let lost = self.echoes.end();
        self.show_messages(&lost, Origin::Lost);
    }

    /// The user leaves before it has come back.
    pub(super) fn show_what_was_sent(&mut self) {
        let sent = self.echoes.end();
        self.show_messages(&sent, Origin::Own);
    }
}

/// True for what our server says of a message that it has not passed on. Anybody might write that; the message that it seems to be about is
/// then marked, and shown again when it is heard.
fn is_a_refusal(message: &[u8]) -> bool {
    let ParsedMessage { name, text } = ParsedMessage::of(message);
    name == Some(SERVER.name.as_bytes()) && text.starts_with(NOT_SAID.as_bytes())
}
