//! What ends a message, and how long one without an end is held. Pure.

use std::time::Duration;

use memchr::memrchr;

use super::STALL;

/// The end of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Framing {
    /// A run of NULs or, where there is none, a newline, each with the line ends behind it
    /// ([`super::messages`]). Bytes without either are held this long for their rest, since one
    /// `write` can arrive in two segments, and longer where TCP may have cut many ([`STALL`]). Then
    /// they are a message.
    Strings(Duration),
    /// The same, but a text that fills the buffer without an end is too long: the buffer is passed
    /// on, and the rest skipped up to its end, or until nothing of it has come for
    /// [`super::SKIP_HOLDS`] hold times.
    Texts(Duration),
    /// A newline. Where none comes, a client's NULs end lines.
    Lines,
}

impl Framing {
    /// For a client at this distance: the rest of a message may wait for an acknowledgement (Nagle's
    /// algorithm, RFC 1122 4.2.3.4).
    pub fn with_round_trip(self, round_trip: Duration) -> Framing {
        let later = |hold| hold + 2 * round_trip.min(STALL);
        match self {
            Framing::Strings(hold) => Framing::Strings(later(hold)),
            Framing::Texts(hold) => Framing::Texts(later(hold)),
            Framing::Lines => Framing::Lines,
        }
    }

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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_hold_is_longer_by_two_round_trips() {
        let hold = |framing: Framing, milliseconds| {
            framing.with_round_trip(Duration::from_millis(milliseconds)).hold().map(|hold| hold.as_millis())
        };
        let twenty = Duration::from_millis(20);
        for framing in [Framing::Strings(twenty), Framing::Texts(twenty)] {
            assert_eq!([0, 30, 60_000].map(|time| hold(framing, time)), [Some(20), Some(80), Some(1020)]);
        }
        assert_eq!(hold(Framing::Lines, 30), None);
    }
}
