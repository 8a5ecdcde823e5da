//! Decodes a browser's WebSocket frames (RFC 6455). Pure.
//!
//! tungstenite replies to pings and closes by itself. Its output is discarded: only the hub writes
//! to clients, and it encodes its own replies to these events.

use std::collections::VecDeque;
use std::io::{self, Read, Write};

use tungstenite::error::Error;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};

use crate::hub::framing::line_text;
use crate::hub::record::CHUNK;

/// Stands for a close frame without a code: RFC 6455, 7.1.5. Never sent.
pub const NO_STATUS: u16 = 1005;

/// The text of a liveness probe. A browser's script cannot send pings. No keyboard types this, and
/// as a message it is empty: NULs are removed.
pub const PROBE: &str = "\0";

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsEvent {
    /// The text of a line, see [`line_text`]. Never empty.
    Text(Vec<u8>),
    /// At most 125 bytes, which the pong has to repeat.
    Ping(Vec<u8>),
    /// A message of one NUL: a page asks whether its connection is alive.
    Probe,
    /// The last event: the client's close code, [`NO_STATUS`], or the code for its error.
    Close(u16),
}

/// An iterator over the events of the bytes fed so far. `None`: more bytes must come; after
/// [`WsEvent::Close`], for good.
#[derive(Debug)]
pub struct WsDecoder {
    socket: WebSocket<ReadBuffer>,
    closed: bool,
}

impl WsDecoder {
    /// `first`: bytes that arrived behind the HTTP request.
    pub fn new(first: &[u8]) -> WsDecoder {
        // The limit of a C client's message, for a message and for a frame.
        let config = WebSocketConfig::default()
            .read_buffer_size(CHUNK)
            .write_buffer_size(0)
            .max_message_size(Some(CHUNK))
            .max_frame_size(Some(CHUNK));
        let buffer = ReadBuffer(first.to_vec().into());
        WsDecoder { socket: WebSocket::from_raw_socket(buffer, Role::Server, Some(config)), closed: false }
    }

    /// To be called when [`WsDecoder::next`] has returned `None`.
    pub fn feed(&mut self, bytes: &[u8]) {
        self.socket.get_mut().0.extend(bytes);
    }
}

impl Iterator for WsDecoder {
    type Item = WsEvent;

    fn next(&mut self) -> Option<WsEvent> {
        while !self.closed {
            let code = match self.socket.read() {
                Ok(Message::Text(text)) if text.as_str() == PROBE => return Some(WsEvent::Probe),
                Ok(Message::Text(text)) => match text_of_line(&text) {
                    text if text.is_empty() => continue,
                    text => return Some(WsEvent::Text(text)),
                },
                Ok(Message::Ping(bytes)) => return Some(WsEvent::Ping(bytes.to_vec())),
                Ok(Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Binary(_)) => CloseCode::Unsupported.into(),
                Ok(Message::Close(frame)) => frame.map_or(NO_STATUS, |frame| frame.code.into()),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(Error::Capacity(_)) => CloseCode::Size.into(),
                Err(Error::Utf8(_)) => CloseCode::Invalid.into(),
                Err(_) => CloseCode::Protocol.into(),
            };
            self.closed = true;
            return Some(WsEvent::Close(code));
        }
        None
    }
}

/// Line ends inside a message become spaces: a message is one line.
fn text_of_line(text: &str) -> Vec<u8> {
    line_text(text.lines().collect::<Vec<_>>().join(" ").as_bytes())
}

/// Reads like a non-blocking socket, and discards writes.
#[derive(Debug)]
struct ReadBuffer(VecDeque<u8>);

impl Read for ReadBuffer {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.0.read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => Ok(n),
        }
    }
}

