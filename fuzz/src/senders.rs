//! A client's bytes: telnet's commands and leftovers in blocks of a fixed size are no speech.
//!
//! Input: a framing, the size of a block, and a stream that arrives in pieces.

use std::time::{Duration, Instant};

use forklab::hub::framing::{FrameDecoder, Framing, messages};
use forklab::server::telnet::Telnet;

use super::input::{Arrival, HOLD, Input};

/// The most bytes of one `read` of a worker.
const CHUNK: usize = 1023;

/// Commands are the same however they are cut; what is said was sent, in this order; the texts of
/// blocks are said, and nothing else of them.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let framing =
        [Framing::Strings(HOLD), Framing::Texts(HOLD), Framing::Lines][usize::from(input.byte() % 3)];
    let size = match usize::from(input.byte()) {
        small @ ..16 => 4 + small,
        size => 40 * size,
    };
    let arrival = Arrival::of(input);
    telnet_holds(arrival);
    stream_holds(framing, arrival);
    blocks_hold(size, arrival);
    line_ends_hold(arrival);
}

/// The data of a stream in these pieces.
fn data<'a>(pieces: impl Iterator<Item = &'a [u8]>) -> Vec<u8> {
    let (mut telnet, mut data, mut rest) = (Telnet::default(), Vec::new(), Vec::new());
    for piece in pieces {
        rest.extend_from_slice(piece);
        let (kept, undecided) = telnet.strip(&mut rest);
        assert!(kept + undecided <= rest.len() && undecided < 3);
        data.extend_from_slice(&rest[..kept]);
        rest.drain(..kept);
        rest.truncate(undecided);
    }
    data.extend(rest);
    data
}

fn telnet_holds(arrival: Arrival) {
    let whole = data(std::iter::once(arrival.stream));
    assert_eq!(data(arrival.pieces().map(|(_, piece)| piece)), whole, "cuts change nothing");
    assert_eq!(data(arrival.stream.chunks(1)), whole, "cuts change nothing");
    assert!(is_part_of(&whole, arrival.stream));
    if !arrival.stream.contains(&0xff) {
        assert_eq!(whole, arrival.stream);
    }
}

/// True if `part` is `whole` without some of its bytes.
fn is_part_of(part: &[u8], whole: &[u8]) -> bool {
    let mut rest = whole.iter();
    part.iter().all(|byte| rest.any(|other| other == byte))
}

/// The chunks of a decoder that is called as a worker calls it.
fn chunks(mut decoder: FrameDecoder, pieces: impl Iterator<Item = (Duration, Vec<u8>)>) -> Vec<Vec<u8>> {
    let (mut now, mut chunks) = (Instant::now(), Vec::new());
    let mut take = |decoder: &mut FrameDecoder, now, ended| {
        let keep = |chunk: &[u8]| {
            assert!(!chunk.is_empty());
            chunks.push(chunk.to_vec());
            Ok::<(), ()>(())
        };
        decoder.take(now, ended, keep).unwrap();
        assert!(!decoder.spare().is_empty(), "there is always room for the next read");
        assert!(ended || decoder.deadline().is_none_or(|deadline| deadline > now), "no sleep of length zero");
    };
    for (pause, piece) in pieces {
        now += pause;
        decoder.waited(pause);
        let mut piece = &piece[..];
        while !piece.is_empty() {
            let n = piece.len().min(decoder.spare().len());
            decoder.spare()[..n].copy_from_slice(&piece[..n]);
            decoder.filled(n);
            piece = &piece[n..];
            take(&mut decoder, now, false);
        }
    }
    take(&mut decoder, now, true);
    chunks
}

fn stream_holds(framing: Framing, arrival: Arrival) {
    let pieces = || arrival.pieces().map(|(pause, piece)| (pause, piece.to_vec()));
    let mut buffer = [0; CHUNK];
    let said = chunks(FrameDecoder::of_client(&mut buffer, framing), pieces());
    // Line ends change, and a pause adds them.
    let without_ends = |bytes: &[u8]| {
        bytes.iter().copied().filter(|byte| !matches!(byte, 0 | b'\r' | b'\n')).collect::<Vec<_>>()
    };
    assert!(is_part_of(&without_ends(&said.concat()), &without_ends(arrival.stream)));
    // A newline behind a text that a pause ended is its end.
    let is_special = |byte: &u8| match byte {
        b'\n' => matches!(framing, Framing::Texts(_)) && !arrival.is_without_pause(),
        byte => matches!(byte, 0 | 0xff | b'\r' | 0xef),
    };
    if !arrival.stream.iter().any(is_special) {
        let plain = chunks(FrameDecoder::new(&mut buffer, framing), pieces());
        assert_eq!(said, plain, "where no byte is special, nothing is filtered");
    }
}

/// However TCP cuts them, line ends of every kind are one newline each.
fn line_ends_hold(arrival: Arrival) {
    if arrival.stream.iter().any(|byte| matches!(byte, 0 | 0xff | 0xef)) {
        return;
    }
    let pieces = arrival.pieces().map(|(_, piece)| (Duration::ZERO, piece.to_vec()));
    let said = chunks(FrameDecoder::of_client(&mut [0; CHUNK], Framing::Lines), pieces);
    assert_eq!(said.concat(), newlines_slowly(arrival.stream));
}

/// A carriage return is a line end, or part of one: in front of a newline, and behind one that has
/// none in front of it.
fn newlines_slowly(mut stream: &[u8]) -> Vec<u8> {
    let mut said = Vec::new();
    while !stream.is_empty() {
        let returns = stream.iter().take_while(|&&byte| byte == b'\r').count();
        stream = match (returns, &stream[returns..]) {
            (0, [b'\n', b'\r', rest @ ..]) | (1.., [b'\n', rest @ ..]) => {
                said.push(b'\n');
                rest
            }
            (0, rest) => {
                said.push(rest[0]);
                &rest[1..]
            }
            (_, rest) => {
                said.resize(said.len() + returns, b'\n');
                rest
            }
        };
    }
    said
}

/// The stream's words, written by a client that reuses a buffer of `size` bytes, arrive in pieces.
fn blocks_hold(size: usize, arrival: Arrival) {
    let words = arrival.stream.split(|byte| matches!(byte, 0 | b'\r' | b'\n' | b' ' | 0xff));
    // The first block shows its size by its padding: three NULs.
    let words: Vec<&[u8]> =
        words.filter(|word| (1..=size - 3).contains(&word.len()) && word.len() < CHUNK).take(20).collect();
    let (mut buffer, mut stream) = (vec![0; size], Vec::new());
    for word in &words {
        buffer[..word.len()].copy_from_slice(word);
        buffer[word.len()] = 0;
        stream.extend_from_slice(&buffer);
    }
    let mut lengths = arrival.pieces().map(|(_, piece)| piece.len()).collect::<Vec<_>>().into_iter().cycle();
    let mut rest = &stream[..];
    let pieces = std::iter::from_fn(|| {
        let length = lengths.next().unwrap_or(usize::MAX).min(rest.len());
        let (piece, others) = rest.split_at(length);
        rest = others;
        (length > 0).then(|| (Duration::ZERO, piece.to_vec()))
    });
    let mut room = [0; CHUNK];
    let chunks = chunks(FrameDecoder::of_client(&mut room, Framing::Strings(HOLD)), pieces);
    let said: Vec<&[u8]> = chunks.iter().flat_map(|chunk| messages(chunk)).collect();
    let texts = said.iter().map(|message| message.split(|&byte| byte == 0).next().unwrap_or_default());
    assert_eq!(texts.collect::<Vec<_>>(), words, "blocks of {size}");
}
