//! Message boundaries in a stream that TCP cuts anywhere. Pure.
//!
//! The server's worker decodes what its client sends, and our own client decodes what a server
//! sends, by the same rules (docs/PROTOCOLS.md, "Framing, ours").

use std::time::{Duration, Instant};

use crate::text::incomplete_suffix_len;

/// Hold times without a byte that end the skipping of an over-long text. More than one: its
/// rest may be several lost segments late, and would pass for a text of its own.
const SKIP_HOLDS: u32 = 4;

/// Bytes without a pause that count as a stream. A sender that fills the connection is stopped by
/// TCP anywhere in a message, and goes on up to a few hundred milliseconds after there is room (RFC
/// 9293 3.8.6: windows, probes).
const STREAM: usize = 16 * 1024;

/// A wait longer than this is a pause of the sender: what comes then belongs to no earlier stream.
const PAUSE: Duration = Duration::from_millis(20);

/// The least time that a message cut off at the end of a stream is held for its rest.
const STALL: Duration = Duration::from_millis(500);

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A run of NULs or, where there is none, a newline. Bytes without either are held this long
    /// for their rest, since one `write` can arrive in two segments; then they are a message.
    Strings(Duration),
    /// The same, but a text that fills the buffer without an end is too long: the buffer is passed
    /// on, and the rest skipped up to its end, or until nothing of it has come for [`SKIP_HOLDS`]
    /// hold times.
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
    /// The rest of an over-long text is being skipped.
    skips: bool,
    /// When the incomplete message at the front of `buffer` is no longer held.
    deadline: Option<Instant>,
    /// Bytes of the current burst: reads that filled the buffer, and the one after them.
    stream: usize,
    left_room: bool,
}

impl<'a> FrameDecoder<'a> {
    /// `buffer` holds incomplete messages: no message is longer.
    pub fn new(buffer: &'a mut [u8], framing: Framing) -> FrameDecoder<'a> {
        FrameDecoder { buffer, framing, len: 0, skips: false, deadline: None, stream: 0, left_room: false }
    }

    /// Space for the next `read`. Never empty: [`FrameDecoder::take`] always leaves room.
    pub fn spare(&mut self) -> &mut [u8] {
        &mut self.buffer[self.len..]
    }

    /// Reports that `read` put `n` bytes into [`FrameDecoder::spare`].
    pub fn filled(&mut self, n: usize) {
        if self.left_room {
            self.stream = 0;
        }
        self.left_room = n < self.spare().len();
        self.stream += n;
        self.len += n;
    }

    /// Reports that the reader waited this long for bytes. Only a wait is a pause of the sender,
    /// not the time that the reader was busy.
    pub fn waited(&mut self, time: Duration) {
        if time > PAUSE {
            self.stream = 0;
        }
    }

    /// When to call [`FrameDecoder::take`] again although nothing has come.
    pub fn deadline(&self) -> Option<Instant> {
        self.deadline
    }

    /// Passes to `give` all complete messages as one chunk, to be split by [`messages`] or
    /// [`lines`], and keeps the rest.
    ///
    /// An incomplete message is given only when it was held long enough, fills the buffer, or the
    /// stream has `ended`.
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
        // A held message is complete once its rest has come, however late this call: the bytes
        // behind it begin a hold of their own.
        if ended || is_full || (ready == 0 && late) {
            ready = held.len();
        }
        if is_full && !ended && self.framing == Framing::Lines {
            // Lines are text: no character is cut.
            ready -= incomplete_suffix_len(held);
        }
        let given = if ready > 0 { give(&held[..ready]) } else { Ok(()) };
        self.drop_front(ready);
        if is_full && matches!(self.framing, Framing::Texts(_)) {
            self.skips = true;
            self.deadline = self.framing.hold().map(|hold| now + SKIP_HOLDS * hold);
        } else if self.len == 0 && !self.skips {
            self.deadline = None;
        } else if ready > 0 || self.deadline.is_none() {
            let least = if self.stream < STREAM { Duration::ZERO } else { STALL };
            self.deadline = self.framing.hold().map(|hold| now + hold.max(least));
        }
        given
    }

    /// Drops the rest of an over-long text.
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
                self.deadline = self.framing.hold().map(|hold| now + SKIP_HOLDS * hold);
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
    /// Number of bytes, from the front, that are complete messages.
    fn complete(self, bytes: &[u8]) -> usize {
        let after_last = |end| bytes.iter().rposition(|&byte| byte == end).map(|at| at + 1);
        let end = match (self, bytes) {
            (Framing::Lines, _) => after_last(b'\n'),
            (_, [.., 0 | b'\n']) => Some(bytes.len()),
            _ => after_last(0).or_else(|| after_last(b'\n')),
        };
        end.unwrap_or(0)
    }

    /// Time that an incomplete message is held.
    fn hold(self) -> Option<Duration> {
        match self {
            Framing::Strings(hold) | Framing::Texts(hold) => Some(hold),
            Framing::Lines => None,
        }
    }
}

/// Splits a chunk into lines, each with its newline.
pub fn lines(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    chunk.split_inclusive(|&byte| byte == b'\n')
}

/// Splits a chunk into messages: after each run of NULs or, in a chunk without a NUL, after each
/// newline. NULs alone are no message: the padding of the message before may arrive late.
pub fn messages(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if chunk.contains(&0) { 0 } else { b'\n' };
    let mut rest = chunk;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let text = rest.iter().position(|&byte| byte == end).unwrap_or(rest.len());
        // A run of NULs ends one message; each newline of a run ends one of its own.
        let run = match end {
            0 => rest[text..].iter().take_while(|&&byte| byte == 0).count(),
            _ => usize::from(text < rest.len()),
        };
        rest.split_off(..text + run)
    })
    .filter(|message| message.iter().any(|&byte| byte != 0))
}

/// The text of a line as a client sent it, without the spaces around it. NULs are removed: they
/// would end a C string early. Line ends of other readers (a carriage return, a form feed,
/// Unicode's separators) become spaces, so that no client can forge a line with its time.
pub fn line_text(line: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).collect();
    let mut text = Vec::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.extend_from_slice(chunk.valid().replace(is_line_separator, " ").as_bytes());
        text.extend_from_slice(chunk.invalid());
    }
    text.trim_ascii().to_vec()
}

/// True for what [`line_text`] can return.
pub fn is_line_text(text: &[u8]) -> bool {
    let ends_a_line = |c| matches!(c, '\0' | '\n') || is_line_separator(c);
    !text.utf8_chunks().any(|chunk| chunk.valid().contains(ends_a_line))
}

/// Characters other than a newline at which Python's `str.splitlines` or Java's `Scanner` splits.
fn is_line_separator(c: char) -> bool {
    matches!(c, '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
