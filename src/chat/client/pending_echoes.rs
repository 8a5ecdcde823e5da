//! One's own messages between being sent and coming back from the server, in the room's order:
//! sent, then said. Pure.
//!
//! A message with a late echo, or passed over by that of a later one, is shown as sent, and kept:
//! it is said once its echo comes (a foreign server may keep no order), and may be lost if the
//! connection ends before. Received messages are always shown, even if they look like one's own:
//! twice is better than never.
//!
//! A course's server may not echo messages to their sender. Silence alone does not tell it from a
//! dead connection: the server's kernel must have acknowledged the message. From then on messages
//! are shown as sent at once. That the server has relayed them, and is not just stopped, is known
//! once it sends something else. A server that has echoed once always does: its silence is a loss.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::receiver::is_notice;
use crate::chat::message::{trim_end, trim_start};
use crate::text::as_one_line;

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
    /// Other forms in which our server may send it back: see [`other_forms`].
    others: Vec<Vec<u8>>,
    at: Instant,
    /// Offset of its end in the bytes sent on this connection.
    end: usize,
    is_shown: bool,
}

impl Pending {
    fn forms(&self) -> impl Iterator<Item = &[u8]> {
        std::iter::once(&self.text).chain(&self.others).map(Vec::as_slice)
    }
}

/// State of one connection.
#[derive(Debug, Default)]
pub struct PendingEchoes {
    /// In the order of sending; those that are shown come first.
    sent: VecDeque<Pending>,
    /// How many of them have this form, without what may stand around it: a message of another
    /// client costs no search.
    forms: HashMap<Vec<u8>, usize>,
    /// The oldest so many are passed over: a later message has come back.
    passed_over: usize,
    policy: EchoPolicy,
    /// Time of the last echo or refusal, or of [`PendingEchoes::extend`].
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
        while is_shown && self.sent.front().is_some_and(|first| first.end <= self.bytes_relayed) {
            self.take(0);
        }
        let shown = is_shown.then(|| text.clone());
        let others = other_forms(&text);
        let pending = Pending { text, others, at: now, end: self.bytes_sent, is_shown };
        for form in pending.forms() {
            *self.forms.entry(bare(form).to_vec()).or_default() += 1;
        }
        self.sent.push_back(pending);
        let dropped = if self.sent.len() > MAX { self.take(0) } else { None };
        shown.or(dropped.filter(|pending| !pending.is_shown).map(|pending| pending.text))
    }

    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// The server's kernel has acknowledged all bytes sent but these.
    pub fn acknowledged_all_but(&mut self, bytes: usize) {
        self.bytes_acknowledged = self.bytes_sent.saturating_sub(bytes);
    }

    /// The server has refused the oldest message that it has not passed over: it answers in order.
    pub fn refused(&mut self, now: Instant) -> Option<Vec<u8>> {
        self.last = Some(now);
        self.take(self.passed_over).map(|pending| pending.text)
    }

    /// `text` was received. `None` if it is not one's own; otherwise the messages that it passes
    /// over and that are not shown yet, to be shown as sent now. A notice of our server tells that
    /// it echoes.
    pub fn received(&mut self, text: &[u8], now: Instant) -> Option<Vec<Vec<u8>>> {
        let Some(at) = self.position_of(text) else {
            if is_notice(text) {
                self.note_that_it_echoes();
            } else if self.policy == EchoPolicy::OthersOnly {
                self.bytes_relayed = self.bytes_acknowledged;
            }
            return None;
        };
        self.note_that_it_echoes();
        self.last = Some(now);
        self.take(at);
        self.passed_over = self.passed_over.max(at);
        Some(self.show(self.passed_over))
    }

    /// Of several with one text, the first that is not passed over: most servers keep an order.
    fn position_of(&self, text: &[u8]) -> Option<usize> {
        self.forms.get(bare(text))?;
        let in_order = self.passed_over..self.sent.len();
        let mut indices = in_order.chain(0..self.passed_over);
        indices.find(|&at| self.sent[at].forms().any(|form| bare(form) == bare(text)))
    }

    fn take(&mut self, at: usize) -> Option<Pending> {
        let pending = self.sent.remove(at)?;
        self.passed_over -= usize::from(at < self.passed_over);
        for form in pending.forms() {
            if let Entry::Occupied(mut count) = self.forms.entry(bare(form).to_vec()) {
                *count.get_mut() -= 1;
                if *count.get() == 0 {
                    count.remove();
                }
            }
        }
        Some(pending)
    }

    /// Nothing counts as relayed any more only because others have spoken.
    fn note_that_it_echoes(&mut self) {
        (self.policy, self.bytes_relayed) = (EchoPolicy::Echoes, 0);
    }

    /// Number of messages shown as sent.
    fn shown(&self) -> usize {
        self.sent.partition_point(|pending| pending.is_shown)
    }

    fn first_hidden(&self) -> Option<&Pending> {
        self.sent.get(self.shown())
    }

    /// When [`PendingEchoes::overdue`] may have something.
    pub fn deadline(&self) -> Option<Instant> {
        let first = self.first_hidden()?.at;
        Some(first.max(self.last.unwrap_or(first)) + ECHO_TIMEOUT)
    }

    /// The deadline is counted anew.
    pub fn extend(&mut self, now: Instant) {
        self.last = Some(now);
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
        self.show(self.sent.len())
    }

    /// Those of the oldest `count` that are not shown yet.
    fn show(&mut self, count: usize) -> Vec<Vec<u8>> {
        let shown = self.shown();
        let hidden = self.sent.range_mut(shown..count.max(shown));
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
            _ => self.shown(),
        }
    }

    /// As [`PendingEchoes::end`], for a server that has closed after our half-close. That does not
    /// tell whether it has read everything: one that ends closes as well. Of a server that has
    /// echoed nothing, no echo is missed.
    pub fn end_in_order(&mut self) -> Vec<Vec<u8>> {
        if self.policy == EchoPolicy::Echoes { self.end() } else { Vec::new() }
    }

    /// The connection is over: the messages that may be lost, shown or not.
    pub fn end(&mut self) -> Vec<Vec<u8>> {
        let ended = std::mem::take(self);
        let lost = ended.sent.into_iter().filter(|pending| pending.end > ended.bytes_relayed);
        lost.map(|pending| pending.text).collect()
    }
}

/// True if a server may send `sent` back as `received`.
pub fn may_be_echo(sent: &[u8], received: &[u8]) -> bool {
    let is_same = |form: &[u8]| bare(form) == bare(received);
    is_same(sent) || other_forms(sent).iter().any(|form| is_same(form))
}

/// Without the line ends, blanks or byte order mark that a course's server may send around it.
fn bare(message: &[u8]) -> &[u8] {
    trim_start(message).trim_ascii_end()
}

/// `text` with its controls made visible, and with a `?` for each, as `--distinct-names` does. None
/// for a text without controls.
fn other_forms(text: &[u8]) -> Vec<Vec<u8>> {
    let text = trim_end(text);
    let visible = as_one_line(text, usize::MAX);
    if visible == text { Vec::new() } else { vec![visible, as_one_line(text, 0)] }
}

#[cfg(test)]
mod tests;
