//! The form of a chat message, `pseudo : text`. Pure. `names` reads it more strictly, to find a
//! name that a reader could take for another.

use crate::text::{BOM, without_mark};

/// Longest nick, in bytes: a quarter of a message of 1024 bytes.
pub const MAX_NICK_LEN: usize = 255;

/// Between nick and text, as the course's C client writes it.
const SEPARATOR: &[u8] = b" : ";

/// Separator of some students' clients. Accepted only after a nick without blanks: `si x > 3 alors`
/// has no nick.
const STUDENT_SEPARATOR: &[u8] = b" > ";

/// A message as a reader sees it, without what [`trim`] removes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedMessage<'a> {
    /// Claimed by the sender and not checked, unless `--distinct-names` is on.
    pub name: Option<&'a [u8]>,
    pub text: &'a [u8],
}

impl<'a> ParsedMessage<'a> {
    /// Parses a message of C strings, or the text of a line.
    pub fn of(message: &'a [u8]) -> ParsedMessage<'a> {
        let message = trim(message);
        let front = &message[..message.len().min(MAX_NICK_LEN + SEPARATOR.len())];
        let is_separator = |&(at, window): &(usize, &[u8])| match window {
            SEPARATOR => true,
            STUDENT_SEPARATOR => !front[..at].iter().any(u8::is_ascii_whitespace),
            _ => false,
        };
        match front.windows(SEPARATOR.len()).enumerate().find(is_separator) {
            Some((at, _)) if at > 0 && !front[..at].contains(&b'\n') => {
                ParsedMessage { name: Some(&message[..at]), text: &message[at + SEPARATOR.len()..] }
            }
            _ => ParsedMessage { name: None, text: message },
        }
    }
}

/// True for a byte order mark alone, or what `--distinct-names` leaves of it. .NET's `StreamWriter`
/// sends one as it connects. C clients receive it, as from the original; there is nothing to show.
pub fn is_mark(message: &[u8]) -> bool {
    without_mark(message).iter().all(|&byte| byte == 0)
}

/// Strips line ends around a message, NULs behind it, and a byte order mark in front of it.
pub fn trim(message: &[u8]) -> &[u8] {
    let message = trim_end(message);
    let text = without_mark(&message[line_ends_in_front(message)..]);
    &text[line_ends_in_front(text)..]
}

/// True for line ends that came with the NUL before them, later than the message which that ended.
pub fn is_rest_of_end(message: &[u8]) -> bool {
    message.starts_with(b"\0") && trim_end(message).is_empty()
}

/// Number of bytes of line ends in front of a text; 0 where there is no text.
pub fn line_ends_in_front(message: &[u8]) -> usize {
    message.iter().position(|byte| !matches!(byte, b'\n' | b'\r')).unwrap_or(0)
}

/// Strips what a server may put in front of a message: blanks, line ends, NULs, byte order marks.
pub fn trim_start(message: &[u8]) -> &[u8] {
    let begin = message.iter().position(|byte| *byte != 0 && !byte.is_ascii_whitespace());
    let text = &message[begin.unwrap_or(message.len())..];
    text.strip_prefix(BOM).map_or(text, trim_start)
}

pub fn without_line_ends_before(message: &[u8]) -> &[u8] {
    let begin = message.iter().position(|byte| !matches!(byte, b'\n' | b'\r'));
    &message[begin.unwrap_or(message.len())..]
}

/// Strips line ends and NULs. Spaces stay: before an empty text, one belongs to the separator.
pub fn trim_end(message: &[u8]) -> &[u8] {
    let end = message.iter().rposition(|byte| !matches!(byte, 0 | b'\n' | b'\r')).map_or(0, |at| at + 1);
    &message[..end]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nick_ends_at_the_first_separator() {
        let longest = "n".repeat(MAX_NICK_LEN);
        for (message, name, text) in [
            ("alice : bonjour\0\0", "alice", "bonjour"),
            ("bob > salut\n\0", "bob", "salut"),
            ("\u{feff}bob : \u{feff}salut\0", "bob", "\u{feff}salut"),
            ("Jean Paul : a : b > c\0", "Jean Paul", "a : b > c"),
            ("alice : \0", "alice", ""),
            ("\r\nalice : un\0\r\n\0", "alice", "un"),
            ("\n\u{feff}alice : un\n\r\0", "alice", "un"),
            ("alice : un\ndeux\r\n\0", "alice", "un\ndeux"),
            ("alice : si x > 3 : alors", "alice", "si x > 3 : alors"),
            ("Jean > Paul : a", "Jean", "Paul : a"),
            ("Jean Paul > x : a", "Jean Paul > x", "a"),
            (&format!("{longest} : x\0"), &longest, "x"),
        ] {
            let expected = ParsedMessage { name: Some(name.as_bytes()), text: text.as_bytes() };
            assert_eq!(ParsedMessage::of(message.as_bytes()), expected, "{message:?}");
        }
    }

    #[test]
    fn what_a_server_puts_in_front_is_stripped() {
        for front in ["", "\n", "\r\n", "\0\n", " \u{feff}", "\u{feff}\n\u{feff} "] {
            assert_eq!(trim_start(format!("{front}a : x \n").as_bytes()), b"a : x \n");
            assert_eq!(trim_start(front.as_bytes()), b"");
        }
    }

    #[test]
    fn a_message_without_a_nick_is_all_text() {
        let long = "n".repeat(MAX_NICK_LEN + 1) + " : x";
        #[rustfmt::skip]
        let messages = [
            "bonjour", "a:b", " : x", " > x : y", "si x > 3 alors", "un\tdeux > trois", "un\ndeux : trois", &long,
        ];
        for message in messages {
            let expected = ParsedMessage { name: None, text: message.as_bytes() };
            assert_eq!(ParsedMessage::of(message.as_bytes()), expected, "{message:?}");
        }
        assert_eq!(ParsedMessage::of(b"\n\0\0"), ParsedMessage { name: None, text: b"" });
    }
}
