//! A child stopped by ptrace(2) while it waits for its client, and made to issue system calls of
//! the test, which pass through its own seccomp filter. For x86-64; elsewhere the tests are
//! skipped.
//!
//! The child is stopped right behind the `syscall` instruction by which it waits. Its registers are
//! set for another call, it executes that instruction again, and its registers are restored when it
//! is released.

use nix::errno::Errno;
use nix::libc;

/// A system call: its number and its first arguments.
#[derive(Clone, Copy, Debug)]
pub struct Call(pub i64, pub [u64; 4]);

/// Makes a [`Call`]; missing arguments are 0.
pub fn call(number: i64, given: &[u64]) -> Call {
    let mut arguments = [0; 4];
    arguments[..given.len()].copy_from_slice(given);
    Call(number, arguments)
}

/// A stopped child, released when dropped.
#[cfg(target_arch = "x86_64")]
pub struct Held {
    pid: nix::unistd::Pid,
    registers: libc::user_regs_struct,
    /// Address for the next bytes: on the stack, below the part in use and the red zone.
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

    /// The opcode of `syscall`.
    const INSTRUCTION: [u8; 2] = [0x0f, 0x05];

    impl Held {
        /// Stops a child once it waits in poll(2) or recv(2). `None` where ptrace is not permitted:
        /// the test is recorded as skipped.
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
                let waiting = [libc::SYS_poll, libc::SYS_ppoll, libc::SYS_recvfrom];
                let waits = waiting.contains(&(registers.orig_rax as i64));
                (waits && behind == INSTRUCTION).then_some(Some(held))
            })
        }

        /// Makes the child issue this call, and returns the result.
        #[track_caller]
        pub fn makes(&mut self, Call(number, arguments): Call) -> Result<i64, Errno> {
            let [rdi, rsi, rdx, r10] = arguments;
            let (rip, rax) = (self.registers.rip - INSTRUCTION.len() as u64, number as u64);
            // -1: no interrupted call for the kernel to restart.
            let orig_rax = u64::MAX;
            let registers =
                libc::user_regs_struct { rip, rax, orig_rax, rdi, rsi, rdx, r10, r8: 0, ..self.registers };
            ptrace::setregs(self.pid, registers).unwrap();
            ptrace::step(self.pid, None).unwrap();
            waitpid(self.pid, Some(WaitPidFlag::__WALL)).unwrap();
            let answer = ptrace::getregs(self.pid).expect("it lives").rax as i64;
            if number == libc::SYS_clone && answer > 0 {
                // CLONE_PTRACE: the grandchild is stopped before its first instruction. Running, it
                // would return from the child's recv(2) with 0, and report that the client left.
                let grandchild = Pid::from_raw(answer as i32);
                nix::sys::signal::kill(grandchild, Signal::SIGKILL).expect("its grandchild");
                waitpid(grandchild, Some(WaitPidFlag::__WALL)).expect("the end of its grandchild");
            }
            if answer < 0 { Err(Errno::from_raw(-answer as i32)) } else { Ok(answer) }
        }

        /// Writes bytes into the memory of the child, and returns their address.
        #[track_caller]
        pub fn bytes(&self, bytes: &[u8]) -> u64 {
            let at = (self.free.get() - bytes.len() as u64) & !15;
            self.free.set(at);
            self.memory().write_all_at(bytes, at).expect("its memory");
            at
        }

        /// The descriptor of the socket of its client, or of another one that it has.
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
            // These calls fail only if the child has died.
            let _ = ptrace::setregs(self.pid, self.registers);
            let _ = ptrace::detach(self.pid, None);
        }
    }
}

/// No value exists on other architectures.
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
    /// Writes a NUL-terminated path into the memory of the child.
    #[track_caller]
    pub fn text(&self, text: &str) -> u64 {
        self.bytes(&[text.as_bytes(), b"\0"].concat())
    }
}
