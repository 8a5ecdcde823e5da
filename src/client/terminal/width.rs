//! How many columns text takes. Pure.
//!
//! Terminals do not agree on emoji that are joined from several: some show one sign, others each part. The larger of the two counts
//! here, so that what is to fit in a line fits in all of them; where the cursor stands, the terminal itself remembers.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

/// The most columns that `text` takes.
pub fn width(text: &str) -> usize {
    text.graphemes(true).map(of_one).sum()
}

/// The longest beginning of `text` that takes `room` columns at most, and ends with a whole sign.
pub fn beginning(text: &str, room: usize) -> &str {
    let mut left = room;
    let over = text.grapheme_indices(true).find(|(_, sign)| match left.checked_sub(of_one(sign)) {
        Some(rest) => {
            left = rest;
            false
        }
        None => true,
    });
    over.map_or(text, |(at, _)| &text[..at])
}

/// The longest end of `text`, likewise.
pub fn ending(text: &str, room: usize) -> &str {
    let (mut left, mut from) = (room, text.len());
    for (at, sign) in text.grapheme_indices(true).rev() {
        match left.checked_sub(of_one(sign)) {
            Some(rest) => (left, from) = (rest, at),
            None => break,
        }
    }
    &text[from..]
}

fn of_one(sign: &str) -> usize {
    let in_parts = sign.chars().map(|c| c.width().unwrap_or_default()).sum();
    sign.width().max(in_parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_signs_count_twice_and_marks_on_others_not_at_all() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}te\u{301}"), 3);
        assert_eq!(width("🦀"), 2);
        // A family of three: one sign of two columns here, three of them there.
        assert_eq!(width("👩‍👩‍👧"), 6);
    }

    #[test]
    fn a_sign_is_never_cut() {
        assert_eq!(beginning("日本語", 3), "日");
        assert_eq!(ending("日本語", 5), "本語");
        assert_eq!(beginning("e\u{301}a", 1), "e\u{301}");
        assert_eq!(ending("ae\u{301}", 1), "e\u{301}");
        assert_eq!((beginning("abc", 9), ending("abc", 9)), ("abc", "abc"));
        assert_eq!((beginning("日", 1), ending("日", 0)), ("", ""));
    }
}
