//! The table of senders: the writes of each, and the messages in them.

mod sender;

use std::time::Duration;

use self::sender::{PAUSE, Reads, blocks, said, writes};
use super::super::Framing;
use super::{MANY, is_buffer_size};

const HOLD: Duration = Duration::from_millis(20);

const READS: [Reads; 9] = [
    Reads::Alone(Duration::ZERO),
    Reads::Alone(PAUSE),
    Reads::Joined,
    Reads::Of(1),
    Reads::Of(7),
    Reads::Of(100),
    Reads::Of(1000),
    Reads::Cut(3),
    Reads::Cut(10),
];

/// Texts of a student, which shrink and grow.
const TEXTS: [&str; 6] = ["un message assez long", "ok", "trois", "encore un message, plus long", "a", "fin"];

#[test]
fn blocks_of_a_fixed_size_say_their_texts_alone() {
    fn says<const N: usize>(texts: &[&str]) {
        for reads in READS.into_iter().filter(|reads| !matches!(reads, Reads::Cut(at) if *at > N)) {
            let said = said(Framing::Strings(HOLD), &blocks::<N>(texts), reads);
            let texts: Vec<&str> = texts.iter().copied().filter(|text| !text.is_empty()).collect();
            assert_eq!(said, texts, "blocks of {N}, {reads:?}");
        }
    }
    says::<50>(&TEXTS);
    says::<100>(&TEXTS);
    says::<1023>(&TEXTS);
    says::<1024>(&TEXTS);
    says::<8192>(&TEXTS);
    says::<8>(&["12345", "7", "8", "9"]);
    says::<12>(&["enfin", "b", "suite", "fin"]);
    says::<15>(&["123456", "7", "8", "9"]);
    // The second text is as long as a block lets it be.
    says::<30>(&["un message", "encore un message, plus long.", "ok", "trois"]);
    says::<100>(&["un message assez long", "ok", "", "trois", "", "fin"]);
    // Leftovers of each older text are behind the shorter one.
    says::<100>(&["le premier message est le plus long", "le second moins", "le 3e", "4"]);
}

#[test]
fn blocks_of_lines_say_their_lines_alone() {
    let lines: Vec<String> = TEXTS.iter().map(|text| format!("{text}\n")).collect();
    let lines: Vec<&str> = lines.iter().map(String::as_str).collect();
    for framing in [Framing::Lines, Framing::Strings(HOLD), Framing::Texts(HOLD)] {
        for reads in READS {
            assert_eq!(said(framing, &blocks::<100>(&lines), reads), TEXTS, "{framing:?} {reads:?}");
            assert_eq!(said(framing, &blocks::<8192>(&lines), reads), TEXTS, "{framing:?} {reads:?}");
        }
    }
}

#[test]
fn a_first_text_that_fills_its_block_counts_where_blocks_come_alone() {
    fn says<const N: usize>(texts: &[&str]) {
        let (full, shorter) = ("x".repeat(N - 1), "y".repeat(N - 1 - MANY - 1));
        let texts = [&[&full[..], &shorter], texts].concat();
        for pause in [Duration::ZERO, PAUSE] {
            for texts in [&texts[..], &texts[1..]] {
                let said = said(Framing::Strings(HOLD), &blocks::<N>(texts), Reads::Alone(pause));
                assert_eq!(said, texts, "blocks of {N}, {pause:?}");
            }
        }
    }
    says::<40>(&["ok", "hein"]);
    says::<80>(&["ok", "hein"]);
    says::<255>(&["hein", "ok"]);
    let small = said(Framing::Strings(HOLD), &blocks::<8>(&["123456", "7", "8"]), Reads::Alone(PAUSE));
    assert_eq!(small, ["123456", "7", "8"]);
    let long = "un message de cinquante octets, comme son tampon.\u{e9}";
    for pause in [Duration::ZERO, PAUSE] {
        for full in [&long[..49], &long[..48]] {
            let texts = [full, "ok", "salut", "a"];
            let said = said(Framing::Strings(HOLD), &blocks::<50>(&texts), Reads::Alone(pause));
            assert_eq!(said, texts, "{pause:?}");
        }
    }
}

/// As [`blocks`], of memory that was never cleared.
fn uncleared<const N: usize>(texts: &[&str], memory: &[u8]) -> Vec<Vec<u8>> {
    let mut buffer: Vec<u8> = memory.iter().copied().cycle().take(N).collect();
    let block = |text: &&str| {
        buffer[..text.len()].copy_from_slice(text.as_bytes());
        buffer[text.len()] = 0;
        buffer.clone()
    };
    texts.iter().map(block).collect()
}

