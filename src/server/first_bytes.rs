//! The first bytes of a connection: recognises peers of other protocols (a browser, a port scanner,
//! a mail or SSH client) before any byte of theirs is taken for speech. Pure.
//!
//! Two kinds of rules decide, neither of them a list of verbs. A request line or a version banner
//! has a shape that no client's text has: `METHOD target NAME/1.1`, `SSH-2.0-x`. And text holds no
//! control characters but those of a line and of a keyboard. Everything behind the first line is
//! speech, whatever it looks like.

mod rules;

use std::borrow::Cow;
use std::fmt;
use std::time::{Duration, Instant};

pub use self::rules::has_line;
use self::rules::{ENOUGH, is_cut, is_utf16, protocol};
use super::telnet::{IAC, Telnet};
use crate::text::{Visible, from_fn, without_mark};

/// A first line that may become foreign is held this long for its rest: as long as the relay and
/// direct hold any message.
const HOLD: Duration = Duration::from_millis(300);

/// Bytes of the first line that the operator is shown.
const SHOWN: usize = 80;

/// The status of [`Foreign::answer`] where no request is answered.
pub const BAD_REQUEST: &str = "400 Bad Request";

/// The same where no client is served now.
pub const UNAVAILABLE: &str = "503 Service Unavailable";

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
    /// The same with the method HEAD: the response has no content (RFC 9110, 9.3.2).
    HeadRequest,
    /// A greeting of mail (RFC 5321, 4.1.1.1), a version banner (RFC 4253, 4.2; RFC 6143, 7.1.1),
    /// or another first line that is no request, and no text as people type it.
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

    /// The bytes for the peer: `reason` as HTTP with this `status` where it speaks that, else as
    /// `encode` has it.
    pub fn answer(&self, status: &str, reason: &str, encode: impl FnOnce(&str) -> Vec<u8>) -> Vec<u8> {
        match self.protocol {
            Protocol::Request => http_refusal(status, reason, true),
            Protocol::HeadRequest => http_refusal(status, reason, false),
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
fn http_refusal(status: &str, reason: &str, with_content: bool) -> Vec<u8> {
    let content = format!("{reason}\n");
    let mut response = format!(
        "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {}\r\n\
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
    /// The end of [`HOLD`], once it has begun.
    held_until: Option<Instant>,
}

impl FirstBytes {
    /// `None`: nothing is foreign.
    pub fn new(expected: Option<Expected>) -> FirstBytes {
        FirstBytes { expected, seen: Vec::new(), held_until: None }
    }

    pub fn is_decided(&self) -> bool {
        self.expected.is_none()
    }

    /// Until when what has come of the first line is no speech, if it is held.
    pub fn held_until(&mut self, now: Instant) -> Option<Instant> {
        let is_cut = is_cut(&typed(&self.seen, self.expected?));
        is_cut.then(|| *self.held_until.get_or_insert(now + HOLD)).filter(|&until| now < until)
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

/// The protocol of a connection that begins with `bytes`, if that is sure and not the `expected`.
pub fn foreign(bytes: &[u8], expected: Expected) -> Option<Foreign> {
    let text = typed(bytes, expected);
    // A byte order mark may look like a command.
    let found = protocol(&text, expected).filter(|&found| found != Protocol::Binary || !is_utf16(bytes))?;
    Some(Foreign::new(found, &text))
}

/// Commands of telnet and a byte order mark come before text where people type it.
fn typed(bytes: &[u8], expected: Expected) -> Cow<'_, [u8]> {
    if expected != Expected::Text {
        return bytes.into();
    }
    if !bytes.contains(&IAC) {
        return without_mark(bytes).into();
    }
    let mut text = bytes.to_vec();
    let (kept, _) = Telnet::default().strip(&mut text);
    without_mark(&text[..kept]).to_vec().into()
}

#[cfg(test)]
mod tests;
