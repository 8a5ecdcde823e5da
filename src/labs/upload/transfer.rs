//! The client's side of the connection, both ways at once: whatever the server says, and however it goes, is seen while the
//! file is still being sent. Every wait ends: by an event, the user's signal, or the server's silence.

use std::io::{self, ErrorKind, Read};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use nix::sys::socket::setsockopt;
use nix::sys::socket::sockopt::SndBuf;

use super::progress::Progress;
use super::source::{CHUNK, Replay};
use crate::sys::{self, Interest, Signals};

/// What the user is told who ends the program by a signal.
pub const INTERRUPTED: &str = "interrupted";

/// The most bytes of a greeting, or of an answer.
pub const MAX_LEN: usize = 1024;

/// How long a server that has given its verdict may take to close the connection, which it has no need to.
const AFTER_VERDICT: Duration = Duration::from_secs(1);

/// Bytes that the system may hold between us and the server. With the megabytes that it would take, a bar would say that all
/// is sent, and a slow line pass for a silent server, long before the last byte leaves.
const UNDERWAY: usize = 256 * 1024;

/// How an answer ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// `[SUCCESS]`
    Success,
    /// `[ERROR]`
    Error,
}

impl Verdict {
    /// The verdict of an answer, if it has come.
    pub fn of(answer: &[u8]) -> Option<Verdict> {
        let answer = text_of(answer);
        let verdicts = [(&b"[SUCCESS]"[..], Verdict::Success), (b"[ERROR]", Verdict::Error)];
        verdicts.into_iter().find(|(text, _)| answer.ends_with(text)).map(|(_, verdict)| verdict)
    }
}

/// What was said, without its end: a server in C may end it with a NUL, another with a newline.
pub fn text_of(said: &[u8]) -> &[u8] {
    let last = said.iter().rposition(|byte| *byte != 0 && !byte.is_ascii_whitespace());
    &said[..last.map_or(0, |at| at + 1)]
}

/// Why nothing more will be heard.
#[derive(Debug)]
pub enum End {
    /// The server has closed the connection.
    Closed,
    /// The connection broke.
    Broken(io::Error),
    /// It says more than any server of this protocol would.
    TooLong,
    /// It has neither taken nor said anything for so long.
    Silent(Duration),
}

/// What is to be sent, and how much of it is gone.
#[derive(Debug)]
pub struct Outgoing<'a> {
    chunk: Vec<u8>,
    sent_of_chunk: usize,
    replay: Replay<'a>,
    tail: &'static [u8],
    /// Bytes before the file.
    head: u64,
    /// Bytes in all, up to now.
    sent: u64,
}

impl<'a> Outgoing<'a> {
    /// `head`, the bytes of a file, and `tail`.
    pub fn new(head: Vec<u8>, replay: Replay<'a>, tail: &'static [u8]) -> Outgoing<'a> {
        Outgoing { head: head.len() as u64, chunk: head, sent_of_chunk: 0, replay, tail, sent: 0 }
    }

    /// Bytes of the file.
    pub fn size(&self) -> u64 {
        self.replay.size()
    }

    /// Bytes of the file that are gone.
    pub fn sent_of_file(&self) -> u64 {
        self.sent.saturating_sub(self.head).min(self.size())
    }

    /// What is to be sent next; nothing when all is.
    fn next(&mut self) -> anyhow::Result<&[u8]> {
        if self.sent_of_chunk == self.chunk.len() {
            self.chunk.resize(CHUNK, 0);
            let n = self.replay.next(&mut self.chunk)?;
            self.chunk.truncate(n);
            if n == 0 {
                self.chunk.extend_from_slice(std::mem::take(&mut self.tail));
            }
            self.sent_of_chunk = 0;
        }
        Ok(&self.chunk[self.sent_of_chunk..])
    }

    fn is_gone(&mut self, bytes: usize) {
        self.sent_of_chunk += bytes;
        self.sent += bytes as u64;
    }
}

/// A connection to an upload server.
pub struct Exchange<'a> {
    connection: TcpStream,
    signals: &'a mut Signals,
    patience: Duration,
    /// What the server has said and nobody has taken.
    heard: Vec<u8>,
    end: Option<End>,
}

