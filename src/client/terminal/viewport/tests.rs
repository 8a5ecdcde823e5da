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
    [Reflow::Unknown, Reflow::Tmux, Reflow::Reflows, Reflow::GnuScreen]
        .into_iter()
        .for_each(output_stands_above);
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
    terminal.process(viewport.erase(size).as_bytes());
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
    for text in ["", "brouillon", "日本語 é 日本語 日本語 日本語 日本語 x", &"x".repeat(90)] {
        let mut terminal = avt::Terminal::with_scrollback(100, 24, None).unwrap();
        let mut viewport = Viewport::new(Reflow::Reflows);
        let mut message = 0;
        for (columns, rows) in [(100, 24)].into_iter().chain(sizes) {
            terminal.resize(columns, rows);
            for _ in 0..3 {
                message += 1;
                let status = ["connecté".to_string(), format!("{message} messages"), "127.0.0.1:5015".into()];
                let (lines, size) = (format!("m{message}.\r\n"), Size { columns, rows });
                terminal.feed([viewport.draw(&lines, content(&status, text, text.len()), size)]);
            }
            let all: String = terminal.screen().all_lines().map(|line| line.text() + "\n").collect();
            assert_eq!(
                (all.matches("──").count(), all.matches("alice> ").count()),
                (1, 1),
                "{columns} {all}"
            );
            assert!((1..=message).all(|n| all.matches(&format!("m{n}.")).count() == 1), "{columns} {all}");
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
        terminal.process(viewport.erase(size).as_bytes());
        let left: Vec<String> = shown(&terminal).into_iter().filter(|row| !row.is_empty()).collect();
        prop_assert!(left.len() <= 1 || columns < 5, "{left:?}");
    }
}
