//! What a client may say in the room: its first words show whether it took the server for another, and, where names are their
//! clients' own, each message is looked at.

use std::borrow::Cow;

use super::client_state::{ClientState, HandshakeState};
use super::messages;
use super::names::NameRegistry;
use crate::hub::connection::Connection;
use crate::hub::record::{Kind, Record};
use crate::hub::service::Context;
use crate::hub::worker::CHUNK;
use crate::text::as_one_line;

/// How the first line of a web client begins (RFC 9110, 9; RFC 9113, 3.4), or of one that delivers mail (RFC 5321, 4.1.1.1). A page
/// of the web can make its visitors' browsers send such to any port of their network.
const HEADERS: [&[u8]; 10] = [
    b"GET ",
    b"POST ",
    b"HEAD ",
    b"PUT ",
    b"DELETE ",
    b"OPTIONS ",
    b"CONNECT ",
    b"PRI * HTTP",
    b"EHLO ",
    b"HELO ",
];

/// What is looked at.
#[derive(Debug)]
pub(crate) struct MessageFilter {
    /// A client whose first words are a header of another protocol is sent away.
    pub refuses_headers: bool,
    /// Whose name is whose, where they are their clients' own.
    pub names: Option<NameRegistry>,
}

impl MessageFilter {
    /// What of a message, or of a line's text, may be said; `None` for nothing: its client has been told why.
    pub fn pass<'a>(
        &mut self,
        record: &Record<'a>,
        connection: &mut Connection,
        client: &mut ClientState,
        context: &mut Context<ClientState>,
    ) -> Option<Cow<'a, [u8]>> {
        let encoding = client.encoding?;
        if client.handshake == HandshakeState::Silent {
            let is_foreign = self.refuses_headers && is_header(record.body);
            client.handshake = if is_foreign { HandshakeState::Refused } else { HandshakeState::Accepted };
            if is_foreign {
                context.supervisor.err.line(messages::foreign(connection, record.body));
                connection.disconnect(encoding.notice(messages::wrong_protocol()));
            }
        }
        if client.handshake == HandshakeState::Refused {
            return None;
        }
        let Some(names) = &mut self.names else { return Some(Cow::Borrowed(record.body)) };
        let is_connected = |pid| match pid == connection.pid {
            true => connection.is_open(),
            false => context.peers.get(pid).is_some_and(|(peer, _)| peer.is_open()),
        };
        match names.judge(record.pid, record.body, is_connected) {
            Ok(()) => Some(Cow::Owned(in_one_line(record))),
            Err(taken) => {
                // A client that says nothing else must not fill the log: the first time, then the second, the fourth, the eighth.
                if taken.times.is_power_of_two() {
                    context.supervisor.err.line(messages::not_said(connection, &taken));
                }
                context.tell(connection, &encoding.notice(&messages::name_is_taken(&taken.name)));
                None
            }
        }
    }
}

fn is_header(text: &[u8]) -> bool {
    HEADERS.iter().any(|header| text.starts_with(header))
}

/// The same message, in which nothing passes for its end but its end, which it has: the one that closed its batch may be refused.
///
/// It grows within one `read` of the course's client at most, or its next one would begin where the message's author wants.
fn in_one_line(record: &Record) -> Vec<u8> {
    let is_end = |byte: &u8| matches!(byte, 0 | b'\n' | b'\r');
    let end = match record.kind {
        // The newlines of another client's form, and the NULs.
        Kind::Message => record.body.iter().rposition(|byte| !is_end(byte)).map_or(0, |at| at + 1),
        _ => record.body.len(),
    };
    let (text, end) = record.body.split_at(end);
    // A line becomes a string with two NULs for the first door.
    let mut line = as_one_line(text, CHUNK.saturating_sub(end.len().max(2)));
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
    fn what_would_begin_another_line_is_shown() {
        assert_eq!(shown(b"eve : a\nbob : b\0\0"), b"eve : a^Jbob : b\0\0");
        assert_eq!(shown(b"eve : a\r\x1b[2Kbob\x85b\n\0"), b"eve : a^M^[[2Kbob\\x85b\n\0");
        assert_eq!(shown("eve\u{85}\u{2028}\u{202e}x\0".as_bytes()), b"eve<U+0085><U+2028><U+202E>x\0");
        assert_eq!(shown(b"eve : a\n\n\n\0"), b"eve : a\n\0");
    }

    #[test]
    fn each_message_ends_with_a_nul_of_its_own() {
        assert_eq!(shown(b"bob > salut\n"), b"bob > salut\n\0");
        assert_eq!(shown(b"bob : salut"), b"bob : salut\0");
    }

    #[test]
    fn a_message_does_not_outgrow_one_read_of_the_courses_client() {
        for hostile in ["\u{202e}", "\x1b", "\u{85}", "\n", "\r\n"] {
            for (count, end) in [(100, "\0"), (300, "\n"), (1000, "\0\0"), (1000, "\n\0"), (200, "\n\n\n\0")]
            {
                let message = format!("eve : {}x{end}", hostile.repeat(count));
                let most = message.len().max(CHUNK);
                assert!(shown(message.as_bytes()).len() <= most, "{count} {hostile:?} {end:?}");
            }
        }
        assert_eq!(shown(&[&[0x9b; 1000][..], b"\0"].concat()), [&[b'?'; 1000][..], b"\0"].concat());
    }

    #[test]
    fn headers_are_told_from_words() {
        for header in ["GET / HTTP/1.1\r\n", "POST /x HTTP/1.1", "EHLO me\r\n", "PRI * HTTP/2.0\r\n\r\nSM"] {
            assert!(is_header(header.as_bytes()), "{header}");
        }
        for messages in ["alice : GET /", "GETTING there", "get x", "EHLOS", "POST", "PRI *"] {
            assert!(!is_header(messages.as_bytes()), "{messages}");
        }
    }
}
