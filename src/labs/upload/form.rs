//! Which form a file is sent in. Pure.
//!
//! A server with our greeting is sent the header, and any bytes. Any other may keep the first line
//! only, as the course's do, and say `[SUCCESS]` all the same: it would keep the header and drop
//! the file. It is sent a file that is one line of text, without a header.

use super::GREETING;
use super::verdict::trim_end;

/// Bytes of a text with the space and the newline that end it, at most: courses' programs read
/// 1024 bytes at a time.
const MAX_LEN: usize = 1024;

/// Sent by a legacy client after its text.
pub const END_OF_TEXT: &[u8] = b" \n";

/// True for the greeting of `upload_serveur`, of any version.
pub fn is_ours(greeting: &[u8]) -> bool {
    trim_end(greeting) == trim_end(GREETING)
}

/// Bytes of a file that may be one line: [`check_line`] need not see more.
pub const MAX_LINE: u64 = (MAX_LEN - END_OF_TEXT.len()) as u64;

/// Why a server that keeps the first line only would not keep all of `file`. A newline at its end
/// is no loss.
pub fn check_line(file: &[u8]) -> Result<(), &'static str> {
    let Ok(text) = std::str::from_utf8(file) else { return Err("it is not UTF-8 text") };
    check_length(file)?;
    match text.trim_end_matches(['\r', '\n']).contains(|c: char| c.is_control() && c != '\t') {
        true => Err("it holds a control character"),
        false => Ok(()),
    }
}

/// Why a server that reads once, or one line, would not keep all of `file`, whatever its bytes.
pub fn check_length(file: &[u8]) -> Result<(), &'static str> {
    let line = file.strip_suffix(b"\n").unwrap_or(file);
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    match line {
        _ if file.len() as u64 > MAX_LINE => Err("it is longer than a line"),
        // A carriage return ends a line in Java.
        line if line.contains(&b'\n') || line.contains(&b'\r') => Err("it has several lines"),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_alone_tells_our_server() {
        for greeting in [GREETING, b"upload_serveur: send your file\n", b"upload_serveur: send your file"] {
            assert!(is_ours(greeting));
        }
        let others = "|\r\n|Welcome\r\n|send your file\r\n|upload_serveur: send your file!\r\n| upload_serveur: \
                      send your file\r\n|upload_serveur : envoyez votre fichier\r\n|calc_serveur: hello\r\n";
        for greeting in others.split('|') {
            assert!(!is_ours(greeting.as_bytes()), "{greeting:?}");
        }
    }

    #[test]
    fn one_line_of_text_may_be_sent_to_any_server() {
        let longest = "x".repeat(MAX_LINE as usize);
        for line in ["", "bonjour", "é\tà", "a\n", "a\r\n", "\n", &longest] {
            assert_eq!(check_line(line.as_bytes()), Ok(()), "{line:?}");
        }
        let too_long = "x".repeat(MAX_LINE as usize + 1);
        let refused: [(&[u8], &str); 8] = [
            (b"a\nb", "several lines"),
            (b"a\n\n", "several lines"),
            (b"a\rb", "several lines"),
            (b"a\0b", "control character"),
            (b"\x1b[2J", "control character"),
            ("a\u{85}b".as_bytes(), "control character"),
            (b"\xe9t\xe9", "not UTF-8"),
            (too_long.as_bytes(), "longer than a line"),
        ];
        for (file, why) in refused {
            assert!(check_line(file).unwrap_err().contains(why), "{file:?}");
        }
    }
}
