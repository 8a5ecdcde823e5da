//! One client's connection: its messages, its send queue, its end. Nothing here blocks.

use std::io;
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use super::item_queue::ItemQueue;
use super::message::{FrameDecoder, WINDOW};
use super::pair::Item;
use crate::server::GREETING_DELAY;
use crate::server::first_bytes::{Expected, Foreign, foreign, has_line};
use crate::server::telnet::NO_TIMING_MARK;
use crate::sys::{self, Interest, PollFd, ScopedAddress};

/// Deadline for the rest of a message without its NUL: one `write` can arrive in two segments, and
/// a lost one is sent again after 200 ms or more (RFC 6298). Split, a message would pass the turn
/// twice.
const HOLD: Duration = Duration::from_millis(300);

/// Deadline for a socket that accepts nothing of its send queue.
const SEND_TIMEOUT: Duration = Duration::from_secs(5);

/// Failures of a read of bytes that were peeked.
const READ_ATTEMPTS: usize = 16;

#[derive(Debug)]
pub enum Disconnect {
    /// It said `fin` in its turn.
    Fin,
    /// It closed its connection, or its sending side.
    Closed,
    Broken(io::Error),
    /// It has read nothing for [`SEND_TIMEOUT`].
    SlowReader,
    /// Its first bytes are another protocol's.
    Foreign(Foreign),
}

#[derive(Debug)]
pub struct Connection {
    pub socket: TcpStream,
    pub peer: ScopedAddress,
    pub queue: ItemQueue,
    decoder: FrameDecoder,
    /// Deadline for the rest of the message at the front of the socket. Until then the socket is
    /// not polled for reading: bytes are there already.
    held_until: Option<Instant>,
    /// Since when the socket accepts nothing.
    blocked_since: Option<Instant>,
    /// Since when bytes wait in the socket, for the client's turn or for their rest: polled for
    /// reading, it would always be ready.
    unread_since: Option<Instant>,
    /// The bytes at the front of the socket came before the client's turn.
    is_early: bool,
    /// Out of turn, its first line was judged, as far as it came within [`HOLD`].
    is_judged: bool,
    /// A message of it was taken: its first line was judged in its turn.
    has_spoken: bool,
}

impl Connection {
    pub fn new((socket, peer): (TcpStream, ScopedAddress)) -> Connection {
        Connection {
            socket,
            peer,
            queue: ItemQueue::after(Instant::now() + GREETING_DELAY),
            decoder: FrameDecoder::default(),
            held_until: None,
            blocked_since: None,
            unread_since: None,
            is_early: false,
            is_judged: false,
            has_spoken: false,
        }
    }

    /// Sends as much of the queue as is due and as the socket accepts.
    pub fn send(&mut self, now: Instant) -> Result<(), Disconnect> {
        self.queue.check_acknowledged(|| sys::awaits_acknowledgement(&self.socket), now);
        loop {
            let ready = self.queue.ready(now);
            if ready.is_empty() {
                return Ok(());
            }
            let sent = sys::try_send(&self.socket, ready).map_err(Disconnect::Broken)?;
            if sent == 0 {
                let since = *self.blocked_since.get_or_insert(now);
                return if now < since + SEND_TIMEOUT { Ok(()) } else { Err(Disconnect::SlowReader) };
            }
            self.blocked_since = None;
            if let Some(item) = self.queue.advance(sent, now) {
                self.decoder.received = item.bytes;
            }
        }
    }

    /// The rest of a message is not waited for by the next [`Connection::receive`].
    pub fn hold_no_longer(&mut self, now: Instant) {
        self.held_until = Some(now);
    }

    /// In the client's turn, takes one message out of its socket, if a whole one is there, and
    /// returns the text for its partner. Out of turn, only checks whether the client is still
    /// there.
    pub fn receive(&mut self, is_speaker: bool, now: Instant) -> Result<Option<Vec<u8>>, Disconnect> {
        match self.may_speak(is_speaker) {
            true => self.read_message(now),
            false => self.check_alive(now).map(|()| None),
        }
    }

    /// Only with an empty queue, so that no queue grows.
    fn may_speak(&self, is_speaker: bool) -> bool {
        is_speaker && self.queue.items.is_empty()
    }

