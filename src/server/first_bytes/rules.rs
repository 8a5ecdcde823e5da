//! The rules that tell a foreign protocol by the first bytes of a connection.

use smallvec::SmallVec;

use super::{Expected, Protocol};

/// A line without an end is judged once this much of it has come.
pub(super) const ENOUGH: usize = 1000;

/// Binary protocols whose first string is a text: AMQP, adb, NetWare's NCP, Omron's FINS, HBase,
/// Java RMI, IBM MQ.
const NAMED: [&[u8]; 8] =
    [b"AMQP\0", b"CNXN\0", b"DmdT\0", b"FINS\0", b"HBas\0", b"JRMI\0", b"TSH \0", b"\xda\xbb\xc2\0"];

/// The "universal exit language" in front of a printer's commands.
const PRINTER: &[u8] = b"\x1b%-12345X";

/// The signature of a proxy's binary header, which looks like padding.
const PROXY_V2: &[u8] = b"\r\n\r\n\0\r\nQUIT\n";

/// True where the first line is whole, or long enough to be judged.
pub fn has_line(bytes: &[u8]) -> bool {
    bytes.len() >= ENOUGH || text(bytes).iter().any(is_line_end)
}

/// True for the beginning of a first line that may become a request, a greeting or a banner.
pub(super) fn is_cut(bytes: &[u8]) -> bool {
    if has_line(bytes) {
        return false;
    }
    let words = words(first_line(bytes));
    match words[..] {
        [] => false,
        [first] => is_capital(first),
        [method, target, ref others @ ..] => {
            let may_be_target = is_target(target) || (others.is_empty() && is_capital(method));
            is_method(method) && may_be_target
        }
    }
}

pub(super) fn protocol(bytes: &[u8], expected: Expected) -> Option<Protocol> {
    let line = first_line(bytes);
    Some(match expected {
        _ if is_tls(bytes, expected) => Protocol::Tls,
        Expected::Request if is_request(bytes, line) && is_http(line) => return None,
        _ if is_request(bytes, line) && line.starts_with(b"HEAD ") => Protocol::HeadRequest,
        _ if is_request(bytes, line) => Protocol::Request,
        Expected::File => return None,
        _ if is_greeting(bytes, line) || is_redis(text(bytes)) => Protocol::Greeting,
        _ if bytes.starts_with(PROXY_V2) || bytes.starts_with(PRINTER) => Protocol::Greeting,
        _ if is_binary(bytes) => Protocol::Binary,
        Expected::Request if has_line(bytes) => Protocol::Greeting,
        Expected::Text | Expected::Request => return None,
    })
}

/// Without padding and empty lines in front (RFC 9112, 2.2).
fn text(bytes: &[u8]) -> &[u8] {
    let is_padding = |byte: &u8| *byte == 0 || byte.is_ascii_whitespace();
    let padding = bytes.iter().take_while(|&byte| is_padding(byte)).count();
    &bytes[padding..]
}

fn is_line_end(byte: &u8) -> bool {
    matches!(byte, b'\r' | b'\n' | 0)
}

/// Without its end.
fn first_line(bytes: &[u8]) -> &[u8] {
    text(bytes).split(is_line_end).next().unwrap_or_default()
}

/// On the stack, as a rule: a child that uses no heap copies none of its pages.
fn words(line: &[u8]) -> SmallVec<[&[u8]; 8]> {
    line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty()).collect()
}

/// A handshake record with a ClientHello: RFC 8446, 5.1 and 4. Where text is expected, its first
/// bytes are enough.
fn is_tls(bytes: &[u8], expected: Expected) -> bool {
    match bytes {
        [0x16, 0x03, 0..=4, _, _, 0x01, ..] => true,
        [0x16, 0x03, ..] => expected != Expected::File,
        _ => false,
    }
}

