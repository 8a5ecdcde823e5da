//! Where one message ends and the next begins, in a stream that TCP cuts as it likes.
//!
//! Bytes in, messages out; pure. The server's child cuts what its client sends, and our own client cuts what a
//! server sends: the rules are the same (docs/PROTOCOLS.md, "Framing, ours").

use std::time::{Duration, Instant};

use crate::text::incomplete_suffix_len;

/// The rest of a text that is too long may be more than one lost segment late, and would be taken for a text of its own.
const REST: u32 = 4;

/// So many bytes without a pause are a stream. One that fills what a connection holds is stopped by TCP where it happens to be,
/// and starts again up to a few hundred milliseconds after there is room (RFC 9293 3.8.6: windows, probes).
const STREAM: usize = 16 * 1024;

/// Whoever was waited for so long has paused: what comes then is no more of the same stream.
const PAUSE: Duration = Duration::from_millis(20);

/// How long a piece at the end of a stream waits for its rest, at least.
const STALL: Duration = Duration::from_millis(500);

/// What ends a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A run of NULs or, where there is none, a newline; a piece without either waits so long for its rest, for one `write` can
    /// arrive in two segments, and then is a message all the same.
    Strings(Duration),
    /// The same ends and the same wait, but a piece that fills the buffer without an end is too long: it goes, and the rest is
    /// skipped to its end, or until nothing of it has come for four times as long.
    Texts(Duration),
    /// A newline and nothing else.
    Lines,
}

/// Gathers bytes and gives them back in whole messages.
#[derive(Debug)]
pub struct FrameDecoder<'a> {
    buffer: &'a mut [u8],
    framing: Framing,
    len: usize,
    /// What comes is the rest of a text that was too long.
    skips: bool,
    /// When the piece without an end at the front of `buffer` stops waiting.
    deadline: Option<Instant>,
    /// Bytes that came without a pause: in reads that found more than they had room for, and one more.
    stream: usize,
    paused: bool,
}

impl<'a> FrameDecoder<'a> {
    /// A cutter that keeps its bytes in `buffer`: no message that it gives is longer.
    pub fn new(buffer: &'a mut [u8], framing: Framing) -> FrameDecoder<'a> {
        FrameDecoder { buffer, framing, len: 0, skips: false, deadline: None, stream: 0, paused: false }
    }

    /// Where the next `read` goes. Never empty: [`FrameDecoder::take`] always leaves room.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.buffer[self.len..]
    }

    /// Says that `read` put `n` bytes into [`FrameDecoder::spare`].
    pub fn filled(&mut self, n: usize) {
        if self.paused {
            self.stream = 0;
        }
        self.paused = n < self.spare().len();
        self.stream += n;
        self.len += n;
    }

    /// Says that nothing more was there for so long. Only that is a pause of the sender's, and not the time that its reader was
    /// busy with something else.
    pub fn waited(&mut self, time: Duration) {
        if time > PAUSE {
            self.stream = 0;
        }
    }

    /// When to call [`FrameDecoder::take`] again although nothing more has come.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Gives `give` all that can go now as one chunk, to be walked through with [`messages`] or [`lines`], and keeps the rest.
    ///
    /// A piece without an end goes only when it has waited for its rest, fills the buffer, or `ended` says that no more
    /// will come.
    pub fn take<E>(
        &mut self,
        now: Instant,
        ended: bool,
        give: impl FnOnce(&[u8]) -> Result<(), E>,
    ) -> Result<(), E> {
        self.skip(now);
        let held = &self.buffer[..self.len];
        let late = self.deadline.is_some_and(|deadline| deadline <= now);
        let mut ready = self.framing.complete(held);
        let is_full = ready == 0 && held.len() == self.buffer.len();
        // A piece whose rest has come is whole, however late we look: what is behind it begins a wait of its own.
        if ended || is_full || (ready == 0 && late) {
            ready = held.len();
        }
        if is_full && !ended && self.framing == Framing::Lines {
            // Those who read lines read text.
            ready -= incomplete_suffix_len(held);
        }
        let given = if ready > 0 { give(&held[..ready]) } else { Ok(()) };
        self.drop_front(ready);
        if is_full && matches!(self.framing, Framing::Texts(_)) {
            self.skips = true;
            self.deadline = self.framing.hold().map(|hold| now + REST * hold);
        } else if self.len == 0 && !self.skips {
            self.deadline = None;
        } else if ready > 0 || self.deadline.is_none() {
            let least = if self.stream < STREAM { Duration::ZERO } else { STALL };
            self.deadline = self.framing.hold().map(|hold| now + hold.max(least));
        }
        given
    }

    /// Drops what belongs to a text that was too long.
    fn skip(&mut self, now: Instant) {
        if !self.skips {
            return;
        }
        let held = &self.buffer[..self.len];
        match held.iter().position(|byte| matches!(byte, 0 | b'\n')) {
            Some(end) => {
                (self.skips, self.deadline) = (false, None);
                self.drop_front(end + 1);
            }
            None if self.len > 0 => {
                self.drop_front(self.len);
                self.deadline = self.framing.hold().map(|hold| now + REST * hold);
            }
            None => self.skips = self.deadline.is_some_and(|deadline| now < deadline),
        }
    }

    fn drop_front(&mut self, n: usize) {
        self.buffer.copy_within(n..self.len, 0);
        self.len -= n;
    }
}

impl Framing {
    /// How much of `bytes`, from the front, is whole messages.
    fn complete(self, bytes: &[u8]) -> usize {
        let after_last = |end| bytes.iter().rposition(|&byte| byte == end).map(|at| at + 1);
        let end = match (self, bytes) {
            (Framing::Lines, _) => after_last(b'\n'),
            (_, [.., 0 | b'\n']) => Some(bytes.len()),
            _ => after_last(0).or_else(|| after_last(b'\n')),
        };
        end.unwrap_or(0)
    }

    /// How long a piece without an end waits.
    fn hold(self) -> Option<Duration> {
        match self {
            Framing::Strings(hold) | Framing::Texts(hold) => Some(hold),
            Framing::Lines => None,
        }
    }
}

/// The lines of one chunk, each with its newline.
pub fn lines(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    chunk.split_inclusive(|&byte| byte == b'\n')
}

/// The messages of one chunk: cut after each run of NULs or, in a chunk without any NUL, after each newline. What
/// is NULs alone is no message: a run that padded the message before it may arrive late.
pub fn messages(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if chunk.contains(&0) { 0 } else { b'\n' };
    let mut rest = chunk;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let text = rest.iter().position(|&byte| byte == end).unwrap_or(rest.len());
        // A run ends one message when it is of NULs; each newline of a run is a message of its own.
        let run = match end {
            0 => rest[text..].iter().take_while(|&&byte| byte == 0).count(),
            _ => usize::from(text < rest.len()),
        };
        let (message, after) = rest.split_at(text + run);
        rest = after;
        Some(message)
    })
    .filter(|message| message.iter().any(|&byte| byte != 0))
}

#[cfg(test)]
mod tests;
