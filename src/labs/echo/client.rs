//! The client: sends a line without its newline, and prints what comes back.

use std::collections::VecDeque;
use std::ops::ControlFlow;
use std::time::Duration;

use crate::cli::Program;
use crate::client::{ClientProtocol, Messages, Ui, run_client};

/// Its name.
pub const PROGRAM: Program = Program::english("echo_client");

const MESSAGES: Messages = Messages { program: PROGRAM };

/// Lines that may be on their way at once, so that a server that never answers costs bounded memory.
const MAX_AWAITED: usize = 64 * 1024;

/// After so long a silence in the middle of an answer, its rest is not waited for.
const REST_OF_AN_ANSWER: Duration = Duration::from_secs(3);

struct Echo {
    /// Where the server is.
    place: String,
    /// For each line sent, the bytes that have not come back.
    awaited: VecDeque<usize>,
    /// Some of the first one's answer has come, but not all.
    is_partial: bool,
    /// What was shown last has no newline.
    in_line: bool,
}

impl Echo {
    fn with(place: String) -> Echo {
        Echo { place, awaited: VecDeque::new(), is_partial: false, in_line: false }
    }

    /// An answer is as long as its line, and gets a line of its own. Not so with a server that says something else: what is too
    /// much belongs to the last answer.
    fn answered(&mut self, bytes: &[u8], ui: &mut dyn Ui) {
        let mut rest = bytes;
        while let Some(&awaited) = self.awaited.front() {
            let is_last = self.awaited.len() == 1 && awaited <= rest.len();
            let (answer, after) = rest.split_at(if is_last { rest.len() } else { awaited.min(rest.len()) });
            self.in_line = if answer.is_empty() { self.in_line } else { !answer.ends_with(b"\n") };
            ui.server_text(answer);
            rest = after;
            if answer.len() < awaited {
                self.awaited[0] -= answer.len();
                self.is_partial |= !answer.is_empty();
                return;
            }
            self.awaited.pop_front();
            self.is_partial = false;
            if !answer.ends_with(b"\n") {
                ui.end_line();
            }
            self.in_line = false;
        }
        ui.unexpected_text(rest);
    }
}

impl ClientProtocol for Echo {
    /// More than a terminal gives in one line.
    const MAX_LEN: usize = 64 * 1024;

    fn start(&mut self, ui: &mut dyn Ui) {
        ui.print_for_user(&format!("Connected to {}: each line comes back (Ctrl+D to leave)", self.place));
    }

    /// Not only while an answer is awaited: a server that answers less than it was sent must not keep its user waiting.
    fn blocked(&self) -> Option<&'static str> {
        (self.awaited.len() >= MAX_AWAITED).then_some("too many lines are away, wait for them")
    }

    fn prompt(&self) -> &str {
        "> "
    }

    fn is_prompt_due(&self) -> bool {
        self.awaited.is_empty()
    }

    fn status(&self) -> Vec<String> {
        let state = match self.awaited.len() {
            0 => "connected".to_string(),
            1 => "1 line has not come back".to_string(),
            n => format!("{n} lines have not come back"),
        };
        vec![state, self.place.clone()]
    }

    /// Also by what is too much: part of an answer is none, and what is typed meanwhile is kept apart from it.
    fn shows_questions(&self) -> bool {
        self.awaited.is_empty()
    }

    /// The rest of an answer may take its time.
    fn pause_after(&self) -> Duration {
        if self.is_partial { REST_OF_AN_ANSWER } else { Duration::from_millis(300) }
    }

    /// A server that answers less than it was sent: nothing more is expected, and the next line is answered anew.
    fn on_pause(&mut self, ui: &mut dyn Ui) {
        if std::mem::take(&mut self.is_partial) {
            self.awaited.clear();
            if std::mem::take(&mut self.in_line) {
                ui.end_line();
            }
        }
        ui.flush_partial_line();
    }

    fn on_line(&mut self, line: Vec<u8>, ui: &mut dyn Ui) -> Vec<u8> {
        self.awaited.push_back(line.len());
        // Nothing is the whole answer to an empty line.
        self.answered(b"", ui);
        line
    }

    fn on_received(&mut self, bytes: &[u8], ui: &mut dyn Ui) -> ControlFlow<String> {
        self.answered(bytes, ui);
        ControlFlow::Continue(())
    }

    fn server_may_close(&self) -> bool {
        false
    }
}

