//! Inline viewport: the rows at the bottom, a status above the input line. Pure: returns bytes for
//! the terminal.
//!
//! Everything above is plain output, which the terminal wraps, copies and keeps in its scrollback.
//!
//! A terminal changes its rows at once when its size changes, and tells the new size later, perhaps
//! after it has taken bytes for the old size. Most cut or keep each row, or reflow: a long row
//! becomes several. [`Viewport::erase`] finds the first of its rows in each of them. Rows that no
//! longer fit on the new screen are in the scrollback, where no program can erase them; tmux and
//! GNU screen put the top rows there even while the end of the screen is empty.
//!
//! In tmux the viewport is drawn at the bottom of the screen, and found there: after a resize, the
//! cursor may be on a message above it ([`Reflow::Tmux`]).

use std::fmt::Write;

use super::colour::{DIM, PLAIN};
use super::hscroll::window;
use super::reflow::Reflow;
use super::width::{beginning, ending, width};

/// Synchronized update: the terminal shows what is between them at once. Others ignore them.
const BEGIN_SYNC: &str = "\x1b[?2026h";
const END_SYNC: &str = "\x1b[?2026l";
/// DECAWM: without it, a row that is too wide for the terminal is cut at the last column. Keeps
/// each row one row when the terminal has become narrower and SIGWINCH has not come yet.
const NO_WRAP: &str = "\x1b[?7l";
const WRAP: &str = "\x1b[?7h";
/// Erases the cursor's row, then from its second column to the end of the screen, and returns to
/// the first. Erasing from the screen's first cell on would look like a cleared screen to tmux,
/// which saves that to the scrollback.
const ERASE: &str = "\x1b[K\x1b[C\x1b[J\r";
/// The same, by deleting the rows: [`Reflow::GnuScreen`]. xterm would save them to the scrollback.
const DELETE: &str = "\x1b[999M\r";
/// Moves the cursor to the first column of the screen's last row.
const LAST_ROW: &str = "\x1b[999B\r";
/// The same for the row above it, once everything printed is above that.
const LAST_TWO_ROWS: &str = "\r\n\x1b[999B\x1b[A\r";
/// Columns between two parts of the status.
pub const SEPARATOR: usize = 3;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    pub columns: usize,
    pub rows: usize,
}

#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    pub status: &'a [String],
    pub prompt: &'a str,
    pub text: &'a str,
    /// In bytes of `text`.
    pub cursor: usize,
}

/// Columns drawn last; all 0 while nothing is on the screen.
#[derive(Debug, Default)]
pub struct Viewport {
    reflow: Reflow,
    /// Width of the status, if there is a row for it.
    status: Option<usize>,
    /// Width of the input line.
    line: usize,
    columns_before_cursor: usize,
    /// Rows above, at least, those of the scrollback included, since the first drawing.
    rows_above: usize,
    /// Start of the visible part of the line, in bytes.
    from: usize,
}

impl Viewport {
    pub fn new(reflow: Reflow) -> Viewport {
        Viewport { reflow, ..Viewport::default() }
    }

    /// Prints `lines`, each ended by CR LF, above the viewport, and draws it.
    pub fn draw(&mut self, lines: &str, content: Content, size: Size) -> String {
        let mut out = String::from(BEGIN_SYNC);
        out.push_str(&self.erase_rows(size));
        out.push_str(lines);
        self.rows_above += lines.matches('\n').count();
        if self.reflow == Reflow::Tmux {
            out.push_str(if size.rows > 1 { LAST_TWO_ROWS } else { LAST_ROW });
            self.rows_above = self.rows_above.max(size.rows.saturating_sub(2));
        }
        if !self.is_width_known() {
            out.push_str(NO_WRAP);
        }
        // The last column stays free: a terminal that has filled it wraps at the next character.
        let columns = size.columns.saturating_sub(1);
        if size.rows > 1 {
            let status = fitting(content.status, columns);
            self.status = Some(width(&status));
            let _ = write!(out, "{DIM}{status}{PLAIN}\r\n");
        }
        self.draw_line(&mut out, content, columns);
        out.push_str(WRAP);
        out.push_str(END_SYNC);
        out
    }

