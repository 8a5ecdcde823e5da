//! The client's decoder of what a server sends: a number, a role, then messages. Pure, bounded in
//! memory, and without failure: unexpected strings are shown to the user.

use super::MAX_LEN;
use super::message::{is_line_end, without_line_ends};

#[derive(Clone, Debug, PartialEq, Eq)]
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
    /// NULs at the end of the bytes so far.
    nuls: usize,
    /// The beginning of this string was a [`ServerMessage::Part`].
    has_parts: bool,
    /// The last string was returned by [`ServerMessageDecoder::flush`]: its line end and NUL may be
    /// late.
    is_flushed: bool,
    /// A string came without its NUL: the role may have none.
    lacks_nuls: bool,
    /// Two NULs ended a string before the role: so they do all others.
    has_two_nuls: bool,
    /// The last byte was the NUL of a string, and no second one.
    is_ended: bool,
    /// Since the last NUL, nothing but line ends has come, and no pause: they belong to its string.
    is_behind_nul: bool,
}

impl ServerMessageDecoder {
    /// Takes bytes as they come and returns the messages that they complete. Three NULs or more are
    /// the end of one string and its padding, up to a pause: some servers send blocks of a fixed
    /// size. Number and role need no NUL: the course's client knows them by the size of its `recv`.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<ServerMessage> {
        let mut messages = Vec::new();
        if self.nuls < 3 {
            self.nuls = 0;
        }
        for (at, &byte) in bytes.iter().enumerate() {
            if is_line_end(&byte) && self.has_keyword() {
                messages.extend(self.flush());
            }
            if (self.is_flushed || self.is_behind_nul) && is_line_end(&byte) {
                continue;
            }
            self.is_behind_nul = byte == 0;
            let is_flushed = std::mem::take(&mut self.is_flushed);
            if byte == 0 {
                self.has_parts = false;
                self.nuls += 1;
                let next = bytes[at + 1..].iter().find(|byte| !is_line_end(byte));
                if self.nuls == 1 || (self.nuls == 2 && next != Some(&0)) {
                    let string = std::mem::take(&mut self.partial);
                    let is_early = string.is_empty() && !matches!(self.expected, Expected::Message);
                    self.has_two_nuls |= is_early && !is_flushed;
                    let is_second = string.is_empty() && self.has_two_nuls && self.is_ended;
                    self.is_ended = !is_early && !is_second;
                    messages.extend((!is_flushed && self.is_ended).then(|| self.classify(&string)));
                }
                continue;
            }
            (self.nuls, self.is_ended) = (0, false);
            if self.partial.len() == MAX_LEN {
                messages.push(ServerMessage::Part(std::mem::take(&mut self.partial)));
                self.has_parts = true;
            }
            self.partial.push(byte);
            self.take_role(&mut messages);
        }
        messages
    }

    /// True if the string so far is the number or role that is due.
    fn has_keyword(&self) -> bool {
        !self.has_parts
            && matches!(
                (self.expected, &self.partial[..]),
                (Expected::Number, b"1" | b"2") | (Expected::Role, b"emi" | b"rec")
            )
    }

    /// Takes a number and a role that nothing separates, or a role of a server that sends no NUL.
    fn take_role(&mut self, messages: &mut Vec<ServerMessage>) {
        if let (Expected::Number, [b'1' | b'2', b'e', b'm', b'i'] | [b'1' | b'2', b'r', b'e', b'c']) =
            (self.expected, &self.partial[..])
            && !self.has_parts
        {
            let role = self.partial.split_off(1);
            messages.extend(self.flush());
            (self.partial, self.lacks_nuls) = (role, true);
        }
        if self.lacks_nuls && matches!(self.expected, Expected::Role) && self.has_keyword() {
            messages.extend(self.flush());
        }
    }

    /// After a pause or at the end: a string without NUL is whole, as it is to a client that prints
    /// what one `recv` returns. A long one waits for its NUL.
    pub fn pause(&mut self) -> Option<ServerMessage> {
        (self.nuls, self.is_ended, self.is_behind_nul) = (0, false, false);
        let message = self.flush();
        self.lacks_nuls |= message.is_some();
        message
    }

    fn flush(&mut self) -> Option<ServerMessage> {
        if self.partial.is_empty() || self.has_parts {
            return None;
        }
        self.is_flushed = true;
        let string = std::mem::take(&mut self.partial);
        Some(self.classify(&string))
    }

    fn classify(&mut self, string: &[u8]) -> ServerMessage {
        match (self.expected, without_line_ends(string)) {
            (_, b"exit") => ServerMessage::Exit,
            (Expected::Number, &[number @ b'1'..=b'2']) => {
                self.expected = Expected::Role;
                ServerMessage::Number(number - b'0')
            }
            (Expected::Role, role @ (b"emi" | b"rec")) => {
                self.expected = Expected::Message;
                if role == b"emi" { ServerMessage::Emitter } else { ServerMessage::Receiver }
            }
            (Expected::Message, text) => ServerMessage::Message(text.to_vec()),
            (_, text) => ServerMessage::Notice(text.to_vec()),
        }
    }
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
        for cut in 8..1024 {
            let (salut, mut decoder) = (block(b"salut"), ServerMessageDecoder::default());
            let mut feed = |bytes: &[u8]| decoder.feed(bytes);
            let messages = [&b"1\0emi\0"[..], &salut[..cut], &salut[cut..]].map(&mut feed).concat();
            assert_eq!(messages[2..], [message("salut")], "{cut}");
            assert_eq!(feed(&block(b"un")), [message("un")]);
            assert_eq!(decoder.pause(), None);
            assert_eq!(decoder.feed(&block(b"")), [message("")]);
        }
        assert_eq!(decode(&[b"1\0emi\0", b"\0", b"\0\0"])[2..], ["", "", ""].map(message));
    }

    #[test]
    fn unknown_numbers_and_roles_are_notices() {
        let [three, full] = ["3", "complet"].map(|text| ServerMessage::Notice(text.into()));
        let not_text = ServerMessage::Notice(b"\xff".to_vec());
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Emitter);
        let expected = [three, full, number, not_text, role, message("rec")];
        assert_eq!(decode(&[b"3\0complet\0\x001\0\xff\0emi\0rec\0"]), expected);
        assert_eq!(decode(&[b"exit\0"]), [ServerMessage::Exit]);
    }

    #[test]
    fn two_nuls_may_end_each_string() {
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Receiver);
        let [salut, empty] = ["salut", ""].map(message);
        let whole = b"1\0\0rec\0\0salut\0\0\0\0salut\0\0";
        // Four NULs are padding, unless they come apart.
        let expected = [number.clone(), role.clone(), salut.clone(), salut.clone()];
        assert_eq!(decode(&[whole]), expected);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        let expected = [number.clone(), role.clone(), salut.clone(), empty.clone(), salut];
        assert_eq!(decode(&bytes), expected);
        // Behind a number with one NUL, the second is an empty message, as of a newcomer's turn.
        assert_eq!(decode(&[b"1\0rec\0\0"]), [number, role, empty]);
    }

    #[test]
    fn number_and_role_need_no_nul() {
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Receiver);
        let expected = [number, role, message("salut"), message("un")];
        for (number, role) in [("1", "rec"), ("1\n", "rec\r\n"), ("1", "rec\0"), ("1\n\0", "rec\n\0")] {
            let whole = format!("{number}{role}salut\0\nun\0");
            assert_eq!(decode(&[whole.as_bytes()]), expected, "{whole:?}");
            let bytes: Vec<&[u8]> = whole.as_bytes().chunks(1).collect();
            assert_eq!(decode(&bytes), expected, "{whole:?}");
        }
        for text in ["10 clients", "1er client connecté", "2 e", "1"] {
            let notice = ServerMessage::Notice(text.into());
            let expected = if text == "1" { ServerMessage::Number(1) } else { notice };
            assert_eq!(decode(&[text.as_bytes(), b"\0"]), [expected]);
        }
    }

    #[test]
    fn a_text_that_begins_like_a_role_is_none_where_the_number_had_an_end() {
        for number in ["1\0", "1\n", "1\n\0"] {
            for text in ["recherche d'un partenaire", "emi (mode réception)", "rec ?"] {
                let whole = format!("{number}{text}\0emi\0");
                let notice = ServerMessage::Notice(text.into());
                let expected = [ServerMessage::Number(1), notice, ServerMessage::Emitter];
                assert_eq!(decode(&[whole.as_bytes()]), expected, "{whole:?}");
            }
        }
        let mut decoder = ServerMessageDecoder::default();
        assert_eq!(decoder.feed(b"1\0rec"), [ServerMessage::Number(1)]);
        assert_eq!(decoder.pause(), Some(ServerMessage::Receiver));
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
            assert_eq!(decoder.pause(), Some(expected));
        }
    }

    #[test]
    fn line_ends_around_a_string_are_none_of_it_and_no_message() {
        let (number, role) = (ServerMessage::Number(1), ServerMessage::Emitter);
        for end in ["\0\n", "\0\r\n", "\n\0\n", "\r\n\0"] {
            let mut decoder = ServerMessageDecoder::default();
            for (string, expected) in
                [("1", &number), ("emi", &role), ("un", &message("un")), ("deux", &message("deux"))]
            {
                assert_eq!(decoder.feed(format!("{string}{end}").as_bytes()), std::slice::from_ref(expected));
                assert_eq!(decoder.pause(), None, "{string}{end:?}");
            }
            // Alone with a NUL, they are an empty message.
            assert_eq!(decoder.feed(b"\n\0"), [message("")], "{end:?}");
            assert_eq!(decoder.feed(format!("\nexit{end}").as_bytes()), [ServerMessage::Exit], "{end:?}");
        }
        let mut decoder = ServerMessageDecoder::default();
        assert_eq!(decoder.feed(b"1\0emi\0exit\r\n")[2..], []);
        assert_eq!(decoder.pause(), Some(ServerMessage::Exit));
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
