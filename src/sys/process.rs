//! fork(2), `_exit`, kill(2) and waitpid(2).

use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::signal::{SigSet, SigmaskHow, Signal};
use nix::sys::wait::{WaitPidFlag, WaitStatus, waitpid};
use nix::unistd::{ForkResult, Pid, getppid};

use super::errno::{retry, sleep};
use super::signals::Signals;

/// Exit status of a child that could not be set up (EX_OSERR of sysexits.h).
pub(super) const NOT_READY: i32 = 71;

/// End of a child.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It exited with this status.
    Status(i32),
    /// This signal killed it.
    Signal(Signal),
}

/// Exit status of a child whose input or output failed for good (EX_IOERR, sysexits.h).
pub const IO_ERROR: i32 = 74;

impl Ended {
    /// A fault of the child's own, such as an attack may cause: a panic or a fault's signal. None
    /// is a signal that another process sends (SIGTERM, SIGKILL), nor a lack of resources.
    pub fn is_crash(self) -> bool {
        use Signal::{SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP};
        match self {
            Ended::Status(status) => ![0, NOT_READY, IO_ERROR].contains(&status),
            Ended::Signal(signal) => {
                [SIGABRT, SIGBUS, SIGFPE, SIGILL, SIGSEGV, SIGSYS, SIGTRAP].contains(&signal)
            }
        }
    }
}

/// fork(2). The caller has one thread and no unflushed buffer that the child could flush too.
///
/// Signals are blocked meanwhile, and unblocked in the child only after `caught` is back at its
/// defaults: otherwise a SIGTERM sent to the child would be written into the signal pipe that it
/// shares with its parent, and the child would survive it.
pub(super) fn fork(caught: &Signals) -> io::Result<ForkResult> {
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    let make = || clone_process(0);
    // SAFETY: there are no threads, so the child has no lock held by one that it lacks.
    #[cfg(not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))))]
    let make = || unsafe { nix::unistd::fork() };
    fork_by(caught, make)
}

/// fork(2) with more flags of clone(2). The C library's fork also prepares its locks for a child of
/// several threads, of which there are none: the child would copy some pages for it.
#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
pub(super) fn clone_process(flags: libc::c_int) -> nix::Result<ForkResult> {
    // SAFETY: with no stack given, the child continues on a copy of this one, as after fork.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags | libc::SIGCHLD, 0, 0, 0, 0) };
    Ok(match Errno::result(pid)? {
        0 => ForkResult::Child,
        child => ForkResult::Parent { child: Pid::from_raw(child as libc::pid_t) },
    })
}

/// [`fork`] by another system call than fork(2).
pub(super) fn fork_by(
    caught: &Signals,
    make: impl FnOnce() -> nix::Result<ForkResult>,
) -> io::Result<ForkResult> {
    let mask = SigSet::all().thread_swap_mask(SigmaskHow::SIG_BLOCK)?;
    let forked = make();
    if let Ok(ForkResult::Child) = forked {
        caught.give_back();
    }
    // Cannot fail: the mask is the kernel's. A child must not run on with signals blocked.
    if mask.thread_set_mask().is_err() {
        std::process::abort();
    }
    Ok(forked?)
}

/// A child of a sandbox's ends with its parent, even in a call that waits: [`end_with`] has failed
/// otherwise. On other systems, it has to wait for the pipe's end as well.
pub const ENDS_WITH_PARENT: bool = cfg!(target_os = "linux");

