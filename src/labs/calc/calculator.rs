//! The server's side of a conversation (docs/PROTOCOLS.md, section 4). Pure: bytes in, replies out.

use std::fmt::{self, Display};

use super::number::{ParseError, number};
use crate::hub::framing::lines;

const GREETING: &str = "Welcome: two numbers in, their sum out.\r\n";
const FIRST: &str = "First number?\n";
const SECOND: &str = "Second number?\n";
const RESULT: &str = "\r\nThe sum is:\n";

/// The most bytes of a line without its newline; what a longer one holds is not kept.
const MAX_LEN: usize = 256;

/// What a line of the client's has come to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    /// The first number.
    First(i64),
    /// The second one after the first.
    Sum(i64, i64),
    /// No number: the same question once more.
    Refused(ParseError),
}

/// In words, for the one who runs the server.
impl Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Step::First(first) => write!(f, "first number {first}"),
            Step::Sum(first, second) => write!(f, "{first} + {second} = {}", sum(*first, *second)),
            Step::Refused(refusal) => write!(f, "refused: {refusal}"),
        }
    }
}

/// Hears bytes, however TCP cut them, and answers line by line.
#[derive(Debug, Default)]
pub struct Calculator {
    /// It is over after a sum, instead of starting anew.
    one_sum: bool,
    first: Option<i64>,
    /// The beginning of a line whose end has not come: [`MAX_LEN`] bytes at most.
    held: Vec<u8>,
    /// In a line that was too long and is answered already.
    skips: bool,
    is_over: bool,
}

impl Calculator {
    /// For one client.
    pub fn new(one_sum: bool) -> Calculator {
        Calculator { one_sum, ..Calculator::default() }
    }

    /// What the client is told before it has said anything.
    pub fn greeting() -> String {
        format!("{GREETING}{FIRST}")
    }

    /// True after the last sum: whatever comes now is not answered.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Takes bytes; puts the answers to all lines that they end into `replies`, and returns what those lines have come to.
    pub fn hear(&mut self, bytes: &[u8], replies: &mut String) -> Vec<Step> {
        lines(bytes).filter_map(|piece| self.hear_piece(piece, replies)).collect()
    }

    /// No more will come: a last line without its newline is a line like any other, unless nothing is on it.
    pub fn hear_the_end(&mut self, replies: &mut String) -> Option<Step> {
        if number(&self.held) == Err(ParseError::Empty) { None } else { self.hear_piece(b"\n", replies) }
    }

    /// A line, or a part of one, which holds a newline at its end or none.
    fn hear_piece(&mut self, piece: &[u8], replies: &mut String) -> Option<Step> {
        let (text, ended) = match piece.strip_suffix(b"\n") {
            Some(text) => (text, true),
            None => (piece, false),
        };
        if self.is_over {
            return None;
        }
        if self.skips {
            self.skips = !ended;
            return None;
        }
        let number = if self.held.len() + text.len() > MAX_LEN {
            self.held.clear();
            self.skips = !ended;
            Err(ParseError::TooLong(MAX_LEN))
        } else {
            self.held.extend_from_slice(text);
            if !ended {
                return None;
            }
            number(&std::mem::take(&mut self.held))
        };
        Some(self.answer(number, replies))
    }

    fn answer(&mut self, number: Result<i64, ParseError>, replies: &mut String) -> Step {
        let step = match (number, self.first) {
            (Err(refusal), _) => Step::Refused(refusal),
            (Ok(first), None) => Step::First(first),
            (Ok(second), Some(first)) => Step::Sum(first, second),
        };
        match &step {
            Step::Refused(refusal) => *replies += &format!("Error: {refusal}\n"),
            Step::First(first) => self.first = Some(*first),
            Step::Sum(first, second) => {
                *replies += &format!("{RESULT}{}\n", sum(*first, *second));
                self.first = None;
                self.is_over = self.one_sum;
                if !self.is_over {
                    *replies += GREETING;
                }
            }
        }
        if !self.is_over {
            *replies += if self.first.is_some() { SECOND } else { FIRST };
        }
        step
    }
}

