use super::*;

/// All messages in `bytes`, after which nothing comes.
#[track_caller]
fn decode_all(bytes: &[u8]) -> Vec<Message> {
    let (mut decoder, mut rest, mut messages) = (FrameDecoder::default(), bytes, Vec::new());
    while !rest.is_empty() {
        let window = &rest[..rest.len().min(WINDOW)];
        let frame =
            decoder.decode(window, false, false).or_else(|| decoder.decode(window, true, false)).unwrap();
        assert!((1..=window.len()).contains(&frame.length), "{frame:?}");
        messages.extend(frame.message);
        rest = &rest[frame.length..];
    }
    messages
}

fn text(text: impl AsRef<[u8]>) -> Message {
    Message::Text(text.as_ref().to_vec())
}

fn decode(bytes: &[u8]) -> Option<Frame> {
    FrameDecoder::default().decode(bytes, false, false)
}

#[test]
fn a_string_is_complete_with_its_padding() {
    for (bytes, message, length) in [
        (&b"salut\0"[..], "salut", 6),
        (b"salut\0\0\0un\0", "salut", 8),
        (b"deux\nlignes\n\0", "deux\nlignes\n", 13),
    ] {
        assert_eq!(decode(bytes), Some(Frame { message: Some(text(message)), length }));
    }
}

#[test]
fn nuls_are_padding_before_a_text_and_before_the_turn_and_else_an_empty_message() {
    let after = |previous: &[u8], bytes: &[u8], timed_out, is_early| {
        let mut decoder = FrameDecoder::default();
        let frame = decoder.decode(previous, false, false);
        assert_eq!(frame.map(|frame| frame.length), (!previous.is_empty()).then_some(previous.len()));
        decoder.decode(bytes, timed_out, is_early)
    };
    let padding = |length| Some(Frame { message: None, length });
    let empty = |length| Some(Frame { message: Some(text("")), length });
    for nuls in 1..4 {
        let alone = &[0; 3][..nuls];
        let before_text = [alone, b"ok\0"].concat();
        for is_early in [false, true] {
            assert_eq!(after(b"ha\0", &before_text, false, is_early), padding(nuls));
            assert_eq!(after(b"", &before_text, false, is_early), padding(nuls));
            // The first message may be empty.
            assert_eq!(after(b"", alone, false, is_early), None);
            assert_eq!(after(b"", alone, true, is_early), empty(nuls));
        }
        assert_eq!(after(b"ha\0", alone, false, true), padding(nuls));
        assert_eq!(after(b"ha\0", alone, false, false), None);
        assert_eq!(after(b"ha\0", alone, true, false), empty(nuls));
    }
}

#[test]
fn without_a_nul_the_rest_is_waited_for_and_then_each_line_is_a_message() {
    for begun in [&b"salut"[..], b"salut\n", b"un\ndeux\n", b""] {
        assert_eq!(decode(begun), None);
    }
    assert_eq!(decode_all(b"un\r\ndeux\n\ntrois"), ["un", "deux", "trois"].map(text));
    assert_eq!(decode_all(b"un\rdeux\rtrois"), ["un", "deux", "trois"].map(text));
    assert_eq!(decode_all(b"un\rdeux\r\r\ntrois\n"), ["un", "deux", "trois"].map(text));
}

#[test]
fn an_end_after_the_timeout_is_no_empty_message() {
    let mut decoder = FrameDecoder::default();
    assert_eq!(decoder.decode(b"salut", true, false).unwrap().message, Some(text("salut")));
    assert_eq!(decoder.decode(b"\0suite\0", false, false), Some(Frame { message: None, length: 1 }));
    assert_eq!(decoder.decode(b"suite\0", false, false).unwrap().message, Some(text("suite")));
    assert_eq!(decoder.decode(b"\0", true, false).unwrap().message, Some(text("")));
    // Nor is the rest of a line end; behind a whole one, it is an empty line.
    for (sent, late, rest) in [("salut", "\n", 1), ("salut", "\r\n\0", 3), ("salut\r", "\n", 1)] {
        assert_eq!(decoder.decode(sent.as_bytes(), true, false).unwrap().message, Some(text("salut")));
        let frame = Frame { message: None, length: rest };
        assert_eq!(decoder.decode(late.as_bytes(), false, false), Some(frame), "{late:?}");
    }
    for (sent, empty) in [("salut\n", "\n"), ("salut\r", "\r")] {
        assert_eq!(decoder.decode(sent.as_bytes(), true, false).unwrap().message, Some(text("salut")));
        assert_eq!(decoder.decode(empty.as_bytes(), true, false).unwrap().message, Some(text("")));
    }
}

