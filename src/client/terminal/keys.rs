//! Decodes the bytes of a keyboard into keys and bracketed pastes. Pure.
//!
//! A key may be several bytes, which may come in pieces, and a lone Escape is a prefix of many
//! keys. The caller says by [`KeyDecoder::flush`] that nothing has come for
//! [`KeyDecoder::timeout`]: a partial key is then over. Sequences that are no key (replies of the
//! terminal to another program, the mouse) are dropped whole.

use std::time::Duration;

use terminput::{Event, KeyEvent, KeyEventKind};

use super::sequence::{Sequence, Step};

/// Brackets of a paste: xterm's "bracketed paste mode". The 8-bit form of the second would not end
/// it: some terminals let U+009B through from the pasted text.
const PASTE_BEGINS: &[u8] = b"\x1b[200~";
const PASTE_ENDS: &[u8] = b"\x1b[201~";

/// Bytes kept of one paste.
pub const MAX_PASTE: usize = 1 << 20;

/// No key is longer. The rest of a longer sequence is read and not kept.
const MAX_KEY: usize = 64;

/// Longest pause within a key or sequence: a packet that is sent again takes TCP 200 ms.
const SEQUENCE_TIMEOUT: Duration = Duration::from_millis(250);
/// The same behind an introducer that is Alt and a key without meaning here, such as `ESC ]`: less
/// than a hand takes to the next key.
const ALT_TIMEOUT: Duration = Duration::from_millis(50);

const ESCAPE: u8 = 0x1b;
/// Behind an Escape, Alt and Backspace in some terminals; in most it is DEL.
const BACKSPACE: u8 = 0x08;

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
    /// At most [`MAX_KEY`] bytes of a key or sequence that is incomplete.
    partial_key: Vec<u8>,
    /// The sequence that `partial_key` begins.
    sequence: Option<Sequence>,
    /// Bytes of the paste that is going on.
    pasted: Option<Vec<u8>>,
    is_cut: bool,
}

impl KeyDecoder {
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Input> {
        let mut inputs = Vec::new();
        for &byte in bytes {
            match self.is_pasting() {
                true => inputs.extend(self.paste_byte(byte)),
                false => self.key_byte(byte, &mut inputs),
            }
        }
        inputs
    }

    pub fn is_pasting(&self) -> bool {
        self.pasted.is_some()
    }

    /// Longest silence before [`KeyDecoder::flush`]; `None` while no key is incomplete. The rest of
    /// a character comes, however late.
    pub fn timeout(&self) -> Option<Duration> {
        match self.partial_key[..] {
            [] => None,
            [first, ..] if first >= 0xc0 => None,
            // Keys begin by CSI and SS3 (O).
            [ESCAPE, second] if self.sequence.is_some() && !matches!(second, b'[' | b'O') => {
                Some(ALT_TIMEOUT)
            }
            _ => Some(SEQUENCE_TIMEOUT),
        }
    }

    /// A lone Escape was that key; any other partial key is dropped.
    pub fn flush(&mut self) -> Option<Input> {
        self.sequence = None;
        let partial_key = std::mem::take(&mut self.partial_key);
        if partial_key == [ESCAPE] { parse_key(&partial_key).ok().flatten() } else { None }
    }

    fn key_byte(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        match &mut self.sequence {
            None => self.character_byte(byte, inputs),
            Some(sequence) => match sequence.feed(byte) {
                Step::More if self.partial_key.len() < MAX_KEY => self.partial_key.push(byte),
                Step::More => {}
                Step::End => {
                    self.partial_key.push(byte);
                    inputs.extend(self.end_sequence());
                }
                Step::Abort => drop(self.flush()),
                Step::Foreign => {
                    let had_escape = sequence.has_escape;
                    self.flush();
                    if had_escape {
                        self.character_byte(ESCAPE, inputs);
                    }
                    self.character_byte(byte, inputs);
                }
            },
        }
    }

