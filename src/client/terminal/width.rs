//! Width of text in terminal columns. Pure.
//!
//! Terminals disagree on emoji joined from several: some show one, others each part. The larger
//! width counts here, so that text fits in all of them; the cursor's column is saved and restored
//! by the terminal itself.

use unicode_segmentation::UnicodeSegmentation;
use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

pub fn width(text: &str) -> usize {
    text.graphemes(true).map(grapheme_width).sum()
}

/// Longest prefix of whole graphemes that fits in `room` columns.
pub fn beginning(text: &str, room: usize) -> &str {
    &text[..fitting(text.graphemes(true), room)]
}

/// Longest suffix of whole graphemes that fits in `room` columns.
pub fn ending(text: &str, room: usize) -> &str {
    &text[text.len() - fitting(text.graphemes(true).rev(), room)..]
}

/// Bytes of the first graphemes that fit in `room` columns together.
fn fitting<'a>(graphemes: impl Iterator<Item = &'a str>, room: usize) -> usize {
    let (mut left, mut bytes) = (room, 0);
    for grapheme in graphemes {
        let Some(rest) = left.checked_sub(grapheme_width(grapheme)) else { break };
        (left, bytes) = (rest, bytes + grapheme.len());
    }
    bytes
}

fn grapheme_width(grapheme: &str) -> usize {
    let in_parts = grapheme.chars().map(|c| c.width().unwrap_or_default()).sum();
    grapheme.width().max(in_parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wide_characters_count_twice_and_combining_ones_not_at_all() {
        assert_eq!(width("abc"), 3);
        assert_eq!(width("日本"), 4);
        assert_eq!(width("e\u{301}te\u{301}"), 3);
        assert_eq!(width("🦀"), 2);
        // A family of three: 2 columns in some terminals, 6 in others.
        assert_eq!(width("👩‍👩‍👧"), 6);
    }

    #[test]
    fn a_grapheme_is_never_cut() {
        assert_eq!(beginning("日本語", 3), "日");
        assert_eq!(ending("日本語", 5), "本語");
        assert_eq!(beginning("e\u{301}a", 1), "e\u{301}");
        assert_eq!(ending("ae\u{301}", 1), "e\u{301}");
        assert_eq!((beginning("abc", 9), ending("abc", 9)), ("abc", "abc"));
        assert_eq!((beginning("日", 1), ending("日", 0)), ("", ""));
    }
}
