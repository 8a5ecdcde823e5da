//! The out-of-memory killer's choice: proc_pid_oom_score_adj(5).
//!
//! It takes the process with the highest score. A child with a raised one costs its own client; the
//! first process would cost all of them.

use std::fs::{File, OpenOptions};
use std::io::Read;
use std::os::fd::{OwnedFd, RawFd};
use std::os::unix::fs::FileExt;

use super::descriptors::move_high;

/// Half of the memory that there is, as the score counts it: the first process may use that much
/// more than the child that is taken in its place.
const RAISE: i32 = 500;
const MAX: i32 = 1000;

/// This process's score, raised while it forks, since children inherit it. A child of another user
/// (`--user`) could not open this file: it belongs to root.
#[derive(Debug)]
pub struct OomScore {
    file: File,
    own: String,
    raised: String,
}

impl OomScore {
    /// `None` where the system has no such file, or the score is the highest. Its descriptor gets a
    /// number from `lowest` on.
    pub fn open(lowest: RawFd) -> Option<OomScore> {
        let file = OpenOptions::new().read(true).write(true).open("/proc/self/oom_score_adj").ok()?;
        let mut file = File::from(move_high(OwnedFd::from(file), lowest).ok()?);
        let mut text = String::new();
        file.read_to_string(&mut text).ok()?;
        let own: i32 = text.trim().parse().ok()?;
        let raised = MAX.min(own + RAISE);
        (own < raised).then(|| OomScore { file, own: own.to_string(), raised: raised.to_string() })
    }

    /// Calls `fork`; the child has the raised score.
    pub(super) fn raised_for<T>(&self, fork: impl FnOnce() -> T) -> T {
        let parent = std::process::id();
        // Without it, the child serves as well.
        let _ = self.file.write_at(self.raised.as_bytes(), 0);
        let forked = fork();
        // The file is the parent's, and closed in the child. Back to an own value is permitted.
        if std::process::id() == parent {
            let _ = self.file.write_at(self.own.as_bytes(), 0);
        }
        forked
    }
}
