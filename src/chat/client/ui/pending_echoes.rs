//! One's own messages: sent, and waited for until the server sends them back in the room's order. Pure.
//!
//! A course's server may send a message to all but its sender. That is noticed once; from then on what is sent is shown at once. What is
//! heard is always shown: another may bear the same name and say the same, and twice is better than never.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a message may take to come back, or the one before it, since a server may be busy with many.
const ECHO_TIMEOUT: Duration = Duration::from_secs(1);

/// So many are waited for.
const MAX: usize = 20_000;

/// What is known of the server.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Habit {
    #[default]
    Unknown,
    /// It sends back to who has spoken.
    PendingEchoes,
    /// It does not.
    Keeps,
}

/// What was sent on a connection and has not been heard yet.
#[derive(Debug, Default)]
pub struct PendingEchoes {
    sent: VecDeque<(Vec<u8>, Instant)>,
    habit: Habit,
    /// When the last came back, or was refused.
    last: Option<Instant>,
    /// The last that was shown at once: should that be heard, the server only was slow.
    shown: Option<Vec<u8>>,
}

impl PendingEchoes {
    /// `text` was sent; it has no NUL at its end. What is to be shown at once, and not waited for.
    pub fn sent(&mut self, text: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
        if self.habit == Habit::Keeps {
            self.shown = Some(text.clone());
            return Some(text);
        }
        self.sent.push_back((text, now));
        if self.sent.len() > MAX { self.sent.pop_front().map(|(text, _)| text) } else { None }
    }

    /// The server has refused the first of those that it has not sent back.
    pub fn refused(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.last = Some(now);
        self.sent.pop_front().map(|(text, _)| text)
    }

    /// `text` was heard. None: it is another's; else it is one's own, and these were sent before it: they will not come back any more
    /// as they were, for one's own come in their order.
    pub fn heard(&mut self, text: &[u8], now: Instant) -> Option<Vec<Vec<u8>>> {
        if self.shown.take_if(|shown| shown == text).is_some() {
            self.habit = Habit::Unknown;
        }
        let at = self.sent.iter().position(|(sent, _)| sent == text)?;
        (self.habit, self.last) = (Habit::PendingEchoes, Some(now));
        let mut before: Vec<Vec<u8>> = self.sent.drain(..=at).map(|(text, _)| text).collect();
        before.pop();
        Some(before)
    }

    /// When to look again for what has not come back.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, first) = self.sent.front()?;
        Some((*first).max(self.last.unwrap_or(*first)) + ECHO_TIMEOUT)
    }

    /// What has not come back in time, to be shown now; and whether that has just shown that this server sends nothing back.
    pub fn overdue(&mut self, now: Instant) -> (Vec<Vec<u8>>, bool) {
        if self.deadline().is_none_or(|at| now < at) {
            return (Vec::new(), false);
        }
        // Who has sent others back may have lost this one, or torn it.
        self.habit = if self.habit == Habit::PendingEchoes { Habit::Unknown } else { Habit::Keeps };
        (self.take(), self.habit == Habit::Keeps)
    }

    /// The connection is over: what has not come back, and never will.
    pub fn end(&mut self) -> Vec<Vec<u8>> {
        (self.habit, self.last, self.shown) = (Habit::Unknown, None, None);
        self.take()
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        self.sent.drain(..).map(|(text, _)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_ones_own_once() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        assert_eq!(echoes.sent(b"a : x".to_vec(), now), None);
        assert_eq!(echoes.heard(b"b : x", now), None);
        assert_eq!(echoes.heard(b"a : x", now), Some(vec![]));
        assert_eq!(echoes.heard(b"a : x", now), None);
        assert_eq!(echoes.deadline(), None);
    }

    #[test]
    fn a_server_that_sends_nothing_back_is_noticed_once() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!(echoes.deadline(), Some(now + ECHO_TIMEOUT));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT / 2), (vec![], false));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![b"a : x".to_vec()], true));
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (vec![], false));
        // From then on at once; and the very same of another's is heard as such.
        assert_eq!(echoes.sent(b"a : x".to_vec(), now), Some(b"a : x".to_vec()));
        assert_eq!((echoes.heard(b"a : x", now), echoes.deadline()), (None, None));
        // Another connection may lead to another server.
        assert!(echoes.end().is_empty());
        assert_eq!(echoes.sent(b"a : y".to_vec(), now), None);
    }

    #[test]
    fn what_an_echoing_server_has_torn_is_shown_in_its_place() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        for text in [b"1", b"2", b"3", b"4"] {
            echoes.sent(text.to_vec(), now);
        }
        assert_eq!(echoes.heard(b"1", now + ECHO_TIMEOUT), Some(vec![]));
        assert_eq!(echoes.heard(b"3", now + ECHO_TIMEOUT), Some(vec![b"2".to_vec()]));
        // As long as others come back the rest is waited for; and one that does not come makes no rule.
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![], false));
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (vec![b"4".to_vec()], false));
        assert_eq!(echoes.sent(b"5".to_vec(), now), None);
        assert_eq!(echoes.heard(b"5", now), Some(vec![]));
    }

    #[test]
    fn what_a_lost_connection_took_swallows_nothing_of_the_next() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!(echoes.end(), [b"a : x"]);
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!((echoes.heard(b"a : x", now), echoes.deadline()), (Some(vec![]), None));
    }

    #[test]
    fn what_the_server_has_refused_is_not_waited_for_and_makes_no_rule() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        echoes.sent(b"a : x".to_vec(), now);
        echoes.sent(b"b : y".to_vec(), now);
        assert_eq!(echoes.refused(now), Some(b"a : x".to_vec()));
        assert_eq!(echoes.heard(b"b : y", now), Some(vec![]));
        assert_eq!((echoes.refused(now), echoes.deadline()), (None, None));
    }

    #[test]
    fn a_server_that_only_was_slow_is_taken_for_what_it_is_again() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        echoes.sent(b"1".to_vec(), now);
        assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
        assert_eq!(echoes.sent(b"2".to_vec(), now), Some(b"2".to_vec()));
        assert_eq!((echoes.heard(b"1", now), echoes.heard(b"2", now)), (None, None));
        assert_eq!((echoes.sent(b"3".to_vec(), now), echoes.heard(b"3", now)), (None, Some(vec![])));
    }

    #[test]
    fn it_is_bounded_and_nothing_is_lost() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        let shown = (0..2 * MAX).filter_map(|i| echoes.sent(i.to_string().into_bytes(), now)).count();
        assert_eq!((shown, echoes.overdue(now + ECHO_TIMEOUT).0.len()), (MAX, MAX));
    }
}
