//! One upload, from the first byte to the stored file, with or without a header.
//!
//! Our own client announces size, SHA-256 and name ([`super::header`]), which are checked. A legacy
//! client sends a text, to the end of its sending side. Where it does not close that, the end can
//! only be guessed: nothing follows a complete line. What follows all the same is in
//! [`super::late_text`].

use std::fmt::Display;
use std::time::Duration;

use sha2::{Digest, Sha256};

use super::header::{Header, MAX_LEN, Parsed};
use super::late_text::{LateText, SILENCE, TextEnd};
use super::name::Name;
use super::store::{Incoming, Store, Stored};
use crate::cli::Language;
use crate::server::{Disconnect, Session};

/// Bytes of one `read`, at most: the initial size of a socket's buffer, tcp(7).
pub const CHUNK: usize = 64 * 1024;

pub enum Failure {
    /// Refused by the checks or by the disk, with the reason for the client.
    Rejected(String),
    /// After this many bytes.
    Disconnected(Disconnect, u64),
}

/// Receives one file of at most `most` bytes into `store`. Returns what was received under which
/// name, for the client, and a text that may go on. A failure leaves no part of the file.
pub fn receive<'a>(
    session: &mut Session,
    store: &'a Store,
    most: u64,
) -> Result<(String, Option<LateText<'a>>), Failure> {
    let mut receiver = Receiver { session, most, size: 0, chunk: vec![0; CHUNK], filled: 0 };
    match receiver.read_header()? {
        Some((header, body)) => Ok((receiver.receive_file(store, &header, body)?, None)),
        None => receiver.receive_text(store),
    }
}

struct Receiver<'a, 'b> {
    session: &'a mut Session<'b>,
    most: u64,
    size: u64,
    /// The first `filled` bytes are those of the last reads.
    chunk: Vec<u8>,
    filled: usize,
}

impl Receiver<'_, '_> {
    /// The header, and where the file begins in the chunk; `None` for a text.
    fn read_header(&mut self) -> Result<Option<(Header, usize)>, Failure> {
        loop {
            let n = self.session.read(&mut self.chunk[self.filled..]).map_err(|end| match end {
                Disconnect::Closed if self.filled > 0 => rejected("the connection ended within the header"),
                end => Failure::Disconnected(end, 0),
            })?;
            self.filled += n;
            match Header::parse(&self.chunk[..self.filled]) {
                // Shorter than a chunk: the next read has room.
                Parsed::Incomplete => debug_assert!(self.filled < MAX_LEN),
                Parsed::Invalid(why) => return Err(rejected(why)),
                Parsed::Complete(header, body) => return Ok(Some((header, body))),
                Parsed::Text => return Ok(None),
            }
        }
    }

    /// Exactly as many bytes as announced, with the announced SHA-256.
    fn receive_file(&mut self, store: &Store, header: &Header, body: usize) -> Result<String, Failure> {
        let announced = header.size;
        if announced > self.most {
            return Err(too_large(self.most));
        }
        self.session.log(format_args!("receiving {}, {announced} bytes", header.name));
        let too_many = || rejected(format_args!("more came than the {announced} bytes announced"));
        let mut incoming = store.begin()?;
        let mut hasher = Sha256::new();
        self.chunk.copy_within(body..self.filled, 0);
        self.filled -= body;
        loop {
            let bytes = &self.chunk[..self.filled];
            self.size += bytes.len() as u64;
            if self.size > announced {
                return Err(too_many());
            }
            hasher.update(bytes);
            incoming.write(bytes)?;
            if self.size == announced {
                break;
            }
            self.filled = self.session.read(&mut self.chunk).map_err(|end| match end {
                Disconnect::Closed => {
                    rejected(format_args!("only {} of the {announced} bytes announced came", self.size))
                }
                end => Failure::Disconnected(end, self.size),
            })?;
        }
        // Bytes beyond the announced size have most likely arrived by now.
        if let Ok(Some(_)) = self.session.read_within(Some(Duration::ZERO), &mut self.chunk) {
            return Err(too_many());
        }
        if hasher.finalize()[..] != header.sha256 {
            return Err(rejected("the SHA-256 is not the one announced: the file was damaged"));
        }
        Ok(self.persist(incoming, &header.name)?.0)
    }

    fn receive_text<'a>(&mut self, store: &'a Store) -> Result<(String, Option<LateText<'a>>), Failure> {
        self.session.log("receiving a text");
        let mut end = TextEnd::default();
        let mut incoming = store.begin()?;
        loop {
            let bytes = &self.chunk[..self.filled];
            self.size += bytes.len() as u64;
            if self.size > self.most {
                return Err(too_large(self.most));
            }
            end.push(bytes);
            incoming.write(bytes)?;
            let next = match end.is_newline() {
                true => self.session.read_within(Some(SILENCE), &mut self.chunk),
                false => self.session.read(&mut self.chunk).map(Some),
            };
            match next {
                Ok(Some(n)) => self.filled = n,
                Ok(None) => {
                    let (received, stored) = self.persist(incoming, &Name::received())?;
                    return Ok((received, Some(LateText::new(stored, self.size, self.most, end))));
                }
                Err(Disconnect::Closed) => return Ok((self.persist(incoming, &Name::received())?.0, None)),
                Err(end) => return Err(Failure::Disconnected(end, self.size)),
            }
        }
    }

    fn persist<'a>(&self, incoming: Incoming<'a>, wanted: &Name) -> Result<(String, Stored<'a>), Failure> {
        let stored = incoming.persist(wanted)?;
        let received = format!("received {} bytes as {}", self.size, stored.name);
        match stored.name == *wanted {
            true => Ok((received, stored)),
            false => Ok((format!("{received}, because {wanted} was there already"), stored)),
        }
    }
}

impl From<anyhow::Error> for Failure {
    fn from(error: anyhow::Error) -> Failure {
        rejected(Language::English.reasons(&error))
    }
}

fn rejected(why: impl Display) -> Failure {
    Failure::Rejected(why.to_string())
}

pub fn too_large(most: u64) -> Failure {
    rejected(format_args!("the file is too large: at most {most} bytes are taken"))
}
