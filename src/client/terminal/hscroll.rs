//! Horizontal scrolling: the window of a long line that contains its cursor. Pure.

use super::width::{beginning, ending, width};

#[derive(Debug)]
pub struct Window<'a> {
    /// Text before `before` is hidden.
    pub is_cut_before: bool,
    /// Shown before the cursor.
    pub before: &'a str,
    /// Shown from the cursor on.
    pub after: &'a str,
    /// Text after `after` is hidden.
    pub is_cut_after: bool,
}

/// The window of `text` of at most `room` columns, including one for each mark of hidden text and
/// one for a cursor at the end. `from` is the window's start in bytes, kept between calls: it moves
/// only when the cursor would leave the window, or when more text before it would fit.
pub fn window<'a>(text: &'a str, cursor: usize, room: usize, from: &mut usize) -> Window<'a> {
    let (before, after) = text.split_at(cursor);
    if width(text) < room {
        *from = 0;
        return Window { is_cut_before: false, before, after, is_cut_after: false };
    }
    // Two marks and the cursor.
    let room = room.saturating_sub(3);
    let stays = *from <= cursor && text.is_char_boundary(*from) && width(&text[*from..cursor]) <= room;
    if !stays {
        *from = cursor - ending(before, room / 2).len();
    }
    *from = text.len() - ending(text, room).len().max(text.len() - *from);
    let before = &text[*from..cursor];
    let shown = beginning(after, room.saturating_sub(width(before)) + 1);
    Window { is_cut_before: *from > 0, before, after: shown, is_cut_after: shown.len() < after.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    /// With `|` for the cursor, and the marks of hidden text.
    fn marked(text: &str, cursor: usize, room: usize, from: &mut usize) -> String {
        let Window { is_cut_before, before, after, is_cut_after } = window(text, cursor, room, from);
        let mark = |is_cut, mark| if is_cut { mark } else { "" };
        [mark(is_cut_before, "<"), before, "|", after, mark(is_cut_after, ">")].concat()
    }

    #[test]
    fn a_line_that_fits_is_shown_whole() {
        let mut from = 3;
        assert_eq!(marked("salut", 5, 6, &mut from), "salut|");
        assert_eq!(from, 0);
    }

    #[test]
    fn a_longer_line_follows_the_cursor() {
        let mut from = 0;
        let text = "abcdefghijklmnop";
        assert_eq!(marked(text, 16, 11, &mut from), "<ijklmnop|");
        // The window does not move while the cursor is in it.
        assert_eq!(marked(text, 13, 11, &mut from), "<ijklm|nop");
        assert_eq!(marked(text, 0, 11, &mut from), "|abcdefghi>");
    }

    proptest! {
        #[test]
        fn it_fits_and_its_cursor_too(text in "(\\PC|日|e\u{301}|👩‍👩‍👧){0,40}", at in 0.0..=1.0f64, room in 0usize..30, mut from in 0usize..50) {
            let mut cursor = (at * text.len() as f64) as usize;
            while !text.is_char_boundary(cursor) {
                cursor -= 1;
            }
            let shown = window(&text, cursor, room, &mut from);
            let marks = usize::from(shown.is_cut_before) + usize::from(shown.is_cut_after);
            let columns = width(shown.before) + width(shown.after) + marks;
            prop_assert!(columns <= room.max(3), "{shown:?} in {room}");
            prop_assert!(text[..cursor].ends_with(shown.before) && text[cursor..].starts_with(shown.after));
            // No hidden text before it would fit, with one more column for the cursor.
            let hidden = &text[..cursor - shown.before.len()];
            let next = hidden.graphemes(true).next_back().map_or(0, width);
            prop_assert!(!shown.is_cut_before || shown.is_cut_after || columns + next + 2 > room, "{shown:?} in {room}");
        }
    }
}