impl Exchange<'_> {
    /// On `connection`, with a server that may be silent for as long as `patience`.
    ///
    /// # Errors
    /// What fcntl(2) says.
    pub fn new(connection: TcpStream, signals: &mut Signals, patience: Duration) -> io::Result<Exchange<'_>> {
        sys::make_nonblocking(&connection)?;
        // Refused, it would cost only how true the bar is.
        let _ = setsockopt(&connection, SndBuf, &UNDERWAY);
        Ok(Exchange { connection, signals, patience, heard: Vec::new(), end: None })
    }

    /// The user's signals, for what is waited for meanwhile.
    pub fn signals(&mut self) -> &mut Signals {
        self.signals
    }

    /// The server's first line. `None` when it gives its verdict or ends without one: what it has said is its answer.
    ///
    /// # Errors
    /// [`INTERRUPTED`].
    pub fn greeting(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        loop {
            if let Some(end) = self.heard.iter().position(|&byte| byte == b'\n') {
                return Ok(Some(self.heard.drain(..=end).collect()));
            }
            if self.has_said_enough() {
                return Ok(None);
            }
            self.step(&[], self.patience)?;
        }
    }

    /// Sends until all is gone, which it returns, or the server has said enough.
    ///
    /// # Errors
    /// The file cannot be read as it was; [`INTERRUPTED`].
    pub fn send(&mut self, outgoing: &mut Outgoing, progress: &Progress) -> anyhow::Result<bool> {
        loop {
            let next = outgoing.next()?;
            if next.is_empty() || self.has_said_enough() {
                return Ok(next.is_empty());
            }
            let sent = self.step(next, self.patience)?;
            outgoing.is_gone(sent);
            progress.reaches(outgoing.sent_of_file());
        }
    }

    /// All that the server says until its end, and which end that was; `None` for one that leaves the connection open after
    /// its verdict.
    ///
    /// # Errors
    /// [`INTERRUPTED`].
    pub fn answer(mut self) -> anyhow::Result<(Vec<u8>, Option<End>)> {
        while self.end.is_none() {
            let has_verdict = Verdict::of(&self.heard).is_some();
            self.step(&[], if has_verdict { AFTER_VERDICT.min(self.patience) } else { self.patience })?;
            if has_verdict && matches!(self.end, Some(End::Silent(_))) {
                self.end = None;
                break;
            }
        }
        Ok((self.heard, self.end))
    }

    fn has_said_enough(&self) -> bool {
        self.end.is_some() || Verdict::of(&self.heard).is_some()
    }

    /// Waits for the server to say something or to take some of `bytes`, and does it. Returns how many it took.
    fn step(&mut self, bytes: &[u8], patience: Duration) -> anyhow::Result<usize> {
        let limit = Instant::now() + patience;
        loop {
            let left = limit.saturating_duration_since(Instant::now());
            let [readable, writable] = self.wait(!bytes.is_empty(), left)?;
            if readable {
                self.read();
                return Ok(0);
            }
            if writable {
                match sys::try_send(&self.connection, bytes) {
                    Ok(sent) => return Ok(sent),
                    Err(error) => {
                        self.breaks(error);
                        return Ok(0);
                    }
                }
            }
            if left.is_zero() {
                self.end = Some(End::Silent(patience));
                return Ok(0);
            }
        }
    }

    fn wait(&mut self, sending: bool, timeout: Duration) -> anyhow::Result<[bool; 2]> {
        let socket = self.connection.as_fd();
        let mut watched = [
            sys::watch(self.signals.as_fd(), Interest::Read),
            sys::watch(socket, Interest::Read),
            sys::watch(socket, Interest::Write),
        ];
        sys::wait(&mut watched[..if sending { 3 } else { 2 }], Some(timeout)).context("poll")?;
        let [signalled, readable, writable] = watched.each_ref().map(sys::is_ready);
        if signalled && !self.signals.take().is_empty() {
            bail!(INTERRUPTED);
        }
        Ok([readable, writable])
    }

    /// The connection takes nothing any more. It may still hold the server's last words: those of one that did not want the
    /// file.
    fn breaks(&mut self, reason: io::Error) {
        while self.read() {}
        self.end = Some(End::Broken(reason));
    }

    /// One read. False when there is nothing to read now, or never again.
    fn read(&mut self) -> bool {
        let mut bytes = [0; MAX_LEN + 1];
        let room = MAX_LEN + 1 - self.heard.len();
        match self.connection.read(&mut bytes[..room]) {
            Ok(0) => self.end = Some(End::Closed),
            Ok(n) => self.heard.extend_from_slice(&bytes[..n]),
            Err(error) if error.kind() == ErrorKind::Interrupted => return true,
            Err(error) if error.kind() == ErrorKind::WouldBlock => return false,
            Err(error) => self.end = Some(End::Broken(error)),
        }
        if self.heard.len() > MAX_LEN {
            self.end = Some(End::TooLong);
        }
        self.end.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::labs::upload::source::Source;
    use std::io::Write;
    use std::net::TcpListener;

    /// Long enough for this machine to tell silence from speech that has come already, and no more.
    const SHORT: Duration = Duration::from_millis(30);

    /// Lets `client` talk to a server that has said `said`, and goes on holding the connection.
    fn with_server_that_says<T>(said: &[u8], client: impl FnOnce(Exchange) -> T) -> (T, TcpStream) {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let connection = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (mut server, _) = listener.accept().unwrap();
        server.write_all(said).unwrap();
        let mut signals = Signals::catch(&[], 10).unwrap();
        (client(Exchange::new(connection, &mut signals, SHORT).unwrap()), server)
    }

    #[test]
    fn a_verdict_is_at_the_end_whatever_ends_the_line() {
        for answer in ["[SUCCESS]", "kept as x [SUCCESS]", "ok [SUCCESS]\r\n", "[SUCCESS]\n\0\0"] {
            assert_eq!(Verdict::of(answer.as_bytes()), Some(Verdict::Success), "{answer:?}");
        }
        for answer in ["[ERROR]", "no [SUCCESS] [ERROR]", "full [ERROR]\0"] {
            assert_eq!(Verdict::of(answer.as_bytes()), Some(Verdict::Error), "{answer:?}");
        }
        for answer in ["", "\0\n", "[SUCCESS] not yet", "SUCCESS", "[success]", "[SUCCESS", "SUCCESS]"] {
            assert_eq!(Verdict::of(answer.as_bytes()), None, "{answer:?}");
        }
    }

    #[test]
    fn a_server_that_does_not_greet_is_not_waited_for_for_ever() {
        let ((greeting, (answer, end)), _server) = with_server_that_says(b"hello", |mut exchange| {
            (exchange.greeting().unwrap(), exchange.answer().unwrap())
        });
        assert_eq!((greeting, &answer[..]), (None, &b"hello"[..]));
        assert!(matches!(end, Some(End::Silent(SHORT))), "{end:?}");
    }

    #[test]
    fn a_server_that_takes_nothing_more_is_not_waited_for_for_ever() {
        let file = tempfile::NamedTempFile::new().unwrap();
        // More than the buffers of both sides hold; the file itself holds nothing.
        file.as_file().set_len(64 << 20).unwrap();
        let source = Source::open(file.path()).unwrap();
        let survey = source.survey(|_| Ok(())).unwrap();
        let mut outgoing = Outgoing::new(b"head".to_vec(), source.replay(&survey), b"");
        let (((all_sent, end), sent), _server) = with_server_that_says(b"hello\n", |mut exchange| {
            assert_eq!(exchange.greeting().unwrap(), Some(b"hello\n".to_vec()));
            let all_sent = exchange.send(&mut outgoing, &Progress::start("Sending", 0)).unwrap();
            ((all_sent, exchange.answer().unwrap().1), outgoing.sent_of_file())
        });
        assert!(!all_sent && matches!(end, Some(End::Silent(SHORT))), "{end:?}");
        assert!(sent > 0 && sent < survey.size);
    }

    #[test]
    fn a_verdict_is_enough_where_the_server_leaves_the_connection_open() {
        let ((answer, end), _server) =
            with_server_that_says(b"kept [SUCCESS]", |exchange| exchange.answer().unwrap());
        assert_eq!(answer, b"kept [SUCCESS]");
        assert!(end.is_none(), "{end:?}");
    }

    #[test]
    fn the_last_words_of_a_server_that_takes_nothing_more_are_heard() {
        let ((answer, end), _server) = with_server_that_says(b"too large [ERROR]", |mut exchange| {
            exchange.breaks(ErrorKind::BrokenPipe.into());
            exchange.answer().unwrap()
        });
        assert_eq!(answer, b"too large [ERROR]");
        assert!(matches!(end, Some(End::Broken(_))), "{end:?}");
    }

    #[test]
    fn an_answer_without_a_verdict_is_waited_for_until_the_server_is_silent() {
        let ((answer, end), _server) = with_server_that_says(b"wait", |exchange| exchange.answer().unwrap());
        assert_eq!(answer, b"wait");
        assert!(matches!(end, Some(End::Silent(SHORT))), "{end:?}");
    }
}
