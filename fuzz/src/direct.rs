//! Directed messages: names, the form `%name%message`, the texts in a client's stream.
//!
//! Input: a name (a length and that many bytes), and a text that arrives in pieces.

use std::time::Instant;

use forklab::hub::framing::{FrameDecoder, Framing, messages};
use forklab::hub::record::CHUNK;
use forklab::labs::direct::message::{MAX_LEN, RouteError, directed, parse, texts};
use forklab::labs::direct::{Name, name};
use forklab::text::{is_blank, is_plain};

use super::input::{Arrival, HOLD, Input};

/// A name is safe to show, a message to it comes out as it went in, and a text has the form or not,
/// without loss.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let length = input.byte();
    let (name, arrival) = (input.take(usize::from(length)), Arrival::of(input));
    name_holds(name);
    form_holds(arrival.stream);
    if let Ok(name) = Name::new(name) {
        let text = directed(&name, arrival.stream);
        assert_eq!(parse(text.strip_suffix(b"\n").unwrap()), Ok((name.as_bytes(), arrival.stream)));
    }
    assert_eq!(texts(arrival.stream).collect::<Vec<_>>(), texts_slowly(arrival.stream));
    texts_arrive(arrival);
}

/// A valid name shows as it is, can stand between two `%`, and is the input without the spaces
/// around it.
fn name_holds(bytes: &[u8]) {
    match Name::new(bytes) {
        Ok(name) => {
            let text = std::str::from_utf8(bytes).unwrap().trim();
            assert_eq!((name.as_bytes(), name.to_string().as_str()), (text.as_bytes(), text));
            assert!((1..=name::MAX_LEN).contains(&text.len()) && !text.contains('%'));
            assert!(is_plain(text) && !is_blank(text));
            assert_eq!(Name::new(name.as_bytes()), Ok(name));
        }
        Err(why) => assert!(is_plain(&why.to_string())),
    }
}

fn form_holds(text: &[u8]) {
    let signs: Vec<usize> = (0..text.len()).filter(|&at| text[at] == b'%').collect();
    let addressed = match signs[..] {
        [0, end, ..] => Some((text[1..end].trim_ascii(), &text[end + 1..])),
        _ => None,
    };
    match parse(text) {
        Ok((name, message)) => {
            assert_eq!(addressed, Some((name, message)));
            assert!(!name.is_empty());
            assert!(is_plain(&RouteError::UnknownName(name).to_string()));
        }
        Err(mistake) => {
            assert_eq!(mistake, RouteError::Malformed(text));
            assert!(addressed.is_none_or(|(name, _)| name.is_empty()));
            assert!(is_plain(&mistake.to_string()));
        }
    }
}

/// The texts up to each NUL or newline; nothing before a NUL is no text.
fn texts_slowly(body: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut text) = (Vec::new(), Vec::new());
    for &byte in body {
        match byte {
            0 if text.is_empty() => {}
            0 | b'\n' => {
                found.push(std::mem::take(&mut text));
            }
            _ => text.push(byte),
        }
    }
    if !text.is_empty() {
        found.push(text);
    }
    found
}

/// However TCP cuts what a client sends without a pause, the same texts reach the hub.
fn texts_arrive(arrival: Arrival) {
    // A client's intake, not used here, leaves no carriage return.
    let as_newline = |&byte: &u8| if byte == b'\r' { b'\n' } else { byte };
    let (stream, mut arrival): (Vec<u8>, Arrival) =
        (arrival.stream.iter().map(as_newline).collect(), arrival);
    arrival.stream = &stream;
    let is_short = |text: &Vec<u8>| text.len() < MAX_LEN;
    // An over-long text is cut off and its end is lost: see the target `framing`.
    if !arrival.is_without_pause() || !texts_slowly(arrival.stream).iter().all(is_short) {
        return;
    }
    let (mut buffer, now, mut found) = ([0; CHUNK], Instant::now(), Vec::new());
    let mut decoder = FrameDecoder::new(&mut buffer, Framing::Texts(HOLD));
    let mut take = |decoder: &mut FrameDecoder, ended| {
        let keep = |chunk: &[u8]| {
            let mut bodies: Vec<Vec<u8>> = messages(chunk).map(<[u8]>::to_vec).collect();
            // As the hub gets them: the last one of a write with a NUL more.
            bodies.last_mut().into_iter().for_each(|last| last.push(0));
            found.extend(bodies.iter().flat_map(|body| texts(body)).map(<[u8]>::to_vec));
            Ok::<(), ()>(())
        };
        decoder.take(now, ended, keep).unwrap();
    };
    for (_, piece) in arrival.pieces() {
        let mut rest = Input(piece);
        while !rest.is_empty() {
            let read = rest.take(decoder.spare().len());
            decoder.spare()[..read.len()].copy_from_slice(read);
            decoder.filled(read.len());
            take(&mut decoder, false);
        }
    }
    take(&mut decoder, true);
    // The end of the stream ends a text as a NUL does.
    assert_eq!(found, texts_slowly(&[arrival.stream, b"\0"].concat()));
}
