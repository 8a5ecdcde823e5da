//! A terminal in raw mode with an inline viewport: a status line and an input line at the bottom,
//! output above them, in the terminal's own scrollback. Output never tears the line that is being
//! typed.
//!
//! [`Terminal`] is driven by a poll loop: it waits for [`Terminal::sources`], calls
//! [`Terminal::read_keyboard`] and [`Terminal::draw`] each turn, and [`Terminal::handle_signal`]
//! for each signal of [`TERMINAL`](super::signals::TERMINAL).
//!
//! Input goes through `keys` (decoder, with `sequence`), `line_input`, `bindings` and `editor`
//! (with `history`, `completion`, `paste`); output through `viewport` (with `hscroll`, `width`,
//! `reflow`). All of these are pure. `output` owns the terminal's modes and descriptors, `suspend`
//! hands it over to the shell.

mod bindings;
mod colour;
mod completion;
mod editor;
mod history;
mod hscroll;
mod keys;
mod line_input;
mod output;
mod paste;
mod reflow;
mod sequence;
mod suspend;
mod viewport;
pub(crate) mod width;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::{Duration, Instant};

use anyhow::Context;
use nix::errno::Errno;

use super::{Messages, UiSources};
use crate::sys::{self, Signal};
use completion::Completion;
use editor::Outcome;
use line_input::LineInput;
use output::{CLEAR_SCREEN, Output};
use reflow::Reflow;
use viewport::{Content, Viewport};

pub use colour::{Colours, DIM, PLAIN};
pub use keys::KeyDecoder;
pub use output::{is_usable, restore_after_kill};
pub use width::width;

/// Printed bytes beyond which [`Terminal::has_room`] is false.
const MAX_PRINTED: usize = 64 * 1024;

/// Entered since the last read.
#[derive(Debug, Default)]
pub struct UserInput {
    pub lines: Vec<String>,
    pub has_ended: bool,
}

/// Standard input and output in raw mode. Dropping it restores them.
pub struct Terminal {
    messages: Messages,
    prompt: String,
    status: Vec<String>,
    input: LineInput,
    last_read: Instant,
    has_hung_up: bool,
    viewport: Viewport,
    /// Lines to be drawn above the viewport.
    printed: String,
    /// The viewport is to be drawn again.
    is_dirty: bool,
    out: Output,
}

impl Terminal {
    pub fn open(messages: Messages, prompt: String) -> io::Result<Terminal> {
        Ok(Terminal {
            messages,
            prompt,
            status: Vec::new(),
            input: LineInput::default(),
            last_read: Instant::now(),
            has_hung_up: false,
            viewport: Viewport::new(Reflow::of_environment()),
            printed: String::new(),
            is_dirty: true,
            out: Output::open(io::stdin(), io::stdout())?,
        })
    }

