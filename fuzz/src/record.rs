//! The hub's reader: whatever a child taken over writes into the pipe.
//!
//! An input is packets, each a length (two bytes, the low one first) and so many bytes, at most `PIPE_BUF`.

use forklab::chat::record::{HEADER, MAX_BODY, Parsed, parse};
use forklab::sys::PIPE_BUF;

use super::input::Input;

/// A record's pid, kind and bytes.
type Fields = (i32, u8, Vec<u8>);

/// Every packet gives the records that the slow way finds in it, and these are all of it up to the first byte that is none.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    while !input.is_empty() {
        let length = u16::from_le_bytes([input.byte(), input.byte()]);
        packet_holds(input.take(usize::from(length).min(PIPE_BUF)));
    }
}

fn packet_holds(packet: &[u8]) {
    let (taken, wrong) = taken(packet);
    assert_eq!((&taken, wrong), (&slowly(packet).0, slowly(packet).1));
    let used: Vec<u8> = taken.iter().flat_map(encoded).collect();
    assert!(packet.starts_with(&used), "what is taken is what was written");
    assert!(wrong || used.len() == packet.len());
    without_packets(packet);
}

/// The records of one packet, and whether there is something else in it: the hub's way.
fn taken(packet: &[u8]) -> (Vec<Fields>, bool) {
    let (mut found, mut rest) = (Vec::new(), packet);
    while !rest.is_empty() {
        match parse(rest, true) {
            Parsed::Whole(record, size) => {
                assert!(size <= PIPE_BUF && record.body.len() <= MAX_BODY);
                found.push((record.pid.as_raw(), record.kind as u8, record.body.to_vec()));
                rest = &rest[size..];
            }
            Parsed::Wrong => return (found, true),
            Parsed::Incomplete => panic!("nothing follows a packet"),
        }
    }
    (found, false)
}

/// The same, field by field.
fn slowly(mut packet: &[u8]) -> (Vec<Fields>, bool) {
    let mut found = Vec::new();
    while !packet.is_empty() {
        let end = 7 + if packet.len() < 7 { 0 } else { length(packet) };
        if packet.len() < end || end > PIPE_BUF || !is_sound(packet[4], &packet[7..end], packet.len() == end)
        {
            return (found, true);
        }
        let pid = i32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
        found.push((pid, packet[4], packet[7..end].to_vec()));
        packet = &packet[end..];
    }
    (found, false)
}

fn length(front: &[u8]) -> usize {
    usize::from(u16::from_ne_bytes([front[5], front[6]]))
}

/// What a child of ours would write in a record of this kind.
fn is_sound(kind: u8, body: &[u8], is_last: bool) -> bool {
    match kind {
        1 => body.last().is_some_and(|&last| last == 0 || !is_last),
        2 | 3 => body.len() == 4,
        4 => !String::from_utf8_lossy(body).chars().any(|c| ENDS_OF_LINES.contains(c)),
        _ => false,
    }
}

/// For C, for terminals, for Java and for Python.
const ENDS_OF_LINES: &str = "\0\n\r\x0b\x0c\x1c\x1d\x1e\u{85}\u{2028}\u{2029}";

fn encoded((pid, kind, body): &Fields) -> Vec<u8> {
    [&pid.to_ne_bytes()[..], &[*kind], &(body.len() as u16).to_ne_bytes(), body].concat()
}

/// Where writes are not kept apart, a record's front is incomplete and nothing else, and what is decided, more bytes do not
/// change.
fn without_packets(bytes: &[u8]) {
    let whole = parse(bytes, false);
    let decided_at = match whole {
        Parsed::Whole(_, size) => size,
        Parsed::Incomplete => bytes.len() + 1,
        // At its header, or at the end of its body.
        Parsed::Wrong => return assert!(bytes.len() >= HEADER),
    };
    for cut in (0..=bytes.len()).filter(|cut| *cut <= HEADER || cut.abs_diff(decided_at) <= 1) {
        let expected = if cut < decided_at { Parsed::Incomplete } else { parse(bytes, false) };
        assert_eq!(parse(&bytes[..cut], false), expected);
    }
}
