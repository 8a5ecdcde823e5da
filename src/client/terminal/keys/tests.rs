use super::*;
use proptest::prelude::*;
use terminput::{KeyCode, KeyModifiers};

fn inputs(pieces: &[&[u8]]) -> Vec<Input> {
    let mut keys = KeyDecoder::default();
    let mut all: Vec<Input> = pieces.iter().flat_map(|piece| keys.feed(piece)).collect();
    all.extend(keys.flush());
    all
}

fn codes(bytes: &[u8]) -> Vec<KeyCode> {
    let code = |input| match input {
        Input::Key(key) => Some(key.code),
        Input::Paste { .. } => None,
    };
    inputs(&[bytes]).into_iter().filter_map(code).collect()
}

#[test]
fn a_key_of_several_bytes_may_come_in_pieces() {
    for bytes in ["\x1b[A", "\x1bOA", "\x1b[1;5C", "\x1b[3~", "é", "日", "\x1bb", "\x1bé", "\x1b[H"] {
        let whole = inputs(&[bytes.as_bytes()]);
        assert_eq!(whole.len(), 1, "{bytes:?}");
        let single: Vec<&[u8]> = bytes.as_bytes().chunks(1).collect();
        assert_eq!(inputs(&single), whole);
    }
    let [Input::Key(key)] = inputs(&[b"\x1b[1;5C"])[..] else { panic!("one key") };
    assert_eq!((key.code, key.modifiers), (KeyCode::Right, KeyModifiers::CTRL));
}

#[test]
fn a_lone_escape_is_a_key_and_swallows_no_other() {
    assert_eq!(codes(b"\x1b"), [KeyCode::Esc]);
    assert_eq!(codes(b"\x1b\x1b[A"), [KeyCode::Esc, KeyCode::Up]);
    assert_eq!(codes(b"\x1b\r\x1b\x03"), [KeyCode::Esc, KeyCode::Enter, KeyCode::Esc, KeyCode::Char('c')]);
    let mut keys = KeyDecoder::default();
    assert_eq!(keys.feed(b"\x1b"), [], "it may be the beginning of another");
    assert_eq!(keys.timeout(), Some(SEQUENCE_TIMEOUT));
    assert_eq!(keys.flush(), Some(Input::Key(KeyEvent::new(KeyCode::Esc))));
    assert_eq!(keys.feed(b"a"), [Input::Key(KeyEvent::new(KeyCode::Char('a')))]);
}

#[test]
fn the_rest_of_a_character_comes_however_late() {
    let mut keys = KeyDecoder::default();
    assert_eq!(keys.feed("é".as_bytes().split_at(1).0), []);
    assert_eq!(keys.timeout(), None);
    assert_eq!(keys.feed("é".as_bytes().split_at(1).1), [Input::Key(KeyEvent::new(KeyCode::Char('é')))]);
    // Of an older encoding: no character of UTF-8.
    assert_eq!((keys.feed(b"\xe9"), keys.timeout()), (vec![], None));
    assert_eq!(keys.feed(b"a"), [Input::Key(KeyEvent::new(KeyCode::Char('a')))]);
}

#[test]
fn what_no_key_is_takes_none_with_it() {
    assert_eq!(codes(b"\xffa\xc3b\x80c"), ['a', 'b', 'c'].map(KeyCode::Char));
    assert_eq!(codes(b"\x1b[\x1b[Ax"), [KeyCode::Up, KeyCode::Char('x')]);
    let long = [&b"\x1b["[..], &[b'1'; 70], b"yz"].concat();
    assert_eq!(codes(&long), [KeyCode::Char('z')]);
}

