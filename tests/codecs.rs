//! The invariants of the fuzzer (`fuzz/`, `scripts/fuzz.sh`), checked by `cargo test` on the corpus
//! of the fuzzer and on inputs generated from the words of each codec.

#[path = "../fuzz/src/lib.rs"]
mod invariants;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

/// The header of an upload, up to the file name.
const HEADER: &str =
    "\0forklab-upload 1 12 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ";

/// Message terminators, real and mistaken.
const ENDS: [&str; 6] = ["\0", "\n", "\r\n", "\0\0\0", " ", "\u{2028}"];

/// Generates input from `words`, terminators, arbitrary bytes, and now and then a long run of one
/// byte.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let known = select([words, &ENDS].concat()).prop_map(|word| word.as_bytes().to_vec());
    let few = prop::collection::vec(any::<u8>(), 1..4);
    let many = (any::<u8>(), 1usize..1200).prop_map(|(byte, count)| vec![byte; count]);
    prop::collection::vec(prop_oneof![8 => known, 3 => few, 1 => many], 0..40)
        .prop_map(|parts| parts.concat())
}

/// Up to `most` arbitrary bytes, which steer the target, followed by [`soup`].
fn steered(most: usize, words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(any::<u8>(), 0..most), soup(words))
        .prop_map(|(front, rest)| [front, rest].concat())
}

/// A packet of records as a worker writes it, with up to two bytes changed.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    // As long as a worker's longest, or longer.
    let body = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..300),
        1 => (any::<u8>(), 1020usize..1030).prop_map(|(byte, count)| vec![byte; count]),
    ];
    let record = (0i32..3, 0u8..3, 0u8..12, body).prop_map(|(pid, key, kind, body)| {
        [&pid.to_ne_bytes()[..], &[key; 8], &[kind], &(body.len() as u16).to_ne_bytes(), &body].concat()
    });
    let changes = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..3);
    (prop::collection::vec(record, 0..12), changes).prop_map(|(records, changes)| {
        let mut packet = records.concat();
        for (at, byte) in changes.into_iter().filter(|_| !records.is_empty()) {
            let at = at.index(packet.len());
            packet[at] = byte;
        }
        [&(packet.len() as u16).to_le_bytes()[..], &packet].concat()
    })
}

/// WebSocket frames, most of them valid, behind arbitrary bytes that say how the stream is split.
fn streams_of_frames() -> impl Strategy<Value = Vec<u8>> {
    let first = prop_oneof![
        6 => select(vec![0x81u8, 0x01, 0x80, 0x00, 0x89, 0x8a]),
        1 => select(vec![0x82u8, 0x88, 0xc1, 0x83, 0x09, 0x8b]),
    ];
    let texts = select(vec!["alice : bonjour", "a\r\nb", "é", "\u{2028}", " \n", "\x03\u{e8}", "\0"]);
    let payload = prop_oneof![
        8 => prop::collection::vec(texts, 0..3).prop_map(|texts| texts.concat().into_bytes()),
        1 => prop::collection::vec(any::<u8>(), 0..130),
        1 => (any::<u8>(), 120usize..1100).prop_map(|(byte, count)| vec![byte; count]),
    ];
    let frame = (first, payload, any::<[u8; 4]>(), 0u8..40).prop_map(|(first, payload, mask, oddity)| {
        let length = match payload.len() {
            short @ 0..126 => vec![0x80 | short as u8],
            long => [&[0xfe][..], &(long as u16).to_be_bytes()].concat(),
        };
        let masked = payload.iter().zip(mask.iter().cycle()).map(|(byte, mask)| byte ^ mask);
        let mut frame: Vec<u8> = [&[first][..], &length, &mask].concat().into_iter().chain(masked).collect();
        if oddity == 0 {
            frame[1] &= 0x7f;
        }
        frame
    });
    (prop::collection::vec(any::<u8>(), 0..17), prop::collection::vec(frame, 0..12)).prop_map(
        |(steps, frames)| {
            let count = steps.len().min(15);
            [&[count as u8][..], &steps[..count], &frames.concat()].concat()
        },
    )
}

