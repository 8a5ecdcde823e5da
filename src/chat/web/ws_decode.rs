//! What a browser says once it is in the room: WebSocket frames (RFC 6455), taken apart. Pure.
//!
//! The library answers by itself where the protocol asks for it. What it writes goes nowhere: the hub alone writes to clients, and
//! makes its own frames of what is told here.

use std::io::{self, Read, Write};

use tungstenite::error::Error;
use tungstenite::protocol::frame::coding::CloseCode;
use tungstenite::protocol::{Message, Role, WebSocket, WebSocketConfig};

use crate::hub::framing::line_text;
use crate::hub::worker::CHUNK;

/// Nobody gave a reason: RFC 6455, 7.1.5. It never goes on the wire.
pub const NO_CODE: u16 = 1005;

/// What one frame, or several, have said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum WsEvent {
    /// The text of a line, see [`line_text`]. Never empty.
    Text(Vec<u8>),
    /// To be answered by a pong of the same bytes, at most 125.
    Ping(Vec<u8>),
    /// It is over: the client's code, or [`NO_CODE`], or the one that tells why it cannot go on.
    Close(u16),
}

/// What has come of one client, and what of it was not yet looked at.
#[derive(Debug)]
pub struct WsDecoder {
    socket: WebSocket<Arrived>,
    closed: bool,
}

impl WsDecoder {
    /// With what came behind the request.
    pub fn new(first: &[u8]) -> WsDecoder {
        // A text has no more bytes than a C client's, and neither has a frame.
        let config = WebSocketConfig::default()
            .read_buffer_size(CHUNK)
            .write_buffer_size(0)
            .max_message_size(Some(CHUNK))
            .max_frame_size(Some(CHUNK));
        let arrived = Arrived { bytes: first.to_vec(), read: 0 };
        WsDecoder { socket: WebSocket::from_raw_socket(arrived, Role::Server, Some(config)), closed: false }
    }

    /// Adds what came next. What came before has been taken: [`WsDecoder::next`] gave `None`.
    pub fn feed(&mut self, bytes: &[u8]) {
        let arrived = self.socket.get_mut();
        arrived.bytes.drain(..arrived.read);
        arrived.read = 0;
        arrived.bytes.extend_from_slice(bytes);
    }

    fn take(&mut self) -> Option<WsEvent> {
        loop {
            return Some(match self.socket.read() {
                Ok(Message::Text(text)) => match text_of_line(text.as_str()) {
                    text if text.is_empty() => continue,
                    text => WsEvent::Text(text),
                },
                Ok(Message::Ping(bytes)) => WsEvent::Ping(bytes.to_vec()),
                Ok(Message::Pong(_) | Message::Frame(_)) => continue,
                Ok(Message::Binary(_)) => WsEvent::Close(CloseCode::Unsupported.into()),
                Ok(Message::Close(frame)) => WsEvent::Close(frame.map_or(NO_CODE, |frame| frame.code.into())),
                Err(Error::Io(error)) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(Error::Capacity(_)) => WsEvent::Close(CloseCode::Size.into()),
                Err(Error::Utf8(_)) => WsEvent::Close(CloseCode::Invalid.into()),
                Err(_) => WsEvent::Close(CloseCode::Protocol.into()),
            });
        }
    }
}

/// What was said, in its order; `None` when more must come first, and for ever after [`WsEvent::Close`].
impl Iterator for WsDecoder {
    type Item = WsEvent;

    fn next(&mut self) -> Option<WsEvent> {
        let said = if self.closed { None } else { self.take() };
        self.closed |= matches!(said, Some(WsEvent::Close(_)));
        said
    }
}

/// A message is one line, whatever its sender put into it.
fn text_of_line(text: &str) -> Vec<u8> {
    line_text(text.lines().collect::<Vec<_>>().join(" ").as_bytes())
}

/// Bytes to be read as if from a socket that does not block.
#[derive(Debug)]
struct Arrived {
    bytes: Vec<u8>,
    read: usize,
}

