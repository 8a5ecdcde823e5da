//! The codec: the texts in a record's body, and a text's recipient. Pure.

use std::fmt::{self, Display};

use super::name::Name;
use crate::hub::record::CHUNK;
use crate::text::{Visible, without_mark};

/// Bytes of a text, at most: one `read` of the server less the text's end.
pub const MAX_LEN: usize = CHUNK - 1;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RouteError<'a> {
    Malformed(&'a [u8]),
    UnknownName(&'a [u8]),
    /// Its queue is full, mostly of this sender's messages.
    SlowRecipient(&'a [u8]),
    TooLong,
}

impl Display for RouteError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RouteError::Malformed(text) => write!(f, "not of the form %name%message: \"{}\"", Visible(text)),
            RouteError::UnknownName(name) => write!(f, "no client is called \"{}\"", Visible(name)),
            RouteError::SlowRecipient(name) => {
                write!(f, "\"{}\" reads too slowly: not delivered", Visible(name))
            }
            RouteError::TooLong => write!(f, "more than {MAX_LEN} bytes without an end"),
        }
    }
}

/// Splits a record's body at newlines and NULs. An empty line is a text; nothing between NULs is
/// none: a run of NULs is one end, and a record adds one.
pub fn texts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|&byte| matches!(byte, 0 | b'\n')).filter_map(|text| match text {
        [0] => None,
        [text @ .., b'\n' | 0] => Some(text),
        text => Some(text),
    })
}

/// The recipient's name and the message: all after the second `%`, percent signs and spaces
/// included. A byte order mark may come first: some clients send one with each text.
pub fn parse(text: &[u8]) -> Result<(&[u8], &[u8]), RouteError<'_>> {
    let addressed = without_mark(text).strip_prefix(b"%").and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b'%')?;
        Some((rest[..end].trim_ascii(), &rest[end + 1..]))
    });
    addressed.filter(|(name, _)| !name.is_empty()).ok_or(RouteError::Malformed(text))
}

pub fn directed(to: &Name, message: &[u8]) -> Vec<u8> {
    [b"%", to.as_bytes(), b"%", message, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_come_without_their_ends() {
        let found = |body| texts(body).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(found(b"a\nb\nc\0\0d\0"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(found(b"%bob%hi\n\0\0"), [b"%bob%hi"]);
        assert_eq!(found(b"no end\0"), [b"no end"]);
        assert_eq!(found(b"\n\n\0"), [b"", b""]);
        assert!(found(b"\0\0").is_empty() && found(b"").is_empty());
        assert_eq!(found(b" a \n"), [b" a "]);
    }

    #[test]
    fn all_after_the_second_percent_sign_is_the_message() {
        assert_eq!(parse(b"%bob%hello"), Ok((&b"bob"[..], &b"hello"[..])));
        assert_eq!(parse(b"%bob%100% sure %carl%"), Ok((&b"bob"[..], &b"100% sure %carl%"[..])));
        assert_eq!(parse(b"%bob%  two  spaces  "), Ok((&b"bob"[..], &b"  two  spaces  "[..])));
        assert_eq!(parse("\u{feff}%bob%\u{feff}".as_bytes()), Ok((&b"bob"[..], "\u{feff}".as_bytes())));
        assert_eq!(parse(b"% bob %"), Ok((&b"bob"[..], &b""[..])));
        for wrong in "|hello|bob%hello| %bob%hello|%|%bob|%%hello|% %hello".split('|').map(str::as_bytes) {
            assert_eq!(parse(wrong), Err(RouteError::Malformed(wrong)), "{wrong:?}");
        }
    }

    #[test]
    fn an_error_is_one_line_for_any_input() {
        let (hostile, shown) = (b"\x1b[2J\n%\xff", r#""^[[2J^J%\xff""#);
        assert_eq!(
            RouteError::Malformed(hostile).to_string(),
            format!("not of the form %name%message: {shown}")
        );
        assert_eq!(RouteError::UnknownName(hostile).to_string(), format!("no client is called {shown}"));
    }
}
