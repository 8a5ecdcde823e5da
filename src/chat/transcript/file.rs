//! The file of a transcript: which one is taken, and how lines get there whole.

use std::fs::{File, Metadata, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};

use crate::chat::messages;
use crate::sys::{self, system_reason};

/// For its owner and nobody else: it holds what people said.
const MODE: u32 = 0o600;

/// Whom that leaves out.
const OTHERS: u32 = 0o077;

/// Opens the file at `path` to append to, or makes it. It is its owner's, who is whoever runs this, and no other server's: nobody may
/// lay another file or a link there beforehand, to read what is said or to have it written elsewhere. `None` where it is `held`
/// already. With `sync`, its name is on the disk.
///
/// # Errors
/// Those of open(2); that it is no such file; of fsync(2), with the directory's name.
pub fn open(path: &Path, sync: bool, held: Option<&File>) -> anyhow::Result<Option<File>> {
    // Neither a terminal's hold nor a pipe's missing reader may stop us here.
    let flags = libc::O_NOCTTY | libc::O_NONBLOCK | libc::O_NOFOLLOW;
    let mut how = OpenOptions::new();
    let how = how.read(true).append(true).create(true).mode(MODE).custom_flags(flags);
    let file = how.open(path).map_err(|error| match path.is_symlink() {
        true => anyhow!(messages::is_a_link()),
        false => reason(&error),
    })?;
    let about = file.metadata().map_err(|error| reason(&error))?;
    ensure!(about.is_file(), messages::no_ordinary_file());
    ensure!(about.uid() == sys::effective_user(), messages::is_anothers());
    if sync {
        // Or a power cut could leave the file without its name.
        let directory = path.parent().unwrap_or(path);
        sync_directory(directory)
            .map_err(|error| reason(&error))
            .with_context(|| messages::directory(directory))?;
    }
    if held.and_then(|held| held.metadata().ok()).is_some_and(|held| is_same(&held, &about)) {
        return Ok(None);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!(messages::is_in_use()),
        // A file system without locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(reason(&error)),
    }
    Ok(Some(file))
}

/// The bits of a file's mode that let others than its owner read it, write to it; 0 where there are none, or none are known.
pub fn open_to_others(file: &File) -> u32 {
    file.metadata().map_or(0, |about| about.mode() & OTHERS)
}

/// What the system says, in its words alone.
pub fn reason(error: &io::Error) -> anyhow::Error {
    match error.raw_os_error() {
        Some(errno) => anyhow!(system_reason(errno)),
        None => anyhow!(error.to_string()),
    }
}

fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all().or_else(|error| match error.kind() {
        // A file system without such a thing.
        ErrorKind::InvalidInput => Ok(()),
        _ => Err(error),
    })
}

fn is_same(one: &Metadata, other: &Metadata) -> bool {
    (one.dev(), one.ino()) == (other.dev(), other.ino())
}

/// True where the last line has no end, as a power cut or a full disk may leave it.
pub fn ends_within_a_line(file: &File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(at) = file.metadata()?.len().checked_sub(1) {
        file.read_at(&mut last, at)?;
    }
    Ok(last != *b"\n")
}

/// Writes whole lines, or as many of them as the system takes: of one that it took in part, nothing stays.
pub fn write_lines(mut file: &File, lines: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < lines.len() {
        match file.write(&lines[done..]) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => {
                let whole = lines[..done].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                // Where even that fails, the next one to open it ends the line.
                let _ = cut_off(file, (done - whole) as u64);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Takes the last bytes away; not where somebody has emptied the file meanwhile.
fn cut_off(file: &File, bytes: u64) -> io::Result<()> {
    match file.metadata()?.len().checked_sub(bytes) {
        Some(length) if bytes > 0 => file.set_len(length),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_last_line_without_its_end_is_seen_and_what_was_cut_goes() {
        let file = tempfile::tempfile().unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        write_lines(&file, b"un\ndeu").unwrap();
        assert!(ends_within_a_line(&file).unwrap());
        cut_off(&file, 3).unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        // Somebody has emptied it.
        file.set_len(1).unwrap();
        cut_off(&file, 3).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1);
    }
}
