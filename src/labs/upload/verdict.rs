//! The end of the server's answer. Pure.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    Success,
    Error,
}

impl Verdict {
    /// `None` if the answer has no verdict yet.
    pub fn of(answer: &[u8]) -> Option<Verdict> {
        let answer = trim_end(answer);
        let verdicts = [(&b"[SUCCESS]"[..], Verdict::Success), (b"[ERROR]", Verdict::Error)];
        verdicts.into_iter().find(|(text, _)| answer.ends_with(text)).map(|(_, verdict)| verdict)
    }
}

/// Removes what servers end a line with: a NUL in C, newlines elsewhere.
pub fn trim_end(line: &[u8]) -> &[u8] {
    let last = line.iter().rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace());
    &line[..last.map_or(0, |at| at + 1)]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_verdict_is_at_the_end_with_any_line_end() {
        for (verdict, answers) in [
            (Some(Verdict::Success), "[SUCCESS]|kept as x [SUCCESS]|ok [SUCCESS]\r\n|[SUCCESS]\n\0\0"),
            (Some(Verdict::Error), "[ERROR]|no [SUCCESS] [ERROR]|full [ERROR]\0"),
            (None, "|\0\n|[SUCCESS] not yet|SUCCESS|[success]|[SUCCESS|SUCCESS]"),
        ] {
            for answer in answers.split('|') {
                assert_eq!(Verdict::of(answer.as_bytes()), verdict, "{answer:?}");
            }
        }
    }
}
