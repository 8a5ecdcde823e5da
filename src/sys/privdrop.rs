//! Another user: how a process that was started by root gives its rights up for good.

use std::ffi::CString;
use std::io;

use anyhow::{Context, ensure};
use nix::unistd::{Gid, Uid, getegid, geteuid, getgid, getuid, setgid, setuid};

/// A user of this system.
#[derive(Clone, Debug)]
pub struct User {
    name: String,
    uid: Uid,
    gid: Gid,
}

impl User {
    /// Looks a name up, getpwnam(3); `None` when nobody bears it.
    ///
    /// # Errors
    /// What the system's list of users says when it cannot be read.
    pub fn named(name: &str) -> io::Result<Option<User>> {
        let found = nix::unistd::User::from_name(name)?;
        Ok(found.map(|user| User { name: user.name, uid: user.uid, gid: user.gid }))
    }

    /// Its name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its number.
    pub fn number(&self) -> u32 {
        self.uid.as_raw()
    }

    /// Becomes this user, with its groups and no other, without a way back. In this order: once the user is another, the groups
    /// cannot be changed any more.
    ///
    /// # Errors
    /// EPERM when this process is not root's; that there is a way back, which the process must not live to use.
    pub fn switch_to(&self) -> anyhow::Result<()> {
        set_groups(&self.name, self.gid).context("initgroups")?;
        setgid(self.gid).map_err(io::Error::from).context("setgid")?;
        setuid(self.uid).map_err(io::Error::from).context("setuid")?;
        let users = [getuid(), geteuid()];
        let groups = [getgid(), getegid()];
        ensure!(users == [self.uid; 2] && groups == [self.gid; 2], "the system kept another user or group");
        ensure!(self.uid.is_root() || setuid(Uid::from_raw(0)).is_err(), "the way back to root is open");
        Ok(())
    }
}

/// initgroups(3).
#[cfg(not(target_vendor = "apple"))]
fn set_groups(name: &str, gid: Gid) -> io::Result<()> {
    Ok(nix::unistd::initgroups(&CString::new(name)?, gid)?)
}

/// The same where nix has it not.
#[cfg(target_vendor = "apple")]
fn set_groups(name: &str, gid: Gid) -> io::Result<()> {
    let name = CString::new(name)?;
    // SAFETY: the name is a C string that outlives the call.
    match unsafe { libc::initgroups(name.as_ptr(), gid.as_raw() as libc::c_int) } {
        0 => Ok(()),
        _ => Err(io::Error::last_os_error()),
    }
}