/// Reports that terminals send: to a question, or because a program left them switched on.
const REPORTS: &[(&str, &[u8])] = &[
    ("xterm: background", b"\x1b]11;rgb:0000/0000/0000\x07"),
    ("xterm: foreground", b"\x1b]10;rgb:ffff/ffff/ffff\x1b\\"),
    ("xterm: colour 4 of the palette", b"\x1b]4;4;rgb:1e1e/9090/ffff\x1b\\"),
    ("xterm: XTGETTCAP", b"\x1bP1+r544e=787465726d\x1b\\"),
    ("xterm: XTGETTCAP of an unknown name", b"\x1bP0+r58\x1b\\"),
    ("xterm: DECRQSS", b"\x1bP1$r0;1m\x1b\\"),
    ("xterm: XTVERSION", b"\x1bP>|XTerm(390)\x1b\\"),
    ("xterm: DA1", b"\x1b[?64;1;2;6;9;15;16;17;18;21;22;28c"),
    ("xterm: DA2", b"\x1b[>41;390;0c"),
    ("xterm: DA3", b"\x1bP!|00000000\x1b\\"),
    ("xterm: DSR", b"\x1b[0n"),
    ("xterm: cursor position", b"\x1b[24;80R"),
    ("xterm: DECXCPR", b"\x1b[?24;80;1R"),
    ("xterm: DECRPM", b"\x1b[?2026;2$y"),
    ("xterm: DECRQCRA", b"\x1bP1!~ABCD\x1b\\"),
    ("xterm: size of the text area", b"\x1b[8;24;80t"),
    ("xterm: size in pixels", b"\x1b[4;600;800t"),
    ("xterm: XTSMGRAPHICS", b"\x1b[?1;0;256S"),
    ("xterm: XTREPORTSGR", b"\x1b[0#~"),
    ("xterm: title", "\x1b]lÜber œuvre\x1b\\".as_bytes()),
    ("xterm: icon title", b"\x1b]Lbash\x1b\\"),
    ("xterm: clipboard", b"\x1b]52;c;Ym9uam91cg==\x07"),
    ("xterm: locator", b"\x1b[1;2;3;4;0&w"),
    ("xterm: modifyOtherKeys", b"\x1b[>4;2m"),
    ("xterm: focus in", b"\x1b[I"),
    ("xterm: focus out", b"\x1b[O"),
    ("xterm: mouse, X10", b"\x1b[M !!"),
    ("xterm: mouse, X10, beyond column 94", b"\x1b[M \xe1\x9b"),
    ("xterm: mouse, SGR", b"\x1b[<0;10;5M"),
    ("xterm: mouse, SGR, released", b"\x1b[<0;10;5m"),
    ("xterm: mouse, SGR, of column 0", b"\x1b[<0;0;0M"),
    ("xterm: with 8-bit controls, DA1", b"\x9b?64;1c"),
    ("xterm: with 8-bit controls, background", b"\x9d11;rgb:0000/0000/0000\x9c"),
    ("xterm: with 8-bit controls, XTGETTCAP", b"\x901+r544e=787465726d\x9c"),
    ("xterm: with 8-bit controls in UTF-8, DA2", b"\xc2\x9b>41;390;0c"),
    ("xterm: with 8-bit controls in UTF-8, title", b"\xc2\x9dl\xc3\x9c\xc2\x9c"),
    ("xterm: mouse, X10, beyond the last column", b"\x1b[M \0!"),
    ("xterm: mouse, X10, beyond the last row", b"\x1b[M !\0"),
    ("xterm: mouse, UTF-8, column 96", "\x1b[M \u{80}!".as_bytes()),
    ("xterm: mouse, UTF-8, column 224", "\x1b[M \u{100}!".as_bytes()),
    ("xterm: mouse, UTF-8, row 124", "\x1b[M !\u{9c}".as_bytes()),
    ("xterm: mouse, UTF-8, column 2015, row 123", "\x1b[M \u{7ff}\u{9b}".as_bytes()),
    ("xterm: mouse, highlight, a click", b"\x1b[t!!"),
    ("xterm: mouse, highlight", b"\x1b[T!!##!#"),
    ("rxvt: mouse", b"\x1b[32;10;5M"),
    ("rxvt: mouse, of column 0", b"\x1b[32;0;0M"),
    ("VTE: DA1", b"\x1b[?65;1;9c"),
    ("VTE: DA2", b"\x1b[>65;7001;1c"),
    ("VTE: XTVERSION", b"\x1bP>|VTE(7001)\x1b\\"),
    ("VTE: termprops", b"\x1b]666;vte.cwd=\x1b\\"),
    ("kitty: graphics", b"\x1b_Gi=31;OK\x1b\\"),
    ("kitty: graphics, error", b"\x1b_Gi=31;ENOENT:no such file\x1b\\"),
    ("kitty: keyboard flags", b"\x1b[?1u"),
    ("kitty: a key released", b"\x1b[97;1:3u"),
    ("kitty: in-band size", b"\x1b[48;24;80;480;800t"),
    ("kitty: colour scheme", b"\x1b[?997;1n"),
    ("kitty: notification", b"\x1b]99;i=1:p=?;a=report\x1b\\"),
    ("kitty: colour stack", b"\x1b[1;2#Q"),
    ("kitty: OSC 5522", b"\x1b]5522;type=read:status=OK\x1b\\"),
    ("iTerm2: cell size", b"\x1b]1337;ReportCellSize=14.0;7.0;2.0\x1b\\"),
    ("iTerm2: capabilities", b"\x1b]1337;Capabilities=T3CwLrMSc7UUw9Ts3BFGsSyHNoSxF\x07"),
    ("Windows Terminal: DA1", b"\x1b[?61;4;6;7;14;21;22;23;24;28;32;42;52c"),
    ("Windows Terminal: DA2", b"\x1b[>0;10;1c"),
    ("Windows Terminal: a key in Win32 input mode", b"\x1b[65;30;97;1;0;1_"),
    ("tmux: DA1", b"\x1b[?1;2;4c"),
    ("tmux: DA2", b"\x1b[>84;0;0c"),
    ("tmux: XTVERSION", b"\x1bP>|tmux 3.3a\x1b\\"),
    ("tmux: background", b"\x1b]11;rgb:0000/0000/0000\x1b\\"),
    ("GNU screen: DA2", b"\x1b[>83;40900;0c"),
    ("foot: DA2", b"\x1b[>1;011700;0c"),
    ("foot: XTGETTCAP", b"\x1bP1+r4d73=5c455d35323b2570312573\x1b\\"),
    ("mintty: DA2", b"\x1b[>77;30601;0c"),
    ("rxvt-unicode: DA2", b"\x1b[>0;276;0c"),
    ("Linux console: DA1", b"\x1b[?6c"),
    ("PM", b"\x1b^private\x1b\\"),
    ("SOS, of any bytes", b"\x1bXany\x07\x01\x03\n\x7ftext\x1b\\"),
    ("DCS of two lines", b"\x1bP1$rone\r\ntwo\n\x1b\\"),
    ("DCS: sixels", b"\x1bPq#0;2;0;0;0\n#1~~\x1b\\"),
    ("OSC with every format effector", b"\x1b]lone\x08\ttwo\x0b\x0c\x1b\\"),
    ("APC of two lines", b"\x1b_one\ntwo\x07"),
    ("APC, ended by BEL", b"\x1b_text\x07"),
    ("SS2", b"\x1bNa"),
    ("8-bit SS2 and SS3", b"\x8ea\x8fz"),
    ("SS3 with a modifier", b"\x1bO5x"),
    ("SS3 with parameters", b"\x1bO1;5P"),
    ("VT52: identification", b"\x1b/Z"),
    ("character set", b"\x1b(B"),
    ("character set of several bytes", b"\x1b$)C"),
    ("DECALN", b"\x1b#8"),
    ("S7C1T", b"\x1b F"),
    ("end of a paste that has not begun", b"\x1b[201~"),
    ("C1 controls that begin nothing", b"\x84\x85\x8d\x9a"),
    ("aborted by CAN", b"\x1b]11;rgb:00\x18"),
    ("aborted by SUB", b"\x1b[1;2\x1a"),
];

