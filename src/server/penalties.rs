//! Penalties: an address of clients that crash their children again and again has to wait. Pure.
//!
//! A crash may be a guess at an exploit, of an address for example, and an attack takes many:
//! sshd's `PerSourcePenalties` is the model. The first crashes are free, since a class is often
//! behind one address. Memory is bounded by [`MAX_SOURCES`].

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use super::source::source;

/// Crashes that cost nothing.
const FORGIVEN: u32 = 2;
/// The wait after the next one; each further one doubles it.
const FIRST_WAIT: Duration = Duration::from_secs(10);
const MAX_WAIT: Duration = Duration::from_secs(600);
/// Crashes that are remembered: the longest wait needs no more.
const MAX_CRASHES: u32 =
    FORGIVEN + 1 + (MAX_WAIT.as_secs() / FIRST_WAIT.as_secs()).next_power_of_two().ilog2();
/// Decay: after a wait, one crash is forgotten in each such time without another.
const FORGET: Duration = Duration::from_secs(300);
/// Addresses that are remembered. Beyond, the one with the mildest penalty is forgotten.
const MAX_SOURCES: usize = 1024;

#[derive(Debug)]
struct Record {
    crashes: u32,
    /// The end of the wait.
    until: Instant,
    /// Connections refused during the wait.
    refused: u64,
}

/// A connection is refused.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Penalty {
    /// The rest of the wait.
    pub left: Duration,
    /// Connections refused during this wait.
    pub refused: u64,
}

#[derive(Debug, Default)]
pub struct Penalties {
    records: BTreeMap<IpAddr, Record>,
}

impl Penalties {
    /// A child of this client has crashed.
    pub fn crash(&mut self, client: IpAddr, now: Instant) {
        let source = source(client);
        if self.records.len() >= MAX_SOURCES && !self.records.contains_key(&source) {
            self.make_room(now);
        }
        let record = self.records.entry(source).or_insert(Record { crashes: 0, until: now, refused: 0 });
        record.crashes = MAX_CRASHES.min(record.remembered(now) + 1);
        record.until = record.until.max(now + wait_after(record.crashes));
        record.refused = 0;
    }

    /// `None` for a connection that may be admitted; otherwise counts the refusal.
    pub fn refuse(&mut self, client: IpAddr, now: Instant) -> Option<Penalty> {
        if self.records.is_empty() {
            return None;
        }
        let record = self.records.get_mut(&source(client)).filter(|record| now < record.until)?;
        record.refused += 1;
        Some(Penalty { left: record.until - now, refused: record.refused })
    }

    fn make_room(&mut self, now: Instant) {
        self.records.retain(|_, record| record.remembered(now) > 0);
        if self.records.len() >= MAX_SOURCES {
            let mildest = self.records.iter().min_by_key(|(_, record)| (record.until, record.crashes));
            if let Some(&source) = mildest.map(|(source, _)| source) {
                self.records.remove(&source);
            }
        }
    }
}

impl Record {
    /// The crashes that are not forgotten yet.
    fn remembered(&self, now: Instant) -> u32 {
        let forgotten = now.saturating_duration_since(self.until).as_secs() / FORGET.as_secs();
        self.crashes.saturating_sub(u32::try_from(forgotten).unwrap_or(u32::MAX))
    }
}

