//! Names of clients. Pure.

use std::fmt::{self, Display};

use smallvec::SmallVec;

use crate::text::{Visible, is_blank, is_plain};

/// Bytes of a name, at most.
pub const MAX_LEN: usize = 64;

/// Fit to stand between two `%` and in a line of text. Kept off the heap: see
/// [`crate::sys::dontfork_vec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(SmallVec<[u8; MAX_LEN]>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    Empty,
    Percent,
    /// Control or misleading characters.
    Control,
    TooLong,
    NotText,
}

impl Name {
    /// Trims spaces around the name.
    pub fn new(text: &[u8]) -> Result<Name, NameError> {
        let text = std::str::from_utf8(text).map_err(|_| NameError::NotText)?.trim();
        if text.len() > MAX_LEN {
            Err(NameError::TooLong)
        } else if is_blank(text) {
            Err(NameError::Empty)
        } else if text.contains('%') {
            Err(NameError::Percent)
        } else if !is_plain(text) {
            Err(NameError::Control)
        } else {
            Ok(Name(text.as_bytes().into()))
        }
    }

    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl Display for Name {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        Visible(&self.0).fmt(f)
    }
}

impl Display for NameError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NameError::Empty => f.write_str("a name cannot be empty"),
            NameError::Percent => f.write_str("a name holds no %"),
            NameError::Control => f.write_str("a name holds no control characters"),
            NameError::TooLong => write!(f, "a name has at most {MAX_LEN} bytes"),
            NameError::NotText => f.write_str("a name is UTF-8 text"),
        }
    }
}

impl std::error::Error for NameError {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_any_visible_text() {
        for text in ["bob", " Zoë \t", "deux mots", "🦀"] {
            assert_eq!(Name::new(text.as_bytes()).unwrap().to_string(), text.trim());
        }
        assert!(Name::new(&[b'x'; MAX_LEN]).is_ok());
    }

    #[test]
    fn unsafe_names_are_rejected() {
        let too_long = "x".repeat(MAX_LEN + 1);
        for (why, texts) in [
            (NameError::Empty, &["", " \t ", "\u{200d}"][..]),
            (NameError::Percent, &["bo%b", "%bob%hello"]),
            (NameError::Control, &["b\x1b[2Jb", "b\nb", "b\u{202e}b"]),
            (NameError::TooLong, &[&too_long]),
        ] {
            for text in texts {
                assert_eq!(Name::new(text.as_bytes()), Err(why), "{text:?}");
            }
        }
        assert_eq!(Name::new(b"b\xff"), Err(NameError::NotText));
    }
}