/// Connects to `host` and sends lines until keyboard, user or server end it. `is_plain`: no rows of ours on a terminal.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16, is_plain: bool) -> anyhow::Result<()> {
    run_client(MESSAGES, (host, port), is_plain, Echo::with(format!("{host} port {port}")))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::client::Event::{Line, Pause, Received};
    use crate::client::{Event, screen_after};
    use proptest::prelude::*;

    /// The screen after these, without the first line and prompt.
    fn after<'a>(on_terminal: bool, events: impl IntoIterator<Item = Event<'a>>) -> String {
        let shown = screen_after(&mut Echo::with("here".to_string()), on_terminal, events);
        let opening = "Connected to here: each line comes back (Ctrl+D to leave)\n> ";
        shown.strip_prefix(if on_terminal { opening } else { "" }).unwrap().to_string()
    }

    /// After `lines` were sent at once and `answers` came back.
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
    fn what_is_too_much_belongs_to_the_last_answer_or_to_the_prompts_line() {
        assert_eq!(after_all(false, &["un"], &["un\n"]), "un\n");
        assert_eq!(after_all(true, &["un"], &["un and more"]), "un and more\n> ");
        assert_eq!(after_all(true, &["un"], &["un", "late\n"]), "un\n> late\n> ");
        assert_eq!(after_all(true, &["un"], &["un", "trois", "trois"]), "un\n> troistrois");
        assert_eq!(after_all(false, &["un"], &["un", "late"]), "un\nlate");
    }

    #[test]
    fn a_user_who_goes_on_after_a_short_answer_is_answered_again() {
        let events = [Line("hello"), Received(b"OK"), Pause, Line("un"), Received(b"un"), Pause];
        assert_eq!(after(true, events), "OK\n> un\n> ");
        let events = [Line("hello"), Received(b"OK\n"), Line("un"), Pause, Line("deux"), Received(b"deux")];
        assert_eq!(after(true, events), "OK\n> deux\n> ");
    }

    #[test]
    fn whoever_types_while_an_answer_comes_does_not_tear_it() {
        let events = [Line("hello"), Received(b"hel"), Line("world"), Received(b"lo"), Received(b"world")];
        for on_terminal in [false, true] {
            let shown = after(on_terminal, events);
            assert_eq!(shown.trim_end_matches("> "), "hello\nworld\n");
        }
    }

    proptest! {
        #[test]
        fn however_tcp_cuts_it_each_line_comes_out_as_it_went_in(
            lines in prop::collection::vec("[a-z\u{e9}]{0,9}", 1..20), cuts in prop::collection::vec(0usize..9, 0..60),
        ) {
            let all = lines.concat();
            let (mut events, mut said, mut answered) = (Vec::new(), 0, 0);
            let mut typed = lines.iter();
            // By turns, a line is typed, and as much comes as the server can have.
            for cut in cuts.into_iter().chain([usize::MAX; 40]) {
                if let Some(line) = typed.next() {
                    said += line.len();
                    events.push(Line(line));
                }
                let until = said.min(cut.saturating_add(answered));
                events.push(Received(&all.as_bytes()[answered..until]));
                answered = until;
            }
            let whole = lines.join("\n") + "\n";
            prop_assert_eq!(after(false, events.iter().copied()), whole.clone());
            prop_assert_eq!(after(true, events).replace("> ", ""), whole);
        }
    }
}
