//! The client's side of the connection, both ways at once: an answer of the server, or its end, is
//! noticed while the file is still being sent. Every wait ends: by an event, a signal of the user,
//! or the server's silence.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use indicatif::ProgressBar;
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SndBuf;

use super::INTERRUPTED;
use super::client::MESSAGES;
use super::outgoing::Outgoing;
use super::verdict::Verdict;
use crate::sys::{self, Backoff, Interest, Signals};

/// Bytes of a greeting, or of an answer, at most.
pub const MAX_LEN: usize = 1024;

/// Deadline for the greeting. Ours is sent at once; a server that is busy or far has time enough.
const GREETING_TIMEOUT: Duration = Duration::from_secs(10);

/// Silence after which a greeting without a line end is whole.
const GREETING_PAUSE: Duration = Duration::from_secs(1);

/// Deadline for the close after a verdict, which a server need not do.
const AFTER_VERDICT: Duration = Duration::from_secs(1);

/// Size of the send buffer. With the megabytes that the system would take by default, the bar would
/// show all as sent, and a slow line pass for a silent server, long before the last byte leaves.
const SEND_BUFFER: usize = 256 * 1024;

/// Why nothing more comes from the server.
#[derive(Debug)]
pub enum End {
    Closed,
    Broken(io::Error),
    /// It sent more than [`MAX_LEN`] bytes.
    TooLong,
    /// It neither sent nor accepted anything for this long.
    Silent(Duration),
}

/// How a server begins.
#[derive(Debug, PartialEq, Eq)]
pub enum Opening {
    /// Its first line; or less, and nothing more for [`GREETING_PAUSE`].
    Greeting(Vec<u8>),
    /// It sends nothing for so long.
    Silence,
    /// It gives its verdict or ends: its bytes are the answer.
    Answer,
}

pub struct Transfer<'a> {
    connection: TcpStream,
    pub signals: &'a mut Signals,
    timeout: Duration,
    /// Bytes received and not yet returned.
    received: Vec<u8>,
    end: Option<End>,
}

impl Transfer<'_> {
    /// The server may be silent for `timeout`.
    pub fn new(connection: TcpStream, signals: &mut Signals, timeout: Duration) -> io::Result<Transfer<'_>> {
        sys::make_nonblocking(&connection)?;
        // On failure the bar is less accurate, nothing else.
        let _ = setsockopt(&connection, SndBuf, &SEND_BUFFER);
        Ok(Transfer { connection, signals, timeout, received: Vec::new(), end: None })
    }

    pub fn opening(&mut self) -> anyhow::Result<Opening> {
        loop {
            let end = self.received.iter().position(|byte| matches!(byte, b'\n' | 0));
            if let Some(end) = end.filter(|&end| Verdict::of(&self.received[..=end]).is_none()) {
                return Ok(Opening::Greeting(self.received.drain(..=end).collect()));
            }
            if end.is_some() || self.is_decided() {
                return Ok(Opening::Answer);
            }
            let timeout = if self.received.is_empty() { GREETING_TIMEOUT } else { GREETING_PAUSE };
            self.step(&[], timeout.min(self.timeout))?;
            if matches!(self.end, Some(End::Silent(_))) {
                self.end = None;
                return Ok(match std::mem::take(&mut self.received) {
                    received if received.is_empty() => Opening::Silence,
                    received => Opening::Greeting(received),
                });
            }
        }
    }

    /// Sends until all is sent, or the server has given its verdict or ended. True if all is sent.
    pub fn send(&mut self, outgoing: &mut Outgoing, progress: &ProgressBar) -> anyhow::Result<bool> {
        loop {
            let next = outgoing.next()?;
            if next.is_empty() || self.is_decided() {
                return Ok(next.is_empty());
            }
            let sent = self.step(next, self.timeout)?;
            outgoing.advance(sent);
            progress.set_position(outgoing.sent_of_file());
        }
    }

    /// All that the server sends until its end, and that end.
    pub fn answer(mut self) -> anyhow::Result<(Vec<u8>, End)> {
        loop {
            if let Some(end) = self.end {
                let is_closed = matches!(end, End::Closed);
                let end = if is_closed { confirmed_end(&self.connection) } else { end };
                return Ok((self.received, end));
            }
            let has_verdict = Verdict::of(&self.received).is_some();
            self.step(&[], if has_verdict { AFTER_VERDICT.min(self.timeout) } else { self.timeout })?;
        }
    }

    fn is_decided(&self) -> bool {
        self.end.is_some() || Verdict::of(&self.received).is_some()
    }

    /// Waits until the server sends something or accepts some of `bytes`. Returns how many it
    /// accepted.
    fn step(&mut self, bytes: &[u8], timeout: Duration) -> anyhow::Result<usize> {
        let deadline = Instant::now() + timeout;
        loop {
            let left = deadline.saturating_duration_since(Instant::now());
            let [readable, writable] = self.wait(!bytes.is_empty(), left)?;
            if readable {
                self.read();
            } else if writable {
                let sent = sys::try_send(&self.connection, bytes);
                return Ok(sent.unwrap_or_else(|error| self.send_failed(error)));
            } else if left.is_zero() {
                self.end = Some(End::Silent(timeout));
            } else {
                continue;
            }
            return Ok(0);
        }
    }

    fn wait(&mut self, sending: bool, timeout: Duration) -> anyhow::Result<[bool; 2]> {
        let socket = self.connection.as_fd();
        let signals = Some(sys::watch(self.signals.as_fd(), Interest::Read));
        let bytes = Some(sys::watch(socket, Interest::Read));
        let space = sending.then(|| sys::watch(socket, Interest::Write));
        let ready = sys::wait_for_some([signals, bytes, space], Some(timeout));
        let [signalled, readable, writable] = ready.context(MESSAGES.stuck())?;
        ensure!(!(signalled || self.signals.is_raised()) || self.signals.take().is_empty(), INTERRUPTED);
        Ok([readable, writable])
    }

    /// Reads what the server sent before it stopped reading, such as the reason of a refusal. No
    /// byte was accepted.
    fn send_failed(&mut self, error: io::Error) -> usize {
        self.read();
        self.end = Some(End::Broken(error));
        0
    }

    /// One read, of one byte too many at most.
    fn read(&mut self) {
        let room = MAX_LEN + 1 - self.received.len();
        let mut bytes = [0; MAX_LEN + 1];
        self.end = match sys::try_read(&self.connection, &mut bytes[..room]) {
            Ok(None) => None,
            Ok(Some(0)) => Some(End::Closed),
            Ok(Some(n)) => {
                self.received.extend_from_slice(&bytes[..n]);
                (self.received.len() > MAX_LEN).then_some(End::TooLong)
            }
            Err(error) => Some(End::Broken(error)),
        };
    }
}

