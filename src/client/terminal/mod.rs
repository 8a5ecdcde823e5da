//! A terminal on which what one types is never torn by what arrives: a line to type in at the bottom, a status above it, and above
//! that what is said, in the terminal's own scrollback. It knows nothing of what is talked about.
//!
//! In come keys and [`Terminal::say`], out come [`Typed`]s. Whoever uses it has a poll loop, in which it waits for
//! [`Terminal::keyboard`], for [`Terminal::output`] while [`Terminal::is_behind`], and for [`Terminal::patience`]; which calls
//! [`Terminal::listen`] and [`Terminal::show`] each turn, and [`Terminal::heed`] for each signal of [`SIGNALS`].
//!
//! Pure: `typing` (with `keys`, `editor` on `bindings`, `history` and `completion`, and `paste`), `viewport` (with `row`, `width`),
//! `reflow`, `colour`.

mod bindings;
mod colour;
mod completion;
mod editor;
mod history;
mod hscroll;
mod keys;
mod output;
mod paste;
mod reflow;
mod suspend;
mod typing;
mod viewport;
pub(crate) mod width;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::Messages;
use crate::sys::{self, Signal};
use editor::Outcome;
use output::Output;
use typing::Typing;
use viewport::{Content, Viewport};

pub use colour::Colours;
pub use output::{is_there, put_back, saved_modes};
pub use width::width;

/// The signals that are for [`Terminal::heed`].
pub const SIGNALS: [Signal; 3] = [Signal::SIGWINCH, Signal::SIGTSTP, Signal::SIGCONT];

/// The signals that end a program for good, and would leave the terminal as it is: to be caught, and, once the terminal is given
/// back, left to do what they do by default.
pub const FATAL: [Signal; 2] = [Signal::SIGHUP, Signal::SIGQUIT];

/// How long the rest of a key may take to follow its beginning, over a slow line too; then an Escape was that key.
const REST_OF_A_KEY: Duration = Duration::from_millis(50);

/// What is to be said may wait up to so many bytes. It may become more: then one should not listen for more.
const ROOM: usize = 64 * 1024;

/// What the user wants.
#[derive(Debug, PartialEq, Eq)]
pub enum Typed {
    /// To say this line.
    Line(String),
    /// To leave.
    End,
}

/// The terminal at standard input and output, while it is ours. When this goes, the terminal is as it was.
pub struct Terminal {
    messages: Messages,
    prompt: String,
    status: Vec<String>,
    typing: Typing,
    last_key: Instant,
    /// Nobody can type here any more.
    is_gone: bool,
    viewport: Viewport,
    /// What is to be said above the rows.
    said: String,
    /// The rows are not as they should be.
    is_dirty: bool,
    out: Output,
}

impl Terminal {
    /// Takes the terminal: keys come at once, and nothing is shown but by us. `prompt` stands before what is typed.
    ///
    /// # Errors
    /// What the system says: the terminal is gone, or not ours.
    pub fn open(messages: Messages, prompt: String) -> io::Result<Terminal> {
        Ok(Terminal {
            messages,
            prompt,
            status: Vec::new(),
            typing: Typing::default(),
            last_key: Instant::now(),
            is_gone: false,
            viewport: Viewport::default(),
            said: String::new(),
            is_dirty: true,
            out: Output::open()?,
        })
    }

