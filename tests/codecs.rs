//! What the fuzzer asserts of each codec (`fuzz/`, `scripts/fuzz.sh`), tried in each `cargo test`: on the fuzzer's corpus, and on
//! some inputs made of the words that the codec knows.

#[path = "../fuzz/src/lib.rs"]
mod invariants;

use std::fs;
use std::path::Path;

use proptest::prelude::*;
use proptest::sample::select;

/// A header of an upload, up to its name.
const HEADER: &str =
    "\0forklab-upload 1 12 e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855 ";

/// Ends of messages, and what is one only for some.
const ENDS: [&str; 6] = ["\0", "\n", "\r\n", "\0\0\0", " ", "\u{2028}"];

/// Bytes that a codec might know: `words`, ends, a few bytes of any kind, and now and then many of one.
fn soup(words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    let known = select([words, &ENDS].concat()).prop_map(|word| word.as_bytes().to_vec());
    let few = prop::collection::vec(any::<u8>(), 1..4);
    let many = (any::<u8>(), 1usize..1200).prop_map(|(byte, count)| vec![byte; count]);
    prop::collection::vec(prop_oneof![8 => known, 3 => few, 1 => many], 0..40)
        .prop_map(|parts| parts.concat())
}

/// So many bytes of any kind, which say what to do, and then `soup`.
fn told(most: usize, words: &'static [&'static str]) -> impl Strategy<Value = Vec<u8>> {
    (prop::collection::vec(any::<u8>(), 0..most), soup(words))
        .prop_map(|(front, rest)| [front, rest].concat())
}

/// A packet of records as a child writes them, and a few of its bytes changed.
fn packets() -> impl Strategy<Value = Vec<u8>> {
    let record =
        (any::<i32>(), 0u8..9, prop::collection::vec(any::<u8>(), 0..300)).prop_map(|(pid, kind, body)| {
            [&pid.to_ne_bytes()[..], &[kind], &(body.len() as u16).to_ne_bytes(), &body].concat()
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

/// What some clients say and do, as the target of names reads it.
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

/// The fuzzer's corpus of `target`, seeds and what it once found.
fn corpus(target: &str) -> impl Iterator<Item = Vec<u8>> {
    let directory = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let inputs = fs::read_dir(directory).unwrap_or_else(|error| panic!("no corpus of {target}: {error}"));
    inputs.map(|input| fs::read(input.unwrap().path()).unwrap())
}

/// A test for each target, called like it.
macro_rules! hold {
    ($($target:ident: $inputs:expr,)*) => {$(
        #[test]
        fn $target() {
            corpus(stringify!($target)).for_each(|input| invariants::$target::holds(&input));
            // An input that breaks it goes into the corpus, and needs no other memory.
            let config = ProptestConfig { failure_persistence: None, ..ProptestConfig::default() };
            proptest!(config, |(input in $inputs)| invariants::$target::holds(&input));
        }
    )*};
}

hold! {
    batch: told(200, &["alice : bonjour\0"]),
    calc: told(18, &["12", "-3", "+", "9223372036854775807", "1", "a"]),
    cutter: told(18, &["alice : bonjour", "é🦀"]),
    direct: told(20, &["%", "bo", "%bob%hi", "é"]),
    keyboard: told(17, &["bonjour", "é🦀"]),
    lines: soup(&["alice : bonjour", "\x0b", "\x1e", "\u{85}", "[12:00:00] "]),
    names: conversations(),
    record: packets(),
    relay: told(17, &["fin", "exit", "1\0emi\0", "2\0rec\0", "salut"]),
    text: told(17, &["\x1b[2J", "\t", "\u{202e}é🦀\u{9b}", "👩\u{200d}👧"]),
    upload: soup(&[HEADER, "a.txt", "/", ".", "..", "\\", "é", "[SUCCESS]", "[ERROR]"]),
}
