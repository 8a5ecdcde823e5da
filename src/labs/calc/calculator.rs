//! The server's side of the dialogue (docs/PROTOCOLS.md, section 4). Pure: bytes in, replies out.

use std::fmt::{self, Display};

use super::number::{ParseError, parse_number};
use crate::hub::framing::lines;

const GREETING: &str = "Welcome: two numbers in, their sum out.\r\n";
const FIRST: &str = "First number?\n";
const SECOND: &str = "Second number?\n";
const RESULT: &str = "\r\nThe sum is:\n";

/// Bytes of a line without its newline, at most; a longer one is not kept.
pub const MAX_LEN: usize = 256;

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum LineOutcome {
    First(i64),
    Sum(i64, i64),
    /// The same question is asked again.
    Rejected(ParseError),
}

impl Display for LineOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LineOutcome::First(first) => write!(f, "first number {first}"),
            LineOutcome::Sum(first, second) => write!(f, "{first} + {second} = {}", sum(*first, *second)),
            LineOutcome::Rejected(error) => write!(f, "refused: {error}"),
        }
    }
}

/// Takes bytes in any segmentation and answers line by line.
#[derive(Debug, Default)]
pub struct Calculator {
    one_sum: bool,
    first: Option<i64>,
    /// The beginning of an unfinished line: [`MAX_LEN`] bytes at most.
    partial: Vec<u8>,
    /// Within a line that was too long and is answered already.
    skipping: bool,
    is_over: bool,
}

impl Calculator {
    pub fn new(one_sum: bool) -> Calculator {
        Calculator { one_sum, ..Calculator::default() }
    }

    pub fn greeting() -> String {
        format!("{GREETING}{FIRST}")
    }

    /// After the last sum, input is not answered.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Appends the answers to all lines that `bytes` complete to `replies`; returns their outcomes.
    pub fn feed(&mut self, bytes: &[u8], replies: &mut String) -> Vec<LineOutcome> {
        lines(bytes).filter_map(|piece| self.feed_piece(piece, replies)).collect()
    }

    /// End of the input: a last line without its newline counts, unless it is empty.
    pub fn finish(&mut self, replies: &mut String) -> Option<LineOutcome> {
        let is_empty = parse_number(&self.partial) == Err(ParseError::Empty);
        if is_empty { None } else { self.feed_piece(b"\n", replies) }
    }

    /// `piece`: at most one line, with or without its newline.
    fn feed_piece(&mut self, piece: &[u8], replies: &mut String) -> Option<LineOutcome> {
        let text = piece.strip_suffix(b"\n").unwrap_or(piece);
        let ended = text.len() < piece.len();
        if self.is_over {
            return None;
        }
        if self.skipping {
            self.skipping = !ended;
            return None;
        }
        if self.partial.len() + text.len() > MAX_LEN {
            self.partial.clear();
            self.skipping = !ended;
            return Some(self.answer(Err(ParseError::TooLong(MAX_LEN)), replies));
        }
        self.partial.extend_from_slice(text);
        let line = ended.then(|| std::mem::take(&mut self.partial))?;
        Some(self.answer(parse_number(&line), replies))
    }

