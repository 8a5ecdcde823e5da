//! The server's decoder of client messages: C strings, or lines of clients that send no NUL. Pure.
//!
//! A NUL ends a message; a run of NULs is that message's padding, also where it comes later: before
//! the client's next turn, or with a text behind it. In the client's turn, NULs alone are an empty
//! message: without it the turn would not pass. If no NUL comes, a line end ends a message, so that
//! lines typed ahead in `nc` are one message each. In blocks of a fixed size, leftovers of older
//! texts belong to the block's message.

use super::MAX_LEN;
use crate::hub::framing::blocks::Blocks;
use crate::server::telnet::Telnet;
use crate::text::without_mark;

/// Bytes to peek at: a message of the greatest length, and the rest of a block of 8192 bytes (the
/// least that C's BUFSIZ is in use).
pub const WINDOW: usize = 16 * 1024;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Message {
    Fin,
    Exit,
    /// At most [`MAX_LEN`] bytes, none of them NUL.
    Text(Vec<u8>),
}

impl Message {
    /// The text for the partner; none for `fin`.
    pub(super) fn relayed(self) -> Option<Vec<u8>> {
        match self {
            Message::Fin => None,
            // Without the space, the partner would take it for the server's and end.
            Message::Exit => Some(b"exit ".to_vec()),
            Message::Text(text) => Some(text),
        }
    }
}

/// A number of bytes at the front of the input.
#[derive(Debug, PartialEq, Eq)]
pub struct Frame {
    /// `None` for late padding of the previous message, for commands of telnet, and for a byte order
    /// mark alone.
    pub message: Option<Message>,
    pub length: usize,
}

#[derive(Debug, Default)]
pub struct FrameDecoder {
    previous: PreviousEnd,
    pub(super) telnet: Telnet,
    blocks: Blocks,
    /// What the client was sent last: see [`Blocks::has_received`].
    pub(super) received: Vec<u8>,
}

/// End of the previous message.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum PreviousEnd {
    /// There is none.
    #[default]
    Nothing,
    Complete,
    /// By a timeout. The rest of its line end, or NULs, that come later are no message.
    TimedOut(&'static [u8]),
    /// At [`MAX_LEN`]. The rest is more of its text, so `fin` in it is no command.
    Split,
}

impl FrameDecoder {
    /// The message at the front of `bytes`, which are all that can be peeked at; `None` while its
    /// rest may still come. With `timed_out`, the rest is not waited for any longer. `is_early`:
    /// they came before the client's turn.
    pub fn decode(&mut self, bytes: &[u8], timed_out: bool, is_early: bool) -> Option<Frame> {
        if let PreviousEnd::TimedOut(end) = self.previous
            && let late @ 1.. = late_end(bytes, end)
        {
            self.previous = PreviousEnd::Complete;
            return Some(Frame { message: None, length: late });
        }
        let commands = self.telnet.leading(bytes);
        if commands > 0 {
            return Some(Frame { message: None, length: commands });
        }
        if bytes.is_empty() {
            return None;
        }
        let front = &bytes[..bytes.len().min(MAX_LEN + 1)];
        let frame = if let Some(end) = front.iter().position(|&byte| byte == 0) {
            match self.block(bytes, timed_out, is_early)? {
                (length, true) => return Some(Frame { message: None, length }),
                (length, false) => self.frame(&bytes[..end], length.max(end + 1), PreviousEnd::Complete),
            }
        } else {
            self.decode_open(bytes, timed_out)?
        };
        let is_all = frame.length == bytes.len();
        match is_all && self.blocks.has_received(bytes, &self.received) {
            true => self.blocks.take(bytes),
            false => self.blocks.advance(&bytes[..frame.length], is_all),
        }
        Some(frame)
    }

    /// [`FrameDecoder::decode`] of bytes that no NUL ends.
    fn decode_open(&mut self, bytes: &[u8], timed_out: bool) -> Option<Frame> {
        let front = &bytes[..bytes.len().min(MAX_LEN + 1)];
        let line_end = front.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
        Some(match line_end.filter(|_| !bytes.contains(&0)) {
            Some(_) if !timed_out => return None,
            Some(at) => {
                let (length, rest) = match &bytes[at..] {
                    [b'\r', b'\n', ..] => (at + 2, &b""[..]),
                    [b'\r', ..] => (at + 1, &b"\n"[..]),
                    _ => (at + 1, &b""[..]),
                };
                self.frame(&bytes[..at], length, PreviousEnd::TimedOut(rest))
            }
            None if bytes.len() > MAX_LEN => self.frame(&bytes[..MAX_LEN], MAX_LEN, PreviousEnd::Split),
            None if !timed_out => return None,
            // Not before its text, but alone: .NET's `StreamWriter` sends it as it connects.
            None if self.previous == PreviousEnd::Nothing && without_mark(bytes).is_empty() => {
                Frame { message: None, length: bytes.len() }
            }
            None => self.frame(bytes, bytes.len(), PreviousEnd::TimedOut(b"\r\n")),
        })
    }

    /// Length of the block at the front of `bytes`, a string and its padding; true: of padding
    /// alone, that of the previous message. `None` while its rest may still come.
    fn block(&self, bytes: &[u8], timed_out: bool, is_early: bool) -> Option<(usize, bool)> {
        let (blocks, received) = (&self.blocks, &self.received);
        if !timed_out && !blocks.has_size(bytes) && blocks.may_have_received(bytes, received) {
            return None;
        }
        if blocks.has_received(bytes, received) {
            return Some((bytes.len(), false));
        }
        let block = self.blocks.front(bytes);
        let nuls = bytes.iter().take_while(|&&byte| byte == 0).count();
        let are_alone = nuls == bytes.len();
        let are_late = are_alone && is_early && self.previous == PreviousEnd::Complete;
        if (block.is_open || are_alone) && !timed_out && !are_late {
            return None;
        }
        let is_before_text = nuls > 0 && !are_alone && block.length == nuls;
        let is_padding = are_late || is_before_text;
        Some((if is_padding { nuls } else { block.length }, is_padding))
    }

    fn frame(&mut self, text: &[u8], length: usize, end: PreviousEnd) -> Frame {
        let previous = std::mem::replace(&mut self.previous, end);
        // Editors and some clients put a mark in front of all they send.
        let text = if previous == PreviousEnd::Nothing { without_mark(text) } else { text };
        let message = match without_line_end(text) {
            b"fin" if previous != PreviousEnd::Split => Message::Fin,
            b"exit" => Message::Exit,
            _ => Message::Text(text.to_vec()),
        };
        Frame { message: Some(message), length }
    }
}

/// Bytes at the front that are `end`, or its newline alone, and NULs.
fn late_end(bytes: &[u8], end: &[u8]) -> usize {
    let text = bytes.strip_prefix(end).or_else(|| bytes.strip_prefix(&end[end.len().min(1)..]));
    let text = text.unwrap_or(bytes);
    bytes.len() - text.len() + text.iter().take_while(|&&byte| byte == 0).count()
}

pub(super) fn without_line_end(text: &[u8]) -> &[u8] {
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text.strip_suffix(b"\r").unwrap_or(text)
}

#[cfg(test)]
mod tests;
