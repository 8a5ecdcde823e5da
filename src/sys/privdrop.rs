//! Dropping root's privileges for good.

use std::ffi::CString;
use std::io;

use anyhow::{Context, ensure};
use nix::unistd::{Gid, Uid, getegid, geteuid, getgid, getuid, setgid, setuid};

#[derive(Clone, Debug)]
pub struct User {
    // Nothing else of getpwnam(3)'s record: its password hash would stay in every child's memory.
    pub name: String,
    pub uid: Uid,
    gid: Gid,
}

impl User {
    /// getpwnam(3); `None` when there is no such user.
    pub fn named(name: &str) -> io::Result<Option<User>> {
        let found = nix::unistd::User::from_name(name)?;
        Ok(found.map(|user| User { name: user.name, uid: user.uid, gid: user.gid }))
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

/// initgroups(3), which nix does not have for macOS.
fn set_groups(name: &str, gid: Gid) -> io::Result<()> {
    let name = CString::new(name)?;
    #[cfg(not(target_vendor = "apple"))]
    nix::unistd::initgroups(&name, gid)?;
    #[cfg(target_vendor = "apple")]
    // SAFETY: the name is a C string that outlives the call.
    nix::errno::Errno::result(unsafe { libc::initgroups(name.as_ptr(), gid.as_raw() as libc::c_int) })?;
    Ok(())
}
