//! The codec: texts in what a child has cut, and whom a text is for. Pure.

use std::fmt::{self, Display};

use super::name::Name;
use crate::chat::child::CHUNK;
use crate::text::Visible;

/// The most bytes of a text: what one `read` of the server's holds beside the text's end.
pub const LONGEST: usize = CHUNK - 1;

/// Why a text goes to nobody.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mistake<'a> {
    /// Not of the form `%name%message`.
    Form(&'a [u8]),
    /// Nobody bears this name.
    Nobody(&'a [u8]),
    /// More than [`LONGEST`] bytes without an end.
    TooLong,
}

impl Display for Mistake<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Mistake::Form(text) => write!(f, "not of the form %name%message: \"{}\"", Visible(text)),
            Mistake::Nobody(name) => write!(f, "no client is called \"{}\"", Visible(name)),
            Mistake::TooLong => write!(f, "more than {LONGEST} bytes without an end"),
        }
    }
}

/// The texts of a record's body, without what ends them: a newline, a carriage return and a newline, or NULs. NULs end nothing
/// where nothing is: a run of them is one end, and the one that comes with a record is none of the client's.
pub fn texts(body: &[u8]) -> impl Iterator<Item = &[u8]> {
    body.split_inclusive(|&byte| matches!(byte, 0 | b'\n')).filter_map(|text| match text {
        [0] => None,
        [text @ .., b'\r', b'\n'] | [text @ .., b'\n' | 0] => Some(text),
        text => Some(text),
    })
}

/// Whom a text is for, and what it says: all after the second `%`, percent signs and spaces included.
///
/// # Errors
/// [`Mistake::Form`].
pub fn parse(text: &[u8]) -> Result<(&[u8], &[u8]), Mistake<'_>> {
    let addressed = text.strip_prefix(b"%").and_then(|rest| {
        let end = rest.iter().position(|&byte| byte == b'%')?;
        Some((rest[..end].trim_ascii(), &rest[end + 1..]))
    });
    addressed.filter(|(name, _)| !name.is_empty()).ok_or(Mistake::Form(text))
}

