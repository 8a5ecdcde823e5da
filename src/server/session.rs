//! One client of a lab whose clients share nothing, as the function that serves it sees it: reads and writes that wait, for
//! as long as client and server are there.

use std::fmt::Display;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::Console;
use crate::sys::{self, Interest};

/// Why a client is served no longer.
#[derive(Debug)]
pub enum End {
    /// It has closed its sending side, and all that it sent was read.
    Closed,
    /// Its connection broke.
    Broken(io::Error),
    /// It has let us wait for too long.
    Idle,
    /// The server ends.
    Stopped,
}

/// A connected client.
pub struct Session<'a> {
    /// Its connection.
    pub socket: &'a TcpStream,
    /// Its address.
    pub peer: SocketAddr,
    /// Where the server prints.
    out: &'a mut Console,
    /// Which process it is, in front of each line.
    mark: String,
    /// Becomes readable when the server ends.
    stop: BorrowedFd<'a>,
    /// How long the client may be silent, or not take what it is sent.
    patience: Option<Duration>,
}

impl<'a> Session<'a> {
    pub(super) fn new(
        (socket, peer): (&'a TcpStream, SocketAddr),
        out: &'a mut Console,
        mark: String,
        stop: BorrowedFd<'a>,
        patience: Option<Duration>,
    ) -> Session<'a> {
        Session { socket, peer, out, mark, stop, patience }
    }

    /// Prints a line. Like every line of a server, it makes nobody wait.
    pub fn log(&mut self, line: impl Display) {
        self.out.line(format_args!("{} {line}", self.mark));
        self.out.flush();
    }

    /// One `read`: waits for at least one byte and returns how many came.
    ///
    /// # Errors
    /// The [`End`].
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, End> {
        match self.read_within(self.patience, buffer)? {
            Some(n) => Ok(n),
            None => Err(End::Idle),
        }
    }

    /// The same, but `None` when nothing has come within `time`.
    ///
    /// # Errors
    /// The [`End`].
    pub fn read_within(&mut self, time: Option<Duration>, buffer: &mut [u8]) -> Result<Option<usize>, End> {
        loop {
            if !self.wait(Interest::Read, time)? {
                return Ok(None);
            }
            match (&mut &*self.socket).read(buffer) {
                Ok(0) => return Err(End::Closed),
                Ok(n) => return Ok(Some(n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(End::Broken(error)),
            }
        }
    }

    /// Sends all of `bytes`, however slowly the client takes them, as long as it takes some.
    ///
    /// # Errors
    /// The [`End`].
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), End> {
        while !bytes.is_empty() {
            if !self.wait(Interest::Write, self.patience)? {
                return Err(End::Idle);
            }
            let sent = sys::send_now(self.socket, bytes).map_err(End::Broken)?;
            bytes = &bytes[sent..];
        }
        Ok(())
    }

    /// The last words: as much of them as the client takes at once, also when the server ends.
    pub fn send_last(&mut self, bytes: &[u8]) {
        // A client that has not read what came before, or is gone, does not hear them: nobody else is there to be told.
        let _ = sys::send_now(self.socket, bytes);
    }

    /// Waits for the client; false when `time` is over.
    ///
    /// # Errors
    /// [`End::Stopped`].
    fn wait(&self, interest: Interest, time: Option<Duration>) -> Result<bool, End> {
        let deadline = time.map(|time| Instant::now() + time);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let client = sys::watch(self.socket.as_fd(), interest);
            let mut watched = [client, sys::watch(self.stop, Interest::Read)];
            sys::wait(&mut watched, left).map_err(End::Broken)?;
            match watched.each_ref().map(sys::is_ready) {
                [_, true] => return Err(End::Stopped),
                [true, false] => return Ok(true),
                [false, false] if left == Some(Duration::ZERO) => return Ok(false),
                // A signal has ended the wait, or its time is over: the next look tells.
                [false, false] => {}
            }
        }
    }
}
