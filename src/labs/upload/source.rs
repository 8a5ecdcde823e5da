//! The file that a client sends. It is read twice: first for its size and SHA-256, which the header
//! announces, then to be sent. If it is changed in between, the second reading fails before the
//! last bytes are sent.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;

use anyhow::Context;
use sha2::{Digest, Sha256};

use crate::sys;

pub const CHUNK: usize = 64 * 1024;

#[derive(Debug)]
pub struct Source {
    file: File,
    path: PathBuf,
    /// In the file system when it was opened, for a progress bar.
    pub expected_size: u64,
}

/// Result of the first reading.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileDigest {
    pub size: u64,
    pub sha256: [u8; 32],
    pub holds_nul: bool,
    pub has_newline: bool,
}

/// The second reading, checked against the first.
pub struct FileReader<'a> {
    source: &'a Source,
    digest: &'a FileDigest,
    at: u64,
    hasher: Sha256,
}

impl Source {
    /// `file` is a regular one; `path` names it in errors.
    pub fn new(file: File, path: PathBuf) -> anyhow::Result<Source> {
        let metadata = file.metadata().with_context(|| format!("cannot look at {}", path.display()))?;
        Ok(Source { file, path, expected_size: metadata.len() })
    }

    /// Reads to the end. `after_each` read gets the number of bytes so far; its error ends the
    /// reading.
    pub fn digest(
        &self,
        mut after_each: impl FnMut(u64) -> anyhow::Result<()>,
    ) -> anyhow::Result<FileDigest> {
        let mut chunk = vec![0; CHUNK];
        let (mut size, mut hasher, mut holds_nul, mut has_newline) = (0, Sha256::new(), false, false);
        loop {
            let bytes = match self.read_at(size, &mut chunk)? {
                0 => {
                    let sha256 = hasher.finalize().into();
                    return Ok(FileDigest { size, sha256, holds_nul, has_newline });
                }
                n => &chunk[..n],
            };
            has_newline |= bytes.contains(&b'\n');
            size += bytes.len() as u64;
            hasher.update(bytes);
            holds_nul |= bytes.contains(&0);
            after_each(size)?;
        }
    }

    pub fn reader<'a>(&'a self, digest: &'a FileDigest) -> FileReader<'a> {
        FileReader { source: self, digest, at: 0, hasher: Sha256::new() }
    }

    fn read_at(&self, at: u64, chunk: &mut [u8]) -> anyhow::Result<usize> {
        let read = sys::retry(|| self.file.read_at(chunk, at));
        read.with_context(|| format!("cannot read {}", self.path.display()))
    }
}

impl Read for FileReader<'_> {
    /// Returns the last bytes only if the SHA-256 is that of the first reading.
    fn read(&mut self, chunk: &mut [u8]) -> io::Result<usize> {
        let left = self.digest.size - self.at;
        let most = usize::try_from(left).map_or(chunk.len(), |left| left.min(chunk.len()));
        if most == 0 {
            return Ok(0);
        }
        let read = self.source.read_at(self.at, &mut chunk[..most]);
        let n = read.map_err(io::Error::other)?;
        let path = self.source.path.display();
        if n == 0 {
            return Err(io::Error::other(format!("{path} became shorter while it was being sent")));
        }
        self.at += n as u64;
        self.hasher.update(&chunk[..n]);
        let is_whole = self.at == self.digest.size;
        if is_whole && self.hasher.clone().finalize()[..] != self.digest.sha256 {
            return Err(io::Error::other(format!("{path} was changed while it was being sent")));
        }
        Ok(n)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::upload::header::hex;
    use anyhow::ensure;
    use std::io::Write;

    fn source(bytes: &[u8]) -> (tempfile::NamedTempFile, Source) {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all(bytes).unwrap();
        let source = Source::new(file.reopen().unwrap(), file.path().into()).unwrap();
        (file, source)
    }

    fn read_again(source: &Source, digest: &FileDigest) -> io::Result<Vec<u8>> {
        let mut whole = Vec::new();
        source.reader(digest).read_to_end(&mut whole).map(|_| whole)
    }

    #[test]
    fn both_readings_agree() {
        // The sums are those of sha256sum(1).
        for (bytes, sum, holds_nul) in [
            (&b""[..], "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855", false),
            (b"abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", false),
            (&[0; 100_000], "9192c25b734fcbadbe32dadc28089c60db0e39f90cc20ce2e5733f57261acc0c", true),
        ] {
            let (_file, source) = source(bytes);
            let mut reported = 0;
            let digest = source.digest(|size| {
                reported = size;
                Ok(())
            });
            let (digest, size) = (digest.unwrap(), bytes.len() as u64);
            let found = (hex(&digest.sha256), digest.size, reported, digest.holds_nul);
            assert_eq!(found, (sum.to_string(), size, size, holds_nul));
            assert_eq!(read_again(&source, &digest).unwrap(), bytes, "{sum}");
        }
    }

    #[test]
    fn a_change_between_the_readings_fails_before_the_last_bytes() {
        let (file, source) = source(&[b'a'; 5000]);
        let digest = source.digest(|_| Ok(())).unwrap();
        file.as_file().write_all_at(b"more", 5000).unwrap();
        assert_eq!(read_again(&source, &digest).unwrap(), [b'a'; 5000], "bytes added later are not sent");
        file.as_file().write_all_at(b"b", 17).unwrap();
        assert!(read_again(&source, &digest).unwrap_err().to_string().contains("was changed"));
        file.as_file().set_len(4999).unwrap();
        assert!(read_again(&source, &digest).unwrap_err().to_string().contains("became shorter"));
    }

    #[test]
    fn an_error_of_the_callback_ends_the_first_reading() {
        let (_file, source) = source(&vec![1; 10 * CHUNK]);
        let mut reads = 0;
        let result = source.digest(|_| {
            reads += 1;
            ensure!(reads < 3, "enough");
            Ok(())
        });
        assert_eq!((result.unwrap_err().to_string().as_str(), reads), ("enough", 3));
    }
}
