//! The hub's end of the shared pipe: bytes in, records out.

use std::io::{self, ErrorKind, PipeReader, PipeWriter, Read};

use super::record::{Key, Parsed, Record, parse, valid_prefix_len};
use crate::sys::{self, DontforkBytes, PIPE_BUF};

/// Bytes of one `read`, and of one turn of the hub's loop: a pipe's default capacity (pipe(7)).
pub(super) const CAPACITY: usize = 64 * 1024;

/// One read, behind the front of a record that the read before has cut (no packet mode).
const BUFFER: usize = CAPACITY + PIPE_BUF;

#[derive(Debug)]
pub(super) struct RecordReader {
    pub pipe: PipeReader,
    /// Packet mode: each read gives what one worker wrote at once.
    packets: bool,
    /// Holds the keys of the records in it, which no later child may have.
    buffer: DontforkBytes,
    len: usize,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ReadOutcome {
    /// Bytes read; 0 when the pipe is empty.
    pub bytes: usize,
    /// Some were no record, and the bytes behind them were dropped; or `take` refused a record.
    pub is_invalid: bool,
}

impl RecordReader {
    /// Makes the pipe. Its write end is for the workers, its read end does not block.
    ///
    /// The pipe is in packet mode where the system has it: a worker that writes half a record, or
    /// none at all, then spoils no other worker's.
    pub fn open() -> io::Result<(RecordReader, PipeWriter)> {
        let (pipe, writer) = io::pipe()?;
        sys::make_nonblocking(&pipe)?;
        let packets = sys::enable_packet_mode(&writer);
        Ok((RecordReader { pipe, packets, buffer: DontforkBytes::new(BUFFER)?, len: 0 }, writer))
    }

    /// Reads once and gives each whole record, with its key, to `take`, which returns false for one
    /// that its worker should not have written. EINTR and EAGAIN count as an empty pipe.
    pub fn read(&mut self, mut take: impl FnMut(Record, &Key) -> bool) -> ReadOutcome {
        let (bytes, mut is_invalid) = match self.pipe.read(&mut self.buffer[self.len..self.len + CAPACITY]) {
            Ok(n) => (n, false),
            // Another error of read(2), which should not fail, is no record either.
            Err(error) => (0, !matches!(error.kind(), ErrorKind::Interrupted | ErrorKind::WouldBlock)),
        };
        self.len += bytes;
        let end = if self.packets { valid_prefix_len(&self.buffer[..self.len]) } else { self.len };
        is_invalid |= end < self.len;
        let mut done = 0;
        while done < end {
            match parse(&self.buffer[done..end]) {
                Parsed::Whole(record, key, size) => {
                    is_invalid |= !take(record, key);
                    done += size;
                }
                Parsed::Incomplete => break,
                Parsed::Invalid => {
                    is_invalid = true;
                    done = end;
                }
            }
        }
        if self.packets {
            done = self.len;
        }
        // Less than a record is left: there is room for the next read.
        self.buffer.copy_within(done..self.len, 0);
        self.len -= done;
        ReadOutcome { bytes, is_invalid }
    }
}