fn chars(text: &str) -> Vec<Input> {
    inputs(&[text.as_bytes()])
}

#[test]
fn what_terminals_report_is_dropped_whole_wherever_it_is_cut() {
    for (name, report) in REPORTS {
        let typed = [b"a", *report, b"b"].concat();
        assert_eq!(inputs(&[&typed]), chars("ab"), "{name}");
        for cut in 1..typed.len() {
            assert_eq!(inputs(&[&typed[..cut], &typed[cut..]]), chars("ab"), "{name}, cut at {cut}");
        }
        assert_eq!(inputs(&typed.chunks(1).collect::<Vec<_>>()), chars("ab"), "{name}, byte by byte");
    }
    let all: Vec<u8> = REPORTS.iter().flat_map(|(_, report)| report.iter().copied()).collect();
    assert_eq!(inputs(&[&all, b"x"]), chars("x"));
}

/// The same key, as terminals send it.
#[test]
fn keys_are_known_in_every_form_that_terminals_send() {
    use KeyCode::*;
    let table: [(KeyCode, &[&str]); 17] = [
        (Up, &["\x1b[A", "\x1bOA", "\x1b[1;5A", "\u{9b}A", "\u{8f}A"]),
        (Left, &["\x1b[D", "\x1bOD", "\x1b[1;3D"]),
        (Home, &["\x1b[H", "\x1bOH", "\x1b[1~", "\x1b[7~", "\x1b[1;2H", "\x1b[7$", "\x1b[7@"]),
        (End, &["\x1b[F", "\x1bOF", "\x1b[4~", "\x1b[8~", "\x1b[8$", "\x1b[8^"]),
        (Delete, &["\x1b[3~", "\x1b[3;5~", "\x1b[3$", "\x1b[3^"]),
        (Insert, &["\x1b[2~"]),
        (PageUp, &["\x1b[5~"]),
        (F(1), &["\x1bOP", "\x1b[11~", "\x1b[[A", "\x1b[1;2P"]),
        (F(5), &["\x1b[15~", "\x1b[[E"]),
        (Tab, &["\t", "\x1b[Z"]),
        (Char('a'), &["a", "\x1b[97u", "\x1b[97;5u", "\x1b[27;5;97~", "\x1ba", "\x1b[27;3;97~"]),
        (Enter, &["\r", "\x1b[13u", "\x1b[27;2;13~", "\x1bOM"]),
        (Char('0'), &["0", "\x1bOp", "\x1b[57399u"]),
        (Char('9'), &["9", "\x1bOy", "\u{8f}y"]),
        (Char('*'), &["*", "\x1bOj"]),
        (Char('.'), &[".", "\x1bOn"]),
        (Char('='), &["=", "\x1bOX"]),
    ];
    for (code, forms) in table {
        for form in forms {
            assert_eq!(codes(form.as_bytes()), [code], "{form:?}");
            assert_eq!(codes(format!("{form}x").as_bytes()), [code, Char('x')], "{form:?}");
        }
    }
    for (form, code, modifiers) in [
        ("\x1bOd", Left, KeyModifiers::CTRL),
        ("\x1bOc", Right, KeyModifiers::CTRL),
        ("\x1b[3^", Delete, KeyModifiers::CTRL),
        ("\x1b[7$", Home, KeyModifiers::SHIFT),
    ] {
        assert_eq!(
            inputs(&[form.as_bytes()]),
            [Input::Key(KeyEvent::new(code).modifiers(modifiers))],
            "{form:?}"
        );
    }
}

