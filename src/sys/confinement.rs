//! What a child may still do: a child that a client has taken over must find nothing to do but serve that client.
//!
//! Two walls, each alone enough for most of it: limits, setrlimit(2), wherever there is Unix; and on Linux a list of system
//! calls beyond which there is only EPERM, seccomp(2), with one directory for files where files are written, landlock(7). All that can be made ready is made ready once, before any fork.

use std::io;
use std::os::fd::{BorrowedFd, RawFd};

use nix::sys::resource::{Resource, setrlimit};
use nix::sys::stat::{SFlag, fstat};

use super::landlock::Fence;
use super::seccomp::Filter;

/// What a child does beside reading, writing and waiting.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Duty {
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
pub enum Wall<T> {
    /// There is.
    Up(T),
    /// It is not wanted.
    Unwanted,
    /// The system has none, for this reason.
    Lacking(io::Error),
}

/// What is done to each child of a server.
#[derive(Debug)]
pub struct Confinement {
    limits: Wall<&'static [Resource]>,
    seccomp: Wall<Filter>,
    fence: Wall<Fence>,
}

/// A child is not to make processes (root's are not counted: there seccomp alone forbids it) nor leave its memory on the disk,
/// where others might read what clients have said; nor to write to a file, if it has none to write to.
const LIMITS: [Resource; 3] = [Resource::RLIMIT_NPROC, Resource::RLIMIT_CORE, Resource::RLIMIT_FSIZE];

impl Confinement {
    /// No wall at all.
    pub const fn none() -> Confinement {
        Confinement { limits: Wall::Unwanted, seccomp: Wall::Unwanted, fence: Wall::Unwanted }
    }

    /// Makes ready what children with this `duty` are confined by: `limits`, `seccomp`, if they are wanted.
    pub fn prepare(duty: Duty, limits: bool, seccomp: bool) -> Confinement {
        let writes_files = match duty {
            Duty::Records => false,
            Duty::Talk | Duty::Pair => prints_to_a_file(),
            Duty::Files => true,
        };
        let lowered = if writes_files { &LIMITS[..2] } else { &LIMITS };
        let limits = if limits { Wall::Up(lowered) } else { Wall::Unwanted };
        let seccomp = match seccomp {
            true => Filter::prepare(duty).map_or_else(Wall::Lacking, Wall::Up),
            false => Wall::Unwanted,
        };
        Confinement { limits, seccomp, fence: Wall::Unwanted }
    }

    /// The same, and where there is a list of system calls, those that concern files reach no further than `directory`. A
    /// descriptor that this needs gets a number from `lowest` on.
    pub fn with_files_in(self, directory: BorrowedFd, lowest: RawFd) -> Confinement {
        let fence = match self.seccomp {
            Wall::Unwanted => Wall::Unwanted,
            _ => Fence::around(directory, lowest).map_or_else(Wall::Lacking, Wall::Up),
        };
        Confinement { fence, ..self }
    }

    /// A descriptor that a child keeps until it is confined.
    pub fn keeps(&self) -> Option<RawFd> {
        match &self.fence {
            Wall::Up(fence) => Some(fence.number()),
            _ => None,
        }
    }

    /// The limits: whether they forbid to write to a file.
    pub fn limits(&self) -> Wall<bool> {
        match self.limits {
            Wall::Up(limits) => Wall::Up(limits.contains(&Resource::RLIMIT_FSIZE)),
            _ => Wall::Unwanted,
        }
    }

    /// The one directory for files; not wanted where no files are written.
    pub fn fence(&self) -> &Wall<Fence> {
        &self.fence
    }

    /// The list of system calls.
    pub fn seccomp(&self) -> &Wall<Filter> {
        &self.seccomp
    }

    /// In a child, once it holds no more than it needs. No memory from the heap: see [`super::wait`].
    ///
    /// # Errors
    /// What setrlimit(2), prctl(2) or seccomp(2) says. The child must not go on then.
    pub(super) fn apply(&self) -> io::Result<()> {
        if let Wall::Up(limits) = self.limits {
            limits.iter().try_for_each(|&limit| setrlimit(limit, 0, 0))?;
        }
        if let Wall::Up(fence) = &self.fence {
            fence.go_behind()?;
        }
        if let Wall::Up(filter) = &self.seccomp {
            filter.install()?;
        }
        Ok(())
    }
}

/// True when standard output is a regular file, to which a limit of 0 would forbid to print.
fn prints_to_a_file() -> bool {
    let kind = |mode| SFlag::from_bits_truncate(mode) & SFlag::S_IFMT;
    // A descriptor that tells nothing of itself may be a file.
    fstat(io::stdout()).map_or(true, |stat| kind(stat.st_mode) == SFlag::S_IFREG)
}
