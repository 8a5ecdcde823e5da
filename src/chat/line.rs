//! From what one types to what goes on the wire: `pseudo : text` and a NUL, at most 1024 bytes whole. Pure.

/// The most bytes of one message with its NUL, as the course's client has it.
pub const MOST: usize = 1024;

/// The longest pseudo, in bytes: three quarters of each message stay for the text.
pub const LONGEST_PSEUDO: usize = 255;

/// Turns keyboard bytes into messages.
#[derive(Debug)]
pub struct Lines {
    /// `pseudo : `
    prefix: Vec<u8>,
    held: Vec<u8>,
}

impl Lines {
    /// For a client called `pseudo`, of at most [`LONGEST_PSEUDO`] bytes.
    pub fn new(pseudo: &str) -> Lines {
        Lines { prefix: format!("{pseudo} : ").into_bytes(), held: Vec::new() }
    }

    /// Takes `typed` and gives `give` each message that it completes. A line too long for one message goes in pieces,
    /// as soon as there is enough for one: memory is bounded whatever is typed. NULs, which would end the message early,
    /// are left out.
    pub fn feed(&mut self, typed: &[u8], mut give: impl FnMut(Vec<u8>)) {
        for &byte in typed {
            match byte {
                b'\n' => give(self.message(self.held.len())),
                0 => {}
                _ => {
                    self.held.push(byte);
                    if self.held.len() > self.room() {
                        give(self.message(character_boundary(&self.held, self.room())));
                    }
                }
            }
        }
    }

    /// The last line, if it lacks its newline. Nothing typed is no message.
    pub fn finish(&mut self) -> Option<Vec<u8>> {
        (!self.held.is_empty()).then(|| self.message(self.held.len()))
    }

    /// Bytes of text in one message.
    fn room(&self) -> usize {
        MOST - 1 - self.prefix.len()
    }

    fn message(&mut self, length: usize) -> Vec<u8> {
        let text: Vec<u8> = self.held.drain(..length).collect();
        [&self.prefix[..], &text, b"\0"].concat()
    }
}

/// The last place up to `most` that does not lie inside a UTF-8 character; `most` where the bytes are not UTF-8 anyway.
fn character_boundary(bytes: &[u8], most: usize) -> usize {
    let inside = |at: usize| bytes.get(at).is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000);
    (most.saturating_sub(3)..=most).rev().find(|&at| !inside(at)).unwrap_or(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn typed(pseudo: &str, text: &[u8]) -> Vec<Vec<u8>> {
        let (mut lines, mut messages) = (Lines::new(pseudo), Vec::new());
        lines.feed(text, |message| messages.push(message));
        messages.extend(lines.finish());
        messages
    }

    #[test]
    fn a_line_is_a_message_without_its_newline() {
        assert_eq!(typed("alice", b"bonjour\n"), [b"alice : bonjour\0"]);
        assert_eq!(typed("alice", b"\n"), [b"alice : \0"]);
        assert_eq!(typed("alice", b"sans fin"), [b"alice : sans fin\0"]);
        assert!(typed("alice", b"").is_empty());
    }

    #[test]
    fn a_line_that_just_fits_is_one_message_and_one_byte_more_makes_two() {
        let room = MOST - 1 - "al : ".len();
        let fits = typed("al", &[b"x".repeat(room), b"\n".to_vec()].concat());
        assert_eq!(fits.iter().map(Vec::len).collect::<Vec<_>>(), [MOST]);
        let more = typed("al", &[b"x".repeat(room + 1), b"\n".to_vec()].concat());
        assert_eq!(more.iter().map(Vec::len).collect::<Vec<_>>(), [MOST, "al : x\0".len()]);
    }

    proptest! {
        #[test]
        fn nothing_of_a_long_line_is_lost_and_no_character_is_cut(
            text in "[^\0\n]{0,3000}", pseudo in "[a-zé]{1,100}",
        ) {
            let messages = typed(&pseudo, text.as_bytes());
            let prefix = format!("{pseudo} : ");
            let mut whole = String::new();
            for message in &messages {
                prop_assert!(message.len() <= MOST);
                let message = std::str::from_utf8(message).expect("cut between characters");
                whole.push_str(message.strip_prefix(&prefix).unwrap().strip_suffix('\0').unwrap());
            }
            prop_assert_eq!(whole, text);
        }

        #[test]
        fn bytes_that_are_not_utf8_pass_as_well(bytes in prop::collection::vec(1u8..=255, 0..5000)) {
            let newlines = bytes.iter().filter(|&&byte| byte == b'\n').count();
            let messages = typed("x", &bytes);
            let whole: Vec<u8> = messages.iter().flat_map(|m| m[4..m.len() - 1].to_vec()).collect();
            prop_assert!(messages.len() >= newlines && messages.iter().all(|m| m.len() <= MOST));
            prop_assert_eq!(whole, bytes.into_iter().filter(|&byte| byte != b'\n').collect::<Vec<_>>());
        }
    }
}
