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
    columns_before_cursor: usize,
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
        out.push_str(&self.erase(size.columns));
        out.push_str(lines);
        if self.reflow == Reflow::Unknown {
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

    /// Leaves the cursor where the viewport began. `columns`: the terminal's width now.
    pub fn erase(&mut self, columns: usize) -> String {
        let (line, status) = (self.columns_before_cursor, self.status);
        self.forget();
        let is_known = self.reflow != Reflow::Unknown;
        let mut out = match is_known {
            true => reflowed_start(line, columns),
            false => walk_back(line),
        };
        if let Some(status) = status {
            out.push_str("\x1b[A");
            out.push_str(&match is_known {
                // From the last row of the status to its first.
                true => reflowed_start(status.saturating_sub(1), columns),
                false => walk_back(status),
            });
        }
        out + if self.reflow == Reflow::GnuScreen { DELETE } else { ERASE }
    }

    /// The viewport is no longer on the screen.
    pub fn forget(&mut self) {
        (self.status, self.columns_before_cursor) = (None, 0);
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
        [Reflow::Unknown, Reflow::Reflows, Reflow::GnuScreen].into_iter().for_each(output_stands_above);
    }

    fn output_stands_above(reflow: Reflow) {
        let (mut terminal, mut viewport) = (parser(30, 5), Viewport::new(reflow));
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
        terminal.process(viewport.erase(30).as_bytes());
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

    /// Rows are reflowed at each new size, of which the program is told before it draws.
    #[test]
    fn in_a_terminal_that_reflows_each_row_stands_once() {
        let sizes = [
            (40, 12),
            (25, 12),
            (100, 20),
            (31, 9),
            (30, 30),
            (59, 10),
            (120, 11),
            (20, 16),
            (140, 10),
            (38, 10),
            (37, 25),
            (80, 8),
            (61, 12),
            (22, 12),
            (100, 24),
        ];
        for text in ["", "brouillon", "日本語 é 日本語 日本語 日本語 日本語 x", &"x".repeat(90)]
        {
            let mut terminal = avt::Terminal::with_scrollback(100, 24, None).unwrap();
            let mut viewport = Viewport::new(Reflow::Reflows);
            let mut message = 0;
            for (columns, rows) in [(100, 24)].into_iter().chain(sizes) {
                terminal.resize(columns, rows);
                for _ in 0..3 {
                    message += 1;
                    let status =
                        ["connecté".to_string(), format!("{message} messages"), "127.0.0.1:5015".into()];
                    let (lines, size) = (format!("m{message}.\r\n"), Size { columns, rows });
                    terminal.feed([viewport.draw(&lines, content(&status, text, text.len()), size)]);
                }
                let all: String = terminal.screen().all_lines().map(|line| line.text() + "\n").collect();
                assert_eq!(
                    (all.matches("──").count(), all.matches("alice> ").count()),
                    (1, 1),
                    "{columns} {all}"
                );
                assert!(
                    (1..=message).all(|n| all.matches(&format!("m{n}.")).count() == 1),
                    "{columns} {all}"
                );
            }
        }
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
                let rows_above = usize::from(viewport.status.is_some());
                prop_assert!(!terminal.screen().row_wrapped(row) && usize::from(row) >= rows_above);
            }
            terminal.process(viewport.erase(columns.into()).as_bytes());
            let left: Vec<String> = shown(&terminal).into_iter().filter(|row| !row.is_empty()).collect();
            prop_assert!(left.len() <= 1 || columns < 5, "{left:?}");
        }
    }
}
