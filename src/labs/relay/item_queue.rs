//! The items still to be sent to a client, and when each may be. Pure: the clock is the caller's.
//!
//! The course's client reads its number, its role and a replayed message with one small `recv`
//! each. If two lay in its socket, one `recv` would swallow both: so the item after an opening one
//! waits. The wait begins when the client's kernel has acknowledged the opening item: a lost
//! segment is sent again after 200 ms or more (RFC 6298), and would arrive together with the next
//! item.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

use super::pair::Item;

const GAP: Duration = Duration::from_millis(200);

/// Pause between two checks for the acknowledgement of an opening item.
const CHECK_AGAIN_AFTER: Duration = Duration::from_millis(20);

/// Holds a few items at most: the client may speak only when its queue is empty.
#[derive(Debug, Default)]
pub struct ItemQueue {
    pub items: VecDeque<Item>,
    /// Bytes of the first item that are sent.
    sent: usize,
    /// The end of the pause before the first item, or after the item sent last, if it was an
    /// opening one.
    pub quiet_until: Option<Instant>,
    /// The next check whether the opening item sent last is acknowledged; `None` once it is.
    check_at: Option<Instant>,
}

impl ItemQueue {
    /// Nothing is sent until then.
    pub fn after(quiet_until: Instant) -> ItemQueue {
        ItemQueue { quiet_until: Some(quiet_until), ..ItemQueue::default() }
    }

    /// Bytes to send now: the rest of one item, or nothing.
    pub fn ready(&self, now: Instant) -> &[u8] {
        match self.quiet_until {
            Some(until) if now < until => &[],
            _ => self.front(),
        }
    }

    /// Records that `bytes` of [`ItemQueue::ready`] were sent. Returns the item that is now whole.
    pub fn advance(&mut self, bytes: usize, now: Instant) -> Option<Item> {
        self.sent += bytes;
        if self.items.front().is_none_or(|item| self.sent < item.bytes.len()) {
            return None;
        }
        let item = self.items.pop_front()?;
        self.sent = 0;
        self.quiet_until = item.opening.then(|| now + GAP);
        self.check_at = item.opening.then(|| now + CHECK_AGAIN_AFTER);
        Some(item)
    }

    /// Lets the gap begin anew as long as the opening item sent last is not acknowledged.
    pub fn check_acknowledged(&mut self, is_awaited: impl FnOnce() -> bool, now: Instant) {
        if self.check_at.take_if(|at| *at <= now).is_some() && is_awaited() {
            (self.check_at, self.quiet_until) = (Some(now + CHECK_AGAIN_AFTER), Some(now + GAP));
        }
    }

    /// When there is something to do next, unless the socket accepts nothing.
    pub fn due(&self) -> Option<Instant> {
        let quiet = self.quiet_until.filter(|_| !self.items.is_empty());
        quiet.into_iter().chain(self.check_at).min()
    }

    /// The bytes still to be sent when the server ends: the rest of an item, and all messages. An
    /// opening item that was not begun would need a pause behind it.
    pub fn rest(&self) -> Vec<u8> {
        let unfinished = if self.sent > 0 { self.front() } else { &[] };
        let items = self.items.iter().skip(usize::from(self.sent > 0)).filter(|item| !item.opening);
        items.fold(unfinished.to_vec(), |rest, item| [rest, item.bytes.clone()].concat())
    }

    fn front(&self) -> &[u8] {
        self.items.front().map_or(&[], |item| &item.bytes[self.sent..])
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn queue(items: &[(&str, bool)]) -> (ItemQueue, Instant) {
        let items = items.iter().map(|&(text, opening)| Item { bytes: text.into(), opening });
        (ItemQueue { items: items.collect(), ..ItemQueue::default() }, Instant::now())
    }

    #[test]
    fn the_item_after_an_opening_one_waits_and_the_one_after_a_message_does_not() {
        let (mut queue, mut now) = queue(&[("1", true), ("emi", true), ("a", false), ("b", false)]);
        for text in ["1", "emi"] {
            assert_eq!(queue.ready(now), text.as_bytes());
            queue.advance(text.len(), now);
            assert_eq!(queue.quiet_until, Some(now + GAP));
            assert_eq!(queue.ready(now + GAP / 2), b"");
            now += GAP;
        }
        for text in ["a", "b"] {
            assert_eq!(queue.ready(now), text.as_bytes());
            queue.advance(1, now);
        }
        assert!(queue.items.is_empty() && queue.ready(now).is_empty());
    }

    #[test]
    fn the_gap_begins_when_the_opening_item_is_acknowledged() {
        let (mut queue, sent) = queue(&[("1", true), ("emi", true)]);
        queue.advance(1, sent);
        let mut now = sent;
        for _ in 0..50 {
            now = queue.due().unwrap();
            assert_eq!(queue.ready(now), b"");
            queue.check_acknowledged(|| true, now);
        }
        queue.check_acknowledged(|| panic!("checked before it is due"), now);
        assert_eq!(now, sent + CHECK_AGAIN_AFTER * 50);
        queue.check_acknowledged(|| false, now + CHECK_AGAIN_AFTER);
        queue.check_acknowledged(|| panic!("checked after the acknowledgement"), now + GAP);
        assert_eq!(queue.due(), Some(now + GAP));
        assert_eq!(queue.ready(now + GAP), b"emi");
    }

    #[test]
    fn an_item_pushed_within_the_gap_waits_for_its_end_only() {
        let (mut queue, now) = queue(&[("1", true)]);
        queue.advance(1, now);
        queue.items.push_back(Item { bytes: b"emi".to_vec(), opening: true });
        assert_eq!(queue.ready(now), b"");
        assert_eq!(queue.ready(now + GAP), b"emi");
    }

    #[test]
    fn an_item_sent_in_part_continues() {
        let (mut queue, now) = queue(&[("message", false), ("1", true), ("suite", false)]);
        assert_eq!(queue.rest(), b"messagesuite");
        queue.advance(3, now);
        assert_eq!((queue.ready(now), &queue.rest()[..]), (&b"sage"[..], &b"sagesuite"[..]));
        queue.advance(4, now);
        assert_eq!((queue.ready(now), &queue.rest()[..]), (&b"1"[..], &b"suite"[..]));
    }
}
