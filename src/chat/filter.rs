//! Decides whether a message may be said: with `--distinct-names` each is checked against the
//! registry of names.

use std::borrow::Cow;

use super::client_state::ClientState;
use super::message::{trim, trim_end};
use super::messages;
use super::names::NameRegistry;
use crate::hub::connection::Connection;
use crate::hub::record::{CHUNK, Kind, Record};
use crate::hub::service::Context;
use crate::text::as_one_line;

#[derive(Debug)]
pub(crate) struct MessageFilter {
    /// `Some` with `--distinct-names`.
    pub names: Option<NameRegistry>,
}

impl MessageFilter {
    /// Returns the body to say, or `None` for a
    /// refused message; its client has then been told why.
    pub fn pass<'a>(
        &mut self,
        record: &Record<'a>,
        connection: &mut Connection,
        client: &ClientState,
        context: &mut Context<ClientState>,
    ) -> Option<Cow<'a, [u8]>> {
        let encoding = client.encoding?;
        let Some(names) = &mut self.names else { return Some(Cow::Borrowed(record.body)) };
        let is_connected = |pid| context.open_client(pid, connection).is_some();
        match names.check(record.pid, record.body, is_connected) {
            Ok(()) => Some(Cow::Owned(in_one_line(record))),
            Err(taken) => {
                // The 1st, 2nd, 4th, 8th, ...: a client must not flood the log.
                if taken.times.is_power_of_two() {
                    context.supervisor.err.line(messages::not_said(connection, &taken));
                }
                context.tell(connection, &encoding.notice(&messages::name_is_taken(&taken.name)));
                None
            }
        }
    }
}

/// `record.body` without line ends and a byte order mark in front, with its controls made visible
/// and its line ends and NULs only at its end. A message gets the NUL that it lacks: the message
/// after it, which closed its batch, may be refused.
///
/// A message that fits one `read` of the course's client ([`CHUNK`]) still does: past that, the
/// sender would choose where the next `read` begins.
fn in_one_line(record: &Record) -> Vec<u8> {
    // Nothing of a line is trimmed: see `is_line_text`.
    let end = &record.body[trim_end(record.body).len()..];
    // The string listener's clients get a line as a string with two NULs.
    let mut line = as_one_line(trim(record.body), CHUNK.saturating_sub(end.len().max(2)));
    line.extend(end.contains(&b'\n').then_some(b'\n'));
    line.extend(end.iter().filter(|&&byte| byte == 0));
    if record.kind == Kind::Message && !line.ends_with(b"\0") {
        line.push(0);
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::Pid;

    fn shown(body: &[u8]) -> Vec<u8> {
        in_one_line(&Record { pid: Pid::from_raw(1), kind: Kind::Message, body })
    }

    #[test]
    fn a_message_without_controls_is_not_changed() {
        for body in [
            &b"alice : bonjour\0\0"[..],
            b"bob > salut\n\0",
            b"a\tb \xe9t\xe9\0",
            "alice : \u{e9}t\u{e9} 👍\0".as_bytes(),
        ] {
            assert_eq!(shown(body), body);
        }
    }

    #[test]
    fn controls_and_inner_line_ends_are_made_visible() {
        assert_eq!(shown(b"eve : a\nbob : b\0\0"), b"eve : a^Jbob : b\0\0");
        assert_eq!(shown(b"eve : a\r\x1b[2Kbob\x85b\n\0"), b"eve : a^M^[[2Kbob\\x85b\n\0");
        assert_eq!(shown("eve\u{85}\u{2028}\u{202e}x\0".as_bytes()), b"eve<U+0085><U+2028><U+202E>x\0");
        assert_eq!(shown(b"eve : a\n\n\n\0"), b"eve : a\n\0");
        assert_eq!(shown(b"\r\neve : a\0\r\n\0"), b"eve : a\n\0\0");
        assert_eq!(shown("\u{feff}eve : \u{feff}a\0".as_bytes()), b"eve : <U+FEFF>a\0");
    }

    #[test]
    fn a_missing_nul_is_added() {
        assert_eq!(shown(b"bob > salut\n"), b"bob > salut\n\0");
        assert_eq!(shown(b"bob : salut"), b"bob : salut\0");
    }

    #[test]
    fn a_message_never_outgrows_one_read_of_the_courses_client() {
        for hostile in ["\u{202e}", "\x1b", "\u{85}", "\n", "\r\n"] {
            for (count, end) in [(100, "\0"), (300, "\n"), (1000, "\0\0"), (1000, "\n\0"), (200, "\n\n\n\0")]
            {
                let message = format!("eve : {}x{end}", hostile.repeat(count));
                let max_len = message.len().max(CHUNK);
                assert!(shown(message.as_bytes()).len() <= max_len, "{count} {hostile:?} {end:?}");
            }
        }
        assert_eq!(shown(&[&[0x9b; 1000][..], b"\0"].concat()), [&[b'?'; 1000][..], b"\0"].concat());
    }
}
