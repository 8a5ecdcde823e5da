//! One client of a lab without shared state: blocking reads and writes that end with the client,
//! with the server, or at the idle timeout.

use std::fmt::Display;
use std::io;
use std::net::TcpStream;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use super::Output;
use super::children::LastHeard;
use super::first_bytes::{FirstBytes, Foreign};
use crate::sys::{self, Interest, ScopedAddress};

/// A client that waits to be greeted waits this much longer: the answer to a web request has to be
/// the first that its browser reads.
pub const GREETING_DELAY: Duration = Duration::from_millis(30);

/// Why a client is no longer served.
#[derive(Debug)]
pub enum Disconnect {
    /// End of file: the client has closed its sending side.
    Closed,
    Broken(io::Error),
    /// The idle timeout.
    Idle,
    Stopped,
    /// Its first bytes are another protocol's.
    Foreign(Foreign),
}

pub struct Session<'a> {
    pub socket: &'a TcpStream,
    pub peer: ScopedAddress,
    pub(super) out: &'a mut Output,
    /// The process, in front of each printed line.
    pub(super) mark: String,
    /// Readable, or closed by SIGTERM, when the client is to be left.
    pub(super) stop: BorrowedFd<'a>,
    /// Idle timeout: for input, and for output that the client does not take.
    pub idle_timeout: Option<Duration>,
    pub(super) first_bytes: FirstBytes,
    /// Told whenever the client has sent something.
    pub(super) last_heard: Option<LastHeard<'a>>,
    /// The rest of the final answer, for the lingering close.
    pub(super) unsent: Vec<u8>,
}

impl Session<'_> {
    /// Prints a line, without blocking.
    pub fn log(&mut self, line: impl Display) {
        self.out.line(format_args!("{} {line}", self.mark));
        self.out.flush();
    }

    /// Waits for at least one byte. Returns the number of bytes, never 0.
    pub fn read(&mut self, buffer: &mut [u8]) -> Result<usize, Disconnect> {
        self.read_within(self.idle_timeout, buffer)?.ok_or(Disconnect::Idle)
    }

    /// As [`Session::read`]; `None` when nothing has come within `time`.
    pub fn read_within(
        &mut self,
        time: Option<Duration>,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, Disconnect> {
        let Some(n) = self.take_within(time, buffer, sys::try_read)? else { return Ok(None) };
        self.last_heard.inspect(LastHeard::note);
        let foreign = self.first_bytes.feed(&buffer[..n]);
        foreign.map_or(Ok(Some(n)), |foreign| Err(Disconnect::Foreign(foreign)))
    }

    /// As [`Session::read_within`], but the bytes stay to be read.
    pub fn peek_within(
        &mut self,
        time: Option<Duration>,
        buffer: &mut [u8],
    ) -> Result<Option<usize>, Disconnect> {
        self.take_within(time, buffer, sys::try_peek)
    }

    fn take_within(
        &mut self,
        time: Option<Duration>,
        buffer: &mut [u8],
        take: fn(&TcpStream, &mut [u8]) -> io::Result<Option<usize>>,
    ) -> Result<Option<usize>, Disconnect> {
        let deadline = deadline(time);
        while self.wait(Interest::Read, deadline)? {
            match take(self.socket, buffer).map_err(Disconnect::Broken)? {
                Some(0) => return Err(Disconnect::Closed),
                Some(n) => return Ok(Some(n)),
                // Readable, but nothing was taken: the system lacks memory, and the wait backs off.
                None => {}
            }
        }
        Ok(None)
    }

    /// Waits a moment for a peer that speaks before it is greeted. Takes no byte.
    pub(super) fn await_first_bytes(&mut self) -> Result<(), Disconnect> {
        if !self.first_bytes.is_decided() && self.wait(Interest::Read, deadline(Some(GREETING_DELAY)))? {
            let mut bytes = [0; 1024];
            let n = sys::try_peek(self.socket, &mut bytes).map_err(Disconnect::Broken)?.unwrap_or_default();
            if let Some(foreign) = self.first_bytes.judge(&bytes[..n]) {
                return Err(Disconnect::Foreign(foreign));
            }
        }
        Ok(())
    }

    /// Sends all of `bytes`; what the socket takes at once, also when the server ends. The idle
    /// timeout begins anew whenever the client takes some.
    pub fn send(&mut self, mut bytes: &[u8]) -> Result<(), Disconnect> {
        self.send_from(&mut bytes)
    }

    /// As [`Session::send`]. After an error, which the handler returns, the lingering close sends
    /// the rest: at the server's end, memory may be short for a moment.
    pub fn send_final(&mut self, mut bytes: &[u8]) -> Result<(), Disconnect> {
        let sent = self.send_from(&mut bytes);
        self.unsent = bytes.to_vec();
        sent
    }

    /// Leaves the unsent rest in `bytes`.
    fn send_from(&mut self, bytes: &mut &[u8]) -> Result<(), Disconnect> {
        let mut until = deadline(self.idle_timeout);
        while !bytes.is_empty() {
            let sent = sys::try_send(self.socket, bytes).map_err(Disconnect::Broken)?;
            *bytes = &bytes[sent..];
            if sent > 0 {
                until = deadline(self.idle_timeout);
            }
            if !bytes.is_empty() && !self.wait(Interest::Write, until)? {
                return Err(Disconnect::Idle);
            }
        }
        Ok(())
    }

    /// True if the client has sent bytes that are not read.
    pub fn has_unread(&self) -> bool {
        sys::try_peek(self.socket, &mut [0]).is_ok_and(|peeked| peeked.is_some_and(|n| n > 0))
    }

    /// Counts the client as silent again: all that it has sent is answered, so it may give way.
    pub fn may_give_way(&self) {
        self.last_heard.inspect(LastHeard::forget);
    }

    /// Waits for the client, and prints waiting lines meanwhile. False once `deadline` has passed.
    fn wait(&mut self, interest: Interest, deadline: Option<Instant>) -> Result<bool, Disconnect> {
        loop {
            let left = deadline.map(|at| at.saturating_duration_since(Instant::now()));
            let (client, stop) =
                (sys::watch(self.socket.as_fd(), interest), sys::watch(self.stop, Interest::Read));
            let watched = [Some(client), Some(stop), self.out.watch()];
            let [client, stop, lines] = sys::wait_for_some(watched, left).map_err(Disconnect::Broken)?;
            if lines {
                self.out.flush();
            }
            match (client, stop) {
                (_, true) => return Err(Disconnect::Stopped),
                (true, false) => return Ok(true),
                (false, false) if left == Some(Duration::ZERO) => return Ok(false),
                // A signal, or the end of `time`, which the next turn finds.
                (false, false) => {}
            }
        }
    }
}

