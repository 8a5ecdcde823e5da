//! Encodes a typed line as a message: `pseudo : text` and a NUL, at most 1024 bytes in all. Pure.

/// Longest message of the course's client, with its NUL.
const MAX: usize = 1024;

/// Bytes of text in one message of `pseudo`.
pub fn room_for_text(pseudo: &str) -> usize {
    MAX - message(pseudo, b"").len()
}

pub fn message(pseudo: &str, text: &[u8]) -> Vec<u8> {
    [pseudo.as_bytes(), b" : ", text, b"\0"].concat()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::chat::message::MAX_NICK_LEN;

    #[test]
    fn a_message_has_its_pseudo_and_one_nul() {
        assert_eq!(message("alice", b"bonjour"), b"alice : bonjour\0");
        assert_eq!(message("alice", b""), b"alice : \0");
    }

    #[test]
    fn the_longest_text_makes_the_longest_message() {
        for pseudo in ["al", &"x".repeat(MAX_NICK_LEN)] {
            let text = vec![b'x'; room_for_text(pseudo)];
            assert_eq!(message(pseudo, &text).len(), MAX);
        }
    }
}