    /// To wait for, with [`sys::Interest::Read`], until it is gone; after [`Typed::End`] too: Ctrl+C is a key like others.
    pub fn keyboard(&self) -> Option<BorrowedFd<'_>> {
        (!self.is_gone).then(|| self.out.keyboard())
    }

    /// To wait for, with [`sys::Interest::Write`], while [`Terminal::is_behind`].
    pub fn output(&self) -> BorrowedFd<'_> {
        self.out.as_fd()
    }

    /// True while the terminal has not taken all that it is to show.
    pub fn is_behind(&self) -> bool {
        self.out.is_behind() || self.is_dirty || !self.said.is_empty()
    }

    /// True while more may be said: a terminal that takes nothing must not cost memory without bounds.
    pub fn has_room(&self) -> bool {
        self.said.len() < ROOM
    }

    /// How long to wait at most for the next turn, where a key has begun.
    pub fn patience(&self) -> Option<Duration> {
        let incomplete_suffix_len = self.typing.has_begun_a_key();
        incomplete_suffix_len.then(|| REST_OF_A_KEY.saturating_sub(self.last_key.elapsed()))
    }

    /// Says a line above what is typed. It may have colours, and no other control characters.
    pub fn say(&mut self, line: &str) {
        self.said.push_str(line);
        self.said.push_str("\r\n");
    }

    /// What the status tells; the most important part first; those for which there is no room are left out. They have no control characters.
    pub fn set_status(&mut self, parts: Vec<String>) {
        if self.status != parts {
            self.status = parts;
            self.is_dirty = true;
        }
    }

    /// What stands before what is typed, from now on.
    pub fn set_prompt(&mut self, prompt: String) {
        if self.prompt != prompt {
            self.prompt = prompt;
            self.is_dirty = true;
        }
    }

    /// Lets Tab complete `word`.
    pub fn offer(&mut self, word: &str) {
        self.typing.editor.offer(word);
    }

    /// Lets Tab begin a line with `text`, where nothing is typed yet, or a part of it, or a part of `name`.
    pub fn offer_beginning(&mut self, name: &str, text: &str) {
        self.typing.editor.offer_beginning(name, text);
    }

    /// Puts a line back where it was typed: it cannot be said now.
    pub fn give_back(&mut self, line: &str) {
        self.typing.editor.give_back(line);
        self.is_dirty = true;
    }

    /// What was typed since: one read, where `is_ready`; else what time alone has settled.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn listen(&mut self, is_ready: bool) -> io::Result<Vec<Typed>> {
        let outcomes = match is_ready {
            true => self.read()?,
            false if self.patience().is_some_and(|left| left.is_zero()) => self.typing.settle(),
            false => Vec::new(),
        };
        self.is_dirty |= !outcomes.is_empty();
        Ok(outcomes.into_iter().filter_map(|outcome| self.obey(outcome)).collect())
    }

    fn read(&mut self) -> io::Result<Vec<Outcome>> {
        let mut bytes = [0; 4096];
        match self.out.read(&mut bytes) {
            Ok(bytes) => {
                let quiet = std::mem::replace(&mut self.last_key, Instant::now()).elapsed();
                Ok(self.typing.feed(bytes, quiet))
            }
            Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => {
                self.is_gone = true;
                Ok(vec![Outcome::End])
            }
            Err(error) => Err(error),
        }
    }

    /// Shows what is new, as far as the terminal takes it now. In the background, this stops us until we are in the foreground.
    ///
    /// # Errors
    /// What write(2) says: the terminal is gone.
    pub fn show(&mut self) -> io::Result<()> {
        if !self.out.is_taken() {
            self.out.take_again()?;
        }
        // While bytes wait, what is new becomes one drawing.
        if !self.out.is_behind() && (self.is_dirty || !self.said.is_empty()) {
            let said = std::mem::take(&mut self.said);
            let drawn = self.draw(&said);
            self.out.put(&drawn);
            self.is_dirty = false;
        }
        self.out.write()
    }

    fn draw(&mut self, said: &str) -> String {
        let size = self.out.size();
        let editor = &self.typing.editor;
        let search = editor.search().map(|(part, found)| self.messages.search(part, found));
        // With what stands before a status.
        let notice = self.typing.notice(self.messages, size.columns.saturating_sub(4)).map(|notice| [notice]);
        let content = Content {
            status: notice.as_ref().map_or(&self.status, |notice| &notice[..]),
            prompt: search.as_ref().unwrap_or(&self.prompt),
            text: editor.text(),
            cursor: editor.cursor(),
        };
        self.viewport.draw(said, content, size)
    }

    fn obey(&mut self, outcome: Outcome) -> Option<Typed> {
        match outcome {
            Outcome::Edited => {}
            Outcome::Line(line) => return Some(Typed::Line(line)),
            Outcome::End => return Some(Typed::End),
            Outcome::Signal(signal) => sys::raise_in_group(signal),
            Outcome::Clear => {
                // Some keep in the scrollback what stood on the screen: that is not for our rows.
                let erased = self.viewport.erase();
                self.out.put(&erased);
                self.out.clear();
            }
        }
        None
    }
}