fn deadline(time: Option<Duration>) -> Option<Instant> {
    time.map(|time| Instant::now() + time)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Language;
    use crate::server::Messages;
    use std::io::{PipeWriter, Read, Write};
    use std::net::{Shutdown, TcpListener};

    const SHORT: Option<Duration> = Some(Duration::from_millis(20));

    /// Calls `test` with a session, its client, and a pipe; closing the pipe stops the server.
    fn with_session(idle_timeout: Option<Duration>, test: impl FnOnce(Session, TcpStream, PipeWriter)) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, peer) = listener.accept().unwrap();
        let peer = peer.into();
        let (stop, held) = io::pipe().unwrap();
        let mut out = Output::on(io::stdout(), 100, Messages(Language::English));
        let (out, mark, stop) = (&mut out, "(test)".to_string(), stop.as_fd());
        let first_bytes = FirstBytes::new(None);
        let (last_heard, unsent, socket) = (None, Vec::new(), &socket);
        test(
            Session { socket, peer, out, mark, stop, idle_timeout, first_bytes, last_heard, unsent },
            client,
            held,
        );
    }

    #[test]
    fn input_is_read_to_the_last_byte_and_then_end_of_file() {
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
    fn a_client_that_sends_nothing_or_takes_nothing_is_idle() {
        with_session(SHORT, |mut session, _client, _held| {
            assert!(matches!(session.read_within(SHORT, &mut [0; 2]), Ok(None)));
            assert!(matches!(session.read_within(Some(Duration::ZERO), &mut [0; 2]), Ok(None)));
            assert!(matches!(session.read(&mut [0; 2]), Err(Disconnect::Idle)));
            assert!(matches!(session.send(&vec![0; 64 << 20]), Err(Disconnect::Idle)));
        });
    }

    #[test]
    fn everything_is_sent_to_a_slow_reader() {
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
            let Disconnect::Broken(reason) = end else { panic!("{end:?}") };
            assert_eq!(reason.kind(), io::ErrorKind::ConnectionReset);
        });
    }

    #[test]
    fn the_end_of_the_server_ends_every_wait_even_with_bytes_to_read() {
        with_session(None, |mut session, mut client, held| {
            client.write_all(b"unread").unwrap();
            drop(held);
            assert!(matches!(session.read(&mut [0; 2]), Err(Disconnect::Stopped)));
            assert!(matches!(session.send(&vec![0; 64 << 20]), Err(Disconnect::Stopped)));
        });
    }

    #[test]
    fn a_result_reaches_its_client_at_the_end_of_the_server() {
        with_session(None, |mut session, mut client, held| {
            drop(held);
            assert!(matches!(session.send(b"the sum"), Ok(())));
            client.read_exact(&mut [0; 7]).unwrap();
        });
    }

    #[test]
    fn what_a_final_answer_could_not_send_is_kept_for_the_lingering_close() {
        with_session(None, |mut session, _client, held| {
            drop(held);
            let answer = vec![b'x'; 64 << 20];
            assert!(matches!(session.send_final(&answer), Err(Disconnect::Stopped)));
            assert!((1..answer.len()).contains(&session.unsent.len()));
        });
    }
}
