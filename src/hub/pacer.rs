//! Pacing: when a message may leave, so that a client that shows one C string per `read` shows them
//! all (docs/PROTOCOLS.md, "The provided client's screen"). Pure: the caller passes the time.
//!
//! The pacer owns the released mark: the bytes of the log before it may be sent. Messages pass the
//! mark one per turn of `pace`; when the oldest has waited [`MAX_DELAY`], or [`FLOOD`] bytes wait,
//! all pass at once. One timer for the channel, whatever the number of clients.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use crate::sys::dontfork_vec;

/// The longest wait of a message for its turn, counted in whole turns. No pace may be longer.
pub const MAX_DELAY: Duration = Duration::from_millis(200);

/// Bytes that may wait.
pub(crate) const FLOOD: u64 = 64 * 1024;

#[derive(Debug)]
pub(crate) struct Pacer {
    /// The least time between two messages; zero: no pacing.
    pace: Duration,
    /// The position in the log up to which bytes may be sent.
    pub(super) released: u64,
    /// Messages appended, released or not.
    pub(super) pushed: u64,
    waiting: VecDeque<Waiting>,
    next: Instant,
    /// Turns passed since the beginning.
    turn: u64,
}

#[derive(Debug)]
struct Waiting {
    /// The position in the log after the message.
    end: u64,
    /// The turn in which it was appended.
    since: u64,
}

impl Pacer {
    pub fn new(pace: Duration, now: Instant) -> Pacer {
        Pacer { pace, released: 0, pushed: 0, waiting: VecDeque::from(dontfork_vec()), next: now, turn: 0 }
    }

    pub fn is_off(&self) -> bool {
        self.pace.is_zero()
    }

    pub fn count(&self) -> u64 {
        self.pushed - self.waiting.len() as u64
    }

    /// Takes a message that ends at position `end` of the log. An empty one takes a turn too.
    pub fn push(&mut self, end: u64, now: Instant) {
        self.pushed += 1;
        if self.is_off() {
            self.released = end;
            return;
        }
        if self.waiting.is_empty() {
            // Time without messages is no time of waiting.
            self.next = self.next.max(now);
        }
        self.waiting.push_back(Waiting { end, since: self.turn });
    }

    /// When the next message may leave; `None` when none waits.
    pub fn due(&self) -> Option<Instant> {
        self.waiting.front().map(|_| self.next)
    }

    /// Moves the mark if a turn has come: by one message, or by all in a flood.
    pub fn release(&mut self, now: Instant) {
        let Some(newest) = self.waiting.back() else { return };
        if newest.end - self.released >= FLOOD {
            self.next = now + self.pace;
            return self.release_all();
        }
        let Some(late) = now.checked_duration_since(self.next) else { return };
        // Whole turns only: timers wake a little late, and 200 late turns of 1 ms must still count
        // as 200 ms, or the end of a paste of 200 lines would count as a flood.
        self.turn += 1 + (late.as_nanos() / self.pace.as_nanos()) as u64;
        self.next = now + self.pace;
        let is_late = self.waiting.front().is_some_and(|oldest| {
            let turns = u32::try_from(self.turn - oldest.since).unwrap_or(u32::MAX);
            self.pace.saturating_mul(turns) > MAX_DELAY
        });
        if is_late {
            self.release_all();
        } else if let Some(message) = self.waiting.pop_front() {
            self.released = message.end;
        }
    }

    /// Reports that what was released at `started` was sent by `ended`. The pace counts from here:
    /// each client gets two messages a pace apart, however long the sending took.
    pub fn sent(&mut self, started: Instant, ended: Instant) {
        if !self.is_off() {
            let took = ended.saturating_duration_since(started);
            self.turn += (took.as_nanos() / self.pace.as_nanos()) as u64;
            self.next = self.next.max(ended + self.pace);
        }
    }

