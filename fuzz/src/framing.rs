//! The frame decoder: every framing, every buffer size, any cuts of the stream.
//!
//! Input: a framing, the size of the buffer, and a stream that arrives in pieces.

use std::time::{Duration, Instant};

use forklab::hub::framing::{FrameDecoder, Framing, lines, messages};

use super::input::{Arrival, HOLD, Input};

/// The chunks concatenate to the stream (see the framings below), each ends at an allowed place,
/// and none waits past its deadline.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let framing =
        [Framing::Strings(HOLD), Framing::Texts(HOLD), Framing::Lines][usize::from(input.byte() % 3)];
    // A buffer holds a character at least.
    let capacity = match usize::from(input.byte()) {
        size @ 0..192 => 4 + size % 64,
        _ => 1023,
    };
    let arrival = Arrival::of(input);
    let chunks = cut(framing, capacity, arrival);
    for chunk in &chunks {
        assert_eq!(messages(chunk).collect::<Vec<_>>(), messages_slowly(chunk));
        assert_eq!(lines(chunk).flatten().copied().collect::<Vec<_>>(), *chunk);
    }
    match framing {
        Framing::Texts(_) => texts_hold(capacity, arrival, &chunks),
        Framing::Strings(_) => strings_hold(capacity, arrival, &chunks),
        Framing::Lines => {
            assert_eq!(chunks.concat(), arrival.stream, "nothing is lost, added or moved");
            let is_text = |bytes| std::str::from_utf8(bytes).is_ok();
            assert!(
                !is_text(arrival.stream) || chunks.iter().all(|chunk| is_text(chunk)),
                "no character is cut"
            );
        }
    }
}

/// Bytes without a pause from a distant sender that TCP may have cut, and how long their rest is
/// waited for.
const SEGMENT: usize = 536;
const STALL: Duration = Duration::from_millis(500);
const FAR: Duration = Duration::from_millis(5);

/// A decoder, the chunks that it has given, and its clock.
struct Run<'a> {
    decoder: FrameDecoder<'a>,
    framing: Framing,
    capacity: usize,
    now: Instant,
    since_pause: usize,
    /// The last chunk since the last pause has an end.
    had_end: bool,
    /// The last deadline.
    until: Option<Instant>,
    chunks: Vec<Vec<u8>>,
}

/// All chunks of a decoder that is called as a worker calls it.
fn cut(framing: Framing, capacity: usize, arrival: Arrival) -> Vec<Vec<u8>> {
    let mut buffer = vec![0; capacity];
    let mut decoder = FrameDecoder::new(&mut buffer, framing);
    decoder.note_round_trip(Some(FAR));
    let mut run = Run {
        decoder,
        framing,
        capacity,
        now: Instant::now(),
        since_pause: 0,
        had_end: false,
        until: None,
        chunks: Vec::new(),
    };
    for (pause, mut piece) in arrival.pieces() {
        run.now += pause;
        run.decoder.waited(pause);
        if pause > HOLD {
            (run.since_pause, run.had_end) = (0, false);
        }
        if pause == HOLD {
            // The wait ended before bytes came. Otherwise the worker is late, and finds the
            // deadline passed and bytes at once.
            run.take(false);
        }
        while !piece.is_empty() {
            let n = piece.len().min(run.decoder.spare().len());
            run.decoder.spare()[..n].copy_from_slice(&piece[..n]);
            run.decoder.filled(n);
            run.since_pause += n;
            piece = &piece[n..];
            run.take(false);
        }
    }
    run.take(true);
    run.chunks
}

