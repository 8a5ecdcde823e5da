//! How far a file is, as a bar on standard error where that is a terminal, and nowhere else.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle, TermLike};

use crate::sys;

/// What the bar looks like.
const SHAPE: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Drawings a second, at most.
const RATE: u8 = 20;

/// Bytes that may wait for a terminal that is held; a bar is drawn again soon, so what comes on top is dropped.
const MAX_WAITING: usize = 4096;

/// Columns and lines of a terminal that does not know its own.
const USUAL_SIZE: (u16, u16) = (80, 24);

/// A bar that goes when it is dropped, so that what is said next finds a clean line. It never starts a thread: it is drawn
/// when it is told something, and at no other time.
#[derive(Debug)]
pub struct Progress(ProgressBar);

impl Progress {
    /// A bar for `what`, which is done at `size` bytes; nothing at all where standard error is no terminal.
    pub fn start(what: &'static str, size: u64) -> Progress {
        let Some(terminal) = sys::reopen_terminal(io::stderr()) else {
            return Progress(ProgressBar::hidden());
        };
        let screen = Box::new(Screen { terminal, frame: Mutex::default() });
        let target = ProgressDrawTarget::term_like_with_hz(screen, RATE);
        let bar = ProgressBar::with_draw_target(Some(size), target).with_message(what);
        // The shape is right, and a wrong one would cost nothing but its looks.
        if let Ok(style) = ProgressStyle::with_template(SHAPE) {
            bar.set_style(style.progress_chars("=> "));
        }
        bar.tick();
        Progress(bar)
    }

    /// So many bytes are done.
    pub fn reaches(&self, bytes: u64) {
        self.0.set_position(bytes);
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.0.finish_and_clear();
    }
}

/// The terminal, for indicatif. Its own would block where the user holds the terminal, and the file with it.
#[derive(Debug)]
struct Screen {
    /// Without blocking.
    terminal: File,
    /// A drawing until it is written. Nobody shares it; the trait asks for what threads could share.
    frame: Mutex<Vec<u8>>,
}

impl Screen {
    fn size(&self) -> (u16, u16) {
        let size = terminal_size::terminal_size_of(&self.terminal);
        size.map_or(USUAL_SIZE, |(width, height)| (width.0, height.0))
    }

    fn draw(&self, text: &str) -> io::Result<()> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        if frame.len() + text.len() <= MAX_WAITING {
            frame.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    fn move_cursor(&self, count: usize, direction: char) -> io::Result<()> {
        // A terminal takes 0 for 1.
        if count > 0 { self.draw(&format!("\x1b[{count}{direction}")) } else { Ok(()) }
    }
}

impl TermLike for Screen {
    fn width(&self) -> u16 {
        self.size().0
    }

    fn height(&self) -> u16 {
        self.size().1
    }

    fn move_cursor_up(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'A')
    }

    fn move_cursor_down(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'B')
    }

    fn move_cursor_right(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'C')
    }

    fn move_cursor_left(&self, n: usize) -> io::Result<()> {
        self.move_cursor(n, 'D')
    }

    fn write_line(&self, line: &str) -> io::Result<()> {
        self.draw(&format!("{line}\n"))
    }

    fn write_str(&self, text: &str) -> io::Result<()> {
        self.draw(text)
    }

    fn clear_line(&self) -> io::Result<()> {
        self.draw("\r\x1b[2K")
    }

    /// What the terminal does not take now stays for the next drawing.
    fn flush(&self) -> io::Result<()> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(written) = (&self.terminal).write(&frame) {
            frame.drain(..written);
        }
        Ok(())
    }
}
