//! The end of the server's answer. Pure.

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `[SUCCESS]`
    Success,
    /// `[ERROR]`
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
        for (answer, verdict) in [
            ("[SUCCESS]", Some(Verdict::Success)),
            ("kept as x [SUCCESS]", Some(Verdict::Success)),
            ("ok [SUCCESS]\r\n", Some(Verdict::Success)),
            ("[SUCCESS]\n\0\0", Some(Verdict::Success)),
            ("[ERROR]", Some(Verdict::Error)),
            ("no [SUCCESS] [ERROR]", Some(Verdict::Error)),
            ("full [ERROR]\0", Some(Verdict::Error)),
            ("", None),
            ("\0\n", None),
            ("[SUCCESS] not yet", None),
            ("SUCCESS", None),
            ("[success]", None),
            ("[SUCCESS", None),
            ("SUCCESS]", None),
        ] {
            assert_eq!(Verdict::of(answer.as_bytes()), verdict, "{answer:?}");
        }
    }
}
