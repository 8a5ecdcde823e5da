//! Leftovers of what the sender has received. Pure.
//!
//! A client with one buffer receives into it, writes its text over the front, and sends the whole:
//! `ok\0`, and from the fourth byte on what the server sent last. Behind that stand the bytes of
//! its own block before, or NULs where it clears the buffer first. Bytes that came alone are taken
//! for such a block when
//! - behind the NUL that ends the text (two, where one replaced a newline) stand the bytes received
//!   last, at their place and to their end, and one NUL where the client has added one;
//! - behind those stand the bytes of the block before, or NULs alone;
//! - their number is the sure size of a block, or one that buffers have, or three NULs or more end
//!   them, or [`MANY`] bytes behind the text's NUL were received.

use memchr::memchr;

use super::{Blocks, Evidence, MANY, MAX, PADDING, is_buffer_size};

impl Blocks {
    /// True if `bytes`, which are all that can be read, are a block of a client that has `received`
    /// these bytes last.
    pub fn has_received(&self, bytes: &[u8], received: &[u8]) -> bool {
        let is_padded = || bytes.ends_with(&[0; PADDING]);
        let is_likely = || leftovers(bytes, received) >= MANY || is_buffer_size(bytes.len()) || is_padded();
        bytes.len() >= received.len()
            && self.may_have_received(bytes, received)
            && (self.has_size(bytes) || is_likely())
    }

    /// True if `bytes` are the beginning of such a block, as far as it is known, or all of it.
    pub fn may_have_received(&self, bytes: &[u8], received: &[u8]) -> bool {
        let Some(text) = memchr(0, bytes) else { return false };
        if leftovers(bytes, received) == 0 && !self.has_size(bytes) {
            return false;
        }
        let is_end = |at| at == text + 1 || at == received.len();
        let are_left = |before: &[u8]| {
            bytes.iter().enumerate().skip(text + 1).all(|(at, &byte)| {
                let left = received.get(at).or(before.get(at)).copied().unwrap_or_default();
                byte == left || (byte == 0 && is_end(at))
            })
        };
        let ended = self.ended();
        are_left(&ended.bytes[..ended.extent]) || are_left(b"")
    }

    /// True if `bytes` are as long as the blocks of this client are known to be.
    pub fn has_size(&self, bytes: &[u8]) -> bool {
        let ended = self.ended();
        ended.evidence >= Evidence::Padded && ended.size == bytes.len()
    }

    /// As after the end of the current block.
    fn ended(&self) -> Blocks {
        let mut ended = self.clone();
        ended.close();
        ended
    }

    /// Takes a block with leftovers for the one before.
    pub fn take(&mut self, block: &[u8]) {
        self.burst.forget();
        let stored = &block[..block.len().min(MAX)];
        self.bytes[..stored.len()].copy_from_slice(stored);
        self.extent = without_padding(stored).len();
        self.text_before = memchr(0, block).unwrap_or(block.len());
        (self.size, self.evidence) = (block.len(), Evidence::Leftovers);
        self.begin(true);
    }
}

/// Number of received bytes behind the first text in `bytes`.
fn leftovers(bytes: &[u8], received: &[u8]) -> usize {
    let behind = memchr(0, bytes).map_or(bytes.len(), |text| text + 1);
    without_padding(received).len().min(bytes.len()).saturating_sub(behind)
}

fn without_padding(bytes: &[u8]) -> &[u8] {
    let end = bytes.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    &bytes[..end]
}

#[cfg(test)]
mod tests;
