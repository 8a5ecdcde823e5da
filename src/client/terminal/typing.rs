//! What is typed and pasted, from bytes to what the user wants. Pure.

use std::time::Duration;

use terminput::{KeyCode, KeyEvent};

use super::editor::{Editor, Outcome};
use super::keys::{Input, Keys};
use super::paste::Pasted;
use crate::client::Messages;
use crate::sys::Signal;

/// Where nothing comes for so long in a paste, its end is lost, and Ctrl+C is a key again: who pastes does not pause before one byte.
const LOST: Duration = Duration::from_secs(1);
const CTRL_C: &[u8] = b"\x03";

/// How long a paste may pause while its end is waited for.
const PAUSE_IN_A_PASTE: Duration = Duration::from_millis(500);
/// How close behind a Ctrl+C comes what was pasted with it, by a terminal that does not mark pastes.
const BEHIND_CTRL_C: Duration = Duration::from_millis(50);

/// Keys, the line, and what was pasted and waits.
#[derive(Debug, Default)]
pub struct Typing {
    keys: Keys,
    pub editor: Editor,
    /// Lines that were pasted, and wait for the user to say what is to become of them.
    asked: Option<Pasted>,
    /// Of the last paste, the line has only taken the beginning.
    is_full: bool,
    /// The user has left: from then on, only keys that are signals count, and the one that says so once more.
    has_left: bool,
    is_interrupted: bool,
}

impl Typing {
    /// Takes what was read, after nothing had come for so long.
    pub fn feed(&mut self, bytes: &[u8], quiet: Duration) -> Vec<Outcome> {
        if bytes == CTRL_C && quiet >= LOST && self.keys.is_pasting() {
            self.keys = Keys::default();
        }
        let mut inputs = Vec::new();
        self.keys.feed(bytes, |input| inputs.push(input));
        inputs.into_iter().flat_map(|input| self.take(input)).collect()
    }

    /// Nothing has come for a while: [`Keys::settle`].
    pub fn settle(&mut self) -> Vec<Outcome> {
        let mut inputs = Vec::new();
        self.keys.settle(|input| inputs.push(input));
        inputs.into_iter().flat_map(|input| self.take(input)).collect()
    }

    /// True when a key has begun whose rest may never come.
    pub fn has_begun_a_key(&self) -> bool {
        self.keys.has_begun()
    }

    /// What comes within this time must not reach whoever has the terminal next: the rest of a paste, which a shell would execute, and
    /// what stands behind a Ctrl+C, with which the system too throws away what was typed.
    pub fn swallows_within(&self) -> Option<Duration> {
        let of_paste = self.keys.is_pasting().then_some(PAUSE_IN_A_PASTE);
        of_paste.or(self.is_interrupted.then_some(BEHIND_CTRL_C))
    }

    /// Takes what was read, and does nothing.
    pub fn swallow(&mut self, bytes: &[u8]) {
        self.keys.feed(bytes, drop);
    }

    /// What has begun is over.
    pub fn forget_what_has_begun(&mut self) {
        self.keys = Keys::default();
    }

    /// What the user is to know now, in a form for so many columns.
    pub fn notice(&self, messages: Messages, room: usize) -> Option<String> {
        let forms = match &self.asked {
            Some(asked) => messages.pasted(asked.lines.len(), asked.is_cut).to_vec(),
            None if self.is_full => messages.line_is_full().map(String::from).to_vec(),
            None => return None,
        };
        let fitting = forms.iter().find(|form| crate::client::terminal::width(form) <= room);
        fitting.or(forms.last()).cloned()
    }

    fn take(&mut self, input: Input) -> Vec<Outcome> {
        self.is_full = false;
        let mut outcomes = match input {
            Input::Key(key) => self.press(key),
            Input::Paste { bytes, is_cut } => {
                self.paste(Pasted::of(&bytes, is_cut));
                vec![Outcome::Edited]
            }
        };
        outcomes.retain(|outcome| !self.has_left || matches!(outcome, Outcome::Signal(_) | Outcome::End));
        self.is_interrupted |=
            outcomes.iter().any(|it| matches!(it, Outcome::Signal(Signal::SIGINT | Signal::SIGQUIT)));
        self.has_left |= self.is_interrupted || outcomes.contains(&Outcome::End);
        outcomes
    }

    fn paste(&mut self, mut pasted: Pasted) {
        match (&mut self.asked, pasted.lines.len()) {
            // Whoever pastes again before having answered wants this one.
            (None, 0) => {}
            (None, 1) if !pasted.is_cut => self.is_full = !self.editor.paste(&pasted.lines.remove(0)),
            (asked, _) => *asked = Some(pasted),
        }
    }

