//! Leftovers in blocks of a fixed size. Pure.
//!
//! A sender that writes one buffer again and again, always whole, sends behind its text's NUL what
//! an older text left there, or its memory from the beginning: `un message assez long\0`, then
//! `ok\0message assez long\0`. A block is taken for one of those, and its leftovers for no speech,
//! when
//! - it is as long as the block before;
//! - behind the NUL that ends its text (two, where one replaced a newline), its bytes are those of
//!   the block before at the same place;
//! - that NUL stands where the block before had a byte of text, or the block before came alone and
//!   its first text had another length, or it had leftovers;
//! - the size is known: three NULs or more pad the block before, or it had leftovers, or it and
//!   this block each came alone, between two moments at which nothing more could be read, and
//!   [`Blocks::is_likely`];
//! - no pause divides it.
//!
//! Boundaries are counted in the stream: TCP may join blocks and cut them.

mod burst;
mod front;
mod received;

use memchr::memchr;

use self::burst::Burst;

/// The longest block without padding, and the longest text, with leftovers that are recognised.
const MAX: usize = 1024;

/// NULs at the end that are no end of a message, but padding.
const PADDING: usize = 3;

/// So many leftovers tell that a block that came alone is one, whatever its size.
const MANY: usize = 8;

#[derive(Clone, Debug)]
pub struct Blocks {
    /// The block before; the text of the current one is written over it as it comes.
    bytes: [u8; MAX],
    /// Length of the block before without the NULs at its end.
    extent: usize,
    /// Length of the block before, with all its bytes.
    size: usize,
    /// Length of the text of the block before.
    text_before: usize,
    evidence: Evidence,
    phase: Phase,
    /// Bytes of the current block that have come.
    at: usize,
    /// Length of the current block's text.
    text: usize,
    /// The current block begins where one ends, or where nothing more could be read.
    is_anchored: bool,
    /// The place in the current block where nothing more could be read; 0: none.
    edge: usize,
    burst: Burst,
}

/// Evidence for the size of the block before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd)]
enum Evidence {
    None,
    /// It came alone.
    Alone,
    /// NULs pad it.
    Padded,
    /// It had leftovers, or a text as long as the block.
    Leftovers,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Text,
    /// The NULs behind the text.
    Padding,
    /// Bytes that may be leftovers: so far they equal the block before.
    Rest,
}

/// The meaning of bytes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    Speech,
    /// Perhaps leftovers.
    Held,
    /// NULs behind those that are held.
    Padding,
    /// Leftovers, and so is all that is held.
    Leftovers,
    /// None is taken, and all that is held is speech.
    Released,
}

impl Default for Blocks {
    fn default() -> Blocks {
        Blocks {
            bytes: [0; MAX],
            extent: 0,
            size: 0,
            text_before: 0,
            evidence: Evidence::None,
            phase: Phase::Text,
            at: 0,
            text: 0,
            is_anchored: true,
            edge: 0,
            burst: Burst::new(),
        }
    }
}

impl Blocks {
    /// The meaning of the bytes at the front of `bytes`, and how many they are: 0 only for
    /// [`Step::Released`] and where the next call goes further. `is_all`: nothing more can be read
    /// behind `bytes`.
    pub fn step(&mut self, bytes: &[u8], is_all: bool) -> (usize, Step) {
        let (n, step) = match self.phase {
            Phase::Text => (self.read_text(bytes), Step::Speech),
            Phase::Padding => (self.read_padding(bytes), Step::Speech),
            Phase::Rest => self.read_rest(bytes, is_all),
        };
        self.burst.push(&bytes[..n]);
        (n, step)
    }

    fn read_text(&mut self, bytes: &[u8]) -> usize {
        let is_sure = self.evidence == Evidence::Leftovers;
        let most = if is_sure { bytes.len().min(self.size - self.at) } else { bytes.len() };
        let nul = memchr(0, &bytes[..most]);
        let n = nul.unwrap_or(most);
        if let Some(room) = self.bytes.get_mut(self.at..) {
            let stored = n.min(room.len());
            room[..stored].copy_from_slice(&bytes[..stored]);
        }
        self.at += n;
        if nul.is_some() {
            (self.text, self.phase) = (self.at, Phase::Padding);
        } else if is_sure && self.at == self.size {
            self.text = self.at;
            self.end_at(self.at);
        }
        n
    }

