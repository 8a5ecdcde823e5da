//! The permitted system calls of each profile, and their installation: seccomp(2).

use std::io;

use libc::*;
use nix::errno::Errno;

use super::bpf::assemble;
use super::profile::Profile;

/// `AUDIT_ARCH_*` of linux/audit.h, which libc does not have.
#[cfg(target_arch = "x86_64")]
const PROCESSOR: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const PROCESSOR: u32 = 0xC000_00B7;

/// Every child's: read, write, wait, close, exit. None creates a descriptor or changes its flags.
#[rustfmt::skip]
const SERVING: &[c_long] = &[
    SYS_read, SYS_recvfrom, SYS_write, SYS_writev, SYS_ppoll, SYS_shutdown, SYS_close, SYS_exit,
    SYS_exit_group, SYS_getpid,
    #[cfg(target_arch = "x86_64")]
    SYS_poll,
];

/// Rust's and the C library's own: memory, signals, time, a panic's message.
#[rustfmt::skip]
const RUNTIME: &[c_long] = &[
    SYS_brk, SYS_mmap, SYS_munmap, SYS_mremap, SYS_mprotect, SYS_madvise,
    SYS_rt_sigaction, SYS_rt_sigprocmask, SYS_rt_sigreturn, SYS_sigaltstack, SYS_restart_syscall,
    SYS_clock_gettime, SYS_clock_nanosleep, SYS_nanosleep, SYS_futex, SYS_getrandom, SYS_gettid,
];

/// The round trip to the client.
const RECORDS: &[c_long] = &[SYS_getsockopt];

/// An answer, and a duplicate of the connection for its lingering close.
const TALK: &[c_long] = &[SYS_sendto, SYS_dup];

/// A client received over a unix socket; getsockopt(2) tells whether it has acknowledged.
const PAIR: &[c_long] = &[SYS_sendto, SYS_recvmsg, SYS_getpeername, SYS_getsockopt];

/// An unnamed or temporary file in an open directory, its final name, fsync(2).
#[rustfmt::skip]
const FILES: &[c_long] = &[
    SYS_sendto, SYS_dup, SYS_openat2, SYS_openat, SYS_linkat, SYS_unlinkat, SYS_fsync,
    SYS_statx, SYS_fstat, SYS_newfstatat,
];

/// Not for descriptors 0 to 2: where standard output or error is a socket, as under systemd,
/// shutdown(2) of it, or of its duplicate, would end the log of all.
const ON_OWN: &[c_long] = &[SYS_shutdown, SYS_dup];

/// A BPF program for seccomp(2).
#[derive(Debug)]
pub struct Filter {
    program: Vec<sock_filter>,
    calls: usize,
}

impl Filter {
    /// # Errors
    /// When the kernel has no seccomp filters, or none that return an errno: ENOSYS, EOPNOTSUPP,
    /// EINVAL (before 4.14), EPERM in some containers.
    pub(super) fn prepare(profile: Profile) -> io::Result<Filter> {
        let action = SECCOMP_RET_ERRNO;
        // SAFETY: the kernel reads the four bytes of `action`, which outlives the call.
        let status = unsafe { syscall(SYS_seccomp, SECCOMP_GET_ACTION_AVAIL, 0, &raw const action) };
        Errno::result(status)?;
        let more = match profile {
            Profile::Records => RECORDS,
            Profile::Talk => TALK,
            Profile::Pair => PAIR,
            Profile::Files => FILES,
        };
        let calls = [SERVING, RUNTIME, more].concat();
        Ok(Filter { program: assemble(PROCESSOR, &calls, ON_OWN), calls: calls.len() })
    }

    /// The number of permitted system calls.
    pub(crate) fn calls(&self) -> usize {
        self.calls
    }

    /// Restricts this process, which has no_new_privs, for good; a program that it would execute
    /// inherits the filter.
    pub(super) fn install(&self) -> io::Result<()> {
        let program = sock_fprog { len: self.program.len() as u16, filter: self.program.as_ptr().cast_mut() };
        // SAFETY: the kernel copies `len` instructions from `filter`, which is that long and
        // outlives the call. It does not write there, although the pointer is mutable.
        let status = unsafe { syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
        Ok(Errno::result(status).map(drop)?)
    }
}
