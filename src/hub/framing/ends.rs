//! What ends a message, and how long one without an end is held. Pure.

use std::time::Duration;

use memchr::memrchr;

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A run of NULs or, where there is none, a newline, each with the line ends behind it
    /// ([`super::messages`]). Bytes without either are held this long for their rest, since one
    /// `write` can arrive in two segments, and longer on a slow path, and where TCP may have cut
    /// many. Then they are a message.
    Strings(Duration),
    /// The same, but a text that fills the buffer without an end is too long: the buffer is passed
    /// on, and the rest skipped up to its end, or until nothing of it has come for
    /// [`super::SKIP_HOLDS`] hold times.
    Texts(Duration),
    /// A newline. Where none comes, a client's NULs end lines.
    Lines,
}

impl Framing {
    /// True if a client's text is split into lines, at carriage returns as well.
    pub(super) fn has_lines(self) -> bool {
        !matches!(self, Framing::Strings(_))
    }

    /// Time that an incomplete message is held.
    pub(super) fn hold(self) -> Option<Duration> {
        match self {
            Framing::Strings(hold) | Framing::Texts(hold) => Some(hold),
            Framing::Lines => None,
        }
    }

    /// Number of bytes, from the front, that are complete messages.
    pub(super) fn complete(self, bytes: &[u8]) -> usize {
        let after_last = |end| memrchr(end, bytes).map(|at| at + 1);
        let end = match (self, bytes) {
            (Framing::Lines, _) => after_last(b'\n'),
            (_, [.., 0 | b'\n']) | (Framing::Strings(_), [.., 0 | b'\n', b'\r']) => Some(bytes.len()),
            _ => after_last(0).or_else(|| after_last(b'\n')),
        };
        end.unwrap_or(0)
    }
}
