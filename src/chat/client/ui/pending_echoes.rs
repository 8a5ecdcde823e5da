//! One's own messages between being sent and coming back from the server, in the room's order.
//! Pure.
//!
//! A course's server may not echo messages to their sender. Once that is noticed, they are shown
//! when sent. Received messages are always shown, even if they look like one's own: twice is better
//! than never.

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

/// State of one connection.
#[derive(Debug, Default)]
pub struct PendingEchoes {
    sent: VecDeque<(Vec<u8>, Instant)>,
    policy: EchoPolicy,
    /// Time of the last echo or refusal.
    last: Option<Instant>,
    /// The last message shown when sent: its echo would prove the server slow only.
    shown: Option<Vec<u8>>,
}

impl PendingEchoes {
    /// `text` was sent, without its NUL. Returns a message to be shown now, not awaited.
    pub fn sent(&mut self, text: Vec<u8>, now: Instant) -> Option<Vec<u8>> {
        if self.policy == EchoPolicy::OthersOnly {
            self.shown = Some(text.clone());
            return Some(text);
        }
        self.sent.push_back((text, now));
        if self.sent.len() > MAX { self.sent.pop_front().map(|(text, _)| text) } else { None }
    }

    /// The server has refused the oldest pending message.
    pub fn refused(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.last = Some(now);
        self.sent.pop_front().map(|(text, _)| text)
    }

    /// `text` was received. `None` if it is not one's own; otherwise the messages sent before it,
    /// whose echo will not come any more: echoes come in order.
    pub fn received(&mut self, text: &[u8], now: Instant) -> Option<Vec<Vec<u8>>> {
        if self.shown.take_if(|shown| shown == text).is_some() {
            self.policy = EchoPolicy::Unknown;
        }
        let at = self.sent.iter().position(|(sent, _)| sent == text)?;
        (self.policy, self.last) = (EchoPolicy::Echoes, Some(now));
        let mut before: Vec<Vec<u8>> = self.sent.drain(..=at).map(|(text, _)| text).collect();
        before.pop();
        Some(before)
    }

    /// When [`PendingEchoes::overdue`] may have something.
    pub fn deadline(&self) -> Option<Instant> {
        let (_, first) = self.sent.front()?;
        Some((*first).max(self.last.unwrap_or(*first)) + ECHO_TIMEOUT)
    }

    /// Messages whose echo has not come in time, to be shown now; and whether this has just shown
    /// that the server sends none.
    pub fn overdue(&mut self, now: Instant) -> (Vec<Vec<u8>>, bool) {
        if self.deadline().is_none_or(|at| now < at) {
            return (Vec::new(), false);
        }
        // A server that has echoed others may have lost this one, or cut it.
        self.policy = match self.policy {
            EchoPolicy::Echoes => EchoPolicy::Unknown,
            _ => EchoPolicy::OthersOnly,
        };
        (self.take(), self.policy == EchoPolicy::OthersOnly)
    }

    /// The connection is over: messages whose echo has not come.
    pub fn end(&mut self) -> Vec<Vec<u8>> {
        (self.policy, self.last, self.shown) = (EchoPolicy::Unknown, None, None);
        self.take()
    }

    fn take(&mut self) -> Vec<Vec<u8>> {
        self.sent.drain(..).map(|(text, _)| text).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// None of these is to be shown yet.
    #[track_caller]
    fn sent(texts: &[&str]) -> (PendingEchoes, Instant) {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        texts.iter().for_each(|text| assert_eq!(echoes.sent(text.as_bytes().to_vec(), now), None, "{text}"));
        (echoes, now)
    }

    #[test]
    fn an_echo_is_ones_own_once() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.received(b"b : x", now), None);
        assert_eq!(echoes.received(b"a : x", now), Some(vec![]));
        assert_eq!(echoes.received(b"a : x", now), None);
        assert_eq!(echoes.deadline(), None);
    }

    #[test]
    fn a_server_without_echoes_is_noticed_once() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.deadline(), Some(now + ECHO_TIMEOUT));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT / 2), (vec![], false));
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![b"a : x".to_vec()], true));
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (vec![], false));
        // From then on messages are shown when sent; the same text received is another's.
        assert_eq!(echoes.sent(b"a : x".to_vec(), now), Some(b"a : x".to_vec()));
        assert_eq!((echoes.received(b"a : x", now), echoes.deadline()), (None, None));
        // Another connection may lead to another server.
        assert!(echoes.end().is_empty());
        assert_eq!(echoes.sent(b"a : y".to_vec(), now), None);
    }

    #[test]
    fn a_message_that_is_not_echoed_is_shown_in_its_place() {
        let (mut echoes, now) = sent(&["1", "2", "3", "4"]);
        assert_eq!(echoes.received(b"1", now + ECHO_TIMEOUT), Some(vec![]));
        assert_eq!(echoes.received(b"3", now + ECHO_TIMEOUT), Some(vec![b"2".to_vec()]));
        // The timeout counts from the last echo; one missing echo does not change the policy.
        assert_eq!(echoes.overdue(now + ECHO_TIMEOUT), (vec![], false));
        assert_eq!(echoes.overdue(now + 2 * ECHO_TIMEOUT), (vec![b"4".to_vec()], false));
        assert_eq!(echoes.sent(b"5".to_vec(), now), None);
        assert_eq!(echoes.received(b"5", now), Some(vec![]));
    }

    #[test]
    fn a_message_lost_with_its_connection_hides_none_of_the_next() {
        let (mut echoes, now) = sent(&["a : x"]);
        assert_eq!(echoes.end(), [b"a : x"]);
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
        assert_eq!(echoes.sent(b"2".to_vec(), now), Some(b"2".to_vec()));
        assert_eq!((echoes.received(b"1", now), echoes.received(b"2", now)), (None, None));
        assert_eq!((echoes.sent(b"3".to_vec(), now), echoes.received(b"3", now)), (None, Some(vec![])));
    }

    #[test]
    fn pending_messages_are_bounded_and_none_is_lost() {
        let (mut echoes, now) = (PendingEchoes::default(), Instant::now());
        let shown = (0..2 * MAX).filter_map(|i| echoes.sent(i.to_string().into_bytes(), now)).count();
        assert_eq!((shown, echoes.overdue(now + ECHO_TIMEOUT).0.len()), (MAX, MAX));
    }
}