    fn answer(&mut self, number: Result<i64, ParseError>, replies: &mut String) -> LineOutcome {
        let outcome = match (number, self.first) {
            (Err(error), _) => LineOutcome::Rejected(error),
            (Ok(first), None) => LineOutcome::First(first),
            (Ok(second), Some(first)) => LineOutcome::Sum(first, second),
        };
        match &outcome {
            LineOutcome::Rejected(error) => *replies += &format!("Error: {error}\n"),
            LineOutcome::First(first) => self.first = Some(*first),
            LineOutcome::Sum(first, second) => {
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
        outcome
    }
}

/// Exact: the sum of two 64-bit numbers has 65 bits.
fn sum(first: i64, second: i64) -> i128 {
    i128::from(first) + i128::from(second)
}

#[cfg(test)]
mod tests {
    use super::*;
    use LineOutcome::{First, Rejected, Sum};

    /// The outcomes and all replies for a client that sends `reads` and then ends its side.
    fn dialogue(one_sum: bool, reads: &[&[u8]]) -> (Vec<LineOutcome>, String) {
        let (mut calculator, mut replies) = (Calculator::new(one_sum), Calculator::greeting());
        let outcomes = reads.iter().flat_map(|read| calculator.feed(read, &mut replies));
        let mut outcomes = outcomes.collect::<Vec<_>>();
        outcomes.extend(calculator.finish(&mut replies));
        (outcomes, replies)
    }

    fn outcomes_of(reads: &[&[u8]]) -> Vec<LineOutcome> {
        dialogue(false, reads).0
    }

    #[test]
    fn after_a_sum_it_starts_anew_or_is_over() {
        // The lines of section 4, up to the sum.
        let sum =
            "Welcome: two numbers in, their sum out.\r\nFirst number?\nSecond number?\n\r\nThe sum is:\n42\n";
        let anew = "Welcome: two numbers in, their sum out.\r\nFirst number?\n";
        assert_eq!(dialogue(true, &[b"12\n", b"30\r\n"]).1, sum);
        assert_eq!(dialogue(true, &[b"12\n30\n1\n"]).1, sum);
        assert_eq!(dialogue(false, &[b"12\n30\n1\n"]).1, format!("{sum}{anew}{SECOND}"));
    }

    #[test]
    fn a_last_line_without_newline_counts_unless_it_is_empty() {
        assert_eq!(outcomes_of(&[b"1\n2"]), [First(1), Sum(1, 2)]);
        let not_a_number = Rejected(ParseError::NotANumber(b"x".to_vec()));
        assert_eq!(outcomes_of(&[b"1\nx"]), [First(1), not_a_number]);
        for read in [&b"1\n"[..], b"1\n\0", b"1\n \r"] {
            assert_eq!(outcomes_of(&[read]), [First(1)], "{read:?}");
        }
        assert_eq!(outcomes_of(&[]), []);
    }

    #[test]
    fn a_sum_is_exact_beyond_64_bits() {
        assert!(Sum(i64::MAX, i64::MAX).to_string().ends_with("= 18446744073709551614"));
        assert!(Sum(i64::MIN, i64::MIN).to_string().ends_with("= -18446744073709551616"));
        assert!(Sum(i64::MIN, i64::MAX).to_string().ends_with("= -1"));
    }

    #[test]
    fn after_an_error_the_question_is_repeated() {
        let replies = dialogue(true, &[b"a\n1\n\n2\n"]).1;
        let lines: Vec<&str> = replies.lines().collect();
        assert!(lines[2].starts_with("Error: \"a\" "), "{lines:?}");
        assert!(lines[5].starts_with("Error: an empty line "), "{lines:?}");
        let questions = [lines[1], lines[3], lines[4], lines[6]];
        assert_eq!(questions, ["First number?", "First number?", "Second number?", "Second number?"]);
        assert_eq!(lines[7..], ["", "The sum is:", "3"]);
    }

    #[test]
    fn a_line_too_long_is_answered_once_at_once_and_its_rest_is_skipped() {
        let (mut calculator, mut replies) = (Calculator::new(false), String::new());
        let mut feed = |bytes: &[u8]| calculator.feed(bytes, &mut replies);
        assert_eq!(feed(&[b'1'; MAX_LEN]), []);
        assert_eq!(feed(b"1"), [Rejected(ParseError::TooLong(MAX_LEN))]);
        (0..1000).for_each(|_| assert_eq!(feed(&[b'1'; 1024]), []));
        assert!(calculator.partial.capacity() <= 2 * MAX_LEN);
        assert_eq!(calculator.feed(b"1\n2\n", &mut replies), [First(2)]);
        assert_eq!(replies, format!("Error: a line of more than 256 bytes is not a number\n{FIRST}{SECOND}"));
    }

    #[test]
    fn a_line_of_the_greatest_length_is_parsed() {
        let line = [&[b'0'; MAX_LEN - 1][..], b"7\n"].concat();
        assert_eq!(outcomes_of(&[&line]), [First(7)]);
        let longer = [b"0", &line[..]].concat();
        assert_eq!(outcomes_of(&[&longer, b"3\n"]), [Rejected(ParseError::TooLong(MAX_LEN)), First(3)]);
    }
}