    fn read_padding(&mut self, bytes: &[u8]) -> usize {
        let n = bytes.iter().position(|&byte| byte != 0).unwrap_or(bytes.len());
        self.at += n;
        let Some(&next) = bytes.get(n) else { return n };
        if self.has_left(self.at, self.extent, next) && self.is_cut() {
            self.bytes[self.text..self.at].fill(0);
            self.phase = Phase::Rest;
        } else if self.evidence == Evidence::Leftovers
            && self.is_sound()
            && self.size > self.text
            && (self.size + 1..=self.size + 2).contains(&self.at)
            && self.has_left(self.at - self.size, self.text, next)
        {
            // The last NULs are an empty text, before leftovers of this one.
            let empty = self.at - self.size;
            self.end_at(self.size);
            self.bytes[..empty].fill(0);
            (self.at, self.phase) = (empty, Phase::Rest);
        } else {
            self.end_at(self.at);
        }
        n
    }

    /// True if the NULs of the current block may end a text that was written over the block before.
    fn is_cut(&self) -> bool {
        let had_text = self.bytes.get(self.text).is_some_and(|&byte| byte != 0);
        let known = match self.evidence {
            Evidence::None => false,
            Evidence::Alone => (had_text || self.text != self.text_before) && self.is_likely(),
            Evidence::Padded => had_text,
            Evidence::Leftovers => true,
        };
        // Two NULs: one in place of a newline.
        known && self.bytes.iter().take(self.at).skip(self.text + 2).all(|&byte| byte == 0)
    }

    /// True if the current block is no message and more in one write, as a rule: buffers have this
    /// size, or many bytes would be left, or a client that ends each message with the same number
    /// of NULs would have sent more of them here.
    fn is_likely(&self) -> bool {
        is_buffer_size(self.size)
            || self.extent - self.at >= MANY
            || self.at - self.text < self.size - self.extent
    }

    /// True if a block of which `extent` bytes are known has this byte at `at`.
    fn has_left(&self, at: usize, extent: usize, byte: u8) -> bool {
        at < extent && self.bytes[at] == byte
    }

    /// True if the current block, so far, is a text and its NULs from their beginning.
    fn is_sound(&self) -> bool {
        self.is_anchored && self.text <= MAX
    }

    fn read_rest(&mut self, bytes: &[u8], is_all: bool) -> (usize, Step) {
        // Held with one NUL, which ends it if it is speech.
        let is_stored = self.at <= self.extent;
        let end = if is_stored { self.size.min(self.extent + 1) } else { self.size };
        let most = bytes.len().min(end - self.at);
        let before = self.bytes[..self.extent].iter().skip(self.at).chain(std::iter::repeat(&0));
        let n = bytes[..most].iter().zip(before).take_while(|(byte, before)| byte == before).count();
        let is_whole = self.at + n == self.size;
        let is_alone = is_all && n == bytes.len() && self.edge == 0;
        if n == 0 || (is_whole && self.evidence == Evidence::Alone && !is_alone) {
            self.forget();
            return (0, Step::Released);
        }
        self.at += n;
        if is_whole {
            self.evidence = Evidence::Leftovers;
            self.begin(true);
            return (n, Step::Leftovers);
        }
        (n, if is_stored { Step::Held } else { Step::Padding })
    }

    /// Nothing more could be read behind the bytes so far.
    pub fn end_read(&mut self) {
        self.end_burst(true);
        match self.at {
            0 => self.is_anchored = true,
            at => self.edge = at,
        }
    }

    /// The sender has paused: the current block ends.
    pub fn end_block(&mut self) {
        self.end_burst(false);
        self.edge = self.at;
        self.close();
        self.is_anchored = true;
    }

    fn close(&mut self) {
        match self.phase {
            _ if self.at == 0 => {}
            Phase::Rest => self.forget(),
            Phase::Text => {
                self.text = self.at;
                self.end_at(self.at);
            }
            Phase::Padding => self.end_at(self.at),
        }
    }

    /// Makes the current block the one before, and begins another.
    fn end_at(&mut self, size: usize) {
        let is_same = size == self.size && self.evidence >= Evidence::Padded;
        self.evidence = match size - self.text {
            _ if !self.is_sound() => Evidence::None,
            _ if is_same => self.evidence,
            PADDING.. => Evidence::Padded,
            _ if self.edge == size => Evidence::Alone,
            _ => Evidence::None,
        };
        (self.size, self.extent, self.text_before) = (size, self.text.min(MAX), self.text);
        self.begin(self.edge == size || self.evidence >= Evidence::Padded);
    }

    fn begin(&mut self, is_anchored: bool) {
        (self.phase, self.at, self.text, self.edge) = (Phase::Text, 0, 0, 0);
        self.is_anchored = is_anchored;
    }

    /// Forgets the block before: it tells nothing of what follows.
    fn forget(&mut self) {
        self.evidence = Evidence::None;
        self.begin(false);
    }
}

/// True for sizes of buffers, as programmers choose them.
pub(super) fn is_buffer_size(size: usize) -> bool {
    size >= 32 && (size.is_power_of_two() || size.is_multiple_of(50))
}

#[cfg(test)]
mod tests;