    pub fn release_all(&mut self) {
        if let Some(newest) = self.waiting.back() {
            self.released = newest.end;
        }
        self.waiting.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const MS: Duration = Duration::from_millis(1);

    /// A pacer in which messages end at these positions, and the time at which they came.
    fn paced(pace: Duration, ends: impl IntoIterator<Item = u64>) -> (Pacer, Instant) {
        let start = Instant::now();
        let mut pacer = Pacer::new(pace, start);
        ends.into_iter().for_each(|end| pacer.push(end, start));
        (pacer, start)
    }

    #[test]
    fn a_message_that_finds_the_room_quiet_leaves_at_once() {
        let (mut pacer, start) = paced(MS, []);
        for quiet in [Duration::ZERO, Duration::from_secs(3600)] {
            let end = pacer.released + 10;
            pacer.push(end, start + quiet);
            assert_eq!(pacer.due(), Some(start + quiet));
            pacer.release(start + quiet);
            assert_eq!((pacer.released, pacer.due()), (end, None));
        }
    }

    #[test]
    fn after_an_hour_of_quiet_five_at_once_still_leave_one_by_one() {
        let (mut pacer, start) = paced(MS, []);
        let later = start + Duration::from_secs(3600);
        (1..=5).for_each(|i| pacer.push(i * 10, later));
        for i in 1..=5 {
            pacer.release(later + MS * (i as u32 - 1));
            assert_eq!(pacer.released, i * 10);
        }
    }

    #[test]
    fn two_hundred_lines_pass_one_by_one_although_every_timer_is_late() {
        let (mut pacer, mut now) = paced(MS, 1..=201);
        for i in 1..=200 {
            pacer.release(now);
            assert_eq!(pacer.released, i);
            now += MS.mul_f64(1.3);
        }
    }

    #[test]
    fn a_message_that_has_waited_200_ms_takes_all_others_with_it() {
        let (mut pacer, start) = paced(MS, 1..=1000);
        (0..200).for_each(|i| pacer.release(start + MS * i));
        assert_eq!(pacer.released, 200);
        pacer.release(start + MS * 200);
        assert_eq!((pacer.released, pacer.due()), (1000, None));
    }

    #[test]
    fn turns_that_a_busy_hub_missed_are_waiting_time() {
        let (mut pacer, start) = paced(MS, 1..=3);
        pacer.release(start);
        pacer.release(start + MAX_DELAY * 2);
        assert_eq!(pacer.released, 3);
    }

    #[test]
    fn sixty_four_kilobytes_are_a_flood_at_once() {
        let (mut pacer, start) = paced(MS, [FLOOD - 1, FLOOD]);
        pacer.release(start);
        assert_eq!(pacer.released, FLOOD);
    }

    #[test]
    fn pace_0_turns_it_off() {
        let (pacer, _) = paced(Duration::ZERO, 1..=3);
        assert_eq!((pacer.released, pacer.due(), pacer.count()), (3, None, 3));
    }

    #[test]
    fn a_message_without_bytes_takes_a_turn() {
        let (mut pacer, start) = paced(MS, [10, 10, 20]);
        for (turn, released) in [(0, 10), (1, 10), (2, 20)] {
            pacer.release(start + MS * turn);
            assert_eq!((pacer.released, pacer.count()), (released, u64::from(turn) + 1));
        }
    }

    proptest! {
        /// Steps of the mark are a pace apart, each ends a message, and all messages leave.
        #[test]
        fn the_mark_moves_by_whole_messages_a_pace_apart(
            steps in prop::collection::vec((0u64..400, 1u64..2000), 1..300),
            pace in 1u64..5,
        ) {
            let start = Instant::now();
            let pace = MS * pace as u32;
            let mut pacer = Pacer::new(pace, start);
            let (mut now, mut end, mut ends, mut last) = (start, 0, vec![0], None::<Instant>);
            for (wait, length) in steps {
                now += Duration::from_micros(wait);
                end += length;
                ends.push(end);
                pacer.push(end, now);
                let (before, flood) = (pacer.released, end - pacer.released >= FLOOD);
                pacer.release(now);
                if pacer.released != before {
                    prop_assert!(ends.contains(&pacer.released));
                    prop_assert!(flood || last.is_none_or(|last| now >= last + pace));
                    last = Some(now);
                }
            }
            while let Some(due) = pacer.due() {
                pacer.release(due);
            }
            prop_assert_eq!(pacer.released, end);
        }
    }
}
