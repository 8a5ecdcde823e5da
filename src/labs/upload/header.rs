//! The header that our own client sends before a file's bytes: a line that no text begins with.
//! Pure.
//!
//! ```text
//! \0forklab-upload 1 SIZE SHA256 NAME\n
//! ```
//!
//! SIZE is decimal and counts the bytes after the newline, SHA256 is their sum in 64 hexadecimal
//! digits, NAME is the rest of the line, spaces included.

use data_encoding::{HEXLOWER, HEXLOWER_PERMISSIVE};

use super::name::Name;

/// Bytes of a header, at most, its newline included.
pub const MAX_LEN: usize = 1024;

/// The start of a header of any version.
const MAGIC: &[u8] = b"\0forklab-upload ";

const VERSION: &[u8] = b"1";

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    pub size: u64,
    pub sha256: [u8; 32],
    pub name: Name,
}

/// Result of parsing the first bytes of a connection.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// No header: a legacy client's text.
    Text,
    Incomplete,
    /// With the reason, one line.
    Invalid(String),
    /// And its length in bytes; the file follows.
    Complete(Header, usize),
}

impl Header {
    pub fn encode(&self) -> Vec<u8> {
        let Header { size, sha256, name } = self;
        [MAGIC, VERSION, format!(" {size} {} {name}\n", hex(sha256)).as_bytes()].concat()
    }

    /// Parses all that a client has sent so far. More bytes change [`Parsed::Incomplete`] only.
    pub fn parse(bytes: &[u8]) -> Parsed {
        if bytes.first().is_some_and(|&first| first != MAGIC[0]) {
            return Parsed::Text;
        }
        let known = bytes.len().min(MAGIC.len());
        if bytes[..known] != MAGIC[..known] {
            return Parsed::Invalid("neither a text nor a header of forklab-upload".to_string());
        }
        match bytes.iter().take(MAX_LEN).position(|&byte| byte == b'\n') {
            Some(end) => Header::fields(&bytes[known..end])
                .map_or_else(Parsed::Invalid, |header| Parsed::Complete(header, end + 1)),
            None if bytes.len() < MAX_LEN => Parsed::Incomplete,
            None => Parsed::Invalid(format!("header refused: it is longer than {MAX_LEN} bytes")),
        }
    }

    fn fields(line: &[u8]) -> Result<Header, String> {
        // At most four fields: NAME keeps its spaces.
        let mut fields = line.splitn(4, |&byte| byte == b' ');
        let mut next = |what| fields.next().ok_or(format!("header refused: no {what} in it"));
        if next("version")? != VERSION {
            return Err("header refused: this server speaks version 1".to_string());
        }
        let size = size(next("size")?).ok_or("header refused: its size is no number of bytes")?;
        let sha256 = digest(next("sum")?).ok_or("header refused: its sum is not 64 hexadecimal digits")?;
        Ok(Header { size, sha256, name: Name::check(next("name")?)? })
    }
}

/// 64 lower-case hexadecimal digits.
pub fn hex(sha256: &[u8; 32]) -> String {
    HEXLOWER.encode(sha256)
}

/// Digits only: `parse` alone would accept a `+`.
fn size(field: &[u8]) -> Option<u64> {
    let is_decimal = field.iter().all(u8::is_ascii_digit);
    std::str::from_utf8(field).ok().filter(|_| is_decimal)?.parse().ok()
}

fn digest(field: &[u8]) -> Option<[u8; 32]> {
    HEXLOWER_PERMISSIVE.decode(field).ok()?.try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::is_plain;

    const SUM: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    #[track_caller]
    fn reason(line: &[u8]) -> String {
        match Header::parse(line) {
            Parsed::Invalid(reason) => reason,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_header_is_one_line_before_the_file() {
        let line = format!("\0forklab-upload 1 12 {SUM} my  file .txt\n");
        let Parsed::Complete(header, length) = Header::parse(format!("{line}\0abc").as_bytes()) else {
            panic!()
        };
        assert_eq!((header.size, hex(&header.sha256).as_str(), length), (12, SUM, line.len()));
        assert_eq!(header.name.as_str(), "my  file .txt");
        assert_eq!(header.encode(), line.as_bytes());
        let capitals = format!("\0forklab-upload 1 12 {} my  file .txt\n", SUM.to_uppercase());
        assert_eq!(Header::parse(capitals.as_bytes()), Parsed::Complete(header, length));
    }

    #[test]
    fn bytes_that_do_not_begin_with_a_nul_are_a_text() {
        for text in [&b"bonjour"[..], b"\n", b"forklab-upload 1", b"\xff\0"] {
            assert_eq!(Header::parse(text), Parsed::Text, "{text:?}");
        }
    }

    #[test]
    fn an_invalid_header_is_refused_with_its_reason() {
        let refused = |why: &str, rests: &[&str]| {
            for rest in rests {
                let reason = reason(format!("\0forklab-upload {rest}\n").as_bytes());
                assert!(reason.contains(why) && is_plain(&reason), "{rest:?}: {reason}");
            }
        };
        refused("version 1", &["2 9 x y", ""]);
        refused("no size", &["1"]);
        refused("no sum", &["1 5"]);
        refused("no number", &["1 +5 x y", "1 -5 x y", "1  x y", "1 18446744073709551616 x y"]);
        for sum in ["abc", &format!("{SUM}0"), &format!("{SUM}00"), &SUM.replace('e', "g")] {
            refused("64 hexadecimal digits", &[&format!("1 5 {sum} y")]);
        }
        refused("no name", &[&format!("1 5 {SUM}")]);
        for line in [&b"\0\n"[..], b"\0forklab-uploaf"] {
            let reason = reason(line);
            assert!(reason.contains("neither a text nor a header") && is_plain(&reason), "{reason}");
        }
        let endless = reason(format!("\0forklab-upload 1 5 {SUM} {}", "x".repeat(2000)).as_bytes());
        assert!(endless.contains("longer than 1024 bytes") && is_plain(&endless), "{endless}");
    }

    #[test]
    fn a_name_is_refused_for_its_own_reason() {
        for (name, why) in [
            (&b"../x"[..], "begins with a dot"),
            (b"/etc/x", "a separator"),
            (b"a/b", "a separator"),
            (b"a\0b", "a control character"),
            (b"", "it is empty"),
            (&[b'x'; 300], "it has 300 bytes, 255 are the most"),
            (&[0xff; 900], "it has 900 bytes"),
        ] {
            let reason = reason(&[format!("\0forklab-upload 1 0 {SUM} ").as_bytes(), name, b"\n"].concat());
            assert!(reason.contains("file name") && reason.contains(why), "{reason}");
        }
    }

    #[test]
    fn the_longest_header_ends_with_its_1024th_byte() {
        let padded = |length: usize| {
            let front = format!("\0forklab-upload 1 0 {SUM} ");
            [front.as_bytes(), &b"x".repeat(length - front.len() - 1), b"\n"].concat()
        };
        assert!(reason(&padded(MAX_LEN)).contains("file name"));
        assert!(reason(&padded(MAX_LEN + 1)).contains("longer than 1024 bytes"));
        assert_eq!(Header::parse(&padded(MAX_LEN + 1)[..MAX_LEN - 1]), Parsed::Incomplete);
    }
}
