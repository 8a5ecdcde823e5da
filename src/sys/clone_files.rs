//! fork(2) in a process that holds thousands of descriptors.
//!
//! A child gets a copy of each and has to close it again, which in a room of ten thousand takes it two milliseconds, ten times as
//! long as all the rest. Linux can do without: clone(2) with `CLONE_FILES` makes a child that shares its parent's table, and
//! close_range(2) with `CLOSE_RANGE_UNSHARE` gives it one of its own that never had more than the low numbers. Three things
//! follow. The socket that the child keeps has a low number for that moment. The parent waits, lest the table change under
//! the child, for some 50 µs. And none of it happens in a small room, where plain fork is as good.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::signal::Signal;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{ForkResult, Pid};

use super::Signals;
use super::process::{Fork, fork_by, kill, leave, reap_this};
use super::spawn::NOT_READY;

/// With a lower number, the child of a client is made by plain fork.
const CROWD: RawFd = 512;

/// The child is waited for no longer: somebody has stopped it in its first moment.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// A child that ended before it had begun wakes nobody: after so long, one looks.
const LOOK_AGAIN: Duration = Duration::from_millis(10);

/// All that is ready for such a fork.
pub struct SharedTableFork {
    /// The number of the client's socket that the child keeps, high above the others.
    socket: RawFd,
    /// The socket under a number that the child does not keep.
    lent: SwappedFd,
    /// All that the child keeps besides is below, and so is what is lent.
    end: RawFd,
    flag: Flag,
}

impl SharedTableFork {
    /// `None` where plain fork does: the room is small, a child keeps several high numbers, or the system cannot do otherwise.
    pub fn of(keep: &[RawFd]) -> Option<SharedTableFork> {
        let socket = *keep.iter().max().filter(|&&highest| highest >= CROWD)?;
        let slot = (3..).find(|number| !keep.contains(number))?;
        let others = keep.iter().filter(|&&number| number != socket);
        let end = 1 + *others.max()?.max(&slot);
        if end >= CROWD || unshare_from(RawFd::MAX).is_err() {
            return None;
        }
        Some(SharedTableFork {
            socket,
            flag: Flag::new().ok()?,
            lent: SwappedFd::new(socket, slot).ok()?,
            end,
        })
    }

    /// As [`crate::sys::process::fork`]; the child holds 0, 1, 2 and what it keeps already.
    ///
    /// # Errors
    /// What clone(2) says; `TimedOut` for a child that was stopped before it had begun.
    pub fn fork(self, caught: &Signals, keep: &[RawFd]) -> io::Result<Fork> {
        match fork_by(caught, clone_with_shared_table)? {
            Fork::Child => {
                if unshare_from(self.end).is_err() {
                    leave(NOT_READY);
                }
                self.flag.raise();
                if duplicate(self.lent.slot, self.socket).is_err() {
                    leave(NOT_READY);
                }
                // What was lent is among them. Nothing above is open but the socket: no need to look through thousands.
                for number in (3..self.end).filter(|number| !keep.contains(number)) {
                    // SAFETY: the number is the child's own, and nothing in the child owns it.
                    unsafe { libc::close(number) };
                }
                // What is lent is the parent's to take back.
                std::mem::forget(self.lent);
                Ok(Fork::Child)
            }
            Fork::Parent(child) => {
                self.flag.wait_for(child)?;
                Ok(Fork::Parent(child))
            }
        }
    }
}

/// A number that stands for something else until this is dropped.
struct SwappedFd {
    slot: RawFd,
    saved: OwnedFd,
}

impl SwappedFd {
    /// Gives `socket` the number `slot` as well; what was there gets another.
    fn new(socket: RawFd, slot: RawFd) -> io::Result<SwappedFd> {
        // SAFETY: the number is borrowed for this call; if it is not open, fcntl says so.
        let there = unsafe { BorrowedFd::borrow_raw(slot) };
        let saved = there.try_clone_to_owned()?;
        duplicate(socket, slot)?;
        Ok(SwappedFd { slot, saved })
    }
}

impl Drop for SwappedFd {
    fn drop(&mut self) {
        // Cannot fail: both numbers are open. EBUSY and EINTR are tried again.
        let _ = duplicate(self.saved.as_raw_fd(), self.slot);
    }
}

/// dup3(2): `to` becomes the same as `from`, close-on-exec.
fn duplicate(from: RawFd, to: RawFd) -> io::Result<()> {
    loop {
        // SAFETY: dup3 takes integers. Who owns `to` in this process has lent it.
        if unsafe { libc::dup3(from, to, libc::O_CLOEXEC) } >= 0 {
            return Ok(());
        }
        let error = io::Error::last_os_error();
        if !matches!(error.raw_os_error().map(Errno::from_raw), Some(Errno::EBUSY | Errno::EINTR)) {
            return Err(error);
        }
    }
}

/// Gives this process a table of its own, if it shares one, without the numbers from `first` on.
fn unshare_from(first: RawFd) -> io::Result<()> {
    // SAFETY: close_range takes three integers; nothing in a child owns what it closes.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, libc::CLOSE_RANGE_UNSHARE) };
    if done == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
}

/// As fork(2), but for the table of descriptors. glibc has no such fork: what it does besides is for threads, of which there are
/// none.
fn clone_with_shared_table() -> nix::Result<ForkResult> {
    let flags = libc::CLONE_FILES | libc::SIGCHLD;
    // SAFETY: no stack is given, so the child goes on on a copy of this one, as after fork.
    let pid = unsafe { libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0) };
    Ok(match Errno::result(pid)? {
        0 => ForkResult::Child,
        child => ForkResult::Parent { child: Pid::from_raw(child as libc::pid_t) },
    })
}

/// A word that parent and child share.
struct Flag(NonNull<AtomicU32>);

const PAGE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

impl Flag {
    fn new() -> io::Result<Flag> {
        let (read_write, shared) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new mapping, wherever the kernel likes; zeroes, which are a valid word.
        Ok(Flag(unsafe { mmap_anonymous(None, PAGE, read_write, shared)? }.cast()))
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped as long as `self` lives, aligned to a page, and an atomic word may be shared.
        unsafe { self.0.as_ref() }
    }

    fn raise(&self) {
        self.word().store(1, Ordering::Release);
        // SAFETY: futex(2) looks at the mapped word, and wakes who waits at it.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    /// Returns when `child` has raised it, or has ended.
    fn wait_for(&self, child: Pid) -> io::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while self.word().load(Ordering::Acquire) == 0 && !has_ended(child) {
            if Instant::now() > deadline {
                kill(child, Signal::SIGKILL);
                reap_this(child)?;
                return Err(io::ErrorKind::TimedOut.into());
            }
            let moment = libc::timespec { tv_sec: 0, tv_nsec: LOOK_AGAIN.as_nanos() as libc::c_long };
            // SAFETY: futex(2) looks at the mapped word, and waits while it is 0, as long as `moment` says at most.
            unsafe {
                libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAIT, 0, &raw const moment)
            };
        }
        Ok(())
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        // SAFETY: this mapping is nobody else's.
        let _ = unsafe { munmap(self.0.cast(), PAGE.get()) };
    }
}

/// True for a child that is to be reaped, and is left so.
fn has_ended(child: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(child), flags), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
}
