//! The first bytes of a connection: recognises peers of other protocols (a browser, a port scanner,
//! a mail or SSH client) before any byte of theirs is taken for speech. Pure.
//!
//! Two rules decide, neither of them a list of verbs. A request line or a version banner has a shape
//! that nobody types first: `METHOD target NAME/1.1`, `SSH-2.0-x`. And text holds no control
//! characters but those of a line and of a keyboard. Everything behind the first line is speech,
//! whatever it looks like.

use std::fmt;

use super::length_prefix::are_prefixed;
use super::telnet::{IAC, Telnet};
use crate::text::{Visible, from_fn};

/// A line without an end is judged once this much of it has come.
const ENOUGH: usize = 1000;

/// The least buffer that a client may send whole behind a text without a name.
const LEAST_BLOCK: usize = 50;

/// Bytes of the first line that the operator is shown.
const SHOWN: usize = 80;

/// What the clients of a server begin with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// Lines or C strings of text.
    Text,
    /// A file: any bytes. Still neither a web request nor a TLS handshake.
    File,
    /// A web request.
    Request,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Protocol {
    /// HTTP, or a protocol with its request lines (RTSP, SIP): RFC 9112, 3.
    Request = 1,
    /// The same with the method HEAD, whose response has no content: RFC 9110, 9.3.2.
    HeadRequest,
    /// A greeting of mail (RFC 5321, 4.1.1.1) or a version banner (RFC 4253, 4.2; RFC 6143, 7.1.1).
    Greeting,
    /// TLS, as of `https://`: RFC 8446, 5.1.
    Tls,
    /// Bytes that are no text.
    Binary,
}

/// A foreign protocol, with the beginning of its first line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Foreign {
    pub protocol: Protocol,
    pub sample: Vec<u8>,
}

impl Protocol {
    pub fn from_byte(byte: u8) -> Option<Protocol> {
        use Protocol::{Binary, Greeting, HeadRequest, Request, Tls};
        [Request, HeadRequest, Greeting, Tls, Binary].into_iter().find(|&protocol| protocol as u8 == byte)
    }
}

impl Foreign {
    fn new(protocol: Protocol, bytes: &[u8]) -> Foreign {
        let line = bytes.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).find(|line| !line.is_empty());
        let line = line.unwrap_or_default();
        Foreign { protocol, sample: line[..line.len().min(SHOWN)].to_vec() }
    }

    /// One byte, then the sample: the body of a record.
    pub fn to_bytes(&self) -> Vec<u8> {
        [&[self.protocol as u8], &self.sample[..]].concat()
    }

    /// The inverse of [`Foreign::to_bytes`].
    pub fn from_bytes(bytes: &[u8]) -> Option<Foreign> {
        let (&protocol, sample) = bytes.split_first()?;
        let protocol = Protocol::from_byte(protocol)?;
        (sample.len() <= SHOWN).then(|| Foreign { protocol, sample: sample.to_vec() })
    }

    /// The bytes for the peer: `reason` as HTTP where it speaks that, else as `encode` has it.
    pub fn answer(&self, reason: &str, encode: impl FnOnce(&str) -> Vec<u8>) -> Vec<u8> {
        match self.protocol {
            Protocol::Request => http_refusal(reason, true),
            Protocol::HeadRequest => http_refusal(reason, false),
            // Plain text inside a TLS handshake is an error of its own.
            Protocol::Tls => Vec::new(),
            Protocol::Greeting | Protocol::Binary => encode(reason),
        }
    }

    /// For the operator: `TLS`, or the sample between quotation marks.
    pub fn shown(&self, [open, close]: [&str; 2]) -> impl fmt::Display {
        from_fn(move |f| match self.protocol {
            Protocol::Tls => f.write_str("TLS"),
            _ => write!(f, "{open}{}{close}", Visible(&self.sample)),
        })
    }
}

/// An error response of HTTP/1.1 that ends the connection.
fn http_refusal(reason: &str, with_content: bool) -> Vec<u8> {
    let content = format!("{reason}\n");
    let mut response = format!(
        "HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
         Connection: close\r\nX-Content-Type-Options: nosniff\r\nCache-Control: no-store\r\n\r\n",
        content.len()
    );
    if with_content {
        response.push_str(&content);
    }
    response.into_bytes()
}

/// Judges the first bytes of one connection as they come, until its first line is whole.
#[derive(Debug)]
pub struct FirstBytes {
    /// `None` once decided.
    expected: Option<Expected>,
    /// A line that came in pieces.
    seen: Vec<u8>,
}

impl FirstBytes {
    /// `None`: nothing is foreign.
    pub fn new(expected: Option<Expected>) -> FirstBytes {
        FirstBytes { expected, seen: Vec::new() }
    }

    pub fn is_decided(&self) -> bool {
        self.expected.is_none()
    }

    /// Judges bytes that will be read again.
    pub fn judge(&self, bytes: &[u8]) -> Option<Foreign> {
        foreign(bytes, self.expected?)
    }

    /// Takes the bytes of the next read.
    pub fn feed(&mut self, bytes: &[u8]) -> Option<Foreign> {
        let expected = self.expected?;
        // Most clients send a whole line first: no copy.
        let whole = if self.seen.is_empty() {
            bytes
        } else {
            self.seen.extend_from_slice(&bytes[..bytes.len().min(ENOUGH)]);
            &self.seen
        };
        let found = foreign(whole, expected);
        if found.is_some() || has_line(whole) {
            self.expected = None;
            self.seen = Vec::new();
        } else if self.seen.is_empty() {
            self.seen = bytes.to_vec();
        }
        found
    }
}

