//! Files in a directory that is held open. Names are one component, looked up in that directory
//! alone: neither a rename of its path nor a symbolic link in it leads to another place.
//!
//! Creating and linking fail with EEXIST when the name is taken, by a dangling symbolic link too.

use std::fs::File;
use std::io;
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::{Mode, fstat, fstatat};
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

use super::errno::retry;

/// Before the umask.
const MODE: Mode = Mode::from_bits_truncate(0o644);

pub fn open_directory(path: &Path) -> io::Result<File> {
    open_file(path, OFlag::O_RDONLY | OFlag::O_DIRECTORY, Mode::empty())
}

/// open(2). `mode` is that of a file that `flags` create.
pub fn open_file(path: &Path, flags: OFlag, mode: Mode) -> io::Result<File> {
    let flags = flags | OFlag::O_CLOEXEC;
    #[cfg(target_os = "linux")]
    let flags = flags | OFlag::O_LARGEFILE;
    Ok(retry(|| open(path, flags, mode))?.into())
}

/// fsync(2); macOS syncs its disk by `F_FULLFSYNC` alone.
pub fn sync(file: &File) -> io::Result<()> {
    #[cfg(target_vendor = "apple")]
    let call = || nix::fcntl::fcntl(file, nix::fcntl::FcntlArg::F_FULLFSYNC).map(drop);
    #[cfg(not(target_vendor = "apple"))]
    let call = || nix::unistd::fsync(file);
    Ok(retry(call)?)
}

/// fdatasync(2).
#[cfg(target_os = "linux")]
pub fn sync_data(file: &File) -> io::Result<()> {
    Ok(retry(|| nix::unistd::fdatasync(file))?)
}

#[cfg(not(target_os = "linux"))]
pub fn sync_data(file: &File) -> io::Result<()> {
    sync(file)
}

/// ftruncate(2).
pub fn truncate(file: &File, length: u64) -> io::Result<()> {
    let length = length.try_into().map_err(|_| Errno::EFBIG)?;
    Ok(retry(|| nix::unistd::ftruncate(file, length))?)
}

/// [`sync`]. EINVAL: a file system without it for directories, which has nothing to wait for.
pub fn sync_directory(directory: &File) -> io::Result<()> {
    sync(directory).or_else(|error| match error.kind() {
        io::ErrorKind::InvalidInput => Ok(()),
        _ => Err(error),
    })
}

/// Creates a file to write in `directory`'s file system, without a name (open(2), `O_TMPFILE`): it
/// is gone with its last descriptor unless [`link_unnamed`] names it. EOPNOTSUPP, EISDIR, EINVAL,
/// `Unsupported`: the system or the file system has no such files.
#[cfg(target_os = "linux")]
pub fn create_unnamed(directory: &File) -> io::Result<File> {
    open_beneath(directory, ".", OFlag::O_TMPFILE)
}

/// Names a file of [`create_unnamed`]. ENOENT where /proc is not mounted.
#[cfg(target_os = "linux")]
pub fn link_unnamed(file: &File, directory: &File, name: &str) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // As in open(2). AT_EMPTY_PATH needs no /proc, but CAP_DAC_READ_SEARCH.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(nix::fcntl::AT_FDCWD, path.as_str(), directory, name, AtFlags::AT_SYMLINK_FOLLOW)?)
}

#[cfg(not(target_os = "linux"))]
pub fn create_unnamed(_directory: &File) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

