//! Bytes from the network made safe to show in a terminal or a log: control sequences, and
//! characters that would make a line look like another, are shown instead of executed.

use std::fmt::{self, Write};

/// UTF-8's byte order mark, which editors and some clients put in front of a text.
pub const BOM: &[u8] = "\u{feff}".as_bytes();

pub fn without_mark(text: &[u8]) -> &[u8] {
    text.strip_prefix(BOM).unwrap_or(text)
}

/// Displays control characters as `^[`; C1 controls, bidirectional overrides and other invisible
/// formatting as `<U+202E>`; bytes that are not UTF-8 as `\xff`. NULs are dropped.
#[derive(Clone, Copy, Debug)]
pub struct Visible<'a>(pub &'a [u8]);

impl fmt::Display for Visible<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            chunk.valid().chars().try_for_each(|c| write_visible(f, c))?;
            chunk.invalid().iter().try_for_each(|byte| write!(f, "\\x{byte:02x}"))?;
        }
        Ok(())
    }
}

/// [`Visible`] as a string.
pub fn visible(bytes: &[u8]) -> String {
    Visible(bytes).to_string()
}

/// A `Display` from a closure, as `std::fmt::from_fn` of Rust 1.93.
pub fn from_fn(show: impl Fn(&mut fmt::Formatter<'_>) -> fmt::Result) -> impl fmt::Display {
    struct FromFn<F>(F);

    impl<F: Fn(&mut fmt::Formatter<'_>) -> fmt::Result> fmt::Display for FromFn<F> {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            (self.0)(f)
        }
    }
    FromFn(show)
}

fn write_visible(f: &mut fmt::Formatter<'_>, c: char) -> fmt::Result {
    match c {
        '\0' => Ok(()),
        '\t' => f.write_str("    "),
        '\x01'..='\x1f' => write!(f, "^{}", char::from(c as u8 + b'@')),
        '\x7f' => f.write_str("^?"),
        _ if misleads(c) => write!(f, "<U+{:04X}>", c as u32),
        _ => f.write_char(c),
    }
}

/// C1 controls, bidirectional marks, embeddings, overrides and isolates (UAX #9), line and
/// paragraph separators, and invisible formatting.
fn misleads(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// `line` without anything that could pass for the start of another line: controls and invisible
/// formatting become what [`Visible`] shows. Where that makes the line grow beyond `most`, they
/// become a `?` each. NULs are dropped; tabs and letters of an older encoding stay.
pub fn as_one_line(line: &[u8], most: usize) -> Vec<u8> {
    let shown = one_line(line, visible);
    if shown.len() <= line.len().max(most) { shown } else { one_line(line, |_| "?".to_string()) }
}

fn one_line(line: &[u8], show: impl Fn(&[u8]) -> String) -> Vec<u8> {
    // NULs first, or the bytes on both sides of one could join to a character.
    let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).collect();
    let mut safe = Vec::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        for c in chunk.valid().chars() {
            if c == '\t' || !(c.is_control() || misleads(c)) {
                safe.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes());
            } else {
                safe.extend_from_slice(show(c.encode_utf8(&mut [0; 4]).as_bytes()).as_bytes());
            }
        }
        for &byte in chunk.invalid() {
            match byte {
                // C1 controls of ISO 8859.
                0x80..=0x9f => safe.extend_from_slice(show(&[byte]).as_bytes()),
                _ => safe.push(byte),
            }
        }
    }
    safe
}

/// [`Visible`] for text in pieces. Newlines stay, without the carriage return before them; a
/// character cut by the end of a piece waits for its rest.
#[derive(Debug, Default)]
pub struct VisibleStream {
    cut: Vec<u8>,
}

impl VisibleStream {
    /// The next piece, safe to show.
    pub fn feed(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(piece);
        self.cut = bytes.split_off(bytes.len() - unfinished(&bytes));
        lines_visible(&bytes)
    }

    /// The cut character at the end of the stream.
    pub fn finish(&mut self) -> String {
        lines_visible(&std::mem::take(&mut self.cut))
    }
}

