//! Keyboard and screen of a session.

pub mod plain;
pub mod tui;

use std::io;

use super::UiSources;
use crate::sys::{Signal, Signals};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiMode {
    /// Bytes for another program, or a file.
    Piped,
    /// A terminal in canonical mode, written to as the courses' clients do.
    Plain,
    /// A terminal in raw mode, with a status line and an input line.
    Tui,
}

#[derive(Debug, Default)]
pub struct InputChunk {
    /// Lines, each ended by a newline; the last may lack it.
    pub bytes: Vec<u8>,
    pub has_ended: bool,
}

#[derive(Clone, Copy, Debug)]
pub struct Prompt<'a> {
    pub text: &'a str,
    /// A line may be typed now: the prompt is also to be printed where it scrolls with the output.
    pub is_due: bool,
    /// An unterminated line of the server is a question, to be shown in place of the prompt.
    pub shows_questions: bool,
}

/// Why lines entered together are not taken, if they are not; for no lines, why none would be.
pub type Rejects<'a> = &'a dyn Fn(&[&str]) -> Option<&'static str>;

/// The methods up to [`Ui::interrupted`] are for protocols, the others for the session's loop.
pub trait Ui {
    fn mode(&self) -> UiMode;

    /// Shows a line, which has no control characters.
    fn print_line(&mut self, line: &str);

    /// [`Ui::print_line`], unless the output is read by a program.
    fn print_for_user(&mut self, line: &str) {
        if self.mode() != UiMode::Piped {
            self.print_line(line);
        }
    }

    /// Shows bytes of the server as they come: unchanged in a pipe, with control characters made
    /// visible on a terminal.
    fn server_text(&mut self, bytes: &[u8]);

    /// Shows bytes that no request is waiting for. In [`UiMode::Plain`] they go on in the prompt's
    /// line.
    fn unexpected_text(&mut self, bytes: &[u8]) {
        self.server_text(bytes);
    }

    /// Shows an unterminated line of the server, kept back until now.
    fn flush_partial_line(&mut self) {}

    fn end_line(&mut self);

    fn print_error(&mut self, line: &str);

    /// Lets Tab begin a line with `text` after a part of it or of `name`.
    fn offer_completion(&mut self, _name: &str, _text: &str) {}

    fn set_prompt(&mut self, prompt: Prompt);

    fn set_status(&mut self, _parts: Vec<String>) {}

    /// A typed line is about to be sent.
    fn line_entered(&mut self, line: &[u8]);

    /// A signal ends the session.
    fn interrupted(&mut self) {}

    fn sources(&self) -> UiSources<'_>;

    /// One read, if the keyboard `is_ready`.
    fn read_keyboard(&mut self, is_ready: bool, rejects: Rejects) -> io::Result<InputChunk>;

    /// Writes as much as an output that `is_ready` takes without blocking.
    fn draw(&mut self, is_ready: bool) -> anyhow::Result<()>;

    /// Handles job control and a new window size.
    fn handle_signal(&mut self, _signal: Signal) -> io::Result<()> {
        Ok(())
    }

    /// Shows what is pending to a user in [`UiMode::Tui`], who can end that by a key or a signal:
    /// `Err`, with that signal. Adds the lines that were `typed` meanwhile.
    fn finish(&mut self, _signals: &mut Signals, _typed: &mut Vec<String>) -> Result<(), Option<Signal>> {
        Ok(())
    }

    /// Writes what is pending, and restores the terminal. After [`Ui::interrupted`], what a stopped
    /// output does not take is dropped.
    fn close(self: Box<Self>) -> anyhow::Result<()>;
}