#[cfg(not(target_os = "linux"))]
pub fn link_unnamed(_file: &File, _directory: &File, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Creates a file to write.
pub fn create_named(directory: &File, name: &str) -> io::Result<File> {
    open_beneath(directory, name, OFlag::O_CREAT | OFlag::O_EXCL)
}

/// Gives the file `from` a second name, `to`. EPERM on a file system without hard links.
pub fn link_named(directory: &File, from: &str, to: &str) -> io::Result<()> {
    Ok(linkat(directory, from, directory, to, AtFlags::empty())?)
}

/// True if `name` is a name of `file`; false if it is none, or another file's.
pub fn leads_to(directory: &File, name: &str, file: &File) -> io::Result<bool> {
    match fstatat(directory, name, AtFlags::AT_SYMLINK_NOFOLLOW) {
        Ok(named) => fstat(file).map(|open| (open.st_dev, open.st_ino) == (named.st_dev, named.st_ino)),
        Err(Errno::ENOENT) => Ok(false),
        Err(error) => Err(error),
    }
    .map_err(io::Error::from)
}

pub fn unlink(directory: &File, name: &str) -> io::Result<()> {
    Ok(retry(|| unlinkat(directory, name, UnlinkatFlags::NoRemoveDir))?)
}

fn open_beneath(directory: &File, name: &str, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{OpenHow, ResolveFlag, openat2};
        // openat2 adds no flag of its own: without this one, files of a 32-bit system end at 2 GiB.
        let flags = flags | OFlag::O_LARGEFILE;
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        let how = OpenHow::new().flags(flags).mode(MODE).resolve(resolve);
        match retry(|| openat2(directory, name, how)) {
            // ENOSYS before Linux 5.6, EPERM in some containers: fall back.
            Err(Errno::ENOSYS | Errno::EPERM) => {}
            opened => return Ok(opened?.into()),
        }
    }
    open_nofollow(directory, name, flags)
}

/// The portable fallback: a name has one component, and `O_NOFOLLOW` covers it.
fn open_nofollow(directory: &File, name: &str, flags: OFlag) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    let flags = flags | OFlag::O_LARGEFILE;
    Ok(retry(|| openat(directory, name, flags | OFlag::O_NOFOLLOW, MODE))?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;

    fn open_temporary() -> (tempfile::TempDir, File) {
        let place = tempfile::tempdir().unwrap();
        let directory = open_directory(place.path()).unwrap();
        (place, directory)
    }

    #[test]
    fn a_name_outside_the_directory_is_not_opened() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("in")).unwrap();
        let directory = open_directory(&place.path().join("in")).unwrap();
        for name in ["../out", "/tmp/forklab-out"] {
            assert!(create_named(&directory, name).is_err(), "{name}");
            assert!(!place.path().join("in").join(name).exists(), "{name}");
        }
    }

    #[test]
    fn no_symbolic_link_is_followed_not_even_a_dangling_one() {
        let (place, directory) = open_temporary();
        symlink(place.path().join("target"), place.path().join("link")).unwrap();
        let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
        assert_eq!(create_named(&directory, "link").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(open_nofollow(&directory, "link", new).unwrap_err().kind(), ErrorKind::AlreadyExists);
        let not_exclusive = OFlag::O_CREAT | OFlag::O_WRONLY;
        assert!(open_nofollow(&directory, "link", not_exclusive).is_err());
        assert!(!place.path().join("target").exists());
    }

    #[test]
    fn a_name_leads_to_its_own_file_alone() {
        let (place, directory) = open_temporary();
        let file = create_named(&directory, "a").unwrap();
        create_named(&directory, "b").unwrap();
        symlink(place.path().join("a"), place.path().join("link")).unwrap();
        link_named(&directory, "a", "second").unwrap();
        for (name, leads) in [("a", true), ("second", true), ("b", false), ("link", false), ("none", false)] {
            assert_eq!(leads_to(&directory, name, &file).unwrap(), leads, "{name}");
        }
    }

    #[test]
    fn only_a_directory_is_opened_as_one() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert_eq!(open_directory(file.path()).unwrap_err().kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn the_fallback_creates_files_of_the_same_mode() {
        let (_place, directory) = open_temporary();
        let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let fallback = open_nofollow(&directory, "a", new).unwrap();
        let default = create_named(&directory, "b").unwrap();
        let permissions = |file: &File| file.metadata().unwrap().permissions();
        assert_eq!(permissions(&fallback), permissions(&default));
    }
}
