//! A child: one process for one client. It reads the client's socket and writes records to the shared pipe, and never
//! the other way round: the hub alone writes to clients.

use std::io::{self, PipeWriter, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::framing::{FrameDecoder, Framing, lines, messages};
use super::record::{Batch, IDLE, Kind, MAX_BODY};
use crate::chat::line_text::text_of;
use crate::chat::proc_title::ProcTitle;
use crate::sys::{self, Interest, Pid};

/// The most bytes of one `read`, as the course's server has it; less where the system's PIPE_BUF is small, so that a
/// message and its extra NUL always fit one record.
pub const CHUNK: usize = if MAX_BODY - 1 < 1023 { MAX_BODY - 1 } else { 1023 };

/// Reads in a row of a client that sends more than one brings, before what they brought is written: no more than fit one write.
const READS_AT_ONCE: usize = 3;

/// C strings, as their clients send them: a piece without an end waits so long for its rest.
pub const STRINGS: Framing = Framing::Strings(Duration::from_millis(20));

/// The child's status when all is well: its client left, or the hub is gone.
pub(crate) const DONE: i32 = 0;

/// How long a client may send nothing, NULs being nothing, before it is given up: [`IDLE`]. `None`: for ever.
#[derive(Clone, Copy, Debug, Default)]
pub struct IdleTimeouts {
    /// Before its first words.
    pub first: Option<Duration>,
    /// After any others.
    pub between: Option<Duration>,
}

/// Serves `socket` until its client or the hub is gone. With `tell_reads`, the hub is told of each `read`. `tag` shows who speaks.
pub fn serve(
    socket: &TcpStream,
    pipe: &PipeWriter,
    framing: Framing,
    tell_reads: bool,
    patience: IdleTimeouts,
    tag: Option<ProcTitle>,
) -> i32 {
    let mut chunk = [0; CHUNK];
    let cutter = FrameDecoder::new(&mut chunk, framing);
    let silent_until = patience.first.map(|time| Instant::now() + time);
    let batch = Batch::new(Pid::this());
    let mut child = Worker { socket, pipe, framing, tell_reads, patience, silent_until, cutter, batch, tag };
    // An error here is the pipe's, so the hub is gone: nobody is left to be told.
    let _ = child.relay();
    DONE
}

struct Worker<'a> {
    socket: &'a TcpStream,
    pipe: &'a PipeWriter,
    framing: Framing,
    tell_reads: bool,
    patience: IdleTimeouts,
    /// When a client that says nothing is given up.
    silent_until: Option<Instant>,
    cutter: FrameDecoder<'a>,
    batch: Batch,
    tag: Option<ProcTitle>,
}