/// The end of a connection that the server has closed: a reset may still come for the bytes that
/// were on their way to it. Those that its kernel had acknowledged before, and it had not read,
/// would have reset the connection at once.
fn confirmed_end(connection: &TcpStream) -> End {
    let mut backoff = Backoff::for_a_second();
    loop {
        match connection.take_error() {
            Ok(Some(error)) | Err(error) => return End::Broken(error),
            Ok(None) if sys::unacknowledged(connection) == 0 => return End::Closed,
            Ok(None) if backoff.failed() => {}
            Ok(None) => return End::Broken(io::ErrorKind::TimedOut.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::upload::source::Source;
    use std::io::Write;
    use std::net::TcpListener;

    /// Tells silence from bytes that have arrived already.
    const SHORT: Duration = Duration::from_millis(30);

    /// Runs `client` against a server that has sent `sent` and keeps the connection open.
    fn with_server<T>(sent: &[u8], timeout: Duration, client: impl FnOnce(Transfer) -> T) -> T {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(sent).unwrap();
        let mut signals = Signals::catch(&[], 10).unwrap();
        client(Transfer::new(connection, &mut signals, timeout).unwrap())
    }

    #[test]
    fn an_answer_of_a_server_that_leaves_the_connection_open_ends_at_the_timeout() {
        let long = Duration::from_secs(60);
        for (sent, timeout, silence) in [
            (&b"hello"[..], SHORT, SHORT),
            (b"kept [SUCCESS]", SHORT, SHORT),
            (b"kept [SUCCESS]", long, AFTER_VERDICT),
        ] {
            let (answer, end) = with_server(sent, timeout, |transfer| transfer.answer().unwrap());
            assert_eq!(answer, sent);
            let is_silence = matches!(end, End::Silent(after) if after == silence);
            assert!(is_silence, "{answer:?}, {timeout:?}: {end:?}");
        }
    }

    #[test]
    fn a_greeting_may_end_anyhow_or_be_missing() {
        for (sent, opening, rest) in [
            (&b"hello\r\n"[..], Opening::Greeting(b"hello\r\n".to_vec()), &b""[..]),
            (b"hello\0", Opening::Greeting(b"hello\0".to_vec()), b""),
            (b"hello\nmore", Opening::Greeting(b"hello\n".to_vec()), b"more"),
            (b"hello", Opening::Greeting(b"hello".to_vec()), b""),
            (b"", Opening::Silence, b""),
            (b"full [ERROR]", Opening::Answer, b"full [ERROR]"),
            (b"full [ERROR]\r\n", Opening::Answer, b"full [ERROR]\r\n"),
        ] {
            let (found, answer) = with_server(sent, SHORT, |mut transfer| {
                (transfer.opening().unwrap(), transfer.answer().unwrap().0)
            });
            assert_eq!((found, &answer[..]), (opening, rest), "{sent:?}");
        }
    }

    #[test]
    fn a_server_that_accepts_nothing_more_times_out() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // More than the buffers of both sides hold; the file itself is sparse.
        file.as_file().set_len(64 << 20).unwrap();
        let source = Source::new(file.reopen().unwrap(), file.path().into()).unwrap();
        let digest = source.digest(|_| Ok(())).unwrap();
        let mut outgoing = Outgoing::new(b"head".to_vec(), &source, &digest, b"");
        let (all_sent, end) = with_server(b"hello\n", SHORT, |mut transfer| {
            assert_eq!(transfer.opening().unwrap(), Opening::Greeting(b"hello\n".to_vec()));
            let all_sent = transfer.send(&mut outgoing, &ProgressBar::hidden()).unwrap();
            (all_sent, transfer.answer().unwrap().1)
        });
        assert!(!all_sent && matches!(end, End::Silent(SHORT)), "{end:?}");
        assert!((1..digest.size).contains(&outgoing.sent_of_file()));
    }

    #[test]
    fn the_answer_of_a_server_that_stopped_reading_is_received() {
        let (answer, end) = with_server(b"too large [ERROR]", SHORT, |mut transfer| {
            assert_eq!(transfer.send_failed(io::ErrorKind::BrokenPipe.into()), 0);
            transfer.answer().unwrap()
        });
        assert_eq!(answer, b"too large [ERROR]");
        assert!(matches!(end, End::Broken(_)), "{end:?}");
    }
}
