//! A shortage of processes: when a client is to give its own to a newcomer. Pure.

use std::time::{Duration, Instant};

use crate::server::waiting::RETRY_WAIT;

/// Longest wait for a second client to give way.
const MAX_WAIT: Duration = Duration::from_secs(3600);

/// Fork has failed, and clients have given their processes to newcomers: when, and how many, since
/// it last succeeded. Other programs may take each process that is freed, or a client's does not
/// end (a debugger has it): so the next one gives way after twice the time.
#[derive(Debug, Default)]
pub(super) struct Shortage {
    last: Option<Instant>,
    freed: u32,
}

impl Shortage {
    pub fn needs_process(&self, now: Instant) -> bool {
        let wait = RETRY_WAIT.saturating_mul(1 << self.freed.min(16)).min(MAX_WAIT);
        self.last.is_none_or(|last| now.saturating_duration_since(last) >= wait)
    }

    pub fn process_freed(&mut self, now: Instant) {
        (self.last, self.freed) = (Some(now), self.freed + 1);
    }

    /// True while the process that was freed last is about to end.
    pub fn is_under_way(&self, now: Instant) -> bool {
        self.last.is_some_and(|last| now.saturating_duration_since(last) < RETRY_WAIT)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_freed_in_vain_become_rare_until_a_fork_succeeds() {
        let (start, mut shortage) = (Instant::now(), Shortage::default());
        let mut freed = Vec::new();
        for second in 0..4 * 3600 {
            let now = start + Duration::from_secs(second);
            if shortage.needs_process(now) {
                shortage.process_freed(now);
                assert!(shortage.is_under_way(now) && !shortage.needs_process(now));
                freed.push(second);
            }
        }
        assert_eq!(freed[..5], [0, 1, 3, 7, 15]);
        assert!(freed.len() <= 16 && freed[freed.len() - 1] > 3 * 3600, "{freed:?}");
    }
}
