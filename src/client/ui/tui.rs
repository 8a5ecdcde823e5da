//! A terminal in raw mode, with a status line and an input line at the bottom.

use std::io;

use super::{InputChunk, Prompt, Rejects, Ui, UiMode};
use crate::client::terminal::{DIM, PLAIN, Terminal, UserInput, width};
use crate::client::{Messages, UiSources};
use crate::sys::{Signal, Signals};
use crate::text::{VisibleStream, visible};

/// Bytes kept of a line that has not ended; a longer one is printed in pieces.
const MAX_LEN: usize = 64 * 1024;

pub struct Tui {
    terminal: Terminal,
    stream: VisibleStream,
    prompt: String,
    /// End of a server's line that has no newline yet.
    partial_line: String,
    /// The beginning of that line was printed.
    is_begun: bool,
    /// A partial line is a question, shown in place of the prompt if there is room.
    shows_questions: bool,
    /// Why the last Enter has sent nothing, shown until the next key or until lines can be sent
    /// again.
    note: Option<&'static str>,
    was_blocked: bool,
}

impl Tui {
    pub fn new(messages: Messages) -> io::Result<Tui> {
        Ok(Tui {
            terminal: Terminal::open(messages, String::new())?,
            stream: VisibleStream::default(),
            prompt: String::new(),
            partial_line: String::new(),
            is_begun: false,
            shows_questions: false,
            note: None,
            was_blocked: false,
        })
    }

    /// The server's question, if it takes at most half of the row: of a longer prompt only the end
    /// is shown.
    fn question(&self) -> Option<&str> {
        let columns =
            terminal_size::terminal_size_of(self.terminal.output()).map_or(80, |(columns, _)| columns.0);
        let room = usize::from(columns).saturating_sub(1) / 2;
        // The bound on bytes saves measuring a long text at each read.
        let is_short = self.partial_line.len() <= 8 * room && width(&self.partial_line) <= room;
        (self.shows_questions && is_short && !self.partial_line.is_empty()).then_some(&self.partial_line)
    }

    fn put(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            self.partial_line.push_str(part.trim_end_matches('\n'));
            let is_whole = part.ends_with('\n');
            if self.partial_line.len() >= MAX_LEN || (is_whole && !self.partial_line.is_empty()) {
                self.print_partial_line();
            } else if is_whole && !self.is_begun {
                self.terminal.print("");
            }
            self.is_begun &= !is_whole;
        }
    }

    fn print_partial_line(&mut self) {
        self.terminal.print(&std::mem::take(&mut self.partial_line));
        self.is_begun = true;
    }
}

/// Removes the blank lines from lines entered at once, as in a paste: some terminals do not mark
/// pastes. If all are blank, one is left.
fn without_blank(mut lines: Vec<&str>) -> Vec<&str> {
    if lines.len() > 1 {
        let last = lines.len() - 1;
        match lines.iter().all(|line| line.trim().is_empty()) {
            true => drop(lines.drain(..last)),
            false => lines.retain(|line| !line.trim().is_empty()),
        }
    }
    lines
}

impl Ui for Tui {
    fn mode(&self) -> UiMode {
        UiMode::Tui
    }

    fn print_line(&mut self, line: &str) {
        self.terminal.print(line);
    }

    fn server_text(&mut self, bytes: &[u8]) {
        let shown = self.stream.feed(bytes);
        self.put(&shown);
    }

    fn end_line(&mut self) {
        let rest = self.stream.finish();
        self.put(&(rest + "\n"));
    }

    fn print_error(&mut self, line: &str) {
        self.terminal.print(&format!("{DIM}-- {}{PLAIN}", visible(line.as_bytes())));
    }

    fn offer_completion(&mut self, name: &str, text: &str) {
        self.terminal.completion().offer_beginning(name, text);
    }

    fn set_prompt(&mut self, prompt: Prompt) {
        self.shows_questions = prompt.shows_questions;
        self.prompt = prompt.text.to_string();
        self.terminal.set_prompt(self.question().unwrap_or(prompt.text).to_string());
    }

    fn flush_partial_line(&mut self) {
        if !self.partial_line.is_empty() && self.question().is_none() {
            self.print_partial_line();
        }
    }

    fn set_status(&mut self, parts: Vec<String>) {
        // In parts, of which the last are left out for want of columns.
        let note = self.note.into_iter().flat_map(|note| note.split(", ")).map(str::to_string);
        self.terminal.set_status(note.chain(parts).collect());
    }

    /// Prints the prompt and the line, as a terminal that echoes would show them. A partial line
    /// that is no question waits for its end.
    fn line_entered(&mut self, line: &[u8]) {
        let question = self.question().map(str::to_string);
        if question.is_some() {
            self.partial_line.clear();
        }
        if self.shows_questions {
            self.flush_partial_line();
            self.is_begun = false;
        }
        let before = question.as_ref().unwrap_or(&self.prompt);
        self.terminal.print(&format!("{before}{}", visible(line)));
    }

    fn sources(&self) -> UiSources<'_> {
        self.terminal.sources()
    }

    /// A single line that is rejected goes back to the input line; of several, a paste, none is
    /// taken.
    fn read_keyboard(&mut self, is_ready: bool, rejects: Rejects) -> io::Result<InputChunk> {
        let UserInput { lines, has_ended } = self.terminal.read_keyboard(is_ready)?;
        let lines = without_blank(lines.iter().map(String::as_str).collect());
        let rejection = if lines.is_empty() { None } else { rejects(&lines) };
        let is_blocked = rejects(&[]).is_some();
        if is_ready || (self.was_blocked && !is_blocked) {
            (self.note, self.was_blocked) = (rejection, is_blocked);
        }
        let mut bytes = Vec::new();
        match (&lines[..], rejection) {
            ([line], Some(_)) if !has_ended => self.terminal.give_back(line),
            (_, Some(_)) if !has_ended => {}
            // At the end of input they cannot be given back: they are queued, as the last ones.
            (lines, _) => lines.iter().for_each(|line| bytes.extend(line.bytes().chain([b'\n']))),
        }
        Ok(InputChunk { bytes, has_ended })
    }

    fn draw(&mut self, _is_ready: bool) -> anyhow::Result<()> {
        self.terminal.draw()
    }

    fn handle_signal(&mut self, signal: Signal) -> io::Result<()> {
        self.terminal.handle_signal(signal)
    }

    fn finish(&mut self, signals: &mut Signals, typed: &mut Vec<String>) -> Result<(), Option<Signal>> {
        let partial_line = std::mem::take(&mut self.partial_line);
        if !partial_line.is_empty() {
            self.terminal.print(&partial_line);
        }
        self.terminal.finish(signals, typed)
    }

    fn close(mut self: Box<Self>) -> anyhow::Result<()> {
        if !self.partial_line.is_empty() {
            self.terminal.print(&self.partial_line);
        }
        self.terminal.close();
        Ok(())
    }
}
