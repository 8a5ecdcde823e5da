//! The codec of the shared pipe: records of a worker's pid, a kind, a length and a body. Pure.
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
use crate::sys::{PIPE_BUF, Pid};

/// Bytes before a record's body: pid (4), kind (1), length (2), in the machine's byte order.
pub const HEADER: usize = 7;

/// The longest body of a record, the extra NUL of a message included.
pub const MAX_BODY: usize = PIPE_BUF - HEADER;

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
    /// A page asks whether the way to the hub and back is alive.
    Probe = 8,
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
        use Kind::{Answer, Enter, Left, Line, Message, Ping, Probe, Read};
        [Message, Read, Left, Line, Answer, Enter, Ping, Probe].into_iter().find(|&kind| kind as u8 == byte)
    }

    /// False for a body that no worker writes in a record of this kind.
    fn allows(self, body: &[u8]) -> bool {
        match self {
            Kind::Message => !body.is_empty(),
            Kind::Line => is_line_text(body),
            Kind::Read | Kind::Left => body.len() == 4,
            Kind::Answer => body.len() == 1,
            Kind::Enter => entry::parse(body).is_some(),
            Kind::Probe => body.is_empty(),
            Kind::Ping => body.len() <= MAX_PING,
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
    /// A record, and its size with the header.
    Whole(Record<'a>, usize),
    /// The beginning of a record: read on, unless it ends a packet.
    Incomplete,
    /// No record, whatever comes after.
    Invalid,
}

pub fn parse(bytes: &[u8]) -> Parsed<'_> {
    let Some((header, rest)) = bytes.split_first_chunk::<HEADER>() else { return Parsed::Incomplete };
    let [p0, p1, p2, p3, kind, l0, l1] = *header;
    let length = usize::from(u16::from_ne_bytes([l0, l1]));
    let (Some(kind), 0..=MAX_BODY) = (Kind::from_byte(kind), length) else { return Parsed::Invalid };
    let Some(body) = rest.get(..length) else { return Parsed::Incomplete };
    if !kind.allows(body) {
        return Parsed::Invalid;
    }
    let pid = Pid::from_raw(i32::from_ne_bytes([p0, p1, p2, p3]));
    Parsed::Whole(Record { pid, kind, body }, HEADER + length)
}

/// Bytes to accept from the front of a packet, which one worker wrote at once. The last message
/// must end with a NUL, or it would run into another client's text: an unterminated message is
/// accepted only if the same pid's next messages end it.
pub fn valid_prefix_len(packet: &[u8]) -> usize {
    let (mut end, mut valid, mut unterminated) = (0, 0, None);
    while let Parsed::Whole(Record { pid, kind, body }, size) = parse(&packet[end..]) {
        end += size;
        if kind == Kind::Message {
            if unterminated.is_some_and(|other| other != pid) {
                break;
            }
            unterminated = (!body.ends_with(b"\0")).then_some(pid);
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
    pid: Pid,
    bytes: SmallVec<[u8; PIPE_BUF]>,
    /// Where the length of the last message stands, until the batch is closed.
    last_length: Option<usize>,
}

impl Batch {
    pub fn new(pid: Pid) -> Batch {
        Batch { pid, bytes: SmallVec::new(), last_length: None }
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
        self.bytes.extend_from_slice(&self.pid.as_raw().to_ne_bytes());
        self.bytes.push(kind as u8);
        self.bytes.extend_from_slice(&(body.len() as u16).to_ne_bytes());
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
mod tests {
    use super::*;

    const PID: Pid = Pid::from_raw(4242);

    #[test]
    fn the_extra_nul_ends_the_last_message_alone() {
        let mut batch = Batch::new(PID);
        assert!(batch.push_whole(Kind::Read, &4u32.to_ne_bytes()));
        assert!(batch.push_message(b"a\0") && batch.push_message(b"b\0"));
        let mut rest = batch.close();
        for (kind, body) in
            [(Kind::Read, &4u32.to_ne_bytes()[..]), (Kind::Message, b"a\0"), (Kind::Message, b"b\0\0")]
        {
            let size = HEADER + body.len();
            assert_eq!(parse(rest), Parsed::Whole(Record { pid: PID, kind, body }, size));
            rest = &rest[size..];
        }
        assert_eq!(rest, b"");
    }

    #[test]
    fn an_unknown_kind_or_an_impossible_length_is_invalid() {
        for (at, bytes) in [(4, &[0][..]), (4, &[99]), (5, &u16::MAX.to_ne_bytes())] {
            let mut bad = records(&[(1, Kind::Message, b"hello\0")]);
            bad[at..at + bytes.len()].copy_from_slice(bytes);
            assert_eq!((parse(&bad), valid_prefix_len(&bad)), (Parsed::Invalid, 0), "{bytes:?} at {at}");
        }
    }

    #[test]
    fn a_close_code_is_no_errno_and_not_idle() {
        assert_eq!(
            (close_code(from_close_code(1000)), close_code(from_close_code(4999))),
            (Some(1000), Some(4999))
        );
        for other in [0, 104, IDLE, -999, -65_536, i32::MIN, i32::MAX] {
            assert_eq!(close_code(other), None, "{other}");
        }
    }

    #[test]
    fn a_body_that_its_kind_does_not_allow_is_invalid() {
        let bodies: [(Kind, &[&[u8]]); 8] = [
            (Kind::Read, &[b"123"]),
            (Kind::Left, &[b"12345"]),
            (Kind::Message, &[b""]),
            // Would forge a line.
            (Kind::Line, &[b"a\nb", b"a\rb", b"a\0"]),
            (Kind::Answer, &[b"", b"12"]),
            (Kind::Ping, &[&[0; 126]]),
            // Would inject a header into the response.
            (Kind::Enter, &[b"", b"s3pPLMBi\r\nSet-Cookie: a=b\r\n"]),
            (Kind::Probe, &[b"x"]),
        ];
        for (kind, bodies) in bodies {
            for body in bodies {
                assert_eq!(parse(&records(&[(1, kind, body)])), Parsed::Invalid, "{kind:?} {body:?}");
            }
        }
    }

    fn records(records: &[(i32, Kind, &[u8])]) -> Vec<u8> {
        let bytes = |&(pid, kind, body): &(i32, Kind, &[u8])| {
            let mut batch = Batch::new(Pid::from_raw(pid));
            batch.push(kind, body);
            batch.bytes.to_vec()
        };
        records.iter().flat_map(bytes).collect()
    }

    #[test]
    fn an_unterminated_message_is_not_taken_unless_its_worker_goes_on() {
        const OPEN: (i32, Kind, &[u8]) = (1, Kind::Message, b"eve : ");
        const CLOSED: (i32, Kind, &[u8]) = (1, Kind::Message, b"eve : \0");
        const OTHERS: (i32, Kind, &[u8]) = (2, Kind::Message, b"bob : \0");
        const NOTE: (i32, Kind, &[u8]) = (1, Kind::Read, b"1234");
        const LINE: (i32, Kind, &[u8]) = (1, Kind::Line, b"eve");
        let taken = |all: &[(i32, Kind, &[u8])], expected: usize| {
            assert_eq!(valid_prefix_len(&records(all)), records(&all[..expected]).len(), "{all:?}");
        };
        taken(&[NOTE, CLOSED, NOTE], 3);
        taken(&[NOTE, OPEN, NOTE, CLOSED, CLOSED], 5);
        taken(&[OPEN], 0);
        taken(&[NOTE, OPEN, NOTE], 1);
        taken(&[CLOSED, OPEN, LINE], 1);
        taken(&[CLOSED, OPEN, OPEN], 1);
        taken(&[OPEN, OTHERS, CLOSED], 0);
        let cut = records(&[CLOSED, OPEN, CLOSED]);
        assert_eq!(valid_prefix_len(&cut[..cut.len() - 1]), records(&[CLOSED]).len());
    }
}