#[test]
fn a_block_is_waited_for_whole_and_its_leftovers_are_dropped() {
    let block = |text: &[u8]| [text, &[0; 20][..20 - text.len()]].concat();
    let mut decoder = FrameDecoder::default();
    let mut next =
        |bytes: &[u8], timed_out| decoder.decode(bytes, timed_out, false).map(|frame| frame.length);
    // The size is not known yet: more padding may come.
    assert_eq!(next(&block(b"bonjour")[..18], false), None);
    assert_eq!(next(&block(b"bonjour"), true), Some(20));
    for cut in 3..20 {
        assert_eq!(next(&block(b"ok\0jour")[..cut], false), None, "{cut} bytes");
    }
    assert_eq!(next(&block(b"ok\0jour"), false), Some(20));
    assert_eq!(next(&block(b"\0k\0jour"), false), Some(20));
    // Other bytes are another message.
    assert_eq!(next(&block(b"a\0\0jours"), false), Some(3));
}

#[test]
fn fin_and_exit_count_with_any_end_and_only_alone() {
    for end in ["\0", "\n", "\r\n", "\n\0", "\0\0\0", "\0\n", "\n\n\0\r\n", ""] {
        assert_eq!(decode_all(format!("\n\rfin{end}").as_bytes()), [Message::Fin], "{end:?}");
        assert_eq!(decode_all(format!("fin{end}").as_bytes()), [Message::Fin], "{end:?}");
        assert_eq!(decode_all(format!("exit{end}").as_bytes()), [Message::Exit], "{end:?}");
    }
    assert_eq!(decode_all("\u{feff}fin\n".as_bytes()), [Message::Fin]);
    assert_eq!(decode_all("un\0\u{feff}fin\0".as_bytes())[1], text("\u{feff}fin"));
    for other in ["fin ", " fin", "Fin", "finir", "exit "] {
        assert_eq!(decode_all(format!("{other}\0").as_bytes()), [text(other)]);
    }
}

#[test]
fn a_text_of_1023_bytes_is_one_message_and_one_byte_more_makes_two() {
    let long = "x".repeat(MAX_LEN);
    assert_eq!(decode_all(format!("{long}\0").as_bytes()), [text(&long)]);
    assert_eq!(decode_all(format!("{long}\n").as_bytes()), [text(&long)]);
    assert_eq!(decode(format!("{long}\0").as_bytes()).unwrap().length, MAX_LEN + 1);
    assert_eq!(decode_all(format!("{long}y\0").as_bytes()), [text(&long), text("y")]);
    assert_eq!(decode_all(long.repeat(2).as_bytes()), [text(&long), text(&long)]);
}

#[test]
fn the_rest_of_a_split_text_is_no_fin_but_may_be_an_exit() {
    let long = "x".repeat(MAX_LEN);
    let messages = decode_all(format!("{long}fin\0fin\0").as_bytes());
    assert_eq!(messages, [text(&long), text("fin"), Message::Fin]);
    assert_eq!(decode_all(format!("{long}exit\0").as_bytes()), [text(&long), Message::Exit]);
}

#[test]
fn a_long_text_whose_nul_is_in_the_window_is_not_split_at_its_lines() {
    let long = format!("{}\n{}\0", "x".repeat(1000), "y".repeat(1000));
    let messages = decode_all(long.as_bytes());
    let Message::Text(first) = &messages[0] else { panic!("{messages:?}") };
    assert_eq!((messages.len(), &first[..]), (2, &long.as_bytes()[..MAX_LEN]));
}

#[test]
fn leftovers_of_what_the_client_has_received_are_dropped() {
    let block = |text: &[u8]| [text, &[0; 2048][text.len()..]].concat();
    let mut decoder = FrameDecoder::default();
    let mut next = |received: &[u8], bytes: &[u8], timed_out| {
        if !received.is_empty() {
            decoder.received = received.to_vec();
        }
        let frame = decoder.decode(bytes, timed_out, false)?;
        Some((frame.message, frame.length))
    };
    // TCP may have cut it, as long as its size is not known.
    assert_eq!(next(b"emi\0", &block(b"a\0i")[..1448], false), None);
    assert_eq!(next(b"", &block(b"a\0i"), false), None);
    assert_eq!(next(b"", &block(b"a\0i"), true), Some((Some(text("a")), 2048)));
    assert_eq!(next(b"bonjour\0", &block(b"ok\0jour")[..1448], false), None);
    assert_eq!(next(b"", &block(b"ok\0jour"), false), Some((Some(text("ok")), 2048)));
    assert_eq!(next(b"un\0", &block(b"fin\0our"), false), Some((Some(Message::Fin), 2048)));
    // Another text is another message.
    assert_eq!(next(b"bonjour\0", &block(b"ok\0jours"), false), Some((Some(text("ok")), 3)));
}

