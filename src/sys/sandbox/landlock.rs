//! landlock(7): files in one directory alone, for children with system calls on paths.

use std::io;
use std::os::fd::{AsFd, AsRawFd, OwnedFd, RawFd};

/// A prepared ruleset, which a child applies to itself.
#[derive(Debug)]
pub struct Ruleset(OwnedFd);

impl Ruleset {
    /// In `directory`, files may be created, written and removed; elsewhere, nothing may be opened,
    /// created or removed. Its descriptor gets a number from `lowest` on. ENOSYS: no landlock.
    #[cfg(target_os = "linux")]
    pub(super) fn around(directory: impl AsFd, lowest: RawFd) -> io::Result<Ruleset> {
        use crate::sys::descriptors::move_high;
        use landlock::{ABI, Access, AccessFs, PathBeneath, Ruleset, RulesetAttr, RulesetCreatedAttr};
        let create = || {
            // Forbids all that this ABI version knows; an older kernel forbids what it knows.
            let ruleset = Ruleset::default().handle_access(AccessFs::from_all(ABI::V5))?.create()?;
            let allowed = AccessFs::MakeReg | AccessFs::WriteFile | AccessFs::RemoveFile;
            ruleset.add_rule(PathBeneath::new(directory, allowed))
        };
        let created = create().map_err(|error: landlock::RulesetError| io::Error::other(error))?;
        let fd: Option<OwnedFd> = created.into();
        Ok(Ruleset(move_high(fd.ok_or(io::Error::from_raw_os_error(libc::ENOSYS))?, lowest)?))
    }

    #[cfg(not(target_os = "linux"))]
    pub(super) fn around(_directory: impl AsFd, _lowest: RawFd) -> io::Result<Ruleset> {
        Err(io::Error::from_raw_os_error(libc::ENOSYS))
    }

    /// The descriptor, which a child keeps until it calls [`Ruleset::apply`].
    pub(super) fn number(&self) -> RawFd {
        self.0.as_raw_fd()
    }

    /// In a child with no_new_privs, which never drops this: restricts it for good, and closes the
    /// descriptor.
    pub(super) fn apply(&self) -> io::Result<()> {
        #[cfg(target_os = "linux")]
        {
            // SAFETY: landlock_restrict_self takes two integers.
            let status = unsafe { libc::syscall(libc::SYS_landlock_restrict_self, self.number(), 0) };
            nix::errno::Errno::result(status)?;
        }
        // SAFETY: close takes an integer; no value closes this number again: it ends by `_exit`.
        unsafe { libc::close(self.number()) };
        Ok(())
    }
}
