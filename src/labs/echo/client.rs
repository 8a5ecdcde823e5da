//! The client: sends each line without its newline and prints the answer, which is as long as the
//! line.

use std::collections::VecDeque;
use std::time::Duration;

use crate::cli::Program;
use crate::client::{Awaits, ClientProtocol, Messages, Prompt, ServerAddress, Ui, UiMode, run_client};

pub const PROGRAM: Program = Program::english("echo_client");

/// Unanswered lines, at most: bounds memory if the server never answers.
const MAX_PENDING: usize = 64 * 1024;

/// Deadline for the rest of an answer that has begun.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3);

#[derive(Default)]
struct Echo {
    /// For each unanswered line, the bytes that have not come back.
    pending: VecDeque<usize>,
    /// The last byte of the first line's answer, if that has come in part.
    partial: Option<u8>,
    /// Lines given up of which no byte has come back, until another line is sent: a server that is
    /// no echo may have answered them, in fewer bytes.
    given_up: usize,
    has_sent: bool,
    /// The server has answered more than it was sent. It is no echo: answers may be late, or
    /// missing.
    has_surplus: bool,
}

impl Echo {
    /// Shows each answer, which is as long as its line, on a line of its own. Surplus bytes of a
    /// server that is no echo belong to the last answer.
    fn show_answers(&mut self, bytes: &[u8], ui: &mut dyn Ui) {
        let mut rest = bytes;
        while let Some(&pending) = self.pending.front() {
            let is_last = self.pending.len() == 1 && pending <= rest.len();
            let (answer, after) = rest.split_at(if is_last { rest.len() } else { pending.min(rest.len()) });
            self.note_surplus(answer.get(pending..).unwrap_or_default());
            ui.server_text(answer);
            rest = after;
            if answer.len() < pending {
                self.pending[0] -= answer.len();
                self.partial = answer.last().copied().or(self.partial);
                return;
            }
            self.pending.pop_front();
            self.partial = None;
            if !answer.ends_with(b"\n") {
                ui.end_line();
            }
        }
        self.note_surplus(rest);
        ui.unexpected_text(rest);
    }

    fn note_surplus(&mut self, bytes: &[u8]) {
        self.has_surplus |= self.has_sent && bytes.iter().any(|byte| !b"\r\n\0".contains(byte));
    }

    /// Lines of which no byte has come back. One that has begun to is none: a server may cut long
    /// lines.
    fn unanswered(&self) -> usize {
        let begun = usize::from(self.partial.is_some());
        self.given_up + self.pending.iter().skip(begun).filter(|&&bytes| bytes > 0).count()
    }
}

impl ClientProtocol for Echo {
    fn start(&mut self, address: &str, ui: &mut dyn Ui) {
        ui.print_for_user(&format!("Connected to {address}: each line comes back (Ctrl+D to leave)"));
    }

    /// Lines are taken while others are unanswered: a server may answer less than it was sent.
    fn blocked(&self) -> Option<&'static str> {
        (self.pending.len() >= MAX_PENDING).then_some("too many lines are away, wait for them")
    }

    /// Surplus bytes count as a question, a partial answer does not.
    fn prompt(&self) -> Prompt<'_> {
        let is_answered = self.pending.is_empty();
        Prompt { text: "> ", is_due: is_answered, shows_questions: is_answered }
    }

    fn status(&self, address: &str) -> Vec<String> {
        let state = match self.pending.len() {
            0 => "connected".to_string(),
            1 => "1 line has not come back".to_string(),
            n => format!("{n} lines have not come back"),
        };
        vec![state, address.to_string()]
    }

    fn pause_after(&self) -> Duration {
        if self.partial.is_some() { ANSWER_TIMEOUT } else { Duration::from_millis(300) }
    }

    /// The rest of a short answer is given up, so that the next line gets its own, unless the
    /// output is read by a program.
    fn on_pause(&mut self, ui: &mut dyn Ui) -> Option<String> {
        if ui.mode() == UiMode::Piped {
            return None;
        }
        if let Some(last) = self.partial {
            self.given_up = self.unanswered();
            self.pending.clear();
            self.partial = None;
            if last != b'\n' {
                ui.end_line();
            }
        }
        ui.flush_partial_line();
        None
    }

    fn failure(&self) -> Option<String> {
        let lines = match self.unanswered() {
            0 => return None,
            1 => "1 line has".to_string(),
            n => format!("{n} lines have"),
        };
        Some(format!("the server closed the connection, {lines} not come back"))
    }

    fn awaits(&self) -> Awaits {
        match (self.pending.is_empty(), self.given_up) {
            (false, _) => Awaits::Answers,
            (true, 0) if !self.has_surplus => Awaits::Nothing,
            (true, _) => Awaits::Close,
        }
    }

    fn on_line(&mut self, line: Vec<u8>, ui: &mut dyn Ui) -> Vec<u8> {
        (self.given_up, self.has_sent) = (0, true);
        self.pending.push_back(line.len());
        // The answer to an empty line is empty.
        self.show_answers(b"", ui);
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> Option<String> {
        self.show_answers(bytes, ui);
        None
    }
}

