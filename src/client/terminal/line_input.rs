//! Keyboard bytes to editor actions, with pastes and the end of input. Pure.

use std::time::Duration;

use terminput::{KeyCode, KeyEvent, KeyModifiers};

use super::bindings::{Action, action_for};
use super::editor::{Editor, Outcome};
use super::keys::{Input, KeyDecoder};
use super::paste::Pasted;
use super::viewport::SEPARATOR;
use super::width::{beginning, width};
use crate::client::Messages;
use crate::sys::Signal;

/// Silence within a paste after which its end bracket counts as lost, and Ctrl+C is a key again.
const PASTE_TIMEOUT: Duration = Duration::from_secs(1);
const CTRL_C: &[u8] = b"\x03";

/// Longest pause within a paste, while its end is awaited.
const PAUSE_IN_PASTE: Duration = Duration::from_millis(500);
/// A terminal that does not mark pastes sends the rest of one this soon after the Ctrl+C in it.
const AFTER_CTRL_C: Duration = Duration::from_millis(50);

#[derive(Debug, Default)]
pub struct LineInput {
    pub keys: KeyDecoder,
    pub editor: Editor,
    /// Pasted lines that wait for Enter or Escape.
    pending_paste: Option<Pasted>,
    /// Lines to be sent again by Enter on an empty line, or dropped by Escape.
    pub offered: Vec<String>,
    /// The last paste did not fit in the line.
    is_full: bool,
    /// After the end of input only signals and a second end count.
    has_ended: bool,
    is_interrupted: bool,
}

impl LineInput {
    /// `quiet`: time since the last bytes.
    pub fn feed(&mut self, bytes: &[u8], quiet: Duration) -> Vec<Outcome> {
        if bytes == CTRL_C && quiet >= PASTE_TIMEOUT && self.keys.is_pasting() {
            self.keys = KeyDecoder::default();
        }
        self.keys.feed(bytes).into_iter().flat_map(|input| self.take(input)).collect()
    }

    /// No bytes have come for a while: [`KeyDecoder::flush`].
    pub fn flush_partial_key(&mut self) -> Vec<Outcome> {
        self.keys.flush().map_or_else(Vec::new, |input| self.take(input))
    }

    /// Time for which input is read and dropped, lest it reach the shell: the rest of a paste,
    /// which the shell would execute, the rest of a key, or type-ahead after Ctrl+C, which a
    /// terminal in canonical mode would flush.
    pub fn discard_time(&self) -> Option<Duration> {
        let of_paste = self.keys.is_pasting().then_some(PAUSE_IN_PASTE);
        of_paste.or(self.keys.timeout()).or(self.is_interrupted.then_some(AFTER_CTRL_C))
    }

    /// The status to show, `room` columns at most: a question about a paste replaces `status`, that
    /// about offered lines stands behind its first part, the state of the connection.
    pub fn status(&self, messages: Messages, status: &[String], room: usize) -> Vec<String> {
        match (&self.pending_paste, status) {
            (Some(pasted), _) => {
                vec![longest(&messages.pasted(pasted.lines.len(), pasted.is_cut), room).to_string()]
            }
            _ if self.is_full => vec![longest(&messages.line_is_full(), room).to_string()],
            (None, [state, ..]) if self.asks_about_offered() => {
                let forms = messages.offered(self.offered.len());
                let form = longest(&forms, room.saturating_sub(width(state) + SEPARATOR));
                let state = beginning(state, room.saturating_sub(width(form) + SEPARATOR));
                [state, form].into_iter().filter(|part| !part.is_empty()).map(String::from).collect()
            }
            _ => status.to_vec(),
        }
    }

    /// After the end of input there is no answer, and they stay.
    fn asks_about_offered(&self) -> bool {
        !self.offered.is_empty() && !self.has_ended
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
        // After the end of input, keys edit the line and send nothing.
        let acts = |it: &&mut Outcome| matches!(it, Outcome::Line(_) | Outcome::ClearScreen);
        let acting = outcomes.iter_mut().filter(|it| self.has_ended && acts(it));
        acting.for_each(|outcome| *outcome = Outcome::Edited);
        self.is_interrupted |=
            outcomes.iter().any(|it| matches!(it, Outcome::Signal(Signal::SIGINT | Signal::SIGQUIT)));
        self.has_ended |= self.is_interrupted || outcomes.contains(&Outcome::End);
        outcomes
    }

