//! The look with rows at the bottom of a terminal: a status, and a line to type in.

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use anyhow::Context;

use super::{Face, Look, Typing};
use crate::client::Words;
use crate::client::terminal::{Terminal, Typed};
use crate::sys::Signal;
use crate::text::{VisibleStream, visible};

/// The most bytes of a line that has not ended; what is longer is said in pieces.
const LONGEST: usize = 64 * 1024;

const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[m";

/// The terminal, and what stands there of a line whose end has not come.
pub struct Rows {
    terminal: Terminal,
    words: Words,
    stream: VisibleStream,
    prompt: String,
    /// Of the server, without a newline: a question, for one. It stands before what is typed.
    unended: String,
    /// Why the last Enter has sent nothing.
    note: Option<&'static str>,
}

impl Rows {
    /// Takes the terminal.
    ///
    /// # Errors
    /// What the system says: it is gone.
    pub fn new(words: Words) -> io::Result<Rows> {
        let terminal = Terminal::open(words, String::new())?;
        let (stream, prompt, unended) = (VisibleStream::default(), String::new(), String::new());
        Ok(Rows { terminal, words, stream, prompt, unended, note: None })
    }

    /// What stands before what is typed.
    fn before(&self) -> &str {
        if self.unended.is_empty() { &self.prompt } else { &self.unended }
    }

    fn put(&mut self, text: &str) {
        for part in text.split_inclusive('\n') {
            self.unended.push_str(part.trim_end_matches('\n'));
            if part.ends_with('\n') || self.unended.len() >= LONGEST {
                self.terminal.say(&std::mem::take(&mut self.unended));
            }
        }
        self.terminal.set_prompt(self.before().to_string());
    }
}

impl Face for Rows {
    fn look(&self) -> Look {
        Look::Rows
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
        self.terminal.set_prompt(self.before().to_string());
    }

    fn set_status(&mut self, parts: Vec<String>) {
        let note = self.note.map(str::to_string);
        self.terminal.set_status(note.into_iter().chain(parts).collect());
    }

    /// It stands above from now on, as a terminal would have shown it.
    fn entered(&mut self, line: &[u8]) {
        let said = format!("{}{}", self.before(), visible(line));
        self.terminal.say(&said);
        self.unended.clear();
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

    /// A line that comes when none can be said goes back where it was typed. Several at once were pasted, also where the terminal
    /// does not mark pastes: they wait.
    fn listen(&mut self, is_ready: bool, deaf: Option<&'static str>) -> io::Result<Typing> {
        let typed = self.terminal.listen(is_ready)?;
        if is_ready || deaf.is_none() {
            self.note = None;
        }
        let mut typing = Typing::default();
        match (&typed[..], deaf) {
            ([Typed::Line(line)], Some(_)) => {
                self.terminal.give_back(line);
                self.note = deaf;
            }
            _ => typed.into_iter().for_each(|typed| match typed {
                Typed::Line(line) => typing.bytes.extend(line.bytes().chain([b'\n'])),
                Typed::End => typing.has_ended = true,
            }),
        }
        Ok(typing)
    }

    fn show(&mut self, _is_ready: bool) -> anyhow::Result<()> {
        self.terminal.show().with_context(|| self.words.no_terminal())
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
