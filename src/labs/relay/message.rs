//! The server's decoder of client messages: C strings, or lines of clients that send no NUL. Pure.
//!
//! A NUL ends a message. If none comes, a line end does, so that lines typed ahead in `nc` are one
//! message each. NULs and line ends behind it are its padding, also where they come later: before
//! the client's next turn, or with a text behind them. Alone in the client's turn, they are an
//! empty message: without it the turn would not pass. In blocks of a fixed size, leftovers of older
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
    /// `None` for late padding of the previous message, for commands of telnet, and for a byte
    /// order mark alone.
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
    /// By a timeout. What comes in the client's next turn is its padding as well if it begins with
    /// a NUL or one of these, the rest of its line end.
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
            && bytes.first().is_some_and(|byte| *byte == 0 || end.contains(byte))
        {
            self.previous = PreviousEnd::Complete;
            return Some(Frame { message: None, length: padding(bytes) });
        }
        let commands = self.telnet.leading(bytes);
        if commands > 0 {
            return Some(Frame { message: None, length: commands });
        }
        if bytes.is_empty() {
            return None;
        }
        let front = &bytes[..bytes.len().min(self.before_text(bytes) + MAX_LEN + 1)];
        let frame = if let Some(end) = front.iter().position(|&byte| byte == 0) {
            match self.block(bytes, timed_out, is_early)? {
                (length, true) => return Some(self.padded(None, length)),
                (length, false) => self.frame(&bytes[..end], length.max(end + 1), PreviousEnd::Complete),
            }
        } else {
            self.decode_open(bytes, timed_out, is_early)?
        };
        if frame.message.is_none() {
            return Some(frame);
        }
        let is_all = frame.length == bytes.len();
        match is_all && self.blocks.has_received(bytes, &self.received) {
            true => self.blocks.take(bytes),
            false => self.blocks.advance(&bytes[..frame.length], is_all),
        }
        let behind = &bytes[frame.length..];
        let is_padded = !is_all && padding(behind) == behind.len();
        Some(if is_padded { self.padded(frame.message, bytes.len()) } else { frame })
    }

    /// A frame that ends in padding. It may be all that is left of a text that was split.
    fn padded(&mut self, message: Option<Message>, length: usize) -> Frame {
        if self.previous == PreviousEnd::Split {
            self.previous = PreviousEnd::Complete;
        }
        Frame { message, length }
    }

    /// Number of line ends in front of a text, which are no part of it.
    fn before_text(&self, bytes: &[u8]) -> usize {
        if self.previous == PreviousEnd::Split { 0 } else { line_ends(bytes) }
    }

    /// True if padding alone that comes `is_early` is that of the message before.
    fn is_late(&self, is_early: bool) -> bool {
        is_early && self.previous != PreviousEnd::Nothing
    }

    /// [`FrameDecoder::decode`] of bytes that no NUL ends.
    fn decode_open(&mut self, bytes: &[u8], timed_out: bool, is_early: bool) -> Option<Frame> {
        let has_nul = bytes.contains(&0);
        let begin = self.before_text(bytes);
        let text = &bytes[begin..];
        if text.is_empty() && self.is_late(is_early) {
            return Some(self.padded(None, begin));
        }
        let front = &text[..text.len().min(MAX_LEN + 1)];
        let line_end = front.iter().position(is_line_end).or(text.is_empty().then_some(0));
        Some(match line_end.filter(|_| !has_nul) {
            Some(_) if !timed_out => return None,
            Some(at) => {
                let length = begin + at + line_ends(&text[at..]);
                let late: &[u8] = if bytes[length - 1] == b'\r' { b"\n" } else { b"" };
                self.frame(&text[..at], length, PreviousEnd::TimedOut(late))
            }
            None if text.len() > MAX_LEN => self.frame(&text[..MAX_LEN], begin + MAX_LEN, PreviousEnd::Split),
            None if !timed_out => return None,
            // Not before its text, but alone: .NET's `StreamWriter` sends it as it connects.
            None if self.previous == PreviousEnd::Nothing && without_mark(text).is_empty() => {
                Frame { message: None, length: bytes.len() }
            }
            None => self.frame(text, bytes.len(), PreviousEnd::TimedOut(b"\r\n")),
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
        let padding = padding(bytes);
        let is_alone = padding == bytes.len();
        let is_late = is_alone && self.is_late(is_early);
        if (block.is_open || is_alone) && !timed_out && !is_late {
            return None;
        }
        let is_before_text = !is_alone && block.length <= padding;
        let is_padding = is_late || is_before_text;
        Some((if is_padding { padding } else { block.length }, is_padding))
    }

    fn frame(&mut self, text: &[u8], length: usize, end: PreviousEnd) -> Frame {
        let previous = std::mem::replace(&mut self.previous, end);
        let text = if previous == PreviousEnd::Split { text } else { &text[line_ends(text)..] };
        // Editors and some clients put a mark in front of all they send.
        let text = if previous == PreviousEnd::Nothing { without_mark(text) } else { text };
        let message = match without_line_ends(text) {
            b"fin" if previous != PreviousEnd::Split => Message::Fin,
            b"exit" => Message::Exit,
            _ => Message::Text(text.to_vec()),
        };
        Frame { message: Some(message), length }
    }
}

/// Number of NULs and line ends at the front.
fn padding(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&byte| *byte == 0 || is_line_end(byte)).count()
}

fn line_ends(bytes: &[u8]) -> usize {
    bytes.iter().take_while(|&byte| is_line_end(byte)).count()
}

pub(super) fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// `text` without the line ends around it.
pub(super) fn without_line_ends(text: &[u8]) -> &[u8] {
    let text = &text[line_ends(text)..];
    &text[..text.iter().rposition(|byte| !is_line_end(byte)).map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests;