#[test]
fn a_byte_order_mark_alone_is_no_message() {
    let mut decoder = FrameDecoder::default();
    let mark = "\u{feff}".as_bytes();
    assert_eq!(decoder.decode(mark, false, true), None);
    for _ in 0..2 {
        assert_eq!(decoder.decode(mark, true, false), Some(Frame { message: None, length: 3 }));
    }
    assert_eq!(decoder.decode(b"salut\0", false, false).unwrap().message, Some(text("salut")));
    assert_eq!(decoder.decode(mark, true, false).unwrap().message, Some(text("\u{feff}")));
}

#[test]
fn line_ends_and_nuls_are_the_padding_of_the_message_they_came_with() {
    let three = ["un", "deux", "trois"].map(text);
    for end in ["\0\n", "\0\r\n", "\0\n\0", "\0\0\n\r", "\n", "\n\n", "\n\r", "\r\r\n", "\r\n"] {
        let [one, two] = ["un", "deux"].map(|text| format!("{text}{end}"));
        assert_eq!(decode_all(format!("{one}{two}trois{end}").as_bytes()), three, "{end:?}");
        // In front of a text, too, and without the text before.
        assert_eq!(decode_all(format!("{end}un{end}").as_bytes()), [text("un")], "{end:?}");
        // One message a turn: none of it is left for the next.
        let mut decoder = FrameDecoder::default();
        for (text_of, sent) in [("un", one), ("deux", two)] {
            let frame = decoder.decode(sent.as_bytes(), true, false).unwrap();
            assert_eq!(frame, Frame { message: Some(text(text_of)), length: sent.len() });
        }
    }
}

#[test]
fn line_ends_that_come_before_the_turn_are_padding_and_in_it_an_empty_message() {
    for sent in ["un\0", "un\n", "un\r\n"] {
        for late in ["\n", "\r\n", "\n\r", "\n\0", "\0\n"] {
            let after = || {
                let mut decoder = FrameDecoder::default();
                assert_eq!(decoder.decode(sent.as_bytes(), true, false).unwrap().message, Some(text("un")));
                decoder
            };
            let mut decoder = after();
            let mut rest = late.as_bytes();
            while !rest.is_empty() {
                let frame = decoder.decode(rest, false, true).unwrap();
                assert_eq!(frame.message, None, "{sent:?} {late:?}");
                rest = &rest[frame.length..];
            }
            // With a text behind them, they are that of the message before in any case.
            let (mut decoder, whole) = (after(), format!("{late}fin\0"));
            let (mut rest, mut heard) = (whole.as_bytes(), None);
            while !rest.is_empty() {
                let frame = decoder.decode(rest, false, false).unwrap();
                (heard, rest) = (heard.or(frame.message), &rest[frame.length..]);
            }
            assert_eq!(heard, Some(Message::Fin), "{sent:?} {late:?}");
        }
        for alone in ["\n", "\r\n", "\n\n", "\n\0"] {
            let mut decoder = FrameDecoder::default();
            decoder.decode(sent.as_bytes(), true, false).unwrap();
            assert_eq!(decoder.decode(alone.as_bytes(), false, false), None);
            let frame = Frame { message: Some(text("")), length: alone.len() };
            assert_eq!(decoder.decode(alone.as_bytes(), true, false), Some(frame), "{sent:?} {alone:?}");
        }
    }
}

#[test]
fn the_line_end_of_a_text_that_was_split_is_no_message_and_ends_it() {
    let long = "x".repeat(MAX_LEN);
    for end in ["\n\0", "\r\n\0"] {
        assert_eq!(decode_all(format!("{long}{end}").as_bytes()), [text(&long)], "{end:?}");
        assert_eq!(
            decode_all(format!("{long}{end}fin\0").as_bytes()),
            [text(&long), Message::Fin],
            "{end:?}"
        );
    }
    // Those in front of it do not count.
    assert_eq!(decode_all(format!("\n{long}\0").as_bytes()), [text(&long)]);
    assert_eq!(decode_all(format!("\n{long}y\0").as_bytes()), [text(&long), text("y")]);
    assert_eq!(decode_all(format!("{long}\nsuite\0").as_bytes()), [text(&long), text("\nsuite")]);
}