fn lines_visible(bytes: &[u8]) -> String {
    let line_visible = |line: &[u8]| match line.strip_suffix(b"\n") {
        Some(text) => visible(text.strip_suffix(b"\r").unwrap_or(text)) + "\n",
        None => visible(line),
    };
    bytes.split_inclusive(|&byte| byte == b'\n').map(line_visible).collect()
}

/// The length of a cut character at the end, or of a carriage return that may precede a newline.
fn unfinished(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\r") { 1 } else { incomplete_suffix_len(bytes) }
}

/// The length of an incomplete UTF-8 character at the end.
pub fn incomplete_suffix_len(bytes: &[u8]) -> usize {
    (1..=3.min(bytes.len())).rev().find(|&n| is_incomplete(&bytes[bytes.len() - n..])).unwrap_or(0)
}

fn is_incomplete(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// True when [`visible`] would leave `text` unchanged.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || misleads(c))
}

/// True when all of `text` is invisible.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || shows_nothing(c))
}

/// True for a character that is visible, or a blank.
pub fn is_seen(c: char) -> bool {
    !(c.is_control() || misleads(c) || shows_nothing(c))
}

/// Invisible alone: soft hyphens, unwritten vowels, joiners, variation selectors, fillers
/// (Default_Ignorable_Code_Point of DerivedCoreProperties.txt), the blank Braille pattern.
fn shows_nothing(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}')
}

/// The last index up to `most` that is not inside a UTF-8 character; `most` if they are not UTF-8.
pub fn character_boundary(bytes: &[u8], most: usize) -> usize {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (most.saturating_sub(3)..=most).rev().find(|&at| at > 0 && !inside(at)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn controls_are_shown() {
        assert_eq!(visible(b"\x1b[2J\x07\r\n\x7f"), "^[[2J^G^M^J^?");
        assert_eq!(visible("\u{9b}31m \u{202e}abc\u{2066}".as_bytes()), "<U+009B>31m <U+202E>abc<U+2066>");
        assert_eq!(visible(b"caf\xc3\xa9 \xc3 \xff\xfe"), "café \\xc3 \\xff\\xfe");
        assert_eq!(visible(b"a\tb\0\0"), "a    b");
    }

    #[test]
    fn a_line_stays_one_line_when_nuls_are_dropped() {
        assert_eq!(as_one_line(b"eve\r\tprof\0 \xe9", 100), b"eve^M\tprof \xe9");
        assert_eq!(as_one_line(b"a\xe2\0\x80\xa8b\xef\0\xbb\xbfc", 100), b"a<U+2028>b<U+FEFF>c");
    }

    #[test]
    fn a_line_does_not_grow_beyond_its_limit() {
        assert_eq!(as_one_line("\u{202e}a\x1bb".as_bytes(), 12), b"<U+202E>a^[b");
        assert_eq!(as_one_line("\u{202e}a\x1bb".as_bytes(), 11), b"?a?b");
        assert_eq!(as_one_line(b"\x9b\x85\t\xe9", 4), b"??\t\xe9");
    }

    #[test]
    fn ordinary_text_of_any_language_is_unchanged() {
        for text in ["Ça va ? Là-bas : œuf", "日本語", "שלום", "👩‍👩‍👧 e\u{301}"] {
            assert_eq!(visible(text.as_bytes()), text);
            assert!(is_plain(text), "{text}");
        }
        assert!(!is_plain("a\u{1b}b") && !is_plain("\u{202e}"));
    }

    #[test]
    fn invisible_text_is_blank() {
        for text in ["", " \t", "\u{a0}", "\u{200d}\u{fe0f}", "\u{3164}", "\u{ad}\u{2800}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank(" a") && !is_blank("👩‍👧"));
    }

    #[test]
    fn a_stream_keeps_newlines_and_joins_cut_characters() {
        let mut stream = VisibleStream::default();
        let pieces: [&[u8]; 5] = [b"caf\xc3", b"\xa9\r", b"\n\x1b[2J\xe2\x82", b"x\rz\n", b"\xf0\x9f"];
        let shown: Vec<String> = pieces.iter().map(|piece| stream.feed(piece)).collect();
        assert_eq!(shown, ["caf", "é", "\n^[[2J", "\\xe2\\x82x^Mz\n", ""]);
        assert_eq!(stream.finish(), "\\xf0\\x9f");
    }
}