/// Exact: two numbers of 64 bits have a sum of 65.
fn sum(first: i64, second: i64) -> i128 {
    i128::from(first) + i128::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// All that a client gets which sends `reads`, one after the other, and then ends its side.
    fn replies_to(one_sum: bool, reads: &[&[u8]]) -> String {
        let (mut calculator, mut replies) = (Calculator::new(one_sum), Calculator::greeting());
        for read in reads {
            calculator.hear(read, &mut replies);
        }
        calculator.hear_the_end(&mut replies);
        replies
    }

    fn steps_of(reads: &[&[u8]]) -> Vec<Step> {
        let (mut calculator, mut replies) = (Calculator::new(false), String::new());
        let mut steps: Vec<Step> =
            reads.iter().flat_map(|read| calculator.hear(read, &mut replies)).collect();
        steps.extend(calculator.hear_the_end(&mut replies));
        steps
    }

    /// The lines of the section, one by one, up to the sum.
    const DIALOGUE: &str =
        "Welcome: two numbers in, their sum out.\r\nFirst number?\nSecond number?\n\r\nThe sum is:\n42\n";
    const ANEW: &str = "Welcome: two numbers in, their sum out.\r\nFirst number?\n";

    #[test]
    fn one_sum_is_greeting_question_question_answer() {
        assert_eq!(replies_to(true, &[b"12\n", b"30\r\n"]), DIALOGUE);
    }

    #[test]
    fn after_a_sum_it_starts_anew_or_is_over() {
        let reads: [&[u8]; 1] = [b"12\n30\n1\n"];
        assert_eq!(replies_to(false, &reads), format!("{DIALOGUE}{ANEW}{SECOND}"));
        assert_eq!(replies_to(true, &reads), DIALOGUE);
    }

    #[test]
    fn a_last_line_without_newline_is_a_line_and_nothing_is_none() {
        assert_eq!(steps_of(&[b"1\n2"]), [Step::First(1), Step::Sum(1, 2)]);
        assert_eq!(
            steps_of(&[b"1\nx"]),
            [Step::First(1), Step::Refused(ParseError::NotANumber(b"x".to_vec()))]
        );
        for read in [&b"1\n"[..], b"1\n\0", b"1\n \r"] {
            assert_eq!(steps_of(&[read]), [Step::First(1)]);
        }
        assert_eq!(steps_of(&[]), []);
    }

    #[test]
    fn a_sum_is_exact_beyond_64_bits() {
        let sum_of = |first: i64, second: i64| Step::Sum(first, second).to_string();
        assert!(sum_of(i64::MAX, i64::MAX).ends_with("= 18446744073709551614"));
        assert!(sum_of(i64::MIN, i64::MIN).ends_with("= -18446744073709551616"));
        assert!(sum_of(i64::MIN, i64::MAX).ends_with("= -1"));
    }

    #[test]
    fn after_a_refusal_the_same_question_comes_again() {
        let replies = replies_to(true, &[b"a\n1\n\n2\n"]);
        let lines: Vec<&str> = replies.lines().collect();
        assert!(
            lines[2].starts_with("Error: \"a\" ") && lines[5].starts_with("Error: an empty line "),
            "{lines:?}"
        );
        let questions = [lines[1], lines[3], lines[4], lines[6]];
        assert_eq!(questions, ["First number?", "First number?", "Second number?", "Second number?"]);
        assert_eq!(lines[7..], ["", "The sum is:", "3"]);
    }

    #[test]
    fn a_line_too_long_is_answered_once_at_once_and_its_rest_forgotten() {
        let (mut calculator, mut replies) = (Calculator::new(false), String::new());
        assert_eq!(calculator.hear(&[b'1'; MAX_LEN], &mut replies), []);
        assert_eq!(calculator.hear(b"1", &mut replies), [Step::Refused(ParseError::TooLong(MAX_LEN))]);
        for _ in 0..1000 {
            assert_eq!(calculator.hear(&[b'1'; 1024], &mut replies), []);
        }
        assert!(calculator.held.capacity() <= 2 * MAX_LEN);
        assert_eq!(calculator.hear(b"1\n2\n", &mut replies), [Step::First(2)]);
        assert_eq!(replies, format!("Error: a line of more than 256 bytes is not a number\n{FIRST}{SECOND}"));
    }

    #[test]
    fn a_line_of_just_the_most_bytes_is_read() {
        let line = [&[b'0'; MAX_LEN - 1][..], b"7\n"].concat();
        assert_eq!(steps_of(&[&line]), [Step::First(7)]);
        let longer = [b"0", &line[..]].concat();
        assert_eq!(
            steps_of(&[&longer, b"3\n"]),
            [Step::Refused(ParseError::TooLong(MAX_LEN)), Step::First(3)]
        );
    }
}