    /// Enter and Escape say what is to become of the lines that were pasted. Meanwhile, one can type on.
    fn press(&mut self, key: KeyEvent) -> Vec<Outcome> {
        match (key.code, self.asked.take()) {
            (KeyCode::Enter, Some(pasted)) => {
                pasted.lines.iter().for_each(|line| self.editor.remember(line));
                pasted.lines.into_iter().map(Outcome::Line).collect()
            }
            (KeyCode::Esc, Some(_)) => vec![Outcome::Edited],
            (_, asked) => {
                self.asked = asked;
                vec![self.editor.press(key)]
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Duration = Duration::ZERO;

    fn after(bytes: &str) -> (Typing, Vec<Outcome>) {
        let mut typing = Typing::default();
        let mut outcomes = typing.feed(bytes.as_bytes(), NOW);
        outcomes.extend(typing.settle());
        outcomes.retain(|outcome| *outcome != Outcome::Edited);
        (typing, outcomes)
    }

    fn line(text: &str) -> Outcome {
        Outcome::Line(text.to_string())
    }

    #[test]
    fn keys_that_are_signals_are_none_in_a_paste() {
        let signals = [Signal::SIGTSTP, Signal::SIGINT].map(Outcome::Signal).into_iter().collect::<Vec<_>>();
        assert_eq!(after("un\x1a\x03").1, signals);
        assert_eq!(after("\x1c").1, [Outcome::Signal(Signal::SIGQUIT)]);
        let (typing, outcomes) = after("\x1b[200~un\x03\x1a\x1cdeux\x1b[201~");
        assert_eq!((typing.editor.text(), &outcomes[..]), ("undeux", &[][..]));
        assert_eq!(typing.swallows_within(), None);
    }

    #[test]
    fn after_the_end_only_signals_count() {
        assert_eq!(
            after("un\r\x04deux\r\x03").1,
            [line("un"), Outcome::End, Outcome::Signal(Signal::SIGINT)]
        );
        let (typing, outcomes) = after("un\x03\rdeux\r");
        assert_eq!(outcomes, [Outcome::Signal(Signal::SIGINT)]);
        assert_eq!(typing.swallows_within(), Some(BEHIND_CTRL_C));
        assert_eq!(after("\x04").0.swallows_within(), None);
    }

    #[test]
    fn the_rest_of_a_paste_is_swallowed_until_its_end() {
        let (mut typing, _) = after("\x1b[200~un\r");
        assert_eq!(typing.swallows_within(), Some(PAUSE_IN_A_PASTE));
        typing.swallow(b"rm -r\r\x1b[201");
        assert_eq!(typing.swallows_within(), Some(PAUSE_IN_A_PASTE));
        typing.swallow(b"~");
        assert_eq!(typing.swallows_within(), None);
    }

    #[test]
    fn a_paste_whose_end_is_lost_does_not_take_ctrl_c_with_it() {
        let (mut typing, _) = after("\x1b[200~un\r");
        assert_eq!(typing.feed(b"\x03", NOW), []);
        assert_eq!(typing.feed(b"\x03\r", LOST), []);
        assert_eq!(typing.feed(b"\x03", LOST), [Outcome::Signal(Signal::SIGINT)]);
    }

    #[test]
    fn one_types_on_while_the_question_stands() {
        let (mut typing, outcomes) = after("\x1b[200~un\rdeux\x1b[201~bonjour\x7f");
        assert_eq!((typing.editor.text(), &outcomes[..]), ("bonjou", &[][..]));
        assert!(typing.asked.is_some());
        assert_eq!(typing.feed(b"\r\r", NOW), [line("un"), line("deux"), line("bonjou")]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\x04").1, [Outcome::End]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~a\x1b\x1b[A\r").1, [line("a")]);
    }

    #[test]
    fn what_the_line_has_no_room_for_is_told_until_the_next_key() {
        let (typing, _) = after(&format!("\x1b[200~{}\x1b[201~", "é".repeat(9000)));
        assert!(typing.is_full && typing.editor.text().chars().all(|c| c == 'é'));
        assert_eq!(typing.editor.text().len(), 16 * 1024);
        let (typing, _) = after(&format!("\x1b[200~{}\x1b[201~a", "x".repeat(20_000)));
        assert!(!typing.is_full);
    }

    #[test]
    fn a_long_line_among_pasted_ones_comes_back_as_far_as_it_fits() {
        let (typing, _) = after(&format!("\x1b[200~x{}\rfin\x1b[201~\r\x1b[A\x1b[A", "é".repeat(20_000)));
        assert_eq!(typing.editor.text().len(), 16 * 1024 - 1);
    }
}
