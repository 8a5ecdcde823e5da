//! The workers' keys: how the hub knows which worker has written a record.
//!
//! A record names its worker by pid, and proves it by 64 random bits that this worker alone has.
//! The hub draws them before the fork. It keeps them, and the packets that carry them, in memory
//! that no child inherits, and wipes the copy that its child takes along. All of it goes by
//! reference: a value passed by copy would stay on the hub's stack, which every later child
//! inherits.
//!
//! A comparison of one machine word takes the same time for every wrong key, and a guess is right
//! once in 2^64: no constant-time comparison and no longer key is needed.

use std::io;

use super::record::{KEY, Key};
use crate::sys::{self, DontforkBytes};

/// One page: the keys of 512 workers.
const FIRST_SIZE: usize = 4096;

/// The keys in the order of the client table's entries.
#[derive(Debug, Default)]
pub(super) struct KeyTable {
    bytes: Option<DontforkBytes>,
}

impl KeyTable {
    fn keys(&self) -> &[Key] {
        self.bytes.as_ref().map_or(&[], |bytes| bytes.as_chunks().0)
    }

    fn keys_mut(&mut self) -> &mut [Key] {
        self.bytes.as_mut().map_or(&mut [], |bytes| bytes.as_chunks_mut().0)
    }

    /// Draws the key at `at`, and copies it to `key`.
    pub fn draw(&mut self, at: usize, key: &mut Key) -> io::Result<()> {
        let held = self.keys().len();
        if at >= held {
            let mut larger = DontforkBytes::new((2 * held * KEY).max(FIRST_SIZE))?;
            larger[..held * KEY].copy_from_slice(self.keys().as_flattened());
            self.bytes = Some(larger);
        }
        sys::fill_random(key)?;
        self.keys_mut()[at].copy_from_slice(key);
        Ok(())
    }

    /// Removes the key at `at`, as `Vec::swap_remove` does; `last` is the last one's place.
    pub fn swap_remove(&mut self, at: usize, last: usize) {
        let keys = self.keys_mut();
        if last < keys.len() {
            keys.copy_within(last..=last, at);
            sys::wipe(&mut keys[last]);
        }
    }

    pub fn is(&self, at: usize, key: &Key) -> bool {
        self.keys().get(at).is_some_and(|own| own == key)
    }

    /// The place of a key among the first `len`. Walks all: for forged records alone.
    pub fn position(&self, key: &Key, len: usize) -> Option<usize> {
        self.keys().iter().take(len).position(|own| own == key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_after_growth_and_removals() {
        let (mut table, mut drawn) = (KeyTable::default(), Vec::new());
        for at in 0..1500 {
            let mut key = [0; KEY];
            table.draw(at, &mut key).unwrap();
            drawn.push(key);
        }
        for at in [0, 700, 1400, 1496, 3] {
            drawn.swap_remove(at);
            table.swap_remove(at, drawn.len());
        }
        for (at, key) in drawn.iter().enumerate() {
            assert!(table.is(at, key) && !table.is(at + 1, key), "{at}");
            assert_eq!(table.position(key, drawn.len()), Some(at));
        }
        assert_eq!(table.position(&[0; KEY], drawn.len()), None);
    }
}
