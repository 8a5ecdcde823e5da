//! The encoding of the line listener: lines of text, each with its time. Input: a client's bytes,
//! in lines.

use forklab::chat::encoding::{lines_of_string, string_of_line, timed_line};
use forklab::hub::framing::{is_line_text, line_text};

/// A client's line is one line for every reader, however it splits lines, and its text is that of
/// the client.
pub fn holds(bytes: &[u8]) {
    let is_none = |c| c == '\0' || is_line_end(c);
    assert_eq!(is_line_text(bytes), !String::from_utf8_lossy(bytes).contains(is_none));
    for line in bytes.split_inclusive(|&byte| byte == b'\n') {
        let text = line_text(line);
        one_line(&text);
        assert_eq!(words(&text), words(line), "nothing is lost but what is between words");
        // To a C string and back.
        let string = string_of_line(&text);
        assert!(string.ends_with(b"\0\0") && !text.contains(&0));
        assert_eq!(lines_of_string(&string).collect::<Vec<_>>(), [text]);
    }
    // The same bytes as a message of C strings.
    let texts: Vec<Vec<u8>> = lines_of_string(bytes).collect();
    texts.iter().for_each(|text| one_line(text));
    assert_eq!(texts.iter().flat_map(|text| words(text)).collect::<Vec<_>>(), words(bytes));
}

fn one_line(text: &[u8]) {
    assert_eq!(line_text(text), text, "a text of a line is its own text");
    assert!(text.trim_ascii() == text && is_line_text(text));
    let line = timed_line("09:05:00", text);
    assert_eq!(line, [b"[09:05:00] ", text, b"\n"].concat());
    let read = String::from_utf8_lossy(&line);
    // Python's str.splitlines and Java's Scanner find one line, and its time is the server's.
    assert_eq!(read.find(is_line_end), Some(read.len() - 1), "{read:?}");
}

/// The line ends of Python's `str.splitlines`, which knows the most of all readers.
pub fn is_line_end(c: char) -> bool {
    matches!(c, '\n' | '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// The words of `bytes` without NULs, split at every line end and at spaces.
fn words(bytes: &[u8]) -> Vec<String> {
    let bytes: Vec<u8> = bytes.iter().copied().filter(|&byte| byte != 0).collect();
    // Each byte that is not UTF-8 becomes a character that no text holds, so that its loss shows.
    let shown: String = bytes
        .utf8_chunks()
        .map(|chunk| {
            let invalid =
                chunk.invalid().iter().map(|byte| char::from_u32(0xf_0000 + u32::from(*byte)).unwrap());
            chunk.valid().chars().chain(invalid).collect::<String>()
        })
        .collect();
    shown
        .split(|c| c == ' ' || c == '\t' || is_line_end(c))
        .filter(|word| !word.is_empty())
        .map(str::to_string)
        .collect()
}