    /// The keyboard is to be read after the end of input too: Ctrl+C is a key.
    pub fn sources(&self) -> UiSources<'_> {
        UiSources {
            keyboard: (!self.has_hung_up).then(|| self.out.keyboard()),
            screen: (self.out.has_pending() || self.has_news()).then(|| self.output()),
            has_room: self.has_room(),
            timeout: self.timeout(),
        }
    }

    pub fn output(&self) -> BorrowedFd<'_> {
        self.out.as_fd()
    }

    fn has_news(&self) -> bool {
        self.is_dirty || !self.printed.is_empty()
    }

    /// False while so much output is pending that the server is not to be read (backpressure).
    pub fn has_room(&self) -> bool {
        self.printed.len() < MAX_PRINTED
    }

    /// Longest time to wait before the next turn, while a key is incomplete.
    fn timeout(&self) -> Option<Duration> {
        self.input.keys.timeout().map(|longest| longest.saturating_sub(self.last_read.elapsed()))
    }

    /// Prints a line above the viewport. It may have colours, and no other control characters.
    pub fn print(&mut self, line: &str) {
        self.printed.push_str(line);
        self.printed.push_str("\r\n");
    }

    /// The most important part first, without control characters; parts without room are left out.
    pub fn set_status(&mut self, parts: Vec<String>) {
        if self.status != parts {
            self.status = parts;
            self.is_dirty = true;
        }
    }

    pub fn set_prompt(&mut self, prompt: String) {
        if self.prompt != prompt {
            self.prompt = prompt;
            self.is_dirty = true;
        }
    }

    pub fn completion(&mut self) -> &mut Completion {
        &mut self.input.editor.completion
    }

    /// Lines that Enter on an empty line sends again.
    pub fn offer(&mut self, lines: Vec<String>) {
        self.is_dirty |= !lines.is_empty();
        self.input.offered.extend(lines);
    }

    pub fn has_offer(&self) -> bool {
        !self.input.offered.is_empty()
    }

    /// Offers the first line that `is_said` no longer. True if there is one.
    pub fn withdraw(&mut self, is_said: impl Fn(&str) -> bool) -> bool {
        let offered = &mut self.input.offered;
        let Some(at) = offered.iter().position(|line| is_said(line)) else { return false };
        offered.remove(at);
        self.is_dirty = true;
        true
    }

    pub fn give_back(&mut self, line: &str) {
        self.input.editor.give_back(line);
        self.is_dirty = true;
    }

    /// One read, if `is_ready`; otherwise a partial key may have timed out.
    pub fn read_keyboard(&mut self, is_ready: bool) -> io::Result<UserInput> {
        let outcomes = match is_ready {
            true => self.read()?,
            false if self.timeout().is_some_and(|left| left.is_zero()) => self.input.flush_partial_key(),
            false => Vec::new(),
        };
        self.is_dirty |= !outcomes.is_empty();
        let mut input = UserInput::default();
        outcomes.into_iter().try_for_each(|outcome| self.apply(outcome, &mut input))?;
        Ok(input)
    }

    fn read(&mut self) -> io::Result<Vec<Outcome>> {
        let mut bytes = [0; 4096];
        match self.out.read(&mut bytes) {
            Ok(bytes) => {
                let quiet = std::mem::replace(&mut self.last_read, Instant::now()).elapsed();
                Ok(self.input.feed(bytes, quiet))
            }
            Err(error) if error.raw_os_error() == Some(Errno::EIO as i32) => {
                self.has_hung_up = true;
                Ok(vec![Outcome::End])
            }
            Err(error) => Err(error),
        }
    }

    /// Draws what is new, as far as the terminal takes it without blocking. In a background process
    /// group this stops the process until it is in the foreground.
    pub fn draw(&mut self) -> anyhow::Result<()> {
        if !self.out.is_raw {
            self.out.enter_raw_mode().with_context(|| self.messages.no_terminal())?;
        }
        // While bytes are pending, what is new accumulates to one drawing.
        if !self.out.has_pending() && self.has_news() {
            let printed = std::mem::take(&mut self.printed);
            let drawn = self.render(&printed);
            self.out.put(&drawn);
            self.is_dirty = false;
        }
        self.out.write().with_context(|| self.messages.no_terminal())
    }

    fn render(&mut self, printed: &str) -> String {
        let size = self.out.size();
        let editor = &self.input.editor;
        let search = editor.search().map(|(part, found)| self.messages.search(part, found));
        // Less the columns before a status, and the last.
        let status = self.input.status(self.messages, &self.status, size.columns.saturating_sub(4));
        let content = Content {
            status: &status,
            prompt: search.as_ref().unwrap_or(&self.prompt),
            text: editor.text(),
            cursor: editor.cursor(),
        };
        self.viewport.draw(printed, content, size)
    }

    fn apply(&mut self, outcome: Outcome, input: &mut UserInput) -> io::Result<()> {
        match outcome {
            Outcome::Edited => {}
            Outcome::Line(line) => input.lines.push(line),
            Outcome::End => input.has_ended = true,
            Outcome::Signal(Signal::SIGTSTP) => self.suspend(sys::stop_group)?,
            Outcome::Signal(signal) => sys::raise_in_group(signal),
            Outcome::ClearScreen => {
                // Some terminals save the cleared screen to the scrollback: without the viewport.
                let erased = self.viewport.erase(self.out.size().columns);
                self.out.put(&(erased + CLEAR_SCREEN));
            }
        }
        Ok(())
    }
}
