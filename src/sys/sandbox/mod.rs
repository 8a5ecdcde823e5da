//! Confines a child: exploited by its client, it can do little more than serve that client.
//!
//! Independent layers: limits, setrlimit(2), on every Unix; on Linux a list of permitted system
//! calls, seccomp(2), for a child that writes files a single directory, landlock(7), and no
//! capabilities(7) of root. All that can be prepared is prepared once, before any fork.
//!
//! Beside them, what every child of a server has: it ends with its parent, and the out-of-memory
//! killer takes it first.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod bpf;
mod landlock;
mod profile;
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "no_seccomp.rs"
)]
mod seccomp;

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};
use std::time::Instant;

use nix::errno::Errno;
use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{dup2_stdin, dup2_stdout};

use super::capabilities::Capabilities;
use super::descriptors::move_high;
use super::oom_score::OomScores;
use super::process::end_with;
use super::{Pid, Signal};
pub use landlock::Ruleset;
pub use profile::Profile;
pub use seccomp::Filter;

/// One means of confinement.
#[derive(Debug)]
pub enum Layer<T> {
    Up(T),
    /// Switched off by an option, or of no use to this profile.
    Unwanted,
    /// The system does not have it.
    Lacking(io::Error),
}

/// Applied to a child by [`crate::sys::spawn()`].
#[derive(Debug)]
pub struct Sandbox {
    limits: Option<&'static [Limit]>,
    seccomp: Layer<Filter>,
    landlock: Layer<Ruleset>,
    /// Those that a child keeps; `None` where its parent has none.
    capabilities: Option<Capabilities>,
    oom_scores: Option<OomScores>,
    /// Sent to a child when its parent has ended.
    parent_death: Option<Signal>,
    /// Children have /dev/null as standard input and output.
    pub(crate) closes_terminal: bool,
    /// /dev/null: to open it would cost each child more than all its limits.
    null: Option<OwnedFd>,
}

/// Set to 0 in a child. No processes (root's are not counted: there seccomp alone forbids fork), no
/// core dump (it would hold clients' data), and last, where the child writes no file, no file size.
const LIMITS: [Limit; 3] = [libc::RLIMIT_NPROC, libc::RLIMIT_CORE, libc::RLIMIT_FSIZE];

/// nix does not have all of these limits on all systems.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Limit = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Limit = libc::c_int;

impl Sandbox {
    pub const fn none() -> Sandbox {
        let (seccomp, landlock) = (Layer::Unwanted, Layer::Unwanted);
        Sandbox {
            limits: None,
            seccomp,
            landlock,
            capabilities: None,
            oom_scores: None,
            parent_death: None,
            closes_terminal: false,
            null: None,
        }
    }

    /// Nothing but SIGCONT at the parent's end, for a child that then has work to do.
    pub fn continued_at_parents_end() -> Sandbox {
        Sandbox { parent_death: Some(Signal::SIGCONT), ..Sandbox::none() }
    }

    /// `limits` and `seccomp`: whether these layers are wanted.
    /// Descriptors for it get numbers from `lowest` on.
    pub fn prepare(profile: Profile, limits: bool, seccomp: bool, lowest: RawFd) -> Sandbox {
        let closes_terminal = profile == Profile::Records && (limits || seccomp);
        let null =
            closes_terminal.then(|| open_null().and_then(|null| move_high(null, lowest)).ok()).flatten();
        let writes_files = match profile {
            Profile::Records => false,
            Profile::Talk | Profile::Pair => prints_to_a_file(),
            Profile::Files => true,
        };
        let limits = limits.then_some(if writes_files { &LIMITS[..2] } else { &LIMITS });
        let seccomp = match seccomp {
            true => Filter::prepare(profile).map_or_else(Layer::Lacking, Layer::Up),
            false => Layer::Unwanted,
        };
        let capabilities = Capabilities::drop_for_children();
        let oom_scores = OomScores::above_own();
        let parent_death = Some(match profile {
            // It still has last words for its clients.
            Profile::Pair => Signal::SIGCONT,
            Profile::Records | Profile::Talk | Profile::Files => Signal::SIGKILL,
        });
        Sandbox {
            limits,
            seccomp,
            capabilities,
            oom_scores,
            parent_death,
            closes_terminal,
            null,
            ..Sandbox::none()
        }
    }

    /// Adds landlock, unless seccomp is unwanted: files in `directory` alone. Its descriptor gets a
    /// number from `lowest` on. Keeps the one capability without which root cannot write to another
    /// user's directory.
    pub fn with_files_in(self, directory: BorrowedFd, lowest: RawFd) -> Sandbox {
        let capabilities = self.capabilities.map(|_| Capabilities::to_write_in(directory));
        let landlock = match self.seccomp {
            Layer::Unwanted => Layer::Unwanted,
            _ => Ruleset::around(directory, lowest).map_or_else(Layer::Lacking, Layer::Up),
        };
        Sandbox { landlock, capabilities, ..self }
    }

