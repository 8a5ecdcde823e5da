use super::*;

const HOLD: Duration = Duration::from_millis(20);

fn cut(chunk: &[u8]) -> Vec<&[u8]> {
    messages(chunk).collect()
}

/// Feeds `reads` one after the other, without a pause; then the end.
fn chunks_of(framing: Framing, capacity: usize, reads: &[&[u8]]) -> Vec<Vec<u8>> {
    let (mut buffer, now, mut chunks) = (vec![0; capacity], Instant::now(), Vec::new());
    let mut cutter = FrameDecoder::new(&mut buffer, framing);
    let mut give = |cutter: &mut FrameDecoder, ended| {
        let kept = |chunk: &[u8]| {
            chunks.push(chunk.to_vec());
            Ok::<(), ()>(())
        };
        cutter.take(now, ended, kept).unwrap();
    };
    for mut read in reads.iter().copied() {
        while !read.is_empty() {
            let n = read.len().min(cutter.spare().len());
            cutter.spare()[..n].copy_from_slice(&read[..n]);
            cutter.filled(n);
            read = &read[n..];
            give(&mut cutter, false);
        }
    }
    give(&mut cutter, true);
    chunks
}

#[test]
fn a_run_of_nuls_ends_one_message() {
    assert_eq!(cut(b"a\0\0\0b\0"), [&b"a\0\0\0"[..], b"b\0"]);
}

#[test]
fn newlines_cut_only_where_there_is_no_nul() {
    assert_eq!(cut(b"a\nb\n"), [b"a\n", b"b\n"]);
    assert_eq!(cut(b"a\nb\n\0"), [b"a\nb\n\0"]);
    assert_eq!(cut(b"\n\n"), [b"\n", b"\n"]);
}

#[test]
fn a_line_waits_for_its_newline_however_long_and_a_nul_ends_nothing() {
    let (mut buffer, start, mut given) = ([0; 64], Instant::now(), Vec::new());
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Lines);
    for (read, now) in [(&b"a\0b"[..], start), (b"c\nd", start + HOLD * 100), (b"\n\n", start + HOLD * 200)] {
        cutter.spare()[..read.len()].copy_from_slice(read);
        cutter.filled(read.len());
        let keep = |chunk: &[u8]| {
            given.extend(lines(chunk).map(<[u8]>::to_vec));
            Ok::<(), ()>(())
        };
        cutter.take(now, false, keep).unwrap();
        assert_eq!(cutter.deadline(), None);
    }
    assert_eq!(given, [b"a\0bc\n".to_vec(), b"d\n".to_vec(), b"\n".to_vec()]);
}

#[test]
fn nuls_alone_are_no_message() {
    assert!(cut(b"\0\0\0").is_empty());
    assert_eq!(cut(b"\0\0a\0"), [b"a\0"]);
}

#[test]
fn a_message_in_two_segments_is_one() {
    assert_eq!(chunks_of(Framing::Strings(HOLD), 1023, &[b"alice : bon", b"jour\0"]), [b"alice : bonjour\0"]);
}

#[test]
fn what_is_whole_goes_at_once_and_the_rest_waits() {
    assert_eq!(chunks_of(Framing::Strings(HOLD), 1023, &[b"a\0b", b"c\0"]), [&b"a\0"[..], b"bc\0"]);
    assert_eq!(chunks_of(Framing::Strings(HOLD), 1023, &[b"a\nb", b"c\n"]), [&b"a\n"[..], b"bc\n"]);
}

#[test]
fn a_piece_without_an_end_goes_after_the_hold_and_not_before() {
    let (mut buffer, start) = ([0; 64], Instant::now());
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD));
    cutter.spare()[..3].copy_from_slice(b"abc");
    cutter.filled(3);
    let mut given = Vec::new();
    let mut take = |cutter: &mut FrameDecoder, now| {
        cutter.take(now, false, |chunk| -> Result<(), ()> {
            given.push(chunk.to_vec());
            Ok(())
        })
    };
    take(&mut cutter, start).unwrap();
    assert_eq!(cutter.deadline(), Some(start + HOLD));
    // A trickle does not prolong the wait.
    cutter.spare()[..1].copy_from_slice(b"d");
    cutter.filled(1);
    take(&mut cutter, start + HOLD / 2).unwrap();
    assert_eq!(cutter.deadline(), Some(start + HOLD));
    take(&mut cutter, start + HOLD).unwrap();
    assert_eq!((given, cutter.deadline()), (vec![b"abcd".to_vec()], None));
}

/// Reads `length` bytes of messages as fast as they can be read, then the beginning of one more,
/// which is short. Returns how long that waits for its rest.
fn wait_after(length: usize) -> Duration {
    let (mut buffer, now) = ([0; 64], Instant::now());
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD));
    let stream = b"message\0".repeat(length / 8);
    for read in stream.chunks(64).chain([&b"mess"[..]]) {
        cutter.spare()[..read.len()].copy_from_slice(read);
        cutter.filled(read.len());
        cutter.take(now, false, |_| Ok::<(), ()>(())).unwrap();
    }
    cutter.deadline().expect("a piece waits") - now
}

