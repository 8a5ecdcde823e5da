//! How long a message without its end is held for its rest: what is known of the sender and of the
//! path. Pure.

use std::time::Duration;

use super::Framing;

/// Bytes without a pause that count as a stream. TCP stops such a sender anywhere in a message, up
/// to a few hundred milliseconds longer than there is no room (RFC 9293 3.8.6: windows, probes).
pub(super) const STREAM: usize = 16 * 1024;

/// The same at a distance of [`FAR`], where a segment need not be longer (RFC 9293 3.7.1).
pub(super) const SEGMENT: usize = 536;
pub(super) const FAR: Duration = Duration::from_millis(5); // More than in a local network.

/// The least time that a message cut off by TCP is held for its rest.
pub(super) const STALL: Duration = Duration::from_millis(500);

#[derive(Debug, Default)]
pub(super) struct Sender {
    round_trip: Option<Duration>,
    /// Bytes since the last pause.
    stream: usize,
    /// The last chunk since that pause ended with a message's end.
    had_end: bool,
    /// The last chunk was held in vain for its end: the next messages may have none either.
    lacks_ends: bool,
}

impl Sender {
    /// The least counts: others are also of a peer that acknowledges late.
    pub fn note_round_trip(&mut self, time: Option<Duration>) {
        self.round_trip = self.round_trip.into_iter().chain(time).min();
    }

    pub fn note_received(&mut self, bytes: usize) {
        self.stream += bytes;
    }

    pub fn note_pause(&mut self) {
        (self.stream, self.had_end) = (0, false);
    }

    /// Reports a chunk: with its end, or without, since it was full or else held long enough.
    pub fn note_chunk(&mut self, has_end: bool, is_full: bool) {
        (self.had_end, self.lacks_ends) = (has_end, !has_end && !is_full);
    }

    /// Time that an incomplete message is held. `None`: until its end comes.
    pub fn hold(&self, framing: Framing) -> Option<Duration> {
        let round_trip = self.round_trip.unwrap_or_default().min(STALL);
        // The rest may wait for an acknowledgement: Nagle's algorithm, RFC 1122 4.2.3.4.
        let acknowledged = match framing {
            Framing::Strings(_) if !self.lacks_ends => 2 * round_trip,
            _ => Duration::ZERO,
        };
        let is_cut = self.had_end && self.stream >= if round_trip < FAR { STREAM } else { SEGMENT };
        let least = if is_cut { STALL } else { Duration::ZERO };
        framing.hold().map(|hold| least.max(hold + acknowledged))
    }
}
