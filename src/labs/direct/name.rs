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

impl Name {
    /// Trims spaces around the name. Misleading characters count as control characters.
    pub fn new(text: &[u8]) -> Result<Name, String> {
        let text = std::str::from_utf8(text).map_err(|_| "a name is UTF-8 text")?.trim();
        if text.len() > MAX_LEN {
            Err(format!("a name has at most {MAX_LEN} bytes"))
        } else if is_blank(text) {
            Err("a name cannot be empty".to_string())
        } else if text.contains('%') {
            Err("a name holds no %".to_string())
        } else if !is_plain(text) {
            Err("a name holds no control characters".to_string())
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
        for (why, names) in [
            ("a name cannot be empty", &["".as_bytes(), b" \t ", "\u{200d}".as_bytes()][..]),
            ("a name holds no %", &[b"bo%b", b"%bob%hello"]),
            ("a name holds no control characters", &[b"b\x1b[2Jb", b"b\nb", "b\u{202e}b".as_bytes()]),
            ("a name has at most 64 bytes", &[too_long.as_bytes()]),
            ("a name is UTF-8 text", &[b"b\xff"]),
        ] {
            for name in names {
                assert_eq!(Name::new(name), Err(why.to_string()), "{name:?}");
            }
        }
    }
}