    /// One line goes into the editor; several wait for Enter or Escape, and replace those that wait
    /// already.
    fn paste(&mut self, mut pasted: Pasted) {
        match (&mut self.pending_paste, pasted.lines.len()) {
            (None, 0) => {}
            (None, 1) if !pasted.is_cut => self.is_full = !self.editor.paste(&pasted.lines.remove(0)),
            (pending, _) => *pending = Some(pasted),
        }
    }

    /// Enter sends the pending paste, Escape drops it; other keys edit the line meanwhile.
    fn press(&mut self, mut key: KeyEvent) -> Vec<Outcome> {
        if matches!(action_for(key), Action::Enter) {
            key.code = KeyCode::Enter;
        }
        match (key.code, self.pending_paste.take()) {
            (KeyCode::Enter, Some(pasted)) => {
                pasted.lines.iter().for_each(|line| self.editor.history.push(line));
                pasted.lines.into_iter().map(Outcome::Line).collect()
            }
            (KeyCode::Esc, Some(_)) => vec![Outcome::Edited],
            // Escape, and a character so soon that it looks like Alt and the character.
            (KeyCode::Char(_), Some(_)) if key.modifiers.contains(KeyModifiers::ALT) => {
                key.modifiers.remove(KeyModifiers::ALT);
                vec![self.editor.press(key)]
            }
            (KeyCode::Enter, None) if self.editor.text().is_empty() && self.asks_about_offered() => {
                std::mem::take(&mut self.offered).into_iter().map(Outcome::Line).collect()
            }
            (KeyCode::Esc, None) if self.asks_about_offered() && self.editor.search().is_none() => {
                self.offered.clear();
                vec![self.editor.press(key)]
            }
            (_, pending) => {
                self.pending_paste = pending;
                vec![self.editor.press(key)]
            }
        }
    }
}

