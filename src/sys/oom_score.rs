//! The out-of-memory killer's choice: proc_pid_oom_score_adj(5).
//!
//! It takes the process with the highest score. A child with a raised one costs its own client; the
//! first process would cost all of them. As sshd and PostgreSQL do it. The child raises its own:
//! raised by its parent around fork, the parent would be taken, since fork is what needs memory.

use std::fs::File;
use std::io;

use nix::fcntl::{OFlag, open as open_file};
use nix::sys::stat::Mode;

use super::descriptors::write_some;

const FILE: &str = "/proc/self/oom_score_adj";

/// The score counts thousandths of all memory: the first process may use half of it more than the
/// child that is taken in its place.
const RAISE: i32 = 500;
const MAX: i32 = 1000;

/// The raised score, as text: a child allocates nothing.
#[derive(Debug)]
pub struct OomScore(String);

impl OomScore {
    /// `None` where the system has no such file, or the score is the highest already.
    pub(super) fn above_own() -> Option<OomScore> {
        let own: i32 = std::fs::read_to_string(FILE).ok()?.trim().parse().ok()?;
        (own < MAX).then(|| OomScore(MAX.min(own + RAISE).to_string()))
    }

    /// In a child. An error leaves the score as it is: the child serves as well.
    pub(super) fn apply(&self) {
        let opened = open().or_else(|_| open_after_change_of_user());
        let _ = opened.map(|file| write_some(file, self.0.as_bytes()));
    }
}

fn open() -> io::Result<File> {
    // Once: the standard library repeats it on EINTR without a bound.
    Ok(open_file(FILE, OFlag::O_WRONLY | OFlag::O_CLOEXEC, Mode::empty())?.into())
}

/// After setuid(2), a process's files in /proc are root's until it is "dumpable" again, which it
/// must not stay: others of its user could trace it.
#[cfg(target_os = "linux")]
fn open_after_change_of_user() -> io::Result<File> {
    nix::sys::prctl::set_dumpable(true)?;
    let opened = open();
    nix::sys::prctl::set_dumpable(false)?;
    opened
}

#[cfg(not(target_os = "linux"))]
fn open_after_change_of_user() -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}
