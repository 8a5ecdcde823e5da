//! Dropping root's privileges for good.

use std::ffi::CString;
use std::io;

use anyhow::{Context, ensure};
use nix::errno::Errno;
use nix::unistd::{Gid, Group, Uid, getegid, geteuid, getgid, getuid, setgid, setuid};

#[derive(Clone, Debug)]
pub struct User {
    // Nothing else of getpwnam(3)'s record: its password hash would stay in every child's memory.
    pub name: String,
    pub uid: Uid,
    gid: Gid,
    /// The groups of `name` as well, by initgroups(3).
    has_listed_groups: bool,
}

/// Why [`User::named`] finds none.
#[derive(Debug)]
pub enum LookupError {
    /// Neither a user's name nor a number.
    NoUser(String),
    /// Neither a group's name nor a number.
    NoGroup(String),
    System(io::Error),
}

impl From<Errno> for LookupError {
    fn from(errno: Errno) -> LookupError {
        LookupError::System(errno.into())
    }
}

impl User {
    /// `USER` or `USER:GROUP`, each a name or, where no such name exists, a number (as chown(1)).
    /// A number needs no entry in the system's tables; its group has the same number, then.
    pub fn named(typed: &str) -> Result<User, LookupError> {
        let (user, group) = typed.split_once(':').map_or((typed, None), |(user, group)| (user, Some(group)));
        let number = id(user).map(Uid::from_raw);
        let entry = match (found(nix::unistd::User::from_name(user))?, number) {
            (None, Some(uid)) => found(nix::unistd::User::from_uid(uid))?,
            (entry, _) => entry,
        };
        let (name, uid, own_group) = match (entry, number) {
            (Some(entry), _) => (Some(entry.name), entry.uid, entry.gid),
            (None, Some(uid)) => (None, uid, Gid::from_raw(uid.as_raw())),
            (None, None) => return Err(LookupError::NoUser(user.to_string())),
        };
        // `NAME:` is NAME with its own group.
        let group = group.filter(|group| !group.is_empty() || name.is_none());
        let gid = match group.map(group_named).transpose()? {
            None => own_group,
            Some(gid) => gid,
        };
        let has_listed_groups = name.is_some() && group.is_none();
        Ok(User { name: name.unwrap_or_else(|| user.to_string()), uid, gid, has_listed_groups })
    }

    /// Becomes this user with its groups alone, irrevocably. Groups first: only root may set them.
    /// After an error, the process must not go on: root's rights could be regained.
    pub fn switch_to(&self) -> anyhow::Result<()> {
        let &User { ref name, uid, gid, has_listed_groups } = self;
        match has_listed_groups {
            true => init_groups(name, gid).context("initgroups")?,
            false => set_only_group(gid).context("setgroups")?,
        }
        setgid(gid).map_err(io::Error::from).context("setgid")?;
        setuid(uid).map_err(io::Error::from).context("setuid")?;
        let (users, groups) = ([getuid(), geteuid()], [getgid(), getegid()]);
        ensure!(users == [uid; 2] && groups == [gid; 2], "the system kept another user or group");
        ensure!(uid.is_root() || setuid(Uid::from_raw(0)).is_err(), "the way back to root is open");
        Ok(())
    }
}

/// No entry either where the system has no such table (getpwnam(3)), as in a container without
/// /etc/passwd.
fn found<T>(lookup: nix::Result<Option<T>>) -> nix::Result<Option<T>> {
    match lookup {
        Err(Errno::ENOENT | Errno::ESRCH) => Ok(None),
        lookup => lookup,
    }
}

fn group_named(typed: &str) -> Result<Gid, LookupError> {
    let number = || id(typed).map(Gid::from_raw);
    let group = found(Group::from_name(typed))?.map(|group| group.gid).or_else(number);
    group.ok_or_else(|| LookupError::NoGroup(typed.to_string()))
}

/// The number of a user or group. The highest is none: for setresuid(2) it means "unchanged".
fn id(typed: &str) -> Option<u32> {
    typed.parse().ok().filter(|&id| id != u32::MAX)
}

/// setgroups(2), which nix does not have for macOS.
fn set_only_group(gid: Gid) -> io::Result<()> {
    let group = gid.as_raw();
    // SAFETY: the kernel reads one group, which outlives the call.
    Ok(Errno::result(unsafe { libc::setgroups(1, &raw const group) }).map(drop)?)
}

/// initgroups(3), which nix does not have for macOS.
fn init_groups(name: &str, gid: Gid) -> io::Result<()> {
    let name = CString::new(name)?;
    #[cfg(not(target_vendor = "apple"))]
    nix::unistd::initgroups(&name, gid)?;
    #[cfg(target_vendor = "apple")]
    // SAFETY: the name is a C string that outlives the call.
    Errno::result(unsafe { libc::initgroups(name.as_ptr(), gid.as_raw() as libc::c_int) })?;
    Ok(())
}
