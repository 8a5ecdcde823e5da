//! A child process for one task: fork, close, confine, run, `_exit`, in this order.

use std::io;
use std::os::fd::RawFd;
use std::panic::{AssertUnwindSafe, catch_unwind};

use nix::unistd::{ForkResult, Pid};

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
use super::clone_files::SharedTableFork;
use super::descriptors::keep_only;
use super::process::{NOT_READY, fork, leave};
use super::sandbox::Sandbox;
use super::signals::Signals;

/// Exit status of a child that panicked (EX_SOFTWARE of sysexits.h).
const BUG: i32 = 70;

/// Forks a child that holds 0, 1, 2 and the descriptors in `keep`, is confined by `sandbox`, runs
/// `work` and exits with the status that it returns. Returns the child's pid, in the parent.
///
/// The child never returns from here: it must not unwind into its parent's loop, nor drop its
/// parent's values (their descriptors are closed). A panic costs its client alone; a child that
/// cannot be confined runs no `work`. As for [`fork`], the caller has one thread.
pub fn spawn(
    caught: &Signals,
    keep: &[RawFd],
    sandbox: &mut Sandbox,
    work: impl FnOnce() -> i32,
) -> io::Result<Pid> {
    let parent = Pid::this();
    match fork_keeping(caught, keep, sandbox)? {
        (ForkResult::Parent { child }, _) => {
            sandbox.forked(child);
            Ok(child)
        }
        (ForkResult::Child, kept) => leave(match kept.and_then(|()| sandbox.apply(parent)) {
            Ok(()) => catch_unwind(AssertUnwindSafe(work)).unwrap_or(BUG),
            Err(_) => NOT_READY,
        }),
    }
}

/// Forks; the child also gets the outcome of closing the descriptors that are not in `keep`.
fn fork_keeping(
    caught: &Signals,
    keep: &[RawFd],
    sandbox: &Sandbox,
) -> io::Result<(ForkResult, io::Result<()>)> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    if let Some(shared) = SharedTableFork::of(keep) {
        let forked = shared.fork(caught, keep)?;
        if let ForkResult::Child = forked {
            sandbox.detach_terminal_anew();
        }
        return Ok((forked, Ok(())));
    }
    let forked = fork(caught)?;
    let mut kept = Ok(());
    if let ForkResult::Child = forked {
        sandbox.detach_terminal();
        kept = keep_only(keep);
    }
    Ok((forked, kept))
}
