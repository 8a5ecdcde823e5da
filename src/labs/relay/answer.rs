//! What a server says, as a client understands it: a number, a role, then messages. Pure, and never surprised: whatever else
//! comes is shown, and no server can make memory grow.

use super::MAX_LEN;
use super::message::without_line_end;

/// One thing that the server said.
#[derive(Debug, PartialEq, Eq)]
pub enum Answer {
    /// We are this client.
    Number(u8),
    /// We speak first.
    Emitter,
    /// We are spoken to first.
    Receiver,
    /// The partner's words; our turn.
    Message(Vec<u8>),
    /// A part of words that are longer than any may be.
    Part(Vec<u8>),
    /// Something else, before we know who we are: what a server says that has no place for us.
    Remark(Vec<u8>),
    /// It is over.
    Exit,
}

/// What is to come next.
#[derive(Clone, Copy, Debug, Default)]
enum Stage {
    #[default]
    Number,
    Role,
    Talk,
}

/// Cuts what comes into strings, and tells what they mean.
#[derive(Debug, Default)]
pub struct Answers {
    stage: Stage,
    held: Vec<u8>,
}

impl Answers {
    /// Takes bytes as they come, and returns the answers that they complete.
    pub fn feed(&mut self, bytes: &[u8]) -> Vec<Answer> {
        let mut answers = Vec::new();
        for &byte in bytes {
            if byte == 0 {
                let string = std::mem::take(&mut self.held);
                answers.push(self.meaning(string));
                continue;
            }
            self.held.push(byte);
            if self.held.len() > MAX_LEN {
                let rest = self.held.split_off(MAX_LEN);
                answers.push(Answer::Part(std::mem::replace(&mut self.held, rest)));
            }
        }
        answers
    }

    fn meaning(&mut self, string: Vec<u8>) -> Answer {
        let (stage, answer) = match (self.stage, &string[..]) {
            (stage, b"exit") => (stage, Answer::Exit),
            (Stage::Number, &[number @ b'1'..=b'2']) => (Stage::Role, Answer::Number(number - b'0')),
            (Stage::Role, b"emi") => (Stage::Talk, Answer::Emitter),
            (Stage::Role, b"rec") => (Stage::Talk, Answer::Receiver),
            (Stage::Talk, text) => (Stage::Talk, Answer::Message(without_line_end(text).to_vec())),
            (stage, text) => (stage, Answer::Remark(text.to_vec())),
        };
        self.stage = stage;
        answer
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn answers(pieces: &[&[u8]]) -> Vec<Answer> {
        let mut answers = Answers::default();
        pieces.iter().flat_map(|piece| answers.feed(piece)).collect()
    }

    fn message(text: &str) -> Answer {
        Answer::Message(text.into())
    }

    #[test]
    fn a_talk_is_understood_however_it_is_cut() {
        let whole = b"2\0rec\0salut\0\0exit \0un\nmot\r\n\0exit\0";
        let expected = [
            Answer::Number(2),
            Answer::Receiver,
            message("salut"),
            message(""),
            message("exit "),
            message("un\nmot"),
            Answer::Exit,
        ];
        assert_eq!(answers(&[whole]), expected);
        let bytes: Vec<&[u8]> = whole.chunks(1).collect();
        assert_eq!(answers(&bytes), expected);
    }

    #[test]
    fn numbers_and_roles_that_nobody_knows_are_remarks() {
        let remark = |text: &str| Answer::Remark(text.into());
        let given = answers(&[b"3\0complet\0\x001\0\xff\0emi\0rec\0"]);
        let expected = [
            remark("3"),
            remark("complet"),
            remark(""),
            Answer::Number(1),
            Answer::Remark(vec![0xff]),
            Answer::Emitter,
            message("rec"),
        ];
        assert_eq!(given, expected);
        assert_eq!(answers(&[b"exit\0"]), [Answer::Exit]);
    }

    #[test]
    fn a_text_without_end_comes_in_parts_and_its_end_is_one_message() {
        let given = answers(&[b"1\0emi\0", &[b'x'; MAX_LEN], b"fin", &[b'y'; MAX_LEN], b"\0"]);
        let parts: Vec<usize> = given
            .iter()
            .filter_map(|answer| match answer {
                Answer::Part(part) => Some(part.len()),
                _ => None,
            })
            .collect();
        assert_eq!(parts, [MAX_LEN, MAX_LEN]);
        assert_eq!(given.last(), Some(&message("yyy")));
    }
}
