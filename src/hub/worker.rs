//! A worker: the process of one client. It reads the client's socket and writes records to the
//! shared pipe. It never writes to the socket: only the hub does.

use std::io::{self, PipeWriter, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::framing::{FrameDecoder, Framing, line_text, lines, messages};
use super::record::{Batch, CHUNK, IDLE, Key, Kind};
use crate::server::first_bytes::{FirstBytes, Foreign};
use crate::sys::{self, Backoff, IO_ERROR, Interest, Pid};

/// Reads whose messages fit, and share, one write of records, while the client has more to read.
const READS_AT_ONCE: usize = 3;

/// The exit status of a worker after its client has left, or the hub is gone.
pub(crate) const DONE: i32 = 0;

/// The exit status after this result of a worker's work. One that cannot wait, or cannot write its
/// records, fails: the hub then reports that the client has lost its worker.
pub(crate) fn status(result: io::Result<()>) -> i32 {
    match result {
        // EPIPE: the hub is gone, and no process is left to report to.
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => IO_ERROR,
        _ => DONE,
    }
}

/// The shared pipe's write end, and the key that proves which worker writes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct RecordPipe<'a> {
    pub pipe: &'a PipeWriter,
    pub key: &'a Key,
}

/// Time that a client may send nothing but NULs before it counts as [`IDLE`]; `None`: for ever.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct IdleTimeouts {
    pub before_first: Option<Duration>,
    pub between: Option<Duration>,
}

pub(crate) struct Worker<'a, F> {
    pub socket: &'a TcpStream,
    pub pipe: RecordPipe<'a>,
    pub framing: Framing,
    pub first_bytes: FirstBytes,
    pub timeouts: IdleTimeouts,
    /// Writes a record of each `read`.
    pub traces_reads: bool,
    /// Called for each message, before its record is written.
    pub on_message: F,
}

impl<F: FnMut(&[u8])> Worker<'_, F> {
    /// Serves the client until it or the hub is gone. Returns the exit status.
    pub fn run(mut self) -> i32 {
        let mut chunk = [0; CHUNK];
        let mut decoder = FrameDecoder::of_client(&mut chunk, self.framing);
        decoder.note_round_trip(sys::round_trip(self.socket));
        // Its batch is as large as a page: made here, since a move would touch another page.
        let mut records = RecordWriter::new(self.pipe);
        status(self.relay(&mut decoder, &mut records))
    }

    /// Reads, finds messages and writes records until the client is gone. EPIPE: the hub is gone.
    fn relay(&mut self, decoder: &mut FrameDecoder, records: &mut RecordWriter) -> io::Result<()> {
        let mut idle_at = self.timeouts.before_first.map(|time| Instant::now() + time);
        loop {
            let (mut left, mut foreign) = (None, None);
            let (before, held) = (Instant::now(), decoder.deadline());
            let due = self.first_bytes.held_until(before).or(held).or(idle_at);
            let first = self.wait_and_read(decoder.spare(), due)?;
            let (now, has_read) = (Instant::now(), !matches!(first, Ok(None)));
            decoder.waited(now - before);
            let (mut first, mut is_readable) = (Some(first), true);
            for _ in 0..READS_AT_ONCE {
                let read = first.take().unwrap_or_else(|| sys::try_read(self.socket, decoder.spare()));
                (left, is_readable) = self.take(read, decoder, records, &mut idle_at, &mut foreign);
                if let Some(foreign) = foreign {
                    records.batch.push_whole(Kind::Foreign, &foreign.to_bytes());
                    return records.write();
                }
                if left.is_none() && self.first_bytes.held_until(now).is_some() {
                    decoder.begin_hold(now);
                    break;
                }
                self.push_messages(decoder, records, now, left.is_some())?;
                if !is_readable {
                    break;
                }
            }
            // Its rest may wait for the acknowledgement: Nagle's algorithm (RFC 1122, 4.2.3.4).
            // After all other records of the round: the last one tells whether something is held.
            if has_read && !is_readable && decoder.deadline().is_some() {
                records.push(|batch| batch.push_whole(Kind::Held, &[]))?;
            }
            // A message that is held for its rest may still be the first thing said.
            let is_idle = decoder.deadline().is_none() && idle_at.is_some_and(|at| at <= now);
            if left.is_none() && is_idle {
                self.push_messages(decoder, records, now, true)?;
                left = Some(IDLE);
            }
            records.write()?;
            if let Some(reason) = left {
                records.batch.push_whole(Kind::Left, &reason.to_ne_bytes());
                return records.write();
            }
        }
    }

    /// Waits for bytes until `due`, and reads once. EPIPE: the hub is gone.
    fn wait_and_read(&self, spare: &mut [u8], due: Option<Instant>) -> io::Result<io::Result<Option<usize>>> {
        match due {
            None if sys::ENDS_WITH_PARENT => sys::wait_and_read(self.socket, spare),
            _ if wait(self.socket, self.pipe.pipe, due)? => Ok(sys::try_read(self.socket, spare)),
            _ => Ok(Ok(None)),
        }
    }

    /// Takes what one read has given. Returns why the client is gone, for [`Kind::Left`], and
    /// whether to read on.
    fn take(
        &mut self,
        read: io::Result<Option<usize>>,
        decoder: &mut FrameDecoder,
        records: &mut RecordWriter,
        idle_at: &mut Option<Instant>,
        foreign: &mut Option<Foreign>,
    ) -> (Option<i32>, bool) {
        let spare = decoder.spare();
        let room = spare.len();
        match read {
            Ok(None) => (None, false),
            Ok(Some(0)) => (Some(0), false),
            Ok(Some(n)) => {
                *foreign = self.first_bytes.feed(&spare[..n]);
                let may_be_held = n < room && !matches!(spare[..n], [.., 0 | b'\n']);
                if may_be_held && self.framing != Framing::Lines {
                    // The handshake may have been slow (a mobile network).
                    decoder.note_round_trip(sys::round_trip(self.socket));
                }
                if decoder.filled(n) {
                    *idle_at = self.timeouts.between.map(|time| Instant::now() + time);
                }
                if self.traces_reads {
                    records.batch.push_whole(Kind::Read, &(n as u32).to_ne_bytes());
                }
                // A traced read has a write of its own.
                (None, n == room && !self.traces_reads)
            }
            Err(error) => (Some(error.raw_os_error().unwrap_or_default()), false),
        }
    }

    /// Adds complete messages to the batch, and the incomplete one when the client has `ended`.
    fn push_messages(
        &mut self,
        decoder: &mut FrameDecoder,
        records: &mut RecordWriter,
        now: Instant,
        ended: bool,
    ) -> io::Result<()> {
        if decoder.take_timing_mark() {
            records.push(|batch| batch.push_whole(Kind::Probe, &[]))?;
        }
        let Worker { framing, on_message, .. } = self;
        let end: &[u8] = if decoder.is_cut() { b"\n" } else { b"" };
        decoder.take(now, ended, |chunk| match framing {
            Framing::Strings(_) | Framing::Texts(_) => messages(chunk).try_for_each(|message| {
                on_message(message);
                records.push(|batch| batch.push_message(message))
            }),
            Framing::Lines => lines(chunk.strip_prefix(end).unwrap_or(chunk)).try_for_each(|line| {
                let text = line_text(line);
                on_message(&text);
                records.push(|batch| batch.push_whole(Kind::Line, &text))
            }),
        })?;
        // The messages of one read end with the extra NUL, also when more reads share the write.
        records.batch.close();
        Ok(())
    }
}

