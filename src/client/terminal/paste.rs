//! Pasted text, as lines fit to be sent. Pure.

pub const MAX_LINES: usize = 10_000;

#[derive(Debug, PartialEq, Eq)]
pub struct Pasted {
    /// Without blank ones.
    pub lines: Vec<String>,
    /// More was pasted than is kept.
    pub is_cut: bool,
}

impl Pasted {
    /// From the bytes of a bracketed paste; `is_cut`: some were dropped before.
    pub fn of(bytes: &[u8], is_cut: bool) -> Pasted {
        let text = String::from_utf8_lossy(bytes);
        // Many terminals send a pasted newline as a carriage return.
        let lines = text.split(['\n', '\r']).map(printable).filter(|line| !line.trim().is_empty());
        let mut lines: Vec<String> = lines.take(MAX_LINES + 1).collect();
        let is_cut = is_cut || lines.len() > MAX_LINES;
        lines.truncate(MAX_LINES);
        Pasted { lines, is_cut }
    }
}

/// Longest prefix of at most `bytes` bytes.
pub fn at_most(text: &str, bytes: usize) -> &str {
    let is_boundary = |&at: &usize| text.is_char_boundary(at);
    &text[..(0..=bytes.min(text.len())).rev().find(is_boundary).unwrap_or(0)]
}

/// Without control characters; tabs become spaces.
fn printable(text: &str) -> String {
    let text = text.replace('\t', "    ");
    text.chars().filter(|c| crate::text::is_plain(c.encode_utf8(&mut [0; 4]))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<String> {
        Pasted::of(text.as_bytes(), false).lines
    }

    #[test]
    fn every_line_ending_counts_and_blank_lines_are_left_out() {
        assert_eq!(lines("un\r\n\r\ndeux\rtrois\n  \nquatre"), ["un", "deux", "trois", "quatre"]);
        assert_eq!(lines("\n"), [""; 0]);
    }

    #[test]
    fn control_characters_are_left_out() {
        assert_eq!(lines("\x1b[2Ja\tb\0c\u{202e}\u{9b}d\x07"), ["[2Ja    bcd"]);
        assert_eq!(Pasted::of(b"a\xffb", false).lines, ["a\u{fffd}b"]);
    }

    #[test]
    fn a_paste_is_bounded_and_marked_as_cut() {
        let all = Pasted::of("x\n".repeat(MAX_LINES).as_bytes(), false);
        assert_eq!((all.lines.len(), all.is_cut), (MAX_LINES, false));
        let more = Pasted::of("x\n".repeat(MAX_LINES + 1).as_bytes(), false);
        assert_eq!((more.lines.len(), more.is_cut), (MAX_LINES, true));
    }
}
