//! A text that may be longer than its row: which part of it is shown, so that its cursor is. Pure.

use super::width::{beginning, ending, width};

/// The part of a text that is shown.
#[derive(Debug, PartialEq, Eq)]
pub struct Part<'a> {
    /// Something is left out before it.
    pub follows: bool,
    /// What stands before the cursor.
    pub before: &'a str,
    /// What stands behind it.
    pub behind: &'a str,
    /// Something is left out behind it.
    pub goes_on: bool,
}

/// The part of `text` that fits in `room` columns, marks for what is left out included, one column for a cursor at its end as
/// well. `from` is where the part began last time, and stays as long as the cursor is in it, and nothing more fits before it: text that
/// jumps is hard to read, and a row that is empty while text is hidden hides it for nothing.
pub fn part<'a>(text: &'a str, cursor: usize, room: usize, from: &mut usize) -> Part<'a> {
    let (before, behind) = text.split_at(cursor);
    if width(text) < room {
        *from = 0;
        return Part { follows: false, before, behind, goes_on: false };
    }
    // A column for each mark, one for the cursor.
    let room = room.saturating_sub(3);
    let stays = *from <= cursor && text.is_char_boundary(*from) && width(&text[*from..cursor]) <= room;
    if !stays {
        *from = cursor - ending(before, room / 2).len();
    }
    *from = text.len() - ending(text, room).len().max(text.len() - *from);
    let before = &text[*from..cursor];
    let shown = beginning(behind, room.saturating_sub(width(before)) + 1);
    Part { follows: *from > 0, before, behind: shown, goes_on: shown.len() < behind.len() }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use unicode_segmentation::UnicodeSegmentation;

    #[test]
    fn what_fits_is_shown_whole() {
        let mut from = 3;
        let all = part("salut", 5, 6, &mut from);
        assert_eq!((all, from), (Part { follows: false, before: "salut", behind: "", goes_on: false }, 0));
    }

    #[test]
    fn what_does_not_fit_follows_the_cursor() {
        let mut from = 0;
        let text = "abcdefghijklmnop";
        let end = part(text, 16, 11, &mut from);
        assert_eq!(end, Part { follows: true, before: "ijklmnop", behind: "", goes_on: false });
        // Within what is shown, nothing moves.
        let middle = part(text, 13, 11, &mut from);
        assert_eq!(middle, Part { follows: true, before: "ijklm", behind: "nop", goes_on: false });
        let start = part(text, 0, 11, &mut from);
        assert_eq!(start, Part { follows: false, before: "", behind: "abcdefghi", goes_on: true });
    }

    proptest! {
        #[test]
        fn it_fits_and_its_cursor_too(text in "(\\PC|日|e\u{301}|👩‍👩‍👧){0,40}", at in 0.0..=1.0f64, room in 0usize..30, mut from in 0usize..50) {
            let mut cursor = (at * text.len() as f64) as usize;
            while !text.is_char_boundary(cursor) {
                cursor -= 1;
            }
            let part = part(&text, cursor, room, &mut from);
            let marks = usize::from(part.follows) + usize::from(part.goes_on);
            let shown = width(part.before) + width(part.behind) + marks;
            prop_assert!(shown <= room.max(3), "{part:?} in {room}");
            prop_assert!(text[..cursor].ends_with(part.before) && text[cursor..].starts_with(part.behind));
            // Nothing is hidden before it that would fit, with one column more for the cursor.
            let hidden = &text[..cursor - part.before.len()];
            let next = hidden.graphemes(true).next_back().map_or(0, width);
            prop_assert!(!part.follows || part.goes_on || shown + next + 2 > room, "{part:?} in {room}");
        }
    }
}
