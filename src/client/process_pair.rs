//! Two processes on one connection: this one reads the keyboard, a forked one the server. Neither
//! outlives the other.

use std::io;
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::signals::OWN_DESCRIPTORS_FROM;
use crate::sys::{self, Ended, Pid, Signal, Signals};

/// The second process, seen from the first.
#[derive(Debug)]
pub struct PeerProcess {
    child: Pid,
    /// One end of a socket pair, whose other end the second process holds: the kernel closes it
    /// however that process ends, which reads as end of file. The second process writes messages,
    /// or [marks](BEGIN) around each output, and [reports](REPORT).
    lifeline: UnixStream,
    /// The last mark that [`PeerProcess::status`] has read was [`BEGIN`].
    is_writing: bool,
    /// Reading the lifeline has failed: the second process may be alive.
    is_broken: bool,
    /// Reports read, the last of them perhaps in part.
    reports: Vec<u8>,
}

const BEGIN: u8 = b'<';
const END: u8 = b'>';
/// Begins a report, which a NUL ends.
const REPORT: u8 = b'=';

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStatus {
    Ended,
    /// It is writing output.
    Writing,
    /// It is waiting for the server.
    Idle,
}

impl PeerProcess {
    /// Forks the second process, which ends with the status that `run` returns. It keeps
    /// `connection` under the same number. `run` also gets the lifeline, readable once the first
    /// process is gone.
    pub fn start<C: AsFd>(
        caught: &Signals,
        connection: &C,
        run: impl FnOnce(&C, &UnixStream) -> i32,
    ) -> io::Result<PeerProcess> {
        let (ours, theirs) = UnixStream::pair()?;
        // Leaves the lowest number to a later connection.
        let ours = UnixStream::from(sys::move_high(ours.into(), OWN_DESCRIPTORS_FROM)?);
        let keep = [connection.as_fd().as_raw_fd(), theirs.as_raw_fd()];
        // Stopped or not, it then restores the terminal and ends.
        let mut sandbox = sys::Sandbox::continued_at_parents_end();
        let child = sys::spawn(caught, &keep, &mut sandbox, || {
            // Ctrl+C reaches both processes: the first reports it, and ends this one.
            sys::ignore_signal(Signal::SIGINT);
            sys::continue_parent_at_hangup();
            run(connection, &theirs)
        })?;
        Ok(PeerProcess { child, lifeline: ours, is_writing: false, is_broken: false, reports: Vec::new() })
    }

    /// Readable when [`PeerProcess::status`] or [`PeerProcess::read`] has something new.
    pub fn lifeline(&self) -> BorrowedFd<'_> {
        self.lifeline.as_fd()
    }

    /// For a second process that writes its own output.
    pub fn status(&mut self) -> PeerStatus {
        let mut marks = [0; 4096];
        while let Some(n) = self.read(&mut marks) {
            if n == 0 {
                return PeerStatus::Ended;
            }
            for &byte in &marks[..n] {
                let is_in_report = self.reports.last().is_some_and(|&byte| byte != 0);
                match byte {
                    BEGIN | END if !is_in_report => self.is_writing = byte == BEGIN,
                    byte => self.reports.push(byte),
                }
            }
        }
        if self.is_writing { PeerStatus::Writing } else { PeerStatus::Idle }
    }

    /// Reports of the second process since the last call, each whole and without NULs.
    pub fn take_reports(&mut self) -> Vec<Vec<u8>> {
        let end = self.reports.iter().rposition(|&byte| byte == 0).map_or(0, |at| at + 1);
        let whole: Vec<u8> = self.reports.drain(..end).collect();
        let reports = whole.split(|&byte| byte == 0).filter_map(|report| report.strip_prefix(&[REPORT]));
        reports.map(<[u8]>::to_vec).collect()
    }

    /// Called by the second process before each output.
    pub fn begin_output(parent: &UnixStream) {
        // Fails when the first process is gone. Otherwise a lost mark is made up for by the next.
        let _ = sys::write_all(parent, &[BEGIN]);
    }

    pub fn end_output(parent: &UnixStream) {
        let _ = sys::write_all(parent, &[END]);
    }

    /// Called by the second process, between outputs. `message` holds no NUL.
    pub fn report(parent: &UnixStream, message: &[u8]) {
        let _ = sys::write_all(parent, &[&[REPORT], message, b"\0"].concat());
    }

    /// Bytes of a second process that passes messages on: how many, 0 at its end, `None` when there
    /// are none now.
    pub fn read(&mut self, bytes: &mut [u8]) -> Option<usize> {
        let read = sys::try_read(&self.lifeline, bytes);
        self.is_broken |= read.is_err();
        read.unwrap_or(Some(0))
    }

    /// Continues it where SIGSTOP has stopped it alone, lest it never read what the server has
    /// sent.
    pub fn resume(&self) {
        sys::kill(self.child, Signal::SIGCONT);
    }

    /// Waits for its end, which has come if the lifeline has ended.
    pub fn join(self) -> io::Result<Ended> {
        if self.is_broken {
            sys::kill(self.child, Signal::SIGKILL);
        }
        sys::reap_this(self.child)
    }

    /// Kills it, even in a write to a terminal stopped by Ctrl+S.
    pub fn stop(self) {
        sys::kill_and_reap(&[self.child]);
    }
}
