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
    /// `None` for late padding of the previous message, and for commands of telnet.
    pub message: Option<Message>,
    pub length: usize,
}

#[derive(Debug, Default)]
pub struct FrameDecoder {
    previous: PreviousEnd,
    pub(super) telnet: Telnet,
    blocks: Blocks,
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
            let line_end = front.iter().position(|byte| matches!(byte, b'\r' | b'\n'));
            match line_end.filter(|_| !bytes.contains(&0)) {
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
                None => self.frame(bytes, bytes.len(), PreviousEnd::TimedOut(b"\r\n")),
            }
        };
        self.blocks.advance(&bytes[..frame.length], frame.length == bytes.len());
        Some(frame)
    }

    /// Length of the block at the front of `bytes`, a string and its padding; true: of padding
    /// alone, that of the previous message. `None` while its rest may still come.
    fn block(&self, bytes: &[u8], timed_out: bool, is_early: bool) -> Option<(usize, bool)> {
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
mod tests {
    use super::*;

    /// All messages in `bytes`, after which nothing comes.
    #[track_caller]
    fn decode_all(bytes: &[u8]) -> Vec<Message> {
        let (mut decoder, mut rest, mut messages) = (FrameDecoder::default(), bytes, Vec::new());
        while !rest.is_empty() {
            let window = &rest[..rest.len().min(WINDOW)];
            let frame =
                decoder.decode(window, false, false).or_else(|| decoder.decode(window, true, false)).unwrap();
            assert!((1..=window.len()).contains(&frame.length), "{frame:?}");
            messages.extend(frame.message);
            rest = &rest[frame.length..];
        }
        messages
    }

    fn text(text: impl AsRef<[u8]>) -> Message {
        Message::Text(text.as_ref().to_vec())
    }

    fn decode(bytes: &[u8]) -> Option<Frame> {
        FrameDecoder::default().decode(bytes, false, false)
    }

    #[test]
    fn a_string_is_complete_with_its_padding() {
        for (bytes, message, length) in [
            (&b"salut\0"[..], "salut", 6),
            (b"salut\0\0\0un\0", "salut", 8),
            (b"deux\nlignes\n\0", "deux\nlignes\n", 13),
        ] {
            assert_eq!(decode(bytes), Some(Frame { message: Some(text(message)), length }));
        }
    }

    #[test]
    fn nuls_are_padding_before_a_text_and_before_the_turn_and_else_an_empty_message() {
        let after = |previous: &[u8], bytes: &[u8], timed_out, is_early| {
            let mut decoder = FrameDecoder::default();
            let frame = decoder.decode(previous, false, false);
            assert_eq!(frame.map(|frame| frame.length), (!previous.is_empty()).then_some(previous.len()));
            decoder.decode(bytes, timed_out, is_early)
        };
        let padding = |length| Some(Frame { message: None, length });
        let empty = |length| Some(Frame { message: Some(text("")), length });
        for nuls in 1..4 {
            let alone = &[0; 3][..nuls];
            let before_text = [alone, b"ok\0"].concat();
            for is_early in [false, true] {
                assert_eq!(after(b"ha\0", &before_text, false, is_early), padding(nuls));
                assert_eq!(after(b"", &before_text, false, is_early), padding(nuls));
                // The first message may be empty.
                assert_eq!(after(b"", alone, false, is_early), None);
                assert_eq!(after(b"", alone, true, is_early), empty(nuls));
            }
            assert_eq!(after(b"ha\0", alone, false, true), padding(nuls));
            assert_eq!(after(b"ha\0", alone, false, false), None);
            assert_eq!(after(b"ha\0", alone, true, false), empty(nuls));
        }
    }

    #[test]
    fn without_a_nul_the_rest_is_waited_for_and_then_each_line_is_a_message() {
        for begun in [&b"salut"[..], b"salut\n", b"un\ndeux\n", b""] {
            assert_eq!(decode(begun), None);
        }
        assert_eq!(decode_all(b"un\r\ndeux\n\ntrois"), ["un", "deux", "", "trois"].map(text));
        assert_eq!(decode_all(b"un\rdeux\rtrois"), ["un", "deux", "trois"].map(text));
        assert_eq!(decode_all(b"un\rdeux\r\r\ntrois\n"), ["un", "deux", "", "trois"].map(text));
    }

    #[test]
    fn an_end_after_the_timeout_is_no_empty_message() {
        let mut decoder = FrameDecoder::default();
        assert_eq!(decoder.decode(b"salut", true, false).unwrap().message, Some(text("salut")));
        assert_eq!(decoder.decode(b"\0suite\0", false, false), Some(Frame { message: None, length: 1 }));
        assert_eq!(decoder.decode(b"suite\0", false, false).unwrap().message, Some(text("suite")));
        assert_eq!(decoder.decode(b"\0", true, false).unwrap().message, Some(text("")));
        // Nor is the rest of a line end; behind a whole one, it is an empty line.
        for (sent, late, rest) in [("salut", "\n", 1), ("salut", "\r\n\0", 3), ("salut\r", "\n", 1)] {
            assert_eq!(decoder.decode(sent.as_bytes(), true, false).unwrap().message, Some(text("salut")));
            let frame = Frame { message: None, length: rest };
            assert_eq!(decoder.decode(late.as_bytes(), false, false), Some(frame), "{late:?}");
        }
        for (sent, empty) in [("salut\n", "\n"), ("salut\r", "\r")] {
            assert_eq!(decoder.decode(sent.as_bytes(), true, false).unwrap().message, Some(text("salut")));
            assert_eq!(decoder.decode(empty.as_bytes(), true, false).unwrap().message, Some(text("")));
        }
    }

    #[test]
    fn a_block_is_waited_for_whole_and_its_leftovers_are_dropped() {
        let block = |text: &[u8]| [text, &[0; 20][..20 - text.len()]].concat();
        let mut decoder = FrameDecoder::default();
        let mut next =
            |bytes: &[u8], timed_out| decoder.decode(bytes, timed_out, false).map(|frame| frame.length);
        // The size is not known yet: more padding may come.
        assert_eq!(next(&block(b"bonjour")[..18], false), None);
        assert_eq!(next(&block(b"bonjour"), true), Some(20));
        for cut in 3..20 {
            assert_eq!(next(&block(b"ok\0jour")[..cut], false), None, "{cut} bytes");
        }
        assert_eq!(next(&block(b"ok\0jour"), false), Some(20));
        assert_eq!(next(&block(b"\0k\0jour"), false), Some(20));
        // Other bytes are another message.
        assert_eq!(next(&block(b"a\0\0jours"), false), Some(3));
    }

    #[test]
    fn fin_and_exit_count_with_any_end_and_only_alone() {
        for end in ["\0", "\n", "\r\n", "\n\0", "\0\0\0", ""] {
            assert_eq!(decode_all(format!("fin{end}").as_bytes()), [Message::Fin], "{end:?}");
            assert_eq!(decode_all(format!("exit{end}").as_bytes()), [Message::Exit], "{end:?}");
        }
        assert_eq!(decode_all("\u{feff}fin\n".as_bytes()), [Message::Fin]);
        assert_eq!(decode_all("un\0\u{feff}fin\0".as_bytes())[1], text("\u{feff}fin"));
        for other in ["fin ", " fin", "Fin", "finir", "exit ", "exit\n\n"] {
            assert_eq!(decode_all(format!("{other}\0").as_bytes()), [text(other)]);
        }
    }

    #[test]
    fn a_text_of_1023_bytes_is_one_message_and_one_byte_more_makes_two() {
        let long = "x".repeat(MAX_LEN);
        assert_eq!(decode_all(format!("{long}\0").as_bytes()), [text(&long)]);
        assert_eq!(decode_all(format!("{long}\n").as_bytes()), [text(&long)]);
        assert_eq!(decode(format!("{long}\0").as_bytes()).unwrap().length, MAX_LEN + 1);
        assert_eq!(decode_all(format!("{long}y\0").as_bytes()), [text(&long), text("y")]);
        assert_eq!(decode_all(long.repeat(2).as_bytes()), [text(&long), text(&long)]);
    }

    #[test]
    fn the_rest_of_a_split_text_is_no_fin_but_may_be_an_exit() {
        let long = "x".repeat(MAX_LEN);
        let messages = decode_all(format!("{long}fin\0fin\0").as_bytes());
        assert_eq!(messages, [text(&long), text("fin"), Message::Fin]);
        assert_eq!(decode_all(format!("{long}exit\0").as_bytes()), [text(&long), Message::Exit]);
    }

    #[test]
    fn a_long_text_whose_nul_is_in_the_window_is_not_split_at_its_lines() {
        let long = format!("{}\n{}\0", "x".repeat(1000), "y".repeat(1000));
        let messages = decode_all(long.as_bytes());
        let Message::Text(first) = &messages[0] else { panic!("{messages:?}") };
        assert_eq!((messages.len(), &first[..]), (2, &long.as_bytes()[..MAX_LEN]));
    }
}