impl Read for Arrived {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match (&self.bytes[self.read..]).read(buffer)? {
            0 => Err(io::ErrorKind::WouldBlock.into()),
            n => {
                self.read += n;
                Ok(n)
            }
        }
    }
}

impl Write for Arrived {
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

    /// A frame of a client: the first byte as it is, masked by `mask`.
    fn frame(first: u8, payload: &[u8]) -> Vec<u8> {
        let mask = [1, 2, 3, 4];
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            long => [&[0x80 | 126][..], &(long as u16).to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        [&[first][..], &length, &mask].concat().into_iter().chain(masked).collect()
    }

    fn said(bytes: &[u8]) -> Vec<WsEvent> {
        WsDecoder::new(bytes).collect()
    }

    fn text(text: &str) -> WsEvent {
        WsEvent::Text(text.as_bytes().to_vec())
    }

    #[test]
    fn texts_come_out_as_lines_in_their_order_whole_or_in_fragments() {
        let parts = [
            frame(0x81, "alice : été".as_bytes()),
            frame(0x01, b"alice : \xc3"),
            frame(0x89, b"?"),
            frame(0x80, b"\xa9"),
            frame(0x81, b" a\r\nb\0c\nd\n"),
            frame(0x81, b" \n"),
        ];
        let expected = [text("alice : été"), WsEvent::Ping(b"?".to_vec()), text("alice : é"), text("a bc d")];
        assert_eq!(said(&parts.concat()), expected);
        // And however they come.
        let mut frames = WsDecoder::new(b"");
        let one_by_one: Vec<WsEvent> = parts
            .concat()
            .into_iter()
            .flat_map(|byte| {
                frames.feed(&[byte]);
                frames.by_ref().collect::<Vec<_>>()
            })
            .collect();
        assert_eq!(one_by_one, expected);
    }

    #[test]
    fn a_text_has_at_most_as_many_bytes_as_one_of_a_c_client() {
        let longest = "x".repeat(CHUNK);
        assert_eq!(said(&frame(0x81, longest.as_bytes())), [text(&longest)]);
        let in_halves = [frame(0x01, &[b'x'; 600]), frame(0x80, &[b'x'; 600])].concat();
        for long in [frame(0x81, &[b'x'; CHUNK + 1]), in_halves, frame(0x81, &[0xff; CHUNK + 1])] {
            assert_eq!(said(&long), [WsEvent::Close(1009)]);
        }
        // Told by the front of the frame alone.
        assert_eq!(said(&[&[0x81, 0xff, 0x7f][..], &[0xff; 11]].concat()), [WsEvent::Close(1009)]);
    }

    #[test]
    fn what_the_protocol_forbids_is_the_end() {
        let unmasked = vec![0x81, 2, b'h', b'i'];
        for (wrong, code) in [
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
        ] {
            assert_eq!(
                said(&[wrong.clone(), frame(0x81, b"later")].concat()),
                [WsEvent::Close(code)],
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_close_bears_its_code() {
        let close = |payload: &[u8]| said(&[frame(0x88, payload), frame(0x81, b"later")].concat());
        assert_eq!(close(b""), [WsEvent::Close(NO_CODE)]);
        assert_eq!(close(b"\x03\xe8bye"), [WsEvent::Close(1000)]);
        assert_eq!(close(b"\x0f\xa0"), [WsEvent::Close(4000)]);
        // No code that may not be sent comes back.
        assert_eq!(close(&NO_CODE.to_be_bytes()), [WsEvent::Close(1002)]);
    }

    #[test]
    fn fragments_without_end_and_without_bytes_are_not_kept() {
        let mut frames = WsDecoder::new(&frame(0x01, b"a"));
        let empty = frame(0x00, b"").repeat(100);
        for _ in 0..10_000 {
            frames.feed(&empty);
            assert_eq!(frames.next(), None);
            assert!(frames.socket.get_ref().bytes.capacity() <= 4096);
        }
        frames.feed(&frame(0x80, b"b"));
        assert_eq!(frames.next(), Some(text("ab")));
    }
}
