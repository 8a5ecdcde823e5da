//! The bytes that the client sends: a head, the file, a tail.

use std::io::{BufRead, BufReader, Cursor, Read, Result};

use super::source::{CHUNK, FileDigest, Source};

pub struct Outgoing<'a> {
    bytes: BufReader<Box<dyn Read + 'a>>,
    head_len: u64,
    pub file_size: u64,
    /// Bytes sent so far, head included.
    sent: u64,
}

impl<'a> Outgoing<'a> {
    /// `digest`: the result of the first reading of the file.
    pub fn new(head: Vec<u8>, file: &'a Source, digest: &'a FileDigest, tail: &'static [u8]) -> Outgoing<'a> {
        let head_len = head.len() as u64;
        let bytes: Box<dyn Read> = Box::new(Cursor::new(head).chain(file.reader(digest)).chain(tail));
        let bytes = BufReader::with_capacity(CHUNK, bytes);
        Outgoing { bytes, head_len, file_size: digest.size, sent: 0 }
    }

    pub fn sent_of_file(&self) -> u64 {
        self.sent.saturating_sub(self.head_len).min(self.file_size)
    }

    /// The next bytes to send; empty when all are sent. Fails if the file was changed.
    pub fn next(&mut self) -> Result<&[u8]> {
        self.bytes.fill_buf()
    }

    pub fn advance(&mut self, bytes: usize) {
        self.bytes.consume(bytes);
        self.sent += bytes as u64;
    }
}