    fn read_message(&mut self, now: Instant) -> Result<Option<Vec<u8>>, Disconnect> {
        // After the sender's end, the rest of a message will not come.
        if self.held_until.is_some_and(|until| now < until) && !sys::has_ended(&self.socket) {
            return Ok(None);
        }
        // One byte more tells whether more wait.
        let mut window = [0; WINDOW + 1];
        let waiting = match sys::try_peek(&self.socket, &mut window).map_err(Disconnect::Broken)? {
            None => return Ok(None),
            Some(0) => return Err(Disconnect::Closed),
            Some(n) => n,
        };
        let bytes = &mut window[..waiting.min(WINDOW)];
        // What came out of turn was judged before it was whole.
        self.is_judged &= self.has_spoken;
        self.judge(bytes, now)?;
        let Some(frame) = self.decoder.decode(bytes, self.held_until.is_some(), self.is_early) else {
            self.held_until = Some(now + HOLD);
            return Ok(None);
        };
        self.is_early &= frame.message.is_none() && frame.length < waiting;
        self.consume(&mut bytes[..frame.length])?;
        self.has_spoken |= frame.message.is_some();
        self.is_judged |= self.has_spoken;
        if self.decoder.telnet.take_timing_mark() {
            self.queue.items.push_back(Item { bytes: NO_TIMING_MARK.to_vec(), opening: false });
        }
        (self.held_until, self.unread_since) = (None, None);
        frame.message.map(|message| message.relayed().ok_or(Disconnect::Fin)).transpose()
    }

    /// Judges unread bytes, until the first line is whole or [`HOLD`] has passed.
    fn judge(&mut self, bytes: &[u8], now: Instant) -> Result<(), Disconnect> {
        let since = *self.unread_since.get_or_insert(now);
        if self.is_judged {
            return Ok(());
        }
        self.is_judged = has_line(bytes) || since + HOLD <= now;
        foreign(bytes, Expected::Text).map_or(Ok(()), |foreign| Err(Disconnect::Foreign(foreign)))
    }

    /// Reads exactly these peeked bytes; what follows them stays in the socket.
    fn consume(&self, mut peeked: &mut [u8]) -> Result<(), Disconnect> {
        let mut attempts = 0;
        while !peeked.is_empty() {
            match sys::try_read(&self.socket, peeked).map_err(Disconnect::Broken)? {
                // They are there: memory is short.
                None if attempts < READ_ATTEMPTS => attempts += 1,
                None => return Err(Disconnect::Broken(Errno::ENOMEM.into())),
                Some(0) => return Err(Disconnect::Closed),
                Some(n) => peeked = &mut peeked[n..],
            }
        }
        Ok(())
    }

    /// A client that has ended is gone even if bytes from it are unread.
    fn check_alive(&mut self, now: Instant) -> Result<(), Disconnect> {
        let mut window = [0; 1024];
        let peeked = if self.is_judged { &mut window[..1] } else { &mut window[..] };
        let peeked = sys::try_peek(&self.socket, peeked).map_err(Disconnect::Broken)?;
        self.is_early = peeked.is_some();
        match peeked {
            Some(0) => return Err(Disconnect::Closed),
            None => self.unread_since = None,
            Some(n) => self.judge(&window[..n], now)?,
        }
        if self.unread_since.is_some() && sys::has_ended(&self.socket) {
            let broken = self.socket.take_error().ok().flatten();
            return Err(broken.map_or(Disconnect::Closed, Disconnect::Broken));
        }
        Ok(())
    }

    pub fn watch(&self, is_speaker: bool, now: Instant) -> PollFd<'_> {
        let interest = if !self.queue.ready(now).is_empty() {
            // The socket was full. A client that goes away meanwhile makes poll return as well.
            Interest::Write
        } else if self.held_until.is_some() || (self.unread_since.is_some() && !self.may_speak(is_speaker)) {
            Interest::End
        } else {
            Interest::Read
        };
        sys::watch(self.socket.as_fd(), interest)
    }

    pub fn due(&self) -> Option<Instant> {
        let blocked = self.blocked_since.map(|since| since + SEND_TIMEOUT);
        // Of a first line that is not whole, the socket does not report the rest.
        let unread = self.unread_since.filter(|_| !self.is_judged && self.held_until.is_none());
        let judged = unread.map(|since| since + HOLD);
        [self.queue.due(), blocked, self.held_until, judged].into_iter().flatten().min()
    }
}
