//! A terminal on which what one types is never torn by what arrives: a line to type in at the bottom, a status above it, and above
//! that what is said, in the terminal's own scrollback. It knows nothing of what is talked about.
//!
//! In come keys and [`Terminal::say`], out come [`Typed`]s. Whoever uses it has a poll loop, in which it waits for
//! [`Terminal::keyboard`], for [`Terminal::output`] while [`Terminal::is_behind`], and for [`Terminal::patience`]; which calls
//! [`Terminal::listen`] and [`Terminal::show`] each turn, and [`Terminal::heed`] for each signal of [`SIGNALS`].
//!
//! Pure: `keys`, `editor` (with `bindings`, `history`, `completion`), `paste`, `viewport` (with `row`, `width`), `colour`.

mod bindings;
mod colour;
mod completion;
mod editor;
mod history;
mod keys;
mod output;
mod paste;
mod row;
mod viewport;
pub(crate) mod width;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;
use terminput::{KeyCode, KeyEvent};

use super::Words;
use crate::sys::{self, Signal};
use editor::{Editor, Outcome};
use keys::{Input, Keys};
use output::Output;
use paste::Pasted;
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
    words: Words,
    prompt: String,
    status: Vec<String>,
    keys: Keys,
    last_key: Instant,
    editor: Editor,
    /// Lines that were pasted, and wait for the user to say what is to become of them.
    asked: Option<Pasted>,
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
    pub fn open(words: Words, prompt: String) -> io::Result<Terminal> {
        Ok(Terminal {
            words,
            prompt,
            status: Vec::new(),
            keys: Keys::default(),
            last_key: Instant::now(),
            editor: Editor::default(),
            asked: None,
            viewport: Viewport::default(),
            said: String::new(),
            is_dirty: true,
            out: Output::open()?,
        })
    }

    /// To wait for, with [`sys::Interest::Read`].
    pub fn keyboard(&self) -> BorrowedFd<'_> {
        self.out.keyboard()
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
        let begun = self.keys.has_begun();
        begun.then(|| REST_OF_A_KEY.saturating_sub(self.last_key.elapsed()))
    }

    /// Says a line above what is typed. It may have colours, and no other control characters.
    pub fn say(&mut self, line: &str) {
        self.said.push_str(line);
        self.said.push_str("\r\n");
    }

    /// What the status tells; the parts at the end are left out where there is no room. They have no control characters.
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
        self.editor.offer(word);
    }

    /// Lets Tab begin a line with `text`, where nothing is typed yet, or a part of it, or a part of `name`.
    pub fn offer_beginning(&mut self, name: &str, text: &str) {
        self.editor.offer_beginning(name, text);
    }

    /// Puts a line back where it was typed: it cannot be said now.
    pub fn give_back(&mut self, line: &str) {
        self.editor.give_back(line);
        self.is_dirty = true;
    }

    /// What was typed since: one read, where `is_ready`; else what time alone has settled.
    ///
    /// # Errors
    /// What read(2) says.
    pub fn listen(&mut self, is_ready: bool) -> io::Result<Vec<Typed>> {
        let mut inputs = Vec::new();
        if is_ready {
            let mut bytes = [0; 4096];
            match nix::unistd::read(self.out.keyboard(), &mut bytes) {
                // The terminal is gone.
                Ok(0) | Err(Errno::EIO) => return Ok(vec![Typed::End]),
                Ok(n) => {
                    self.keys.feed(&bytes[..n], |input| inputs.push(input));
                    self.last_key = Instant::now();
                }
                Err(Errno::EINTR | Errno::EAGAIN) => {}
                Err(error) => return Err(error.into()),
            }
        } else if self.patience().is_some_and(|left| left.is_zero()) {
            self.keys.settle(|input| inputs.push(input));
        }
        self.is_dirty |= !inputs.is_empty();
        Ok(inputs.into_iter().flat_map(|input| self.take(input)).collect())
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

    /// Does what a signal of [`SIGNALS`] asks for. Ctrl+Z: comes back when we are continued.
    ///
    /// # Errors
    /// What the system says when the terminal cannot be had again.
    pub fn heed(&mut self, signal: Signal) -> io::Result<()> {
        match signal {
            Signal::SIGWINCH if self.out.rewraps() => self.viewport.rewrapped(self.out.size().columns),
            // The drawing will see to it.
            Signal::SIGWINCH => {}
            Signal::SIGTSTP => {
                self.leave_screen();
                self.out.restore();
                // It is taken again where something is shown again: a signal that has come meanwhile may end us before.
                sys::stop_as_asked()?;
            }
            // Stopped by another signal, of which we heard nothing: the shell has taken the terminal meanwhile.
            _ if self.out.is_taken() => {
                self.viewport.forget();
                self.out.take_again()?;
            }
            _ => {}
        }
        self.is_dirty = true;
        Ok(())
    }

    /// Gives the terminal back, with all that was said on it, and the cursor in a line of its own. A terminal that takes nothing is
    /// not waited for long.
    pub fn close(mut self) {
        self.leave_screen();
    }

    fn leave_screen(&mut self) {
        if !self.out.is_taken() {
            return;
        }
        let said = std::mem::take(&mut self.said);
        let last = self.viewport.erase() + &said;
        self.out.put(&last);
        self.out.write_the_rest();
    }

    fn draw(&mut self, said: &str) -> String {
        let search = self.editor.search().map(|(part, found)| self.words.search(part, found));
        let size = self.out.size();
        let question = self.asked.as_ref().map(|asked| vec![self.question(asked, size.columns)]);
        let content = Content {
            status: question.as_ref().unwrap_or(&self.status),
            prompt: search.as_ref().unwrap_or(&self.prompt),
            text: self.editor.text(),
            cursor: self.editor.cursor(),
        };
        self.viewport.draw(said, content, size)
    }

    /// What is to become of the lines that were pasted?
    fn question(&self, asked: &Pasted, columns: usize) -> String {
        let question = self.words.pasted(asked.lines.len(), asked.is_cut);
        // With what stands before a status.
        if width(&question) + 4 <= columns { question } else { self.words.pasted_in_short(asked.lines.len()) }
    }

    fn take(&mut self, input: Input) -> Vec<Typed> {
        match input {
            Input::Key(key) if self.asked.is_some() => self.answer(key),
            Input::Key(key) => match self.editor.press(key) {
                Outcome::Edited => Vec::new(),
                Outcome::Line(line) => vec![Typed::Line(line)],
                Outcome::End => vec![Typed::End],
                Outcome::Clear => {
                    self.out.clear();
                    self.viewport.forget();
                    Vec::new()
                }
            },
            Input::Paste { bytes, is_cut } => {
                let mut pasted = Pasted::of(&bytes, is_cut);
                match (&mut self.asked, pasted.lines.len()) {
                    // Whoever pastes again before having answered wants this one.
                    (None, 0) => {}
                    (None, 1) if !pasted.is_cut => self.editor.paste(&pasted.lines.remove(0)),
                    (asked, _) => *asked = Some(pasted),
                }
                Vec::new()
            }
        }
    }

    /// What is to become of the lines that were pasted.
    fn answer(&mut self, key: KeyEvent) -> Vec<Typed> {
        match key.code {
            KeyCode::Enter => {
                let lines = self.asked.take().map_or(Vec::new(), |pasted| pasted.lines);
                lines.iter().for_each(|line| self.editor.remember(line));
                lines.into_iter().map(Typed::Line).collect()
            }
            KeyCode::Esc => {
                self.asked = None;
                Vec::new()
            }
            _ => Vec::new(),
        }
    }
}
