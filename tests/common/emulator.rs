//! A terminal emulator: interprets the output of a program, so that tests assert on the screen.

use std::num::NonZeroU16;

use nix::sys::termios::{Termios, tcgetattr};

use super::Terminal;

/// A program on a terminal, and the screen that results from its output.
pub struct Emulator {
    pub terminal: Terminal,
    parser: vt100::Parser,
    fed: usize,
}

/// Variables by which terminals identify themselves, and NO_COLOR. Removed from the environment:
/// the emulator acts as a terminal behind ssh, which sets none of them.
const TERMINAL_VARIABLES: [&str; 14] = [
    "NO_COLOR",
    "COLORTERM",
    "TMUX",
    "STY",
    "XTERM_VERSION",
    "VTE_VERSION",
    "KITTY_WINDOW_ID",
    "ALACRITTY_WINDOW_ID",
    "ALACRITTY_SOCKET",
    "WEZTERM_PANE",
    "KONSOLE_VERSION",
    "GHOSTTY_RESOURCES_DIR",
    "WT_SESSION",
    "TERM_PROGRAM",
];

#[track_caller]
fn size_of(columns: u16, rows: u16) -> (NonZeroU16, NonZeroU16) {
    let number = |n| NonZeroU16::new(n).expect("a size");
    (number(rows), number(columns))
}

impl Emulator {
    /// Starts `program` with `variables` in its environment; the variables above are not inherited.
    #[track_caller]
    pub fn start(
        (columns, rows): (u16, u16),
        variables: &[&str],
        program: &str,
        arguments: &[&str],
    ) -> Emulator {
        let unset: Vec<&str> = TERMINAL_VARIABLES.into_iter().flat_map(|name| ["-u", name]).collect();
        let arguments = [&unset[..], &["TERM=xterm-256color"], variables, &[program], arguments].concat();
        let terminal = Terminal::start_sized(Some((columns, rows)), "env", &arguments);
        let (rows, columns) = size_of(columns, rows);
        Emulator { terminal, parser: vt100::Parser::new(rows, columns, 2000), fed: 0 }
    }

    #[track_caller]
    pub fn types(&mut self, keys: &str) {
        self.terminal.types(keys);
    }

    /// Waits until `look` finds something on the screen.
    #[track_caller]
    pub fn sees<T>(&mut self, what: &str, mut look: impl FnMut(&vt100::Screen) -> Option<T>) -> T {
        let (parser, fed) = (&mut self.parser, &mut self.fed);
        self.terminal.screen.wait_for(what, |bytes| {
            parser.process(&bytes[*fed..]);
            *fed = bytes.len();
            look(parser.screen())
        })
    }

    /// Waits until the last non-empty rows are `expected`. The time at the start of a row is
    /// ignored.
    #[track_caller]
    pub fn ends_with(&mut self, expected: &[&str]) {
        self.sees(&format!("{expected:?}"), |screen| {
            rows_of(screen).ends_with(&owned(expected)).then_some(())
        });
    }

    /// Waits until the cursor is at the end of `text` in its row.
    #[track_caller]
    pub fn cursor_is_behind(&mut self, text: &str) {
        self.sees(&format!("the cursor behind {text:?}"), |screen| {
            let (row, column) = screen.cursor_position();
            let before = screen.rows(0, column).nth(row.into())?;
            // The emulator does not report trailing blanks.
            (before.trim_end() == text.trim_end()).then_some(())
        });
    }

    /// All rows, including the scrollback.
    pub fn with_scrollback(&mut self) -> Vec<String> {
        let screen = self.parser.screen_mut();
        screen.set_scrollback(usize::MAX);
        let hidden = screen.scrollback();
        let (_, columns) = screen.size();
        let mut rows = Vec::new();
        for back in (1..=hidden).rev() {
            screen.set_scrollback(back);
            rows.extend(screen.rows(0, columns.get()).next().map(|row| without_time(row.trim_end())));
        }
        screen.set_scrollback(0);
        rows.extend(rows_of(screen));
        rows
    }

    /// Resizes the terminal; the kernel sends SIGWINCH to the program.
    #[track_caller]
    pub fn resizes_to(&mut self, columns: u16, rows: u16) {
        self.sees("the output before the resize", |_| Some(()));
        let (to_rows, to_columns) = size_of(columns, rows);
        self.parser.set_size(to_rows, to_columns);
        self.terminal.resizes_to(columns, rows);
    }

    #[track_caller]
    pub fn modes(&self) -> Termios {
        tcgetattr(self.terminal.master()).expect("tcgetattr")
    }
}

fn owned(rows: &[&str]) -> Vec<String> {
    rows.iter().map(|row| row.to_string()).collect()
}

/// The rows up to the last non-empty one, without the time at their start.
pub fn rows_of(screen: &vt100::Screen) -> Vec<String> {
    let (_, columns) = screen.size();
    let mut rows: Vec<String> =
        screen.rows(0, columns.get()).map(|row| without_time(row.trim_end())).collect();
    let used = rows.iter().rposition(|row| !row.is_empty()).map_or(0, |at| at + 1);
    rows.truncate(used);
    rows
}

fn without_time(row: &str) -> String {
    let has_time = row.len() > 6 && {
        let bytes = row.as_bytes();
        bytes[2] == b':' && bytes[5] == b' ' && [0, 1, 3, 4].iter().all(|&at| bytes[at].is_ascii_digit())
    };
    if has_time { row[6..].to_string() } else { row.to_string() }
}