    /// A descriptor that a child keeps until the sandbox is applied.
    pub fn keeps(&self) -> Option<RawFd> {
        match &self.landlock {
            Layer::Up(ruleset) => Some(ruleset.number()),
            _ => None,
        }
    }

    /// `Some(true)`: the limits also forbid writing to a file.
    pub(crate) fn limits(&self) -> Option<bool> {
        self.limits.map(|limits| limits.contains(&libc::RLIMIT_FSIZE))
    }

    pub fn landlock(&self) -> &Layer<Ruleset> {
        &self.landlock
    }

    pub fn seccomp(&self) -> &Layer<Filter> {
        &self.seccomp
    }

    pub(crate) fn capabilities(&self) -> Option<Capabilities> {
        self.capabilities
    }

    /// A child was forked.
    pub(super) fn forked(&mut self, child: Pid) {
        if let Some(scores) = &mut self.oom_scores {
            scores.forked(child);
        }
    }

    /// A child was reaped.
    pub(crate) fn reaped(&mut self, child: Pid) {
        if let Some(scores) = &mut self.oom_scores {
            scores.reaped(child);
        }
    }

    /// The time of the next [`Sandbox::raise_scores`].
    pub(crate) fn due(&self) -> Option<Instant> {
        self.oom_scores.as_ref()?.due()
    }

    /// Raises the scores for the out-of-memory killer of children that have lived some time.
    pub(crate) fn raise_scores(&mut self, now: Instant) {
        if let Some(scores) = &mut self.oom_scores {
            scores.raise(now);
        }
    }

    /// In a child that still holds its parent's descriptors, and not in a table that they share.
    /// Without /dev/null, the child goes on: the other layers hold.
    pub(super) fn detach_terminal(&self) {
        if let Some(null) = &self.null {
            replace_terminal(null.as_fd());
        }
    }

    /// As [`Sandbox::detach_terminal`], in a child that holds only what it needs.
    #[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
    pub(super) fn detach_terminal_anew(&self) {
        if self.closes_terminal
            && let Ok(null) = open_null()
        {
            replace_terminal(null.as_fd());
        }
    }

    /// In a child, once it has closed what it does not need. It allocates nothing: a heap write
    /// copies a page. After an error, the child must not go on.
    pub(super) fn apply(&self, parent: Pid) -> io::Result<()> {
        if let Some(signal) = self.parent_death {
            end_with(parent, signal)?;
        }
        if let Some(scores) = self.oom_scores.as_ref().filter(|scores| scores.child_raises_its_own()) {
            scores.raise_own();
        }
        self.limits.into_iter().flatten().try_for_each(|&limit| set_to_zero(limit))?;
        #[cfg(target_os = "linux")]
        if let (Some(_), ..) | (_, Layer::Up(_), _) | (.., Layer::Up(_)) =
            (self.capabilities, &self.landlock, &self.seccomp)
        {
            // The latter two require it of all but root: failing calls could mislead a set-user-ID
            // program.
            nix::sys::prctl::set_no_new_privs()?;
        }
        if let Some(capabilities) = self.capabilities {
            capabilities.keep_alone()?;
        }
        if let Layer::Up(ruleset) = &self.landlock {
            ruleset.apply()?;
        }
        if let Layer::Up(filter) = &self.seccomp {
            filter.install()?;
        }
        Ok(())
    }
}

/// 2 stays, for a panic's message.
fn replace_terminal(null: BorrowedFd) {
    // Cannot fail: Rust's start-up code sees to it that these numbers are open.
    let _ = dup2_stdin(null).and_then(|()| dup2_stdout(null));
}

fn open_null() -> io::Result<OwnedFd> {
    Ok(open("/dev/null", OFlag::O_RDWR, Mode::empty())?)
}

/// setrlimit(2), soft and hard.
fn set_to_zero(limit: Limit) -> io::Result<()> {
    let zero = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel reads `zero`, which outlives the call.
    Ok(Errno::result(unsafe { libc::setrlimit(limit, &raw const zero) }).map(drop)?)
}

/// True when standard output is a regular file, where a size limit of 0 would forbid printing.
fn prints_to_a_file() -> bool {
    let kind = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    // Without an answer, it may be a file.
    fstat(io::stdout()).map_or(true, |stat| kind(stat.st_mode) == SFlag::S_IFREG)
}