#[test]
fn what_memory_held_before_the_first_text_is_said_once() {
    fn says<const N: usize>() {
        for memory in [&b"old\0text"[..], b"\x40\x12\xfe\xfd\x7f\0\0", b"abcdefgh\0\0\0\0\0\0\0\0"] {
            let ends = memory.iter().cycle().nth(N - 1) == Some(&0);
            // Without an end, it is one text with the next, unless a pause is between them.
            for pause in [Some(PAUSE), ends.then_some(Duration::ZERO)].into_iter().flatten() {
                let writes = uncleared::<N>(&TEXTS, memory);
                let said = said(Framing::Strings(HOLD), &writes, Reads::Alone(pause));
                let [first, .., last] = &said[..] else { panic!("{said:?}") };
                assert_eq!((&first[..], &last[..]), ("un message assez long", "fin"), "{N} {pause:?}");
                // The first block's memory is said, no other's.
                let first = said.len() - TEXTS.len() + 1;
                assert_eq!(said[first..], TEXTS[1..], "{N} {memory:?} {pause:?}");
            }
        }
    }
    says::<50>();
    says::<100>();
    says::<256>();
    says::<512>();
    says::<1024>();
}

#[test]
fn memory_with_nuls_is_said_until_a_text_has_another_length() {
    let memory = [&[0; 40][..], b"GARBAGE", &[0; 20], b"MORE", &[0; 29]].concat();
    let texts = ["bob : un", "eve : un", "bob : deux", "bob : quatre", "bob : deux", "ok"];
    let mut expected = texts.map(str::to_string).to_vec();
    for at in [1, 4] {
        expected.splice(at..at, ["GARBAGE".to_string(), "MORE".to_string()]);
    }
    for pause in [Duration::ZERO, PAUSE] {
        let hundred = said(Framing::Strings(HOLD), &uncleared::<100>(&texts, &memory), Reads::Alone(pause));
        assert_eq!(hundred, expected, "{pause:?}");
        let ninety = said(Framing::Strings(HOLD), &uncleared::<90>(&texts, &memory), Reads::Alone(pause));
        assert_eq!(ninety, expected, "{pause:?}");
    }
    // The last piece may be the beginning of a block, but not before a pause.
    let memory = [&[0; 24][..], b"z", &[0; 7]].concat();
    let blocks = uncleared::<32>(&["bob : un", "bob : 2", "ok"], &memory);
    let small = said(Framing::Strings(HOLD), &blocks, Reads::Alone(PAUSE));
    assert_eq!(small, ["bob : un", "z", "bob : 2", "ok"]);
}

#[test]
fn several_messages_of_one_write_are_all_said() {
    let rows: [(&[&str], &[&str]); 8] = [
        (&["bonjour\0", "ok\0jour\0"], &["bonjour", "ok", "jour"]),
        (&["hahaha\0\0", "ha\0\0", "ha\0\0"], &["hahaha", "ha", "ha"]),
        (&["a\0b\0", "a\0b\0", "a\0b\0"], &["a", "b", "a", "b", "a", "b"]),
        (&["a\0b\0", "c\0b\0"], &["a", "b", "c", "b"]),
        (&["ab\0cdef\0", "ab\0cdef\0"], &["ab", "cdef", "ab", "cdef"]),
        (
            &["alice : un\0alice : deux\0", "bob : un\0alice : deux\0"],
            &["alice : un", "alice : deux", "bob : un", "alice : deux"],
        ),
        // The same bytes as leftovers, but in writes of their own, together or not.
        (&["bonjour\0", "ok\0", "jour\0"], &["bonjour", "ok", "jour"]),
        (&["aaaa\0", "a\0", "aa\0", "aaa\0", "a\0a\0a\0"], &["aaaa", "a", "aa", "aaa", "a", "a", "a"]),
    ];
    for (sent, expected) in rows {
        for reads in READS.into_iter().filter(|reads| !matches!(reads, Reads::Cut(_))) {
            assert_eq!(said(Framing::Strings(HOLD), &writes(sent), reads), expected, "{sent:?} {reads:?}");
        }
    }
}

#[test]
fn padded_messages_of_a_pause_each_are_said() {
    let sent = ["bonjour\0\0\0", "ok\0", "jour\0\0\0"];
    let said = said(Framing::Strings(HOLD), &writes(&sent), Reads::Alone(PAUSE));
    assert_eq!(said, ["bonjour", "ok", "jour"]);
}

/// The input that is read wrongly: a second message which could be leftovers of the first.
#[test]
fn two_messages_in_a_write_as_long_as_the_one_before_may_be_a_block() {
    let text = "un message de trente-et-un car.";
    for (from, nuls, padding, is_wrong) in [
        (3, 1, 1, true),
        (3, 1, 19, true),
        // Few leftovers count in buffers' sizes, and where fewer NULs are behind them.
        (24, 1, 1, true),
        (24, 2, 2, false),
        (24, 1, 2, true),
        (23, 2, 2, true),
    ] {
        let (first, second) = (format!("{text}{}", "\0".repeat(padding)), "y".repeat(from - nuls));
        let together = format!("{second}{}{}", "\0".repeat(nuls), &first[from..]);
        let said = said(Framing::Strings(HOLD), &writes(&[&first, &together]), Reads::Alone(PAUSE));
        let texts = [text, &second, &text[from..]];
        assert_eq!(said, texts[..if is_wrong { 2 } else { 3 }], "{from} {nuls} {padding}");
    }
    let sent = writes(&[&format!("{text}\0"), &format!("ok\0{}\0", &text[3..])]);
    assert_eq!(said(Framing::Strings(HOLD), &sent, Reads::Joined), [text, "ok", &text[3..]]);
    // So it is behind two messages that came in one write.
    let sent = writes(&["abcdefghijklmnop\0qrstuvwxyz1234\0", "abcdefgh\0jklmnop\0qrstuvwxyz1234\0"]);
    let said = said(Framing::Strings(HOLD), &sent, Reads::Alone(PAUSE));
    assert_eq!(said, ["abcdefghijklmnop", "qrstuvwxyz1234", "abcdefgh"]);
}

