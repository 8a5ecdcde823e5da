//! From the keyboard to the readers: the client's lines, its messages, and how a server splits
//! them.
//!
//! Input: the most bytes of a line, and typed bytes, which arrive in pieces.

use std::time::Instant;

use forklab::chat::client::outgoing::{message, room_for_text};
use forklab::chat::encoding::STRINGS;
use forklab::client::LineBuffer;
use forklab::hub::framing::{FrameDecoder, messages};
use forklab::hub::record::CHUNK;

use super::input::{Arrival, Input};

/// The most bytes of one message with its NUL (docs/PROTOCOLS.md, section 1).
const MAX_LEN: usize = 1024;

const PSEUDO: &str = "zoé";

/// Typed lines come out in bounded pieces, however they arrive, and a room reads each as it was
/// typed.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let most = match usize::from(input.byte()) {
        size @ 0..192 => 4 + size,
        _ => room_for_text(PSEUDO),
    };
    let arrival = Arrival::of(input);
    let pieces = given(most, arrival.pieces().map(|(_, piece)| piece));
    assert_eq!(pieces, given(most, [arrival.stream].into_iter()), "where it is cut makes no difference");
    assert_eq!(pieces.concat(), lines_of(arrival.stream).concat(), "nothing is lost, added or moved");
    let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
    assert!(pieces.iter().all(|piece| piece.len() <= most));
    assert!(!is_text(arrival.stream) || pieces.iter().all(|piece| is_text(piece)), "no character is cut");
    if lines_of(arrival.stream).iter().all(|line| line.len() <= most) {
        assert_eq!(pieces, lines_of(arrival.stream), "a line that fits is one");
    }
    heard_as_typed(&pieces);
}

fn given<'a>(most: usize, typed: impl Iterator<Item = &'a [u8]>) -> Vec<Vec<u8>> {
    let (mut lines, mut given) = (LineBuffer::new(most), Vec::new());
    typed.for_each(|piece| lines.feed(piece, |line| given.push(line)));
    given.extend(lines.finish());
    assert_eq!(lines.finish(), None);
    given
}

/// The typed lines, without NULs. An empty rest behind the last end is no line.
fn lines_of(typed: &[u8]) -> Vec<Vec<u8>> {
    let mut ends_line = false;
    let typed = typed.iter().copied().filter(|&byte| byte != 0);
    // A newline behind a carriage return is part of its end.
    let typed = typed.filter(|&byte| !(std::mem::replace(&mut ends_line, byte == b'\r') && byte == b'\n'));
    let typed: Vec<u8> = typed.collect();
    let is_end = |byte: &u8| matches!(byte, b'\r' | b'\n');
    let mut lines: Vec<Vec<u8>> = typed.split(is_end).map(<[u8]>::to_vec).collect();
    lines.pop_if(|last| last.is_empty());
    lines
}

/// A server that reads the messages of `texts` in chunks that fill its buffer finds each message.
fn heard_as_typed(texts: &[Vec<u8>]) {
    let sent: Vec<Vec<u8>> = texts.iter().map(|text| message(PSEUDO, text)).collect();
    assert!(sent.iter().all(|message| message.len() <= MAX_LEN));
    let (mut buffer, mut heard) = ([0; CHUNK], Vec::new());
    let (mut decoder, now, mut rest) =
        (FrameDecoder::new(&mut buffer, STRINGS), Instant::now(), Input(&sent.concat()));
    while !rest.is_empty() {
        let read = rest.take(decoder.spare().len());
        decoder.spare()[..read.len()].copy_from_slice(read);
        decoder.filled(read.len());
        let keep = |chunk: &[u8]| {
            heard.extend(messages(chunk).map(<[u8]>::to_vec));
            Ok::<(), ()>(())
        };
        decoder.take(now, rest.is_empty(), keep).unwrap();
    }
    for (heard, text) in heard.iter().zip(texts) {
        let heard = heard.strip_suffix(b"\0").unwrap_or(heard);
        assert_eq!(heard, [PSEUDO.as_bytes(), b" : ", text].concat());
    }
    assert_eq!(heard.len(), texts.len());
}
