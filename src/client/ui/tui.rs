//! The look with rows at the bottom of a terminal: a status, and a line to type in.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use anyhow::Context;

use super::{Refuse, Typing, Ui, UiMode};
use crate::client::Messages;
use crate::client::terminal::{Terminal, Typed, width};
use crate::sys::Signal;
use crate::text::{VisibleStream, visible};

/// The most bytes of a line that has not ended; what is longer is said in pieces.
const MAX_LEN: usize = 64 * 1024;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[m";

/// The terminal, and what stands there of a line whose end has not come.
pub struct Tui {
    terminal: Terminal,
    messages: Messages,
    stream: VisibleStream,
    prompt: String,
    /// Of the server, without a newline.
    unended: String,
    /// The beginning of that line stands above already.
    is_begun: bool,
    /// What has no newline is a question, and stands before what is typed, where there is room for both.
    is_asked: bool,
    /// Why the last Enter has sent nothing.
    note: Option<&'static str>,
    /// No line could be said then.
    was_deaf: bool,
}

impl Tui {
    /// Takes the terminal.
    ///
    /// # Errors
    /// What the system says: it is gone.
    pub fn new(messages: Messages) -> io::Result<Tui> {
        let terminal = Terminal::open(messages, String::new())?;
        let (stream, prompt, unended) = (VisibleStream::default(), String::new(), String::new());
        let (is_begun, is_asked, note, was_deaf) = (false, false, None, false);
        Ok(Tui { terminal, messages, stream, prompt, unended, is_begun, is_asked, note, was_deaf })
    }

    /// The server's question, where what is typed has as much room: a longer prompt would not be shown.
    fn question(&self) -> Option<&str> {
        let columns = terminal_size::terminal_size_of(self.output()).map_or(80, |(columns, _)| columns.0);
        let room = usize::from(columns).saturating_sub(1) / 2;
        // No text of so many bytes is narrow: it need not be measured at each read.
        let is_short = self.unended.len() <= 8 * room && width(&self.unended) <= room;
        (self.is_asked && is_short && !self.unended.is_empty()).then_some(&self.unended)
    }

    fn put(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            self.unended.push_str(part.trim_end_matches('\n'));
            let is_whole = part.ends_with('\n');
            if self.unended.len() >= MAX_LEN || (is_whole && !self.unended.is_empty()) {
                self.say_unended();
            } else if is_whole && !self.is_begun {
                self.terminal.say("");
            }
            self.is_begun &= !is_whole;
        }
    }

    fn say_unended(&mut self) {
        self.terminal.say(&std::mem::take(&mut self.unended));
        self.is_begun = true;
    }
}

fn line_of(typed: &Typed) -> Option<&str> {
    match typed {
        Typed::Line(line) => Some(line),
        Typed::End => None,
    }
}

impl Ui for Tui {
    fn look(&self) -> UiMode {
        UiMode::Tui
    }

    fn say(&mut self, line: &str) {
        self.terminal.say(line);
    }

    fn text(&mut self, bytes: &[u8]) {
        let shown = self.stream.feed(bytes);
        self.put(&shown);
    }

    fn end_line(&mut self) {
        let rest = self.stream.finish();
        self.put(&(rest + "\n"));
    }

    fn complain(&mut self, line: &str) {
        self.terminal.say(&format!("{DIM}-- {}{PLAIN}", visible(line.as_bytes())));
    }

    fn offer(&mut self, name: &str, text: &str) {
        self.terminal.offer_beginning(name, text);
    }

    fn set_prompt(&mut self, prompt: &str, _is_due: bool) {
        self.prompt = prompt.to_string();
        self.terminal.set_prompt(self.question().unwrap_or(prompt).to_string());
    }

    fn set_asked(&mut self, is_asked: bool) {
        self.is_asked = is_asked;
    }

    fn settle(&mut self) {
        if !self.unended.is_empty() && self.question().is_none() {
            self.say_unended();
        }
    }

    fn set_status(&mut self, parts: Vec<String>) {
        // Its parts, too, are left out from the end where there is no room.
        let note = self.note.into_iter().flat_map(|note| note.split(", ")).map(str::to_string);
        self.terminal.set_status(note.chain(parts).collect());
    }

    /// It stands above from now on, as a terminal would have shown it. What is no question is kept apart: its end may still come.
    fn entered(&mut self, line: &[u8]) {
        let question = self.question().map(str::to_string);
        if question.is_some() {
            self.unended.clear();
        }
        if self.is_asked {
            self.settle();
            self.is_begun = false;
        }
        let before = question.as_ref().unwrap_or(&self.prompt);
        self.terminal.say(&format!("{before}{}", visible(line)));
    }

    fn keyboard(&self) -> Option<BorrowedFd<'_>> {
        self.terminal.keyboard()
    }

    fn output(&self) -> BorrowedFd<'_> {
        self.terminal.output()
    }

    fn is_behind(&self) -> bool {
        self.terminal.is_behind()
    }

    fn has_room(&self) -> bool {
        self.terminal.has_room()
    }

    fn patience(&self) -> Option<Duration> {
        self.terminal.patience()
    }

    /// A line that is refused goes back where it was typed. Several at once were pasted, also where the terminal does not mark pastes:
    /// they wait, or are not taken. The blank ones among them are none, as in a paste.
    fn listen(&mut self, is_ready: bool, refuse: Refuse) -> io::Result<Typing> {
        let typed = self.terminal.listen(is_ready)?;
        let mut typing = Typing { has_ended: typed.contains(&Typed::End), ..Typing::default() };
        let mut lines: Vec<&str> = typed.iter().filter_map(line_of).collect();
        if lines.len() > 1 {
            // Of blank lines alone, one is left.
            let last = lines.len() - 1;
            let all_blank = lines.iter().all(|line| line.trim().is_empty());
            lines = if all_blank { lines.split_off(last) } else { lines };
            lines.retain(|line| all_blank || !line.trim().is_empty());
        }
        let refusal = if lines.is_empty() { None } else { refuse(&lines) };
        // Until the next key, or until it does not hold any more.
        let is_deaf = refuse(&[]).is_some();
        if is_ready || (self.was_deaf && !is_deaf) {
            (self.note, self.was_deaf) = (refusal, is_deaf);
        }
        match (&lines[..], refusal) {
            ([line], Some(_)) if !typing.has_ended => self.terminal.give_back(line),
            (_, Some(_)) if !typing.has_ended => {}
            // Who has left cannot have them back: they wait, and are the last.
            (lines, _) => lines.iter().for_each(|line| typing.bytes.extend(line.bytes().chain([b'\n']))),
        }
        Ok(typing)
    }

    fn show(&mut self, _is_ready: bool) -> anyhow::Result<()> {
        self.terminal.show().with_context(|| self.messages.no_terminal())
    }

    fn heed(&mut self, signal: Signal) -> io::Result<()> {
        self.terminal.heed(signal)
    }

    fn close(mut self: Box<Self>) -> anyhow::Result<()> {
        if !self.unended.is_empty() {
            self.terminal.say(&self.unended);
        }
        self.terminal.close();
        Ok(())
    }
}