/// True where the first line is whole, or long enough to be judged.
pub fn has_line(bytes: &[u8]) -> bool {
    let text = bytes.trim_ascii_start();
    bytes.len() >= ENOUGH || text.iter().any(|byte| matches!(byte, b'\n' | b'\r' | 0))
}

/// The protocol of a connection that begins with `bytes`, if that is sure and not the `expected`.
/// Commands of telnet come before text where people type it.
pub fn foreign(bytes: &[u8], expected: Expected) -> Option<Foreign> {
    if expected == Expected::Text && bytes.contains(&IAC) {
        let mut text = bytes.to_vec();
        let (kept, _) = Telnet::default().strip(&mut text);
        return judged(&text[..kept], expected);
    }
    judged(bytes, expected)
}

fn judged(bytes: &[u8], expected: Expected) -> Option<Foreign> {
    let line = first_line(bytes);
    let protocol = match expected {
        _ if is_tls(bytes) => Protocol::Tls,
        Expected::Request if is_request(bytes, line) => return None,
        _ if is_request(bytes, line) && line.starts_with(b"HEAD ") => Protocol::HeadRequest,
        _ if is_request(bytes, line) => Protocol::Request,
        Expected::File => return None,
        _ if is_greeting(line) => Protocol::Greeting,
        Expected::Text if are_prefixed(bytes) => return None,
        Expected::Text | Expected::Request if is_binary(bytes) => Protocol::Binary,
        Expected::Text | Expected::Request => return None,
    };
    Some(Foreign::new(protocol, bytes))
}

/// Without its end, and without empty lines before it (RFC 9112, 2.2).
fn first_line(bytes: &[u8]) -> &[u8] {
    let text = bytes.trim_ascii_start();
    text.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).next().unwrap_or_default()
}

/// A handshake record with a ClientHello: RFC 8446, 5.1 and 4.
fn is_tls(bytes: &[u8]) -> bool {
    matches!(bytes, [0x16, 0x03, 0..=4, _, _, 0x01, ..])
}

/// `METHOD target NAME/1.1`, or the beginning of one that is longer than [`ENOUGH`].
fn is_request(bytes: &[u8], line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let (Some(method), Some(target)) = (words.next(), words.next()) else { return false };
    if !(2..=32).contains(&method.len()) || !method.iter().all(is_method_byte) || target.is_empty() {
        return false;
    }
    let is_target = matches!(target[0], b'/' | b'*') || target.contains(&b':');
    match words.next_back() {
        // A target with spaces is a request all the same.
        Some(last) => is_target && is_version(last),
        None => is_target && bytes.len() >= ENOUGH,
    }
}

/// A token (RFC 9110, 5.6.2) without small letters, which no registered method has.
fn is_method_byte(byte: &u8) -> bool {
    byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"!#$%&'*+-.^_`|~".contains(byte)
}

/// `HTTP/1.1`, `RTSP/1.0`, `SIP/2.0`.
fn is_version(word: &[u8]) -> bool {
    let Some(slash) = word.iter().position(|&byte| byte == b'/') else { return false };
    let (name, number) = (&word[..slash], &word[slash + 1..]);
    (2..=8).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase) && is_number(number)
}

/// `2.0`, `1.99`, `003.008`.
fn is_number(bytes: &[u8]) -> bool {
    let mut parts = bytes.split(|&byte| byte == b'.');
    let is_digits = |part: Option<&[u8]>| {
        part.is_some_and(|part| !part.is_empty() && part.iter().all(u8::is_ascii_digit))
    };
    is_digits(parts.next()) && is_digits(parts.next()) && parts.next().is_none()
}

/// A banner `SSH-2.0-name` or `RFB 003.008`, a status line `HTTP/1.1 200 OK`, or SMTP's first word.
fn is_greeting(line: &[u8]) -> bool {
    let mut words = line.split(|&byte| byte == b' ');
    let first = words.next().unwrap_or_default();
    match (first, words.next()) {
        (b"EHLO" | b"HELO", Some(_)) => true,
        (b"RFB", Some(version)) => is_number(version),
        (_, Some(status)) if is_version(first) => status.len() == 3 && status.iter().all(u8::is_ascii_digit),
        _ => {
            let mut parts = first.splitn(3, |&byte| byte == b'-');
            let name = parts.next().unwrap_or_default();
            let is_name = (2..=8).contains(&name.len()) && name.iter().all(u8::is_ascii_uppercase);
            is_name && parts.next().is_some_and(is_number) && parts.next().is_some()
        }
    }
}

/// True for control characters that neither a line nor a keyboard has, up to the first newline. Not
/// where the first string is `name : text` or `name > text`, or a text in front of [`LEAST_BLOCK`]
/// bytes: the courses' clients send blocks whose rest, behind the NUL, may be any bytes of their
/// memory.
fn is_binary(bytes: &[u8]) -> bool {
    let bytes = &bytes[bytes.len() - bytes.trim_ascii_start().len()..];
    let nul = bytes.iter().position(|&byte| byte == 0).unwrap_or(bytes.len());
    let text = &bytes[..nul];
    let judged = text.split_inclusive(|&byte| byte == b'\n').next().filter(|line| line.ends_with(b"\n"));
    let judged = judged.unwrap_or(bytes);
    let is_text =
        |bytes: &[u8]| bytes.iter().all(|byte| matches!(byte, 0 | 0x07..=b'\n' | b'\r' | 0x1b | b' '..));
    let names_a_speaker = || text.windows(3).any(|three| matches!(three, b" : " | b" > "));
    let is_block = || text.len() > 1 && bytes.len() >= LEAST_BLOCK && is_text(text);
    !is_text(judged) && !names_a_speaker() && !is_block()
}

#[cfg(test)]
mod tests;
