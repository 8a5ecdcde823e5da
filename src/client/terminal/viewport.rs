//! The rows at the bottom that are ours: a status, and below it the line that is being typed. All above them is the terminal's own:
//! what is said there is plain text, which it wraps, scrolls back to and copies as any other. Pure: out come bytes for the terminal.

use std::fmt::Write;

use super::hscroll::part;
use super::width::{beginning, ending, width};

/// Bytes until the second of these are shown at once: no terminal then shows a half-drawn screen. Others do not know them.
const TOGETHER: &str = "\x1b[?2026h";
const DONE: &str = "\x1b[?2026l";
/// The cursor's row, then from its second column to the end of the screen; the cursor comes to its first. From the first cell of the
/// screen on, tmux would take it for a clean screen, and put what stood there into the scrollback.
const ERASE: &str = "\x1b[K\x1b[C\x1b[J\r";
const DIM: &str = "\x1b[2m";
const PLAIN: &str = "\x1b[m";

/// Columns and rows of a terminal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Size {
    /// Columns.
    pub columns: usize,
    /// Rows.
    pub rows: usize,
}

/// What the rows show.
#[derive(Clone, Copy, Debug)]
pub struct Content<'a> {
    /// The status, in parts, the first the most important: one for which there is no room is left out.
    pub status: &'a [String],
    /// What stands before the line.
    pub prompt: &'a str,
    /// The line.
    pub text: &'a str,
    /// Where its cursor is, in bytes.
    pub cursor: usize,
}

/// Where the rows are, as far as they are on the screen.
#[derive(Debug, Default)]
pub struct Viewport {
    /// Columns of the status; none, where there is no row for it.
    status: Option<usize>,
    /// Columns before the cursor in its row.
    before_cursor: usize,
    /// Rows of ours above the cursor's.
    above: usize,
    /// Where the part of the line that is shown begins.
    from: usize,
}

impl Viewport {
    /// Says `lines`, each ended by CR and LF, above the rows, and draws these.
    pub fn draw(&mut self, lines: &str, content: Content, size: Size) -> String {
        let mut out = String::from(TOGETHER);
        self.erase_into(&mut out);
        out.push_str(lines);
        // In the last column, a terminal would be about to wrap.
        let columns = size.columns.saturating_sub(1);
        if size.rows > 1 {
            let status = fitting(content.status, columns);
            self.status = Some(width(&status));
            self.above = 1;
            let _ = write!(out, "{DIM}{status}{PLAIN}\r\n");
        }
        self.draw_line(&mut out, content, columns);
        out.push_str(DONE);
        out
    }

    /// Takes the rows away; the cursor stands where they began.
    pub fn erase(&mut self) -> String {
        let mut out = String::new();
        self.erase_into(&mut out);
        out
    }

    /// The rows are not on the screen any more.
    pub fn forget(&mut self) {
        (self.status, self.above, self.before_cursor) = (None, 0, 0);
    }

    /// The terminal has become `columns` wide, and has wrapped anew what was too long for that: our rows, too, may be more now.
    pub fn rewrapped(&mut self, columns: usize) {
        let columns = columns.max(1);
        let rows_of_status = self.status.map_or(0, |width| width.div_ceil(columns).max(1));
        self.above = rows_of_status + self.before_cursor / columns;
    }

    fn erase_into(&mut self, out: &mut String) {
        out.push('\r');
        if self.above > 0 {
            let _ = write!(out, "\x1b[{}A", self.above);
        }
        out.push_str(ERASE);
        self.forget();
    }

    fn draw_line(&mut self, out: &mut String, content: Content, columns: usize) {
        // Half of the row is for what is typed: of a long prompt, only the end is shown, `> ` as a rule.
        let is_long = width(content.prompt) > columns / 2;
        let prompt = ending(content.prompt, if is_long { 2.min(columns / 3) } else { columns });
        let room = columns - width(prompt);
        let part = part(content.text, content.cursor, room, &mut self.from);
        out.push_str(prompt);
        if room < 4 {
            // No room for anything: the cursor alone tells that one may type.
            self.before_cursor = width(prompt);
            return;
        }
        if part.follows {
            let _ = write!(out, "{DIM}<{PLAIN}");
        }
        self.before_cursor = width(prompt) + usize::from(part.follows) + width(part.before);
        // The terminal keeps the cursor's place: it knows best how wide its signs are.
        let _ = write!(out, "{}\x1b7{}", part.before, part.behind);
        if part.goes_on {
            let _ = write!(out, "{DIM}>{PLAIN}");
        }
        out.push_str("\x1b8");
    }
}

/// The parts that fit in `columns`, with what stands between them; of the first, at least its beginning.
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
    fn lines_stand_above_and_the_rows_are_drawn_once() {
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
    fn a_part_that_does_not_fit_leaves_its_room_to_the_next() {
        let parts = ["connecté", "12 messages", "127.0.0.1:5015", "bob"].map(String::from);
        assert_eq!(fitting(&parts, 60), "── connecté · 12 messages · 127.0.0.1:5015 · bob");
        assert_eq!(fitting(&parts, 40), "── connecté · 12 messages · bob");
        assert_eq!(fitting(&parts, 30), "── connecté · 12 messages");
        assert_eq!(fitting(&parts, 20), "── connecté · bob");
        assert_eq!(fitting(&parts, 10), "connecté");
        assert_eq!(fitting(&parts, 4), "conn");
    }

    #[test]
    fn rows_that_the_terminal_wrapped_anew_are_all_taken_away() {
        // After "x" of 10 columns and 20 before the cursor in one of 8: 2 rows of status, 2 whole ones of the line.
        let mut viewport = Viewport { status: Some(10), before_cursor: 20, above: 1, ..Viewport::default() };
        viewport.rewrapped(8);
        assert_eq!(viewport.above, 4);
        viewport.rewrapped(80);
        assert_eq!(viewport.above, 1);
    }

    proptest! {
        #[test]
        fn it_fits_every_terminal(columns in 1u16..90, rows in 1u16..6, text in "(\\PC|日|e\u{301}|👩‍👩‍👧){0,60}",
                                  status in prop::collection::vec("\\PC{0,20}", 0..4)) {
            let (mut terminal, mut viewport) = (parser(columns, rows), Viewport::default());
            let size = Size { columns: columns.into(), rows: rows.into() };
            terminal.process("avant\r\n".as_bytes());
            for cursor in [0, text.len()] {
                let bytes = viewport.draw("", content(&status, &text, cursor), size);
                terminal.process(bytes.as_bytes());
                let (row, _) = terminal.screen().cursor_position();
                prop_assert!(!terminal.screen().row_wrapped(row) && usize::from(row) >= viewport.above);
            }
            terminal.process(viewport.erase().as_bytes());
            let left: Vec<String> = shown(&terminal).into_iter().filter(|row| !row.is_empty()).collect();
            prop_assert!(left.len() <= 1 || columns < 5, "{left:?}");
        }
    }
}
