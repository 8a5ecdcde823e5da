//! One client's connection: what it says at its turn, whether it is still there, what it is told. Nothing here waits.

use std::io;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use super::message::{FrameDecoder, Said, WINDOW};
use super::pair::Item;
use super::send_queue::SendQueue;
use crate::sys::{self, Interest, PollFd};

/// How long a message without its NUL waits for its rest: one `write` of a client can arrive in two segments, and one that was lost
/// on the way is sent again after 200 ms or more (RFC 6298). Cut in two, a message would pass the turn twice.
const HOLD: Duration = Duration::from_millis(300);

/// How long a client's socket may take nothing of what it is told.
const MAX_SILENCE: Duration = Duration::from_secs(5);

/// How a client left.
#[derive(Debug)]
pub enum Disconnect {
    /// It said `fin` at its turn.
    Fin,
    /// It closed its connection, or its sending side.
    Closed,
    /// Its connection broke.
    Broken(io::Error),
    /// It does not read.
    Deaf,
}

/// A connected client.
#[derive(Debug)]
pub struct Connection {
    socket: TcpStream,
    peer: SocketAddr,
    outbox: SendQueue,
    cutter: FrameDecoder,
    /// When the message without its NUL at the front of its socket stops waiting. Meanwhile nobody polls for bytes, which are
    /// there already.
    held_until: Option<Instant>,
    /// Since when its socket takes nothing.
    blocked_since: Option<Instant>,
    /// Bytes wait in its socket for its turn, so that poll for bytes would never rest.
    has_unread: bool,
}

impl Connection {
    /// A client that has been told nothing and has said nothing.
    pub fn new((socket, peer): (TcpStream, SocketAddr)) -> Connection {
        Connection {
            socket,
            peer,
            outbox: SendQueue::default(),
            cutter: FrameDecoder::default(),
            held_until: None,
            blocked_since: None,
            has_unread: false,
        }
    }

    /// Its address.
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    /// Its connection.
    pub fn socket(&self) -> &TcpStream {
        &self.socket
    }

    /// Lets go of its connection: the address, and what is left of a string that was sent in part.
    pub fn into_parts(self) -> (TcpStream, SocketAddr, Vec<u8>) {
        (self.socket, self.peer, self.outbox.unfinished().to_vec())
    }

    /// It is to be told something.
    pub fn tell(&mut self, item: Item) {
        self.outbox.push(item);
    }

    /// Until when it should be told nothing.
    pub fn quiet_until(&self) -> Option<Instant> {
        self.outbox.quiet_until()
    }

    /// Sends what may be sent now, as far as its socket takes it.
    ///
    /// # Errors
    /// It is gone.
    pub fn send(&mut self, now: Instant) -> Result<(), Disconnect> {
        loop {
            let ready = self.outbox.ready(now);
            if ready.is_empty() {
                return Ok(());
            }
            match sys::try_send(&self.socket, ready).map_err(Disconnect::Broken)? {
                0 => {
                    let since = *self.blocked_since.get_or_insert(now);
                    return if now < since + MAX_SILENCE { Ok(()) } else { Err(Disconnect::Deaf) };
                }
                sent => {
                    self.blocked_since = None;
                    self.outbox.took(sent, now);
                }
            }
        }
    }

    /// Takes one message out of its socket, if it is its turn (`is_speaker`) and a whole one is there. Otherwise looks whether it
    /// is still there.
    ///
    /// # Errors
    /// It is gone, and at its turn it left no message.
    pub fn hear(&mut self, is_speaker: bool, now: Instant) -> Result<Option<Said>, Disconnect> {
        match self.is_heard(is_speaker) {
            true => self.listen(now),
            false => self.look().map(|()| None),
        }
    }

    /// It is listened to only when it has been told all that came before: so no outbox grows.
    fn is_heard(&self, is_speaker: bool) -> bool {
        is_speaker && self.outbox.is_empty()
    }

    fn listen(&mut self, now: Instant) -> Result<Option<Said>, Disconnect> {
        // The rest of a message will not come any more once its sender has ended.
        if self.held_until.is_some_and(|until| now < until) && !sys::has_ended(&self.socket) {
            return Ok(None);
        }
        let mut window = [0; WINDOW];
        match sys::try_peek(&self.socket, &mut window).map_err(Disconnect::Broken)? {
            None => Ok(None),
            Some(0) => Err(Disconnect::Closed),
            Some(n) => match self.cutter.cut(&window[..n], self.held_until.is_some()) {
                None => {
                    self.held_until = Some(now + HOLD);
                    Ok(None)
                }
                Some(cut) => {
                    self.consume(&mut window[..cut.length])?;
                    (self.held_until, self.has_unread) = (None, false);
                    Ok(cut.said)
                }
            },
        }
    }

    /// Takes just these bytes, which were seen: what is behind them stays in the socket.
    fn consume(&self, mut seen: &mut [u8]) -> Result<(), Disconnect> {
        while !seen.is_empty() {
            match sys::try_read(&self.socket, seen).map_err(Disconnect::Broken)? {
                None | Some(0) => return Err(Disconnect::Closed),
                Some(n) => seen = &mut seen[n..],
            }
        }
        Ok(())
    }

    /// It is gone also when bytes that it had sent are unread.
    fn look(&mut self) -> Result<(), Disconnect> {
        match sys::try_peek(&self.socket, &mut [0]).map_err(Disconnect::Broken)? {
            Some(0) => return Err(Disconnect::Closed),
            found => self.has_unread = found.is_some(),
        }
        if self.has_unread && sys::has_ended(&self.socket) {
            let broken = self.socket.take_error().ok().flatten();
            return Err(broken.map_or(Disconnect::Closed, Disconnect::Broken));
        }
        Ok(())
    }

    /// What to wait for; `is_speaker`: it is its turn.
    pub fn watch(&self, is_speaker: bool, now: Instant) -> PollFd<'_> {
        let interest = if !self.outbox.ready(now).is_empty() {
            // Its socket was full. A client that goes away meanwhile makes poll return as well.
            Interest::Write
        } else if self.held_until.is_some() || (self.has_unread && !self.is_heard(is_speaker)) {
            Interest::End
        } else {
            Interest::Read
        };
        sys::watch(self.socket.as_fd(), interest)
    }

    /// Until when to wait at most.
    pub fn due(&self) -> Option<Instant> {
        let quiet = self.outbox.quiet_until().filter(|_| !self.outbox.is_empty());
        let blocked = self.blocked_since.map(|since| since + MAX_SILENCE);
        [quiet, blocked, self.held_until].into_iter().flatten().min()
    }
}
