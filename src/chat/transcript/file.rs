//! The file of a transcript: checks on open, and writes of whole lines.

use std::fs::{File, Metadata, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::{FileExt, MetadataExt};
use std::path::Path;

use anyhow::{Context, anyhow, bail, ensure};
use nix::fcntl::OFlag;
use nix::sys::stat::Mode;

use crate::chat::messages;
use crate::sys;

/// For the owner alone: a transcript is private.
const MODE: Mode = Mode::from_bits_truncate(0o600);

/// Permission bits of group and others.
const OTHERS: u32 = 0o077;

/// Opens the file at `path` to append to, or creates it. `None` if it is the file `held` open
/// already. With `sync`, its directory entry is on the disk.
///
/// Refuses a file locked by another server, and a symbolic link or another user's file, by which
/// that user could read or redirect the transcript.
pub fn open(path: &Path, sync: bool, held: Option<&File>) -> anyhow::Result<Option<File>> {
    // Not a controlling terminal, and no blocking on a FIFO without a reader: open(2).
    let how = OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_NOFOLLOW;
    let flags = OFlag::O_RDWR | OFlag::O_APPEND | OFlag::O_CREAT | how;
    let file = sys::open_file(path, flags, MODE).map_err(|error| match error.kind() {
        _ if path.is_symlink() => anyhow!(messages::IS_A_LINK),
        ErrorKind::NotFound => anyhow::Error::from(error).context(messages::NO_DIRECTORY),
        _ => error.into(),
    })?;
    let metadata = file.metadata()?;
    ensure!(metadata.is_file(), messages::NO_ORDINARY_FILE);
    ensure!(metadata.uid() == nix::unistd::geteuid().as_raw(), messages::IS_ANOTHERS);
    if sync {
        // fsync of a file does not cover its directory entry: fsync(2).
        let directory = path.parent().unwrap_or(path);
        let synced = sys::open_directory(directory).and_then(|directory| sys::sync_directory(&directory));
        synced.with_context(|| messages::directory(directory))?;
    }
    let identity = |metadata: &Metadata| (metadata.dev(), metadata.ino());
    if held.and_then(|held| held.metadata().ok()).is_some_and(|held| identity(&held) == identity(&metadata)) {
        return Ok(None);
    }
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => bail!(messages::IS_IN_USE),
        // A file system without locks.
        Err(TryLockError::Error(error)) if error.kind() == ErrorKind::Unsupported => {}
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    Ok(Some(file))
}

/// Permission bits for group and others; 0 if they cannot be read.
pub fn open_to_others(file: &File) -> u32 {
    file.metadata().map_or(0, |metadata| metadata.mode() & OTHERS)
}

/// True if the last line has no newline, as after a power cut or a full disk.
pub fn ends_within_a_line(file: &File) -> io::Result<bool> {
    let mut last = [b'\n'];
    if let Some(at) = file.metadata()?.len().checked_sub(1) {
        file.read_at(&mut last, at)?;
    }
    Ok(last != *b"\n")
}

/// Writes whole lines. On error, a line that was written in part is cut off.
pub fn write_lines(mut file: &File, lines: &[u8]) -> io::Result<()> {
    let mut done = 0;
    while done < lines.len() {
        match sys::retry(|| file.write(&lines[done..])) {
            Ok(0) => return Err(ErrorKind::WriteZero.into()),
            Ok(n) => done += n,
            Err(error) => {
                let whole = lines[..done].iter().rposition(|&byte| byte == b'\n').map_or(0, |at| at + 1);
                // If this fails too, the next `open` ends the line.
                let _ = cut_off(file, (done - whole) as u64);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Removes the last bytes, unless the file has been truncated meanwhile.
fn cut_off(file: &File, bytes: u64) -> io::Result<()> {
    match file.metadata()?.len().checked_sub(bytes) {
        Some(length) if bytes > 0 => sys::truncate(file, length),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unended_last_line_is_detected_and_cut_off() {
        let file = tempfile::tempfile().unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        write_lines(&file, b"un\ndeu").unwrap();
        assert!(ends_within_a_line(&file).unwrap());
        cut_off(&file, 3).unwrap();
        assert!(!ends_within_a_line(&file).unwrap());
        // Truncated meanwhile.
        file.set_len(1).unwrap();
        cut_off(&file, 3).unwrap();
        assert_eq!(file.metadata().unwrap().len(), 1);
    }
}
