//! What a client may be called. Pure.

use std::fmt::{self, Display};

use smallvec::SmallVec;

use crate::text::{Visible, is_blank, is_plain};

/// The longest name, in bytes.
pub const MAX_LEN: usize = 64;

/// A name that can stand between two `%` and in a line of text. No memory from the heap: see [`crate::sys::dontfork_vec`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Name(SmallVec<[u8; MAX_LEN]>);

/// Why something is no name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameError {
    /// Nothing that shows.
    Empty,
    /// A `%`, which ends a name.
    Percent,
    /// What a terminal would obey, or what looks like something else.
    Control,
    /// More than 64 bytes.
    TooLong,
    /// No UTF-8.
    NotText,
}

impl Name {
    /// The name in `text`; spaces around it are no part of it.
    ///
    /// # Errors
    /// [`NameError`].
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

    /// As it goes over the wire.
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
    fn a_name_is_any_text_that_shows() {
        for (text, shown) in [("bob", "bob"), (" Zoë \t", "Zoë"), ("deux mots", "deux mots"), ("🦀", "🦀")]
        {
            assert_eq!(Name::new(text.as_bytes()).unwrap().to_string(), shown);
        }
        assert!(Name::new(&[b'x'; MAX_LEN]).is_ok());
    }

    #[test]
    fn what_could_be_taken_for_something_else_is_no_name() {
        for (text, why) in [
            (&b""[..], NameError::Empty),
            (b" \t ", NameError::Empty),
            ("\u{200d}".as_bytes(), NameError::Empty),
            (b"bo%b", NameError::Percent),
            (b"%bob%hello", NameError::Percent),
            (b"b\x1b[2Jb", NameError::Control),
            (b"b\nb", NameError::Control),
            ("b\u{202e}b".as_bytes(), NameError::Control),
            (b"b\xff", NameError::NotText),
            (&[b'x'; MAX_LEN + 1], NameError::TooLong),
        ] {
            assert_eq!(Name::new(text), Err(why), "{text:?}");
        }
    }
}
