//! One's own messages between being sent and coming back from the server, in the room's order:
//! sent, then said. Pure.
//!
//! A message with a late echo is shown as sent, and kept: it is said once its echo comes, and may
//! be lost if the connection is lost before. Received messages are always shown, even if they look
//! like one's own: twice is better than never.
//!
//! A course's server may not echo messages to their sender. Silence alone does not tell it from a
//! dead connection: the server's kernel must have acknowledged the message. From then on messages
//! are shown as sent at once. That the server has relayed them, and is not just stopped, is known
//! once it sends something else. A server that has echoed once always does: its silence is a loss.

use std::collections::VecDeque;
use std::time::{Duration, Instant};

/// Counted from the last echo, since the server may be busy.
const ECHO_TIMEOUT: Duration = Duration::from_secs(1);

const MAX: usize = 20_000;

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum EchoPolicy {
    #[default]
    Unknown,
    Echoes,
    /// Messages go to the other clients only.
    OthersOnly,
}

#[derive(Debug)]
struct Pending {
    text: Vec<u8>,
    at: Instant,
    /// Offset of its end in the bytes sent on this connection.
    end: usize,
    is_shown: bool,
}

/// State of one connection.
#[derive(Debug, Default)]
pub struct PendingEchoes {
    /// In the order of sending; those that are shown come first.
    sent: VecDeque<Pending>,
    policy: EchoPolicy,
    is_ours: bool,
    /// Time of the last echo or refusal.
    last: Option<Instant>,
    bytes_sent: usize,
    bytes_acknowledged: usize,
    /// A server without echoes has read these.
    bytes_relayed: usize,
}

impl PendingEchoes {
    /// `text` was sent, without its NUL. Returns a message to be shown as sent now.
    pub fn sent(&mut self, text: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
        self.bytes_sent += text.len() + 1;
        let is_shown = self.policy == EchoPolicy::OthersOnly;
        if is_shown {
            self.sent.retain(|pending| pending.end > self.bytes_relayed);
        }
        let shown = is_shown.then(|| text.clone());
        self.sent.push_back(Pending { text, at: now, end: self.bytes_sent, is_shown });
        let dropped = if self.sent.len() > MAX { self.sent.pop_front() } else { None };
        shown.or(dropped.filter(|pending| !pending.is_shown).map(|pending| pending.text))
    }

    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The server's kernel has acknowledged all bytes sent but these.
    pub fn acknowledged_all_but(&mut self, bytes: usize) {
        self.bytes_acknowledged = self.bytes_sent.saturating_sub(bytes);
    }

    /// The server has refused the oldest pending message.
    pub fn refused(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.last = Some(now);
        self.sent.pop_front().map(|pending| pending.text)
    }

    /// The server is ours, which echoes each message whole.
    pub fn expect_all(&mut self) {
        (self.policy, self.is_ours) = (EchoPolicy::Echoes, true);
    }

    /// `text` was received. `None` if it is not one's own; otherwise the messages sent before it
    /// and not shown yet. Their echo will not come any more: echoes come in order.
    pub fn received(&mut self, text: &[u8], now: Instant) -> Option<Vec<Vec<u8>>> {
        // A course's server may end what it sends back in a newline.
        let is_echo = |pending: &Pending| pending.text.trim_ascii_end() == text.trim_ascii_end();
        let Some(at) = self.sent.iter().position(is_echo) else {
            if self.policy == EchoPolicy::OthersOnly {
                self.bytes_relayed = self.bytes_acknowledged;
            }
            return None;
        };
        (self.policy, self.last) = (EchoPolicy::Echoes, Some(now));
        let mut before: Vec<Pending> = self.sent.drain(..=at).collect();
        before.pop();
        Some(before.into_iter().filter(|pending| !pending.is_shown).map(|pending| pending.text).collect())
    }

    fn first_hidden(&self) -> Option<&Pending> {
        self.sent.iter().find(|pending| !pending.is_shown)
    }

