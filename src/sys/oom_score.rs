//! The out-of-memory killer's choice: proc_pid_oom_score_adj(5).
//!
//! It takes the process with the highest score. A child with a raised one costs its own client; the
//! first process would cost all of them. As sshd and PostgreSQL do it. Not raised by the first
//! process for itself around fork: then it would be taken, since fork is what needs memory.
//!
//! The write costs a tenth of a short connection (the kernel makes the child's entry in /proc). So
//! the first process does it for a child that has lived some time, and a child itself only where
//! several are that young, or the first process may not.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::{Duration, Instant};

use nix::fcntl::OFlag;
use nix::sys::stat::Mode;
use nix::unistd::Pid;
use smallvec::SmallVec;

use super::descriptors::write_some;
use super::files::open_file;

const OWN: &str = "/proc/self/oom_score_adj";

/// The score counts thousandths of all memory: the first process may use half of it more than the
/// child that is taken in its place.
const RAISE: i32 = 500;
const MAX: i32 = 1000;

/// The age at which the first process raises a child's score.
const AGE: Duration = Duration::from_millis(100);

/// Children that wait for that age.
const YOUNG: usize = 8;

#[derive(Debug)]
pub struct OomScores {
    /// The raised score, as text: a child allocates nothing.
    raised: String,
    /// The first process may write to its children's files in /proc.
    may_raise_others: bool,
    /// Not on the heap, where a write copies a page that children share (copy-on-write).
    young: SmallVec<[(Pid, Instant); YOUNG]>,
}

impl OomScores {
    /// `None` where the system has no such file, or the score is the highest already.
    pub(super) fn above_own() -> Option<OomScores> {
        let own: i32 = std::fs::read_to_string(OWN).ok()?.trim().parse().ok()?;
        let raised = (own < MAX).then(|| MAX.min(own + RAISE).to_string())?;
        Some(OomScores { raised, may_raise_others: is_dumpable(), young: SmallVec::new() })
    }

    /// True when the next child has to raise its own score.
    pub(super) fn child_raises_its_own(&self) -> bool {
        !self.may_raise_others || self.young.len() == YOUNG
    }

    /// In a child. An error leaves the score as it is: the child serves as well.
    pub(super) fn raise_own(&self) {
        let opened = open(OWN).or_else(|_| open_after_change_of_user());
        let _ = opened.map(|file| write_some(file, self.raised.as_bytes()));
    }

    /// A child was forked.
    pub(super) fn forked(&mut self, child: Pid) {
        if !self.child_raises_its_own() {
            self.young.push((child, Instant::now() + AGE));
        }
    }

    /// A child was reaped: its pid may become another process's.
    pub(super) fn reaped(&mut self, child: Pid) {
        self.young.retain(|&mut (young, _)| young != child);
    }

    pub(super) fn due(&self) -> Option<Instant> {
        self.young.first().map(|&(_, at)| at)
    }

    /// Raises the scores of children that have come of age.
    pub(super) fn raise(&mut self, now: Instant) {
        while self.due().is_some_and(|at| at <= now) {
            let (child, _) = self.young.remove(0);
            // Not on the heap either.
            let mut path = [0; 64];
            let mut rest = &mut path[..];
            let written = write!(rest, "/proc/{child}/oom_score_adj");
            let length = 64 - rest.len();
            let opened = written.and_then(|()| open(OsStr::from_bytes(&path[..length])));
            let _ = opened.map(|file| write_some(file, self.raised.as_bytes()));
        }
    }
}

fn open(path: impl AsRef<Path>) -> io::Result<File> {
    open_file(path.as_ref(), OFlag::O_WRONLY, Mode::empty())
}

/// After setuid(2), the files in /proc of a process and of its children are root's.
#[cfg(target_os = "linux")]
fn is_dumpable() -> bool {
    nix::sys::prctl::get_dumpable() == Ok(true)
}

/// The child's own are writable once it is "dumpable" again, which it must not stay: others of its
/// user could trace it.
#[cfg(target_os = "linux")]
fn open_after_change_of_user() -> io::Result<File> {
    nix::sys::prctl::set_dumpable(true)?;
    let opened = open(OWN);
    nix::sys::prctl::set_dumpable(false)?;
    opened
}

#[cfg(not(target_os = "linux"))]
fn is_dumpable() -> bool {
    false
}

#[cfg(not(target_os = "linux"))]
fn open_after_change_of_user() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
