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
    let (taken, end) = taken(packet);
    assert_eq!(taken, slowly(packet));
    let used: Vec<u8> = taken.iter().flat_map(encoded).collect();
    assert!(packet.starts_with(&used), "what is taken is what was written");
    let rest = &packet[used.len()..];
    assert_eq!(end == Parsed::Wrong, is_wrong(rest));
    decisions_stay(packet);
}

/// The records of one packet, and why there are no more: the hub's way.
fn taken(packet: &[u8]) -> (Vec<Fields>, Parsed<'_>) {
    let (mut found, mut rest) = (Vec::new(), packet);
    loop {
        match parse(rest) {
            Parsed::Whole(record, size) => {
                assert!(size <= PIPE_BUF && record.body.len() <= MAX_BODY);
                found.push((record.pid.as_raw(), record.kind as u8, record.body.to_vec()));
                rest = &rest[size..];
            }
            end => return (found, end),
        }
    }
}

/// The same, field by field.
fn slowly(mut packet: &[u8]) -> Vec<Fields> {
    let mut found = Vec::new();
    while packet.len() >= 7 && !is_wrong(packet) {
        let pid = i32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
        let end = 7 + length(packet);
        if packet.len() < end {
            break;
        }
        found.push((pid, packet[4], packet[7..end].to_vec()));
        packet = &packet[end..];
    }
    found
}

fn length(front: &[u8]) -> usize {
    usize::from(u16::from_ne_bytes([front[5], front[6]]))
}

/// Nothing that a child of ours would write: a kind that there is not, or more bytes than go into one write.
fn is_wrong(front: &[u8]) -> bool {
    front.len() >= 7 && (!(1..=4).contains(&front[4]) || length(front) > PIPE_BUF - 7)
}

fn encoded((pid, kind, body): &Fields) -> Vec<u8> {
    [&pid.to_ne_bytes()[..], &[*kind], &(body.len() as u16).to_ne_bytes(), body].concat()
}

/// A record's front is incomplete and nothing else; and what is decided, more bytes do not change.
fn decisions_stay(packet: &[u8]) {
    let whole = parse(packet);
    let decided_at = match whole {
        Parsed::Whole(_, size) => size,
        Parsed::Incomplete => packet.len() + 1,
        Parsed::Wrong => HEADER,
    };
    for cut in (0..=packet.len()).filter(|cut| *cut <= HEADER || cut.abs_diff(decided_at) <= 1) {
        let early = parse(&packet[..cut]);
        if cut < decided_at {
            assert_eq!(early, Parsed::Incomplete);
        } else {
            assert_eq!(early, whole);
        }
    }
}
