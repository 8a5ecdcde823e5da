//! What a child may still do: a child that a client has taken over must find nothing to do but serve that client.
//!
//! Two walls, each alone enough for most of it: limits, setrlimit(2), wherever there is Unix; and on Linux a list of system
//! calls beyond which there is only EPERM, seccomp(2), with one directory for files where files are written, landlock(7). All that can be made ready is made ready once, before any fork.

#[cfg(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64")))]
mod bpf;
mod landlock;
#[cfg_attr(
    not(all(target_os = "linux", any(target_arch = "x86_64", target_arch = "aarch64"))),
    path = "no_seccomp.rs"
)]
mod seccomp;

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use nix::fcntl::{OFlag, open};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::unistd::{dup2_stdin, dup2_stdout};

pub use landlock::Ruleset;
pub use seccomp::Filter;

/// What a child does beside reading, writing and waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Profile {
    /// It writes records to a pipe, and prints nothing.
    Records,
    /// It answers its client, and prints.
    Talk,
    /// It takes clients through a link, answers them, and prints.
    Pair,
    /// It writes a file, answers its client, and prints.
    Files,
}

/// Whether there is a wall, and if not, why.
#[derive(Debug)]
pub enum Layer<T> {
    /// There is.
    Up(T),
    /// It is not wanted.
    Unwanted,
    /// The system has none, for this reason.
    Lacking(io::Error),
}

/// What is done to each child of a server.
#[derive(Debug)]
pub struct Sandbox {
    limits: Layer<&'static [Limit]>,
    seccomp: Layer<Filter>,
    fence: Layer<Ruleset>,
    /// It has no use for the keyboard, nor for the screen.
    closes_terminal: bool,
}

/// A child is not to make processes (root's are not counted: there seccomp alone forbids it) nor leave its memory on the disk,
/// where others might read what clients have said; nor to write to a file, if it has none to write to.
const LIMITS: [Limit; 3] = [libc::RLIMIT_NPROC, libc::RLIMIT_CORE, libc::RLIMIT_FSIZE];

/// A limit's number, which nix has not for all of them on all systems.
#[cfg(all(target_os = "linux", target_env = "gnu"))]
type Limit = libc::__rlimit_resource_t;
#[cfg(not(all(target_os = "linux", target_env = "gnu")))]
type Limit = libc::c_int;

impl Sandbox {
    /// No wall at all.
    pub const fn none() -> Sandbox {
        let (limits, seccomp, fence) = (Layer::Unwanted, Layer::Unwanted, Layer::Unwanted);
        Sandbox { limits, seccomp, fence, closes_terminal: false }
    }

    /// Makes ready what children with this `duty` are confined by: `limits`, `seccomp`, if they are wanted.
    pub fn prepare(duty: Profile, limits: bool, seccomp: bool) -> Sandbox {
        let closes_terminal = duty == Profile::Records && (limits || seccomp);
        let writes_files = match duty {
            Profile::Records => false,
            Profile::Talk | Profile::Pair => prints_to_a_file(),
            Profile::Files => true,
        };
        let lowered = if writes_files { &LIMITS[..2] } else { &LIMITS };
        let limits = if limits { Layer::Up(lowered) } else { Layer::Unwanted };
        let seccomp = match seccomp {
            true => Filter::prepare(duty).map_or_else(Layer::Lacking, Layer::Up),
            false => Layer::Unwanted,
        };
        Sandbox { limits, seccomp, fence: Layer::Unwanted, closes_terminal }
    }

    /// True for children to whom standard input and output lead nowhere.
    pub fn closes_terminal(&self) -> bool {
        self.closes_terminal
    }

    /// The same, and where there is a list of system calls, those that concern files reach no further than `directory`. A
    /// descriptor that this needs gets a number from `lowest` on.
    pub fn with_files_in(self, directory: BorrowedFd, lowest: RawFd) -> Sandbox {
        let fence = match self.seccomp {
            Layer::Unwanted => Layer::Unwanted,
            _ => Ruleset::around(directory, lowest).map_or_else(Layer::Lacking, Layer::Up),
        };
        Sandbox { fence, ..self }
    }

    /// A descriptor that a child keeps until it is confined.
    pub fn keeps(&self) -> Option<RawFd> {
        match &self.fence {
            Layer::Up(fence) => Some(fence.number()),
            _ => None,
        }
    }

    /// The limits: whether they forbid to write to a file.
    pub fn limits(&self) -> Layer<bool> {
        match self.limits {
            Layer::Up(limits) => Layer::Up(limits.contains(&libc::RLIMIT_FSIZE)),
            _ => Layer::Unwanted,
        }
    }

    /// The one directory for files; not wanted where no files are written.
    pub fn fence(&self) -> &Layer<Ruleset> {
        &self.fence
    }

    /// The list of system calls.
    pub fn seccomp(&self) -> &Layer<Filter> {
        &self.seccomp
    }

    /// In a child, once it holds no more than it needs. No memory from the heap: see [`crate::sys::wait`].
    ///
    /// # Errors
    /// What setrlimit(2), prctl(2) or seccomp(2) says. The child must not go on then.
    pub(super) fn apply(&self) -> io::Result<()> {
        if self.closes_terminal {
            leave_terminal();
        }
        if let Layer::Up(limits) = self.limits {
            limits.iter().try_for_each(|&limit| lower_to_nothing(limit))?;
        }
        if let Layer::Up(fence) = &self.fence {
            fence.push_back()?;
        }
        if let Layer::Up(filter) = &self.seccomp {
            filter.install()?;
        }
        Ok(())
    }
}

/// /dev/null for 0 and 1, under these numbers; 2 stays, for a panic's message. Opened anew by each child, since it keeps no
/// other number. Without it, the child goes on with what it has: the other walls stand.
fn leave_terminal() {
    if let Ok(null) = open("/dev/null", OFlag::O_RDWR, Mode::empty()) {
        // They cannot fail: these numbers are always open, by Rust's start-up.
        let _ = dup2_stdin(&null).and_then(|()| dup2_stdout(&null));
    }
}

/// setrlimit(2), for good.
fn lower_to_nothing(limit: Limit) -> io::Result<()> {
    let nothing = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
    // SAFETY: the kernel reads `nothing`, which outlives the call.
    match unsafe { libc::setrlimit(limit, &raw const nothing) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}

/// True when standard output is a regular file, to which a limit of 0 would forbid to print.
fn prints_to_a_file() -> bool {
    let kind = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    // A descriptor that tells nothing of itself may be a file.
    fstat(io::stdout()).map_or(true, |stat| kind(stat.st_mode) == SFlag::S_IFREG)
}