impl Write for ReadBuffer {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A masked frame; `first` is its first byte.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            long => [&[0x80 | 126][..], &(long as u16).to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&[first][..], &length, &mask].concat().into_iter().chain(masked).collect()
    }

    fn events(bytes: &[u8]) -> Vec<WsEvent> {
        WsDecoder::new(bytes).collect()
    }

    fn text(text: &str) -> WsEvent {
        WsEvent::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn texts_are_lines_whole_or_in_fragments() {
        let parts = [
            frame(0x81, "alice : été".as_bytes()),
            frame(0x01, b"alice : \xc3"),
            frame(0x89, b"?"),
            frame(0x80, b"\xa9"),
            frame(0x81, b" a\r\nb\0c\nd\n"),
            frame(0x81, b" \n"),
            frame(0x81, b"\0\0"),
            frame(0x81, b"\0"),
        ];
        let ping = WsEvent::Ping(b"?".to_vec());
        let expected = [text("alice : été"), ping, text("alice : é"), text("a bc d"), WsEvent::Probe];
        assert_eq!(events(&parts.concat()), expected);
        // Also byte by byte.
        let (mut decoder, mut events) = (WsDecoder::new(b""), Vec::new());
        for byte in parts.concat() {
            decoder.feed(&[byte]);
            events.extend(decoder.by_ref());
        }
        assert_eq!(events, expected);
    }

    #[test]
    fn a_text_is_at_most_as_long_as_a_c_clients_message() {
        let longest = "x".repeat(CHUNK);
        assert_eq!(events(&frame(0x81, longest.as_bytes())), [text(&longest)]);
        let in_halves = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])].concat();
        for long in [frame(0x81, &[b'x'; CHUNK + 1]), in_halves, frame(0x81, &[0xff; CHUNK + 1])] {
            assert_eq!(events(&long), [WsEvent::Close(1009)]);
        }
        // Refused by the header of the frame, before its payload.
        assert_eq!(events(&[&[0x81, 0xff, 0x7f][..], &[0xff; 11]].concat()), [WsEvent::Close(1009)]);
    }

    #[test]
    fn an_error_or_a_close_frame_is_the_last_event() {
        let unmasked = vec![0x81, 2, b'h', b'i'];
        for (last, code) in [
            (unmasked, 1002),
            (frame(0xc1, b"compressed"), 1002),
            (frame(0xa1, b""), 1002),
            (frame(0x91, b""), 1002),
            (frame(0x83, b""), 1002),
            (frame(0x8b, b""), 1002),
            (frame(0x80, b"nothing begun"), 1002),
            ([frame(0x01, b"a"), frame(0x81, b"b")].concat(), 1002),
            (frame(0x89, &[b'x'; 126]), 1002),
            (frame(0x09, b"a ping in fragments"), 1002),
            (frame(0x88, b"\x03"), 1002),
            (frame(0x82, b"binary"), 1003),
            (frame(0x81, b"\xff"), 1007),
            (frame(0x81, b"\xed\xa0\x80"), 1007),
            (frame(0x88, b"\x03\xe8\xff"), 1007),
            // A code that must not be sent.
            (frame(0x88, &NO_STATUS.to_be_bytes()), 1002),
            // No errors: the client's own code.
            (frame(0x88, b""), NO_STATUS),
            (frame(0x88, b"\x03\xe8bye"), 1000),
            (frame(0x88, b"\x0f\xa0"), 4000),
        ] {
            let stream = [last.clone(), frame(0x81, b"later")].concat();
            assert_eq!(events(&stream), [WsEvent::Close(code)], "{last:?}");
        }
    }

    #[test]
    fn endless_empty_fragments_take_no_memory() {
        let mut decoder = WsDecoder::new(&frame(0x01, b"a"));
        let empty = frame(0x00, b"").repeat(100);
        for _ in 0..10_000 {
            decoder.feed(&empty);
            assert_eq!(decoder.next(), None);
            assert!(decoder.socket.get_ref().0.capacity() <= 4096);
        }
        decoder.feed(&frame(0x80, b"b"));
        assert_eq!(decoder.next(), Some(text("ab")));
    }
}
