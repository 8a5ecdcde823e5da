//! Form of messages and notices for each kind of client. The place to add an encoding;
//! `ChatServer::say` in `server` writes a message in each.

use std::fmt::Display;
use std::io::Write;
use std::time::Duration;

use super::message::{line_ends_in_front, trim_end};
use super::web::ws_encode;
use super::{PROGRAM, messages};
use crate::hub::connection::Connection;
use crate::hub::framing::{Framing, line_text};
use crate::hub::record::{IDLE, Kind, close_code};

/// Close codes: RFC 6455, 7.4.1; IANA's WebSocket Close Code Number Registry.
const GOING_AWAY: u16 = 1001;
const POLICY_VIOLATION: u16 = 1008;
const INTERNAL_ERROR: u16 = 1011;
const TRY_AGAIN_LATER: u16 = 1013;

/// A message without an end is held this long for its rest (docs/PROTOCOLS.md, "Framing, ours").
pub const STRINGS: Framing = Framing::Strings(Duration::from_millis(20));

/// The form in which a client sends and reads messages.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Encoding {
    /// Messages ended by NULs: the course's clients (docs/PROTOCOLS.md, section 1).
    CString,
    /// Lines, each with the time it was said (section 6).
    Line,
    /// WebSocket frames of JSON: the page (section 8).
    WebSocket,
}

impl Encoding {
    /// Framing of its messages for the worker; `None` where `web::worker` decodes them.
    pub fn framing(self) -> Option<Framing> {
        match self {
            Encoding::CString => Some(STRINGS),
            Encoding::Line => Some(Framing::Lines),
            Encoding::WebSocket => None,
        }
    }

    /// The kind of its messages' records.
    pub fn kind(self) -> Kind {
        match self {
            Encoding::CString => Kind::Message,
            Encoding::Line | Encoding::WebSocket => Kind::Line,
        }
    }

    /// The first bytes for a client.
    pub fn greeting(self) -> Option<&'static str> {
        match self {
            Encoding::Line => Some(messages::WELCOME_TO_LINES),
            Encoding::CString | Encoding::WebSocket => None,
        }
    }

    /// A line of the server, as it stands.
    pub fn line(self, text: &str) -> Vec<u8> {
        match self {
            Encoding::CString => format!("{text}\0").into_bytes(),
            Encoding::Line => format!("{text}\n").into_bytes(),
            Encoding::WebSocket => ws_encode::notice(text),
        }
    }

    /// A notice of the server for one client, with the server's name where the encoding has none.
    pub fn notice(self, text: &str) -> Vec<u8> {
        match self {
            Encoding::CString | Encoding::Line => self.line(&PROGRAM.says(text)),
            Encoding::WebSocket => self.line(text),
        }
    }

    /// The last bytes for a client that has left, with a notice where there is one.
    pub(crate) fn last_words(self, connection: &Connection, notice: Option<&str>) -> Vec<u8> {
        let notice = notice.map(|text| self.notice(text)).unwrap_or_default();
        let code = match connection.left {
            Some(IDLE) => Some(POLICY_VIOLATION),
            None => Some(INTERNAL_ERROR),
            // `None` where it has ended its side, or is gone.
            Some(left) => close_code(left),
        };
        match self {
            Encoding::CString | Encoding::Line => notice,
            Encoding::WebSocket => code.map_or(Vec::new(), |code| [notice, ws_encode::close(code)].concat()),
        }
    }

    /// The last bytes for a client that is disconnected for its lag and has not taken `unsent`.
    pub fn too_slow(self, unsent: &[u8], notice: &str) -> Vec<u8> {
        match self {
            // Stopped inside something else than a message: nothing can be appended.
            Encoding::WebSocket if unsent.is_empty() => Vec::new(),
            Encoding::WebSocket => [ws_encode::rest_of_frame(unsent), &self.dismissal(notice)].concat(),
            // It has most likely stopped within a line or a string: end that first.
            Encoding::CString | Encoding::Line => [self.line(""), self.dismissal(notice)].concat(),
        }
    }

    /// The last bytes, between two messages, for a client that the server disconnects.
    pub fn dismissal(self, notice: &str) -> Vec<u8> {
        match self {
            Encoding::CString | Encoding::Line => self.notice(notice),
            Encoding::WebSocket => [self.notice(notice), ws_encode::close(TRY_AGAIN_LATER)].concat(),
        }
    }

    pub fn stopping(self) -> Vec<u8> {
        match self {
            Encoding::CString | Encoding::Line => Vec::new(),
            Encoding::WebSocket => ws_encode::close(GOING_AWAY),
        }
    }
}

/// A line's text as C strings: with a C client's NUL, and the extra one.
pub fn string_of_line(text: &[u8]) -> Vec<u8> {
    [text, b"\0\0"].concat()
}

/// The lines of a message of C strings. A newline in it begins a line with a time of its own; line
/// ends in front of its text, and behind the NUL that ends it, do not.
pub fn lines_of_string(message: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    let end = trim_end(message).len();
    let nul = message[end..].iter().position(|&byte| byte == 0).unwrap_or(message.len() - end);
    let text = &message[..end + nul];
    let text = text.strip_suffix(b"\r").unwrap_or(text);
    let text = text.strip_suffix(b"\n").unwrap_or(text);
    text[line_ends_in_front(text)..].split(|&byte| byte == b'\n').map(line_text)
}

/// `[HH:MM:SS] text` and a newline.
pub fn timed_line(time: impl Display, text: &[u8]) -> Vec<u8> {
    let mut line = Vec::with_capacity(text.len() + 16);
    // Writing to a Vec cannot fail.
    let _ = write!(line, "[{time}] ");
    line.extend_from_slice(text);
    line.push(b'\n');
    line
}

/// The local time, for [`timed_line`].
pub fn now() -> impl Display {
    chrono::Local::now().format("%H:%M:%S")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_begins_with_its_time() {
        assert_eq!(timed_line("09:05:00", b"salut \xff"), b"[09:05:00] salut \xff\n");
        assert_eq!(timed_line("09:05:00", b""), b"[09:05:00] \n");
    }

    #[test]
    fn a_message_of_several_lines_is_several_lines() {
        let lines = |message| lines_of_string(message).collect::<Vec<_>>();
        assert_eq!(lines(b"alice : bonjour\0\0"), [b"alice : bonjour".to_vec()]);
        assert_eq!(lines(b"bob : salut\r\n\0"), [b"bob : salut".to_vec()]);
        assert_eq!(lines(b"un\n[12:00:00] deux\n\0"), [b"un".to_vec(), b"[12:00:00] deux".to_vec()]);
        // A line end in front, and the rest of one, are no lines.
        for one in [&b"un\0\n\0"[..], b"un\0\r\n", b"un\n\r\0", b"\r\nun\0", b"un\0\n\0\n"] {
            assert_eq!(lines(one), [b"un".to_vec()], "{one:?}");
        }
        assert_eq!(lines(b"un\n\n\0"), [&b"un"[..], b""]);
        assert_eq!(lines(b"\n\0"), [b""]);
    }

    #[test]
    fn the_time_has_hours_minutes_and_seconds() {
        let now = now().to_string();
        let shape: String = now.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
        assert_eq!(shape, "99:99:99");
    }
}
