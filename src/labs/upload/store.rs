//! Where files land: whole or not at all, and never over another.
//!
//! While a file comes in, it has no name: `O_TMPFILE` makes it so, and linkat(2) names it when it is whole and on the disk.
//! That is better than a temporary name and rename(2): whatever kills the process at whatever byte, the kernel frees
//! what nobody can see, and linkat fails where rename would replace what lies there. Where there are no such files (another
//! system, a file system without them, no /proc) the portable half has a temporary name, published by link(2), which never
//! replaces either, and taken away by drop, or by the first process when a child was killed.
//!
//! A process that is to hear of `EFBIG` ignores `SIGXFSZ`, which would kill it instead: setrlimit(2).

use std::fs::File;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsFd, BorrowedFd, RawFd};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use anyhow::{Context, bail};
use nix::errno::Errno;

use super::name::Name;
use crate::sys::{self, Pid};

/// How many files may want the same name.
const MOST_OF_A_NAME: u32 = 9999;

/// A directory for uploads, held open from the beginning: no rename or link of its path leads elsewhere later.
#[derive(Debug)]
pub struct Store {
    directory: File,
    half: Half,
}

/// How a file is kept out of sight until it is whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Half {
    /// It has no name.
    Unnamed,
    /// It has a temporary one.
    Named,
}

/// A file on its way in. Dropped before [`Incoming::keep`], it leaves nothing.
#[derive(Debug)]
pub struct Incoming<'a> {
    store: &'a Store,
    file: File,
    temporary: Option<Temporary<'a>>,
}

/// A temporary name, which goes with this value.
#[derive(Debug)]
struct Temporary<'a> {
    directory: &'a File,
    name: String,
}

impl Store {
    /// Opens the directory `path` and proves that a file can be made and named there, and how.
    ///
    /// # Errors
    /// Why not, with the system's reason: missing, no directory, read-only, not ours to write, no hard links.
    pub fn open(path: &Path) -> anyhow::Result<Store> {
        let directory = sys::open_directory(path)
            .with_context(|| format!("cannot open the directory {}", path.display()))?;
        let unnamed = Store { directory, half: Half::Unnamed };
        if unnamed.prove().is_ok() {
            return Ok(unnamed);
        }
        // Whatever the reason: the portable half asks for less, and if it fails too, its reason is the one to tell.
        let named = Store { half: Half::Named, ..unnamed };
        named.prove().with_context(|| format!("cannot make a file in the directory {}", path.display()))?;
        Ok(named)
    }

    /// The same, its descriptor under a number from `lowest` on.
    ///
    /// # Errors
    /// EMFILE: fcntl(2).
    pub fn move_high_numbered(self, lowest: RawFd) -> io::Result<Store> {
        Ok(Store { directory: sys::move_high(self.directory.into(), lowest)?.into(), ..self })
    }

    /// The directory's descriptor, for a process that keeps it when it closes others.
    pub fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }

    /// Begins a file. A process begins one at a time.
    ///
    /// # Errors
    /// ENOSPC, EDQUOT, EMFILE, ENOENT when the directory was removed: open(2).
    pub fn begin(&self) -> anyhow::Result<Incoming<'_>> {
        self.begin_for(Pid::this()).with_context(|| {
            // Linux may give EPERM as its reason then, which would send the reader to look for rights.
            let removed = self.directory.metadata().is_ok_and(|directory| directory.nlink() == 0);
            format!("cannot make a file in the directory{}", if removed { ", which was removed" } else { "" })
        })
    }

    /// In the server's first process, when its child `pid` has ended and before its number can be another's: takes away what
    /// the child left if it was killed.
    pub fn forget_child(&self, pid: Pid) {
        if self.half == Half::Named {
            // An error says that there is nothing, which is how most children end.
            let _ = sys::unlink(&self.directory, &temporary_name(pid));
        }
    }

    fn begin_for(&self, owner: Pid) -> io::Result<Incoming<'_>> {
        let (file, temporary) = match self.half {
            Half::Unnamed => (sys::create_unnamed(&self.directory)?, None),
            Half::Named => {
                let name = temporary_name(owner);
                // What lies there was left by a process of this number that has ended.
                let file = create_anew(&self.directory, &name)?;
                (file, Some(Temporary { directory: &self.directory, name }))
            }
        };
        Ok(Incoming { store: self, file, temporary })
    }

    /// Makes a file, names it and takes it away again. Asking is not enough: a file system may have files without names and no
    /// hard links, and the rights of a directory are not all there is to say.
    fn prove(&self) -> io::Result<()> {
        let owner = Pid::this();
        let name = format!(".upload-{owner}.probe");
        let probe = self.begin_for(owner)?;
        probe.link(&name).or_else(|error| match error.kind() {
            // As for a temporary name.
            ErrorKind::AlreadyExists => sys::unlink(&self.directory, &name).and_then(|()| probe.link(&name)),
            _ => Err(error),
        })?;
        sys::unlink(&self.directory, &name)
    }
}

impl Incoming<'_> {
    /// Adds `bytes` to the file.
    ///
    /// # Errors
    /// ENOSPC, EDQUOT, EFBIG, EIO: write(2).
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        self.file.write_all(bytes).context("cannot write the file")
    }

    /// Brings the file to the disk and puts it into place: under `name`, or the first of its numbered names that is free.
    /// Returns the one it lies under, which is on the disk as well. Of any number of processes that keep the same name at
    /// once, each gets another.
    ///
    /// # Errors
    /// ENOSPC, EDQUOT, EIO: fsync(2), linkat(2). The file is then gone.
    pub fn keep(self, name: &Name) -> anyhow::Result<Name> {
        self.file.sync_all().context("cannot bring the file to the disk")?;
        let kept = self.put_into_place(name)?;
        let store = self.store;
        // The temporary name goes before the directory is brought to the disk.
        drop(self);
        if let Err(reason) = sync_directory(&store.directory) {
            // Nobody is told that a file is there that a power cut may take, and no file stays of which nobody is told.
            let _ = sys::unlink(&store.directory, kept.as_str());
            return Err(reason).context("cannot bring the directory to the disk");
        }
        Ok(kept)
    }

    fn put_into_place(&self, name: &Name) -> anyhow::Result<Name> {
        let names =
            std::iter::once(name.clone()).chain((2..=MOST_OF_A_NAME).map(|number| name.numbered(number)));
        for name in names {
            match self.link(name.as_str()) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context(format!("cannot put the file into place as {name}")),
            }
        }
        bail!("{MOST_OF_A_NAME} files are called {name} already");
    }

    fn link(&self, name: &str) -> io::Result<()> {
        let directory = &self.store.directory;
        match &self.temporary {
            None => sys::link_unnamed(&self.file, directory, name),
            Some(temporary) => sys::link_named(directory, &temporary.name, name),
        }
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // An error could only say that it is gone.
        let _ = sys::unlink(self.directory, &self.name);
    }
}

/// No [`Name`] begins with a dot.
fn temporary_name(owner: Pid) -> String {
    format!(".upload-{owner}.part")
}

fn create_anew(directory: &File, name: &str) -> io::Result<File> {
    match sys::create_named(directory, name) {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            sys::unlink(directory, name)?;
            sys::create_named(directory, name)
        }
        created => created,
    }
}

/// fsync(2) of a directory. Some file systems cannot and say EINVAL: they have no later moment to wait for.
fn sync_directory(directory: &File) -> io::Result<()> {
    match directory.sync_all() {
        Err(error) if error.raw_os_error() == Some(Errno::EINVAL as i32) => Ok(()),
        synced => synced,
    }
}

#[cfg(test)]
mod tests;
