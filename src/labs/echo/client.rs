//! The client: sends a line without its newline, and prints what comes back.

use std::collections::VecDeque;
use std::io::{self, IsTerminal};
use std::ops::ControlFlow;

use crate::cli::Program;
use crate::client::{Dialogue, Words, connect, converse, find, prepare};
use crate::text::VisibleStream;

/// Its name.
pub const PROGRAM: Program = Program::english("echo_client");

const WORDS: Words = Words { program: PROGRAM };

/// Lines that may be on their way at once, so that a server that never answers costs bounded memory.
const MOST_AWAITED: usize = 64 * 1024;

struct Echo {
    opening: String,
    on_terminal: bool,
    /// For each line sent, the bytes that have not come back.
    awaited: VecDeque<usize>,
    /// Some of the first one's answer has come, but not all.
    is_partial: bool,
    stream: VisibleStream,
}

impl Echo {
    fn show(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        match self.on_terminal {
            true => screen.extend_from_slice(self.stream.feed(bytes).as_bytes()),
            false => screen.extend_from_slice(bytes),
        }
    }

    /// An answer is as long as its line, and gets a line of its own. Not so with a server that says something else: what is too
    /// much belongs to the last answer.
    fn answered(&mut self, bytes: &[u8], screen: &mut Vec<u8>) {
        let (mut rest, mut is_prompted) = (bytes, false);
        while let Some(&awaited) = self.awaited.front() {
            let is_last = self.awaited.len() == 1 && awaited <= rest.len();
            let (answer, after) = rest.split_at(if is_last { rest.len() } else { awaited.min(rest.len()) });
            self.show(answer, screen);
            rest = after;
            if answer.len() < awaited {
                self.awaited[0] -= answer.len();
                self.is_partial |= !answer.is_empty();
                return;
            }
            self.awaited.pop_front();
            (self.is_partial, is_prompted) = (false, self.awaited.is_empty());
            screen.extend_from_slice(self.stream.finish().as_bytes());
            if !answer.ends_with(b"\n") {
                screen.push(b'\n');
            }
        }
        self.show(rest, screen);
        if is_prompted || rest.ends_with(b"\n") {
            self.prompt(screen);
        }
    }

    fn prompt(&self, screen: &mut Vec<u8>) {
        if self.on_terminal {
            screen.extend_from_slice(b"> ");
        }
    }
}

impl Dialogue for Echo {
    /// More than a terminal gives in one line.
    const LONGEST: usize = 64 * 1024;

    fn begin(&mut self, screen: &mut Vec<u8>) {
        screen.extend_from_slice(self.opening.as_bytes());
        self.prompt(screen);
    }

    /// Also while an answer is awaited: a server that answers less than it was sent must not keep its user waiting.
    fn listens(&self) -> bool {
        self.awaited.len() < MOST_AWAITED
    }

    fn typed(&mut self, line: Vec<u8>, screen: &mut Vec<u8>) -> Vec<u8> {
        if self.on_terminal && std::mem::take(&mut self.is_partial) {
            // Whoever goes on has seen all that comes.
            self.awaited.pop_front();
        }
        self.awaited.push_back(line.len());
        // Nothing is the whole answer to an empty line.
        self.answered(b"", screen);
        line
    }

    fn heard(&mut self, bytes: &[u8], screen: &mut Vec<u8>) -> ControlFlow<String> {
        self.answered(bytes, screen);
        ControlFlow::Continue(())
    }

    fn may_be_closed(&self) -> bool {
        false
    }
}

/// Connects to `host` and sends lines until keyboard, user or server end it.
///
/// # Errors
/// What ended it against the user's will, in one line.
pub fn talk(host: &str, port: u16) -> anyhow::Result<()> {
    let server = find(WORDS, host, port)?;
    let mut signals = prepare()?;
    let Some(connection) = connect(WORDS, &server, &mut signals)? else { return Ok(()) };
    let on_terminal = io::stdout().is_terminal();
    let opening = format!("Connected to {host} port {port}: each line comes back (Ctrl+D to leave)\n");
    let opening = if on_terminal { opening } else { String::new() };
    let echo = Echo {
        opening,
        on_terminal,
        awaited: VecDeque::new(),
        is_partial: false,
        stream: VisibleStream::default(),
    };
    converse(WORDS, &connection, signals, echo)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn echo(on_terminal: bool) -> Echo {
        let (opening, stream) = (String::new(), VisibleStream::default());
        Echo { opening, on_terminal, awaited: VecDeque::new(), is_partial: false, stream }
    }

    /// The screen after `lines` were sent at once and `answers` came back.
    fn screen_after(on_terminal: bool, lines: &[&str], answers: &[&str]) -> String {
        let (mut echo, mut screen) = (echo(on_terminal), Vec::new());
        lines.iter().for_each(|line| drop(echo.typed(line.as_bytes().to_vec(), &mut screen)));
        answers.iter().for_each(|answer| drop(echo.heard(answer.as_bytes(), &mut screen)));
        String::from_utf8(screen).unwrap()
    }

    #[test]
    fn each_answer_is_a_line_and_the_prompt_comes_after_the_last() {
        assert_eq!(screen_after(false, &["un", "", "deux"], &["und", "eux"]), "un\n\ndeux\n");
        assert_eq!(screen_after(true, &["un", "deux"], &["und", "eux"]), "un\ndeux\n> ");
        assert_eq!(screen_after(true, &[""], &[]), "\n> ");
    }

    #[test]
    fn what_is_too_much_belongs_to_the_last_answer() {
        assert_eq!(screen_after(false, &["un"], &["un\n"]), "un\n");
        assert_eq!(screen_after(true, &["un"], &["un and more"]), "un and more\n> ");
        assert_eq!(screen_after(true, &["un"], &["un", "late\n"]), "un\n> late\n> ");
    }

    #[test]
    fn a_user_who_goes_on_after_a_short_answer_is_answered_again() {
        let (mut echo, mut screen) = (echo(true), Vec::new());
        echo.typed(b"hello".to_vec(), &mut screen);
        let _ = echo.heard(b"OK", &mut screen);
        echo.typed(b"un".to_vec(), &mut screen);
        let _ = echo.heard(b"un", &mut screen);
        assert_eq!(screen, b"OKun\n> ");
    }

    proptest! {
        #[test]
        fn however_tcp_cuts_it_each_line_comes_out_as_it_went_in(
            lines in prop::collection::vec("[a-z\u{e9}]{0,9}", 1..20), cut in 1usize..9, capacity in 1usize..30,
        ) {
            let (mut echo, mut screen) = (echo(false), Vec::new());
            for some in lines.chunks(capacity) {
                some.iter().for_each(|line| drop(echo.typed(line.as_bytes().to_vec(), &mut screen)));
                some.concat().as_bytes().chunks(cut).for_each(|part| drop(echo.heard(part, &mut screen)));
            }
            prop_assert_eq!(String::from_utf8(screen).unwrap(), lines.join("\n") + "\n");
        }
    }
}
