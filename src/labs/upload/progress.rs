//! A progress bar on standard error, if that is a terminal.

use std::fs::File;
use std::io::{self, Write};
use std::sync::{Mutex, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressFinish, ProgressStyle, TermLike};

use crate::sys;

const TEMPLATE: &str = "{msg} [{wide_bar}] {bytes}/{total_bytes} {bytes_per_sec} {eta}";

/// Redraws per second, at most.
const RATE: u8 = 20;

/// Bytes queued for a stopped terminal, at most. More are dropped: the bar is redrawn soon.
const MAX_WAITING: usize = 4096;

/// Columns and lines of a terminal of unknown size.
const DEFAULT_SIZE: (u16, u16) = (80, 24);

/// A bar that drop clears. Starts no thread: drawn here, by `set_position` and by drop only.
pub fn start(what: &'static str, size: u64) -> ProgressBar {
    let Some(terminal) = sys::reopen_terminal(io::stderr()) else { return ProgressBar::hidden() };
    let screen = Box::new(Screen { terminal, frame: Mutex::default() });
    let target = ProgressDrawTarget::term_like_with_hz(screen, RATE);
    let bar = ProgressBar::with_draw_target(Some(size), target).with_message(what);
    if let Ok(style) = ProgressStyle::with_template(TEMPLATE) {
        bar.set_style(style.progress_chars("=> "));
    }
    bar.tick();
    bar.with_finish(ProgressFinish::AndClear)
}

/// The terminal, for indicatif. Its own type would block on a stopped terminal, and the transfer
/// with it.
#[derive(Debug)]
struct Screen {
    /// Non-blocking.
    terminal: File,
    /// Output not yet written. A mutex because the trait requires `Sync`.
    frame: Mutex<Vec<u8>>,
}

impl Screen {
    fn size(&self) -> (u16, u16) {
        let size = terminal_size::terminal_size_of(&self.terminal);
        size.map_or(DEFAULT_SIZE, |(width, height)| (width.0, height.0))
    }

    fn draw(&self, text: &str) -> io::Result<()> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        if frame.len() + text.len() <= MAX_WAITING {
            frame.extend_from_slice(text.as_bytes());
        }
        Ok(())
    }

    fn move_cursor(&self, count: usize, direction: char) -> io::Result<()> {
        // Terminals read 0 as 1.
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

    /// Bytes that the terminal does not accept now stay for the next flush.
    fn flush(&self) -> io::Result<()> {
        let mut frame = self.frame.lock().unwrap_or_else(PoisonError::into_inner);
        if let Ok(written) = (&self.terminal).write(&frame) {
            frame.drain(..written);
        }
        Ok(())
    }
}