/// A text that gives `message` to the client called `to`.
pub fn directed(to: &Name, message: &[u8]) -> Vec<u8> {
    [b"%", to.as_bytes(), b"%", message, b"\n"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::cutter::{Cutter, Framing, messages};
    use proptest::prelude::*;
    use std::time::{Duration, Instant};

    /// The texts of what children cut out of `reads`, which come one after the other without a pause.
    fn texts_of(reads: &[&[u8]]) -> Vec<Vec<u8>> {
        let (mut buffer, now, mut found) = ([0; CHUNK], Instant::now(), Vec::new());
        let mut cutter = Cutter::new(&mut buffer, Framing::Texts(Duration::from_secs(1)));
        for (at, read) in reads.iter().enumerate() {
            cutter.spare()[..read.len()].copy_from_slice(read);
            cutter.filled(read.len());
            let take = |chunk: &[u8]| {
                // As the hub gets it: the last one of a write with a NUL more.
                for message in messages(chunk) {
                    let body = [message, if at % 2 == 0 { b"\0" } else { b"" }].concat();
                    found.extend(texts(&body).map(<[u8]>::to_vec));
                }
                Ok::<(), ()>(())
            };
            cutter.take(now, at + 1 == reads.len(), take).unwrap();
        }
        found
    }

    #[test]
    fn what_ends_a_text_is_no_part_of_it() {
        let found = |body| texts(body).map(<[u8]>::to_vec).collect::<Vec<_>>();
        assert_eq!(found(b"a\nb\r\nc\0\0d\0"), [b"a", b"b", b"c", b"d"]);
        assert_eq!(found(b"%bob%hi\n\0\0"), [b"%bob%hi"]);
        assert_eq!(found(b"no end\0"), [b"no end"]);
        // An empty line is a text; NULs alone are none.
        assert_eq!(found(b"\n\r\n\0"), [b"", b""]);
        assert!(found(b"\0\0").is_empty() && found(b"").is_empty());
        assert_eq!(found(b" a\rb \r\n"), [b" a\rb "]);
    }

    #[test]
    fn all_after_the_second_percent_sign_is_the_message() {
        assert_eq!(parse(b"%bob%hello"), Ok((&b"bob"[..], &b"hello"[..])));
        assert_eq!(parse(b"%bob%100% sure %carl%"), Ok((&b"bob"[..], &b"100% sure %carl%"[..])));
        assert_eq!(parse(b"%bob%  two  spaces  "), Ok((&b"bob"[..], &b"  two  spaces  "[..])));
        assert_eq!(parse(b"% bob %"), Ok((&b"bob"[..], &b""[..])));
        for wrong in
            [&b""[..], b"hello", b"bob%hello", b" %bob%hello", b"%", b"%bob", b"%%hello", b"% %hello"]
        {
            assert_eq!(parse(wrong), Err(Mistake::Form(wrong)));
        }
    }

    #[test]
    fn a_mistake_is_one_line_whatever_was_sent() {
        let hostile = b"\x1b[2J\n%\xff";
        assert_eq!(Mistake::Form(hostile).to_string(), "not of the form %name%message: \"^[[2J^J%\\xff\"");
        assert_eq!(Mistake::Nobody(hostile).to_string(), "no client is called \"^[[2J^J%\\xff\"");
    }

    proptest! {
        #[test]
        fn whatever_is_said_to_a_name_comes_out_as_it_went_in(
            name in "[a-zé 🦀:]{0,8}[a-z]", message in prop::collection::vec(any::<u8>(), 0..200),
        ) {
            let name = Name::new(name.as_bytes()).unwrap();
            let text = directed(&name, &message);
            let (to, said) = parse(&text[..text.len() - 1]).unwrap();
            prop_assert_eq!(Name::new(to), Ok(name));
            prop_assert_eq!(said, message);
        }

        #[test]
        fn any_bytes_are_of_the_form_or_not_and_nothing_is_lost(
            text in prop::collection::vec(prop_oneof![Just(b'%'), Just(b' '), any::<u8>()], 0..60),
        ) {
            let signs: Vec<usize> = (0..text.len()).filter(|&at| text[at] == b'%').collect();
            match parse(&text) {
                Ok((name, message)) => {
                    prop_assert_eq!(signs[0], 0);
                    prop_assert_eq!(name, text[1..signs[1]].trim_ascii());
                    prop_assert!(!name.is_empty());
                    prop_assert_eq!(message, &text[signs[1] + 1..]);
                }
                Err(mistake) => {
                    prop_assert_eq!(mistake, Mistake::Form(&text));
                    let nameless = signs.len() < 2 || signs[0] > 0 || text[1..signs[1]].trim_ascii().is_empty();
                    prop_assert!(nameless);
                }
            }
        }

        /// Whichever of the ends a client uses, and however TCP cuts what it sends.
        #[test]
        fn the_same_texts_come_out_of_any_cut(
            sent in prop::collection::vec(("[a-z%]{1,12}", prop_oneof![Just("\n"), Just("\r\n"), Just("\0"), Just("\n\0\0")]), 1..20),
            cuts in prop::collection::vec(1usize..30, 1..30),
        ) {
            let stream: Vec<u8> = sent.iter().flat_map(|(text, end)| [text.as_bytes(), end.as_bytes()].concat()).collect();
            let (mut reads, mut rest, mut cuts) = (Vec::new(), &stream[..], cuts.iter().cycle());
            while !rest.is_empty() {
                let (read, after) = rest.split_at((*cuts.next().unwrap()).min(rest.len()));
                reads.push(read);
                rest = after;
            }
            let expected: Vec<Vec<u8>> = sent.iter().map(|(text, _)| text.clone().into_bytes()).collect();
            prop_assert_eq!(texts_of(&reads), expected);
        }
    }
}
