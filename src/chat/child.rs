//! A child: one process for one client. It reads the client's socket and writes records to the shared pipe, and never
//! the other way round: the hub alone writes to clients.

use std::io::{self, PipeWriter, Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::cutter::{Cutter, messages};
use super::record::{Batch, Kind, MAX_BODY};
use crate::sys::{self, Interest, Pid};

/// The most bytes of one `read`, as the course's server has it; less where the system's PIPE_BUF is small, so that a
/// message and its extra NUL always fit one record.
const CHUNK: usize = if MAX_BODY - 1 < 1023 { MAX_BODY - 1 } else { 1023 };

/// How long a piece without an end waits for its rest.
const HOLD: Duration = Duration::from_millis(20);

/// The child's status when all is well: its client left, or the hub is gone.
const DONE: i32 = 0;

/// Serves `socket` until its client or the hub is gone. With `tell_reads`, the hub is told of each `read`.
pub fn serve(socket: &TcpStream, pipe: &PipeWriter, tell_reads: bool) -> i32 {
    let mut chunk = [0; CHUNK];
    let cutter = Cutter::new(&mut chunk, HOLD);
    let mut child = Child { socket, pipe, tell_reads, cutter, batch: Batch::new(Pid::this()) };
    // An error here is the pipe's, so the hub is gone: nobody is left to be told.
    let _ = child.relay();
    DONE
}

struct Child<'a> {
    socket: &'a TcpStream,
    pipe: &'a PipeWriter,
    tell_reads: bool,
    cutter: Cutter<'a>,
    batch: Batch,
}

impl Child<'_> {
    /// Reads, cuts and writes until the client is gone.
    ///
    /// # Errors
    /// EPIPE: the hub is gone.
    fn relay(&mut self) -> io::Result<()> {
        loop {
            let timeout = self.cutter.deadline().map(|at| at.saturating_duration_since(Instant::now()));
            let mut left = None;
            if self.wait(timeout)? {
                left = self.read();
            }
            self.send(left.is_some())?;
            if let Some(errno) = left {
                self.batch.push_note(Kind::Left, errno.to_ne_bytes());
                return self.write();
            }
        }
    }

    /// Waits for the client's bytes, or the end of `timeout`. True when there is something to read.
    ///
    /// The pipe's write end is watched with no event asked: poll(2) reports POLLERR when its last reader is gone, which is
    /// how a child learns that its parent was killed. That holds because no child keeps the pipe's read end.
    fn wait(&self, timeout: Option<Duration>) -> io::Result<bool> {
        let client = sys::watch(self.socket.as_fd(), Interest::Read);
        let mut watched = [client, sys::watch(self.pipe.as_fd(), Interest::End)];
        sys::wait(&mut watched, timeout)?;
        match watched.each_ref().map(sys::is_ready) {
            [_, true] => Err(io::ErrorKind::BrokenPipe.into()),
            [readable, false] => Ok(readable),
        }
    }

    /// One `read`. When the client is gone: `Some(0)` at the end of file, or the errno.
    fn read(&mut self) -> Option<i32> {
        match self.socket.read(self.cutter.spare()) {
            Ok(0) => Some(0),
            Ok(n) => {
                self.cutter.filled(n);
                if self.tell_reads {
                    self.batch.push_note(Kind::Read, (n as u32).to_ne_bytes());
                }
                None
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => None,
            Err(error) => Some(error.raw_os_error().unwrap_or_default()),
        }
    }

    /// Sends the messages that are whole; all that is left when the client has `ended`.
    fn send(&mut self, ended: bool) -> io::Result<()> {
        let (batch, pipe) = (&mut self.batch, self.pipe);
        self.cutter.take(Instant::now(), ended, |chunk| {
            for message in messages(chunk) {
                if !batch.push_message(message) {
                    // More than one write carries: the rest of the chunk goes as if the next `read` had brought it.
                    write(pipe, batch)?;
                    batch.push_message(message);
                }
            }
            Ok::<(), io::Error>(())
        })?;
        self.write()
    }

    fn write(&mut self) -> io::Result<()> {
        write(self.pipe, &mut self.batch)
    }
}

/// One `write`, at most PIPE_BUF bytes. It blocks while the pipe is full: a hub that falls behind slows its children
/// down, and they their clients through TCP's window.
fn write(mut pipe: &PipeWriter, batch: &mut Batch) -> io::Result<()> {
    let bytes = batch.closed();
    if !bytes.is_empty() {
        // A write of at most PIPE_BUF bytes is whole or not at all; write_all repeats it after EINTR.
        pipe.write_all(bytes)?;
    }
    batch.clear();
    Ok(())
}
