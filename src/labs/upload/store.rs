//! The directory of uploaded files: each appears whole or not at all, and never over another.
//!
//! While a file is being received it has no name (`O_TMPFILE`); linkat(2) names it once it is whole
//! and on the disk. Better than a temporary name and rename(2): if the process is killed, the
//! kernel frees the file, and linkat fails where rename would replace. Without such files (other
//! systems, some file systems, no /proc) a file has a temporary name; link(2), which never replaces
//! either, gives it the final one. The temporary name is removed by drop, or by the first process
//! if a child was killed. It has random bits of the server in it: a server on another host, or in
//! another pid namespace, may have a child of the same pid and write to the same directory.
//!
//! The process ignores `SIGXFSZ`, which would kill it, and gets `EFBIG` instead: setrlimit(2).

use std::fs::File;
use std::io::{self, ErrorKind};
use std::os::fd::RawFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::SystemTime;

use anyhow::{Context, bail};

use super::name::Name;
use crate::sys::{self, Pid};

/// The last number that is put into a taken name. From there on the time and the pid are: names do
/// not run out, and a search stays short.
const MAX_NUMBER: u32 = 999;

/// A directory, held open: a rename or link of its path has no effect later.
#[derive(Debug)]
pub struct Store {
    pub directory: File,
    /// A file has a temporary name until it is whole; else it has none.
    temporary_names: bool,
    /// Random bits: no other server has the temporary names of this one.
    id: u64,
}

/// A file being received. Dropped before [`Incoming::persist`], it leaves nothing.
#[derive(Debug)]
pub struct Incoming<'a> {
    store: &'a Store,
    file: File,
    temporary: Option<Temporary<'a>>,
}

/// A file in its place, still open for more.
#[derive(Debug)]
pub struct Stored<'a> {
    store: &'a Store,
    file: File,
    pub name: Name,
}

/// A temporary name, removed by drop.
#[derive(Debug)]
struct Temporary<'a> {
    directory: &'a File,
    name: String,
}

impl Store {
    /// Opens the directory `path` and checks by a probe that files can be created and linked there.
    pub fn open(path: &Path) -> anyhow::Result<Store> {
        let directory = sys::open_directory(path)
            .with_context(|| format!("cannot open the directory {}", path.display()))?;
        let mut id = [0; 8];
        sys::fill_random(&mut id).context("getrandom")?;
        let unnamed = Store { directory, temporary_names: false, id: u64::from_ne_bytes(id) };
        if unnamed.probe().is_ok() {
            return Ok(unnamed);
        }
        // Whatever failed: named temporary files need less. If they fail too, that error is
        // reported.
        let named = Store { temporary_names: true, ..unnamed };
        named.probe().with_context(|| format!("cannot make a file in the directory {}", path.display()))?;
        Ok(named)
    }

    /// Moves the descriptor to a number from `lowest` on.
    pub fn move_high_numbered(self, lowest: RawFd) -> io::Result<Store> {
        Ok(Store { directory: sys::move_high(self.directory.into(), lowest)?.into(), ..self })
    }

