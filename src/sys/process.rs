//! fork(2), `_exit`, kill(2) and waitpid(2).

use std::io;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid};

use super::Signals;

/// Where one is after [`fork`].
#[derive(Debug)]
pub enum Fork {
    /// In the first process; the number is the child's.
    Parent(Pid),
    /// In the new process.
    Child,
}

/// How a child ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// By itself, with this status.
    Status(i32),
    /// By this signal.
    Signal(Signal),
}

/// Makes a second process of this one: fork(2).
///
/// The caller has one thread, and nothing waits unwritten in a buffer that the child could write as well. Signals
/// are blocked meanwhile, and unblocked in the child only once it has given `caught` back to the system:
/// otherwise a SIGTERM sent to the child would be written into the signal pipe that it shares with its parent, and
/// the child would live on.
///
/// # Errors
/// EAGAIN at the limit of processes, ENOMEM; the caller goes on alone.
pub fn fork(caught: &Signals) -> io::Result<Fork> {
    // SAFETY: these programs never start a thread, so the child finds no lock held that nobody will release.
    fork_by(caught, || unsafe { nix::unistd::fork() })
}

/// The same by another call than fork(2).
pub(super) fn fork_by(caught: &Signals, make: impl FnOnce() -> nix::Result<ForkResult>) -> io::Result<Fork> {
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let forked = make();
    if let Ok(ForkResult::Child) = forked {
        caught.give_back();
    }
    // Cannot fail: the mask comes from the kernel. If it did, a child must not run on with signals blocked.
    if mask.thread_set_mask().is_err() {
        std::process::abort();
    }
    Ok(match forked? {
        ForkResult::Parent { child } => Fork::Parent(child),
        ForkResult::Child => Fork::Child,
    })
}

/// Ends this process at once: `_exit`(2). A forked child leaves this way, because `exit` would write its parent's
/// buffers a second time and run destructors over descriptors that are closed.
pub fn leave(status: i32) -> ! {
    // SAFETY: _exit takes an integer and never returns.
    unsafe { libc::_exit(status) }
}

/// Takes one ended child out of the process table without waiting; `None` when no child has ended.
///
/// # Errors
/// What waitpid(2) says; having no child at all is no error.
pub fn reap_one() -> io::Result<Option<(Pid, Ended)>> {
    loop {
        match waitpid(None, Some(WaitPidFlag::WNOHANG)) {
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            Ok(status) => {
                if let Some(ended) = ended(status) {
                    return Ok(Some(ended));
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes this child out of the process table if it has ended; `None` when it lives, or is no child of ours any more.
///
/// # Errors
/// What waitpid(2) says.
pub fn reap_ended(child: Pid) -> io::Result<Option<Ended>> {
    loop {
        match waitpid(child, Some(WaitPidFlag::WNOHANG)) {
            Err(Errno::EINTR) => {}
            Err(Errno::ECHILD) => return Ok(None),
            status => return Ok(ended(status?).map(|(_, ended)| ended)),
        }
    }
}

/// Waits for this child to end.
///
/// # Errors
/// ECHILD when it is not, or no longer, a child of ours.
pub fn reap_this(child: Pid) -> io::Result<Ended> {
    loop {
        match waitpid(child, None) {
            Ok(status) => {
                if let Some((_, ended)) = ended(status) {
                    return Ok(ended);
                }
            }
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// `None` for a child that was stopped, continued or traced: it lives.
fn ended(status: WaitStatus) -> Option<(Pid, Ended)> {
    match status {
        WaitStatus::Exited(pid, status) => Some((pid, Ended::Status(status))),
        WaitStatus::Signaled(pid, signal, _core) => Some((pid, Ended::Signal(signal))),
        _ => None,
    }
}

/// Sends `signal` to a child that has not been reaped yet. A child that is a zombie already takes it silently.
pub fn kill(child: Pid, signal: Signal) {
    // An error could only say that the child is gone, which is what the signal was for.
    let _ = nix::sys::signal::kill(child, signal);
}
