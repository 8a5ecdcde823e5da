//! How much of what waits for one recipient each sender has sent: one that sends more than the
//! recipient reads must not have it disconnected, nor fill its queue for the others. Pure.
//!
//! Counted in two generations, since a list of all waiting lines would be as long as a flood: what
//! the recipient has read of the older one still counts until it has read all of that.

use std::net::IpAddr;
use std::ops::Range;

use smallvec::SmallVec;

use crate::sys::Pid;

/// Whose bytes they are. One that connects again must not find a share of its own: the bytes of
/// clients that have left count for all of their address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Sender {
    /// `None`: it has left.
    pub pid: Option<Pid>,
    /// See [`crate::server::source`].
    pub source: IpAddr,
}

/// Kept off the heap: see [`crate::sys::dontfork_vec`].
type Counts = SmallVec<[(Sender, u64); 8]>;

/// Bytes that may wait for a recipient.
pub struct Limit {
    /// Beyond these, no sender may have more than its share.
    pub full: u64,
    pub share: u64,
    /// In all, senders that have left included.
    pub most: u64,
}

#[derive(Debug, Default)]
pub struct Shares {
    /// Bytes of each sender before [`Shares::begun`], and from there on.
    older: Counts,
    newer: Counts,
    begun: u64,
}

impl Shares {
    /// Counts `bytes` that `sender` adds to what is `waiting`: positions in the recipient's log.
    /// False, and nothing is counted, where that would be beyond the `limit`.
    pub fn admit(&mut self, sender: Sender, bytes: u64, waiting: Range<u64>, limit: &Limit) -> bool {
        if waiting.is_empty() {
            self.newer.clear();
        }
        if self.begun <= waiting.start {
            self.older = std::mem::take(&mut self.newer);
            self.begun = waiting.end;
        }
        let all = waiting.end - waiting.start + bytes;
        if all > limit.most || (all > limit.full && self.of(sender) + bytes > limit.share) {
            return false;
        }
        add(&mut self.newer, sender, bytes);
        true
    }

    /// `sender` has left.
    pub fn leave(&mut self, sender: Sender) {
        for counts in [&mut self.older, &mut self.newer] {
            if let Some(at) = counts.iter().position(|(one, _)| *one == sender) {
                let (_, bytes) = counts.swap_remove(at);
                add(counts, Sender { pid: None, ..sender }, bytes);
            }
        }
    }

    fn of(&self, sender: Sender) -> u64 {
        let left = Sender { pid: None, ..sender };
        let counts = self.older.iter().chain(&self.newer);
        counts.filter(|(one, _)| [sender, left].contains(one)).map(|(_, bytes)| bytes).sum()
    }
}

fn add(counts: &mut Counts, sender: Sender, bytes: u64) {
    match counts.iter_mut().find(|(one, _)| *one == sender) {
        Some((_, all)) => *all += bytes,
        None => counts.push((sender, bytes)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sender(pid: i32, host: u8) -> Sender {
        Sender { pid: Some(Pid::from_raw(pid)), source: IpAddr::from([192, 0, 2, host]) }
    }

    const LIMIT: u64 = 10_000;
    const SHARE: u64 = 1000;
    const WITHIN: Limit = Limit { full: LIMIT, share: SHARE, most: 2 * LIMIT };

    #[test]
    fn a_flood_fills_the_queue_and_the_others_still_find_room_in_it() {
        let [a, b] = [1, 2].map(|pid| sender(pid, 1));
        let (mut shares, mut admitted) = (Shares::default(), [Vec::new(), Vec::new()]);
        let (mut read, mut end) = (0, 0);
        for turn in 0..30_000_u64 {
            // The flood of one, a line now and then of the other; read at a quarter of that.
            let (sender, bytes) = if turn % 100 == 0 { (b, 20) } else { (a, 1 + turn % 40) };
            let is_flood = sender == a;
            if shares.admit(sender, bytes, read..end, &WITHIN) {
                end += bytes;
                admitted[usize::from(is_flood)].push(turn);
            } else {
                assert!(is_flood && end - read + bytes > LIMIT, "turn {turn}");
            }
            assert!(end - read <= LIMIT + SHARE, "turn {turn}: {} wait", end - read);
            read = (read + 5).min(end);
        }
        let [others, flood] = admitted;
        assert_eq!(others.len(), 30_000 / 100);
        assert!(flood.len() < 29_700 / 2 && flood.last() > Some(&29_000), "refused, and admitted again");
    }

    #[test]
    fn what_was_read_counts_for_nobody() {
        let [a, b] = [1, 2].map(|pid| sender(pid, 1));
        let mut shares = Shares::default();
        assert!(shares.admit(a, LIMIT, 0..0, &WITHIN));
        assert!(!shares.admit(a, 1, 0..LIMIT, &WITHIN), "full of its own");
        assert!(shares.admit(b, LIMIT, LIMIT..LIMIT, &WITHIN));
        assert!(shares.admit(a, SHARE, LIMIT..2 * LIMIT, &WITHIN), "full of the other's");
        assert!(!shares.admit(a, 1, LIMIT..2 * LIMIT + SHARE, &WITHIN));
    }
    #[test]
    fn a_sender_that_connects_again_finds_the_share_of_its_address_taken() {
        let mut shares = Shares::default();
        let mut end = 0;
        for pid in 0..100 {
            while shares.admit(sender(pid, 1), 100, 0..end, &WITHIN) {
                end += 100;
            }
            shares.leave(sender(pid, 1));
            assert_eq!(end, LIMIT);
        }
        assert!(shares.older.len() <= 1 && shares.newer.len() <= 1, "{shares:?}");
        assert!(shares.admit(sender(100, 2), SHARE, 0..end, &WITHIN));
        assert!(shares.admit(sender(101, 1), SHARE, LIMIT - SHARE..end, &WITHIN));
    }

    #[test]
    fn senders_of_many_addresses_that_leave_add_no_more_than_the_limit() {
        let (mut shares, mut end) = (Shares::default(), 0);
        for host in 0..=255 {
            while shares.admit(sender(i32::from(host), host), 100, 0..end, &WITHIN) {
                end += 100;
            }
            shares.leave(sender(i32::from(host), host));
        }
        assert_eq!(end, WITHIN.most);
        assert!(shares.admit(sender(256, 255), 100, LIMIT..end, &WITHIN), "once it has read");
    }
}