#[test]
fn a_piece_at_the_end_of_a_stream_that_tcp_may_have_stopped_waits_longer() {
    assert_eq!(wait_after(0), HOLD);
    assert_eq!(wait_after(STREAM - 64), HOLD);
    assert_eq!(wait_after(STREAM), STALL);
    // A read that found no more was a pause.
    assert_eq!(wait_after(STREAM + 8), HOLD);
}

#[test]
fn messages_that_fill_the_buffer_with_pauses_between_them_are_no_stream() {
    for (pause, expected) in [(PAUSE, STALL), (PAUSE * 2, HOLD)] {
        let (mut buffer, now) = ([0; 1024], Instant::now());
        let mut cutter = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD));
        for read in [&[b'x'; 1024]; 20].into_iter().map(|read| &read[..]).chain([&b"mess"[..]]) {
            cutter.waited(pause);
            cutter.spare()[..read.len()].copy_from_slice(read);
            cutter.filled(read.len());
            cutter.take(now, false, |_| Ok::<(), ()>(())).unwrap();
        }
        assert_eq!(cutter.deadline(), Some(now + expected));
    }
}

#[test]
fn a_rest_that_came_while_nobody_looked_makes_its_message_whole() {
    let (mut buffer, start, mut given) = ([0; 64], Instant::now(), Vec::new());
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Strings(HOLD));
    for (read, now) in [(&b"ab"[..], start), (b"c\0d", start + HOLD * 2), (b"e\0", start + HOLD * 2)] {
        cutter.spare()[..read.len()].copy_from_slice(read);
        cutter.filled(read.len());
        let keep = |chunk: &[u8]| {
            given.push(chunk.to_vec());
            Ok::<(), ()>(())
        };
        cutter.take(now, false, keep).unwrap();
    }
    assert_eq!(given, [b"abc\0".to_vec(), b"de\0".to_vec()]);
}

/// Decodes `reads` in a small buffer, each at its time after the first.
fn texts_of(reads: &[(&[u8], Duration)]) -> Vec<Vec<u8>> {
    let (mut buffer, start, mut given) = ([0; 4], Instant::now(), Vec::new());
    let mut cutter = FrameDecoder::new(&mut buffer, Framing::Texts(HOLD));
    for &(read, after) in reads {
        cutter.spare()[..read.len()].copy_from_slice(read);
        cutter.filled(read.len());
        let keep = |chunk: &[u8]| {
            given.push(chunk.to_vec());
            Ok::<(), ()>(())
        };
        cutter.take(start + after, false, keep).unwrap();
    }
    given
}

#[test]
fn the_rest_of_a_text_that_is_too_long_is_skipped_to_its_end() {
    let at_once = Duration::ZERO;
    for end in [&b"\0"[..], b"\n", b"e\0", b"ef\n"] {
        let reads = [(&b"abcd"[..], at_once), (b"efgh", at_once), (end, at_once), (b"ij\n", at_once)];
        assert_eq!(texts_of(&reads), [&b"abcd"[..], b"ij\n"]);
    }
    // Whatever is behind the end has a wait of its own.
    let reads = [(&b"abcd"[..], at_once), (b"\nij", HOLD / 2), (b"", HOLD), (b"k\n", HOLD)];
    assert_eq!(texts_of(&reads), [&b"abcd"[..], b"ijk\n"]);
}

#[test]
fn what_comes_long_after_a_text_that_was_too_long_is_a_text_of_its_own() {
    let reads = [
        (&b"abcd"[..], Duration::ZERO),
        (b"e", HOLD * 2),
        (b"", HOLD * (2 + SKIP_WAITS)),
        (b"fg\n", HOLD * (2 + SKIP_WAITS)),
    ];
    assert_eq!(texts_of(&reads), [&b"abcd"[..], b"fg\n"]);
}

#[test]
fn line_text_is_trimmed_and_has_no_nul() {
    assert_eq!(line_text(b" \t deux mots \r\n"), b"deux mots");
    assert_eq!(line_text(b"a\0b\0\n"), b"ab");
    assert_eq!(line_text(b"\0 \x0b a\x0b\0\n"), b"a");
    assert_eq!(line_text(b"\r\n"), b"");
}

#[test]
fn a_separator_that_only_some_readers_know_forges_no_line() {
    assert_eq!(line_text(b"eve\r[09:00:00] prof\x0b\x0c!\n"), b"eve [09:00:00] prof  !");
    assert_eq!(line_text("eve\u{85}[09:00:00]\u{2028}prof\u{2029}\n".as_bytes()), b"eve [09:00:00] prof");
    // Removing a NUL does not join bytes to a separator; bytes that are not UTF-8 stay.
    assert_eq!(line_text(b"a\xc2\0\x85b\xe2\x80 \x85\xff\n"), b"a b\xe2\x80 \x85\xff");
}
