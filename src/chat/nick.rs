//! The nick that a client gives itself, for its worker's process title and the status report. No
//! heap: a write to the heap copies a page that is shared with another process (copy-on-write).

use smallvec::SmallVec;

use super::message::ParsedMessage;
use crate::text::character_boundary;

/// Bytes of a nick that are kept, less where that would cut a character.
const KEPT: usize = 64;

/// The nick in the last message that had one; empty before that. Raw bytes of the network: make
/// them visible before showing them.
#[derive(Debug, Default)]
pub(crate) struct Nick(SmallVec<[u8; KEPT]>);

impl Nick {
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }

    /// Takes the nick of a message, or of a line's text. True when it is a new one.
    pub fn update(&mut self, message: &[u8]) -> bool {
        if self.is_in(message) {
            return false;
        }
        let Some(name) = ParsedMessage::of(message).name else { return false };
        let name = &name[..if name.len() > KEPT { character_boundary(name, KEPT) } else { name.len() }];
        if name == self.as_bytes() {
            return false;
        }
        self.0.clear();
        self.0.extend_from_slice(name);
        true
    }

    /// The fast path, for most messages: the nick contains no separator, whole or in part.
    fn is_in(&self, message: &[u8]) -> bool {
        let rest = message.strip_prefix(self.as_bytes()).unwrap_or_default();
        let is_separated = match rest {
            [b' ', b':', b' ', ..] => true,
            [b' ', b'>', b' ', ..] => !self.0.iter().any(u8::is_ascii_whitespace),
            _ => false,
        };
        (1..KEPT).contains(&self.0.len()) && is_separated
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_is_kept_until_another_comes() {
        let (long, accented) = ("n".repeat(100), format!("n{}", "é".repeat(50)));
        // Cut between two characters.
        let kept = &accented[..KEPT - 1];
        let mut nick = Nick::default();
        for (message, is_new, name) in [
            ("bonjour\0", false, ""),
            ("alice : un\0\0", true, "alice"),
            ("alice > deux\n\0", false, "alice"),
            ("sans nom", false, "alice"),
            ("alice2 : trois\0", true, "alice2"),
            ("alice : quatre\0", true, "alice"),
            ("  : cinq", true, " "),
            ("  > : six", true, "  >"),
            (&format!("{long} : x"), true, &long[..KEPT]),
            (&format!("{long} : y"), false, &long[..KEPT]),
            (&format!("{accented} : x"), true, kept),
            (&format!("{accented} : y"), false, kept),
            // A name that is as long as what was cut is the same.
            (&format!("{kept} : y"), false, kept),
        ] {
            assert_eq!(nick.update(message.as_bytes()), is_new, "{message:?}");
            assert_eq!(nick.as_bytes(), name.as_bytes(), "{message:?}");
        }
    }

    proptest! {
        /// The fast path agrees with a full parse.
        #[test]
        fn it_is_the_name_in_the_last_message_with_one(messages in prop::collection::vec("[ab:> \n]{0,12}", 1..30)) {
            let (mut nick, mut last) = (Nick::default(), Vec::new());
            for message in messages {
                let name = ParsedMessage::of(message.as_bytes()).name;
                let is_new = name.is_some_and(|name| name != last);
                last = name.map_or(last, <[u8]>::to_vec);
                prop_assert_eq!(nick.update(message.as_bytes()), is_new, "{:?}", message);
                prop_assert_eq!(nick.as_bytes(), &last[..]);
            }
        }
    }
}
