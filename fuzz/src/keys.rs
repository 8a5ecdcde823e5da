//! Keyboard of a client on a terminal: keys, pastes, and the reports of terminals.
//!
//! Input: bytes, which arrive in pieces. They are read twice: as they are, and as steps, each a
//! kind and some bytes that become typed text or the contents of a report.

use forklab::client::KeyDecoder;

use super::input::{Arrival, Input};

/// Any bytes: where they are cut makes no difference, and a pause ends what is incomplete. Reports:
/// the text around them is typed, and nothing of them is.
pub fn holds(bytes: &[u8]) {
    let arrival = Arrival::of(Input(bytes));
    let (mut whole, mut cut) = (KeyDecoder::default(), KeyDecoder::default());
    let inputs = whole.feed(arrival.stream);
    let in_pieces: Vec<_> = arrival.pieces().flat_map(|(_, piece)| cut.feed(piece)).collect();
    assert_eq!(inputs, in_pieces);
    assert_eq!((whole.flush(), whole.timeout()), (cut.flush(), None));

    let (typed, text) = text_and_reports(Input(arrival.stream));
    assert_eq!(KeyDecoder::default().feed(&typed), KeyDecoder::default().feed(&text));
}

/// Text with reports in it, and the text alone.
fn text_and_reports(mut input: Input) -> (Vec<u8>, Vec<u8>) {
    let (mut typed, mut text) = (Vec::new(), Vec::new());
    while !input.is_empty() {
        let kind = input.byte();
        let length = usize::from(input.byte() % 48);
        let given = input.take(length);
        let within = |from: u8, to: u8| given.iter().map(move |byte| from + byte % (to - from + 1));
        let is_in_strings = |c: &char| !c.is_control() || matches!(c, '\u{8}'..='\r');
        let contents: String = String::from_utf8_lossy(given).chars().filter(is_in_strings).collect();
        let string = |start: &[u8], end: &[u8]| [start, contents.as_bytes(), end].concat();
        let report = match kind % 12 {
            0 => string(b"\x1b]", b"\x07"),
            1 => string(b"\x1b]", b"\x1b\\"),
            2 => string(b"\x1bP", b"\x1b\\"),
            3 => string(b"\x1b_", b"\x9c"),
            4 => string(b"\x1b^", b"\xc2\x9c"),
            5 => string(b"\x1bX", b"\x1b\\"),
            6 => string(b"\x9d", b"\x9c"),
            // Private parameters, intermediate bytes, a final byte.
            7 => {
                b"\x1b[>".iter().copied().chain(within(0x30, 0x3f)).chain([b' ', 0x40 + kind % 63]).collect()
            }
            8 => [&b"\x1b[M"[..], &[0x20 + kind % 95, 0x21, 0x22]].concat(),
            9 => b"\x1b ".iter().copied().chain(within(0x20, 0x2f)).chain([0x30 + kind % 79]).collect(),
            // The mouse in UTF-8.
            10 => {
                let c = char::from_u32(0x20 + 7 * u32::from(kind)).unwrap_or(' ');
                format!("\x1b[M{c}!{c}").into_bytes()
            }
            _ => {
                let letters: Vec<u8> = within(b'a', b'z').collect();
                text.extend_from_slice(&letters);
                letters
            }
        };
        typed.extend_from_slice(&report);
    }
    (typed, text)
}
