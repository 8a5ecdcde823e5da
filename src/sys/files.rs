//! Files in a directory that is held open. A name given here is one component, looked up in that directory and nowhere
//! else: whatever is done meanwhile to the path that led to it, or laid there as a symbolic link, no other place is touched.

use std::fs::File;
use std::io;
use std::path::Path;

#[cfg(target_os = "linux")]
use nix::errno::Errno;
use nix::fcntl::{AtFlags, OFlag, open, openat};
use nix::sys::stat::Mode;
use nix::unistd::{UnlinkatFlags, linkat, unlinkat};

/// The owner writes, all read, less what the umask takes.
const MODE: Mode = Mode::from_bits_truncate(0o644);

/// Opens a directory to hold.
///
/// # Errors
/// ENOENT, ENOTDIR, EACCES: open(2).
pub fn open_directory(path: &Path) -> io::Result<File> {
    let flags = OFlag::O_RDONLY | OFlag::O_DIRECTORY | OFlag::O_CLOEXEC;
    Ok(open(path, flags, Mode::empty())?.into())
}

/// A new file to write, in `directory`'s file system but under no name: it goes with its last descriptor, however that is
/// closed, unless [`link_unnamed`] gives it a name. open(2), `O_TMPFILE`.
///
/// # Errors
/// EOPNOTSUPP, EISDIR, EINVAL where the file system or the kernel has no such files; and what open(2) says of any file.
#[cfg(target_os = "linux")]
pub fn create_unnamed(directory: &File) -> io::Result<File> {
    open_beneath(directory, ".", OFlag::O_TMPFILE)
}

/// Gives a file of [`create_unnamed`] its name. It never replaces or follows what lies there.
///
/// # Errors
/// EEXIST when anything at all bears the name; ENOENT where /proc is not mounted; linkat(2).
#[cfg(target_os = "linux")]
pub fn link_unnamed(file: &File, directory: &File, name: &str) -> io::Result<()> {
    use std::os::fd::AsRawFd;
    // The way that open(2) shows. AT_EMPTY_PATH would need no /proc, but CAP_DAC_READ_SEARCH.
    let path = format!("/proc/self/fd/{}", file.as_raw_fd());
    Ok(linkat(nix::fcntl::AT_FDCWD, path.as_str(), directory, name, AtFlags::AT_SYMLINK_FOLLOW)?)
}

/// Only Linux has files without a name.
///
/// # Errors
/// Always, as of something unsupported.
#[cfg(not(target_os = "linux"))]
pub fn create_unnamed(_directory: &File) -> io::Result<File> {
    Err(io::ErrorKind::Unsupported.into())
}

/// Only Linux has files without a name.
///
/// # Errors
/// Always, as of something unsupported.
#[cfg(not(target_os = "linux"))]
pub fn link_unnamed(_file: &File, _directory: &File, _name: &str) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}

/// A new file to write, under `name`.
///
/// # Errors
/// EEXIST when anything at all bears the name; EACCES, EROFS, ENOSPC, EDQUOT and the others of open(2).
pub fn create_named(directory: &File, name: &str) -> io::Result<File> {
    open_beneath(directory, name, OFlag::O_CREAT | OFlag::O_EXCL)
}

/// Gives the file `from` a second name, `to`. It never replaces or follows what lies there.
///
/// # Errors
/// EEXIST when anything at all bears the name; EPERM on a file system without hard links; link(2).
pub fn link_named(directory: &File, from: &str, to: &str) -> io::Result<()> {
    Ok(linkat(directory, from, directory, to, AtFlags::empty())?)
}

/// Takes the name away from a file, or a symbolic link.
///
/// # Errors
/// ENOENT when nothing bears the name; unlink(2).
pub fn unlink(directory: &File, name: &str) -> io::Result<()> {
    Ok(unlinkat(directory, name, UnlinkatFlags::NoRemoveDir)?)
}

fn open_beneath(directory: &File, name: &str, flags: OFlag) -> io::Result<File> {
    let flags = flags | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
    #[cfg(target_os = "linux")]
    {
        use nix::fcntl::{OpenHow, ResolveFlag, openat2};
        // openat2 takes nothing for granted: a 32-bit system's files would end at 2 GiB.
        let flags = flags | OFlag::O_LARGEFILE;
        let resolve = ResolveFlag::RESOLVE_BENEATH | ResolveFlag::RESOLVE_NO_SYMLINKS;
        match openat2(directory, name, OpenHow::new().flags(flags).mode(MODE).resolve(resolve)) {
            // ENOSYS before Linux 5.6, EPERM in some containers: the portable way works there too.
            Err(Errno::ENOSYS | Errno::EPERM) => {}
            opened => return Ok(opened?.into()),
        }
    }
    open_there(directory, name, flags)
}

/// The portable other half: the last component is not followed, and names here have only one.
fn open_there(directory: &File, name: &str, flags: OFlag) -> io::Result<File> {
    #[cfg(target_os = "linux")]
    let flags = flags | OFlag::O_LARGEFILE;
    Ok(openat(directory, name, flags | OFlag::O_NOFOLLOW, MODE)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::ErrorKind;
    use std::os::unix::fs::symlink;

    #[test]
    fn a_name_that_leads_out_of_the_directory_is_not_opened() {
        let place = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(place.path().join("in")).unwrap();
        let directory = open_directory(&place.path().join("in")).unwrap();
        for name in ["../out", "/tmp/forklab-out"] {
            assert!(create_named(&directory, name).is_err(), "{name}");
            assert!(!place.path().join("in").join(name).exists(), "{name}");
        }
    }

    #[test]
    fn neither_way_of_opening_follows_a_symbolic_link_even_one_that_leads_nowhere() {
        let place = tempfile::tempdir().unwrap();
        let directory = open_directory(place.path()).unwrap();
        symlink(place.path().join("target"), place.path().join("link")).unwrap();
        let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY;
        assert_eq!(create_named(&directory, "link").unwrap_err().kind(), ErrorKind::AlreadyExists);
        assert_eq!(open_there(&directory, "link", new).unwrap_err().kind(), ErrorKind::AlreadyExists);
        let not_exclusive = OFlag::O_CREAT | OFlag::O_WRONLY;
        assert!(open_there(&directory, "link", not_exclusive).is_err());
        assert!(!place.path().join("target").exists());
    }

    #[test]
    fn a_directory_is_opened_and_nothing_else() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let error = open_directory(file.path()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
    }

    #[test]
    fn the_portable_way_makes_the_same_file() {
        let place = tempfile::tempdir().unwrap();
        let directory = open_directory(place.path()).unwrap();
        let new = OFlag::O_CREAT | OFlag::O_EXCL | OFlag::O_WRONLY | OFlag::O_CLOEXEC;
        let there = open_there(&directory, "a", new).unwrap();
        let beneath = create_named(&directory, "b").unwrap();
        let permissions = |file: &File| file.metadata().unwrap().permissions();
        assert_eq!(permissions(&there), permissions(&beneath));
    }
}
