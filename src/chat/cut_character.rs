//! Characters that the end of a full read divides. Pure.
//!
//! A text longer than a read becomes several messages, cut at the byte where the original cuts it.
//! Readers of text (lines, the page, the transcript) get the divided character whole, with the
//! message in which it ends.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::hub::record::CHUNK;
use crate::text::incomplete_suffix_len;

/// The beginning of a character at the end of a client's last message.
#[derive(Debug, Default)]
pub(crate) struct CutCharacter(SmallVec<[u8; 4]>);

impl CutCharacter {
    /// The client's next message, for readers of text. A beginning that it does not continue is
    /// dropped.
    pub fn join<'a>(&mut self, message: &'a [u8]) -> Cow<'a, [u8]> {
        let begun = std::mem::take(&mut self.0);
        let length = message.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
        let mut text = Cow::Borrowed(message);
        if !begun.is_empty() {
            let joined = [&begun, message].concat();
            if joined.utf8_chunks().next().is_some_and(|chunk| !chunk.valid().is_empty()) {
                text = Cow::Owned(joined);
            }
        }
        let end = text.len() - (message.len() - length);
        let cut = if length == CHUNK { incomplete_suffix_len(&text[..end]) } else { 0 };
        // A text that is no UTF-8 has other bytes like these.
        if cut > 0 && std::str::from_utf8(&text[..end - cut]).is_ok() {
            self.0.extend(text.to_mut().drain(end - cut..end));
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The messages of a text that is read in full chunks, each with the NUL that the server adds.
    fn joined(text: &[u8]) -> Vec<Vec<u8>> {
        let mut cut = CutCharacter::default();
        text.chunks(CHUNK).map(|chunk| cut.join(&[chunk, b"\0"].concat()).into_owned()).collect()
    }

    #[test]
    fn a_character_is_whole_in_the_message_in_which_it_ends() {
        for (front, character) in [("al : ", "😀"), ("al : ", "€"), ("al :  ", "é"), ("al : x", "日")] {
            let text = format!("{front}{}\0", character.repeat(1500));
            let messages = joined(text.as_bytes());
            assert!(
                messages.iter().all(|message| std::str::from_utf8(message).is_ok()),
                "{front}{character}"
            );
            let whole: Vec<u8> = messages.concat().into_iter().filter(|&byte| byte != 0).collect();
            assert_eq!(whole, text.strip_suffix('\0').unwrap().as_bytes());
        }
    }

    #[test]
    fn a_beginning_that_nothing_continues_is_dropped() {
        let mut cut = CutCharacter::default();
        let full = [&[b'x'; CHUNK - 1][..], b"\xc3\0"].concat();
        assert_eq!(*cut.join(&full), [&[b'x'; CHUNK - 1][..], b"\0"].concat());
        assert_eq!(*cut.join(b"al : un\0\0"), *b"al : un\0\0");
        // Nothing is left of it.
        assert_eq!(*cut.join(b"\xa9\0"), *b"\xa9\0");
    }

    #[test]
    fn other_messages_are_not_changed() {
        let mut cut = CutCharacter::default();
        let latin_1 = [&[0xe9; CHUNK][..], b"\0"].concat();
        for message in [&b"caf\xc3\0"[..], b"caf\xe9\0\0", b"\xa9\0", &latin_1, b"\0\n\0", b""] {
            assert!(matches!(cut.join(message), Cow::Borrowed(same) if same == message));
        }
    }
}
