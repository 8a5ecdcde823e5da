//! From the keyboard's bytes to keys and pastes. Pure.
//!
//! A key may be many bytes, which may come in pieces; a lone Escape is the beginning of many keys. Whoever reads says by
//! [`Keys::settle`] that nothing has come for a while: then what was begun is over, and no key after it is swallowed.

use terminput::{Event, KeyEvent, KeyEventKind};

/// What begins and ends a paste where the terminal marks it: xterm's "bracketed paste mode".
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// The most bytes that are kept of one paste.
pub const MAX_PASTE: usize = 1 << 20;

/// No key has more bytes.
const LONGEST_KEY: usize = 64;

const ESCAPE: u8 = 0x1b;

/// What came from the keyboard.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Input {
    /// A key was pressed.
    Key(KeyEvent),
    /// All this was pasted.
    Paste {
        /// The bytes, at most [`MAX_PASTE`].
        bytes: Vec<u8>,
        /// More were pasted, and not kept.
        is_cut: bool,
    },
}

/// Gathers bytes and gives keys.
#[derive(Debug, Default)]
pub struct Keys {
    /// The beginning of a key.
    incomplete_suffix_len: Vec<u8>,
    /// What has been pasted so far, while a paste goes on.
    pasted: Option<Vec<u8>>,
    is_cut: bool,
}

impl Keys {
    /// Takes what was read, and gives `give` what it completes.
    pub fn feed(&mut self, bytes: &[u8], mut give: impl FnMut(Input)) {
        for &byte in bytes {
            let input = if self.pasted.is_some() { self.paste(byte) } else { self.press(byte, &mut give) };
            input.into_iter().for_each(&mut give);
        }
    }

    /// True while a paste goes on.
    pub fn is_pasting(&self) -> bool {
        self.pasted.is_some()
    }

    /// True when a key has begun whose rest may never come.
    pub fn has_begun(&self) -> bool {
        !self.incomplete_suffix_len.is_empty()
    }

    /// No more has come for a while: an Escape that waits for its rest was the key of that name, and another beginning was nothing.
    pub fn settle(&mut self, mut give: impl FnMut(Input)) {
        let incomplete_suffix_len = std::mem::take(&mut self.incomplete_suffix_len);
        if incomplete_suffix_len == [ESCAPE] {
            key_of(&incomplete_suffix_len).ok().flatten().into_iter().for_each(&mut give);
        }
    }

    fn press(&mut self, byte: u8, give: impl FnMut(Input)) -> Option<Input> {
        let cuts_a_character =
            self.incomplete_suffix_len.first().is_some_and(|&first| first >= 0x80) && byte & 0xc0 != 0x80;
        if byte == ESCAPE || cuts_a_character {
            self.settle(give);
        }
        self.incomplete_suffix_len.push(byte);
        match &self.incomplete_suffix_len[..] {
            [ESCAPE] => return None,
            PASTE_BEGINS => self.pasted = Some(Vec::new()),
            incomplete_suffix_len => match key_of(incomplete_suffix_len) {
                Ok(None) if incomplete_suffix_len.len() < LONGEST_KEY => return None,
                Ok(key) => {
                    self.incomplete_suffix_len.clear();
                    return key;
                }
                Err(()) => {}
            },
        }
        self.incomplete_suffix_len.clear();
        None
    }

    fn paste(&mut self, byte: u8) -> Option<Input> {
        let pasted = self.pasted.get_or_insert_default();
        pasted.push(byte);
        if pasted.ends_with(PASTE_ENDS) {
            let mut bytes = self.pasted.take().unwrap_or_default();
            bytes.truncate((bytes.len() - PASTE_ENDS.len()).min(MAX_PASTE));
            return Some(Input::Paste { bytes, is_cut: std::mem::take(&mut self.is_cut) });
        }
        if pasted.len() >= MAX_PASTE + 4096 {
            // What could be the beginning of the end stays.
            pasted.drain(MAX_PASTE..pasted.len() - PASTE_ENDS.len());
            self.is_cut = true;
        }
        None
    }
}

/// `Ok(None)`: not yet whole, or no key that is pressed. `Err`: nothing.
fn key_of(bytes: &[u8]) -> Result<Option<Input>, ()> {
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
        let (mut keys, mut all) = (Keys::default(), Vec::new());
        pieces.iter().for_each(|piece| keys.feed(piece, |input| all.push(input)));
        keys.settle(|input| all.push(input));
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
    fn keys_of_many_bytes_are_one_however_they_are_cut() {
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
    fn a_lone_escape_is_a_key_and_swallows_none() {
        assert_eq!(codes(b"\x1b"), [KeyCode::Esc]);
        assert_eq!(codes(b"\x1b\x1b[A"), [KeyCode::Esc, KeyCode::Up]);
        let mut keys = Keys::default();
        keys.feed(b"\x1b", |_| panic!("it may be the beginning of another"));
        assert!(keys.has_begun());
        keys.settle(|input| assert_eq!(input, Input::Key(KeyEvent::new(KeyCode::Esc))));
        let mut next = Vec::new();
        keys.feed(b"a", |input| next.push(input));
        assert_eq!(next, [Input::Key(KeyEvent::new(KeyCode::Char('a')))]);
    }

    #[test]
    fn what_no_key_is_takes_none_with_it() {
        assert_eq!(codes(b"\xffa\xc3b\x80c"), ['a', 'b', 'c'].map(KeyCode::Char));
        assert_eq!(codes(b"\x1b[\x1b[Ax"), [KeyCode::Up, KeyCode::Char('x')]);
        let endless = [&b"\x1b["[..], &[b'1'; 70], b"y"].concat();
        assert_eq!(codes(&endless).last(), Some(&KeyCode::Char('y')));
    }

    #[test]
    fn a_paste_is_one_and_no_key_in_it_counts() {
        let pasted = |bytes: &[u8]| Input::Paste { bytes: bytes.to_vec(), is_cut: false };
        let whole = b"\x1b[200~un\r\x1b[Adeux\x03\x1b[201~a";
        let all = [pasted(b"un\r\x1b[Adeux\x03"), Input::Key(KeyEvent::new(KeyCode::Char('a')))];
        assert_eq!(inputs(&[whole]), all);
        assert_eq!(inputs(&whole.chunks(1).collect::<Vec<_>>()), all);
    }

    #[test]
    fn a_paste_without_bounds_is_cut_and_its_end_is_seen() {
        let (mut keys, mut all) = (Keys::default(), Vec::new());
        keys.feed(PASTE_BEGINS, |_| ());
        for _ in 0..3 * MAX_PASTE / 8 {
            keys.feed(b"12345678", |_| panic!("not at the end yet"));
            assert!(keys.pasted.as_ref().is_some_and(|pasted| pasted.len() <= MAX_PASTE + 4096));
        }
        keys.feed(b"\x1b[201~x", |input| all.push(input));
        assert!(
            matches!(&all[..], [Input::Paste { bytes, is_cut: true }, Input::Key(_)] if bytes.len() == MAX_PASTE)
        );
    }

    proptest! {
        #[test]
        fn no_bytes_break_it(pieces in prop::collection::vec("(\\PC|\x1b|\\[|[0-9;<?~uM]|[\x00-\x1f]){0,20}", 0..8),
                             bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let mut keys = Keys::default();
            pieces.iter().for_each(|piece| keys.feed(piece.as_bytes(), |_| ()));
            keys.feed(&bytes, |_| ());
            keys.settle(|_| ());
            prop_assert!(!keys.has_begun());
        }
    }
}