    /// Leaves the cursor where the viewport began. `size`: the terminal's now.
    pub fn erase(&mut self, size: Size) -> String {
        let erased = self.erase_rows(size);
        self.forget();
        erased
    }

    /// The viewport is no longer on the screen, or what is above it is not what was printed.
    pub fn forget(&mut self) {
        *self = Viewport { from: self.from, ..Viewport::new(self.reflow) };
    }

    fn erase_rows(&mut self, size: Size) -> String {
        let mut out = if self.is_width_known() {
            reflowed_start(self.columns_before_cursor, size.columns)
        } else if self.is_at_bottom(size.rows) {
            LAST_ROW.to_string() + &walk_back(self.line)
        } else {
            walk_back(self.columns_before_cursor)
        };
        (self.line, self.columns_before_cursor) = (0, 0);
        if let Some(status) = self.status.take() {
            out.push_str("\x1b[A");
            out.push_str(&match self.is_width_known() {
                // From the last row of the status to its first.
                true => reflowed_start(status.saturating_sub(1), size.columns),
                false => walk_back(status),
            });
        }
        out + if self.reflow == Reflow::GnuScreen { DELETE } else { ERASE }
    }

    fn is_width_known(&self) -> bool {
        matches!(self.reflow, Reflow::Reflows | Reflow::GnuScreen)
    }

    /// True if the input line ends in the screen's last row, wherever tmux has put the cursor: from
    /// so many rows, tmux fills a screen that has become higher.
    fn is_at_bottom(&self, rows: usize) -> bool {
        let rows_drawn = 1 + usize::from(self.status.is_some());
        self.reflow == Reflow::Tmux && self.rows_above + rows_drawn >= rows
    }

    fn draw_line(&mut self, out: &mut String, content: Content, columns: usize) {
        // Of a prompt wider than half of the row only the end is shown, usually `> `.
        let is_long = width(content.prompt) > columns / 2;
        let prompt = ending(content.prompt, if is_long { 2.min(columns / 3) } else { columns });
        let room = columns - width(prompt);
        let shown = window(content.text, content.cursor, room, &mut self.from);
        out.push_str(prompt);
        if room < 4 {
            // The cursor alone shows that input is possible.
            (self.line, self.columns_before_cursor) = (width(prompt), width(prompt));
            return;
        }
        if shown.is_cut_before {
            let _ = write!(out, "{DIM}<{PLAIN}");
        }
        self.columns_before_cursor = width(prompt) + usize::from(shown.is_cut_before) + width(shown.before);
        self.line = self.columns_before_cursor + width(shown.after) + usize::from(shown.is_cut_after);
        // The terminal saves and restores the cursor: it knows the width of its characters best.
        let _ = write!(out, "{}\x1b7{}", shown.before, shown.after);
        if shown.is_cut_after {
            let _ = write!(out, "{DIM}>{PLAIN}");
        }
        out.push_str("\x1b8");
    }
}

/// From the cell behind `before` columns of a line to the line's first, where it was reflowed at
/// `columns`.
fn reflowed_start(before: usize, columns: usize) -> String {
    match before / columns.max(1) {
        0 => "\r".to_string(),
        rows => format!("\r\x1b[{rows}A"),
    }
}

/// As [`reflowed_start`], where the terminal's width is not known. tmux reflows, and tells the new
/// size up to 250 ms later; its backspace goes on at the end of the row above, if the line was
/// wrapped there. Other backspaces stop at the first column, where DECAWM is off.
fn walk_back(before: usize) -> String {
    // At each end of a row a wide character may have left a column empty.
    format!("{NO_WRAP}{}\r{WRAP}", "\x08".repeat(2 * before + 1))
}

/// The parts that fit in `columns`, with separators; of the first, at least its beginning.
fn fitting(parts: &[String], columns: usize) -> String {
    let mut status = String::from("──");
    for (at, part) in parts.iter().enumerate() {
        let longer = format!("{status} {}{part}", if at > 0 { "· " } else { "" });
        match (width(&longer) <= columns, at) {
            (true, _) => status = longer,
            (false, 0) => return beginning(part, columns).to_string(),
            (false, _) => {}
        }
    }
    beginning(&status, columns).to_string()
}

#[cfg(test)]
mod tests;
