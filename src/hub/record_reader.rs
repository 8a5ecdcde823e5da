//! The hub's end of the shared pipe: bytes in, records out.

use std::io::{self, PipeReader, PipeWriter, Read};

use super::record::{Parsed, Record, parse, valid_prefix_len};
use crate::sys::{self, PIPE_BUF, dontfork_vec};

/// The most bytes of one `read`, and those that a turn of the hub's loop hears: what a pipe holds by default (pipe(7), "Pipe
/// capacity").
pub const CAPACITY: usize = 64 * 1024;

/// The front of a record that the read before has cut, where there are no packets, and the next read.
const BUFFER: usize = CAPACITY + PIPE_BUF;

/// What has been read and not yet been looked at.
#[derive(Debug)]
pub struct RecordReader {
    pipe: PipeReader,
    /// Each read gives what one child wrote at once.
    packets: bool,
    buffer: Vec<u8>,
    len: usize,
}

/// What one read came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReadOutcome {
    /// So many bytes; 0 when none are there.
    pub bytes: usize,
    /// Some of them were no record, nor were those behind them worth a look.
    pub junk: bool,
}

impl RecordReader {
    /// Makes the pipe, whose write end is for the children. Reading does not block.
    ///
    /// The pipe is in packet mode where the system has it: a child that writes half a record, or none at all, then spoils
    /// nobody else's.
    ///
    /// # Errors
    /// What pipe(2) and fcntl(2) say.
    pub fn open() -> io::Result<(RecordReader, PipeWriter)> {
        let (pipe, writer) = io::pipe()?;
        sys::make_nonblocking(&pipe)?;
        let packets = sys::enable_packet_mode(&writer);
        let mut buffer = dontfork_vec();
        buffer.resize(BUFFER, 0);
        Ok((RecordReader { pipe, packets, buffer, len: 0 }, writer))
    }

    /// Gives its memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        sys::discard_in_child(&mut self.buffer);
    }

    /// The pipe's read end.
    pub fn pipe(&self) -> &PipeReader {
        &self.pipe
    }

    /// Reads once and gives each whole record to `take`.
    ///
    /// # Errors
    /// What read(2) says, EINTR and EAGAIN excepted.
    pub fn read(&mut self, mut take: impl FnMut(Record)) -> io::Result<ReadOutcome> {
        let bytes = match self.pipe.read(&mut self.buffer[self.len..self.len + CAPACITY]) {
            Ok(n) => n,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => 0,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => 0,
            Err(error) => return Err(error),
        };
        self.len += bytes;
        let end = if self.packets { valid_prefix_len(&self.buffer[..self.len]) } else { self.len };
        let (mut done, mut junk) = (0, end < self.len);
        while done < end {
            match parse(&self.buffer[done..end]) {
                Parsed::Whole(record, size) => {
                    take(record);
                    done += size;
                }
                Parsed::Incomplete => break,
                Parsed::Invalid => {
                    junk = true;
                    done = end;
                }
            }
        }
        if self.packets {
            done = self.len;
        }
        // What is left is less than a record, so there is room for the next read.
        self.buffer.copy_within(done..self.len, 0);
        self.len -= done;
        Ok(ReadOutcome { bytes, junk })
    }
}
