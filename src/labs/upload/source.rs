//! The file that a client sends. It is read twice: once before, for its size and its sum, which go first, and once while it
//! is sent. Whatever others write to it meanwhile, the server gets what was promised or the user is told why not.

use std::fs::{File, OpenOptions};
use std::io::ErrorKind;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use anyhow::{Context, bail, ensure};
use nix::fcntl::OFlag;
use sha2::{Digest, Sha256};

/// Bytes of one read.
pub const CHUNK: usize = 64 * 1024;

/// A regular file, open for reading.
#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
}

/// What the first reading has shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Survey {
    /// Bytes up to the end.
    pub size: u64,
    /// Their SHA-256.
    pub sha256: [u8; 32],
    /// A text has no NUL.
    pub holds_nul: bool,
}

/// The second reading.
#[derive(Debug)]
pub struct Replay<'a> {
    source: &'a Source,
    survey: &'a Survey,
    at: u64,
    sum: Sha256,
}

impl Source {
    /// Opens `path`.
    ///
    /// # Errors
    /// It cannot be opened, or is a directory, a pipe or a device, which have no size to promise.
    pub fn open(path: &Path) -> anyhow::Result<Source> {
        let shown = path.display();
        // Opening a pipe would wait for its writer; on a regular file the flag means nothing.
        let mut options = OpenOptions::new();
        options.read(true).custom_flags((OFlag::O_NONBLOCK | OFlag::O_NOCTTY).bits());
        let file = options.open(path).with_context(|| format!("cannot open {shown}"))?;
        let metadata = file.metadata().with_context(|| format!("cannot look at {shown}"))?;
        ensure!(!metadata.is_dir(), "cannot send {shown}: it is a directory");
        ensure!(metadata.is_file(), "cannot send {shown}: it is not a regular file");
        Ok(Source { file, path: path.to_path_buf() })
    }

    /// Its size as the file system has it now, to show how far a reading is.
    pub fn expected_size(&self) -> u64 {
        self.file.metadata().map_or(0, |metadata| metadata.len())
    }

    /// Reads it to its end; `after_each` read is told how many bytes there were so far, and its error ends the reading.
    ///
    /// # Errors
    /// EIO and the like: read(2); and what `after_each` says.
    pub fn survey(&self, mut after_each: impl FnMut(u64) -> anyhow::Result<()>) -> anyhow::Result<Survey> {
        let mut chunk = vec![0; CHUNK];
        let (mut size, mut sum, mut holds_nul) = (0, Sha256::new(), false);
        loop {
            let bytes = match self.read(size, &mut chunk)? {
                0 => return Ok(Survey { size, sha256: sum.finalize().into(), holds_nul }),
                n => &chunk[..n],
            };
            size += bytes.len() as u64;
            sum.update(bytes);
            holds_nul |= bytes.contains(&0);
            after_each(size)?;
        }
    }

    /// The second reading, of what `survey` has found.
    pub fn replay<'a>(&'a self, survey: &'a Survey) -> Replay<'a> {
        Replay { source: self, survey, at: 0, sum: Sha256::new() }
    }

    fn read(&self, at: u64, chunk: &mut [u8]) -> anyhow::Result<usize> {
        loop {
            match self.file.read_at(chunk, at) {
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                read => return read.with_context(|| format!("cannot read {}", self.path.display())),
            }
        }
    }
}

impl Replay<'_> {
    /// Bytes in all.
    pub fn size(&self) -> u64 {
        self.survey.size
    }

    /// Reads the next bytes into `chunk` and returns how many; 0 after the last. The last are given only if all are what they
    /// were.
    ///
    /// # Errors
    /// The file was changed meanwhile, or cannot be read.
    pub fn next(&mut self, chunk: &mut [u8]) -> anyhow::Result<usize> {
        let left = self.survey.size - self.at;
        if left == 0 {
            return Ok(0);
        }
        let most = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
        let n = self.source.read(self.at, &mut chunk[..most])?;
        let path = self.source.path.display();
        if n == 0 {
            bail!("{path} became shorter while it was being sent");
        }
        self.at += n as u64;
        self.sum.update(&chunk[..n]);
        let whole = self.at == self.survey.size;
        if whole && self.sum.clone().finalize()[..] != self.survey.sha256 {
            bail!("{path} was changed while it was being sent");
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::upload::header::hex;
    use std::io::Write;

    fn source(bytes: &[u8]) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let source = Source::open(file.path()).unwrap();
        (file, source)
    }

    /// The whole second reading.
    fn replay(source: &Source, survey: &Survey) -> anyhow::Result<Vec<u8>> {
        let (mut replay, mut whole, mut chunk) = (source.replay(survey), Vec::new(), [0; 1000]);
        loop {
            match replay.next(&mut chunk)? {
                0 => return Ok(whole),
                n => whole.extend_from_slice(&chunk[..n]),
            }
        }
    }

    #[test]
    fn both_readings_find_the_same() {
        // The sums are those of sha256sum(1).
        for (bytes, sum, holds_nul) in [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false),
            (&[0; 100_000], "9192c25b734fcbadbe32dadc28089c60db0e39f90cc20ce2e5733f57261acc0c", true),
        ] {
            let (_file, source) = source(bytes);
            let mut told = 0;
            let survey = source
                .survey(|size| {
                    told = size;
                    Ok(())
                })
                .unwrap();
            assert_eq!((survey.size, told, survey.holds_nul), (bytes.len() as u64, survey.size, holds_nul));
            assert_eq!(replay(&source, &survey).unwrap(), bytes);
            assert_eq!(hex(&survey.sha256), sum);
        }
    }

    #[test]
    fn a_change_between_the_readings_is_told_and_the_last_bytes_are_kept_back() {
        let (file, source) = source(&[b'a'; 5000]);
        let survey = source.survey(|_| Ok(())).unwrap();
        file.as_file().write_all_at(b"more", 5000).unwrap();
        assert_eq!(replay(&source, &survey).unwrap(), [b'a'; 5000], "what is added later was not promised");
        file.as_file().write_all_at(b"b", 17).unwrap();
        assert!(replay(&source, &survey).unwrap_err().to_string().contains("was changed"));
        file.as_file().set_len(4999).unwrap();
        assert!(replay(&source, &survey).unwrap_err().to_string().contains("became shorter"));
    }

    #[test]
    fn the_first_reading_ends_when_it_is_told_to() {
        let (_file, source) = source(&vec![1; 10 * CHUNK]);
        let mut reads = 0;
        let told = source.survey(|_| {
            reads += 1;
            ensure!(reads < 3, "enough");
            Ok(())
        });
        assert_eq!((told.unwrap_err().to_string().as_str(), reads), ("enough", 3));
    }

    #[test]
    fn what_has_no_size_to_promise_is_refused_without_waiting() {
        let place = tempfile::tempdir().unwrap();
        let pipe = place.path().join("pipe");
        nix::unistd::mkfifo(&pipe, nix::sys::stat::Mode::S_IRWXU).unwrap();
        for (path, why) in [
            (pipe, "not a regular file"),
            ("/dev/zero".into(), "not a regular file"),
            (place.path().into(), "it is a directory"),
            (place.path().join("missing"), "No such file or directory"),
        ] {
            let told = format!("{:#}", Source::open(&path).unwrap_err());
            assert!(told.contains(why) && told.contains(&path.display().to_string()), "{told}");
        }
    }
}
