//! Back-off of a loop whose system call should succeed and does not.

use std::time::Duration;

use nix::errno::Errno;

/// Failures in a row that are repeated at once: most are over by then.
const AT_ONCE: u32 = 16;

const PAUSE: Duration = Duration::from_millis(20);

/// Five seconds of pauses: what lasts longer is no shortage that passes.
const MOST: u32 = AT_ONCE + 250;

/// Counts failures in a row. No loop that uses it makes more than 50 calls a second for long.
#[derive(Debug, Default)]
pub struct Backoff {
    in_a_row: u32,
}

impl Backoff {
    pub fn succeeded(&mut self) {
        self.in_a_row = 0;
    }

    /// True from the first pause of a row of failures to the next call.
    pub fn begins_to_pause(&self) -> bool {
        self.in_a_row == AT_ONCE + 1
    }

    /// Sleeps, unless there were few failures in a row. False once there were so many that the
    /// caller should give up.
    pub fn failed(&mut self) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        if self.in_a_row > AT_ONCE {
            std::thread::sleep(PAUSE);
        }
        self.in_a_row < MOST
    }
}

/// A signal, or a shortage of memory: the same call may succeed later.
pub fn is_temporary(errno: i32) -> bool {
    use Errno::{EAGAIN, EINTR, ENOBUFS, ENOMEM};
    [EAGAIN, EINTR, ENOBUFS, ENOMEM].contains(&Errno::from_raw(errno))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_gives_up_after_a_bounded_number_of_failures_in_a_row() {
        let mut backoff = Backoff { in_a_row: MOST - 2 };
        assert!(backoff.failed() && !backoff.failed());
        backoff.succeeded();
        assert!((1..AT_ONCE).all(|_| backoff.failed()));
    }
}
