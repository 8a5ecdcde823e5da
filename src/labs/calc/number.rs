//! From a typed line to a number, or to the reason why it is none. Pure.

use std::fmt::{self, Display};
use std::num::IntErrorKind;

use crate::text::{Visible, character_boundary};

/// Bytes of a refused text that are shown.
const SHOWN: usize = 40;

/// Why a line is no number.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    /// There is nothing on it.
    Empty,
    /// This text is something else.
    NotANumber(Vec<u8>),
    /// This number needs more than 64 bits.
    TooLarge(Vec<u8>),
    /// It has more bytes than this.
    TooLong(usize),
}

/// The number on a line: decimal digits with a sign or without, of 64 bits at most. Spaces around it are nothing, and so are
/// NULs, which some clients send with each string.
///
/// # Errors
/// The [`ParseError`].
pub fn number(line: &[u8]) -> Result<i64, ParseError> {
    let Ok(text) = std::str::from_utf8(line) else { return Err(ParseError::NotANumber(line.to_vec())) };
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\0');
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::Empty => ParseError::Empty,
        // The standard library stops where 64 bits end, and looks no further: a letter may be there.
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow if is_number(text) => {
            ParseError::TooLarge(text.into())
        }
        _ => ParseError::NotANumber(text.into()),
    })
}

fn is_number(text: &str) -> bool {
    text.strip_prefix(['+', '-']).unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
}

/// One line, without its newline, fit for a terminal.
impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Empty => {
                f.write_str("an empty line is not a number (expected: one such as 12 or -3)")
            }
            ParseError::NotANumber(text) => {
                write!(f, "{} is not a whole number (expected: one such as 12 or -3)", Quoted(text))
            }
            ParseError::TooLarge(text) => {
                write!(f, "{} does not fit into 64 bits (from {} to {})", Quoted(text), i64::MIN, i64::MAX)
            }
            ParseError::TooLong(most) => write!(f, "a line of more than {most} bytes is not a number"),
        }
    }
}

/// A text between quotation marks, shortened.
struct Quoted<'a>(&'a [u8]);

impl Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0.len() > SHOWN {
            true => write!(f, "\"{}...\"", Visible(&self.0[..character_boundary(self.0, SHOWN)])),
            false => write!(f, "\"{}\"", Visible(self.0)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_one_types_is_taken() {
        let numbers: [(&[u8], i64); 12] = [
            (b"12", 12),
            (b"+5", 5),
            (b"-3", -3),
            (b"-0", 0),
            (b" 7 \t\r", 7),
            ("\u{a0}7\u{2009}".as_bytes(), 7),
            (b"007", 7),
            (b"-000000000000000000000000000000000042", -42),
            (b"12\0\0", 12),
            (b"\0 12\r\0", 12),
            (b"9223372036854775807", i64::MAX),
            (b"-9223372036854775808", i64::MIN),
        ];
        for (line, expected) in numbers {
            assert_eq!(number(line), Ok(expected), "{}", String::from_utf8_lossy(line));
        }
    }

    #[test]
    fn what_is_no_whole_number_is_refused() {
        let others = [
            "9223372036854775808a",
            "-99999999999999999999 1",
            "1e3",
            "0x10",
            "1_000",
            "1.5",
            "1,5",
            "abc",
            "12a",
            "1 2",
            "- 3",
            "--3",
            "+",
            "-",
            "1\x002",
            "١٢",
        ];
        for line in others {
            assert_eq!(number(line.as_bytes()), Err(ParseError::NotANumber(line.into())));
        }
        assert_eq!(number(b"12\xff"), Err(ParseError::NotANumber(b"12\xff".to_vec())));
        for line in [&b""[..], b" ", b"\r", b"\0"] {
            assert_eq!(number(line), Err(ParseError::Empty));
        }
        for line in ["9223372036854775808", "-9223372036854775809", &"9".repeat(200)] {
            assert_eq!(number(line.as_bytes()), Err(ParseError::TooLarge(line.into())));
        }
    }

    #[test]
    fn a_refusal_shows_the_text_and_obeys_nothing_in_it() {
        let said = number(b"\x1b[2Jabc").unwrap_err().to_string();
        assert_eq!(said, "\"^[[2Jabc\" is not a whole number (expected: one such as 12 or -3)");
        let said = number("é".repeat(100).as_bytes()).unwrap_err().to_string();
        assert!(said.starts_with(&format!("\"{}...\" is not", "é".repeat(20))), "{said}");
    }
}
