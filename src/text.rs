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

/// True when `text` shows as it is: nothing in it that [`visible`] would change.
pub fn is_plain(text: &str) -> bool {
    !text.chars().any(|c| c.is_control() || misleads(c))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn what_a_terminal_would_obey_is_shown() {
        assert_eq!(visible(b"\x1b[2J\x07\r\n\x7f"), "^[[2J^G^M^J^?");
        assert_eq!(visible("\u{9b}31m \u{202e}abc\u{2066}".as_bytes()), "<U+009B>31m <U+202E>abc<U+2066>");
        assert_eq!(visible(b"caf\xc3\xa9 \xc3 \xff\xfe"), "café \\xc3 \\xff\\xfe");
        assert_eq!(visible(b"a\tb\0\0"), "a    b");
    }

    #[test]
    fn ordinary_text_of_any_language_stays() {
        for text in ["Ça va ? Là-bas : œuf", "日本語", "שלום", "👩‍👩‍👧 e\u{301}"] {
            assert_eq!(visible(text.as_bytes()), text);
            assert!(is_plain(text));
        }
        assert!(!is_plain("a\u{1b}b") && !is_plain("\u{202e}"));
    }

    proptest! {
        #[test]
        fn nothing_that_comes_out_could_be_obeyed(bytes in prop::collection::vec(any::<u8>(), 0..300)) {
            prop_assert!(is_plain(&visible(&bytes)));
        }

        #[test]
        fn what_is_visible_already_is_not_changed_again(text in "\\PC{0,100}") {
            let once = visible(text.as_bytes());
            prop_assert_eq!(visible(once.as_bytes()), once);
        }
    }
}
