//! Parser of a typed number. Pure.

use std::fmt::{self, Display};
use std::num::IntErrorKind;

use crate::text::{Visible, character_boundary};

/// Bytes of a rejected text that are shown.
const SHOWN: usize = 40;

const EXPECTED: &str = "(expected: one such as 12 or -3)";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ParseError {
    Empty,
    NotANumber(Vec<u8>),
    TooLarge(Vec<u8>),
    /// More than this many bytes.
    TooLong(usize),
}

/// Parses decimal digits with an optional sign. Trims spaces, and the NULs and byte order marks
/// that some clients send with each string.
pub fn parse_number(line: &[u8]) -> Result<i64, ParseError> {
    let Ok(text) = std::str::from_utf8(line) else { return Err(ParseError::NotANumber(line.to_vec())) };
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'));
    text.parse().map_err(|error: std::num::ParseIntError| match error.kind() {
        IntErrorKind::Empty => ParseError::Empty,
        // `parse` stops at the overflow: a letter may follow.
        IntErrorKind::PosOverflow | IntErrorKind::NegOverflow if is_number(text) => {
            ParseError::TooLarge(text.into())
        }
        _ => ParseError::NotANumber(text.into()),
    })
}

fn is_number(text: &str) -> bool {
    text.strip_prefix(['+', '-']).unwrap_or(text).bytes().all(|byte| byte.is_ascii_digit())
}

/// One line without control characters.
impl Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ParseError::Empty => write!(f, "an empty line is not a number {EXPECTED}"),
            ParseError::NotANumber(text) => write!(f, "{} is not a whole number {EXPECTED}", quoted(text)),
            ParseError::TooLarge(text) => {
                write!(f, "{} does not fit into 64 bits (from {} to {})", quoted(text), i64::MIN, i64::MAX)
            }
            ParseError::TooLong(most) => write!(f, "a line of more than {most} bytes is not a number"),
        }
    }
}

fn quoted(text: &[u8]) -> String {
    match text.len() > SHOWN {
        true => format!("\"{}...\"", Visible(&text[..character_boundary(text, SHOWN)])),
        false => format!("\"{}\"", Visible(text)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_as_typed_are_parsed() {
        let numbers: [(i64, &[&str]); 8] = [
            (12, &["12", "12\0\0", "\0 12\r\0", "\u{feff}12\u{feff}"]),
            (5, &["+5"]),
            (-3, &["-3"]),
            (0, &["-0"]),
            (7, &[" 7 \t\r", "\u{a0}7\u{2009}", "007"]),
            (-42, &["-000000000000000000000000000000000042"]),
            (i64::MAX, &["9223372036854775807"]),
            (i64::MIN, &["-9223372036854775808"]),
        ];
        for (number, lines) in numbers {
            for line in lines {
                assert_eq!(parse_number(line.as_bytes()), Ok(number), "{line}");
            }
        }
    }

    #[test]
    fn other_text_is_rejected() {
        let others = "9223372036854775808a|-99999999999999999999 1|1e3|0x10|1_000|1.5|1,5|abc|12a|1 2|- 3|--3|+|-|1\x002|١٢";
        for line in others.split('|') {
            assert_eq!(parse_number(line.as_bytes()), Err(ParseError::NotANumber(line.into())), "{line}");
        }
        assert_eq!(parse_number(b"12\xff"), Err(ParseError::NotANumber(b"12\xff".to_vec())));
        for line in [&b""[..], b" ", b"\r", b"\0"] {
            assert_eq!(parse_number(line), Err(ParseError::Empty), "{line:?}");
        }
        for line in ["9223372036854775808", "-9223372036854775809", &"9".repeat(200)] {
            assert_eq!(parse_number(line.as_bytes()), Err(ParseError::TooLarge(line.into())), "{line}");
        }
    }

    #[test]
    fn an_error_shows_the_text_without_control_characters() {
        let shown = parse_number(b"\x1b[2Jabc").unwrap_err().to_string();
        assert_eq!(shown, "\"^[[2Jabc\" is not a whole number (expected: one such as 12 or -3)");
        let shown = parse_number("é".repeat(100).as_bytes()).unwrap_err().to_string();
        assert!(shown.starts_with(&format!("\"{}...\" is not", "é".repeat(20))), "{shown}");
    }
}
