//! Who speaks in a message, as those who show it want to know: a client's screen, a page, a process's title. Pure.

use super::client::outgoing::MAX_NICK_LEN;

/// What stands between a name and its text: of the course's client.
const SEPARATOR: &[u8] = b" : ";

/// The same, of some students'. Behind a name without blanks alone: `si x > 3 alors` bears none.
const STUDENTS: &[u8] = b" > ";

/// A message, as a reader sees it: without the newline and the NULs at its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ParsedMessage<'a> {
    /// The name before the text, where there is one. Anybody may write any name there, also with `--distinct-names` off.
    pub name: Option<&'a [u8]>,
    /// What was said.
    pub text: &'a [u8],
}

impl<'a> ParsedMessage<'a> {
    /// Takes a message of C strings, or the text of a line, apart.
    pub fn of(message: &'a [u8]) -> ParsedMessage<'a> {
        let end = message.iter().rposition(|byte| !matches!(byte, 0 | b'\n' | b'\r')).map_or(0, |at| at + 1);
        // An empty text leaves the separator's last blank, which is no end.
        let message = &message[..end];
        let front = &message[..message.len().min(MAX_NICK_LEN + 3)];
        let is_separator = |&(at, window): &(usize, &[u8])| match window {
            SEPARATOR => true,
            STUDENTS => !front[..at].iter().any(u8::is_ascii_whitespace),
            _ => false,
        };
        match front.windows(3).enumerate().find(is_separator) {
            Some((at, _)) if at > 0 && !front[..at].contains(&b'\n') => {
                ParsedMessage { name: Some(&message[..at]), text: &message[at + 3..] }
            }
            _ => ParsedMessage { name: None, text: message },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spoken(message: &str) -> (Option<String>, String) {
        let ParsedMessage { name, text } = ParsedMessage::of(message.as_bytes());
        let owned = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
        (name.map(owned), owned(text))
    }

    #[test]
    fn the_name_stands_before_the_first_separator() {
        for (message, name, text) in [
            ("alice : bonjour\0\0", "alice", "bonjour"),
            ("bob > salut\n\0", "bob", "salut"),
            ("Jean Paul : a : b > c\0", "Jean Paul", "a : b > c"),
            ("alice : \0", "alice", ""),
            ("alice : un\ndeux\r\n\0", "alice", "un\ndeux"),
            ("alice : si x > 3 : alors", "alice", "si x > 3 : alors"),
            ("Jean > Paul : a", "Jean", "Paul : a"),
            ("Jean Paul > x : a", "Jean Paul > x", "a"),
        ] {
            assert_eq!(spoken(message), (Some(name.to_string()), text.to_string()), "{message:?}");
        }
    }

    #[test]
    fn what_bears_no_name_is_all_text() {
        for message in [
            "bonjour",
            "a:b",
            " : x",
            " > x : y",
            "si x > 3 alors",
            "un\tdeux > trois",
            "un\ndeux : trois",
            &format!("{} : x", "n".repeat(256)),
        ] {
            assert_eq!(spoken(message), (None, message.to_string()));
        }
        assert_eq!(spoken("\n\0\0"), (None, String::new()));
    }

    #[test]
    fn the_longest_pseudo_is_a_name() {
        let name = "n".repeat(MAX_NICK_LEN);
        assert_eq!(spoken(&format!("{name} : x\0")), (Some(name), "x".to_string()));
    }
}
