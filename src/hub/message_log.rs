//! The log: every message of the room, once, in the one order that all clients see. A client is a place in it.

use crate::sys::dontfork_vec;

/// Bytes of a room, addressed by their place since the room opened. Places only grow, so a cursor stays valid when
/// what lies before it is forgotten.
#[derive(Debug)]
pub struct MessageLog {
    bytes: Vec<u8>,
    /// The place of `bytes[0]`.
    start: u64,
}

/// Memory that an empty log may keep.
const KEPT: usize = 1 << 20;

/// An empty log, at the place 0.
impl Default for MessageLog {
    fn default() -> MessageLog {
        MessageLog { bytes: dontfork_vec(), start: 0 }
    }
}

impl MessageLog {
    /// Adds `message` and returns the place after it.
    pub fn append(&mut self, message: &[u8]) -> u64 {
        self.bytes.extend_from_slice(message);
        self.end()
    }

    /// The place after the last byte.
    pub fn end(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// The bytes from the place `from` up to the place `to`; none where `to` is not beyond `from`. Places outside
    /// the log are taken as its nearest end.
    pub fn between(&self, from: u64, to: u64) -> &[u8] {
        let index = |place: u64| (place.clamp(self.start, self.end()) - self.start) as usize;
        self.bytes.get(index(from)..index(to)).unwrap_or_default()
    }

    /// Forgets what lies before the place `from`, which nobody needs any more.
    pub fn trim(&mut self, from: u64) {
        let unneeded = (from.clamp(self.start, self.end()) - self.start) as usize;
        if unneeded == self.bytes.len() {
            self.start += unneeded as u64;
            self.bytes.clear();
            // A flood's memory goes back; an empty log keeps as much as it began with.
            if self.bytes.capacity() > KEPT {
                self.bytes = dontfork_vec();
            }
        } else if unneeded > self.bytes.len() / 2 {
            // Only when more goes than stays, so that a byte is moved once on average, however long the log.
            self.bytes.drain(..unneeded);
            self.start += unneeded as u64;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_place_keeps_its_meaning_when_the_front_is_forgotten() {
        let mut log = MessageLog::default();
        let first = log.append(b"un");
        let second = log.append(b"deux");
        log.append(b"trois");
        log.trim(second);
        assert_eq!(log.between(second, log.end()), b"trois");
        // What is forgotten is not given for something else.
        assert_eq!(log.between(first, second), b"");
        log.trim(log.end());
        assert_eq!((log.end(), log.between(0, log.end())), (11, &b""[..]));
    }

    proptest! {
        #[test]
        fn whatever_is_trimmed_what_is_after_stays(
            messages in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..50), 1..50),
            trims in prop::collection::vec(0u64..2500, 50),
        ) {
            let (mut log, mut whole, mut needed) = (MessageLog::default(), Vec::new(), 0);
            for (message, trim) in messages.iter().zip(trims) {
                whole.extend_from_slice(message);
                prop_assert_eq!(log.append(message), whole.len() as u64);
                needed = trim.clamp(needed, log.end());
                log.trim(needed);
                prop_assert_eq!(log.between(needed, log.end()), &whole[needed as usize..]);
            }
        }
    }
}
