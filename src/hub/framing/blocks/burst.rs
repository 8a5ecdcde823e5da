//! Bytes that came alone, between two moments at which nothing more could be read. Pure.

use super::{Blocks, Evidence, MAX, Phase};

#[derive(Clone, Debug)]
pub struct Burst {
    bytes: [u8; MAX],
    /// Number of bytes, which may be greater than [`MAX`].
    size: usize,
    /// The bytes begin where a block may begin, and no size was known then.
    is_fresh: bool,
}

impl Burst {
    pub const fn new() -> Burst {
        Burst { bytes: [0; MAX], size: 0, is_fresh: true }
    }

    pub fn push(&mut self, bytes: &[u8]) {
        if !self.is_fresh || self.size > MAX {
            return;
        }
        let room = &mut self.bytes[self.size.min(MAX)..];
        let stored = bytes.len().min(room.len());
        room[..stored].copy_from_slice(&bytes[..stored]);
        self.size += bytes.len();
    }

    pub fn forget(&mut self) {
        self.size = 0;
    }
}

impl Blocks {
    /// `may_be_cut`: the sender has not paused.
    pub(super) fn end_burst(&mut self, may_be_cut: bool) {
        self.take_burst(may_be_cut);
        self.burst.forget();
        let is_start = self.at == 0 || self.phase == Phase::Padding;
        self.burst.is_fresh = is_start && self.evidence < Evidence::Padded;
    }

    /// Takes a burst for the block before, where more than a text is in it.
    fn take_burst(&mut self, may_be_cut: bool) {
        let is_known = self.phase == Phase::Rest || self.evidence == Evidence::Leftovers;
        let burst = self.burst.bytes.get(..self.burst.size);
        let Some(burst) = burst.filter(|_| self.burst.is_fresh && !is_known) else { return };
        let extent = burst.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
        if !burst[..extent].contains(&0) {
            return;
        }
        let text = burst.iter().position(|&byte| byte == 0).unwrap_or(0);
        let is_block = |block: &[u8]| {
            let has_end = block.ends_with(&[0]) && block.len() == self.size;
            let is_part = may_be_cut && block.len() < self.size;
            (has_end || is_part) && !block.iter().skip_while(|&&byte| byte != 0).any(|&byte| byte != 0)
        };
        let are_padded = || self.evidence == Evidence::Padded && burst.chunks(self.size).all(is_block);
        if text > 0 && !are_padded() {
            self.bytes[..burst.len()].copy_from_slice(burst);
            (self.size, self.extent, self.text_before) = (burst.len(), extent, text);
            self.evidence = Evidence::Alone;
            self.begin(true);
        }
    }
}