fn wait_after(crashes: u32) -> Duration {
    match crashes.checked_sub(FORGIVEN + 1) {
        None => Duration::ZERO,
        Some(doubled) => (FIRST_WAIT * (1 << doubled)).min(MAX_WAIT),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const CLIENT: IpAddr = IpAddr::V4(std::net::Ipv4Addr::new(192, 0, 2, 1));

    /// The wait after each of `crashes` that come `every` so often.
    fn waits(crashes: usize, every: Duration) -> Vec<u64> {
        let (mut penalties, mut now) = (Penalties::default(), Instant::now());
        let mut wait = || {
            penalties.crash(CLIENT, now);
            let left = penalties.refuse(CLIENT, now).map_or(Duration::ZERO, |penalty| penalty.left);
            now += left + every;
            left.as_secs()
        };
        (0..crashes).map(|_| wait()).collect()
    }

    #[test]
    fn the_wait_grows_with_each_crash_to_a_limit() {
        assert_eq!(waits(12, Duration::ZERO), [0, 0, 10, 20, 40, 80, 160, 320, 600, 600, 600, 600]);
    }

    #[test]
    fn crashes_are_forgotten_one_by_one() {
        assert_eq!(waits(50, FORGET), [0; 50]);
        assert_eq!(waits(7, FORGET / 2), [0, 0, 10, 20, 40, 80, 160]);
        let (mut penalties, now) = (Penalties::default(), Instant::now());
        (0..6).for_each(|_| penalties.crash(CLIENT, now));
        let later = now + Duration::from_secs(80) + 4 * FORGET;
        penalties.crash(CLIENT, later);
        let left = penalties.refuse(CLIENT, later).map(|penalty| penalty.left);
        assert_eq!(left, Some(FIRST_WAIT));
    }

    #[test]
    fn many_crashes_at_once_are_forgotten_as_soon_as_those_of_the_longest_wait() {
        for crashes in [8, MAX_CRASHES, 600] {
            let (mut penalties, now) = (Penalties::default(), Instant::now());
            (0..crashes).for_each(|_| penalties.crash(CLIENT, now));
            let wait = penalties.refuse(CLIENT, now).map(|penalty| penalty.left);
            assert_eq!(wait == Some(MAX_WAIT), crashes >= MAX_CRASHES, "{crashes}");
            let later = now + MAX_WAIT + MAX_CRASHES * FORGET;
            (0..FORGIVEN).for_each(|_| penalties.crash(CLIENT, later));
            assert_eq!(penalties.refuse(CLIENT, later), None, "{crashes}");
        }
    }

    #[test]
    fn refusals_of_a_wait_are_counted_and_end_with_it() {
        let (mut penalties, now) = (Penalties::default(), Instant::now());
        (0..3).for_each(|_| penalties.crash(CLIENT, now));
        let refused = |penalties: &mut Penalties| penalties.refuse(CLIENT, now).map(|it| it.refused);
        assert_eq!([1, 2, 3].map(|_| refused(&mut penalties)), [Some(1), Some(2), Some(3)]);
        assert_eq!(penalties.refuse(CLIENT, now + FIRST_WAIT), None);
        penalties.crash(CLIENT, now + FIRST_WAIT);
        assert_eq!(penalties.refuse(CLIENT, now + FIRST_WAIT).map(|it| it.refused), Some(1));
    }

    #[test]
    fn an_address_is_refused_alone_and_an_ipv6_network_as_a_whole() {
        let (mut penalties, now) = (Penalties::default(), Instant::now());
        for crash in 1..=3 {
            penalties.crash(format!("2001:db8:0:1::{crash}").parse().unwrap(), now);
            penalties.crash(CLIENT, now);
        }
        for (client, is_refused) in [
            ("2001:db8:0:1::1", true),
            ("2001:db8:0:1:ffff::9", true),
            ("2001:db8:0:2::1", false),
            ("192.0.2.1", true),
            ("192.0.2.2", false),
        ] {
            assert_eq!(penalties.refuse(client.parse().unwrap(), now).is_some(), is_refused, "{client}");
        }
    }

    #[test]
    fn memory_is_bounded_and_the_mildest_penalty_is_forgotten_first() {
        let (mut penalties, now) = (Penalties::default(), Instant::now());
        (0..3).for_each(|_| penalties.crash(CLIENT, now));
        for address in 0..3 * MAX_SOURCES as u32 {
            penalties.crash(IpAddr::V4((0x0a00_0000 + address).into()), now);
        }
        assert_eq!(penalties.records.len(), MAX_SOURCES);
        assert!(penalties.refuse(CLIENT, now).is_some());
    }
}
