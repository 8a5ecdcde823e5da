//! What a dialogue's user sees and types on: the one place that knows what is written where.

pub mod plain;
pub mod tui;

use std::io;
use std::os::fd::BorrowedFd;
use std::time::Duration;

use crate::sys::Signal;

/// What is written where.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UiMode {
    /// Bytes for another program, or a file.
    Piped,
    /// A terminal, as the courses' clients have it.
    Plain,
    /// A terminal, with rows of ours for a status and for what is typed.
    Tui,
}

/// What was typed.
#[derive(Debug, Default)]
pub struct Typing {
    /// Lines, each ended by a newline; the last may lack it.
    pub bytes: Vec<u8>,
    /// No more will come.
    pub has_ended: bool,
}

/// Why lines that were typed at once are not taken, if they are not.
pub type Refuse<'a> = &'a dyn Fn(&[&str]) -> Option<&'static str>;

/// Keyboard and screen. The first methods are for dialogues, the others for the loop.
pub trait Ui {
    /// Which one it is.
    fn look(&self) -> UiMode;

    /// Says a line. It has no control characters.
    fn say(&mut self, line: &str);

    /// Says a line to somebody who looks on, not to a program.
    fn greet(&mut self, line: &str) {
        if self.look() != UiMode::Piped {
            self.say(line);
        }
    }

    /// What the server says, as it comes: to a program, byte for byte; on a terminal, so that nothing is obeyed.
    fn text(&mut self, bytes: &[u8]);

    /// What the server says after all that was due: where there are no rows, the prompt's line goes on with it.
    fn late(&mut self, bytes: &[u8]) {
        self.text(bytes);
    }

    /// The server pauses, maybe in the middle of a line: what would not be seen else is said, where there are rows.
    fn settle(&mut self) {}

    /// Ends the line of what the server says.
    fn end_line(&mut self);

    /// Tells the user of a mistake.
    fn complain(&mut self, line: &str);

    /// Lets Tab begin a line with `text`, under a `name`, where there is such a key.
    fn offer(&mut self, _name: &str, _text: &str) {}

    /// What stands before what is typed, from now on; and whether it is due also where it scrolls by with the rest.
    fn set_prompt(&mut self, prompt: &str, is_due: bool);

    /// Whether what the server has left without a newline is a question.
    fn set_asked(&mut self, _is_asked: bool) {}

    /// How things stand, where there is a place for that. No control characters.
    fn set_status(&mut self, _parts: Vec<String>) {}

    /// A typed line is about to be said.
    fn entered(&mut self, line: &[u8]);

    /// The user has interrupted us.
    fn interrupted(&mut self) {}

    /// To wait for, with [`crate::sys::Interest::Read`], unless it is gone.
    fn keyboard(&self) -> Option<BorrowedFd<'_>>;

    /// To wait for, with [`crate::sys::Interest::Write`], while something [waits](Ui::is_behind) for it.
    fn output(&self) -> BorrowedFd<'_>;

    /// True while not all is shown.
    fn is_behind(&self) -> bool;

    /// True while more may come to be shown: a screen that takes nothing must not cost memory without bounds.
    fn has_room(&self) -> bool;

    /// How long to wait at most for the next turn of the loop.
    fn patience(&self) -> Option<Duration> {
        None
    }

    /// What was typed since: one read, where the keyboard `is_ready`. `refuse`: why these lines are not taken, if they are not.
    ///
    /// # Errors
    /// What read(2) says.
    fn listen(&mut self, is_ready: bool, refuse: Refuse) -> io::Result<Typing>;

    /// Shows what is new, as far as an output that `is_ready` takes it.
    ///
    /// # Errors
    /// In one line: it takes nothing any more.
    fn show(&mut self, is_ready: bool) -> anyhow::Result<()>;

    /// Does what a signal of [`crate::client::terminal::SIGNALS`] asks for, where these are caught.
    ///
    /// # Errors
    /// What the system says when the terminal cannot be had again.
    fn heed(&mut self, _signal: Signal) -> io::Result<()> {
        Ok(())
    }

    /// Shows what is left, and leaves everything as it was.
    ///
    /// # Errors
    /// As [`Ui::show`].
    fn close(self: Box<Self>) -> anyhow::Result<()>;
}
