//! What a client is still to be told, and when. Pure: the clock is the caller's.
//!
//! The course's client reads its number with one `recv` and its role with the next. If both lay in its socket, the first
//! would swallow the second: so whatever follows an opening item waits.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pair::Item;

/// How long whatever follows an opening item waits.
const GAP: Duration = Duration::from_millis(200);

/// A queue of items. It never holds more than a few: its client's turn comes only when it has been told all.
#[derive(Debug, Default)]
pub struct SendQueue {
    items: VecDeque<Item>,
    /// Bytes of the first item that are sent.
    sent: usize,
    quiet_until: Option<Instant>,
}

impl SendQueue {
    /// Adds an item.
    pub fn push(&mut self, item: Item) {
        self.items.push_back(item);
    }

    /// True when all is told.
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }

    /// What may be sent now: the rest of one item, or nothing.
    pub fn ready(&self, now: Instant) -> &[u8] {
        match self.quiet_until {
            Some(until) if now < until => &[],
            _ => self.items.front().map_or(&[], |item| &item.bytes[self.sent..]),
        }
    }

    /// Says that `bytes` of [`SendQueue::ready`] were sent.
    pub fn took(&mut self, bytes: usize, now: Instant) {
        self.sent += bytes;
        if self.items.front().is_none_or(|item| self.sent < item.bytes.len()) {
            return;
        }
        let opening = self.items.pop_front().is_some_and(|item| item.opening);
        self.sent = 0;
        self.quiet_until = opening.then(|| now + GAP);
    }

    /// Until when nothing may be sent; `None` when nothing was said that needs it.
    pub fn quiet_until(&self) -> Option<Instant> {
        self.quiet_until
    }

    /// The rest of an item of which a part is sent, and nothing else.
    pub fn unfinished(&self) -> &[u8] {
        match self.sent {
            0 => &[],
            sent => self.items.front().map_or(&[], |item| &item.bytes[sent..]),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn item(text: &str, opening: bool) -> Item {
        Item { bytes: text.into(), opening }
    }

    #[test]
    fn what_follows_an_opening_item_waits_and_what_follows_a_message_does_not() {
        let (mut outbox, start) = (SendQueue::default(), Instant::now());
        for (text, opening) in [("1", true), ("emi", true), ("a", false), ("b", false)] {
            outbox.push(item(text, opening));
        }
        let mut now = start;
        for text in ["1", "emi"] {
            assert_eq!(outbox.ready(now), text.as_bytes());
            outbox.took(text.len(), now);
            assert_eq!(outbox.quiet_until(), Some(now + GAP));
            assert_eq!(outbox.ready(now + GAP / 2), b"");
            now += GAP;
        }
        for text in ["a", "b"] {
            assert_eq!(outbox.ready(now), text.as_bytes());
            outbox.took(1, now);
        }
        assert!(outbox.is_empty() && outbox.ready(now).is_empty());
    }

    #[test]
    fn what_comes_later_than_the_gap_does_not_wait() {
        let (mut outbox, now) = (SendQueue::default(), Instant::now());
        outbox.push(item("1", true));
        outbox.took(1, now);
        outbox.push(item("emi", true));
        assert_eq!(outbox.ready(now), b"");
        assert_eq!(outbox.ready(now + GAP), b"emi");
    }

    #[test]
    fn an_item_that_is_sent_in_part_goes_on_where_it_was() {
        let (mut outbox, now) = (SendQueue::default(), Instant::now());
        outbox.push(item("message", false));
        outbox.push(item("suite", false));
        assert_eq!(outbox.unfinished(), b"");
        outbox.took(3, now);
        assert_eq!((outbox.ready(now), outbox.unfinished()), (&b"sage"[..], &b"sage"[..]));
        outbox.took(4, now);
        assert_eq!((outbox.ready(now), outbox.unfinished()), (&b"suite"[..], &b""[..]));
    }
}