#[derive(Debug)]
pub(crate) struct RecordWriter<'a> {
    pub pipe: &'a PipeWriter,
    pub batch: Batch,
}

impl<'a> RecordWriter<'a> {
    pub fn new(RecordPipe { pipe, key }: RecordPipe<'a>) -> RecordWriter<'a> {
        RecordWriter { pipe, batch: Batch::new(Pid::this(), key) }
    }

    /// Adds a record to the batch, after a write where it does not fit any more.
    pub fn push(&mut self, record: impl Fn(&mut Batch) -> bool) -> io::Result<()> {
        if !record(&mut self.batch) {
            self.write()?;
            record(&mut self.batch);
        }
        Ok(())
    }

    /// Writes the batch: one `write` of at most PIPE_BUF bytes, which is whole or not at all. It
    /// blocks while the pipe is full (backpressure: a hub that falls behind slows its workers down,
    /// and they their clients through TCP's window).
    pub fn write(&mut self) -> io::Result<()> {
        let bytes = self.batch.close();
        let mut backoff = Backoff::default();
        while !bytes.is_empty() {
            match (&mut &*self.pipe).write(bytes) {
                Ok(written) if written == bytes.len() => break,
                // Torn, or nothing at all: what the hub then reads is no record.
                Ok(_) => return Err(io::ErrorKind::WriteZero.into()),
                Err(error) if error.raw_os_error().is_some_and(sys::is_temporary) && backoff.failed() => {}
                Err(error) => return Err(error),
            }
        }
        self.batch.clear();
        Ok(())
    }
}

/// Waits for bytes or until a deadline. True: there are bytes to read. EPIPE: the hub is gone.
///
/// The pipe's write end is polled for no event: poll(2) reports POLLERR there when the last reader
/// is gone, which is how a worker learns that its parent was killed. It works because no worker
/// keeps the pipe's read end.
pub(crate) fn wait(socket: &TcpStream, pipe: &PipeWriter, until: Option<Instant>) -> io::Result<bool> {
    let timeout = until.map(|at| at.saturating_duration_since(Instant::now()));
    let client = sys::watch(socket.as_fd(), Interest::Read);
    let mut watched = [client, sys::watch(pipe.as_fd(), Interest::End)];
    sys::wait(&mut watched, timeout)?;
    match watched.each_ref().map(sys::is_ready) {
        [_, true] => Err(io::ErrorKind::BrokenPipe.into()),
        [readable, false] => Ok(readable),
    }
}
