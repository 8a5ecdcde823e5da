use super::*;
use crate::client::terminal::keys::{Input, KeyDecoder};
use crate::text::is_plain;
use proptest::prelude::*;

/// Feeds the bytes of a terminal.
fn type_in(editor: &mut Editor, keys: &str) -> Vec<Outcome> {
    let (mut decoder, mut outcomes) = (KeyDecoder::default(), Vec::new());
    let mut inputs = decoder.feed(keys.as_bytes());
    inputs.extend(decoder.flush());
    for input in inputs {
        match input {
            Input::Key(key) => outcomes.push(editor.press(key)),
            Input::Paste { bytes, .. } => drop(editor.paste(&String::from_utf8_lossy(&bytes))),
        }
    }
    outcomes.retain(|outcome| *outcome != Outcome::Edited);
    outcomes
}

/// The line after these keys, with `|` for the cursor.
fn after(keys: &str) -> String {
    state(&typed(keys))
}

fn typed(keys: &str) -> Editor {
    let mut editor = Editor::default();
    type_in(&mut editor, keys);
    editor
}

fn state(editor: &Editor) -> String {
    let (before, behind) = editor.text().split_at(editor.cursor());
    format!("{before}|{behind}")
}

const LEFT: &str = "\x1b[D";

#[test]
fn keys_move_by_graphemes_and_by_words() {
    assert_eq!(after(&format!("ab{LEFT}c")), "ac|b");
    assert_eq!(after("ab\x01c\x05d"), "cab|".replace('|', "d|"));
    assert_eq!(after("ab\x1b[Hc\x1b[Fd"), "cabd|");
    assert_eq!(after("un deux\x1b[1;5Dx"), "un x|deux");
    assert_eq!(after("un deux\x1bb\x1bbx\x1bfy"), "xuny| deux");
    assert_eq!(after("un deux\x1b[1;3D\x1b[1;5D\x1b[1;3C"), "un| deux");
    assert_eq!(after("ab\x02\x02\x06c"), "ac|b");
    // A grapheme of several characters is one step.
    assert_eq!(after(&format!("e\u{301}👩‍👩‍👧{LEFT}x")), "e\u{301}x|👩‍👩‍👧");
    assert_eq!(after(&format!("日本{LEFT}{LEFT}{LEFT}x")), "x|日本");
}

#[test]
fn keys_delete_kill_and_yank() {
    assert_eq!(after("abc\x7f\x08"), "a|");
    assert_eq!(after(&format!("abc{LEFT}{LEFT}\x1b[3~")), "a|c");
    assert_eq!(after("un deux-trois\x17x"), "un x|");
    assert_eq!(after("un deux\x1b\x7f"), "un |");
    assert_eq!(after("un deux\x01\x1bd\x05\x19"), " deuxun|");
    assert_eq!(after("un deux\x15\x19\x19"), "un deuxun deux|");
    assert_eq!(after("un deux\x1bb\x0bx\x19"), "un xdeux|");
    assert_eq!(after("ab\x14"), "ba|");
    assert_eq!(after("e\u{301}\x7f"), "|");
    // Characters deleted one by one are not yanked.
    assert_eq!(after("un deux\x17x\x7f\x19"), "un deux|");
}

#[test]
fn control_characters_are_never_inserted() {
    assert_eq!(after("a\x07\x00\x1c\u{9b}\u{202e}\x1b[15~\x1b[Zb"), "ab|");
    // Super and a letter, in the protocol of kitty.
    assert_eq!(after("a\x1b[99;9ub"), "ab|");
}

#[test]
fn enter_ends_the_line_and_ctrl_d_the_input_on_an_empty_line() {
    let mut editor = Editor::default();
    let line = |text: &str| Outcome::Line(text.to_string());
    assert_eq!(type_in(&mut editor, "un\rdeux\n\r"), [line("un"), line("deux"), line("")]);
    assert_eq!(type_in(&mut editor, &format!("ab{LEFT}\x04")), []);
    assert_eq!(state(&editor), "a|");
    assert_eq!(type_in(&mut editor, "\x7f\x04\x0c"), [Outcome::End, Outcome::ClearScreen]);
}

#[test]
fn the_history_ends_at_the_draft() {
    let mut editor = typed("un\rdeux\rbrouillon\x1b[A\x10");
    assert_eq!(state(&editor), "un|");
    type_in(&mut editor, "\x1b[B\x0e");
    assert_eq!(state(&editor), "brouillon|");
}

#[test]
fn a_search_finds_older_lines_and_can_be_cancelled() {
    let mut editor = typed("salut alice\rbonjour\rsalut bob\rx\x12sal");
    assert_eq!((state(&editor), editor.search()), ("salut bob|".to_string(), Some(("sal", true))));
    type_in(&mut editor, "\x12");
    assert_eq!(state(&editor), "salut alice|");
    type_in(&mut editor, "\x1b");
    assert_eq!((state(&editor), editor.search()), ("x|".to_string(), None));
    assert_eq!(type_in(&mut editor, "\x12bon\r"), [Outcome::Line("bonjour".to_string())]);
    type_in(&mut editor, "\x12zz");
    assert_eq!(editor.search(), Some(("zz", false)));
    type_in(&mut editor, "\x7f\x7fbob\x01x");
    assert_eq!(state(&editor), "x|salut bob");
}

#[test]
fn tab_completes_and_another_key_accepts() {
    let mut editor = Editor::default();
    ["alice", "albert"].iter().for_each(|word| editor.completion.offer(word));
    type_in(&mut editor, "al\t\t");
    assert_eq!(state(&editor), "alice, |");
    type_in(&mut editor, "et al\t");
    assert_eq!(state(&editor), "alice, et albert |");
}

#[test]
fn a_line_given_back_stands_before_what_was_typed_since() {
    let mut editor = typed(&format!("salut\rbob{LEFT}"));
    editor.give_back("salut");
    assert_eq!(state(&editor), "salutbo|b");
    editor.give_back(&"é".repeat(MAX_LINE / 2));
    assert_eq!(editor.text().len(), MAX_LINE);
    // It is in the history.
    type_in(&mut editor, "\x1b[A");
    assert_eq!(state(&editor), "salut|");
}

#[test]
fn a_line_is_bounded() {
    let mut editor = Editor::default();
    assert!(editor.paste(&"é".repeat(MAX_LINE / 2)));
    assert!(!editor.paste("trop"));
    type_in(&mut editor, "x");
    assert_eq!(editor.text().len(), MAX_LINE);
    type_in(&mut editor, "\x15\x19\x19");
    assert_eq!(editor.text().len(), MAX_LINE);
}

proptest! {
    #[test]
    fn the_cursor_is_always_between_characters(
        keys in prop::collection::vec(
            prop_oneof![
                "\\PC{1,4}",
                "[\x00-\x1f]",
                prop::sample::select(vec!["\x1b[A", "\x1b[B", "\x1b[C", "\x1b[D", "\x1b[1;5C", "\x1b[1;5D", "\x1b[3~", "\x1bb",
                    "\x1bf", "\x1bd", "\u{301}", "\u{200d}", "👩‍👩‍👧", "日", "\x1b[200~a b\x1b[201~", "al\t", "🇫🇷", "\x1b[3;5~"])
                    .prop_map(str::to_string),
            ],
            0..60,
        )
    ) {
        let mut editor = Editor::default();
        editor.completion.offer("alice");
        for key in keys {
            type_in(&mut editor, &key);
            prop_assert!(editor.text().is_char_boundary(editor.cursor()));
            prop_assert!(is_plain(editor.text()), "{:?}", editor.text());
        }
    }
}