/// The head of an HTTP request, with lines missing, doubled or foreign.
fn requests() -> impl Strategy<Value = Vec<u8>> {
    let paths = select(vec![
        "GET / HTTP/1.1",
        "GET /room HTTP/1.1",
        "GET /x HTTP/1.1",
        "POST / HTTP/1.1",
        "GET / HTTP/1.0",
    ]);
    let lines = vec![
        "Host: localhost:8080",
        "Host: localhost:8080",
        "Host: [::1]:8080",
        "host: 127.0.0.1:80",
        "Host: x.example:8080",
        "Origin: http://localhost:8080",
        "Origin: null",
        "Connection: keep-alive, Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Version: 8",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
        "X: y",
        "",
        "no header",
    ];
    let upgrade = [0, 7, 8, 9, 11].map(|at| lines[at]);
    let some = prop::collection::vec(select(lines), 0..8);
    (paths, any::<bool>(), some, any::<bool>()).prop_map(move |(path, upgrades, some, ends)| {
        let upgrade = if upgrades { &upgrade[..] } else { &[] };
        let lines = [&[path], upgrade, &some].concat();
        let end = if ends { "\r\n\r\n" } else { "" };
        (lines.join("\r\n") + end).into_bytes()
    })
}

/// Actions of several clients, encoded for the target `names`.
fn conversations() -> impl Strategy<Value = Vec<u8>> {
    let names = [
        "alice",
        "Alice",
        " aIice",
        "\u{430}lice",
        "al\u{200b}ice",
        "bob",
        "b\u{f6}b",
        "AL1CE",
        "",
        "Andr\u{fffd}",
    ];
    let separators = [" : ", ": ", " > ", " \u{2236} ", "\u{ff1a}", "", "\n", "\0"];
    let act = (any::<u8>(), select(names.to_vec()), select(separators.to_vec()), soup(&["moi", "bob : "]));
    prop::collection::vec(act, 0..12).prop_map(|acts| {
        let bytes = acts.into_iter().flat_map(|(what, name, separator, rest)| {
            let mut said = [name.as_bytes(), separator.as_bytes(), &rest].concat();
            said.truncate(510);
            said.resize(said.len().next_multiple_of(2), b'.');
            let speaks = what >> 2 & 7 > 1;
            let said = if speaks { [&[(said.len() / 2) as u8][..], &said].concat() } else { Vec::new() };
            [vec![what], said].concat()
        });
        bytes.collect()
    })
}

/// The corpus of `target`: seeds, and inputs that once broke it.
#[track_caller]
fn corpus(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs = fs::read_dir(directory).unwrap_or_else(|error| panic!("no corpus of {target}: {error}"));
    inputs.map(|input| fs::read(input.unwrap().path()).unwrap())
}

/// Makes a test for each target, of the same name.
macro_rules! hold {
    ($($target:ident: $inputs:expr,)*) => {$(
        #[test]
        fn $target() {
            corpus(stringify!($target)).for_each(|input| invariants::$target::holds(&input));
            // A failing input goes into the corpus; proptest need not persist it.
            let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
            proptest!(config, |(input in $inputs)| invariants::$target::holds(&input));
        }
    )*};
}

hold! {
    batch: steered(200, &["alice : bonjour\0"]),
    calc: steered(18, &["12", "-3", "+", "9223372036854775807", "1", "a"]),
    framing: steered(18, &["alice : bonjour", "é🦀"]),
    direct: steered(20, &["%", "bo", "%bob%hi", "é"]),
    ws_decode: streams_of_frames(),
    keyboard: steered(17, &["bonjour", "é🦀"]),
    keys: steered(17, &["\x1b[200~", "\x1b[201~", "\x1b", "\x1b[1;5C", "\x1b]11;", "\x1bP", "\x07", "\x1b\\", "\u{9b}", "é"]),
    lines: soup(&["alice : bonjour", "\x0b", "\x1e", "\u{85}", "[12:00:00] "]),
    names: conversations(),
    record: packets(),
    relay: steered(17, &["fin", "exit", "1\0emi\0", "2\0rec\0", "1emi", "2\nrec\n", "salut"]),
    request: requests(),
    senders: steered(18, &["\0", "un message assez long", "ok", "\r\0", "\u{feff}"]),
    text: steered(17, &["\x1b[2J", "\t", "\u{202e}é🦀\u{9b}", "👩\u{200d}👧"]),
    upload: soup(&[HEADER, "a.txt", "/", ".", "..", "\\", "é", "[SUCCESS]", "[ERROR]"]),
}