/// In a child: the kernel sends it `signal` as soon as `parent` has ended. A pipe's end of file
/// tells a child that runs; SIGKILL also ends one that is stopped or traced, SIGCONT lets one that
/// is stopped read the end of file. ESRCH: `parent` has ended already, and no SIGKILL will come. A
/// child that is to be continued goes on: it has work to do at its parent's end.
pub(super) fn end_with(parent: Pid, signal: Signal) -> io::Result<()> {
    #[cfg(target_os = "linux")]
    nix::sys::prctl::set_pdeathsig(signal)?;
    #[cfg(target_os = "freebsd")]
    {
        let mut number = signal as libc::c_int;
        // SAFETY: with PROC_PDEATHSIG_CTL, procctl reads the integer, which outlives the call.
        unsafe { libc::procctl(libc::P_PID, 0, libc::PROC_PDEATHSIG_CTL, (&raw mut number).cast()) };
    }
    #[cfg(not(any(target_os = "linux", target_os = "freebsd")))]
    let _ = signal;
    if getppid() == parent || signal == Signal::SIGCONT { Ok(()) } else { Err(Errno::ESRCH.into()) }
}

/// `_exit`(2). A forked child ends this way: `exit` would flush its parent's buffers a second time
/// and run destructors over descriptors that are closed.
pub(super) fn leave(status: i32) -> ! {
    // SAFETY: _exit takes an integer and never returns.
    unsafe { libc::_exit(status) }
}

/// Reaps one child that has ended, without waiting; `None` when there is none, or no child at all.
pub fn reap_one() -> io::Result<Option<(Pid, Ended)>> {
    Ok(reap(None, WaitPidFlag::WNOHANG)?)
}

/// Reaps `child` if it has ended; `None` when it is alive, or no longer a child of this process.
pub fn reap_ended(child: Pid) -> io::Result<Option<Ended>> {
    Ok(reap(Some(child), WaitPidFlag::WNOHANG)?.map(|(_, ended)| ended))
}

/// Waits until `child` ends, and reaps it; ECHILD when it is no child (any longer).
pub fn reap_this(child: Pid) -> io::Result<Ended> {
    let reaped = reap(Some(child), WaitPidFlag::empty())?;
    Ok(reaped.ok_or(Errno::ECHILD)?.1)
}

/// waitpid(2); `None` when no child has ended, or there is no such child.
fn reap(child: Option<Pid>, flags: WaitPidFlag) -> nix::Result<Option<(Pid, Ended)>> {
    loop {
        match retry(|| waitpid(child, Some(flags))) {
            Ok(WaitStatus::Exited(pid, status)) => return Ok(Some((pid, Ended::Status(status)))),
            Ok(WaitStatus::Signaled(pid, signal, _core)) => return Ok(Some((pid, Ended::Signal(signal)))),
            Ok(WaitStatus::StillAlive) | Err(Errno::ECHILD) => return Ok(None),
            // Stopped, continued or traced: alive.
            Ok(_) => {}
            Err(error) => return Err(error),
        }
    }
}

/// Kills children and reaps them. By SIGKILL: SIGTERM would stay pending in a stopped one, and the
/// wait would never end.
///
/// Gives up on those that may not be killed (EPERM, of a security module), and on all after some
/// time: a debugger that holds one, or a disk that hangs, may keep it for ever.
pub fn kill_and_reap(children: &[Pid]) {
    // All of them first: none is waited for before the next is killed.
    let is_killed = |&child: &Pid| nix::sys::signal::kill(child, Signal::SIGKILL).is_ok();
    let mut left: Vec<Pid> = children.iter().copied().filter(is_killed).collect();
    for pause in 0..KILL_PAUSES {
        // The others are reaped, or no children any more.
        let is_alive =
            |child| retry(|| waitpid(child, Some(WaitPidFlag::WNOHANG))) == Ok(WaitStatus::StillAlive);
        left.retain(|&child| is_alive(child));
        if left.is_empty() {
            return;
        }
        sleep(Duration::from_micros(50 << pause));
    }
}

/// Each is twice as long as the one before: 50 µs, and 1.6 s in all.
const KILL_PAUSES: u32 = 15;

/// Sends `signal` to a child that has not been reaped; a zombie ignores it.
pub fn kill(child: Pid, signal: Signal) {
    // An error is no concern of the caller's: the child is gone, or lives on.
    let _ = nix::sys::signal::kill(child, signal);
}
