//! The encoding of the second door: one line of text each, with the time before it (docs/PROTOCOLS.md, section 6). Pure, but
//! for the clock.

use std::fmt::Display;
use std::io::Write;

/// The local time, as lines show it.
pub fn now() -> impl Display {
    chrono::Local::now().format("%H:%M:%S")
}

/// `[HH:MM:SS] text` and a newline.
pub fn stamped(time: impl Display, text: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(text.len() + 16);
    // Writing to a Vec cannot fail.
    let _ = write!(line, "[{time}] ");
    line.extend_from_slice(text);
    line.push(b'\n');
    line
}

/// The text of a line as a client sent it: without the spaces around it, and without NULs, which would end a C string early
/// for those who read such. What some readers take for a line's end as well (a carriage return, a form feed, Unicode's
/// separators) is a space, so that nobody can forge a line with its time.
pub fn text_of(line: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).collect();
    let mut text = Vec::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.extend_from_slice(chunk.valid().replace(ends_a_line_for_some, " ").as_bytes());
        text.extend_from_slice(chunk.invalid());
    }
    text.trim_ascii().to_vec()
}

/// What Python's `str.splitlines` cuts at, or Java's `Scanner`, besides a newline.
fn ends_a_line_for_some(c: char) -> bool {
    matches!(c, '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

/// True for what can be a line's text: [`text_of`] leaves nothing else.
pub fn is_text(text: &[u8]) -> bool {
    let ends_a_line = |c| matches!(c, '\0' | '\n') || ends_a_line_for_some(c);
    !text.utf8_chunks().any(|chunk| chunk.valid().contains(ends_a_line))
}

/// A line's text in the encoding of the first door: as if a C client had sent it with its NUL, which comes back with one
/// more.
pub fn as_string(text: &[u8]) -> Vec<u8> {
    [text, b"\0\0"].concat()
}

/// The texts of the lines of a message that came in by the first door. A newline in it is none for those who read lines: each
/// line bears its own time.
pub fn of_strings(message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let end = message.iter().rposition(|&byte| byte != 0).map_or(0, |at| at + 1);
    let text = message[..end].strip_suffix(b"\n").unwrap_or(&message[..end]);
    text.split(|&byte| byte == b'\n').map(text_of)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_bears_its_time() {
        assert_eq!(stamped("09:05:00", b"salut \xff"), b"[09:05:00] salut \xff\n");
        assert_eq!(stamped("09:05:00", b""), b"[09:05:00] \n");
    }

    #[test]
    fn the_text_of_a_line_has_no_spaces_around_and_no_nul_inside() {
        assert_eq!(text_of(b" \t deux mots \r\n"), b"deux mots");
        assert_eq!(text_of(b"a\0b\0\n"), b"ab");
        assert_eq!(text_of(b"\0 \x0b a\x0b\0\n"), b"a");
        assert_eq!(text_of(b"\r\n"), b"");
    }

    #[test]
    fn no_end_that_only_some_readers_know_forges_a_line() {
        assert_eq!(text_of(b"eve\r[09:00:00] prof\x0b\x0c!\n"), b"eve [09:00:00] prof  !");
        assert_eq!(text_of("eve\u{85}[09:00:00]\u{2028}prof\u{2029}\n".as_bytes()), b"eve [09:00:00] prof");
        // Taking a NUL away joins nothing to such an end; and bytes that are no UTF-8 stay.
        assert_eq!(text_of(b"a\xc2\0\x85b\xe2\x80 \x85\xff\n"), b"a b\xe2\x80 \x85\xff");
    }

    #[test]
    fn a_message_of_several_lines_is_several_lines() {
        let lines = |message| of_strings(message).collect::<Vec<_>>();
        assert_eq!(lines(b"alice : bonjour\0\0"), [b"alice : bonjour".to_vec()]);
        assert_eq!(lines(b"bob : salut\r\n\0"), [b"bob : salut".to_vec()]);
        assert_eq!(lines(b"un\n[12:00:00] deux\n\0"), [b"un".to_vec(), b"[12:00:00] deux".to_vec()]);
    }

    #[test]
    fn the_time_has_hours_minutes_and_seconds() {
        let now = now().to_string();
        let shape: String = now.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "99:99:99");
    }
}