/// The first of `forms` that fits in `room` columns, or the last.
fn longest<S: AsRef<str>>(forms: &[S], room: usize) -> &str {
    let fits = |form: &&str| width(form) <= room;
    let mut forms = forms.iter().map(S::as_ref);
    let last = forms.clone().next_back();
    forms.find(fits).or(last).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Program;

    const NOW: Duration = Duration::ZERO;

    fn after(bytes: &str) -> (LineInput, Vec<Outcome>) {
        let mut input = LineInput::default();
        let mut outcomes = input.feed(bytes.as_bytes(), NOW);
        outcomes.extend(input.flush_partial_key());
        outcomes.retain(|outcome| *outcome != Outcome::Edited);
        (input, outcomes)
    }

    fn line(text: &str) -> Outcome {
        Outcome::Line(text.to_string())
    }

    #[test]
    fn signal_keys_do_not_count_in_a_paste() {
        assert_eq!(after("un\x1a\x03").1, [Signal::SIGTSTP, Signal::SIGINT].map(Outcome::Signal));
        assert_eq!(after("\x1c").1, [Outcome::Signal(Signal::SIGQUIT)]);
        let (input, outcomes) = after("\x1b[200~un\x03\x1a\x1cdeux\x1b[201~");
        assert_eq!((input.editor.text(), &outcomes[..]), ("undeux", &[][..]));
        assert_eq!(input.discard_time(), None);
    }

    #[test]
    fn after_the_end_of_input_only_signals_count() {
        assert_eq!(
            after("un\r\x04deux\r\x03").1,
            [line("un"), Outcome::End, Outcome::Signal(Signal::SIGINT)]
        );
        let (input, outcomes) = after("un\x03\rdeux\r");
        assert_eq!(outcomes, [Outcome::Signal(Signal::SIGINT)]);
        assert_eq!(input.discard_time(), Some(AFTER_CTRL_C));
        assert_eq!(after("\x04").0.discard_time(), None);
    }

    #[test]
    fn the_rest_of_a_paste_is_discarded_until_its_end() {
        let (mut input, _) = after("\x1b[200~un\r");
        assert_eq!(input.discard_time(), Some(PAUSE_IN_PASTE));
        input.keys.feed(b"rm -r\r\x1b[201");
        assert_eq!(input.discard_time(), Some(PAUSE_IN_PASTE));
        input.keys.feed(b"~");
        assert_eq!(input.discard_time(), None);
    }

    #[test]
    fn ctrl_c_works_after_a_paste_without_end() {
        let (mut input, _) = after("\x1b[200~un\r");
        assert_eq!(input.feed(b"\x03", NOW), []);
        assert_eq!(input.feed(b"\x03\r", PASTE_TIMEOUT), []);
        assert_eq!(input.feed(b"\x03", PASTE_TIMEOUT), [Outcome::Signal(Signal::SIGINT)]);
    }

    #[test]
    fn keys_edit_the_line_while_a_paste_is_pending() {
        let (mut input, outcomes) = after("\x1b[200~un\rdeux\x1b[201~bonjour\x7f");
        assert_eq!((input.editor.text(), &outcomes[..]), ("bonjou", &[][..]));
        assert!(input.pending_paste.is_some());
        assert_eq!(input.feed(b"\r\r", NOW), [line("un"), line("deux"), line("bonjou")]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\n\n").1, [line("un"), line("deux"), line("")]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\x04").1, [Outcome::End]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~a\x1b\x1b[A\r").1, [line("a")]);
    }

    #[test]
    fn escape_drops_a_paste_whatever_key_follows_it_at_once() {
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\x1b\r").1, [line("")]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\x1bbon\r").1, [line("bon")]);
        assert_eq!(after("\x1b[200~un\rdeux\x1b[201~\x1b\x03").1, [Outcome::Signal(Signal::SIGINT)]);
    }

    #[test]
    fn offered_lines_are_sent_by_enter_on_an_empty_line_alone() {
        let mut input = LineInput { offered: vec!["un".into(), "deux".into()], ..LineInput::default() };
        assert_eq!(input.feed(b"x\r", NOW), [Outcome::Edited, line("x")]);
        assert_eq!(input.feed(b"\r", NOW), [line("un"), line("deux")]);
        assert_eq!(input.feed(b"\r", NOW), [line("")]);
        input.offered.push("trois".into());
        input.feed(b"\x1b", NOW);
        input.flush_partial_key();
        assert_eq!(input.feed(b"\r", NOW), [line("")]);
    }

    #[test]
    fn an_offer_stands_beside_the_state_which_is_cut_where_both_do_not_fit() {
        let shown = |lines: usize, state: &str, columns: usize| {
            let input = LineInput { offered: vec!["x".into(); lines], ..LineInput::default() };
            let messages = Messages { program: Program::french("a_test") };
            input.status(messages, &[state.into(), "12 messages".into()], columns - 4).join(" · ")
        };
        let (up, lost) = ("connecté", "connexion perdue, nouvel essai");
        let waits = format!("{lost} (2 messages attendent)");
        for (lines, state, columns, expected) in [
            (0, up, 80, "connecté · 12 messages".to_string()),
            (
                1,
                up,
                100,
                format!(
                    "{up} · 1 ligne n'est pas revenue : Entrée sur une ligne vide renvoie, Échap renonce"
                ),
            ),
            (1, up, 80, format!("{up} · 1 ligne à renvoyer : Entrée ou Échap ?")),
            (12, lost, 80, format!("{lost} · 12 lignes à renvoyer : Entrée ou Échap ?")),
            (12, &waits, 80, format!("{waits} · 12 à renvoyer ?")),
            (2, up, 40, format!("{up} · 2 à renvoyer ?")),
            (2, lost, 40, "connexion perdue, n · 2 à renvoyer ?".to_string()),
            (2, lost, 20, "2 à renvoyer ?".to_string()),
        ] {
            assert_eq!(shown(lines, state, columns), expected, "{state} {columns}");
        }
    }

    #[test]
    fn a_full_line_is_noted_until_the_next_key() {
        let (input, _) = after(&format!("\x1b[200~{}\x1b[201~", "é".repeat(9000)));
        assert!(input.is_full && input.editor.text().chars().all(|c| c == 'é'));
        assert_eq!(input.editor.text().len(), 16 * 1024);
        let (input, _) = after(&format!("\x1b[200~{}\x1b[201~a", "x".repeat(20_000)));
        assert!(!input.is_full);
    }

    #[test]
    fn a_long_pasted_line_is_recalled_as_far_as_it_fits() {
        let (input, _) = after(&format!("\x1b[200~x{}\rfin\x1b[201~\r\x1b[A\x1b[A", "é".repeat(20_000)));
        assert_eq!(input.editor.text().len(), 16 * 1024 - 1);
    }
}
