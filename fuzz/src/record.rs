//! The hub's reader: whatever a child taken over writes into the pipe.
//!
//! An input is packets, each a length (two bytes, the low one first) and so many bytes, at most `PIPE_BUF`.

use forklab::hub::record::{HEADER, MAX_BODY, Parsed, parse, valid_prefix_len};
use forklab::sys::PIPE_BUF;

use super::input::Input;
use super::lines::is_line_end;

/// A record's pid, kind and bytes.
type Fields = (i32, u8, Vec<u8>);

/// Every packet gives the records that the slow way finds in it, and these are all of it up to the first byte that is none. So it
/// is where the system has no packets, but that there the front of a record waits for its rest, and so does a message.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    while !input.is_empty() {
        let length = u16::from_le_bytes([input.byte(), input.byte()]);
        let packet = input.take(usize::from(length).min(PIPE_BUF));
        let (found, end) = taken(packet);
        let all = slowly(packet);
        assert_eq!(found, all);
        let used: Vec<u8> = all.iter().flat_map(encoded).collect();
        assert!(packet.starts_with(&used), "what is taken is what was written");
        let rest = &packet[used.len()..];
        match end {
            Some(Parsed::Incomplete) => assert!(!is_wrong(rest)),
            Some(_) => assert!(is_wrong(rest)),
            None => assert!(rest.is_empty()),
        }
        let (taken, end) = taken(&packet[..valid_prefix_len(packet)]);
        assert!(end.is_none());
        assert_eq!(taken, closed_slowly(all));
        decisions_stay(packet);
    }
}

/// The records of some bytes, and why what is left is none: the hub's way.
fn taken(bytes: &[u8]) -> (Vec<Fields>, Option<Parsed<'_>>) {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        match parse(rest) {
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
fn slowly(mut packet: &[u8]) -> Vec<Fields> {
    let mut found = Vec::new();
    while packet.len() >= 7 && !is_wrong(packet) && packet.len() >= 7 + length(packet) {
        let pid = i32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
        let (record, rest) = packet.split_at(7 + length(packet));
        found.push((pid, record[4], record[7..].to_vec()));
        packet = rest;
    }
    found
}

/// As many from the front as leave no message open: the next one closes it, and is of the same child.
fn closed_slowly(mut records: Vec<Fields>) -> Vec<Fields> {
    let leaves_none_open = |records: &[Fields]| {
        let messages: Vec<&Fields> = records.iter().filter(|(_, kind, _)| *kind == 1).collect();
        messages.iter().enumerate().all(|(at, (pid, _, body))| {
            body.last() == Some(&0) || messages.get(at + 1).is_some_and(|(next, ..)| next == pid)
        })
    };
    while !leaves_none_open(&records) {
        records.pop();
    }
    records
}

fn length(front: &[u8]) -> usize {
    usize::from(u16::from_ne_bytes([front[5], front[6]]))
}

/// Nothing that a child of ours would write: a kind that there is not, more bytes than go into one write, a body that no such
/// record has.
fn is_wrong(front: &[u8]) -> bool {
    if front.len() < 7 {
        return false;
    }
    if !(1..=7).contains(&front[4]) || length(front) > PIPE_BUF - 7 {
        return true;
    }
    let Some(body) = front.get(7..7 + length(front)) else { return false };
    match front[4] {
        1 => body.is_empty(),
        4 => String::from_utf8_lossy(body).contains(|c| c == '\0' || is_line_end(c)),
        5 => body.len() != 1,
        // 20 bytes in base64: 27 characters, the last of which has two bits to spare, and one that fills.
        6 => {
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
            let is_last = |byte: &u8| b"AEIMQUYcgkosw048".contains(byte);
            body.len() != 28 || !body[..26].iter().all(is_letter) || !is_last(&body[26]) || body[27] != b'='
        }
        7 => body.len() > 125,
        _ => body.len() != 4,
    }
}

fn encoded((pid, kind, body): &Fields) -> Vec<u8> {
    [&pid.to_ne_bytes()[..], &[*kind], &(body.len() as u16).to_ne_bytes(), body].concat()
}

/// A record's front is incomplete and nothing else, and nothing to be taken of a packet; and what is decided, more bytes do not
/// change.
fn decisions_stay(packet: &[u8]) {
    let whole = parse(packet);
    let decided_at = match whole {
        _ if packet.len() < HEADER => HEADER,
        Parsed::Invalid if is_wrong(&packet[..HEADER]) => HEADER,
        _ => HEADER + length(packet),
    };
    for cut in (0..=packet.len()).filter(|cut| *cut <= HEADER || cut.abs_diff(decided_at) <= 1) {
        let early = parse(&packet[..cut]);
        if cut < decided_at {
            assert_eq!((early, valid_prefix_len(&packet[..cut])), (Parsed::Incomplete, 0));
        } else {
            assert_eq!(early, whole);
        }
    }
}
