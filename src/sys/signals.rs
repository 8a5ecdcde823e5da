//! Signals as one more descriptor in the poll loop: the self-pipe.

use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd, RawFd};
use std::sync::atomic::{AtomicBool, AtomicI32, Ordering};
use std::sync::{Arc, LazyLock};

use nix::errno::Errno;
use nix::sys::signal::{SaFlags, SigAction, SigHandler, SigSet, Signal, kill, sigaction, signal};
use nix::unistd::{Pid, getpid, getppid, getsid};
use smallvec::SmallVec;

use super::backoff::progressed;
use super::descriptors::{make_nonblocking, move_high};

/// Set once this process was asked to end, by a caught signal or by a key: [`is_asked_to_end`].
static ASKED_TO_END: LazyLock<Arc<AtomicBool>> = LazyLock::new(Arc::default);

/// Those that ask for it.
const ENDING: [Signal; 4] = [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGQUIT];

/// The caught signals. A handler sets the signal's flag and writes one byte to the pipe: the byte
/// ends the wait, the flag names the signal (a full pipe loses bytes, never flags).
#[derive(Debug)]
pub struct Signals {
    pipe: PipeReader,
    raised: Vec<(Signal, Arc<AtomicBool>)>,
    /// Ignored by forked children instead of set back to the default.
    own: Vec<Signal>,
    /// A SIGHUP came because the terminal was closed.
    hung_up: Arc<AtomicBool>,
}

impl Signals {
    /// Catches `signals`. The pipe's descriptors (its read end, and a write end per signal) get
    /// numbers from `lowest` on.
    pub fn catch(signals: &[Signal], lowest: RawFd) -> io::Result<Signals> {
        Signals::catch_with_own(signals, &[], lowest)
    }

    /// [`Signals::catch`] with `own` signals, which children forked later ignore: sent to all of a
    /// terminal (Ctrl+C) or by the program's name (pkill(1)), they are for the first process and
    /// must not end the others.
    pub fn catch_with_own(signals: &[Signal], own: &[Signal], lowest: RawFd) -> io::Result<Signals> {
        let (reader, writer) = io::pipe()?;
        let reader = PipeReader::from(move_high(reader.into(), lowest)?);
        let writer = move_high(writer.into(), lowest)?;
        make_nonblocking(&reader)?;
        let (mut raised, hung_up) = (Vec::new(), Arc::new(AtomicBool::new(false)));
        let all = [signals, own].concat();
        for &signal in &all {
            let flag = Arc::new(AtomicBool::new(false));
            // Handlers run in this order: a reader of the byte finds the flags set.
            if signal == Signal::SIGHUP {
                watch_for_hangup(&hung_up)?;
            }
            signal_hook::flag::register(signal as i32, Arc::clone(&flag))?;
            if ENDING.contains(&signal) {
                signal_hook::flag::register(signal as i32, Arc::clone(&ASKED_TO_END))?;
            }
            let copy = move_high(writer.try_clone()?, lowest)?;
            signal_hook::low_level::pipe::register::<OwnedFd>(signal as i32, copy)?;
            raised.push((signal, flag));
        }
        // The signal mask is inherited, and the parent may have blocked them.
        all.into_iter().collect::<SigSet>().thread_unblock()?;
        Ok(Signals { pipe: reader, raised, own: own.to_vec(), hung_up })
    }

    /// Readable when a signal has come.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.pipe.as_fd()
    }

    /// True when [`Signals::take`] would return some. No system call.
    pub fn is_raised(&self) -> bool {
        self.raised.iter().any(|(_, flag)| flag.load(Ordering::SeqCst))
    }

    /// Takes the signals that have come since the last call. Their flags are read in the order of
    /// [`Signals::catch`]: after a flag that was set, so are those of all signals before that one.
    pub fn take(&mut self) -> SmallVec<[Signal; 8]> {
        let mut bytes = [0; 256];
        // The pipe before the flags: a signal in between causes a spurious wakeup, and is not lost.
        // At most what a pipe holds.
        for _ in 0..256 {
            let read = self.pipe.read(&mut bytes).inspect(|_| progressed());
            if !read.is_ok_and(|n| n == bytes.len()) {
                break;
            }
        }
        self.raised.iter().filter(|(_, flag)| flag.swap(false, Ordering::SeqCst)).map(|(s, _)| *s).collect()
    }

    /// True when a SIGHUP since the last call came from the kernel, or from the session leader (a
    /// shell that passes it on to its jobs): the terminal was closed. Any other is a request.
    pub fn has_hung_up(&mut self) -> bool {
        self.hung_up.swap(false, Ordering::SeqCst)
    }

    /// In a forked child: sets each signal back to its default, or ignores it.
    pub(super) fn give_back(&self) {
        for (caught, _) in &self.raised {
            if self.own.contains(caught) { ignore_signal(*caught) } else { default_signal(*caught) }
        }
    }
}

/// True once a caught signal, or a key, has asked this process to end: nothing waits any more for a
/// terminal or a pipe that takes nothing.
pub fn is_asked_to_end() -> bool {
    ASKED_TO_END.load(Ordering::SeqCst)
}

/// Reports a key that asks for it.
pub fn note_asked_to_end() {
    ASKED_TO_END.store(true, Ordering::SeqCst);
}

