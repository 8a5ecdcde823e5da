//! The bytes that the client sends: a head, the file, a tail.

use super::source::{CHUNK, FileReader};

pub struct Outgoing<'a> {
    chunk: Vec<u8>,
    sent_of_chunk: usize,
    reader: FileReader<'a>,
    tail: &'static [u8],
    head_len: u64,
    /// Bytes sent so far, head included.
    sent: u64,
}

impl<'a> Outgoing<'a> {
    pub fn new(head: Vec<u8>, reader: FileReader<'a>, tail: &'static [u8]) -> Outgoing<'a> {
        Outgoing { head_len: head.len() as u64, chunk: head, sent_of_chunk: 0, reader, tail, sent: 0 }
    }

    pub fn file_size(&self) -> u64 {
        self.reader.size()
    }

    pub fn sent_of_file(&self) -> u64 {
        self.sent.saturating_sub(self.head_len).min(self.file_size())
    }

    /// The next bytes to send; empty when all are sent. Fails if the file was changed.
    pub fn next(&mut self) -> anyhow::Result<&[u8]> {
        if self.sent_of_chunk == self.chunk.len() {
            self.chunk.resize(CHUNK, 0);
            let n = self.reader.read(&mut self.chunk)?;
            self.chunk.truncate(n);
            if n == 0 {
                self.chunk.extend_from_slice(std::mem::take(&mut self.tail));
            }
            self.sent_of_chunk = 0;
        }
        Ok(&self.chunk[self.sent_of_chunk..])
    }

    pub fn advance(&mut self, bytes: usize) {
        self.sent_of_chunk += bytes;
        self.sent += bytes as u64;
    }
}
