//! Inline viewport: the rows at the bottom, a status above the input line. Pure: returns bytes for
//! the terminal.
//!
//! Everything above is plain output, which the terminal wraps, copies and keeps in its scrollback.

use std::fmt::Write;

use super::colour::{DIM, PLAIN};
use super::hscroll::window;
use super::width::{beginning, ending, width};

/// Synchronized update: the terminal shows what is between them at once. Others ignore them.
const BEGIN_SYNC: &str = "\x1b[?2026h";
const END_SYNC: &str = "\x1b[?2026l";
/// Erases the cursor's row, then from its second column to the end of the screen, and returns to
/// the first. Erasing from the screen's first cell on would look like a cleared screen to tmux,
/// which saves that to the scrollback.
const ERASE: &str = "\x1b[K\x1b[C\x1b[J\r";

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

/// Rows and columns drawn last; all 0 while nothing is on the screen.
#[derive(Debug, Default)]
pub struct Viewport {
    /// Width of the status, if there is a row for it.
    status: Option<usize>,
    columns_before_cursor: usize,
    rows_above_cursor: usize,
    /// Start of the visible part of the line, in bytes.
    from: usize,
}

impl Viewport {
    /// Prints `lines`, each ended by CR LF, above the viewport, and draws it.
    pub fn draw(&mut self, lines: &str, content: Content, size: Size) -> String {
        let mut out = String::from(BEGIN_SYNC);
        out.push_str(&self.erase());
        out.push_str(lines);
        // The last column stays free: a terminal that has filled it wraps at the next character.
        let columns = size.columns.saturating_sub(1);
        if size.rows > 1 {
            let status = fitting(content.status, columns);
            self.status = Some(width(&status));
            self.rows_above_cursor = 1;
            let _ = write!(out, "{DIM}{status}{PLAIN}\r\n");
        }
        self.draw_line(&mut out, content, columns);
        out.push_str(END_SYNC);
        out
    }

    /// Leaves the cursor where the viewport began.
    pub fn erase(&mut self) -> String {
        let up = match self.rows_above_cursor {
            0 => String::new(),
            rows => format!("\x1b[{rows}A"),
        };
        self.forget();
        format!("\r{up}{ERASE}")
    }

    /// The viewport is no longer on the screen.
    pub fn forget(&mut self) {
        (self.status, self.rows_above_cursor, self.columns_before_cursor) = (None, 0, 0);
    }

    /// The terminal has become `columns` wide, and has reflowed the viewport's rows.
    pub fn reflowed(&mut self, columns: usize) {
        let columns = columns.max(1);
        let rows_of_status = self.status.map_or(0, |width| width.div_ceil(columns).max(1));
        self.rows_above_cursor = rows_of_status + self.columns_before_cursor / columns;
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
            self.columns_before_cursor = width(prompt);
            return;
        }
        if shown.is_cut_before {
            let _ = write!(out, "{DIM}<{PLAIN}");
        }
        self.columns_before_cursor = width(prompt) + usize::from(shown.is_cut_before) + width(shown.before);
        // The terminal saves and restores the cursor: it knows the width of its characters best.
        let _ = write!(out, "{}\x1b7{}", shown.before, shown.after);
        if shown.is_cut_after {
            let _ = write!(out, "{DIM}>{PLAIN}");
        }
        out.push_str("\x1b8");
    }
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
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::num::NonZeroU16;

    fn parser(columns: u16, rows: u16) -> vt100::Parser {
        vt100::Parser::new(NonZeroU16::new(rows).unwrap(), NonZeroU16::new(columns).unwrap(), 100)
    }

    fn content<'a>(status: &'a [String], text: &'a str, cursor: usize) -> Content<'a> {
        Content { status, prompt: "alice> ", text, cursor }
    }

    fn shown(parser: &vt100::Parser) -> Vec<String> {
        let (_, columns) = parser.screen().size();
        parser.screen().rows(0, columns.get()).collect()
    }

    #[test]
    fn output_stands_above_and_the_viewport_is_drawn_once() {
        let (mut terminal, mut viewport) = (parser(30, 5), Viewport::default());
        let size = Size { columns: 30, rows: 5 };
        let status = ["connecté".to_string(), "127.0.0.1:5015".to_string(), "12 messages".to_string()];
        for line in ["un", "deux", "trois", "quatre"] {
            let bytes = viewport.draw(&format!("{line}\r\n"), content(&status, "à 日本", 3), size);
            terminal.process(bytes.as_bytes());
        }
        assert_eq!(
            shown(&terminal),
            ["deux", "trois", "quatre", "── connecté · 127.0.0.1:5015", "alice> à 日本"]
        );
        assert_eq!(terminal.screen().cursor_position(), (4, 9));
        terminal.process(viewport.erase().as_bytes());
        assert_eq!(shown(&terminal), ["deux", "trois", "quatre", "", ""]);
        assert_eq!(terminal.screen().cursor_position(), (3, 0));
    }

    #[test]
    fn a_part_that_does_not_fit_is_skipped() {
        let parts = ["connecté", "12 messages", "127.0.0.1:5015", "bob"].map(String::from);
        assert_eq!(fitting(&parts, 60), "── connecté · 12 messages · 127.0.0.1:5015 · bob");
        assert_eq!(fitting(&parts, 40), "── connecté · 12 messages · bob");
        assert_eq!(fitting(&parts, 30), "── connecté · 12 messages");
        assert_eq!(fitting(&parts, 20), "── connecté · bob");
        assert_eq!(fitting(&parts, 10), "connecté");
        assert_eq!(fitting(&parts, 4), "conn");
    }

    #[test]
    fn all_reflowed_rows_are_erased() {
        // At 8 columns: 2 rows for the status of 10, 2 full rows for the 20 columns before the
        // cursor.
        let mut viewport = Viewport { status: Some(10), columns_before_cursor: 20, ..Viewport::default() };
        viewport.reflowed(8);
        assert_eq!(viewport.rows_above_cursor, 4);
        viewport.reflowed(80);
        assert_eq!(viewport.rows_above_cursor, 1);
    }

    proptest! {
        #[test]
        fn the_viewport_fits_every_terminal(columns in 1u16..90, rows in 1u16..6, text in "(\\PC|日|e\u{301}|👩‍👩‍👧){0,60}",
                                  status in prop::collection::vec("\\PC{0,20}", 0..4)) {
            let (mut terminal, mut viewport) = (parser(columns, rows), Viewport::default());
            let size = Size { columns: columns.into(), rows: rows.into() };
            terminal.process("avant\r\n".as_bytes());
            for cursor in [0, text.len()] {
                let bytes = viewport.draw("", content(&status, &text, cursor), size);
                terminal.process(bytes.as_bytes());
                let (row, _) = terminal.screen().cursor_position();
                prop_assert!(!terminal.screen().row_wrapped(row) && usize::from(row) >= viewport.rows_above_cursor);
            }
            terminal.process(viewport.erase().as_bytes());
            let left: Vec<String> = shown(&terminal).into_iter().filter(|row| !row.is_empty()).collect();
            prop_assert!(left.len() <= 1 || columns < 5, "{left:?}");
        }
    }
}
