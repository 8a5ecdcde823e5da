//! Upload: the header, the name in it, the server's verdict. Input: the bytes of a client, or of a
//! server, so far.

use std::path::{Component, Path};

use forklab::labs::upload::header::{Header, MAX_LEN, Parsed, hex};
use forklab::labs::upload::name::{self, Name};
use forklab::labs::upload::verdict::{Verdict, trim_end};
use forklab::text::{is_blank, is_plain};

/// An accepted header is the one that was sent, its name stays in its directory, and more bytes do
/// not change a decision.
pub fn holds(bytes: &[u8]) {
    header_holds(bytes);
    name_holds(bytes);
    // The verdict is the last visible line.
    let text = trim_end(bytes);
    assert!(bytes.starts_with(text) && !text.ends_with(b"\0") && text.trim_ascii_end() == text);
    assert!(bytes[text.len()..].iter().all(|byte| b" \t\n\x0c\r\0".contains(byte)));
    let ends = |end: &str| text.ends_with(end.as_bytes());
    assert_eq!(Verdict::of(bytes) == Some(Verdict::Success), ends("[SUCCESS]"));
    assert_eq!(Verdict::of(bytes) == Some(Verdict::Error), ends("[ERROR]"));
}

fn header_holds(bytes: &[u8]) {
    let parsed = Header::parse(bytes);
    match &parsed {
        Parsed::Text => assert!(bytes[0] != 0, "a text has a first byte, and it is no NUL"),
        Parsed::Incomplete => assert!(bytes.len() < MAX_LEN && !bytes.contains(&b'\n')),
        Parsed::Invalid(why) => assert!(is_plain(why) && why.len() < 250, "{why}"),
        Parsed::Complete(header, length) => {
            is_what_was_sent(header, &bytes[..*length]);
            name_holds(header.name.as_str().as_bytes());
        }
    }
    // More bytes never change a decision, and before it there is none.
    let end = bytes.iter().position(|&byte| byte == b'\n').map_or(bytes.len(), |at| at + 1);
    for cut in (0..=bytes.len()).filter(|cut| *cut < 20 || cut.abs_diff(end) < 3 || cut.abs_diff(MAX_LEN) < 3)
    {
        let early = Header::parse(&bytes[..cut]);
        match (&parsed, cut) {
            (Parsed::Complete(_, length), cut) if cut < *length => assert_eq!(early, Parsed::Incomplete),
            _ => assert!(early == Parsed::Incomplete || early == parsed),
        }
    }
}

/// Field by field. The header as our own client writes it is parsed to the same.
fn is_what_was_sent(header: &Header, line: &[u8]) {
    assert!(line.len() <= MAX_LEN);
    let text = std::str::from_utf8(line).unwrap();
    let fields: Vec<&str> = text.strip_suffix('\n').unwrap().splitn(5, ' ').collect();
    assert_eq!(fields[..2], ["\0forklab-upload", "1"]);
    assert!(fields[2].bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(fields[2].trim_start_matches('0'), header.size.to_string().trim_start_matches('0'));
    assert_eq!(fields[3].to_ascii_lowercase(), hex(&header.sha256));
    assert_eq!(fields[4], header.name.as_str());
    encoded_is_read_again(header);
}

fn encoded_is_read_again(header: &Header) {
    let encoded = header.encode();
    assert_eq!(Header::parse(&encoded), Parsed::Complete(header.clone(), encoded.len()));
}

/// In a header of any size and checksum, here derived from the name.
fn is_read_again(name: &Name) {
    let mut bytes = name.as_str().bytes().cycle();
    let sha256 = [(); 32].map(|()| bytes.next().unwrap_or_default());
    let size = u64::from_le_bytes([0, 8, 16, 24, 1, 9, 17, 25].map(|at| sha256[at]));
    encoded_is_read_again(&Header { size, sha256, name: name.clone() });
}

/// One plain path component; so is the name that replaces it where it exists already.
fn name_holds(bytes: &[u8]) {
    let name = match Name::check(bytes) {
        Ok(name) => name,
        Err(why) => return assert!(is_plain(&why) && why.len() < 250, "{why}"),
    };
    assert_eq!(name.as_str().as_bytes(), bytes);
    is_read_again(&name);
    let numbered: Vec<Name> = [2, 3, 10, u32::MAX].map(|number| name.numbered(number)).into();
    for (at, name) in [name].iter().chain(&numbered).enumerate() {
        let text = name.as_str();
        assert!((1..=name::MAX_LEN).contains(&text.len()));
        assert!(Path::new(text).components().eq([Component::Normal(text.as_ref())]), "{text:?}");
        assert!(!text.starts_with('.') && !text.contains(['/', '\\', '\0']));
        assert!(is_plain(text) && !is_blank(text));
        assert_eq!(Name::check(text.as_bytes()).as_ref(), Ok(name));
        assert!(!numbered[at..].contains(name), "each number makes another name");
    }
}