/// `METHOD target NAME/1.1`, or the beginning of one that is longer than [`ENOUGH`], or the request
/// of HTTP/0.9, `GET /`.
fn is_request(bytes: &[u8], line: &[u8]) -> bool {
    let words = words(line);
    let [method, target, ref others @ ..] = words[..] else { return false };
    if !is_method(method) || !is_target(target) {
        return false;
    }
    match others {
        // Its end tells that no more of it comes.
        [] if method == b"GET" && target[0] == b'/' => has_line(bytes),
        [] => is_capital(method) && bytes.len() >= ENOUGH && line.len() == text(bytes).len(),
        [version] => is_version(version),
        // A target with spaces is one all the same, but a sentence may end in `HTTP/1.1` as well.
        [.., version] => is_capital(method) && is_version(version),
    }
}

/// For a request: it is none of RTSP or SIP.
fn is_http(line: &[u8]) -> bool {
    let version = words(line).into_iter().skip(2).last().unwrap_or_default();
    !is_version(version) || version.to_ascii_uppercase().starts_with(b"HTTP/")
}

/// A token (RFC 9110, 5.6.2): methods are case-sensitive, and a client may send any.
fn is_method(word: &[u8]) -> bool {
    let is_token = |byte: &u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(byte);
    word.iter().all(is_token)
}

/// As each registered method.
fn is_capital(word: &[u8]) -> bool {
    is_method(word) && word.iter().any(u8::is_ascii_uppercase) && !word.iter().any(u8::is_ascii_lowercase)
}

/// `/path`, `*`, `scheme:` or `host:port`. No `:` in front, which follows the name of a speaker.
fn is_target(word: &[u8]) -> bool {
    matches!(word[0], b'/' | b'*') || word[1..].contains(&b':')
}

/// `HTTP/1.1`, `RTSP/1.0`, `SIP/2.0`.
fn is_version(word: &[u8]) -> bool {
    let Some(slash) = word.iter().position(|&byte| byte == b'/') else { return false };
    let (name, number) = (&word[..slash], &word[slash + 1..]);
    (2..=8).contains(&name.len()) && name.iter().all(u8::is_ascii_alphabetic) && is_number(number)
}

/// `2.0`, `1.99`, `003.008`.
fn is_number(bytes: &[u8]) -> bool {
    let mut parts = bytes.split(|&byte| byte == b'.');
    let is_digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    is_digits(parts.next()) && is_digits(parts.next()) && parts.next().is_none()
}

/// A banner (`SSH-2.0-name`, `RFB 003.008`), a status line (`HTTP/1.1 200 OK`), the first line of
/// SMTP (RFC 5321, 4.1.1.1), the header of a proxy (`PROXY TCP4 ...`) or of XML (RFC 6120, 4.2).
fn is_greeting(bytes: &[u8], line: &[u8]) -> bool {
    let words = words(line);
    match words[..] {
        // A word more, and it is said to people.
        [b"HELO", _] => has_line(bytes),
        [hello] | [hello, _] if hello.eq_ignore_ascii_case(b"EHLO") => has_line(bytes),
        [b"PROXY", b"TCP4" | b"TCP6" | b"UNKNOWN", ..] => true,
        [b"<?xml" | b"<stream:stream", ..] => true,
        [b"RFB", version] => is_number(version) && has_line(bytes),
        [version, status, ..] if is_version(version) => {
            status.len() == 3 && status.iter().all(u8::is_ascii_digit)
        }
        [first, ..] => {
            let mut parts = first.splitn(3, |&byte| byte == b'-');
            let name = parts.next().unwrap_or_default();
            let is_name = (2..=8).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase);
            is_name && parts.next().is_some_and(is_number) && parts.next().is_some()
        }
        [] => false,
    }
}

/// An array of strings of Redis, as `*1 $4 PING` in lines.
fn is_redis(text: &[u8]) -> bool {
    let Some(rest) = text.strip_prefix(b"*") else { return false };
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    digits > 0 && rest[digits..].starts_with(b"\r\n$")
}

