//! Signals as one more descriptor in the poll loop: the self-pipe.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use nix::sys::signal::{SigHandler, SigSet, Signal, signal};
use nix::unistd::{Pid, getsid};

use super::{make_nonblocking, move_high};

/// The signals that a program has asked to hear of.
///
/// A handler raises the signal's flag and puts one byte into the pipe: the byte ends the wait, the flag says which
/// signal it was (a full pipe may lose bytes, never flags).
#[derive(Debug)]
pub struct Signals {
    pipe: std::io::PipeReader,
    raised: Vec<(Signal, Arc<AtomicBool>)>,
    /// Those that are for this process and not for those that it forks.
    own: Vec<Signal>,
    /// SIGHUP has come from who tells of the terminal's end.
    hung_up: Arc<AtomicBool>,
}

impl Signals {
    /// Catches `signals`. The pipe's descriptors get numbers from `lowest` on: one, and one per signal.
    ///
    /// # Errors
    /// EMFILE and the like from pipe(2) and fcntl(2).
    pub fn catch(signals: &[Signal], lowest: RawFd) -> io::Result<Signals> {
        Signals::catch_with_own(signals, &[], lowest)
    }

    /// The same, and `own` ones that processes forked later are deaf to: who sends them by the program's name, pkill(1), means the first
    /// process and must not end the others.
    ///
    /// # Errors
    /// As [`Signals::catch`].
    pub fn catch_with_own(signals: &[Signal], own: &[Signal], lowest: RawFd) -> io::Result<Signals> {
        let (reader, writer) = std::io::pipe()?;
        let reader = std::io::PipeReader::from(move_high(reader.into(), lowest)?);
        let writer = move_high(writer.into(), lowest)?;
        make_nonblocking(&reader)?;
        let (mut raised, hung_up) = (Vec::new(), Arc::new(AtomicBool::new(false)));
        let all = [signals, own].concat();
        for &signal in &all {
            let flag = Arc::new(AtomicBool::new(false));
            // In this order: whoever reads the byte finds the flags up.
            if signal == Signal::SIGHUP {
                raise_where_the_terminal_ends(&hung_up)?;
            }
            signal_hook::flag::register(signal as i32, Arc::clone(&flag))?;
            let copy = move_high(writer.try_clone()?, lowest)?;
            signal_hook::low_level::pipe::register::<OwnedFd>(signal as i32, copy)?;
            raised.push((signal, flag));
        }
        // Whoever started us may have had them blocked, and a mask is inherited.
        all.into_iter().collect::<SigSet>().thread_unblock()?;
        Ok(Signals { pipe: reader, raised, own: own.to_vec(), hung_up })
    }

    /// To wait for, with [`crate::sys::Interest::Read`].
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// The pipe's number, for a process that keeps it when it closes others.
    pub fn number(&self) -> RawFd {
        self.pipe.as_raw_fd()
    }

    /// The signals that have come since the last call.
    pub fn take(&mut self) -> Vec<Signal> {
        let mut bytes = [0; 256];
        // First the pipe, then the flags: a signal in between wakes the next wait for nothing, and is not lost.
        while matches!(self.pipe.read(&mut bytes), Ok(n) if n == bytes.len()) {}
        self.raised.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst)).map(|(s, _)| *s).collect()
    }

    /// True when a SIGHUP that has come since the last call told of the terminal's end: from the kernel, or from the shell that passes it on
    /// to what it has started, the leader of the session. Anybody else's asks for something.
    pub fn has_hung_up(&mut self) -> bool {
        self.hung_up.swap(false, Ordering::SeqCst)
    }

    /// In a forked child: each signal does again what the system does by default, or nothing.
    pub(super) fn give_back(&self) {
        for (caught, _) in &self.raised {
            if self.own.contains(caught) { ignore_signal(*caught) } else { default_signal(*caught) }
        }
    }
}

fn raise_where_the_terminal_ends(flag: &Arc<AtomicBool>) -> io::Result<()> {
    let (flag, leader) = (Arc::clone(flag), getsid(None)?);
    let look = move |about: &libc::siginfo_t| {
        if tells_of_the_terminals_end(about, leader) {
            flag.store(true, Ordering::SeqCst);
        }
    };
    // SAFETY: what runs in the handler reads what the kernel has written and sets a flag: signal-safety(7).
    unsafe { signal_hook_registry::register_sigaction(Signal::SIGHUP as i32, look) }?;
    Ok(())
}

/// sigaction(2), `si_code` and `si_pid`.
#[cfg(target_os = "linux")]
fn tells_of_the_terminals_end(about: &libc::siginfo_t, leader: Pid) -> bool {
    // SAFETY: kill(2) and its like, which SI_USER tells of, fill this field in.
    about.si_code == libc::SI_KERNEL
        || about.si_code == libc::SI_USER && unsafe { about.si_pid() } == leader.as_raw()
}

/// Elsewhere the kernel does not say that it was the kernel: each may be that.
#[cfg(not(target_os = "linux"))]
fn tells_of_the_terminals_end(_about: &libc::siginfo_t, _leader: Pid) -> bool {
    true
}

/// Ignores `ignored` in this process and in those that it forks.
///
/// For SIGPIPE (Rust's start-up code does it too; written out because the servers live by it: a write to a
/// connection that is gone then fails with EPIPE and kills nobody), and in a helper process whose end another
/// decides.
pub fn ignore_signal(ignored: Signal) {
    // SAFETY: ignoring runs no function of ours. It cannot fail for a signal that can be caught.
    let _ = unsafe { signal(ignored, SigHandler::SigIgn) };
}

/// True when this process ignores `signal`, as whoever started it may have had it (nohup(1), for SIGHUP).
pub fn is_ignored(signal: Signal) -> bool {
    let mut now = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: no action is given, so nothing changes; the kernel writes the present one to `now`, which is large enough.
    let asked = unsafe { libc::sigaction(signal as libc::c_int, std::ptr::null(), now.as_mut_ptr()) };
    // SAFETY: sigaction has filled it in, for it has succeeded.
    asked == 0 && unsafe { now.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Lets the system do with `signal` what it does by default. For SIGCHLD: ignored, as a parent may leave it to us, it would
/// make children vanish without a status to wait for.
pub fn default_signal(defaulted: Signal) {
    // SAFETY: the default action is no function of ours, so no handler's rules can be broken.
    let _ = unsafe { signal(defaulted, SigHandler::SigDfl) };
}
