//! Back-off of a loop whose system call should succeed and does not.

use std::cell::Cell;
use std::io;
use std::time::Duration;

use nix::errno::Errno;

use super::errno::sleep;

/// Failures in a row that are repeated at once: most are over by then.
const AT_ONCE: u32 = 16;

const PAUSE: Duration = Duration::from_millis(20);

/// Five seconds of pauses: what lasts longer is no shortage that passes.
const MOST: u32 = AT_ONCE + 250;

/// Counts failures in a row. No loop that uses it makes more than 50 calls a second for long.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Backoff {
    in_a_row: u32,
}

impl Backoff {
    const NEW: Backoff = Backoff { in_a_row: 0 };

    /// Gives up after a second of pauses.
    pub fn for_a_second() -> Backoff {
        Backoff { in_a_row: MOST - 50 }
    }

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
        self.count();
        self.pause()
    }

    fn count(&mut self) {
        self.in_a_row = self.in_a_row.saturating_add(1);
    }

    fn pause(self) -> bool {
        if self.in_a_row > AT_ONCE {
            sleep(PAUSE);
        }
        self.in_a_row < MOST
    }
}

/// A signal, or a shortage of memory: the same call may succeed later.
pub fn is_temporary(errno: i32) -> bool {
    use Errno::{EAGAIN, EINTR, ENOBUFS, ENOMEM};
    [EAGAIN, EINTR, ENOBUFS, ENOMEM].contains(&Errno::from_raw(errno))
}

#[derive(Clone, Copy, PartialEq, Eq)]
struct Idle {
    /// Waits in a row that ended early, after which nothing was read or written.
    waits: Backoff,
    /// Sends in a row that failed for want of memory, whatever was read meanwhile.
    sends: Backoff,
    reason: Errno,
}

thread_local! {
    /// Thread-local, so next to errno: a child's write copies no page that errno would not.
    static IDLE: Cell<Idle> =
        const { Cell::new(Idle { waits: Backoff::NEW, sends: Backoff::NEW, reason: Errno::EAGAIN }) };
}

/// Writes only what differs: a worker that only reads then has no copy of the page.
fn change(idle: impl FnOnce(&mut Idle)) {
    let before = IDLE.get();
    let mut changed = before;
    idle(&mut changed);
    if changed != before {
        IDLE.set(changed);
    }
}

/// A call has read or written something, or found the end of file.
pub(super) fn progressed() {
    change(|idle| (idle.waits, idle.reason) = (Backoff::NEW, Errno::EAGAIN));
}

/// A call that should have done something has done nothing, for this reason.
pub(super) fn stalled(reason: Errno) {
    change(|idle| idle.reason = reason);
}

/// Of a call that moves bytes: `None` where another may succeed later; the next wait may pause.
pub(super) fn moved(outcome: nix::Result<usize>) -> nix::Result<Option<usize>> {
    match outcome {
        Err(reason) if is_temporary(reason as i32) => {
            stalled(reason);
            Ok(None)
        }
        Err(error) => Err(error),
        Ok(count) => {
            progressed();
            Ok(Some(count))
        }
    }
}

/// [`moved`] of send(2).
pub(super) fn sent(outcome: nix::Result<usize>) -> nix::Result<Option<usize>> {
    change(|idle| match outcome {
        Err(Errno::ENOBUFS | Errno::ENOMEM) => idle.sends.count(),
        _ => idle.sends = Backoff::NEW,
    });
    moved(outcome)
}

/// For a loop with a back-off of its own.
pub(super) fn begin_anew() {
    progressed();
    change(|idle| idle.sends = Backoff::NEW);
}

/// A wait has ended before its time. Unless something is read or written before the next wait, that
/// would end at once too: see [`before_wait`].
pub(super) fn woke() {
    change(|idle| idle.waits.count());
}

/// True when nothing was read or written since the last wait.
pub fn is_idle() -> bool {
    IDLE.get().waits.in_a_row > 0
}

/// Pauses before a wait that follows idle ones. Once there were too many, fails with the reason of
/// the last call, and begins anew.
pub(super) fn before_wait() -> io::Result<()> {
    let Idle { waits, sends, reason } = IDLE.get();
    let worse = if sends.in_a_row > waits.in_a_row { sends } else { waits };
    if worse.pause() {
        return Ok(());
    }
    begin_anew();
    Err(reason.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_that_lead_to_nothing_end_with_the_last_reason() {
        let set = |in_a_row| change(|idle| idle.waits = Backoff { in_a_row });
        set(MOST - 2);
        woke();
        stalled(Errno::ENOBUFS);
        assert!(before_wait().is_ok() && is_idle());
        woke();
        assert_eq!(before_wait().unwrap_err().raw_os_error(), Some(Errno::ENOBUFS as i32));
        assert!(before_wait().is_ok());
        set(MOST);
        progressed();
        assert!(before_wait().is_ok() && !is_idle());
    }

    #[test]
    fn sends_that_fail_for_want_of_memory_end_it_although_something_is_read() {
        change(|idle| idle.sends = Backoff { in_a_row: MOST - 1 });
        progressed();
        assert!(before_wait().is_ok());
        assert_eq!(sent(Err(Errno::ENOBUFS)), Ok(None));
        assert_eq!(before_wait().unwrap_err().raw_os_error(), Some(Errno::ENOBUFS as i32));
        change(|idle| idle.sends = Backoff { in_a_row: MOST });
        assert_eq!(sent(Err(Errno::EAGAIN)), Ok(None));
        assert!(before_wait().is_ok());
    }

    #[test]
    fn it_gives_up_after_a_bounded_number_of_failures_in_a_row() {
        let mut backoff = Backoff { in_a_row: MOST - 2 };
        assert!(backoff.failed() && !backoff.failed());
        backoff.succeeded();
        assert!((1..AT_ONCE).all(|_| backoff.failed()));
    }
}