#[test]
fn messages_with_the_same_padding_each_are_no_block() {
    for padding in 1..20 {
        for length in 1..20 {
            let sent =
                [2 * length + padding, length, length].map(|n| [vec![b'a'; n], vec![0; padding]].concat());
            for reads in [Reads::Joined, Reads::Alone(Duration::ZERO), Reads::Alone(PAUSE)] {
                let said = said(Framing::Strings(HOLD), &sent, reads);
                let lengths: Vec<usize> = said.iter().map(String::len).collect();
                assert_eq!(lengths, [2 * length + padding, length, length], "{padding} {length} {reads:?}");
            }
            let together = [sent[0].clone(), sent[1..].concat()];
            let said = said(Framing::Strings(HOLD), &together, Reads::Alone(PAUSE));
            assert!(
                said.len() == 3 || padding < 3 && (length >= MANY || is_buffer_size(together[0].len())),
                "{padding} {length}"
            );
        }
    }
}

/// A message and a short one in one write, of few letters, so that much of them is alike.
#[test]
fn short_messages_are_all_said_whatever_comes_before_them() {
    let mut seed = 1_u64;
    let mut random = |below: u64| {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
        ((seed >> 33) % below) as usize
    };
    for _ in 0..5000 {
        let (padding, mut texts, mut sent) = (random(5), Vec::new(), Vec::new());
        for _ in 0..2 + random(4) {
            let mut write = Vec::new();
            for _ in 0..=random(2) {
                let text: String = (0..=random(7)).map(|_| if random(4) == 0 { 'h' } else { 'a' }).collect();
                // The same number of NULs behind each, or one for each byte.
                let nuls = if padding == 0 { text.len() } else { padding };
                write.extend_from_slice(text.as_bytes());
                write.resize(write.len() + nuls, 0);
                texts.push(text);
            }
            sent.push(write);
        }
        let at_once = Reads::Alone(Duration::ZERO);
        let reads = [Reads::Joined, Reads::Of(1 + random(9)), at_once, Reads::Alone(PAUSE)][random(4)];
        if sent.iter().all(|write| write.len() < 32) {
            assert_eq!(said(Framing::Strings(HOLD), &sent, reads), texts, "{sent:?} {reads:?}");
        }
    }
}

#[test]
fn padding_as_long_as_the_text_is_none_of_a_block() {
    let texts = ["bonjour", "ok", "oui", "oui", "un message assez long", "ok", "a"];
    let sent: Vec<Vec<u8>> = texts.map(|text| [text.as_bytes(), &vec![0; text.len()]].concat()).into();
    for reads in READS {
        if !matches!(reads, Reads::Cut(_)) {
            assert_eq!(said(Framing::Strings(HOLD), &sent, reads), texts, "{reads:?}");
        }
    }
}

#[test]
fn line_ends_of_every_kind_end_a_line() {
    let rows = [
        "un\ndeux\n",
        "un\r\ndeux\r\n",
        "un\rdeux\r",
        "un\r\0deux\r\0",
        "un\n\0deux\n\0",
        "un\rdeux\n",
        "un\rdeux\r\n",
        "\u{feff}un\ndeux",
    ];
    for framing in [Framing::Lines, Framing::Texts(HOLD)] {
        for sent in rows {
            for reads in [Reads::Joined, Reads::Of(1)] {
                let said = said(framing, &writes(&[sent]), reads);
                let said: Vec<&str> = said.iter().map(|text| text.trim_end_matches('\r')).collect();
                assert_eq!(said, ["un", "deux"], "{framing:?} {sent:?} {reads:?}");
            }
        }
        // Lines with a pause between them, and within an end.
        for sent in [
            &["un\r", "deux\r"][..],
            &["un\r", "\ndeux\r", "\n"],
            &["un\r\0", "deux\r\0"],
            &["un\0", "deux\0\0\0"],
            &["un\0deux", "\n\0"],
        ] {
            let said = said(framing, &writes(sent), Reads::Alone(PAUSE));
            let said: Vec<&str> = said.iter().map(|text| text.trim_end_matches('\r')).collect();
            assert_eq!(said, ["un", "deux"], "{framing:?} {sent:?}");
        }
    }
}
