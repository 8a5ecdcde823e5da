//! Bytes made safe for a terminal. Input: a text that arrives in pieces.

use forklab::text::{
    VisibleStream, as_one_line, character_boundary, incomplete_suffix_len, is_blank, is_plain, visible,
};

use super::input::{Arrival, Input};

/// The output has no control and no misleading character, plain text is unchanged, and cuts make no
/// difference.
pub fn holds(bytes: &[u8]) {
    let arrival = Arrival::of(Input(bytes));
    let whole = visible(arrival.stream);
    assert_eq!(whole, visible_slowly(arrival.stream));
    assert!(!whole.contains(is_dangerous) && is_plain(&whole));
    assert_eq!(visible(whole.as_bytes()), whole, "what is visible is not changed again");
    if let Ok(text) = std::str::from_utf8(arrival.stream) {
        assert!(!is_plain(text) || whole == text, "what shows as it is stays");
        assert!(!is_plain(text) || !text.contains(is_dangerous));
        assert!(!is_blank(text) || !text.contains(|c: char| c.is_alphanumeric() && c.is_ascii()));
        characters_hold(text);
    }
    stream_holds(arrival);
    for most in [0, arrival.stream.len() + 10, usize::MAX] {
        let line = as_one_line(arrival.stream, most);
        let shown = String::from_utf8_lossy(&line);
        assert!(!shown.contains(|c| c != '\t' && is_dangerous(c)), "{shown:?}");
        assert!(line.len() <= arrival.stream.len().max(most));
        assert_eq!(as_one_line(&line, most), line);
    }
    assert!(incomplete_suffix_len(arrival.stream) <= 3);
}

/// Controls of a terminal, of the direction of text (UAX #9), and line ends of some readers.
fn is_dangerous(c: char) -> bool {
    c.is_control()
        || "\u{61c}\u{200e}\u{200f}\u{2028}\u{2029}\u{202a}\u{202b}\u{202c}\u{202d}\u{202e}".contains(c)
        || "\u{2066}\u{2067}\u{2068}\u{2069}\u{200b}\u{feff}".contains(c)
}

/// Character by character, from the front.
fn visible_slowly(mut bytes: &[u8]) -> String {
    let mut shown = String::new();
    while !bytes.is_empty() {
        let one = (1..=bytes.len().min(4)).find_map(|n| std::str::from_utf8(&bytes[..n]).ok());
        match one.and_then(|one| one.chars().next()) {
            None => shown += &format!("\\x{:02x}", bytes[0]),
            Some('\0') => {}
            Some('\t') => shown += "    ",
            Some(c) if c < ' ' => shown.extend(['^', char::from(c as u8 + 64)]),
            Some('\x7f') => shown += "^?",
            Some(c) if is_plain(c.encode_utf8(&mut [0; 4])) => shown.push(c),
            Some(c) => shown += &format!("<U+{:04X}>", u32::from(c)),
        }
        bytes = &bytes[one.map_or(1, str::len)..];
    }
    shown
}

/// A stream is shown alike however it is cut: its lines, each made visible, with a newline.
fn stream_holds(arrival: Arrival) {
    let (mut stream, mut shown) = (VisibleStream::default(), String::new());
    for (_, piece) in arrival.pieces() {
        shown += &stream.feed(piece);
    }
    shown += &stream.finish();
    let mut expected = Vec::new();
    let mut lines = arrival.stream.split(|&byte| byte == b'\n').peekable();
    while let Some(line) = lines.next() {
        // A carriage return belongs to the newline behind it.
        let line = line.strip_suffix(b"\r").filter(|_| lines.peek().is_some()).unwrap_or(line);
        expected.push(visible_slowly(line));
    }
    assert_eq!(shown, expected.join("\n"));
}

/// For any cut of a text: the bytes of an incomplete character at its end, and the last character
/// boundary.
fn characters_hold(text: &str) {
    // The front and the end are enough: a character has four bytes.
    for cut in (0..=text.len()).filter(|&cut| cut < 64 || cut + 8 > text.len()) {
        let boundary = (0..=cut).rev().find(|&at| text.is_char_boundary(at)).unwrap();
        assert_eq!(incomplete_suffix_len(&text.as_bytes()[..cut]), cut - boundary);
        if boundary > 0 {
            assert_eq!(character_boundary(text.as_bytes(), cut), boundary);
        }
    }
}
