//! Files in one directory and nowhere else: landlock(7), for children whose system calls cannot be told by their numbers alone.
//! seccomp sees no path; the kernel has read it by the time that landlock is asked.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// A fence, made ready, which a child goes behind.
#[derive(Debug)]
pub struct Ruleset(OwnedFd);

impl Ruleset {
    /// Around `directory`: there, files may be made, written and removed; anywhere else, nothing may be opened, made or removed.
    /// Its descriptor gets a number from `lowest` on.
    ///
    /// # Errors
    /// ENOSYS where the kernel has no landlock, or does not use it.
    #[cfg(target_os = "linux")]
    pub(super) fn around(directory: impl AsFd, lowest: RawFd) -> io::Result<Ruleset> {
        use crate::sys::move_high;
        use landlock::{ABI, Access, AccessFs, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr};
        let make = || {
            // All that some kernel knows of is forbidden; an older one forbids what it knows.
            let ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V5))?.create()?;
            let there = AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::RemoveFile;
            ruleset.add_rule(PathBeneath::new(directory, there))
        };
        let made = make().map_err(|error: landlock::RulesetError| io::Error::other(error))?;
        let fd: Option<OwnedFd> = made.into();
        Ok(Ruleset(move_high(fd.ok_or(io::Error::from_raw_os_error(libc::ENOSYS))?, lowest)?))
    }

    /// Only Linux has it.
    ///
    /// # Errors
    /// Always, as of something unsupported.
    #[cfg(not(target_os = "linux"))]
    pub(super) fn around(_directory: impl AsFd, _lowest: RawFd) -> io::Result<Ruleset> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    /// Its descriptor, which a child keeps until it is behind the fence.
    pub(super) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// In a child that will not drop this: from here on it is behind the fence, whose descriptor is closed.
    ///
    /// # Errors
    /// ENOMEM, E2BIG: landlock_restrict_self(2).
    pub(super) fn push_back(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            nix::sys::prctl::set_no_new_privs()?;
            // SAFETY: landlock_restrict_self takes two integers.
            if unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.number(), 0) } != 0 {
                return Err(io::Error::last_os_error());
            }
        }
        // SAFETY: close takes an integer; the number is not used again in this process, which ends by `_exit`.
        unsafe { libc::close(self.number()) };
        Ok(())
    }
}
