//! One client of a lab whose clients share nothing, as the function that serves it sees it: reads and writes that wait, for
//! as long as client and server are there.

use std::fmt::Display;
use std::io::{self, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::Output;
use crate::sys::{self, Interest};

/// How long a connection rests that cannot send for want of memory: ENOBUFS, ENOMEM.
const REST: Duration = Duration::from_millis(20);

/// Why a client is served no longer.
#[derive(Debug)]
pub enum Disconnect {
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
    out: &'a mut Output,
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
        out: &'a mut Output,
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
    /// The [`Disconnect`].
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Disconnect> {
        match self.read_within(self.patience, buffer)? {
            Some(n) => Ok(n),
            None => Err(Disconnect::Idle),
        }
    }

    /// The same, but `None` when nothing has come within `time`.
    ///
    /// # Errors
    /// The [`Disconnect`].
    pub fn read_within(
        &mut self,
        time: Option<Duration>,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, Disconnect> {
        loop {
            if !self.wait(Interest::Read, time)? {
                return Ok(None);
            }
            match (&mut &*self.socket).read(buffer) {
                Ok(0) => return Err(Disconnect::Closed),
                Ok(n) => return Ok(Some(n)),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(Disconnect::Broken(error)),
            }
        }
    }

    /// Sends all of `bytes`, however slowly the client takes them, as long as it takes some.
    ///
    /// # Errors
    /// The [`Disconnect`].
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Disconnect> {
        while !bytes.is_empty() {
            if !self.wait(Interest::Write, self.patience)? {
                return Err(Disconnect::Idle);
            }
            let sent = sys::try_send(self.socket, bytes).map_err(Disconnect::Broken)?;
            bytes = &bytes[sent..];
            if sent == 0 {
                // It was able and took nothing: the system lacks memory, and would be asked again at once.
                sys::wait(&mut [sys::watch(self.stop, Interest::Read)], Some(REST))
                    .map_err(Disconnect::Broken)?;
            }
        }
        Ok(())
    }

    /// The last words: as much of them as the client takes at once, also when the server ends.
    pub fn send_final(&mut self, bytes: &[u8]) {
        // A client that has not read what came before, or is gone, does not hear them: nobody else is there to be told.
        let _ = sys::try_send(self.socket, bytes);
    }

    /// Waits for the client; false when `time` is over. Lines that a slow reader has kept waiting are printed meanwhile.
    ///
    /// # Errors
    /// [`Disconnect::Stopped`].
    fn wait(&mut self, interest: Interest, time: Option<Duration>) -> Result<bool, Disconnect> {
        let deadline = time.map(|time| Instant::now() + time);
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let (client, stop) =
                (sys::watch(self.socket.as_fd(), interest), sys::watch(self.stop, Interest::Read));
            let lines = self.out.watch();
            let count = if lines.is_some() { 3 } else { 2 };
            let mut watched = [client, stop.clone(), lines.unwrap_or(stop)];
            sys::wait(&mut watched[..count], left).map_err(Disconnect::Broken)?;
            let [client, stop, lines] = watched.each_ref().map(sys::is_ready);
            if lines {
                self.out.flush();
            }
            match (client, stop) {
                (_, true) => return Err(Disconnect::Stopped),
                (true, false) => return Ok(true),
                (false, false) if left == Some(Duration::ZERO) => return Ok(false),
                // A signal has ended the wait, or its time is over: the next look tells.
                (false, false) => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Language;
    use crate::server::Messages;
    use std::io::{PipeWriter, Write};
    use std::net::{Shutdown, TcpListener};

    const MOMENT: Option<Duration> = Some(Duration::from_millis(20));

    /// Gives `look` a session of such patience, its client, and what ends the server when it is dropped.
    fn with_session(patience: Option<Duration>, look: impl FnOnce(Session, TcpStream, PipeWriter)) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let (stop, held) = io::pipe().unwrap();
        let mut out = Output::stdout(100, Messages(Language::English));
        let mark = "(test)".to_string();
        look(Session::new((&socket, peer), &mut out, mark, stop.as_fd(), patience), client, held);
    }

    #[test]
    fn what_came_is_read_to_the_last_byte_and_then_the_end() {
        with_session(None, |mut session, mut client, _held| {
            client.write_all(b"abc").unwrap();
            client.shutdown(Shutdown::Write).unwrap();
            let (mut buffer, mut got) = ([0; 2], Vec::new());
            let end = loop {
                match session.read(&mut buffer) {
                    Ok(n) => got.extend_from_slice(&buffer[..n]),
                    Err(end) => break end,
                }
            };
            assert!(got == b"abc" && matches!(end, Disconnect::Closed), "{got:?} {end:?}");
        });
    }

    #[test]
    fn silence_is_no_end_within_a_time_of_its_own_and_one_beyond_patience() {
        with_session(MOMENT, |mut session, _client, _held| {
            assert!(matches!(session.read_within(MOMENT, &mut [0; 2]), Ok(None)));
            assert!(matches!(session.read_within(Some(Duration::ZERO), &mut [0; 2]), Ok(None)));
            assert!(matches!(session.read(&mut [0; 2]), Err(Disconnect::Idle)));
        });
    }

    #[test]
    fn a_client_that_takes_nothing_is_waited_for_as_long_as_a_silent_one() {
        with_session(MOMENT, |mut session, _client, _held| {
            assert!(matches!(session.send(&vec![0; 64 << 20]), Err(Disconnect::Idle)));
        });
    }

    #[test]
    fn all_is_sent_however_slowly_it_is_taken() {
        with_session(None, |mut session, mut client, _held| {
            let sent: Vec<u8> = (0..4 << 20).map(|i| (i % 251) as u8).collect();
            std::thread::scope(|scope| {
                let reader = scope.spawn(|| {
                    let mut taken = vec![0; sent.len()];
                    taken.chunks_mut(100_000).for_each(|part| client.read_exact(part).unwrap());
                    taken
                });
                session.send(&sent).unwrap();
                assert!(reader.join().unwrap() == sent);
            });
        });
    }

    #[test]
    fn a_reset_is_a_broken_connection() {
        with_session(None, |mut session, client, _held| {
            session.send(b"unread").unwrap();
            // Closing with unread bytes resets the connection.
            client.peek(&mut [0; 1]).unwrap();
            drop(client);
            let end = session.read(&mut [0; 2]).unwrap_err();
            assert!(
                matches!(&end, Disconnect::Broken(reason) if reason.kind() == io::ErrorKind::ConnectionReset),
                "{end:?}"
            );
        });
    }

    #[test]
    fn the_servers_end_ends_every_wait_even_with_bytes_to_read() {
        with_session(None, |mut session, mut client, held| {
            client.write_all(b"unread").unwrap();
            drop(held);
            assert!(matches!(session.read(&mut [0; 2]), Err(Disconnect::Stopped)));
            assert!(matches!(session.send(b"x"), Err(Disconnect::Stopped)));
        });
    }
}
