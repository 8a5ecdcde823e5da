//! The system calls of each duty, and how the kernel learns of them: seccomp(2).

use std::io;

use libc::{
    SYS_brk, SYS_clock_gettime, SYS_clock_nanosleep, SYS_close, SYS_dup, SYS_exit, SYS_exit_group, SYS_fstat,
    SYS_fsync, SYS_futex, SYS_getpeername, SYS_getpid, SYS_getrandom, SYS_gettid, SYS_linkat, SYS_madvise,
    SYS_mmap, SYS_mprotect, SYS_mremap, SYS_munmap, SYS_nanosleep, SYS_newfstatat, SYS_openat, SYS_openat2,
    SYS_ppoll, SYS_read, SYS_recvfrom, SYS_recvmsg, SYS_restart_syscall, SYS_rt_sigaction,
    SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sendto, SYS_shutdown, SYS_sigaltstack, SYS_statx, SYS_unlinkat,
    SYS_write, SYS_writev, c_long, sock_filter,
};

use super::bpf::assemble;
use crate::sys::Profile;

/// What these numbers are those of: linux/audit.h, which libc does not have.
#[cfg(target_arch = "x86_64")]
const PROCESSOR: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const PROCESSOR: u32 = 0xC000_00B7;

/// What every child may do: read, write, wait, close, end. None of these makes a descriptor, or gives one another flag.
const SERVING: &[c_long] = &[
    SYS_read,
    SYS_recvfrom,
    SYS_write,
    SYS_writev,
    SYS_ppoll,
    #[cfg(target_arch = "x86_64")]
    libc::SYS_poll,
    SYS_shutdown,
    SYS_close,
    SYS_exit,
    SYS_exit_group,
    SYS_getpid,
];

/// What Rust and its C library do of themselves: memory, signals, the time, a panic's message.
const RUNTIME: &[c_long] = &[
    SYS_brk,
    SYS_mmap,
    SYS_munmap,
    SYS_mremap,
    SYS_mprotect,
    SYS_madvise,
    SYS_rt_sigaction,
    SYS_rt_sigprocmask,
    SYS_rt_sigreturn,
    SYS_sigaltstack,
    SYS_restart_syscall,
    SYS_clock_gettime,
    SYS_clock_nanosleep,
    SYS_nanosleep,
    SYS_futex,
    SYS_getrandom,
    SYS_gettid,
];

/// An answer, and a copy of the connection to take leave of.
const TALK: &[c_long] = &[SYS_sendto, SYS_dup];

/// A client that comes through the link.
const PAIR: &[c_long] = &[SYS_sendto, SYS_recvmsg, SYS_getpeername];

/// A file without a name in a directory that is held open, or one with a temporary name, and what makes it last.
const FILES: &[c_long] = &[
    SYS_sendto,
    SYS_dup,
    SYS_openat2,
    SYS_openat,
    SYS_linkat,
    SYS_unlinkat,
    SYS_fsync,
    SYS_statx,
    SYS_fstat,
    SYS_newfstatat,
];

/// A list of system calls, as the kernel takes it.
#[derive(Debug)]
pub struct Filter {
    program: Vec<sock_filter>,
    calls: usize,
}

impl Filter {
    /// The list of a `duty`, made ready for [`Filter::install`].
    ///
    /// # Errors
    /// The kernel's reason not to have such lists, or none that refuses: ENOSYS, EOPNOTSUPP, EINVAL (before 4.14), EPERM in some
    /// containers.
    pub(super) fn prepare(duty: Profile) -> io::Result<Filter> {
        let action = libc::SECCOMP_RET_ERRNO;
        // SAFETY: the kernel reads the four bytes of `action`, which outlives the call.
        let answer =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) };
        if answer != 0 {
            return Err(io::Error::last_os_error());
        }
        let more = match duty {
            Profile::Records => &[],
            Profile::Talk => TALK,
            Profile::Pair => PAIR,
            Profile::Files => FILES,
        };
        let calls = [SERVING, RUNTIME, more].concat();
        Ok(Filter { program: assemble(PROCESSOR, &calls), calls: calls.len() })
    }

    /// How many system calls are in it.
    pub fn calls(&self) -> usize {
        self.calls
    }

    /// From here on this process has these system calls alone, and so has whatever it would become.
    ///
    /// # Errors
    /// EACCES, ENOMEM: prctl(2), seccomp(2).
    pub(super) fn install(&self) -> io::Result<()> {
        // Without it only root may: a program that gives its user rights could be misled by calls that fail.
        nix::sys::prctl::set_no_new_privs()?;
        let program =
            libc::sock_fprog { len: self.program.len() as u16, filter: self.program.as_ptr().cast_mut() };
        // SAFETY: the kernel copies `len` instructions from `filter`, which is that long and outlives the call; it writes
        // nothing there, though its header's pointer is mutable.
        let answer =
            unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        if answer == 0 { Ok(()) } else { Err(io::Error::last_os_error()) }
    }
}