    /// Begins a file. A process begins one at a time.
    pub fn begin(&self) -> anyhow::Result<Incoming<'_>> {
        self.begin_for(Pid::this()).with_context(|| {
            // Linux may report EPERM for a removed directory, which would look like missing rights.
            let removed = self.directory.metadata().is_ok_and(|directory| directory.nlink() == 0);
            format!("cannot make a file in the directory{}", if removed { ", which was removed" } else { "" })
        })
    }

    /// Removes the temporary name of a killed child. For the first process, between the end of its
    /// child `pid` and the reuse of that number, and for a new child of that number.
    pub fn remove_leftover(&self, pid: Pid) {
        if self.temporary_names {
            // An error means that there is none, as for most children.
            let _ = sys::unlink(&self.directory, &self.temporary_name(pid, "part"));
        }
    }

    /// Begins with a dot, as no [`Name`] does.
    fn temporary_name(&self, owner: Pid, extension: &str) -> String {
        format!(".upload-{:016x}-{owner}.{extension}", self.id)
    }

    fn begin_for(&self, owner: Pid) -> io::Result<Incoming<'_>> {
        if !self.temporary_names {
            let file = sys::create_unnamed(&self.directory)?;
            return Ok(Incoming { store: self, file, temporary: None });
        }
        // One is left where the first process could not remove it.
        self.remove_leftover(owner);
        let name = self.temporary_name(owner, "part");
        let file = sys::create_named(&self.directory, &name)?;
        Ok(Incoming { store: self, file, temporary: Some(Temporary { directory: &self.directory, name }) })
    }

    /// Creates a file, links it and removes it again. A query is not enough: a file system may have
    /// unnamed files and no hard links, and a directory's mode does not say who may write.
    fn probe(&self) -> anyhow::Result<()> {
        let owner = Pid::this();
        let name = self.temporary_name(owner, "probe");
        let linked = self.begin_for(owner)?.link(&name);
        // In an append-only directory, an earlier probe's is left.
        let linked = linked.or_else(|error| match error.kind() {
            ErrorKind::AlreadyExists => Ok(()),
            _ => Err(error),
        });
        linked.context(
            "cannot link it to its name (choose a directory on a file system with hard links, not FAT or exFAT)",
        )?;
        sys::unlink(&self.directory, &name)
            .context("cannot remove it (choose a directory that is not append-only)")
    }
}

impl<'a> Incoming<'a> {
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        sys::write_all(&self.file, bytes).map_err(io::Error::from).context("cannot write the file")
    }

    /// Syncs the file and links it as `name`, or under the first of its numbered names that is
    /// free, or else with the time and the pid in it; that name is synced too. Processes that
    /// persist the same name at once get one each. An error leaves no file.
    pub fn persist(self, name: &Name) -> anyhow::Result<Stored<'a>> {
        sys::sync(&self.file).context("cannot bring the file to the disk")?;
        let name = self.link_as_free_name(name)?;
        let Incoming { store, file, temporary } = self;
        // Removes the temporary name before the directory is synced.
        drop(temporary);
        if let Err(reason) = sys::sync_directory(&store.directory) {
            // Not reported as stored, since a power cut may remove it: so it must not stay either.
            let _ = sys::unlink(&store.directory, name.as_str());
            return Err(reason).context("cannot bring the directory to the disk");
        }
        Ok(Stored { store, file, name })
    }

    fn link_as_free_name(&self, name: &Name) -> anyhow::Result<Name> {
        let numbered = (2..=MAX_NUMBER).map(|number| name.numbered(number));
        let unique =
            std::iter::once_with(|| name.numbered(format_args!("{}-{}", nanoseconds(), Pid::this())));
        for name in std::iter::once(name.clone()).chain(numbered).chain(unique) {
            match self.link(name.as_str()) {
                Ok(()) => return Ok(name),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error).context(format!("cannot put the file into place as {name}")),
            }
        }
        bail!("a file is called {name} already, as are all its numbered names");
    }

    fn link(&self, name: &str) -> io::Result<()> {
        let directory = &self.store.directory;
        match &self.temporary {
            None => sys::link_unnamed(&self.file, directory, name),
            Some(temporary) => sys::link_named(directory, &temporary.name, name),
        }
    }
}

impl Stored<'_> {
    /// Appends to what was written before.
    pub fn write(&mut self, bytes: &[u8]) -> anyhow::Result<()> {
        sys::write_all(&self.file, bytes).map_err(io::Error::from).context("cannot write the file")
    }

    pub fn sync(&self) -> anyhow::Result<()> {
        sys::sync(&self.file).context("cannot bring the file to the disk")
    }

    /// Removes the file, unless the name is another's by now.
    pub fn remove(self) -> anyhow::Result<()> {
        let (directory, name) = (&self.store.directory, self.name.as_str());
        match sys::leads_to(directory, name, &self.file) {
            Ok(true) => sys::unlink(directory, name),
            is_other => is_other.map(|_| ()),
        }
        .with_context(|| format!("cannot remove {name}"))
    }
}

impl Drop for Temporary<'_> {
    fn drop(&mut self) {
        // An error could only mean that it is gone.
        let _ = sys::unlink(self.directory, &self.name);
    }
}

/// Since 1970.
fn nanoseconds() -> u128 {
    SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_nanos()
}

#[cfg(test)]
mod tests;