#[test]
fn a_sequence_without_an_end_takes_no_key_with_it() {
    for introducer in
        ["\x1b[", "\x1bO", "\x1bN", "\x1bP", "\x1b]", "\x1b_", "\x1b^", "\x1bX", "\x1b[M", "\x1b[[", "\x1b("]
    {
        // A control character that it cannot have, or the next sequence.
        let possible = match introducer {
            "\x1bX" => "\x03\r",
            "\x1bP" | "\x1b]" | "\x1b_" | "\x1b^" => "\r",
            _ => "",
        };
        for (keys, expected) in
            [("\x03", "\x03"), ("\rb", "\rb"), ("\x1b[A", "\x1b[A"), ("\x1b\r", "\x1b\r"), ("\x18\r", "\r")]
        {
            if keys.starts_with(|c| possible.contains(c)) {
                continue;
            }
            let all = inputs(&[introducer.as_bytes(), b"1", keys.as_bytes()]);
            // `[[1`, `N1` and `(1` are whole.
            assert!(all.ends_with(&chars(expected)), "{introducer:?} {keys:?}: {all:?}");
        }
        // A pause.
        let mut keys = KeyDecoder::default();
        assert_eq!(keys.feed(introducer.as_bytes()), [], "{introducer:?}");
        let is_alt = !matches!(introducer.as_bytes(), [ESCAPE, b'[' | b'O', ..]);
        assert_eq!(
            keys.timeout(),
            Some(if is_alt { ALT_TIMEOUT } else { SEQUENCE_TIMEOUT }),
            "{introducer:?}"
        );
        assert_eq!((keys.flush(), keys.feed(b"x")), (None, chars("x")), "{introducer:?}");
    }
    let mut keys = KeyDecoder::default();
    keys.feed(b"\x1b]");
    for _ in 0..1 << 17 {
        assert!(keys.feed(b"12345678").is_empty() && keys.partial_key.len() <= MAX_KEY);
    }
    assert_eq!(keys.feed(b"xy"), chars("xy"));
}

