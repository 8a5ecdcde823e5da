//! The two-process shape of a client: this process keeps the keyboard, a second one the screen, and they share the
//! connection. Neither outlives the other.

use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd};
use std::os::unix::net::UnixStream;

use super::OWN_DESCRIPTORS_FROM;
use crate::sys::{self, Ended, Pid, Signal, Signals};

/// The other process, seen from this one.
#[derive(Debug)]
pub struct PeerProcess {
    child: Pid,
    /// One end of a pair of sockets. Each process holds one end, and the kernel closes it however that process ends: the
    /// other then reads the end of file. The screen's process also writes one byte when it has something to show, and one
    /// when it has shown it.
    lifeline: UnixStream,
    /// Bytes read from the lifeline: odd while something is being shown.
    beats: u64,
}

/// What the lifeline tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerStatus {
    /// The screen's process has ended.
    Ended,
    /// It has something to show and is not done.
    Showing,
    /// It waits for the server.
    Idle,
}

impl PeerProcess {
    /// Forks the screen's process. It keeps `connection` under the same number, and ends with the status that `show` returns;
    /// `show` gets the connection and the lifeline, which becomes readable when the keyboard's process is gone.
    ///
    /// # Errors
    /// What socketpair(2) or fork(2) says.
    pub fn start<C: AsFd>(
        caught: &Signals,
        connection: &C,
        show: impl FnOnce(&C, &UnixStream) -> i32,
    ) -> io::Result<PeerProcess> {
        let (ours, theirs) = UnixStream::pair()?;
        // A connection that comes later is to have the lowest number.
        let ours = UnixStream::from(sys::move_high(ours.into(), OWN_DESCRIPTORS_FROM)?);
        let keep = [connection.as_fd().as_raw_fd(), theirs.as_raw_fd()];
        let child = sys::spawn(caught, &keep, &sys::Sandbox::none(), || {
            // Ctrl+C reaches both processes; the keyboard's decides, says why, and ends this one.
            sys::ignore_signal(Signal::SIGINT);
            show(connection, &theirs)
        })?;
        ours.set_nonblocking(true)?;
        Ok(PeerProcess { child, lifeline: ours, beats: 0 })
    }

    /// Becomes readable when [`PeerProcess::pulse`] has something new to tell.
    pub fn lifeline(&self) -> BorrowedFd<'_> {
        self.lifeline.as_fd()
    }

    /// What the screen's process is doing.
    pub fn pulse(&mut self) -> PeerStatus {
        let mut beats = [0; 64];
        loop {
            match self.lifeline.read(&mut beats) {
                Ok(0) => return PeerStatus::Ended,
                Ok(n) => self.beats += n as u64,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(_) => return PeerStatus::Ended,
            }
        }
        if self.beats.is_multiple_of(2) { PeerStatus::Idle } else { PeerStatus::Showing }
    }

    /// Reads what the other process hands over, where it hands over anything but beats: how many bytes, 0 at its end, `None` when there
    /// is nothing now.
    pub fn hear(&mut self, bytes: &mut [u8]) -> Option<usize> {
        match self.lifeline.read(bytes) {
            Ok(n) => Some(n),
            Err(error) if matches!(error.kind(), io::ErrorKind::Interrupted | io::ErrorKind::WouldBlock) => {
                None
            }
            Err(_) => Some(0),
        }
    }

    /// Waits for the end of the screen's process, which has come if the lifeline is readable.
    ///
    /// # Errors
    /// What waitpid(2) says.
    pub fn join(self) -> io::Result<Ended> {
        sys::reap_this(self.child)
    }

    /// Ends the screen's process, even one that hangs in a write to a terminal that is held.
    pub fn stop(self) {
        sys::kill(self.child, Signal::SIGKILL);
        // An error could only say that it is gone.
        let _ = self.join();
    }
}
