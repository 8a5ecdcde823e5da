//! Decodes the bytes of a keyboard into keys and bracketed pastes. Pure.
//!
//! A key may be several bytes, which may come in pieces, and a lone Escape is a prefix of many
//! keys. The caller says by [`KeyDecoder::flush`] that nothing has come for a while: a partial key
//! is then over.

use terminput::{Event, KeyEvent, KeyEventKind};

/// Brackets of a paste: xterm's "bracketed paste mode".
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Bytes kept of one paste.
pub const MAX_PASTE: usize = 1 << 20;

/// No key is longer.
const MAX_KEY: usize = 64;

const ESCAPE: u8 = 0x1b;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    Key(KeyEvent),
    /// `is_cut`: more than [`MAX_PASTE`] bytes were pasted, and not kept.
    Paste {
        bytes: Vec<u8>,
        is_cut: bool,
    },
}

#[derive(Debug, Default)]
pub struct KeyDecoder {
    partial_key: Vec<u8>,
    /// Bytes of the paste that is going on.
    pasted: Option<Vec<u8>>,
    is_cut: bool,
}

impl KeyDecoder {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        let mut inputs = Vec::new();
        for &byte in bytes {
            let is_pasting = self.is_pasting();
            let input = if is_pasting { self.paste_byte(byte) } else { self.key_byte(byte, &mut inputs) };
            inputs.extend(input);
        }
        inputs
    }

    pub fn is_pasting(&self) -> bool {
        self.pasted.is_some()
    }

    pub fn has_partial_key(&self) -> bool {
        !self.partial_key.is_empty()
    }

    /// A lone Escape was that key; any other partial key is dropped.
    pub fn flush(&mut self) -> Option<Input> {
        let partial_key = std::mem::take(&mut self.partial_key);
        if partial_key == [ESCAPE] { parse_key(&partial_key).ok().flatten() } else { None }
    }

    fn key_byte(&mut self, byte: u8, inputs: &mut Vec<Input>) -> Option<Input> {
        let cuts_a_character =
            self.partial_key.first().is_some_and(|&first| first >= 0x80) && byte & 0xc0 != 0x80;
        if byte == ESCAPE || cuts_a_character {
            inputs.extend(self.flush());
        }
        self.partial_key.push(byte);
        let mut key = None;
        match &self.partial_key[..] {
            [ESCAPE] => return None,
            PASTE_BEGINS => self.pasted = Some(Vec::new()),
            bytes => match parse_key(bytes) {
                Ok(None) if bytes.len() < MAX_KEY => return None,
                parsed => key = parsed.ok().flatten(),
            },
        }
        self.partial_key.clear();
        key
    }

    fn paste_byte(&mut self, byte: u8) -> Option<Input> {
        let pasted = self.pasted.get_or_insert_default();
        pasted.push(byte);
        if pasted.ends_with(PASTE_ENDS) {
            let mut bytes = self.pasted.take().unwrap_or_default();
            bytes.truncate((bytes.len() - PASTE_ENDS.len()).min(MAX_PASTE));
            return Some(Input::Paste { bytes, is_cut: std::mem::take(&mut self.is_cut) });
        }
        if pasted.len() >= MAX_PASTE + 4096 {
            // Keeps what may be the beginning of the end bracket.
            pasted.drain(MAX_PASTE..pasted.len() - PASTE_ENDS.len());
            self.is_cut = true;
        }
        None
    }
}