fn watch_for_hangup(flag: &Arc<AtomicBool>) -> io::Result<()> {
    let (flag, leader) = (Arc::clone(flag), getsid(None)?);
    let handler = move |info: &libc::siginfo_t| {
        if is_hangup(info, leader) {
            flag.store(true, Ordering::SeqCst);
        }
    };
    // SAFETY: the handler reads siginfo and sets an atomic flag, as signal-safety(7) allows.
    unsafe { signal_hook_registry::register_sigaction(Signal::SIGHUP as i32, handler) }?;
    Ok(())
}

/// sigaction(2), `si_code` and `si_pid`.
#[cfg(target_os = "linux")]
fn is_hangup(info: &libc::siginfo_t, leader: Pid) -> bool {
    // SAFETY: with SI_USER, kill(2) has filled this field in.
    info.si_code == libc::SI_KERNEL
        || info.si_code == libc::SI_USER && unsafe { info.si_pid() } == leader.as_raw()
}

/// Other kernels do not mark their own signals: each SIGHUP may be one.
#[cfg(not(target_os = "linux"))]
fn is_hangup(_info: &libc::siginfo_t, _leader: Pid) -> bool {
    true
}

/// In a child: SIGTERM is its orderly stop. It closes `stop`, which poll then reports, as it does
/// when the first process ends; no signal is lost between a check and a wait. The caller only polls
/// and reads `stop`, and does not drop its owner.
pub fn stop_by_sigterm(stop: BorrowedFd) {
    STOP.store(stop.as_raw_fd(), Ordering::SeqCst);
    // Restarted: no file's call has to handle EINTR. poll(2) is interrupted all the same.
    let action = SigAction::new(SigHandler::Handler(close_stop), SaFlags::SA_RESTART, SigSet::empty());
    // SAFETY: the handler swaps an atomic and closes a descriptor, as signal-safety(7) allows. It
    // cannot fail for a signal that can be caught.
    let _ = unsafe { sigaction(Signal::SIGTERM, &action) };
}

/// In a child: SIGTERM has closed the descriptor of [`stop_by_sigterm`].
pub fn is_stopped_by_sigterm() -> bool {
    STOP.load(Ordering::SeqCst) == STOPPED
}

/// The descriptor that [`close_stop`] closes, once: its number may be used again.
static STOP: AtomicI32 = AtomicI32::new(-1);

const STOPPED: RawFd = -2;

extern "C" fn close_stop(_signal: libc::c_int) {
    let errno = Errno::last_raw();
    // SAFETY: close takes an integer; a negative one is no descriptor. No value closes this number
    // again: a child ends by `_exit`.
    unsafe { libc::close(STOP.swap(STOPPED, Ordering::SeqCst)) };
    Errno::set_raw(errno);
}

/// In a child: SIGHUP, unless it is ignored (nohup(1)), continues the parent, which may be stopped
/// and must take its own to end. The kernel continues no group of a session whose leader has ended.
pub fn continue_parent_at_hangup() {
    if !is_ignored(Signal::SIGHUP) {
        let action =
            SigAction::new(SigHandler::Handler(continue_parent), SaFlags::SA_RESTART, SigSet::empty());
        // SAFETY: the handler makes two system calls, as signal-safety(7) allows. It cannot fail
        // for a signal that can be caught.
        let _ = unsafe { sigaction(Signal::SIGHUP, &action) };
    }
}

extern "C" fn continue_parent(_signal: libc::c_int) {
    let errno = Errno::last_raw();
    let _ = kill(getppid(), Signal::SIGCONT);
    Errno::set_raw(errno);
}

/// Ignores a signal, in later children too.
pub fn ignore_signal(ignored: Signal) {
    // SAFETY: SIG_IGN runs no handler. It cannot fail for a signal that can be caught.
    let _ = unsafe { signal(ignored, SigHandler::SigIgn) };
}

/// True when this process ignores `signal`; that is inherited, for SIGHUP from nohup(1).
pub fn is_ignored(signal: Signal) -> bool {
    let mut action = std::mem::MaybeUninit::<libc::sigaction>::uninit();
    // SAFETY: nothing changes; the kernel writes the present action to `action`.
    let status = unsafe { libc::sigaction(signal as libc::c_int, std::ptr::null(), action.as_mut_ptr()) };
    // SAFETY: sigaction has succeeded, so it has filled `action` in.
    status == 0 && unsafe { action.assume_init() }.sa_sigaction == libc::SIG_IGN
}

/// Sets back to its default action a signal that ends this process, as process 1 too (of a
/// container), which the kernel spares that: pid_namespaces(7).
pub fn end_by(ending: Signal) {
    default_signal(ending);
    end_process_1_by(ending);
}

/// In process 1, unless it ignores `ending`: ends it with the status that a shell has for it.
pub fn end_process_1_by(ending: Signal) {
    extern "C" fn exit(signal: libc::c_int) {
        // SAFETY: `_exit` takes an integer, and is async-signal-safe.
        unsafe { libc::_exit(128 + signal) }
    }
    if getpid() == Pid::from_raw(1) && !is_ignored(ending) {
        // SAFETY: the handler only ends the process. It cannot fail for a signal that can be
        // caught.
        let _ = unsafe { signal(ending, SigHandler::Handler(exit)) };
    }
}

/// Sets a signal back to its default action. For SIGCHLD: a parent may have left it ignored, and
/// children would then be reaped without a status.
pub fn default_signal(defaulted: Signal) {
    // SAFETY: the default action runs no handler.
    let _ = unsafe { signal(defaulted, SigHandler::SigDfl) };
}
