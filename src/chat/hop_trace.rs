//! The trace of `-v`: a line for each hop of a message, from socket to pipe to sockets.

use std::collections::BTreeMap;
use std::os::fd::RawFd;

use super::messages;
use super::options::Verbosity;
use crate::hub::connection::Connection;
use crate::hub::record::{HEADER, Record};
use crate::server::Output;

#[derive(Debug)]
pub(super) struct HopTrace {
    pub is_on: bool,
    /// The descriptors of this turn's sends, by size.
    sends: BTreeMap<usize, Vec<RawFd>>,
}

impl HopTrace {
    pub fn new(verbosity: Verbosity) -> HopTrace {
        HopTrace { is_on: verbosity >= Verbosity::Hops, sends: BTreeMap::new() }
    }

    /// A worker's `read`, as its record reports it.
    pub fn read(&self, record: &Record, connection: &Connection, out: &mut Output) {
        if let (Ok(bytes), true) = (record.body.try_into(), out.has_room()) {
            let bytes = u32::from_ne_bytes(bytes);
            out.line(messages::hop_read(record.pid, connection.descriptor(), bytes));
        }
    }

    pub fn record(&self, record: &Record, out: &mut Output) {
        if self.is_on && out.has_room() {
            out.line(messages::hop_pipe(record.pid, HEADER, record.body.len()));
        }
    }

    pub fn sent(&mut self, descriptor: RawFd, bytes: usize) {
        if self.is_on {
            self.sends.entry(bytes).or_default().push(descriptor);
        }
    }

    /// Prints the sends of a turn of the loop, in one line.
    pub fn end_turn(&mut self, out: &mut Output) {
        let sends = std::mem::take(&mut self.sends);
        if !sends.is_empty() && out.has_room() {
            out.line(messages::hops_send(&sends));
        }
    }
}
