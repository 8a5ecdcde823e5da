//! The hub's end of the shared pipe: bytes in, records out.

use std::io::{self, PipeReader, Read};

use super::record::{Parsed, Record, parse};
use crate::sys::{PIPE_BUF, large};

/// Bytes of one `read`: what a pipe holds by default (pipe(7), "Pipe capacity").
pub const CAPACITY: usize = 64 * 1024;

/// And the front of a record that the read before has cut.
const BUFFER: usize = CAPACITY + PIPE_BUF;

/// What has been read and not yet been looked at.
#[derive(Debug)]
pub struct Inbox {
    pipe: PipeReader,
    buffer: Vec<u8>,
    len: usize,
}

impl Inbox {
    /// Reads from `pipe`, which does not block.
    pub fn new(pipe: PipeReader) -> Inbox {
        let mut buffer = large();
        buffer.resize(BUFFER, 0);
        Inbox { pipe, buffer, len: 0 }
    }

    /// Gives its memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        self.buffer = Vec::new();
    }

    /// The pipe's read end.
    pub fn pipe(&self) -> &PipeReader {
        &self.pipe
    }

    /// Reads once and gives each whole record to `take`. Returns how many bytes came; 0 when none are there.
    ///
    /// # Errors
    /// What read(2) says, EINTR and EAGAIN excepted; `InvalidData` when the bytes are no records: those read so far are
    /// then dropped.
    pub fn read(&mut self, mut take: impl FnMut(Record)) -> io::Result<usize> {
        let n = match self.pipe.read(&mut self.buffer[self.len..self.len + CAPACITY]) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.len += n;
        let mut done = 0;
        loop {
            match parse(&self.buffer[done..self.len]) {
                Parsed::Whole(record, size) => {
                    take(record);
                    done += size;
                }
                Parsed::Incomplete => break,
                Parsed::Wrong => {
                    self.len = 0;
                    return Err(io::ErrorKind::InvalidData.into());
                }
            }
        }
        // What is left is less than a record, so there is room for the next read.
        self.buffer.copy_within(done..self.len, 0);
        self.len -= done;
        Ok(n)
    }
}
