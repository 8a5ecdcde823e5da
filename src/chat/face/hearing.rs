//! What is said and heard: lines on their way out, messages on their way to the screen.

use std::time::Instant;

use super::echoes::Heard;
use super::wording::{Whose, message_lines, name_to_offer};
use super::{End, Face, words};
use crate::chat::line::message;

/// So many messages may wait for the server. A paste is kept whole, and a user cannot type more.
const MOST_WAITING: usize = 20_000;

impl Face<'_> {
    /// Takes a line that was typed; a blank one says nothing.
    pub(super) fn say(&mut self, line: &str) {
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
    pub(super) fn hear(&mut self) -> anyhow::Result<Option<End>> {
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

    /// Only when nothing waits to be heard, for want of room or of time: it could be among that.
    pub(super) fn show_what_did_not_come_back(&mut self) -> Option<End> {
        let overdue = if self.terminal.has_room() { self.echoes.overdue(Instant::now()) } else { Vec::new() };
        for message in overdue {
            self.show_message(&message, Whose::Unheard);
        }
        None
    }
}
