//! The client's decoder of what a server sends: a number, a role, then messages. Pure, bounded in
//! memory, and without failure: unexpected strings are shown to the user.

use super::MAX_LEN;
use super::message::without_line_end;

#[derive(Debug, PartialEq, Eq)]
pub enum ServerMessage {
    /// This client's number, 1 or 2.
    Number(u8),
    /// Role `emi`: this client speaks first.
    Emitter,
    Receiver,
    /// The partner's message; this client's turn.
    Message(Vec<u8>),
    /// [`MAX_LEN`] bytes of a longer string.
    Part(Vec<u8>),
    /// Another string before the role, such as the reason of a refusal.
    Notice(Vec<u8>),
    Exit,
}

#[derive(Clone, Copy, Debug, Default)]
enum Expected {
    #[default]
    Number,
    Role,
    Message,
}

#[derive(Debug, Default)]
pub struct ServerMessageDecoder {
    expected: Expected,
    partial: Vec<u8>,
    /// The beginning of this string was a [`ServerMessage::Part`].
    has_parts: bool,
    /// The last string was returned by [`ServerMessageDecoder::flush`]: its line end and NUL may be
    /// late.
    is_flushed: bool,
}

impl ServerMessageDecoder {
    /// Takes bytes as they come and returns the messages that they complete. Three NULs or more are
    /// the end of one string and its padding: some servers send blocks of a fixed size. Number and
    /// role need no NUL: the course's client knows them by the size of its `recv`.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        let mut nuls = 0;
        for (at, &byte) in bytes.iter().enumerate() {
            if self.is_number_before(byte) {
                messages.extend(self.flush());
            }
            if self.is_flushed && is_line_end(byte) {
                continue;
            }
            let is_flushed = std::mem::take(&mut self.is_flushed);
            if byte == 0 {
                self.has_parts = false;
                nuls += 1;
                if nuls == 1 || (nuls == 2 && bytes.get(at + 1) != Some(&0)) {
                    let string = std::mem::take(&mut self.partial);
                    messages.extend((!is_flushed).then(|| self.classify(&string)));
                }
                continue;
            }
            nuls = 0;
            if self.partial.len() == MAX_LEN {
                messages.push(ServerMessage::Part(std::mem::take(&mut self.partial)));
                self.has_parts = true;
            }
            self.partial.push(byte);
            if matches!((self.expected, &self.partial[..]), (Expected::Role, b"emi" | b"rec")) {
                messages.extend(self.flush());
            }
        }
        messages
    }

    /// True if the string so far is a number, and a line end or a role follows: no text such as
    /// "10 clients".
    fn is_number_before(&self, next: u8) -> bool {
        let begins_role = matches!(next, b'e' | b'r');
        matches!((self.expected, &self.partial[..]), (Expected::Number, b"1" | b"2"))
            && (begins_role || is_line_end(next))
    }

    /// After a pause or at the end: a string without NUL is whole, as it is to a client that prints
    /// what one `recv` returns. A long one waits for its NUL.
    pub fn flush(&mut self) -> Option<ServerMessage> {
        if self.partial.is_empty() || self.has_parts {
            return None;
        }
        self.is_flushed = true;
        let string = std::mem::take(&mut self.partial);
        Some(self.classify(without_line_end(&string)))
    }

    fn classify(&mut self, string: &[u8]) -> ServerMessage {
        match (self.expected, string) {
            (_, b"exit") => ServerMessage::Exit,
            (Expected::Number, &[number @ b'1'..=b'2']) => {
                self.expected = Expected::Role;
                ServerMessage::Number(number - b'0')
            }
            (Expected::Role, b"emi" | b"rec") => {
                self.expected = Expected::Message;
                if string == b"emi" { ServerMessage::Emitter } else { ServerMessage::Receiver }
            }
            (Expected::Message, text) => ServerMessage::Message(without_line_end(text).to_vec()),
            (_, text) => ServerMessage::Notice(text.to_vec()),
        }
    }
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    fn decode(pieces: &[&[u8]]) -> Vec<ServerMessage> {
        let mut decoder = ServerMessageDecoder::default();
        pieces.iter().flat_map(|piece| decoder.feed(piece)).collect()
    }

    fn message(text: &str) -> ServerMessage {
        ServerMessage::Message(text.into())
    }

    #[test]
    fn a_conversation_is_decoded_however_it_is_segmented() {
        let whole = b"2\0rec\0salut\0\0exit \0un\nmot\r\n\0exit\0";
        let [salut, empty, exit_with_space, lines] = ["salut", "", "exit ", "un\nmot"].map(message);
        let (number, role) = (ServerMessage::Number(2), ServerMessage::Receiver);
        let expected = [number, role, salut, empty, exit_with_space, lines, ServerMessage::Exit];
        assert_eq!(decode(&[whole]), expected);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(decode(&bytes), expected);
    }

    #[test]
    fn padding_is_no_message() {
        let block = |text: &[u8]| [text, &[0; 1024][text.len()..]].concat();
        assert_eq!(
            decode(&[b"1\0emi\0", &block(b"salut"), &block(b"")])[2..],
            [message("salut"), message("")]
        );
        assert_eq!(decode(&[b"1\0emi\0", b"\0", b"\0\0"])[2..], ["", "", ""].map(message));
    }

    #[test]
    fn unknown_numbers_and_roles_are_notices() {
        let [three, full, empty] = ["3", "complet", ""].map(|text| ServerMessage::Notice(text.into()));
        let not_text = ServerMessage::Notice(b"\xff".to_vec());
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Emitter);
        let expected = [three, full, empty, number, not_text, role, message("rec")];
        assert_eq!(decode(&[b"3\0complet\0\x001\0\xff\0emi\0rec\0"]), expected);
        assert_eq!(decode(&[b"exit\0"]), [ServerMessage::Exit]);
    }

    #[test]
    fn number_and_role_need_no_nul() {
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Receiver);
        let expected = [number, role, message("salut"), message("\nun")];
        for (number, role) in [("1", "rec"), ("1\n", "rec\r\n"), ("1", "rec\0"), ("1\n\0", "rec\n\0")] {
            let whole = format!("{number}{role}salut\0\nun\0");
            assert_eq!(decode(&[whole.as_bytes()]), expected, "{whole:?}");
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), expected, "{whole:?}");
        }
        let full = ServerMessage::Notice(b"10 clients".to_vec());
        assert_eq!(decode(&[b"10 clients\0"]), [full]);
    }

    #[test]
    fn after_a_pause_a_string_needs_no_nul() {
        let mut decoder = ServerMessageDecoder::default();
        for (late, string, expected) in [
            ("", "1", ServerMessage::Number(1)),
            ("\0", "?\n", ServerMessage::Notice(b"?".to_vec())),
            ("\n\0", "hello", ServerMessage::Notice(b"hello".to_vec())),
            ("\0emi", "un\n", message("un")),
            ("\0", "deux", message("deux")),
        ] {
            let before = decoder.feed(late.as_bytes());
            let role = late.ends_with("emi").then_some(ServerMessage::Emitter);
            assert!(before.into_iter().eq(role), "{late:?}");
            assert_eq!(decoder.feed(string.as_bytes()), []);
            assert_eq!(decoder.flush(), Some(expected));
        }
    }

    #[test]
    fn a_string_without_end_comes_in_parts_and_its_end_is_one_message() {
        let part = |byte| ServerMessage::Part(vec![byte; MAX_LEN]);
        let bytes: [&[u8]; 5] = [b"1\0emi\0", &[b'x'; MAX_LEN], b"fin", &[b'y'; MAX_LEN], b"\0"];
        let second = [b"fin", &[b'y'; MAX_LEN - 3][..]].concat();
        let expected = [part(b'x'), ServerMessage::Part(second), message("yyy")];
        assert_eq!(decode(&bytes)[2..], expected);
    }
}