    /// When [`PendingEchoes::overdue`] may have something.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.first_hidden()?.at;
        Some(first.max(self.last.unwrap_or(first)) + ECHO_TIMEOUT)
    }

    /// Messages without an echo in time, to be shown as sent now; and whether this has just
    /// shown that the server sends none.
    pub fn overdue(&mut self, now: Instant) -> (Vec<Vec<u8>>, bool) {
        let Some(first) = self.first_hidden().filter(|_| self.deadline().is_some_and(|at| at <= now)) else {
            return (Vec::new(), false);
        };
        let has_arrived = first.end <= self.bytes_acknowledged;
        let is_new = has_arrived && self.policy == EchoPolicy::Unknown;
        if is_new {
            self.policy = EchoPolicy::OthersOnly;
        }
        (self.show_hidden(), is_new)
    }

    /// Messages not shown yet.
    pub fn show_hidden(&mut self) -> Vec<Vec<u8>> {
        let hidden = self.sent.iter_mut().filter(|pending| !pending.is_shown);
        hidden
            .map(|pending| {
                pending.is_shown = true;
                pending.text.clone()
            })
            .collect()
    }

    /// Number of messages shown as sent, with an echo still expected.
    pub fn late(&self) -> usize {
        match self.policy {
            EchoPolicy::OthersOnly => 0,
            _ => self.sent.iter().filter(|pending| pending.is_shown).count(),
        }
    }

    /// As [`PendingEchoes::end`], for a server that has closed after our half-close: it has read
    /// everything. Only ours is known to echo all: a course's may echo nothing, or in pieces.
    pub fn end_in_order(&mut self) -> Vec<Vec<u8>> {
        if !self.is_ours {
            self.sent.clear();
        }
        self.end()
    }

    /// The connection is over: the messages that may be lost, shown or not.
    pub fn end(&mut self) -> Vec<Vec<u8>> {
        let ended = std::mem::take(self);
        let lost = ended.sent.into_iter().filter(|pending| pending.end > ended.bytes_relayed);
        lost.map(|pending| pending.text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// None of these is to be shown yet; all have arrived.
    #[track_caller]
    fn sent(texts: &[&str]) -> (PendingEchoes, Instant) {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        texts.iter().for_each(|text| assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None, "{text}"));
        echoes.acknowledged_all_but(0);
        (echoes, now)
    }

    fn texts(texts: &[&str]) -> Vec<Vec<u8>> {
        texts.iter().map(|text| text.as_bytes().to_vec()).collect()
    }

    #[test]
    fn an_echo_is_ones_own_once() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.received(b"b : x", now), None);
        assert_eq!(echoes.received(b"a : x\r\n", now), Some(vec![]));
        assert_eq!(echoes.received(b"a : x", now), None);
        assert!(echoes.is_empty() && echoes.deadline().is_none() && echoes.end().is_empty());
    }

    #[test]
    fn a_server_without_echoes_is_noticed_once() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.deadline(), Some(now + ECHO_TIMEOUT));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT / 2), (vec![], false));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (texts(&["a : x"]), true));
        assert_eq!((echoes.overdue(now + 2 * ECHO_TIMEOUT), echoes.late()), ((vec![], false), 0));
        // From then on messages are shown when sent. One that has not arrived may be lost.
        assert_eq!(echoes.sent(b"a : y".to_vec(), now), Some(b"a : y".to_vec()));
        echoes.acknowledged_all_but(0);
        assert_eq!(echoes.sent(b"a : z".to_vec(), now), Some(b"a : z".to_vec()));
        assert_eq!((echoes.sent.len(), echoes.deadline(), echoes.late()), (3, None, 0));
        // Another's message: the server has relayed what has arrived.
        assert_eq!(echoes.received(b"b : x", now), None);
        assert_eq!(echoes.end(), texts(&["a : z"]));
        // Another connection may lead to another server.
        assert_eq!(echoes.sent(b"a : y".to_vec(), now), None);
    }

    #[test]
    fn on_a_dead_connection_messages_are_sent_and_kept_and_nothing_is_concluded() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        for text in ["a : x", "a : y"] {
            assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None);
            echoes.acknowledged_all_but(echoes.bytes_sent);
            assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (texts(&[text]), false));
        }
        assert_eq!(echoes.sent(b"a : z".to_vec(), now), None);
        assert_eq!(echoes.late(), 2);
        // Had the connection come back, they would be said, in order.
        assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
        assert_eq!((echoes.late(), echoes.end()), (1, texts(&["a : y", "a : z"])));
    }

    #[test]
    fn a_server_that_is_only_stopped_may_lose_what_has_arrived() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
        assert_eq!(echoes.end(), texts(&["a : x"]));
    }

    #[test]
    fn a_server_that_has_echoed_never_becomes_one_without_echoes() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
        // Its child is stopped; others' messages still come.
        for text in ["a : y", "a : z"] {
            assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None);
            echoes.acknowledged_all_but(0);
            assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (texts(&[text]), false));
            assert_eq!(echoes.received(b"b : x", now), None);
        }
        assert_eq!((echoes.late(), echoes.end()), (2, texts(&["a : y", "a : z"])));
    }

    #[test]
    fn an_end_in_order_loses_only_what_our_server_has_not_sent_back() {
        let (mut echoes, now) = sent(&["a : x", "a : y"]);
        assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
        assert!(echoes.end_in_order().is_empty());
        let (mut echoes, _) = sent(&["a : x"]);
        echoes.expect_all();
        assert_eq!(echoes.end_in_order(), texts(&["a : x"]));
    }

    #[test]
    fn a_message_that_is_not_echoed_is_shown_in_its_place() {
        let (mut echoes, now) = sent(&["1", "2", "3", "4"]);
        assert_eq!(echoes.received(b"1", now + ECHO_TIMEOUT), Some(vec![]));
        assert_eq!(echoes.received(b"3", now + ECHO_TIMEOUT), Some(texts(&["2"])));
        // The timeout counts from the last echo; one missing echo does not change the policy.
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![], false));
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (texts(&["4"]), false));
        assert_eq!(echoes.sent(b"5".to_vec(), now), None);
        // The server has had 4, and shown already, it is not shown again.
        assert_eq!((echoes.received(b"5", now), echoes.late()), (Some(vec![]), 0));
    }

    #[test]
    fn a_message_lost_with_its_connection_hides_none_of_the_next() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.end(), texts(&["a : x"]));
        echoes.sent(b"a : x".to_vec(), now);
        assert_eq!((echoes.received(b"a : x", now), echoes.deadline()), (Some(vec![]), None));
    }

    #[test]
    fn a_refused_message_is_not_awaited() {
        let (mut echoes, now) = sent(&["a : x", "b : y"]);
        assert_eq!(echoes.refused(now), Some(b"a : x".to_vec()));
        assert_eq!(echoes.received(b"b : y", now), Some(vec![]));
        assert_eq!((echoes.refused(now), echoes.deadline()), (None, None));
    }

    #[test]
    fn a_slow_server_is_recognized_as_echoing() {
        let (mut echoes, now) = sent(&["1"]);
        assert!(echoes.overdue(now + ECHO_TIMEOUT).1);
        // Shown as sent, then as said.
        assert_eq!(echoes.received(b"1", now), Some(vec![]));
        assert_eq!((echoes.sent(b"2".to_vec(), now), echoes.received(b"2", now)), (None, Some(vec![])));
    }

    #[test]
    fn pending_messages_are_bounded_and_none_is_lost() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        let shown = (0..2 * MAX).filter_map(|i| echoes.sent(i.to_string().into_bytes(), now)).count();
        assert_eq!((shown, echoes.overdue(now + ECHO_TIMEOUT).0.len()), (MAX, MAX));
    }
}
