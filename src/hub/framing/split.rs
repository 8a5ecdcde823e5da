//! Messages and lines in a chunk of [`super::FrameDecoder`], and the text of a line. Pure.

use memchr::memchr;

/// Splits a chunk into lines, each with its newline.
pub fn lines(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    chunk.split_inclusive(|&byte| byte == b'\n')
}

/// Splits a chunk into messages: after each run of NULs and line ends that begins with a NUL or, in
/// a chunk without a NUL, after each newline and a carriage return behind it. NULs alone are no
/// message: the padding of the message before may arrive late.
pub fn messages(chunk: &[u8]) -> impl Iterator<Item = &[u8]> {
    let end = if chunk.contains(&0) { 0 } else { b'\n' };
    let mut rest = chunk;
    std::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let text = memchr(end, rest).unwrap_or(rest.len());
        // A run of NULs ends one message; each newline of a run ends one of its own.
        let run = match (end, &rest[text..]) {
            (0, behind) => behind.iter().take_while(|byte| matches!(byte, 0 | b'\r' | b'\n')).count(),
            (_, [_, b'\r', b'\n', ..]) => 1,
            (_, [_, b'\r', ..]) => 2,
            (_, behind) => behind.len().min(1),
        };
        rest.split_off(..text + run)
    })
    .filter(|message| message.iter().any(|&byte| byte != 0))
}

/// The text of a line as a client sent it, without the spaces around it. NULs are removed: they
/// would end a C string early. Line ends of other readers (a carriage return, a form feed,
/// Unicode's separators) become spaces, so that no client can forge a line with its time.
pub fn line_text(line: &[u8]) -> Vec<u8> {
    let line: Vec<u8> = line.iter().copied().filter(|&byte| byte != 0).collect();
    let mut text = Vec::with_capacity(line.len());
    for chunk in line.utf8_chunks() {
        text.extend_from_slice(chunk.valid().replace(is_line_separator, " ").as_bytes());
        text.extend_from_slice(chunk.invalid());
    }
    text.trim_ascii().to_vec()
}

/// True for what [`line_text`] can return.
pub fn is_line_text(text: &[u8]) -> bool {
    let ends_a_line = |c| matches!(c, '\0' | '\n') || is_line_separator(c);
    !text.utf8_chunks().any(|chunk| chunk.valid().contains(ends_a_line))
}

/// Characters other than a newline at which Python's `str.splitlines` or Java's `Scanner` splits.
fn is_line_separator(c: char) -> bool {
    matches!(c, '\r' | '\x0b' | '\x0c' | '\x1c'..='\x1e' | '\u{85}' | '\u{2028}' | '\u{2029}')
}

#[cfg(test)]
mod tests;
