//! One's own messages: sent, and waited for until the server sends them back in the room's order. Pure.
//!
//! A course's server may send a message to all but its sender. What does not come back in time is shown all the same, once.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// How long a message may take to come back, or the one before it, since a server may be busy with many.
const PATIENCE: Duration = Duration::from_secs(1);

/// What was shown may come back for so long; the same words after that are said anew, perhaps by another of that name.
const LATE: Duration = Duration::from_secs(60);

/// So many are kept in mind, of those that have not come back.
const MOST: usize = 20_000;

/// What a message is that was heard.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Heard {
    /// Another's.
    Others,
    /// One's own.
    Own,
    /// One's own, and shown already.
    Shown,
}

/// What was sent and has not been heard yet.
#[derive(Debug, Default)]
pub struct Echoes {
    sent: VecDeque<Sent>,
    /// When the last came back.
    last: Option<Instant>,
}

#[derive(Debug)]
struct Sent {
    text: Vec<u8>,
    at: Instant,
    is_shown: bool,
}

impl Echoes {
    /// `text` was sent; it has no NUL at its end.
    pub fn sent(&mut self, text: Vec<u8>, now: Instant) {
        if self.sent.len() == MOST {
            self.sent.pop_front();
        }
        self.sent.push_back(Sent { text, at: now, is_shown: false });
    }

    /// `text` was heard.
    pub fn heard(&mut self, text: &[u8], now: Instant) -> Heard {
        let is_it = |sent: &Sent| sent.text == text && !(sent.is_shown && sent.at + LATE < now);
        let Some(at) = self.sent.iter().position(is_it) else { return Heard::Others };
        self.last = Some(now);
        match self.sent.remove(at) {
            Some(Sent { is_shown: true, .. }) => Heard::Shown,
            _ => Heard::Own,
        }
    }

    /// When to look again for what has not come back.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.sent.iter().find(|sent| !sent.is_shown)?;
        Some(first.at.max(self.last.unwrap_or(first.at)) + PATIENCE)
    }

    /// What has not come back in time, to be shown now.
    pub fn overdue(&mut self, now: Instant) -> Vec<Vec<u8>> {
        if self.deadline().is_none_or(|at| now < at) {
            return Vec::new();
        }
        let late = |sent: &&mut Sent| !sent.is_shown && sent.at + PATIENCE <= now;
        let texts = self.sent.iter_mut().filter(late).map(|sent| {
            sent.is_shown = true;
            sent.text.clone()
        });
        texts.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_comes_back_is_ones_own_once() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!(echoes.heard(b"b : x", now), Heard::Others);
        assert_eq!(echoes.heard(b"a : x", now), Heard::Own);
        assert_eq!(echoes.heard(b"a : x", now), Heard::Others);
        assert_eq!(echoes.deadline(), None);
    }

    #[test]
    fn what_does_not_come_back_is_shown_once() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!(echoes.deadline(), Some(now + PATIENCE));
        assert!(echoes.overdue(now + PATIENCE / 2).is_empty());
        assert_eq!(echoes.overdue(now + PATIENCE), [b"a : x"]);
        assert_eq!((echoes.overdue(now + 2 * PATIENCE).len(), echoes.deadline()), (0, None));
        assert_eq!(echoes.heard(b"a : x", now + 3 * PATIENCE), Heard::Shown);
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!(echoes.overdue(now + 4 * PATIENCE), [b"a : x"]);
        assert_eq!(echoes.heard(b"a : x", now + 2 * LATE), Heard::Others);
    }

    #[test]
    fn as_long_as_others_come_back_the_rest_is_waited_for() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        echoes.sent(b"1".to_vec(), now);
        echoes.sent(b"2".to_vec(), now);
        assert_eq!(echoes.heard(b"1", now + PATIENCE), Heard::Own);
        assert!(echoes.overdue(now + PATIENCE).is_empty());
        assert_eq!(echoes.overdue(now + 2 * PATIENCE), [b"2"]);
    }

    #[test]
    fn it_is_bounded() {
        let (mut echoes, now) = (Echoes::default(), Instant::now());
        (0..2 * MOST).for_each(|i| echoes.sent(i.to_string().into_bytes(), now));
        assert_eq!((echoes.sent.len(), echoes.overdue(now + PATIENCE).len()), (MOST, MOST));
    }
}
