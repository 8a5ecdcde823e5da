//! Calculation: the parser of a line, and the sums of a conversation.
//!
//! Input: one byte (its low bit: one sum and no more), and a client's bytes, which arrive in
//! pieces.

use forklab::labs::calc::calculator::{Calculator, LineOutcome};
use forklab::labs::calc::number::{ParseError, parse_number};
use forklab::text::is_plain;

use super::input::{Arrival, Input};

/// The most bytes of a line.
const MAX_LEN: usize = 256;

/// Each line gets its expected answer, however TCP cuts the lines, and each answer is plain text.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let one_sum = input.byte() & 1 == 1;
    let arrival = Arrival::of(input);
    let (mut calculator, mut replies, mut steps) =
        (Calculator::new(one_sum), Calculator::greeting(), Vec::new());
    for (_, piece) in arrival.pieces() {
        steps.extend(calculator.feed(piece, &mut replies));
    }
    steps.extend(calculator.finish(&mut replies));
    assert_eq!(steps, steps_slowly(one_sum, arrival.stream));
    assert_eq!(
        calculator.is_over(),
        one_sum && steps.iter().any(|step| matches!(step, LineOutcome::Sum(..)))
    );
    replies_hold(&replies, &steps, one_sum);
}

/// The results of the lines of `said`. A last line without a newline counts unless it is empty.
fn steps_slowly(one_sum: bool, said: &[u8]) -> Vec<LineOutcome> {
    let (mut steps, mut first) = (Vec::new(), None);
    for line in said.split_inclusive(|&byte| byte == b'\n') {
        let text = line.strip_suffix(b"\n").unwrap_or(line);
        let value =
            if text.len() > MAX_LEN { Err(ParseError::TooLong(MAX_LEN)) } else { number_slowly(text) };
        if line == text && value == Err(ParseError::Empty) {
            continue;
        }
        steps.push(match (value, first.take()) {
            (Ok(second), Some(first)) => LineOutcome::Sum(first, second),
            (Ok(value), None) => LineOutcome::First(*first.insert(value)),
            (Err(refusal), before) => {
                first = before;
                LineOutcome::Rejected(refusal)
            }
        });
        if one_sum && matches!(steps.last(), Some(LineOutcome::Sum(..))) {
            break;
        }
    }
    steps
}

/// A sign or none, then digits, between spaces and NULs; no more than 64 bits.
fn number_slowly(line: &[u8]) -> Result<i64, ParseError> {
    let Ok(text) = std::str::from_utf8(line) else { return Err(ParseError::NotANumber(line.to_vec())) };
    let text = text.trim_matches(|c: char| c.is_whitespace() || matches!(c, '\0' | '\u{feff}'));
    let digits = text.strip_prefix(['+', '-']).unwrap_or(text);
    let value = if text.is_empty() {
        Err(ParseError::Empty)
    } else if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        Err(ParseError::NotANumber(text.into()))
    } else {
        let add = |value: i128, digit: u8| (value * 10 + i128::from(digit - b'0')).min(1 << 100);
        let value = digits.bytes().fold(0, add) * if text.starts_with('-') { -1 } else { 1 };
        i64::try_from(value).map_err(|_| ParseError::TooLarge(text.into()))
    };
    assert_eq!(parse_number(line), value);
    value
}

/// The conversation's lines, one by one: a question after each step but the last of all, each sum
/// exact, each line plain.
fn replies_hold(replies: &str, steps: &[LineOutcome], one_sum: bool) {
    let mut lines = replies.strip_suffix('\n').expect("whole lines").split('\n').map(|line| {
        let line = line.strip_suffix('\r').unwrap_or(line);
        assert!(is_plain(line) && line.len() < 300, "{line:?}");
        line
    });
    let mut is_next = |expected: &str| assert_eq!(lines.next(), Some(expected));
    let (greeting, questions) =
        ("Welcome: two numbers in, their sum out.", ["First number?", "Second number?"]);
    let mut asked = 0;
    is_next(greeting);
    is_next(questions[asked]);
    for step in steps {
        match step {
            LineOutcome::Rejected(refusal) => is_next(&format!("Error: {refusal}")),
            LineOutcome::First(_) => asked = 1,
            LineOutcome::Sum(first, second) => {
                is_next("");
                is_next("The sum is:");
                is_next(&(i128::from(*first) + i128::from(*second)).to_string());
                if one_sum {
                    break;
                }
                is_next(greeting);
                asked = 0;
            }
        }
        is_next(questions[asked]);
    }
    assert_eq!(lines.next(), None);
}
