//! One upload, from the first byte to the name under which it lies: what a client sends, by either of the two ways.
//!
//! Our own client says beforehand what it will send ([`crate::labs::upload::header`]), and that is checked. A legacy client sends a text, and
//! its end can only be guessed: it closes its sending side, or a line is complete and nothing more comes.

use std::time::Duration;

use sha2::{Digest, Sha256};

use super::header::{Header, MAX_LEN, Opening};
use super::name::Name;
use super::store::{Incoming, Store};
use crate::server::{Disconnect, Session};

/// How long nothing may come after a complete line for it to be the last.
const SILENCE: Duration = Duration::from_millis(300);

/// The most bytes of one `read`: as large as a socket's buffer is to begin with, tcp(7).
const CHUNK: usize = 64 * 1024;

/// A file that is in its place.
#[derive(Debug)]
pub struct Received {
    /// Where it lies.
    pub name: Name,
    /// What its client had called it, if it had.
    pub wanted: Name,
    /// Its bytes.
    pub size: u64,
}

/// Why there is none.
#[derive(Debug)]
pub enum Failure {
    /// The client, or the disk, was wrong: words for one line.
    Refused(String),
    /// It ended, after so many bytes.
    Ended(Disconnect, u64),
}

/// Receives one file of at most `most` bytes into `store`.
///
/// # Errors
/// [`Failure`]. No part of the file is left then.
pub fn receive(session: &mut Session, store: &Store, most: u64) -> Result<Received, Failure> {
    let mut upload = Upload { session, most, size: 0, chunk: vec![0; CHUNK], filled: 0 };
    match upload.opening()? {
        Some((header, body)) => upload.announced(store, &header, body),
        None => upload.text(store),
    }
}

struct Upload<'a, 'b> {
    session: &'a mut Session<'b>,
    most: u64,
    /// Bytes of the file so far.
    size: u64,
    /// What the last reads have brought: `filled` bytes of it.
    chunk: Vec<u8>,
    filled: usize,
}

impl Upload<'_, '_> {
    /// Reads until it is clear which way the file comes. A header, and where the file's bytes begin in the chunk; or `None`.
    fn opening(&mut self) -> Result<Option<(Header, usize)>, Failure> {
        loop {
            let n = self.session.read(&mut self.chunk[self.filled..]).map_err(|end| match end {
                Disconnect::Closed if self.filled > 0 => {
                    Failure::Refused("the connection ended within the header".to_string())
                }
                end => Failure::Ended(end, 0),
            })?;
            self.filled += n;
            match Header::parse(&self.chunk[..self.filled]) {
                // A chunk holds every header whole, so there is room for the next read.
                Opening::Incomplete => debug_assert!(self.filled < MAX_LEN),
                Opening::Wrong(why) => return Err(Failure::Refused(why)),
                Opening::Whole(header, body) => return Ok(Some((header, body))),
                Opening::Text => return Ok(None),
            }
        }
    }

    /// Exactly as many bytes as were announced, with the sum that was announced.
    fn announced(&mut self, store: &Store, header: &Header, body: usize) -> Result<Received, Failure> {
        if header.size > self.most {
            return Err(too_large(self.most));
        }
        self.session.log(format_args!("receiving {}, {} bytes", header.name, header.size));
        let mut incoming = begin(store)?;
        let mut sum = Sha256::new();
        self.chunk.copy_within(body..self.filled, 0);
        self.filled -= body;
        loop {
            let bytes = &self.chunk[..self.filled];
            self.size += bytes.len() as u64;
            if self.size > header.size {
                return Err(Failure::Refused(format!("more came than the {} bytes announced", header.size)));
            }
            sum.update(bytes);
            write(&mut incoming, bytes)?;
            if self.size == header.size {
                break;
            }
            self.filled = match self.session.read(&mut self.chunk) {
                Ok(n) => n,
                Err(Disconnect::Closed) => {
                    let came = format!("only {} of the {} bytes announced came", self.size, header.size);
                    return Err(Failure::Refused(came));
                }
                Err(end) => return Err(Failure::Ended(end, self.size)),
            };
        }
        // Whoever announced too little has sent the rest by now, most likely.
        if let Ok(Some(_)) = self.session.read_within(Some(Duration::ZERO), &mut self.chunk) {
            return Err(Failure::Refused(format!("more came than the {} bytes announced", header.size)));
        }
        if sum.finalize()[..] != header.sha256 {
            return Err(Failure::Refused(
                "the SHA-256 is not the one announced: the file was damaged".to_string(),
            ));
        }
        self.keep(incoming, &header.name)
    }

    /// A text whose end nobody announces.
    fn text(&mut self, store: &Store) -> Result<Received, Failure> {
        self.session.log("receiving a text");
        let mut incoming = begin(store)?;
        loop {
            let bytes = &self.chunk[..self.filled];
            self.size += bytes.len() as u64;
            if self.size > self.most {
                return Err(too_large(self.most));
            }
            write(&mut incoming, bytes)?;
            let next = match bytes.last() {
                Some(b'\n') => self.session.read_within(Some(SILENCE), &mut self.chunk),
                _ => self.session.read(&mut self.chunk).map(Some),
            };
            match next {
                Ok(Some(n)) => self.filled = n,
                Ok(None) | Err(Disconnect::Closed) => return self.keep(incoming, &Name::received()),
                Err(end) => return Err(Failure::Ended(end, self.size)),
            }
        }
    }

    fn keep(&self, incoming: Incoming, wanted: &Name) -> Result<Received, Failure> {
        let name = incoming.keep(wanted).map_err(told)?;
        Ok(Received { name, wanted: wanted.clone(), size: self.size })
    }
}

fn begin(store: &Store) -> Result<Incoming<'_>, Failure> {
    store.begin().map_err(told)
}

fn write(incoming: &mut Incoming, bytes: &[u8]) -> Result<(), Failure> {
    incoming.write(bytes).map_err(told)
}

/// What was being done, and the system's reason.
fn told(error: anyhow::Error) -> Failure {
    Failure::Refused(format!("{error:#}"))
}

fn too_large(most: u64) -> Failure {
    Failure::Refused(format!("the file is too large: at most {most} bytes are taken"))
}
