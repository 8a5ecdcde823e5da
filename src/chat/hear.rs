//! What the hub does with one record from the pipe.

use std::time::Instant;

use super::options::Verbosity;
use super::record::{HEADER, Kind, Record};
use super::room::Room;
use super::words;
use crate::server::Console;

/// Takes one record. A record that bears no client's number is nobody's and goes nowhere.
pub fn hear(record: Record, room: &mut Room, out: &mut Console, verbosity: Verbosity, now: Instant) {
    let Some(client) = room.client(record.pid) else { return };
    let descriptor = client.descriptor();
    match record.kind {
        Kind::Message => {
            room.say(record.body, now);
            if verbosity >= Verbosity::Hops && out.has_room() {
                out.line(words::hop_pipe(record.pid, HEADER, record.body.len()));
            }
            if verbosity >= Verbosity::Chat && out.has_room() {
                out.line(words::said(record.pid, record.body));
            }
        }
        Kind::Read => {
            if let (Ok(bytes), true) = (record.body.try_into(), out.has_room()) {
                out.line(words::hop_read(record.pid, descriptor, u32::from_ne_bytes(bytes)));
            }
        }
        Kind::Left => client.left = record.body.try_into().ok().map(i32::from_ne_bytes),
    }
}
