//! Dropping root's privileges for good.

use std::ffi::CString;
use std::io;

use anyhow::{Context, ensure};
use nix::unistd::{Gid, Uid, getegid, geteuid, getgid, getuid, setgid, setuid};

#[derive(Clone, Debug)]
pub struct User {
    // Nothing else of getpwnam(3)'s record: its password hash would stay in every child's memory.
    name: String,
    uid: Uid,
    gid: Gid,
}

impl User {
    /// getpwnam(3); `None` when there is no such user.
    pub fn named(name: &str) -> io::Result<Option<User>> {
        let found = nix::unistd::User::from_name(name)?;
        Ok(found.map(|user| User { name: user.name, uid: user.uid, gid: user.gid }))
    }

    pub fn name(&self) -> &str {
        &self.name
    }

    pub fn number(&self) -> u32 {
        self.uid.as_raw()
    }

    /// Becomes this user with its groups alone, irrevocably. Groups first: only root may set them.
    /// After an error, the process must not go on: root's rights could be regained.
    pub fn switch_to(&self) -> anyhow::Result<()> {
        let &User { ref name, uid, gid } = self;
        set_groups(name, gid).context("initgroups")?;
        setgid(gid).map_err(io::Error::from).context("setgid")?;
        setuid(uid).map_err(io::Error::from).context("setuid")?;
        let (users, groups) = ([getuid(), geteuid()], [getgid(), getegid()]);
        ensure!(users == [uid; 2] && groups == [gid; 2], "the system kept another user or group");
        ensure!(uid.is_root() || setuid(Uid::from_raw(0)).is_err(), "the way back to root is open");
        Ok(())
    }
}

/// initgroups(3).
#[cfg(not(target_vendor = "apple"))]
fn set_groups(name: &str, gid: Gid) -> io::Result<()> {
    Ok(nix::unistd::initgroups(&CString::new(name)?, gid)?)
}

/// initgroups(3), which nix does not have there.
#[cfg(target_vendor = "apple")]
fn set_groups(name: &str, gid: Gid) -> io::Result<()> {
    let name = CString::new(name)?;
    // SAFETY: the name is a C string that outlives the call.
    let done = unsafe { libc::initgroups(name.as_ptr(), gid.as_raw() as libc::c_int) };
    Ok(nix::errno::Errno::result(done).map(drop)?)
}