    /// A byte outside of sequences: of a character, perhaps with Alt, or an introducer's.
    fn character_byte(&mut self, byte: u8, inputs: &mut Vec<Input>) {
        let character = self.partial_key.strip_prefix(&[ESCAPE]).unwrap_or(&self.partial_key);
        let cuts_a_character = !character.is_empty() && byte & 0xc0 != 0x80;
        let is_c1 = character.is_empty() && matches!(byte, 0x80..=0x9f);
        // Enter, or Ctrl and a letter, is that key, also right behind Escape.
        let is_control = byte < 0x20 && byte != BACKSPACE;
        if is_control || cuts_a_character || is_c1 {
            inputs.extend(self.flush());
        }
        self.partial_key.push(byte);
        let introducer = match self.partial_key[..] {
            [ESCAPE] => return,
            [ESCAPE, second] => Some(second),
            // An 8-bit control, as one byte or in UTF-8, is ESC and the byte less 0x40.
            [c1 @ 0x80..=0x9f] | [.., 0xc2, c1 @ 0x80..=0x9f] => Some(c1 - 0x40),
            _ => None,
        };
        self.sequence = introducer.and_then(Sequence::introduced_by);
        if let (Some(_), Some(second)) = (&self.sequence, introducer) {
            self.partial_key = vec![ESCAPE, second];
            return;
        }
        match parse_key(&self.partial_key) {
            Ok(None) => return,
            parsed => inputs.extend(parsed.ok().flatten()),
        }
        self.partial_key.clear();
    }

    fn end_sequence(&mut self) -> Option<Input> {
        self.sequence = None;
        let sequence = std::mem::take(&mut self.partial_key);
        let sequence = as_known(&sequence).unwrap_or(sequence);
        match &sequence[..] {
            PASTE_BEGINS => {
                self.pasted = Some(Vec::new());
                None
            }
            // Private parameters, the mouse, the cursor's position (also F3, without meaning here).
            [_, b'[', b'<'..=b'?' | b'M', ..] | [_, b'[', .., b'M' | b'R'] => None,
            [_] => parse_key(&sequence).ok().flatten(),
            [_, b'[' | b'O', ..] if sequence.len() <= MAX_KEY => parse_key(&sequence).ok().flatten(),
            _ => None,
        }
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

/// The same key in a form that terminput knows, where it does not know this one.
fn as_known(sequence: &[u8]) -> Option<Vec<u8>> {
    match *sequence {
        // xterm's `CSI 27 ; modifiers ; code ~`: `CSI code ; modifiers u`.
        [ESCAPE, b'[', b'2', b'7', b';', ref parameters @ .., b'~'] => {
            let at = parameters.iter().position(|&byte| byte == b';')?;
            let (modifiers, code) = (&parameters[..at], &parameters[at + 1..]);
            Some([b"\x1b[", code, b";", modifiers, b"u"].concat())
        }
        // rxvt's Home, Delete and such with Shift, Ctrl or both.
        [ESCAPE, b'[', ref number @ .., last @ (b'$' | b'^' | b'@')]
            if number.iter().all(u8::is_ascii_digit) =>
        {
            let modifiers = match last {
                b'$' => b"2",
                b'^' => b"5",
                _ => b"6",
            };
            Some([b"\x1b[", number, b";", modifiers, b"~"].concat())
        }
        // rxvt's arrows with Ctrl.
        [ESCAPE, b'O', arrow @ b'a'..=b'd'] => Some([b"\x1b[1;5", &[arrow - 0x20][..]].concat()),
        // The number pad in application mode (DECKPAM): Enter, `*` to `9`, and `=`.
        [ESCAPE, b'O', key @ (b'M' | b'j'..=b'y')] => Some(vec![key - 0x40]),
        [ESCAPE, b'O', b'X'] => Some(b"=".to_vec()),
        _ => None,
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
mod tests;
