//! The codec of the shared pipe: records of a worker's pid, its key, a kind, a length and a body.
//! Pure.
//!
//! A [`Batch`] is what a worker writes at once. It is never longer than `PIPE_BUF`, so the kernel
//! keeps it whole among all writers: pipe(7).
//!
//! A worker that its client has taken over can write what it likes. So [`parse`] believes nothing
//! that it can check, and an invalid record costs no more than its own packet where the pipe is
//! read in packets.

use smallvec::SmallVec;

use super::entry;
use super::framing::is_line_text;
use crate::server::first_bytes::Foreign;
use crate::sys::{PIPE_BUF, Pid};

/// Bytes of a [`Key`].
pub const KEY: usize = 8;

/// Random bits that the hub shares with one worker, and no other process has: `hub/keys.rs`.
pub type Key = [u8; KEY];

/// Bytes before a record's body: pid (4), key (8), kind (1), length (2), in the machine's byte
/// order.
pub const HEADER: usize = 4 + KEY + 3;

/// The longest body that fits a record.
pub const MAX_BODY: usize = PIPE_BUF - HEADER;

/// The most bytes of one `read` of a worker, as in the course's server, and so of the text of a
/// record; less where the system's PIPE_BUF is small, so that a message and its extra NUL always
/// fit one record. A longer text would let its sender choose where the next `read` of the course's
/// client begins.
pub const CHUNK: usize = if MAX_BODY - 1 < 1023 { MAX_BODY - 1 } else { 1023 };

/// The longest body of a WebSocket ping: RFC 6455, 5.5.
const MAX_PING: usize = 125;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A message of C strings, with its NULs.
    Message = 1,
    /// The size of one `read` (a `u32`), for the trace of `-v`.
    Read = 2,
    /// The client is gone (an `i32`): 0 at end of file, the errno of `read`, [`IDLE`] or
    /// [`from_close_code`].
    Left = 3,
    /// The text of a line, without NUL or newline.
    Line = 4,
    /// A browser is to get the HTTP response of this number (one byte), and its connection closed.
    Answer = 5,
    /// A browser enters the room: [`entry`].
    Enter = 6,
    /// A WebSocket client has sent a ping with these bytes.
    Ping = 7,
    /// The client's first bytes are another protocol's: [`Foreign::to_bytes`]. The worker then
    /// ends.
    Foreign = 8,
    /// A page asks whether the way to the hub and back is alive, or `telnet` for a timing mark.
    Probe = 9,
    /// The worker holds the beginning of a message for its rest.
    Held = 10,
}

/// In [`Kind::Left`]: the client has sent nothing for too long. No errno is negative.
pub const IDLE: i32 = -1;

/// In [`Kind::Left`]: the WebSocket ends with this close code, the client's or the worker's.
pub const fn from_close_code(code: u16) -> i32 {
    -(code as i32)
}

/// The close code of [`from_close_code`]: none is below 1000 (RFC 6455, 7.4.2).
pub fn close_code(left: i32) -> Option<u16> {
    u16::try_from(left.checked_neg()?).ok().filter(|&code| code >= 1000)
}

impl Kind {
    fn from_byte(byte: u8) -> Option<Kind> {
        use Kind::{Answer, Enter, Foreign, Held, Left, Line, Message, Ping, Probe, Read};
        let all = [Message, Read, Left, Line, Answer, Enter, Ping, Foreign, Probe, Held];
        all.into_iter().find(|&kind| kind as u8 == byte)
    }

    /// False for a body that no worker writes in a record of this kind.
    fn allows(self, body: &[u8]) -> bool {
        match self {
            // The last byte may be the extra NUL.
            Kind::Message => !body.is_empty() && body.strip_suffix(b"\0").unwrap_or(body).len() <= CHUNK,
            Kind::Line => body.len() <= CHUNK && is_line_text(body),
            Kind::Read | Kind::Left => body.len() == 4,
            Kind::Answer => body.len() == 1,
            Kind::Enter => entry::parse(body).is_some(),
            Kind::Probe | Kind::Held => body.is_empty(),
            Kind::Ping => body.len() <= MAX_PING,
            Kind::Foreign => Foreign::from_bytes(body).is_some(),
        }
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Record<'a> {
    /// The worker that claims to have written it.
    pub pid: Pid,
    pub kind: Kind,
    pub body: &'a [u8],
}

#[derive(Debug, PartialEq, Eq)]
pub enum Parsed<'a> {
    /// A record, its key, and its size with the header.
    Whole(Record<'a>, &'a Key, usize),
    /// The beginning of a record: read on, unless it ends a packet.
    Incomplete,
    /// No record, whatever comes after.
    Invalid,
}

pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Parsed::Incomplete };
    // By reference: a copy of the key would stay on the hub's stack, which later children inherit.
    let [p0, p1, p2, p3, key @ .., kind, l0, l1] = header;
    let (kind, length) = (*kind, usize::from(u16::from_ne_bytes([*l0, *l1])));
    let (Some(kind), 0..=MAX_BODY) = (Kind::from_byte(kind), length) else { return Parsed::Invalid };
    let Some(body) = rest.get(..length) else { return Parsed::Incomplete };
    if !kind.allows(body) {
        return Parsed::Invalid;
    }
    let pid = Pid::from_raw(i32::from_ne_bytes([*p0, *p1, *p2, *p3]));
    Parsed::Whole(Record { pid, kind, body }, key, HEADER + length)
}

/// Bytes to accept from the front of a packet, which one worker wrote at once. The last message
/// must end with a NUL, or it would run into another client's text: an unterminated message is
/// accepted only if the same worker's next messages end it. Behind [`Kind::Left`] nothing is read.
pub fn valid_prefix_len(packet: &[u8]) -> usize {
    let (mut end, mut valid, mut unterminated) = (0, 0, None);
    while let Parsed::Whole(Record { pid, kind, body }, key, size) = parse(&packet[end..]) {
        end += size;
        if kind == Kind::Left && unterminated.is_some() {
            break;
        }
        if kind == Kind::Message {
            if unterminated.is_some_and(|other| other != (pid, key)) {
                break;
            }
            unterminated = (!body.ends_with(b"\0")).then_some((pid, key));
        }
        if unterminated.is_none() {
            valid = end;
        }
    }
    valid
}

/// The records of one `write`. Uses no heap: see [`crate::sys::wait`].
#[derive(Debug)]
pub struct Batch {
    /// Of each record: the pid and the key. The kind and the length follow.
    header: [u8; HEADER],
    bytes: SmallVec<[u8; PIPE_BUF]>,
    /// Where the length of the last message stands, until the batch is closed.
    last_length: Option<usize>,
}

impl Batch {
    pub fn new(pid: Pid, key: &Key) -> Batch {
        let mut header = [0; HEADER];
        header[..4].copy_from_slice(&pid.as_raw().to_ne_bytes());
        header[4..4 + KEY].copy_from_slice(key);
        Batch { header, bytes: SmallVec::new(), last_length: None }
    }

    /// Adds a message if it fits beside the extra NUL. False: write and clear the batch first.
    pub fn push_message(&mut self, message: &[u8]) -> bool {
        if self.bytes.len() + HEADER + message.len() + 1 > PIPE_BUF {
            return false;
        }
        self.last_length = Some(self.push(Kind::Message, message));
        true
    }

    /// Adds a record of another kind if it fits, as it does in an empty batch. False: it does not.
    pub fn push_whole(&mut self, kind: Kind, body: &[u8]) -> bool {
        let fits = self.bytes.len() + HEADER + body.len() <= PIPE_BUF;
        if fits {
            self.push(kind, body);
        }
        fits
    }

    /// Appends a record and returns where its length stands.
    fn push(&mut self, kind: Kind, body: &[u8]) -> usize {
        debug_assert!(self.bytes.len() + HEADER + body.len() <= PIPE_BUF);
        let mut header = self.header;
        header[HEADER - 3] = kind as u8;
        header[HEADER - 2..].copy_from_slice(&(body.len() as u16).to_ne_bytes());
        self.bytes.extend_from_slice(&header);
        self.bytes.extend_from_slice(body);
        self.bytes.len() - body.len() - 2
    }

    /// The bytes to write; empty when nothing was pushed. The last message gets the protocol's
    /// extra NUL: whatever another worker writes next begins a new string.
    pub fn close(&mut self) -> &[u8] {
        if let Some(at) = self.last_length.take() {
            self.bytes.push(0);
            let length = (self.bytes.len() - at - 2) as u16;
            self.bytes[at..at + 2].copy_from_slice(&length.to_ne_bytes());
        }
        &self.bytes
    }

    pub fn clear(&mut self) {
        self.bytes.clear();
        self.last_length = None;
    }
}

#[cfg(test)]
mod tests;
