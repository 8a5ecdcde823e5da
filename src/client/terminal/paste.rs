//! What was pasted, made fit for the line that is being typed, or for lines of their own. Pure.

/// The most lines of one paste.
pub const MAX_LINES: usize = 10_000;

/// A paste.
#[derive(Debug, PartialEq, Eq)]
pub struct Pasted {
    /// Its lines; the blank ones are left out.
    pub lines: Vec<String>,
    /// There was more than is taken.
    pub is_cut: bool,
}

impl Pasted {
    /// Takes what stands between the marks of a paste, `is_cut` when that was not all.
    pub fn of(bytes: &[u8], is_cut: bool) -> Pasted {
        let text = String::from_utf8_lossy(bytes);
        // An Enter that was pasted is a carriage return for many terminals.
        let lines = text.split(['\n', '\r']).map(fit_for_a_line).filter(|line| !line.trim().is_empty());
        let mut lines: Vec<String> = lines.take(MAX_LINES + 1).collect();
        let is_cut = is_cut || lines.len() > MAX_LINES;
        lines.truncate(MAX_LINES);
        Pasted { lines, is_cut }
    }
}

/// The longest beginning of `text` that has so many bytes at most.
pub fn at_most(text: &str, bytes: usize) -> &str {
    let is_whole = |&at: &usize| text.is_char_boundary(at);
    &text[..(0..=bytes.min(text.len())).rev().find(is_whole).unwrap_or(0)]
}

/// Without what would do something instead of being text.
fn fit_for_a_line(text: &str) -> String {
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
    fn lines_end_as_they_do_anywhere_and_blank_ones_are_none() {
        assert_eq!(lines("un\r\n\r\ndeux\rtrois\n  \nquatre"), ["un", "deux", "trois", "quatre"]);
        assert_eq!(lines("\n"), [""; 0]);
    }

    #[test]
    fn what_is_no_text_is_left_out() {
        assert_eq!(lines("\x1b[2Ja\tb\0c\u{202e}\u{9b}d\x07"), ["[2Ja    bcd"]);
        assert_eq!(Pasted::of(b"a\xffb", false).lines, ["a\u{fffd}b"]);
    }

    #[test]
    fn it_is_bounded_and_says_so() {
        let all = Pasted::of("x\n".repeat(MAX_LINES).as_bytes(), false);
        assert_eq!((all.lines.len(), all.is_cut), (MAX_LINES, false));
        let more = Pasted::of("x\n".repeat(MAX_LINES + 1).as_bytes(), false);
        assert_eq!((more.lines.len(), more.is_cut), (MAX_LINES, true));
    }
}
