//! The bytes that the client sends: a head, the file, a tail.

use std::io::{Cursor, Read, Result};

use super::source::{CHUNK, FileDigest, Source};

pub struct Outgoing<'a> {
    bytes: Box<dyn Read + 'a>,
    /// The bytes from `sent_of_chunk` on are to be sent next.
    chunk: Vec<u8>,
    sent_of_chunk: usize,
    head_len: u64,
    pub file_size: u64,
    /// Bytes sent so far, head included.
    sent: u64,
}

impl<'a> Outgoing<'a> {
    /// `digest`: the result of the first reading of the file.
    pub fn new(head: Vec<u8>, file: &'a Source, digest: &'a FileDigest, tail: &'static [u8]) -> Outgoing<'a> {
        let head_len = head.len() as u64;
        let bytes = Box::new(Cursor::new(head).chain(file.reader(digest)).chain(tail));
        Outgoing { bytes, chunk: Vec::new(), sent_of_chunk: 0, head_len, file_size: digest.size, sent: 0 }
    }

    pub fn sent_of_file(&self) -> u64 {
        self.sent.saturating_sub(self.head_len).min(self.file_size)
    }

    /// The next bytes to send; empty when all are sent. Fails if the file was changed.
    ///
    /// Chunks are full, so that a short text and its tail leave in one segment: a server that has
    /// the first line may close, which resets the connection while more is unread.
    pub fn next(&mut self) -> Result<&[u8]> {
        if self.sent_of_chunk == self.chunk.len() {
            self.chunk.clear();
            self.sent_of_chunk = 0;
            self.bytes.by_ref().take(CHUNK as u64).read_to_end(&mut self.chunk)?;
        }
        Ok(&self.chunk[self.sent_of_chunk..])
    }

    pub fn advance(&mut self, bytes: usize) {
        self.sent_of_chunk += bytes;
        self.sent += bytes as u64;
    }
}
