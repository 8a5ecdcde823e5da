use super::sender::{FAR, SEGMENT, STALL, STREAM};
use super::*;

const HOLD: Duration = Duration::from_millis(20);

/// Reads of a stream, or messages in it.
type Pieces = &'static [&'static [u8]];

/// A decoder with a buffer of `N` bytes, and the chunks that it gives.
struct Decoding<const N: usize> {
    decoder: FrameDecoder<'static>,
    chunks: Vec<Vec<u8>>,
}

impl<const N: usize> Decoding<N> {
    fn new(framing: Framing) -> Decoding<N> {
        Decoding { decoder: FrameDecoder::new(vec![0; N].leak(), framing), chunks: Vec::new() }
    }

    fn of_client(framing: Framing) -> Decoding<N> {
        Decoding { decoder: FrameDecoder::of_client(vec![0; N].leak(), framing), chunks: Vec::new() }
    }

    /// One read, which has to fit the buffer. Returns the deadline after it.
    #[track_caller]
    fn read(&mut self, bytes: &[u8], now: Instant) -> Option<Instant> {
        self.decoder.spare()[..bytes.len()].copy_from_slice(bytes);
        self.decoder.filled(bytes.len());
        self.take(now, false)
    }

    fn take(&mut self, now: Instant, ended: bool) -> Option<Instant> {
        let Ok(()) = self.decoder.take(now, ended, |chunk| {
            self.chunks.push(chunk.to_vec());
            Ok::<(), std::convert::Infallible>(())
        });
        self.decoder.deadline()
    }
}

#[test]
fn bytes_behind_a_nul_are_a_line_after_the_hold_only_where_they_came_with_it() {
    let (mut decoding, start) = (Decoding::<64>::of_client(Framing::Lines), Instant::now());
    assert_eq!(decoding.read(b"un\0", start), Some(start + HOLD));
    decoding.read(b"de", start + HOLD / 2);
    assert_eq!(decoding.take(start + HOLD, false), None);
    decoding.read(b"ux\0zz", start + HOLD * 2);
    decoding.read(b"z", start + HOLD * 2);
    decoding.take(start + HOLD * 3, false);
    assert_eq!(decoding.chunks.concat(), b"un\ndeux\nzzz\n");
}

#[test]
fn memory_behind_a_newline_and_a_nul_is_a_line_after_the_hold_of_a_block_alone() {
    let block = |size: usize, text: &[u8], memory: &[u8]| {
        [text, &memory.iter().copied().cycle().take(size - text.len()).collect::<Vec<u8>>()].concat()
    };
    let held = |reads: &[&[u8]]| {
        let (mut decoding, start) = (Decoding::<64>::of_client(Framing::Lines), Instant::now());
        reads.iter().map(|read| decoding.read(read, start)).last().flatten().map(|until| until - start)
    };
    for size in [32, 50, 64] {
        let block = block(size, b"12\n\0", b"\xcc");
        assert_eq!(held(&[&block]), Some(HOLD), "{size}");
        // A full read, and the rest.
        let (mut decoding, start) = (Decoding::<62>::of_client(Framing::Lines), Instant::now());
        for read in block.chunks(62) {
            decoding.read(read, start);
        }
        decoding.take(start + HOLD, false);
        decoding.read(b"30\n", start + HOLD * 2);
        assert_eq!(decoding.chunks.concat(), [b"12\n", &block[4..], b"\n30\n"].concat());
    }
    // A line in Latin-1, cut by TCP.
    assert_eq!(held(&[&block(49, b"12\n\0", b"d\xe9j\xe0 vu")]), None);
    assert_eq!(held(&[&block(50, b"12\n\0", b"dit-il")]), None);
    assert_eq!(held(&[&block(50, b"12\n", b"d\xe9j\xe0 vu")]), None);
    // Bytes of another read.
    assert_eq!(held(&[b"12\n\0", &[0xcc; 50]]), None);
    assert_eq!(held(&[b"1", &block(50, b"2\n\0", b"\xcc")]), None);
    assert_eq!(held(&[&block(50, b"12\n\0", b"\xcc"), b"\xe9"]), Some(HOLD));
}

