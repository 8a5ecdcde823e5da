//! Texts of Java's `DataOutputStream.writeUTF`, which sends two bytes of length before each. Pure.

/// Finds the texts in a stream, in any segmentation. The first read tells such a client.
#[derive(Debug, Default)]
pub struct LengthPrefixes(State);

#[derive(Debug, Default)]
enum State {
    #[default]
    Unknown,
    /// The bytes are no such texts.
    Off,
    /// Within a length, after its first byte or before it.
    Length(Option<u8>),
    /// Within a text, so many bytes before its end. 0: its NUL is still to come.
    Text(usize),
}

impl LengthPrefixes {
    /// Puts a NUL behind each text, in the place of its length: the number of bytes then kept. A
    /// text whose length came with an earlier read has no place: its NUL comes with the next bytes.
    pub fn strip(&mut self, bytes: &mut [u8]) -> usize {
        if matches!(self.0, State::Unknown) && !bytes.is_empty() {
            self.0 = if are_prefixed(bytes) { State::Length(None) } else { State::Off };
        }
        let mut kept = 0;
        for at in 0..bytes.len() {
            let byte = bytes[at];
            self.0 = match self.0 {
                State::Unknown | State::Off => return bytes.len(),
                State::Length(None) => State::Length(Some(byte)),
                State::Text(0) => {
                    bytes[kept] = 0;
                    kept += 1;
                    State::Length(Some(byte))
                }
                State::Length(Some(high)) => State::Text(u16::from_be_bytes([high, byte]).into()),
                State::Text(left) => {
                    bytes[kept] = byte;
                    kept += 1;
                    State::Text(left - 1)
                }
            };
            if matches!(self.0, State::Text(0)) && kept <= at {
                bytes[kept] = 0;
                kept += 1;
                self.0 = State::Length(None);
            }
        }
        kept
    }
}

/// True for texts, each behind its length, and nothing else. No other client begins with them: the
/// first byte of a text shorter than 256 bytes is then a NUL.
pub fn are_prefixed(mut bytes: &[u8]) -> bool {
    let is_empty = bytes.is_empty();
    while let [high, low, rest @ ..] = bytes {
        let length = usize::from(u16::from_be_bytes([*high, *low]));
        let is_text = |text: &[u8]| !text.is_empty() && !text.iter().any(|byte| matches!(byte, 0..=8));
        match rest.split_at_checked(length) {
            Some((text, rest)) if is_text(text) => bytes = rest,
            _ => return false,
        }
    }
    bytes.is_empty() && !is_empty
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kept(pieces: &[&[u8]]) -> Vec<u8> {
        let mut prefixes = LengthPrefixes::default();
        let strip = |piece: &&[u8]| {
            let mut bytes = piece.to_vec();
            let kept = prefixes.strip(&mut bytes);
            bytes.truncate(kept);
            bytes
        };
        pieces.iter().flat_map(strip).collect()
    }

    #[test]
    fn texts_behind_their_lengths_come_with_a_nul_each() {
        let stream = b"\0\x05salut\0\x02ok\0\0\0\x01a";
        assert_eq!(kept(&[&stream[..7], &stream[7..]]), b"salut\0ok\0\0a\0");
        let bytes: Vec<&[u8]> = stream[7..].chunks(1).collect();
        assert_eq!(kept(&[&[&stream[..7]], &bytes[..]].concat()), b"salut\0ok\0\0a");
        let long = [&[1, 0x2c], &[b'x'; 300][..]].concat();
        assert_eq!(kept(&[&long]), [&[b'x'; 300][..], b"\0"].concat());
    }

    #[test]
    fn other_first_bytes_stay_and_so_does_all_that_follows() {
        for first in
            [&b"a\0"[..], b"\0", b"\0\0\0", b"\0\x05sal", b"\0\x05saluts", b"\0\0", b"\0\x03\x01\x02\x03"]
        {
            assert_eq!(kept(&[first, b"\0\x01a"]), [first, b"\0\x01a"].concat(), "{first:?}");
        }
        assert_eq!(kept(&[b"", b"\0\x01a"]), b"a\0");
    }
}
