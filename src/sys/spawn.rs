//! A process for one task: what happens at fork, in the order that matters.

use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use super::clone_files::SharedTableFork;
use super::{Fork, Pid, Sandbox, Signals, fork, keep_only, leave};

/// The status of a child that could not get ready (EX_OSERR of sysexits.h).
pub(super) const NOT_READY: i32 = 71;
/// The status of a child in which the program itself was wrong (EX_SOFTWARE of sysexits.h).
const BUG: i32 = 70;

/// Forks a child that holds 0, 1, 2 and the descriptors in `keep`, may do what `sandbox` leaves it, runs `work` and ends
/// with the status that it returns. In the first process, returns the child's number.
///
/// The child never comes back from here: it must not unwind into its parent's loop, nor drop its parent's values, whose
/// descriptors are closed. It costs its own client alone if it panics, and serves nobody if it cannot be confined.
///
/// # Errors
/// What fork(2) says: EAGAIN at the limit of processes, ENOMEM.
pub fn spawn(
    caught: &Signals,
    keep: &[RawFd],
    sandbox: &Sandbox,
    work: impl FnOnce() -> i32,
) -> io::Result<Pid> {
    match fork_keeping(caught, keep)? {
        (Fork::Parent(child), _) => Ok(child),
        (Fork::Child, kept) => {
            let status = match kept.and_then(|()| sandbox.apply()) {
                Ok(()) => catch_unwind(AssertUnwindSafe(work)).unwrap_or(BUG),
                Err(_) => NOT_READY,
            };
            leave(status)
        }
    }
}

/// Forks, and leaves the child with what it keeps.
fn fork_keeping(caught: &Signals, keep: &[RawFd]) -> io::Result<(Fork, io::Result<()>)> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if let Some(crowd) = SharedTableFork::of(keep) {
        return Ok((crowd.fork(caught, keep)?, Ok(())));
    }
    let forked = fork(caught)?;
    let kept = if let Fork::Child = forked { keep_only(keep) } else { Ok(()) };
    Ok((forked, kept))
}
