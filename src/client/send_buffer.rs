//! Bytes for the server, and how many lines of them it has not got whole.

use std::collections::VecDeque;
use std::io;
use std::io::ErrorKind::{BrokenPipe, ConnectionReset};
use std::net::TcpStream;

use crate::sys;

#[derive(Debug)]
pub struct SendBuffer {
    pub bytes: Vec<u8>,
    /// Bytes that the connection has taken.
    sent: u64,
    /// Ends of the lines that it has not taken whole, counted as `sent` is.
    line_ends: VecDeque<u64>,
}

impl SendBuffer {
    /// `opening` is no line.
    pub fn new(opening: Vec<u8>) -> SendBuffer {
        SendBuffer { bytes: opening, sent: 0, line_ends: VecDeque::new() }
    }

    pub fn push_line(&mut self, bytes: &[u8]) {
        if !bytes.is_empty() {
            self.bytes.extend(bytes);
            self.line_ends.push_back(self.sent + self.bytes.len() as u64);
        }
    }

    /// Sends what `connection` takes without blocking. Once the server has closed, nothing more: it
    /// may have said why, which the next reads show. Returns how many bytes were taken.
    pub fn send(&mut self, connection: &TcpStream) -> io::Result<usize> {
        let sent = match sys::try_send(connection, &self.bytes) {
            Err(error) if matches!(error.kind(), BrokenPipe | ConnectionReset) => {
                self.bytes.clear();
                return Ok(0);
            }
            sent => sent?,
        };
        self.bytes.drain(..sent);
        self.sent += sent as u64;
        while self.line_ends.front().is_some_and(|&end| end <= self.sent) {
            self.line_ends.pop_front();
        }
        Ok(sent)
    }

    pub fn unsent_lines(&self) -> usize {
        self.line_ends.len()
    }
}