/// `Ok(None)`: incomplete, or the release of a key. `Err`: no key.
fn parse_key(bytes: &[u8]) -> Result<Option<Input>, ()> {
    match Event::parse_from(bytes) {
        Ok(None) => Ok(None),
        Ok(Some(Event::Key(key))) if key.kind != KeyEventKind::Release => Ok(Some(Input::Key(key))),
        _ => Err(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use terminput::{KeyCode, KeyModifiers};

    fn inputs(pieces: &[&[u8]]) -> Vec<Input> {
        let mut keys = KeyDecoder::default();
        let mut all: Vec<Input> = pieces.iter().flat_map(|piece| keys.feed(piece)).collect();
        all.extend(keys.flush());
        all
    }

    fn codes(bytes: &[u8]) -> Vec<KeyCode> {
        let code = |input| match input {
            Input::Key(key) => Some(key.code),
            Input::Paste { .. } => None,
        };
        inputs(&[bytes]).into_iter().filter_map(code).collect()
    }

    #[test]
    fn a_key_of_several_bytes_may_come_in_pieces() {
        for bytes in ["\x1b[A", "\x1bOA", "\x1b[1;5C", "\x1b[3~", "é", "日", "\x1bb", "\x1bé", "\x1b[H"] {
            let whole = inputs(&[bytes.as_bytes()]);
            assert_eq!(whole.len(), 1, "{bytes:?}");
            let single: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
            assert_eq!(inputs(&single), whole);
        }
        let [Input::Key(key)] = inputs(&[b"\x1b[1;5C"])[..] else { panic!("one key") };
        assert_eq!((key.code, key.modifiers), (KeyCode::Right, KeyModifiers::CTRL));
    }

    #[test]
    fn a_lone_escape_is_a_key_and_swallows_no_other() {
        assert_eq!(codes(b"\x1b"), [KeyCode::Esc]);
        assert_eq!(codes(b"\x1b\x1b[A"), [KeyCode::Esc, KeyCode::Up]);
        let mut keys = KeyDecoder::default();
        assert_eq!(keys.feed(b"\x1b"), [], "it may be the beginning of another");
        assert!(keys.has_partial_key());
        assert_eq!(keys.flush(), Some(Input::Key(KeyEvent::new(KeyCode::Esc))));
        assert_eq!(keys.feed(b"a"), [Input::Key(KeyEvent::new(KeyCode::Char('a')))]);
    }

    #[test]
    fn what_no_key_is_takes_none_with_it() {
        assert_eq!(codes(b"\xffa\xc3b\x80c"), ['a', 'b', 'c'].map(KeyCode::Char));
        assert_eq!(codes(b"\x1b[\x1b[Ax"), [KeyCode::Up, KeyCode::Char('x')]);
        let endless = [&b"\x1b["[..], &[b'1'; 70], b"y"].concat();
        assert_eq!(codes(&endless).last(), Some(&KeyCode::Char('y')));
    }

    #[test]
    fn a_paste_is_one_input_without_keys() {
        let pasted = |bytes: &[u8]| Input::Paste { bytes: bytes.to_vec(), is_cut: false };
        let whole = b"\x1b[200~un\r\x1b[Adeux\x03\x1b[201~a";
        let all = [pasted(b"un\r\x1b[Adeux\x03"), Input::Key(KeyEvent::new(KeyCode::Char('a')))];
        assert_eq!(inputs(&[whole]), all);
        assert_eq!(inputs(&whole.chunks(1).collect::<Vec<_>>()), all);
    }

    #[test]
    fn an_endless_paste_is_cut_and_its_end_is_seen() {
        let mut keys = KeyDecoder::default();
        keys.feed(PASTE_BEGINS);
        for _ in 0..3 * MAX_PASTE / 8 {
            assert_eq!(keys.feed(b"12345678"), [], "not at the end yet");
            assert!(keys.pasted.as_ref().is_some_and(|pasted| pasted.len() <= MAX_PASTE + 4096));
        }
        let all = keys.feed(b"\x1b[201~x");
        assert!(
            matches!(&all[..], [Input::Paste { bytes, is_cut: true }, Input::Key(_)] if bytes.len() == MAX_PASTE)
        );
    }

    proptest! {
        #[test]
        fn any_bytes_are_decoded(pieces in prop::collection::vec("(\\PC|\x1b|\\[|[0-9;<?~uM]|[\x00-\x1f]){0,20}", 0..8),
                             bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut keys = KeyDecoder::default();
            pieces.iter().for_each(|piece| drop(keys.feed(piece.as_bytes())));
            keys.feed(&bytes);
            keys.flush();
            prop_assert!(!keys.has_partial_key());
        }
    }
}
