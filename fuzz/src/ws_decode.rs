//! The web listener's frames. Input: a browser's stream that arrives in pieces.

use forklab::chat::web::ws_decode::{NO_STATUS, WsDecoder, WsEvent};
use forklab::hub::framing::{is_line_text, line_text};
use forklab::hub::record::{CHUNK, from_close_code};

use super::input::{Arrival, Input};

/// The events are those of the oracle, which reads frame by frame, however the stream is cut. Each
/// fits a record.
pub fn holds(bytes: &[u8]) {
    let arrival = Arrival::of(Input(bytes));
    let mut frames = WsDecoder::new(b"");
    let mut said = Vec::new();
    for (_, piece) in arrival.pieces() {
        frames.feed(piece);
        said.extend(frames.by_ref());
    }
    assert_eq!(said, slowly(arrival.stream));
    for said in said {
        match said {
            WsEvent::Text(text) => assert!((1..=CHUNK).contains(&text.len()) && is_line_text(&text)),
            WsEvent::Probe => {}
            WsEvent::Ping(bytes) => assert!(bytes.len() <= 125),
            WsEvent::Close(code) => assert!(from_close_code(code) < -999),
        }
    }
    // The same for bytes that come with the request.
    assert_eq!(WsDecoder::new(arrival.stream).collect::<Vec<_>>(), slowly(arrival.stream));
}

/// A frame: RFC 6455, 5.2.
struct Frame {
    is_final: bool,
    has_reserved_bits: bool,
    opcode: u8,
    is_masked: bool,
    payload: Vec<u8>,
}

/// The first frame of a stream and the rest. `Ok(None)`: more must come; `Err`: the close code for
/// an invalid head.
fn first(stream: &[u8]) -> Result<Option<(Frame, &[u8])>, u16> {
    let mut input = Input(stream);
    let [one, two] = [input.byte(), input.byte()];
    let length_size = match two & 0x7f {
        126 => 2,
        127 => 8,
        _ => 0,
    };
    let mask_size = if two & 0x80 != 0 { 4 } else { 0 };
    if stream.len() < 2 + length_size + mask_size {
        return Ok(None);
    }
    let number = |bytes: &[u8]| bytes.iter().fold(0u64, |number, byte| number << 8 | u64::from(*byte));
    let length = if length_size == 0 { u64::from(two & 0x7f) } else { number(input.take(length_size)) };
    let mask = input.take(mask_size);
    let opcode = one & 0x0f;
    if ![0, 1, 2, 8, 9, 10].contains(&opcode) {
        return Err(1002);
    }
    if length > CHUNK as u64 {
        return Err(1009);
    }
    let length = length as usize;
    if input.0.len() < length {
        return Ok(None);
    }
    let masks = mask.iter().chain(&[0; 4]).take(4.max(mask.len())).cycle();
    let payload = input.take(length).iter().zip(masks).map(|(byte, mask)| byte ^ mask).collect();
    let (is_final, has_reserved_bits) = (one & 0x80 != 0, one & 0x70 != 0);
    Ok(Some((Frame { is_final, has_reserved_bits, opcode, is_masked: mask_size > 0, payload }, input.0)))
}

fn slowly(mut stream: &[u8]) -> Vec<WsEvent> {
    let (mut said, mut incomplete) = (Vec::new(), None);
    loop {
        let frame = match first(stream) {
            Ok(Some((frame, rest))) => {
                stream = rest;
                frame
            }
            Ok(None) => return said,
            Err(code) => {
                said.push(WsEvent::Close(code));
                return said;
            }
        };
        let one = match frame {
            Frame { is_masked: false, .. } | Frame { has_reserved_bits: true, .. } => {
                Some(WsEvent::Close(1002))
            }
            Frame { opcode: 8.., .. } => control(frame),
            _ => data(frame, &mut incomplete),
        };
        let is_over = matches!(one, Some(WsEvent::Close(_)));
        said.extend(one);
        if is_over {
            return said;
        }
    }
}

fn control(Frame { is_final, opcode, payload, .. }: Frame) -> Option<WsEvent> {
    Some(match opcode {
        _ if !is_final || payload.len() > 125 => WsEvent::Close(1002),
        9 => WsEvent::Ping(payload),
        10 => return None,
        _ => WsEvent::Close(match payload[..] {
            [] => NO_STATUS,
            [_] => 1002,
            [high, low, ref reason @ ..] => match u16::from_be_bytes([high, low]) {
                _ if std::str::from_utf8(reason).is_err() => 1007,
                code @ (1000..=1003 | 1007..=1013 | 3000..=4999) => code,
                _ => 1002,
            },
        }),
    })
}

/// `incomplete`: a message of which fragments have come: whether it is text, and its bytes.
fn data(frame: Frame, incomplete: &mut Option<(bool, Vec<u8>)>) -> Option<WsEvent> {
    let (is_text, mut all) = match (frame.opcode, incomplete.take()) {
        (0, Some(incomplete)) => incomplete,
        (1 | 2, None) => (frame.opcode == 1, Vec::new()),
        _ => return Some(WsEvent::Close(1002)),
    };
    all.extend(frame.payload);
    if all.len() > CHUNK {
        return Some(WsEvent::Close(1009));
    }
    // A character may be cut by the end of a fragment, not by that of a message.
    let is_broken = |error: std::str::Utf8Error| frame.is_final || error.error_len().is_some();
    if is_text && std::str::from_utf8(&all).is_err_and(is_broken) {
        return Some(WsEvent::Close(1007));
    }
    match (frame.is_final, is_text) {
        (false, _) => {
            *incomplete = Some((is_text, all));
            None
        }
        (true, false) => Some(WsEvent::Close(1003)),
        (true, true) => {
            if all == b"\0" {
                return Some(WsEvent::Probe);
            }
            // A line end at the very end is not part of the text.
            let text = String::from_utf8(all).expect("it was looked at").replace("\r\n", "\n");
            let text = line_text(text.strip_suffix('\n').unwrap_or(&text).replace('\n', " ").as_bytes());
            (!text.is_empty()).then_some(WsEvent::Text(text))
        }
    }
}