/// True for control characters that neither a line nor a keyboard has, up to the first newline. Not
/// where the first string is an empty line, `name : text` or `name > text`, or another text that
/// [`may_be_block`]: the courses' clients send blocks in which any bytes of their memory may follow
/// the NUL.
fn is_binary(all: &[u8]) -> bool {
    let bytes = text(all);
    let nul = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = &bytes[..nul];
    let judged = text.split_inclusive(|&byte| byte == b'\n').next().filter(|line| line.ends_with(b"\n"));
    let judged = judged.unwrap_or(bytes);
    let is_text =
        |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, 0 | 0x07..=b'\n' | b'\r' | 0x1b | b' '..));
    let name = || text.windows(3).position(|three| matches!(three, b" : " | b" > "));
    let names_a_speaker = || name().is_some_and(|end| is_text(&text[..end]));
    let is_block = || is_text(text) && may_be_block(all, text);
    let first = all.split(|&byte| byte == 0).next().unwrap_or_default();
    let is_empty_line = first.ends_with(b"\n") && first.trim_ascii().is_empty();
    !is_empty_line && !is_text(judged) && !names_a_speaker() && !is_block()
}

/// False for bytes that begin with a NUL (a length in 32 bits, as of SMB or PostgreSQL), and where
/// the `first` string of text is the beginning of another protocol.
fn may_be_block(bytes: &[u8], first: &[u8]) -> bool {
    match (first, bytes) {
        (_, [0, ..]) => false,
        // The hello of X11, version 11 in either byte order.
        ([b'l'], [_, _, 11, 0, ..]) | ([b'B'], [_, _, 0, 11, ..]) => false,
        // The registration of a session of EtherNet/IP.
        ([b'e'], [_, _, 4, 0, ..]) => false,
        // A message of LDAP with its length in 32 bits (X.690, 8.1.3.5), then its number.
        ([b'0', 0x84], [_, _, 0, 0, _, _, 2, 1..=4, ..]) => false,
        // The length of a message of MongoDB.
        (&[_], &[a, b, c, d, ..]) if u32::from_le_bytes([a, b, c, d]) as usize == bytes.len() => false,
        (&[letter], _) => letter.is_ascii_alphanumeric(),
        _ => !NAMED.iter().any(|name| bytes.starts_with(name)),
    }
}

/// Text of Windows' wide strings: begins with a byte order mark; or its first line or string is
/// whole, in one alphabet, with ASCII and without control characters, and has two letters or more
/// of that alphabet or of ASCII. One of each may be a header with lengths (TDS, of SQL Server).
pub(super) fn is_utf16(bytes: &[u8]) -> bool {
    let has_mark = bytes.starts_with(b"\xff\xfe") || bytes.starts_with(b"\xfe\xff");
    let is_line = |unit: fn([u8; 2]) -> u16| {
        let units: Vec<u16> = bytes.as_chunks().0.iter().map(|&pair| unit(pair)).collect();
        let Some(end) = units.iter().position(|unit| matches!(unit, 0 | 0x0a | 0x0d)) else { return false };
        let text: String = char::decode_utf16(units[..end].iter().copied())
            .map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER))
            .collect();
        let script_of = |c: char| u32::from(c) >> 8;
        let script = text.chars().map(script_of).find(|&script| script != 0).unwrap_or(0);
        let has_letters =
            |of: &dyn Fn(char) -> bool| text.chars().filter(|&c| c.is_alphabetic() && of(c)).count() > 1;
        // Two letters of ASCII, taken for one, are in none of these. No text is of accented letters
        // alone (Latin Extended A and B): so begin messages of Thrift and of TDS.
        script < 0x20
            && text.chars().all(|c| [0, script].contains(&script_of(c)))
            && !text.contains(char::is_control)
            && match script {
                1 | 2 => has_letters(&|_| true) && text.contains(|c: char| c.is_ascii_alphabetic()),
                _ => has_letters(&|c| c.is_ascii()) || has_letters(&|c| script_of(c) == script),
            }
    };
    // Two empty lines are two letters of Malayalam.
    has_mark || (!bytes.starts_with(b"\r\n") && (is_line(u16::from_le_bytes) || is_line(u16::from_be_bytes)))
}
