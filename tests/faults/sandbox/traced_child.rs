//! A child held by ptrace(2) while it waits for its client, and made to do system calls of the test's: they go the way of its
//! own, through its seccomp filter. For x86-64; elsewhere the tests that need it are skipped.
//!
//! The child is stopped right behind the instruction by which it waits. Its registers are set to another call, it makes that
//! one instruction once more, and gets its registers back when it is let go.

use nix::errno::Errno;
use nix::libc;

/// A system call: its number and its first arguments.
#[derive(Clone, Copy, Debug)]
pub struct Call(pub i64, pub [u64; 4]);

/// The same, with as many arguments as are needed.
pub fn call(number: i64, given: &[u64]) -> Call {
    let mut arguments = [0; 4];
    arguments[..given.len()].copy_from_slice(given);
    Call(number, arguments)
}

/// A child that is held, until this is dropped.
#[cfg(target_arch = "x86_64")]
pub struct Held {
    pid: nix::unistd::Pid,
    registers: libc::user_regs_struct,
    /// Where the next bytes are put: its stack, from some way below what it uses.
    free: std::cell::Cell<u64>,
}

#[cfg(target_arch = "x86_64")]
mod x86_64 {
    use super::*;
    use crate::common::{descriptors_of, eventually, skip};
    use nix::sys::ptrace;
    use nix::sys::signal::Signal;
    use nix::sys::wait::{WaitPidFlag, waitpid};
    use nix::unistd::Pid;
    use std::fs::File;
    use std::os::unix::fs::FileExt;

    /// `syscall`.
    const INSTRUCTION: [u8; 2] = [0x0f, 0x05];

    impl Held {
        /// Holds a child once it waits; `None` where the system does not permit it: the test is recorded as skipped.
        #[track_caller]
        pub fn take(child: i32) -> Option<Held> {
            eventually("the child to wait for its client", || {
                let pid = Pid::from_raw(child);
                if let Err(reason) = ptrace::attach(pid) {
                    skip(skip::PTRACE, reason);
                    return Some(None);
                }
                waitpid(pid, Some(WaitPidFlag::__WALL)).expect("its stop");
                let registers = ptrace::getregs(pid).expect("its registers");
                let held = Held { pid, registers, free: (registers.rsp - 2048).into() };
                let mut behind = [0; 2];
                held.memory().read_exact_at(&mut behind, registers.rip - 2).unwrap();
                let waits = [libc::SYS_poll, libc::SYS_ppoll].contains(&(registers.orig_rax as i64));
                (waits && behind == INSTRUCTION).then_some(Some(held))
            })
        }

        /// The child makes this call. Returns what it came to.
        #[track_caller]
        pub fn makes(&mut self, Call(number, arguments): Call) -> Result<i64, Errno> {
            let [rdi, rsi, rdx, r10] = arguments;
            let (rip, rax) = (self.registers.rip - INSTRUCTION.len() as u64, number as u64);
            // No call is under way that the kernel would begin again.
            let orig_rax = u64::MAX;
            let registers =
                libc::user_regs_struct { rip, rax, orig_rax, rdi, rsi, rdx, r10, r8: 0, ..self.registers };
            ptrace::setregs(self.pid, registers).unwrap();
            ptrace::step(self.pid, None).unwrap();
            waitpid(self.pid, Some(WaitPidFlag::__WALL)).unwrap();
            let answer = ptrace::getregs(self.pid).expect("it lives").rax as i64;
            if number == libc::SYS_clone && answer > 0 {
                // Nobody needs a second child of this client.
                let _ = nix::sys::signal::kill(Pid::from_raw(answer as i32), Signal::SIGKILL);
            }
            if answer < 0 { Err(Errno::from_raw(-answer as i32)) } else { Ok(answer) }
        }

        /// Puts bytes into its memory. Returns where.
        #[track_caller]
        pub fn bytes(&self, bytes: &[u8]) -> u64 {
            let at = (self.free.get() - bytes.len() as u64) & !15;
            self.free.set(at);
            self.memory().write_all_at(bytes, at).expect("its memory");
            at
        }

        /// The number of its client's socket, or of another that it has.
        #[track_caller]
        pub fn socket(&self) -> u64 {
            let open = descriptors_of(self.pid.as_raw());
            open.iter().rev().find(|(_, what)| what.starts_with("socket:")).expect("a socket").0 as u64
        }

        #[track_caller]
        fn memory(&self) -> File {
            File::options().read(true).write(true).open(format!("/proc/{}/mem", self.pid)).unwrap()
        }
    }

    impl Drop for Held {
        fn drop(&mut self) {
            // They fail only when it is gone.
            let _ = ptrace::setregs(self.pid, self.registers);
            let _ = ptrace::detach(self.pid, None);
        }
    }
}

/// Nobody can be held here.
#[cfg(not(target_arch = "x86_64"))]
pub struct Held(std::convert::Infallible);

#[cfg(not(target_arch = "x86_64"))]
impl Held {
    #[track_caller]
    pub fn take(_child: i32) -> Option<Held> {
        crate::common::skip(crate::common::skip::PTRACE, "written for x86-64");
        None
    }

    pub fn makes(&mut self, _call: Call) -> Result<i64, Errno> {
        match self.0 {}
    }

    pub fn bytes(&self, _bytes: &[u8]) -> u64 {
        match self.0 {}
    }

    pub fn socket(&self) -> u64 {
        match self.0 {}
    }
}

impl Held {
    /// A path, in its memory.
    #[track_caller]
    pub fn text(&self, text: &str) -> u64 {
        self.bytes(&[text.as_bytes(), b"\0"].concat())
    }
}
