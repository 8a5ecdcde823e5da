//! What the user names: a file, or a stream without a size (a pipe, standard input), which is first
//! copied to a temporary file, because the header announces size and SHA-256 before the bytes.

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, RawFd};
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use nix::sys::stat::Mode;

use super::INTERRUPTED;
use super::client::MESSAGES;
use super::source::{CHUNK, Source};
use crate::sys::{self, Interest, Signals};

/// Bytes of a stream, at most: one that never ends must not fill the disk.
const MAX_STREAM: u64 = 1 << 30;

#[derive(Debug)]
pub struct Input {
    pub file: File,
    /// For messages.
    pub path: PathBuf,
    /// Last component of the path, or a word for what has none.
    pub name: Vec<u8>,
    is_stream: bool,
}

impl Input {
    /// `-` is standard input. A path of a descriptor, as a shell's `<(command)` gives it, stands
    /// for one that the program was started with: to be called before it closes those, opens
    /// others.
    pub fn open(path: &Path) -> anyhow::Result<Input> {
        let number = descriptor(path);
        let named = if path == Path::new("-") { Path::new("standard input") } else { path };
        let shown = named.display();
        let file = match number {
            Some(number) => sys::duplicate(number).map(File::from),
            // Opening a named pipe would wait for its writer; on a regular file the flag has no
            // effect.
            None => {
                sys::open_file(path, OFlag::O_RDONLY | OFlag::O_NONBLOCK | OFlag::O_NOCTTY, Mode::empty())
            }
        };
        let file = file.with_context(|| format!("cannot open {shown}"))?;
        ensure!(!was_closed(&file), "cannot send {shown}: it is closed");
        let kind = file.metadata().with_context(|| format!("cannot look at {shown}"))?.file_type();
        ensure!(!kind.is_dir(), "cannot send {shown}: it is a directory");
        let is_stream = number.is_some() || kind.is_fifo();
        ensure!(is_stream || kind.is_file(), "cannot send {shown}: it is not a regular file, nor a pipe");
        let name = match number {
            Some(0) => b"stdin".to_vec(),
            Some(_) => b"pipe".to_vec(),
            None => path.file_name().unwrap_or_default().as_encoded_bytes().to_vec(),
        };
        Ok(Input { file, path: named.to_path_buf(), name, is_stream })
    }

    /// Reads a stream to its end.
    pub fn into_source(self, signals: &mut Signals) -> anyhow::Result<Source> {
        match self.is_stream {
            false => Source::new(self.file, self.path),
            true => Source::new(self.copy(signals, MAX_STREAM)?, self.path),
        }
    }

    /// The copy has no name: it is gone with the process, however that ends.
    fn copy(&self, signals: &mut Signals, most: u64) -> anyhow::Result<File> {
        let shown = self.path.display();
        let refused = || {
            let place = std::env::temp_dir();
            let place = place.display();
            format!("cannot keep what {shown} gives in {place} (TMPDIR can name another directory)")
        };
        let copy = tempfile::tempfile().with_context(refused)?;
        let (mut chunk, mut size) = (vec![0; CHUNK], 0);
        loop {
            let n = self.read(&mut chunk, signals)?;
            if n == 0 {
                return Ok(copy);
            }
            size += n as u64;
            ensure!(
                size <= most,
                "cannot send {shown}: it gives more than {most} bytes; write them to a file and name that"
            );
            sys::write_all(&copy, &chunk[..n]).map_err(io::Error::from).with_context(refused)?;
        }
    }

    /// Waits for bytes or the end. A named pipe whose writer has not come yet has neither.
    fn read(&self, chunk: &mut [u8], signals: &mut Signals) -> anyhow::Result<usize> {
        loop {
            let watched = [signals.as_fd(), self.file.as_fd()].map(|fd| Some(sys::watch(fd, Interest::Read)));
            let [signalled, readable] = sys::wait_for_some(watched, None).context(MESSAGES.stuck())?;
            ensure!(!(signalled || signals.is_raised()) || signals.take().is_empty(), INTERRUPTED);
            if readable {
                let read = sys::read_some(&self.file, chunk).map_err(io::Error::from);
                if let Some(n) = read.with_context(|| format!("cannot read {}", self.path.display()))? {
                    return Ok(n);
                }
            }
        }
    }
}

/// The number of the descriptor that a path stands for. Linux would open the file behind it anew:
/// a pipe without bytes and writers would then look like one whose writer is still to come.
fn descriptor(path: &Path) -> Option<RawFd> {
    match path.to_str()? {
        "-" | "/dev/stdin" => Some(0),
        path => {
            let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"))?;
            number.parse().ok().filter(|number| *number >= 0)
        }
    }
}

/// True for standard input that was closed. Rust's runtime then opens `/dev/null` in its place, for
/// reading and writing, which no shell's `</dev/null` does.
fn was_closed(file: &File) -> bool {
    let is_null = || Some(file.metadata().ok()?.rdev() == std::fs::metadata("/dev/null").ok()?.rdev());
    let flags = fcntl(file, FcntlArg::F_GETFL).map(OFlag::from_bits_retain).unwrap_or(OFlag::empty());
    flags & OFlag::O_ACCMODE == OFlag::O_RDWR && is_null() == Some(true)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;
    use crate::sys::Signal;

    #[test]
    fn names_of_descriptors_are_recognised() {
        for (path, number) in [
            ("-", Some(0)),
            ("/dev/stdin", Some(0)),
            ("/dev/fd/63", Some(63)),
            ("/proc/self/fd/12", Some(12)),
            ("/dev/fd/", None),
            ("/dev/fd/x", None),
            ("/dev/fd/-1", None),
            ("./-", None),
            ("/tmp/dev/fd/3", None),
        ] {
            assert_eq!(descriptor(Path::new(path)), number, "{path}");
        }
    }

    #[test]
    fn a_directory_a_device_and_a_missing_file_are_refused_with_the_reason() {
        let place = tempfile::tempdir().unwrap();
        for (path, why) in [
            ("/dev/zero".into(), "not a regular file"),
            (place.path().into(), "it is a directory"),
            (place.path().join("missing"), "No such file or directory"),
            ("/dev/fd/987654".into(), "Bad file descriptor"),
        ] {
            let error = format!("{:#}", Input::open(&path).unwrap_err());
            assert!(error.contains(why) && error.contains(&path.display().to_string()), "{error}");
        }
    }

    #[test]
    fn a_stream_beyond_the_limit_is_refused() {
        let mut signals = Signals::catch(&[Signal::SIGUSR2], 10).unwrap();
        for (size, fits) in [(5, true), (6, false)] {
            let (reader, mut writer) = io::pipe().unwrap();
            writer.write_all(&vec![b'x'; size]).unwrap();
            drop(writer);
            let file = File::from(std::os::fd::OwnedFd::from(reader));
            let input = Input { file, path: "-".into(), name: Vec::new(), is_stream: true };
            let copied = input.copy(&mut signals, 5).map(|copy| copy.metadata().unwrap().len());
            match copied {
                Ok(copied) => assert!(fits && copied == size as u64),
                Err(error) => assert!(!fits && error.to_string().contains("more than 5 bytes"), "{error}"),
            }
        }
    }
}