pub fn talk(server: &ServerAddress, is_plain: bool) -> anyhow::Result<()> {
    run_client(Messages { program: PROGRAM }, server, is_plain, Echo::default())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Event::{Line, Pause, Received};
    use crate::client::{Event, screen_after};
    use proptest::prelude::*;

    /// The screen after `events`, without the first line and prompt.
    fn after<'a>(on_terminal: bool, events: impl IntoIterator<Item = Event<'a>>) -> String {
        let shown = screen_after(&mut Echo::default(), on_terminal, events);
        let opening = "Connected to here: each line comes back (Ctrl+D to leave)\n> ";
        shown.strip_prefix(if on_terminal { opening } else { "" }).unwrap().to_string()
    }

    /// The screen after `lines` were sent at once and `answers` came back.
    fn after_all(on_terminal: bool, lines: &[&str], answers: &[&str]) -> String {
        let typed = lines.iter().map(|line| Line(line));
        after(on_terminal, typed.chain(answers.iter().map(|answer| Received(answer.as_bytes()))))
    }

    #[test]
    fn each_answer_is_a_line_and_the_prompt_comes_after_the_last() {
        assert_eq!(after_all(false, &["un", "", "deux"], &["und", "eux"]), "un\n\ndeux\n");
        assert_eq!(after_all(true, &["un", "deux"], &["und", "eux"]), "un\ndeux\n> ");
        assert_eq!(after_all(true, &[""], &[]), "\n> ");
    }

    #[test]
    fn surplus_bytes_belong_to_the_last_answer_or_to_the_prompts_line() {
        assert_eq!(after_all(false, &["un"], &["un\n"]), "un\n");
        assert_eq!(after_all(true, &["un"], &["un and more"]), "un and more\n> ");
        assert_eq!(after_all(true, &["un"], &["un", "late\n"]), "un\n> late\n> ");
        assert_eq!(after_all(true, &["un"], &["un", "trois", "trois"]), "un\n> troistrois");
        assert_eq!(after_all(false, &["un"], &["un", "late"]), "un\nlate");
    }

    #[test]
    fn a_server_that_answers_more_than_it_was_sent_may_still_answer() {
        let awaits = |answers: &[&str]| {
            let mut echo = Echo::default();
            let events = ["a", "b"].map(Line).into_iter();
            screen_after(&mut echo, true, events.chain(answers.iter().map(|text| Received(text.as_bytes()))));
            echo.awaits()
        };
        assert_eq!(awaits(&["ab"]), Awaits::Nothing);
        assert_eq!(awaits(&["a", "b\r\n"]), Awaits::Nothing);
        assert_eq!(awaits(&["a"]), Awaits::Answers);
        assert_eq!(awaits(&["Echo: a"]), Awaits::Close);
        assert_eq!(awaits(&["ab", "b"]), Awaits::Close);
        let mut greeted = Echo::default();
        screen_after(&mut greeted, true, [Received(b"Welcome\n"), Line("a"), Received(b"a")]);
        assert_eq!(greeted.awaits(), Awaits::Nothing);
    }

    #[test]
    fn after_a_short_answer_the_next_line_gets_its_own() {
        let events = [Line("hello"), Received(b"OK"), Pause, Line("un"), Received(b"un"), Pause];
        assert_eq!(after(true, events), "OK\n> un\n> ");
        let events = [Line("hello"), Received(b"OK\n"), Line("un"), Pause, Line("deux"), Received(b"deux")];
        assert_eq!(after(true, events), "OK\n> deux\n> ");
    }

    #[test]
    fn a_line_that_has_not_come_back_is_a_failure_also_after_a_pause() {
        for on_terminal in [false, true] {
            for (lines, answer, count) in [
                (&["bonjour"][..], "bonjo", None),
                (&["bonjour", "ok"], "bonjo", Some("1 line has")),
                (&["un", "", "deux", "trois"], "u", Some("2 lines have")),
            ] {
                let mut echo = Echo::default();
                let typed = lines.iter().map(|line| Line(line));
                screen_after(&mut echo, on_terminal, typed.chain([Received(answer.as_bytes()), Pause]));
                let failure = echo.failure();
                assert_eq!(failure.is_some(), count.is_some(), "{failure:?}");
                assert!(failure.unwrap_or_default().contains(count.unwrap_or_default()));
            }
        }
    }

    #[test]
    fn a_line_typed_during_an_answer_does_not_tear_it() {
        let events = [Line("hello"), Received(b"hel"), Line("world"), Received(b"lo"), Received(b"world")];
        for on_terminal in [false, true] {
            let shown = after(on_terminal, events);
            assert_eq!(shown.trim_end_matches("> "), "hello\nworld\n");
        }
    }

    proptest! {
        #[test]
        fn each_line_comes_back_unchanged_however_it_is_segmented(
            lines in prop::collection::vec("[a-z\u{e9}]{0,9}", 1..20), cuts in prop::collection::vec(0usize..9, 0..60),
        ) {
            let all = lines.concat();
            let (mut events, mut sent, mut answered) = (Vec::new(), 0, 0);
            let mut typed = lines.iter();
            // In turn, a line is typed, and at most as many bytes come back as were sent.
            for cut in cuts.into_iter().chain([usize::MAX; 40]) {
                if let Some(line) = typed.next() {
                    sent += line.len();
                    events.push(Line(line));
                }
                let until = sent.min(cut.saturating_add(answered));
                events.push(Received(&all.as_bytes()[answered..until]));
                answered = until;
            }
            let whole = lines.join("\n") + "\n";
            prop_assert_eq!(after(false, events.iter().copied()), whole.clone());
            prop_assert_eq!(after(true, events).replace("> ", ""), whole);
        }
    }
}