impl Run<'_> {
    fn held(&mut self) -> usize {
        self.capacity - self.decoder.spare().len()
    }

    fn take(&mut self, ended: bool) {
        let (held, now) = (self.held(), self.now);
        let is_late = self.decoder.deadline().is_some_and(|deadline| deadline <= now);
        let mut given = None;
        let keep = |chunk: &[u8]| {
            given = Some(chunk.to_vec());
            Ok::<(), ()>(())
        };
        self.decoder.take(now, ended, keep).unwrap();
        assert!(!self.decoder.spare().is_empty(), "there is always room for the next read");
        let must_give = is_late && matches!(self.framing, Framing::Strings(_));
        assert!(!must_give || given.is_some(), "what has waited long enough goes");
        if let Some(chunk) = given {
            assert!((1..=held).contains(&chunk.len()));
            let is_end = |byte: &u8| *byte == b'\n' || (*byte == 0 && self.framing != Framing::Lines);
            let text = chunk.strip_suffix(b"\r").filter(|_| matches!(self.framing, Framing::Strings(_)));
            let has_end =
                [Some(&chunk[..]), text].into_iter().flatten().any(|text| text.last().is_some_and(is_end));
            if !ended && !has_end {
                assert!(is_late || held == self.capacity, "a piece without an end waits");
                assert!(!chunk.iter().any(is_end), "and goes alone, not behind one that has its end");
            }
            // Where there are NULs, they are the ends.
            let is_cut = chunk.len() < held && matches!(self.framing, Framing::Strings(_));
            assert!(!is_cut || !chunk.contains(&0) || chunk.ends_with(b"\0"));
            self.had_end = has_end;
            self.chunks.push(chunk);
        }
        if !ended {
            self.deadline_holds();
        }
    }

    /// A sleep until the deadline ends if a piece waits, and is not of zero length.
    fn deadline_holds(&mut self) {
        let (held, deadline) = (self.held(), self.decoder.deadline());
        let least = HOLD + 2 * FAR;
        let hold = if self.had_end && self.since_pause >= SEGMENT { STALL } else { least };
        let most = match self.framing {
            Framing::Lines => return assert_eq!(deadline, None),
            Framing::Strings(_) => {
                assert_eq!(deadline.is_some(), held > 0);
                hold
            }
            // Nothing is held while the rest of an over-long text is skipped.
            Framing::Texts(_) if held == 0 => 4 * HOLD,
            Framing::Texts(_) => {
                assert!(deadline.is_some());
                hold
            }
        };
        let is_new = deadline != std::mem::replace(&mut self.until, deadline);
        let most = if is_new { most } else { 4 * STALL };
        assert!(deadline.is_none_or(|deadline| deadline > self.now && deadline <= self.now + most));
    }
}

/// The rule, byte by byte: after each NUL with the NULs and line ends behind it, or, where there is
/// no NUL, after each newline and a carriage return that begins no line end; NULs alone are no
/// message.
fn messages_slowly(chunk: &[u8]) -> Vec<Vec<u8>> {
    let (mut found, mut message) = (Vec::new(), Vec::new());
    for (at, &byte) in chunk.iter().enumerate() {
        message.push(byte);
        let next = &chunk[at + 1..];
        let is_end = match chunk.contains(&0) {
            true => message.contains(&0) && !matches!(next, [0 | b'\r' | b'\n', ..]),
            false if next.starts_with(b"\r") && !next.starts_with(b"\r\n") => message.ends_with(b"\n\r"),
            false => byte == b'\n' || message.ends_with(b"\n\r"),
        };
        if is_end || next.is_empty() {
            found.push(std::mem::take(&mut message));
        }
    }
    found.retain(|message| message.iter().any(|&byte| byte != 0));
    found
}

/// All bytes come out, and the strings of a stream without a pause are the messages, however it was
/// cut. Line ends aside: newlines are ends where no NUL has come yet.
fn strings_hold(capacity: usize, arrival: Arrival, chunks: &[Vec<u8>]) {
    assert_eq!(chunks.concat(), arrival.stream, "nothing is lost, added or moved");
    let strings: Vec<&[u8]> = texts(arrival.stream).filter(|string| !string.is_empty()).collect();
    let are_short = strings.iter().all(|string| string.len() < capacity);
    if are_short
        && arrival.is_without_pause()
        && !arrival.stream.iter().any(|byte| matches!(byte, b'\r' | b'\n'))
    {
        let messages: Vec<&[u8]> = chunks.iter().flat_map(|chunk| messages(chunk)).collect();
        let texts: Vec<&[u8]> = messages.iter().flat_map(|message| texts(message).next()).collect();
        assert_eq!(texts, strings);
    }
}

/// Without pauses, each text comes out, cut off where it is too long. With pauses, which may split
/// a text, the output is a subsequence of the stream, and all of it where no text is too long.
fn texts_hold(capacity: usize, arrival: Arrival, chunks: &[Vec<u8>]) {
    let expected: Vec<&[u8]> = texts(arrival.stream).map(|text| &text[..text.len().min(capacity)]).collect();
    if arrival.is_without_pause() {
        assert_eq!(chunks.iter().flat_map(|chunk| texts(chunk)).collect::<Vec<_>>(), expected);
    }
    if expected.iter().all(|text| text.len() < capacity) {
        assert_eq!(chunks.concat(), arrival.stream);
    }
    let mut rest = arrival.stream;
    for chunk in chunks {
        let at = rest.windows(chunk.len()).position(|part| part == chunk);
        rest = &rest[at.expect("what comes out came in, in this order") + chunk.len()..];
    }
}

/// The texts of `bytes` without their terminators.
fn texts(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let is_end = |byte: &u8| matches!(byte, 0 | b'\n');
    bytes.split_inclusive(move |byte| is_end(byte)).map(move |text| match text.split_last() {
        Some((last, text)) if is_end(last) => text,
        _ => text,
    })
}