#[test]
fn the_hold_of_an_older_line_does_not_cut_a_text_that_has_just_begun() {
    let (mut decoding, start) = (Decoding::<64>::of_client(Framing::Lines), Instant::now());
    assert_eq!(decoding.read(b"un\0", start), Some(start + HOLD));
    let begun = start + HOLD / 2;
    assert_eq!(decoding.read(b"deux\0tro", begun), Some(begun + HOLD));
    decoding.take(start + HOLD, false);
    assert_eq!(decoding.read(b"is\0", start + HOLD), Some(begun + HOLD));
    decoding.take(begun + HOLD, false);
    // Without a rest, the hold is that of the first NUL.
    let later = start + HOLD * 2;
    decoding.read(b"quatre\0", later);
    assert_eq!(decoding.read(b"cinq\0", later + HOLD / 2), Some(later + HOLD));
    decoding.take(later + HOLD, false);
    assert_eq!(decoding.chunks.concat(), b"un\ndeux\ntrois\nquatre\ncinq\n");
}

#[test]
fn the_hold_of_carriage_returns_does_not_cut_the_line_behind_their_newline() {
    let framings = [(Framing::Lines, None), (Framing::Texts(HOLD), Some(HOLD))];
    for (framing, hold) in framings {
        for (end, rest) in [("\r\r", "\n"), ("\r\r\r", "\n"), ("\r\r", "\r\n")] {
            for came_after in [HOLD * 3 / 4, HOLD] {
                let (mut decoding, start) = (Decoding::<64>::of_client(framing), Instant::now());
                assert_eq!(decoding.read(format!("un{end}").as_bytes(), start), Some(start + HOLD));
                let came = start + came_after;
                let deadline = decoding.read(format!("{rest}bon").as_bytes(), came);
                assert_eq!(deadline, hold.map(|hold| came + hold));
                decoding.take(start + HOLD * 3 / 2, false);
                decoding.read(b"jour\r\r\n", start + HOLD * 5 / 3);
                assert_eq!(decoding.chunks.concat(), b"un\nbonjour\n", "{framing:?}, {end:?}, {rest:?}");
            }
        }
    }
}

#[test]
fn a_block_longer_than_the_buffer_says_its_line_alone() {
    let (mut decoding, mut now) = (Decoding::<15>::of_client(Framing::Lines), Instant::now());
    let padded: Pieces = &[b"un\0\0\0\0\0\0\0\0\0\0\0\0\0", b"\0"];
    let full: Pieces = &[b"xxxxxxxxxxxxxx\0", b"\0"];
    let leftovers: Pieces = &[b"yyyyyyyyyy\0xxx\0", b"\0"];
    for block in [padded, full, leftovers] {
        decoding.decoder.waited(HOLD * 5);
        for piece in block {
            decoding.read(piece, now);
        }
        decoding.take(now + HOLD, false);
        now += HOLD * 6;
    }
    assert_eq!(decoding.chunks.concat(), b"un\nxxxxxxxxxxxxxx\nyyyyyyyyyy\n");
}

#[test]
fn a_block_whose_rest_finds_no_room_has_no_leftovers_released_by_an_older_hold() {
    for room in 32..=96 {
        let decoder = FrameDecoder::of_client(vec![0; room].leak(), Framing::Lines);
        let mut decoding = Decoding::<0> { decoder, chunks: Vec::new() };
        let (mut block, mut now) = ([0; 32], Instant::now());
        for text in [&b"12\0"[..], b"123456789\0", b"3\0", b"4\0"] {
            block[..text.len()].copy_from_slice(text);
            let mut rest = &block[..];
            while !rest.is_empty() {
                let n = rest.len().min(decoding.decoder.spare().len());
                decoding.read(&rest[..n], now);
                rest = &rest[n..];
            }
            now += HOLD / 2;
        }
        decoding.take(now + HOLD, false);
        assert_eq!(decoding.chunks.concat(), b"12\n123456789\n3\n4\n", "{room} bytes of room");
    }
}

#[test]
fn the_hold_of_an_older_block_ends_no_newer_one_on_a_slow_path() {
    for framing in [Framing::Strings(HOLD), Framing::Texts(HOLD), Framing::Lines] {
        let (mut decoding, mut now) = (Decoding::<1023>::of_client(framing), Instant::now());
        let texts =
            ["bonjour a tous", "et voici un message assez long", "oui", "demain matin", "d accord", "la fin"];
        let mut block = [0; 736];
        let stream: Vec<u8> = texts
            .into_iter()
            .flat_map(|text| {
                block[..text.len()].copy_from_slice(text.as_bytes());
                block[text.len()] = 0;
                block
            })
            .collect();
        for segment in stream.chunks(536) {
            decoding.decoder.waited(HOLD / 5);
            decoding.take(now, false);
            decoding.read(segment, now);
            now += HOLD / 5;
        }
        decoding.take(now + HOLD, false);
        let given = decoding.chunks.concat();
        let given: Vec<String> = given
            .split(|byte| [0, b'\n'].contains(byte))
            .map(|text| String::from_utf8_lossy(text).into())
            .collect();
        assert_eq!(
            given.into_iter().filter(|text| !text.is_empty()).collect::<Vec<_>>(),
            texts,
            "{framing:?}"
        );
    }
}

