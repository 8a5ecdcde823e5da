//! The block at the front of bytes that stay in a socket: the relay takes one message a turn. Pure.

use super::{Blocks, Evidence, Phase, Step};

/// The first block of some bytes, or the part of it that they hold.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Front {
    /// Bytes of the text, its NULs, and leftovers if the block is whole.
    pub length: usize,
    /// More bytes may belong to it.
    pub is_open: bool,
}

impl Blocks {
    /// The first block of `bytes`, where one begins. `bytes` are all that there is. Changes
    /// nothing: see [`Blocks::advance`].
    pub fn front(&self, bytes: &[u8]) -> Front {
        let (mut probe, mut at, mut length) = (self.clone(), 0, 0);
        while at < bytes.len() {
            let (n, step) = probe.step(&bytes[at..], true);
            at += n;
            match step {
                Step::Speech if probe.at == at => length = at,
                // The next block has begun.
                Step::Speech | Step::Leftovers => return Front { length: at - probe.at, is_open: false },
                Step::Released => return Front { length, is_open: false },
                Step::Held | Step::Padding => {}
            }
        }
        let is_open = match probe.phase {
            Phase::Padding if probe.evidence >= Evidence::Padded => probe.at < probe.size,
            Phase::Padding => probe.at - probe.text > 1,
            Phase::Text | Phase::Rest => true,
        };
        Front { length, is_open }
    }

    /// Takes bytes as one block, in most cases those of [`Blocks::front`]. `is_all`: nothing more
    /// can be read behind them.
    pub fn advance(&mut self, bytes: &[u8], is_all: bool) {
        let mut at = 0;
        while at < bytes.len() {
            at += self.step(&bytes[at..], is_all).0;
        }
        // The messages of one window are taken one by one: they are no block.
        self.burst.forget();
        match is_all {
            true => self.end_block(),
            false => self.close(),
        }
    }
}
