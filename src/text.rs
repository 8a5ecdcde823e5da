//! Bytes from the network, made fit for a terminal or a log: everything that a terminal would obey, or that would make
//! a line look like another, is shown instead of done.

use std::fmt::{self, Write};

/// Bytes that display as text in which control characters stand as `^[`, C1 controls, bidirectional overrides and other
/// invisible formatting as `<U+202E>`, and what is not UTF-8 as `\xff`. NULs are left out: they end strings and are no text.
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

/// C1 controls, bidirectional marks, embeddings, overrides and isolates (UAX #9), line and paragraph separators,
/// invisible characters that change nothing but what a reader believes to see.
fn misleads(c: char) -> bool {
    matches!(c, '\u{80}'..='\u{9f}' | '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}'
        | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}'
        | '\u{e0000}'..='\u{e007f}')
}

/// `line` without what could pass for the end of it and the beginning of another's: controls and invisible formatting stand there
/// as [`Visible`] shows them, or, where the line would be longer by that, and longer than `most`, as one `?` each. NULs are left
/// out; tabs stay, and bytes that are letters in an older encoding.
pub fn as_one_line(line: &[u8], most: usize) -> Vec<u8> {
    let shown = one_line(line, visible);
    if shown.len() <= line.len().max(most) { shown } else { one_line(line, |_| "?".to_string()) }
}

fn one_line(line: &[u8], show: impl Fn(&[u8]) -> String) -> Vec<u8> {
    // First of all, or bytes on both sides of one could become a character.
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

/// [`Visible`] for text that comes in pieces: newlines stay what they are (with a carriage return before them or without), and a
/// character that a piece has cut waits for its rest.
#[derive(Debug, Default)]
pub struct VisibleStream {
    cut: Vec<u8>,
}

impl VisibleStream {
    /// The next piece, fit for a terminal.
    pub fn feed(&mut self, piece: &[u8]) -> String {
        let mut bytes = std::mem::take(&mut self.cut);
        bytes.extend_from_slice(piece);
        self.cut = bytes.split_off(bytes.len() - unfinished(&bytes));
        lines_visible(&bytes)
    }

    /// What waits for a rest that will not come.
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

/// How many bytes at the end are the beginning of something: of a character, or a carriage return that may precede a newline.
fn unfinished(bytes: &[u8]) -> usize {
    if bytes.ends_with(b"\r") {
        return 1;
    }
    incomplete_suffix_len(bytes)
}

/// How many bytes at the end are the beginning of a UTF-8 character whose rest is not there.
pub fn incomplete_suffix_len(bytes: &[u8]) -> usize {
    // A character has 4 bytes at most, so 3 of it can be a beginning.
    (1..=3.min(bytes.len())).rev().find(|&n| is_beginning(&bytes[bytes.len() - n..])).unwrap_or(0)
}

fn is_beginning(bytes: &[u8]) -> bool {
    std::str::from_utf8(bytes).is_err_and(|error| error.valid_up_to() == 0 && error.error_len().is_none())
}

/// True when `text` shows as it is: nothing in it that [`visible`] would change.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || misleads(c))
}

/// True when `text` shows nothing at all.
pub fn is_blank(text: &str) -> bool {
    text.chars().all(|c| c.is_whitespace() || shows_nothing(c))
}

/// True for what leaves a mark where it stands, blanks aside.
pub fn is_seen(c: char) -> bool {
    !(c.is_control() || misleads(c) || shows_nothing(c))
}

/// True for what has its use between other characters and shows nothing alone: hyphens and vowels that are not written, joiners, variation
/// selectors, fillers (Default_Ignorable_Code_Point of Unicode's DerivedCoreProperties.txt), the Braille pattern of no dot.
fn shows_nothing(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
        | '\u{200c}' | '\u{200d}' | '\u{2800}' | '\u{3164}' | '\u{fe00}'..='\u{fe0f}' | '\u{ffa0}' | '\u{fff0}'..='\u{fff8}'
        | '\u{1bca0}'..='\u{1bca3}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0080}'..='\u{e0fff}')
}

/// The last place up to `most` that does not lie inside a UTF-8 character; `most` where the bytes are not UTF-8 anyway.
pub fn character_boundary(bytes: &[u8], most: usize) -> usize {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (most.saturating_sub(3)..=most).rev().find(|&at| at > 0 && !inside(at)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible(b"\x1b[2J\x07\r\n\x7f"), "^[[2J^G^M^J^?");
        assert_eq!(visible("\u{9b}31m \u{202e}abc\u{2066}".as_bytes()), "<U+009B>31m <U+202E>abc<U+2066>");
        assert_eq!(visible(b"caf\xc3\xa9 \xc3 \xff\xfe"), "café \\xc3 \\xff\\xfe");
        assert_eq!(visible(b"a\tb\0\0"), "a    b");
    }

    #[test]
    fn a_line_stays_one_also_where_a_nul_is_taken_out_of_it() {
        assert_eq!(as_one_line(b"eve\r\tprof\0 \xe9", 100), b"eve^M\tprof \xe9");
        assert_eq!(as_one_line(b"a\xe2\0\x80\xa8b\xef\0\xbb\xbfc", 100), b"a<U+2028>b<U+FEFF>c");
    }

    #[test]
    fn a_line_does_not_grow_beyond_what_it_may_have() {
        assert_eq!(as_one_line("\u{202e}a\x1bb".as_bytes(), 12), b"<U+202E>a^[b");
        assert_eq!(as_one_line("\u{202e}a\x1bb".as_bytes(), 11), b"?a?b");
        assert_eq!(as_one_line(b"\x9b\x85\t\xe9", 4), b"??\t\xe9");
    }

    #[test]
    fn ordinary_text_of_any_language_stays() {
        for text in ["Ça va ? Là-bas : œuf", "日本語", "שלום", "👩‍👩‍👧 e\u{301}"] {
            assert_eq!(visible(text.as_bytes()), text);
            assert!(is_plain(text));
        }
        assert!(!is_plain("a\u{1b}b") && !is_plain("\u{202e}"));
    }

    #[test]
    fn what_shows_nothing_is_blank() {
        for text in ["", " \t", "\u{a0}", "\u{200d}\u{fe0f}", "\u{3164}", "\u{ad}\u{2800}"] {
            assert!(is_blank(text), "{text:?}");
        }
        assert!(!is_blank(" a") && !is_blank("👩‍👧"));
    }

    #[test]
    fn a_stream_keeps_its_newlines_and_the_characters_that_were_cut() {
        let mut stream = VisibleStream::default();
        let pieces: [&[u8]; 5] = [b"caf\xc3", b"\xa9\r", b"\n\x1b[2J\xe2\x82", b"x\rz\n", b"\xf0\x9f"];
        let shown: Vec<String> = pieces.iter().map(|piece| stream.feed(piece)).collect();
        assert_eq!(shown, ["caf", "é", "\n^[[2J", "\\xe2\\x82x^Mz\n", ""]);
        assert_eq!(stream.finish(), "\\xf0\\x9f");
    }
}