impl Worker<'_> {
    /// Reads, cuts and writes until the client is gone.
    ///
    /// # Errors
    /// EPIPE: the hub is gone.
    fn relay(&mut self) -> io::Result<()> {
        loop {
            let due = self.cutter.deadline().or(self.silent_until);
            let timeout = due.map(|at| at.saturating_duration_since(Instant::now()));
            let mut left = None;
            let mut more = self.wait(timeout)?;
            let mut reads = 0;
            loop {
                if more {
                    (left, more) = self.read();
                }
                self.take(left.is_some())?;
                reads += 1;
                if !more || reads == READS_AT_ONCE {
                    break;
                }
            }
            if left.is_none() && self.was_silent_for_too_long() {
                // What it had begun is said.
                self.take(true)?;
                left = Some(IDLE);
            }
            self.write()?;
            if let Some(errno) = left {
                self.batch.push_note(Kind::Left, errno.to_ne_bytes());
                return self.write();
            }
        }
    }

    /// As the function of this name; what holds a message for its rest learns how long that took.
    fn wait(&mut self, timeout: Option<Duration>) -> io::Result<bool> {
        let before = Instant::now();
        let readable = wait(self.socket, self.pipe, timeout);
        self.cutter.waited(before.elapsed());
        readable
    }

    /// One read. When the client is gone: `Some(0)` at the end of file, or the errno; beside it, whether more may be there.
    fn read(&mut self) -> (Option<i32>, bool) {
        let spare = self.cutter.spare();
        let room = spare.len();
        match sys::try_read(self.socket, spare) {
            Ok(None) => (None, false),
            Ok(Some(0)) => (Some(0), false),
            Ok(Some(n)) => {
                if spare[..n].iter().any(|&byte| byte != 0) {
                    self.silent_until = self.patience.between.map(|time| Instant::now() + time);
                }
                self.cutter.filled(n);
                if self.tell_reads {
                    self.batch.push_note(Kind::Read, (n as u32).to_ne_bytes());
                }
                // Each read that is told of has a write of its own.
                (None, n == room && !self.tell_reads)
            }
            Err(error) => (Some(error.raw_os_error().unwrap_or_default()), false),
        }
    }

    /// True when its time has come; what is held may still be the beginning of something said.
    fn was_silent_for_too_long(&self) -> bool {
        self.cutter.deadline().is_none() && self.silent_until.is_some_and(|until| until <= Instant::now())
    }

    /// Puts the messages that are whole into the batch; all that is left when the client has `ended`.
    fn take(&mut self, ended: bool) -> io::Result<()> {
        let Worker { batch, pipe, framing, tag, .. } = self;
        let mut hear = |message: &[u8]| tag.iter_mut().for_each(|tag| tag.hear(message));
        self.cutter.take(Instant::now(), ended, |chunk| match framing {
            Framing::Strings(_) | Framing::Texts(_) => messages(chunk)
                .inspect(|m| hear(m))
                .try_for_each(|m| push(pipe, batch, |b| b.push_message(m))),
            Framing::Lines => lines(chunk).try_for_each(|line| {
                let text = text_of(line);
                hear(&text);
                push(pipe, batch, |batch| batch.push_line(&text))
            }),
        })?;
        // What one read brought ends with the extra NUL, also when more goes with the same write.
        self.batch.closed();
        Ok(())
    }

    fn write(&mut self) -> io::Result<()> {
        write(self.pipe, &mut self.batch)
    }
}

/// Waits for the client's bytes, or the end of `timeout`. True when there is something to read.
///
/// The pipe's write end is watched with no event asked: poll(2) reports POLLERR when its last reader is gone, which is
/// how a child learns that its parent was killed. That holds because no child keeps the pipe's read end.
///
/// # Errors
/// EPIPE: the hub is gone. What poll(2) says.
pub(crate) fn wait(socket: &TcpStream, pipe: &PipeWriter, timeout: Option<Duration>) -> io::Result<bool> {
    let client = sys::watch(socket.as_fd(), Interest::Read);
    let mut watched = [client, sys::watch(pipe.as_fd(), Interest::End)];
    sys::wait(&mut watched, timeout)?;
    match watched.each_ref().map(sys::is_ready) {
        [_, true] => Err(io::ErrorKind::BrokenPipe.into()),
        [readable, false] => Ok(readable),
    }
}

/// Adds a record to the batch. One that does not fit any more goes with the next write, as if the next `read` had brought it.
pub(crate) fn push(
    pipe: &PipeWriter,
    batch: &mut Batch,
    record: impl Fn(&mut Batch) -> bool,
) -> io::Result<()> {
    if !record(batch) {
        write(pipe, batch)?;
        record(batch);
    }
    Ok(())
}

/// One `write`, at most PIPE_BUF bytes. It blocks while the pipe is full: a hub that falls behind slows its children
/// down, and they their clients through TCP's window.
pub(crate) fn write(mut pipe: &PipeWriter, batch: &mut Batch) -> io::Result<()> {
    let bytes = batch.closed();
    if !bytes.is_empty() {
        // A write of at most PIPE_BUF bytes is whole or not at all; write_all repeats it after EINTR.
        pipe.write_all(bytes)?;
    }
    batch.clear();
    Ok(())
}
