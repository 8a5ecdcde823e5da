//! The encoding for browsers: a message is one WebSocket frame that holds one JSON object. Pure,
//! except for the clock.

use std::io::Write;
use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use serde_json::json;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{CloseFrame, Frame, Utf8Bytes};

use super::ws_decode::NO_STATUS;
use crate::chat::message::ParsedMessage;
use crate::sys::{Pid, discard_in_child, dontfork_vec};

/// Longest header of a frame below 64 KiB.
const HEADER: usize = 4;

/// First byte of a text message in one frame.
const TEXT: u8 = 0x81;

/// Milliseconds since 1970 (UTC); 0 for a clock before that.
pub fn now() -> u64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |time| time.as_millis() as u64)
}

/// Encodes messages in one reused buffer, which children do not share: [`dontfork_vec`].
#[derive(Debug)]
pub struct WsEncoder {
    frame: Vec<u8>,
}

impl WsEncoder {
    pub fn new() -> WsEncoder {
        WsEncoder { frame: dontfork_vec() }
    }

    /// The frame of what the client `pid` said at `time`: a message of C strings, or the text of a
    /// line. Bytes that are not UTF-8 become U+FFFD.
    pub fn frame(&mut self, pid: Pid, time: u64, said: &[u8]) -> &[u8] {
        self.frame.clear();
        self.frame.resize(HEADER, 0);
        let ParsedMessage { name, text } = ParsedMessage::of(said);
        // Writing to a Vec cannot fail.
        let _ = write!(self.frame, r#"{{"pid":{pid},"time":{time}"#);
        for (key, bytes) in name.map(|name| ("name", name)).into_iter().chain([("text", text)]) {
            let _ = write!(self.frame, r#","{key}":"#);
            let _ = serde_json::to_writer(&mut self.frame, &String::from_utf8_lossy(bytes));
        }
        self.frame.push(b'}');
        // The shortest form of the length is mandatory: RFC 6455, 5.2.
        let length = self.frame.len() - HEADER;
        let [high, low] = (length as u16).to_be_bytes();
        let (start, header) = if length < 126 { (2, [0, 0, TEXT, low]) } else { (0, [TEXT, 126, high, low]) };
        self.frame[..HEADER].copy_from_slice(&header);
        &self.frame[start..]
    }

    pub fn forget(&mut self) {
        discard_in_child(&mut self.frame);
    }
}

/// The first message: the pid of this client's child, and the address of the string listener.
pub fn hello(pid: Pid, server: SocketAddr) -> Vec<u8> {
    in_a_frame(json!({ "hello": { "pid": pid.as_raw(), "server": server.to_string() } }).to_string())
}

/// A message of the server to one client.
pub fn notice(text: &str) -> Vec<u8> {
    in_a_frame(json!({ "notice": text }).to_string())
}

/// The answer to a probe: [`super::ws_decode::WsEvent::Probe`].
pub fn alive() -> Vec<u8> {
    in_a_frame(json!({ "alive": true }).to_string())
}

pub fn pong(bytes: &[u8]) -> Vec<u8> {
    bytes_of(Frame::pong(bytes.to_vec()))
}

/// A close frame: without a code for [`NO_STATUS`], with 1002 for a code that must not be sent.
pub fn close(code: u16) -> Vec<u8> {
    let code = Some(CloseCode::from(code)).filter(|code| u16::from(*code) != NO_STATUS);
    let allowed = code.map(|code| if code.is_allowed() { code } else { CloseCode::Protocol });
    bytes_of(Frame::close(allowed.map(|code| CloseFrame { code, reason: Utf8Bytes::from_static("") })))
}

/// The rest of the frame in which `bytes` begin, or the whole frame that they begin with.
///
/// `bytes` are frames of messages: each begins with 0x81 and ends with `}`, and `}` is never
/// followed by 0x81 inside one. In the JSON, 0x81 is a continuation byte of UTF-8; in the length,
/// 0x7d81 is more than any frame of ours has.
pub fn rest_of_frame(bytes: &[u8]) -> &[u8] {
    let end = bytes.windows(2).position(|two| two == b"}\x81").map_or(bytes.len(), |at| at + 1);
    &bytes[..end]
}

fn in_a_frame(json: String) -> Vec<u8> {
    bytes_of(Frame::message(json.into_bytes(), OpCode::Data(Data::Text), true))
}

fn bytes_of(frame: Frame) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(frame.len());
    // Writing to a Vec cannot fail.
    let _ = frame.format(&mut bytes);
    bytes
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::Value;

    const PID: Pid = Pid::from_raw(42);

    fn message(pid: Pid, time: u64, said: &[u8]) -> Vec<u8> {
        WsEncoder::new().frame(pid, time, said).to_vec()
    }

    /// The JSON in the first frame of `bytes`, and the length of the frame.
    #[track_caller]
    fn decode(bytes: &[u8]) -> (Value, usize) {
        let (start, length) = match bytes[1] {
            126 => (4, usize::from(u16::from_be_bytes([bytes[2], bytes[3]]))),
            short => (2, usize::from(short)),
        };
        assert!(bytes[0] == 0x81 && length < 0x7d81, "{:?}", &bytes[..4]);
        (serde_json::from_slice(&bytes[start..start + length]).unwrap(), start + length)
    }

    #[test]
    fn a_message_has_its_sender_and_its_time() {
        let frame = message(PID, 1_763_744_287_123, b"alice : bonjour\0\0");
        let expected = json!({ "pid": 42, "time": 1_763_744_287_123u64, "name": "alice", "text": "bonjour" });
        assert_eq!(decode(&frame), (expected, frame.len()));
        let nameless = decode(&message(PID, 1, b"bonjour\n\0")).0;
        assert_eq!(nameless, json!({ "pid": 42, "time": 1, "text": "bonjour" }));
    }

    #[test]
    fn any_text_is_a_valid_json_string() {
        let text = decode(&message(PID, 1, b"\" : \"},{\"pid\":1}\n\x1b\x7f\xff\xe2\x80\xa8\\\0")).0;
        assert_eq!(text["name"], "\"");
        assert_eq!(text["text"], "\"},{\"pid\":1}\n\x1b\x7f\u{fffd}\u{2028}\\");
    }

    #[test]
    fn a_close_frame_has_its_code_if_that_may_be_sent() {
        assert_eq!(close(1001), [0x88, 2, 3, 233]);
        assert_eq!(close(NO_STATUS), [0x88, 0]);
        // A forged record may say anything.
        assert_eq!((close(1006), close(5000)), (close(1002), close(1002)));
    }

    #[test]
    fn the_next_frame_is_found_wherever_a_reader_stopped() {
        // Bytes 0x81 and braces in all places, and in lengths of one byte and of two.
        let texts = ["}\u{81}}\u{10401}é{", "Á}", "", "}"].map(str::to_string);
        let padded = (95..104).map(|count| "}".repeat(count));
        for text in texts.into_iter().chain(padded) {
            let [one, two] = ["a", &text].map(|text| message(PID, 1, text.as_bytes()));
            let all = [one, two.clone(), two].concat();
            for at in 0..all.len() {
                let whole = [&all[..at], rest_of_frame(&all[at..]), &notice("fin")].concat();
                let (mut rest, mut last) = (&whole[..], Value::Null);
                while !rest.is_empty() {
                    let (value, size) = decode(rest);
                    (rest, last) = (&rest[size..], value);
                }
                assert_eq!(last, json!({ "notice": "fin" }), "{text} at {at}");
            }
        }
    }

    #[test]
    fn the_longest_frame_is_shorter_than_0x7d81_bytes() {
        for byte in 0..=255 {
            decode(&message(PID, u64::MAX, &[byte; crate::hub::record::MAX_BODY]));
        }
    }
}