#[test]
fn a_paste_is_one_input_without_keys() {
    let pasted = |bytes: &[u8]| Input::Paste { bytes: bytes.to_vec(), is_cut: false };
    let whole = b"\x1b[200~un\r\x1b[Adeux\x03\x1b[201~a";
    let all = [pasted(b"un\r\x1b[Adeux\x03"), Input::Key(KeyEvent::new(KeyCode::Char('a')))];
    assert_eq!(inputs(&[whole]), all);
    assert_eq!(inputs(&whole.chunks(1).collect::<Vec<_>>()), all);
    let with_8_bit_end = "\u{9b}201~\r".as_bytes();
    assert_eq!(inputs(&[PASTE_BEGINS, with_8_bit_end, PASTE_ENDS]), [pasted(with_8_bit_end)]);
}

#[test]
fn an_endless_paste_is_cut_and_its_end_is_seen() {
    let mut keys = KeyDecoder::default();
    keys.feed(PASTE_BEGINS);
    for _ in 0..3 * MAX_PASTE / 8 {
        assert_eq!(keys.feed(b"12345678"), [], "not at the end yet");
        assert!(keys.pasted.as_ref().is_some_and(|pasted| pasted.len() <= MAX_PASTE + 4096));
    }
    let all = keys.feed(b"\x1b[201~x");
    assert!(
        matches!(&all[..], [Input::Paste { bytes, is_cut: true }, Input::Key(_)] if bytes.len() == MAX_PASTE)
    );
}

proptest! {
    #[test]
    fn any_bytes_are_decoded(pieces in prop::collection::vec("(\\PC|\x1b|\\[|[0-9;<?~uM]|[\x00-\x1f]){0,20}", 0..8),
                         bytes in prop::collection::vec(any::<u8>(), 0..64)) {
        let mut keys = KeyDecoder::default();
        pieces.iter().for_each(|piece| drop(keys.feed(piece.as_bytes())));
        keys.feed(&bytes);
        keys.flush();
        prop_assert!(keys.timeout().is_none());
    }
}