#[test]
fn a_line_waits_for_its_newline_however_long_and_a_nul_ends_nothing() {
    let (mut decoding, start) = (Decoding::<64>::new(Framing::Lines), Instant::now());
    for (read, now) in [(&b"a\0b"[..], start), (b"c\nd", start + HOLD * 100), (b"\n\n", start + HOLD * 200)] {
        assert_eq!(decoding.read(read, now), None);
    }
    let lines: Vec<&[u8]> = decoding.chunks.iter().flat_map(|chunk| lines(chunk)).collect();
    assert_eq!(lines, [&b"a\0bc\n"[..], b"d\n", b"\n"]);
}

#[test]
fn complete_messages_go_at_once_and_a_segment_waits_for_the_rest() {
    let rows: [(Pieces, Pieces); 3] = [
        (&[b"alice : bon", b"jour\0"], &[b"alice : bonjour\0"]),
        (&[b"a\0b", b"c\0"], &[b"a\0", b"bc\0"]),
        (&[b"a\nb", b"c\n"], &[b"a\n", b"bc\n"]),
    ];
    for (reads, expected) in rows {
        // Without a pause; then the end.
        let (mut decoding, now) = (Decoding::<1023>::new(Framing::Strings(HOLD)), Instant::now());
        for read in reads {
            decoding.read(read, now);
        }
        decoding.take(now, true);
        assert_eq!(decoding.chunks, expected, "{reads:?}");
    }
}

#[test]
fn a_piece_without_an_end_goes_after_the_hold_and_not_before() {
    let (mut decoding, start) = (Decoding::<64>::new(Framing::Strings(HOLD)), Instant::now());
    assert_eq!(decoding.read(b"abc", start), Some(start + HOLD));
    // A trickle does not prolong the hold.
    assert_eq!(decoding.read(b"d", start + HOLD / 2), Some(start + HOLD));
    assert_eq!(decoding.take(start + HOLD, false), None);
    assert_eq!(decoding.chunks, [b"abcd"]);
}

/// Reads a message of eight bytes this many times, with a pause before each read, then the
/// beginning of one more. Returns how long that is held for its rest.
fn hold_after(message: &[u8], count: usize, pause: Duration, round_trip: Duration) -> Duration {
    let (mut decoding, now) = (Decoding::<64>::new(Framing::Strings(HOLD)), Instant::now());
    decoding.decoder.note_round_trip(Some(round_trip));
    for _ in 0..count {
        decoding.decoder.waited(pause);
        decoding.read(message, now);
    }
    decoding.decoder.waited(pause);
    decoding.read(b"mess", now).expect("a piece is held") - now
}

#[test]
fn a_piece_that_tcp_may_have_cut_off_waits_longer() {
    let (whole, segment, stream) = (b"message\0", SEGMENT / 8, STREAM / 8);
    let (near, far) = (Duration::ZERO, HOLD + 2 * FAR);
    for (count, pause, round_trip, expected) in [
        (0, Duration::ZERO, near, HOLD),
        (stream - 1, PAUSE, near, HOLD),
        (stream, Duration::ZERO, near, STALL),
        (stream, PAUSE, near, STALL),
        (stream, PAUSE * 2, near, HOLD),
        (0, Duration::ZERO, FAR, far),
        (segment - 1, PAUSE, FAR, far),
        (segment, PAUSE, FAR, STALL),
        (segment * 9, PAUSE * 2, FAR, far),
    ] {
        let held = hold_after(whole, count, pause, round_trip);
        assert_eq!(held, expected, "{count} messages, {pause:?}, {round_trip:?}");
    }
    // A sender that ends no message is not waited for longer.
    assert_eq!(hold_after(&[b'x'; 64], segment, PAUSE, FAR), far);
    assert_eq!(
        [30, 60_000].map(|time| hold_after(whole, 0, PAUSE, Duration::from_millis(time)).as_millis()),
        [80, 1020]
    );
}

