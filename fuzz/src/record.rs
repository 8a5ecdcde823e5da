//! The hub's reader: whatever a child taken over writes into the pipe.
//!
//! An input is packets, each a length (two bytes, the low one first) and so many bytes, at most `PIPE_BUF`.

use forklab::chat::record::{HEADER, MAX_BODY, Parsed, parse};
use forklab::sys::PIPE_BUF;

use super::input::Input;
use super::lines::is_line_end;

/// A record's pid, kind and bytes.
type Fields = (i32, u8, Vec<u8>);

/// Every packet gives the records that the slow way finds in it, and these are all of it up to the first byte that is none. So it
/// is where the system has no packets, but that there the front of a record waits for its rest.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    while !input.is_empty() {
        let length = u16::from_le_bytes([input.byte(), input.byte()]);
        let packet = input.take(usize::from(length).min(PIPE_BUF));
        for is_packet in [true, false] {
            let (taken, end) = taken(packet, is_packet);
            assert_eq!(taken, slowly(packet, is_packet));
            let used: Vec<u8> = taken.iter().flat_map(encoded).collect();
            assert!(packet.starts_with(&used), "what is taken is what was written");
            let rest = &packet[used.len()..];
            match end {
                Some(Parsed::Incomplete) => assert!(!is_packet && !is_wrong(rest, false)),
                Some(_) => assert!(is_wrong(rest, is_packet)),
                None => assert!(rest.is_empty()),
            }
        }
        decisions_stay(packet);
    }
}

/// The records of one packet, or of one read, and why what is left is none: the hub's way.
fn taken(packet: &[u8], is_packet: bool) -> (Vec<Fields>, Option<Parsed<'_>>) {
    let (mut found, mut rest) = (Vec::new(), packet);
    while !rest.is_empty() {
        match parse(rest, is_packet) {
            Parsed::Whole(record, size) => {
                assert!(size <= PIPE_BUF && record.body.len() <= MAX_BODY);
                found.push((record.pid.as_raw(), record.kind as u8, record.body.to_vec()));
                rest = &rest[size..];
            }
            end => return (found, Some(end)),
        }
    }
    (found, None)
}

/// The same, field by field.
fn slowly(mut packet: &[u8], is_packet: bool) -> Vec<Fields> {
    let mut found = Vec::new();
    while packet.len() >= 7 && !is_wrong(packet, is_packet) && packet.len() >= 7 + length(packet) {
        let pid = i32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
        let (record, rest) = packet.split_at(7 + length(packet));
        found.push((pid, record[4], record[7..].to_vec()));
        packet = rest;
    }
    found
}

fn length(front: &[u8]) -> usize {
    usize::from(u16::from_ne_bytes([front[5], front[6]]))
}

/// Nothing that a child of ours would write: a kind that there is not, more bytes than go into one write, a body that no such
/// record has. And in a packet: less than a whole record, or a message at its end that has none.
fn is_wrong(front: &[u8], is_packet: bool) -> bool {
    if front.len() < 7 {
        return is_packet;
    }
    if !(1..=4).contains(&front[4]) || length(front) > PIPE_BUF - 7 {
        return true;
    }
    let Some(body) = front.get(7..7 + length(front)) else { return is_packet };
    let is_last = front.len() == 7 + body.len();
    match front[4] {
        1 => body.is_empty() || (is_packet && is_last && body.last() != Some(&0)),
        4 => String::from_utf8_lossy(body).contains(|c| c == '\0' || is_line_end(c)),
        _ => body.len() != 4,
    }
}

fn encoded((pid, kind, body): &Fields) -> Vec<u8> {
    [&pid.to_ne_bytes()[..], &[*kind], &(body.len() as u16).to_ne_bytes(), body].concat()
}

/// A record's front is incomplete and nothing else, or wrong where there are packets; and what is decided, more bytes do not
/// change.
fn decisions_stay(packet: &[u8]) {
    let whole = parse(packet, false);
    let decided_at = match whole {
        _ if packet.len() < HEADER => HEADER,
        Parsed::Wrong if is_wrong(&packet[..HEADER], false) => HEADER,
        _ => HEADER + length(packet),
    };
    for cut in (0..=packet.len()).filter(|cut| *cut <= HEADER || cut.abs_diff(decided_at) <= 1) {
        let early = parse(&packet[..cut], false);
        if cut < decided_at {
            assert_eq!((early, parse(&packet[..cut], true)), (Parsed::Incomplete, Parsed::Wrong));
        } else {
            assert_eq!(early, whole);
        }
    }
}
