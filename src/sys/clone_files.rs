//! Optimisation for rooms of thousands: skip on first reading
//!
//! fork(2) copies the parent's descriptor table, and the child closes what it does not keep: 2 ms
//! in a room of ten thousand clients, ten times the rest of the fork. On Linux, clone(2) with
//! `CLONE_FILES` shares the table instead, and close_range(2) with `CLOSE_RANGE_UNSHARE` gives the
//! child a table of its own that never held more than the low numbers. Three consequences:
//! - the client's socket has a low number while the child starts;
//! - the parent waits for some 50 µs, or the table would change under the child;
//! - a small room uses plain fork, which is as fast there.

use std::io;
use std::num::NonZeroUsize;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::ptr::NonNull;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::sys::mman::{MapFlags, ProtFlags, mmap_anonymous, munmap};
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use nix::unistd::{ForkResult, Pid};

use super::errno::retry;
use super::process::{NOT_READY, clone_process, fork_by, kill_and_reap, leave};
use super::signals::Signals;

/// A client's socket below this number is served by plain fork.
const MIN_SOCKET: RawFd = 512;

/// After this time the child is killed: it was stopped (SIGSTOP) before it had its table.
const READY_TIMEOUT: Duration = Duration::from_secs(1);

/// Interval of checks for a child that died before it raised the flag.
const CHECK_INTERVAL: Duration = Duration::from_millis(10);

/// Everything that can be prepared before such a fork.
pub(super) struct SharedTableFork {
    /// The client's socket: the one high number that the child keeps.
    socket: RawFd,
    /// The socket under a low number as well.
    swapped: SwappedFd,
    /// Above every other number that the child keeps, and above the swapped one.
    end: RawFd,
    flag: Flag,
}

impl SharedTableFork {
    /// `None` where plain fork is used: small room, several high numbers to keep, no such call.
    pub(super) fn of(keep: &[RawFd]) -> Option<SharedTableFork> {
        let socket = *keep.iter().max().filter(|&&highest| highest >= MIN_SOCKET)?;
        let slot = (3..).find(|number| !keep.contains(number))?;
        let others = keep.iter().filter(|&&number| number != socket);
        let end = 1 + *others.max()?.max(&slot);
        if end >= MIN_SOCKET || unshare_from(RawFd::MAX).is_err() {
            return None;
        }
        let flag = Flag::new().ok()?;
        Some(SharedTableFork { socket, flag, swapped: SwappedFd::new(socket, slot).ok()?, end })
    }

    /// As [`super::process::fork`]; the child already holds 0, 1, 2 and `keep` alone. `TimedOut`
    /// for a child that was stopped before it had its table.
    pub(super) fn fork(self, caught: &Signals, keep: &[RawFd]) -> io::Result<ForkResult> {
        let forked = fork_by(caught, || clone_process(libc::CLONE_FILES))?;
        match forked {
            ForkResult::Child => {
                if unshare_from(self.end).is_err() {
                    leave(NOT_READY);
                }
                self.flag.raise();
                if duplicate(self.swapped.slot, self.socket).is_err() {
                    leave(NOT_READY);
                }
                // The swapped number is among them. Above `end`, only the socket is open.
                for number in (3..self.end).filter(|number| !keep.contains(number)) {
                    // SAFETY: it is in the child's own table, and no value closes it again.
                    unsafe { libc::close(number) };
                }
                // The parent alone undoes the swap.
                std::mem::forget(self.swapped);
            }
            ForkResult::Parent { child } => self.flag.wait_for(child)?,
        }
        Ok(forked)
    }
}

/// A number that refers to another open file until this is dropped.
struct SwappedFd {
    slot: RawFd,
    saved: OwnedFd,
}