#[test]
fn the_least_round_trip_that_is_known_counts() {
    let (mut decoding, now) = (Decoding::<64>::new(Framing::Strings(HOLD)), Instant::now());
    for (time, least) in [(None, 0), (Some(9), 9), (Some(30), 9), (None, 9), (Some(2), 2)] {
        decoding.decoder.note_round_trip(time.map(Duration::from_millis));
        let hold = HOLD + 2 * Duration::from_millis(least);
        assert_eq!(decoding.read(b"mess", now), Some(now + hold), "{time:?}");
        decoding.read(b"age\0", now);
    }
}

#[test]
fn a_sender_without_ends_is_not_waited_for_over_a_round_trip_until_one_comes() {
    let (mut decoding, now) = (Decoding::<64>::new(Framing::Strings(HOLD)), Instant::now());
    decoding.decoder.note_round_trip(Some(FAR));
    let later = HOLD + 2 * FAR;
    for (read, held) in [("un", Some(later)), ("deux", Some(HOLD)), ("fin\0", None), ("x", Some(later))] {
        assert_eq!(decoding.read(read.as_bytes(), now), held.map(|held| now + held), "{read}");
        decoding.take(now + later, false);
    }
    assert_eq!(decoding.chunks, [&b"un"[..], b"deux", b"fin\0", b"x"]);
}

#[test]
fn the_hold_of_texts_is_as_long_on_every_path() {
    let (mut decoding, now) = (Decoding::<64>::new(Framing::Texts(HOLD)), Instant::now());
    decoding.decoder.note_round_trip(Some(STALL));
    for read in [&b"bob"[..], b"alice\nbob"] {
        assert_eq!(decoding.read(read, now), Some(now + HOLD));
        decoding.take(now + HOLD, false);
    }
}

#[test]
fn a_hold_counts_from_the_first_byte_although_nothing_is_taken() {
    let (mut decoding, start) = (Decoding::<64>::new(Framing::Texts(HOLD)), Instant::now());
    decoding.decoder.spare()[..3].copy_from_slice(b"BOB");
    decoding.decoder.filled(3);
    for waited in [0, 1] {
        decoding.decoder.begin_hold(start + waited * HOLD / 2);
        assert_eq!(decoding.decoder.deadline(), Some(start + HOLD));
    }
    decoding.take(start + HOLD, false);
    assert_eq!(decoding.chunks, [b"BOB"]);
}

#[test]
fn what_ended_before_a_pause_does_not_prolong_the_hold() {
    let (mut decoding, now) = (Decoding::<1023>::new(Framing::Strings(HOLD)), Instant::now());
    decoding.decoder.note_round_trip(Some(FAR));
    decoding.read(b"alice\n", now);
    decoding.decoder.waited(PAUSE * 2);
    assert_eq!(decoding.read(&[b'x'; 600], now), Some(now + HOLD + 2 * FAR));
}

/// Decodes in a buffer of `N` bytes, each read at its time after the first.
fn chunks_of<const N: usize>(framing: Framing, reads: &[(&[u8], Duration)]) -> Vec<Vec<u8>> {
    let (mut decoding, start) = (Decoding::<N>::new(framing), Instant::now());
    for &(read, after) in reads {
        decoding.read(read, start + after);
    }
    decoding.chunks
}

#[test]
fn a_rest_that_came_while_nothing_was_taken_completes_its_message() {
    let reads = [(&b"ab"[..], Duration::ZERO), (b"c\0d", HOLD * 2), (b"e\0", HOLD * 2)];
    assert_eq!(chunks_of::<64>(Framing::Strings(HOLD), &reads), [&b"abc\0"[..], b"de\0"]);
}

#[test]
fn the_rest_of_a_text_that_is_too_long_is_skipped_to_its_end() {
    let at_once = Duration::ZERO;
    for end in [&b"\0"[..], b"\n", b"e\0", b"ef\n"] {
        let reads = [(&b"abcd"[..], at_once), (b"efgh", at_once), (end, at_once), (b"ij\n", at_once)];
        assert_eq!(chunks_of::<4>(Framing::Texts(HOLD), &reads), [&b"abcd"[..], b"ij\n"]);
    }
    // Whatever is behind the end has a hold of its own.
    let reads = [(&b"abcd"[..], at_once), (b"\nij", HOLD / 2), (b"", HOLD), (b"k\n", HOLD)];
    assert_eq!(chunks_of::<4>(Framing::Texts(HOLD), &reads), [&b"abcd"[..], b"ijk\n"]);
}

#[test]
fn bytes_long_after_an_over_long_text_are_a_text_of_their_own() {
    let reads = [
        (&b"abcd"[..], Duration::ZERO),
        (b"e", HOLD * 2),
        (b"", HOLD * (2 + SKIP_HOLDS)),
        (b"fg\n", HOLD * (2 + SKIP_HOLDS)),
    ];
    assert_eq!(chunks_of::<4>(Framing::Texts(HOLD), &reads), [&b"abcd"[..], b"fg\n"]);
}

#[test]
fn a_line_end_after_a_text_that_a_pause_ended_is_its_own() {
    for (end, more) in [("\n", &["", "x"][..]), ("\r\n", &["", "x"]), ("\r", &["x"]), ("\0", &["\0", "x"])] {
        let mut decoder = FrameDecoder::of_client(vec![0; 64].leak(), Framing::Texts(HOLD));
        let (mut texts, mut now) = (Vec::new(), Instant::now());
        for read in ["salut", "", end, "\n", "x\n"] {
            decoder.spare()[..read.len()].copy_from_slice(read.as_bytes());
            decoder.filled(read.len());
            let Ok(()) = decoder.take(now, false, |chunk| {
                texts.extend(String::from_utf8_lossy(chunk).split_terminator('\n').map(str::to_string));
                Ok::<(), std::convert::Infallible>(())
            });
            now += HOLD;
        }
        assert_eq!(texts, [&["salut"], more].concat(), "{end:?}");
    }
}

/// A client's texts by their ends, cut in every way, after the last hold.
#[test]
fn line_ends_of_every_kind_end_one_text() {
    let (lines, texts) = (Framing::Lines, Framing::Texts(HOLD));
    for (framing, end, count) in [
        (lines, "\n", 1),
        (lines, "\r\n", 1),
        (lines, "\r", 1),
        (lines, "\n\r", 1),
        (lines, "\r\r\n", 1),
        (lines, "\r\r\r\n", 1),
        (lines, "\0\n", 1),
        (lines, "\0\r\n", 1),
        (lines, "\n\n", 2),
        (lines, "\n\r\n", 2),
        (lines, "\r\n\r\n", 2),
        (lines, "\r\n\r", 2),
        (lines, "\r\r", 2),
        (lines, "\r\0\r\0", 2),
        (texts, "\0\n", 1),
        (texts, "\0\r\n", 1),
        (texts, "\0\n\r", 1),
        (texts, "\0\0\n\0", 1),
        (texts, "\r\0\n", 1),
        (texts, "\n\r", 1),
        (texts, "\r\r\n", 1),
        (texts, "\n\n", 2),
        (texts, "\n\0\n\0", 2),
        (texts, "\r\r", 2),
    ] {
        let stream = format!("un{end}deux{end}");
        for size in 1..=stream.len() {
            let (mut decoding, now) = (Decoding::<64>::of_client(framing), Instant::now());
            for piece in stream.as_bytes().chunks(size) {
                decoding.read(piece, now);
            }
            decoding.take(now + HOLD, false);
            let said = String::from_utf8(decoding.chunks.concat()).unwrap();
            let said: Vec<&str> = said
                .split_inclusive(|c| c == '\n' || (c == '\0' && framing != lines))
                .filter(|text| *text != "\0")
                .map(|text| text.trim_matches(['\0', '\n']))
                .collect();
            let ends = &["", ""][..count - 1];
            assert_eq!(said, [&["un"], ends, &["deux"], ends].concat(), "{framing:?} {end:?} in {size}");
        }
    }
}

#[test]
fn the_end_of_a_text_that_is_too_long_and_late_ends_its_skipping() {
    let mut decoder = FrameDecoder::of_client(vec![0; 4].leak(), Framing::Texts(HOLD));
    let (mut chunks, mut now) = (Vec::new(), Instant::now());
    for read in ["abc", "d", "\n", "ij\n"] {
        decoder.spare()[..read.len()].copy_from_slice(read.as_bytes());
        decoder.filled(read.len());
        let Ok(()) = decoder.take(now, false, |chunk| {
            chunks.push(chunk.to_vec());
            Ok::<(), std::convert::Infallible>(())
        });
        now += HOLD;
    }
    assert_eq!(chunks, [&b"abcd"[..], b"ij\n"]);
}