impl SwappedFd {
    /// Makes `slot` a duplicate of `socket`, and saves the file that it referred to.
    fn new(socket: RawFd, slot: RawFd) -> io::Result<SwappedFd> {
        // SAFETY: the number is borrowed for this call; if it is not open, fcntl returns EBADF.
        let current = unsafe { BorrowedFd::borrow_raw(slot) };
        let saved = current.try_clone_to_owned()?;
        duplicate(socket, slot)?;
        Ok(SwappedFd { slot, saved })
    }
}

impl Drop for SwappedFd {
    fn drop(&mut self) {
        // Cannot fail: both numbers are open, and EBUSY and EINTR are retried.
        let _ = duplicate(self.saved.as_raw_fd(), self.slot);
    }
}

/// dup3(2): makes `to` a close-on-exec duplicate of `from`.
fn duplicate(from: RawFd, to: RawFd) -> io::Result<()> {
    Ok(retry(|| {
        // SAFETY: dup3 takes integers; `to` is the swapped slot, or the child's own number.
        match Errno::result(unsafe { libc::dup3(from, to, libc::O_CLOEXEC) }) {
            // Another descriptor is being given this number, which no other thread does.
            Err(Errno::EBUSY) => Err(Errno::EINTR),
            done => done.map(drop),
        }
    })?)
}

/// Unshares the descriptor table, if it is shared, and closes the numbers from `first` on.
fn unshare_from(first: RawFd) -> io::Result<()> {
    // SAFETY: close_range takes integers; no value in a child will close these numbers again.
    let done = unsafe { libc::syscall(libc::SYS_close_range, first, RawFd::MAX, libc::CLOSE_RANGE_UNSHARE) };
    Ok(Errno::result(done).map(drop)?)
}

/// A futex(2) word shared by parent and child: 0, then 1 once the child has its table.
struct Flag(NonNull<AtomicU32>);

const PAGE: NonZeroUsize = NonZeroUsize::new(4096).unwrap();

impl Flag {
    fn new() -> io::Result<Flag> {
        let (read_write, shared) = (ProtFlags::PROT_READ | ProtFlags::PROT_WRITE, MapFlags::MAP_SHARED);
        // SAFETY: a new mapping at an address of the kernel's choice; its zeroes are a valid word.
        Ok(Flag(unsafe { mmap_anonymous(None, PAGE, read_write, shared)? }.cast()))
    }

    fn word(&self) -> &AtomicU32 {
        // SAFETY: mapped as long as `self` lives, aligned to a page; atomics may be shared.
        unsafe { self.0.as_ref() }
    }

    fn raise(&self) {
        self.word().store(1, Ordering::Release);
        // SAFETY: futex(2) reads the mapped word and wakes its waiter.
        unsafe { libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAKE, 1) };
    }

    /// Returns when `child` has raised the flag, or has ended.
    fn wait_for(&self, child: Pid) -> io::Result<()> {
        let deadline = Instant::now() + READY_TIMEOUT;
        while self.word().load(Ordering::Acquire) == 0 && !has_ended(child) {
            if Instant::now() > deadline {
                kill_and_reap(&[child]);
                return Err(io::ErrorKind::TimedOut.into());
            }
            let timeout = libc::timespec { tv_sec: 0, tv_nsec: CHECK_INTERVAL.as_nanos() as libc::c_long };
            // SAFETY: futex(2) reads the mapped word and `timeout`, which outlives the call.
            unsafe {
                libc::syscall(libc::SYS_futex, self.0.as_ptr(), libc::FUTEX_WAIT, 0, &raw const timeout)
            };
        }
        Ok(())
    }
}

impl Drop for Flag {
    fn drop(&mut self) {
        // SAFETY: the mapping is this value's own, and nothing refers to it any longer.
        let _ = unsafe { munmap(self.0.cast(), PAGE.get()) };
    }
}

/// True for a zombie, which is left for the caller to reap.
fn has_ended(child: Pid) -> bool {
    let flags = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    !matches!(waitid(Id::Pid(child), flags), Ok(WaitStatus::StillAlive) | Err(Errno::EINTR))
}
