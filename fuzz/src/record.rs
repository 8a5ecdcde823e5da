//! The hub's reader of the pipe, for any bytes of a compromised worker.
//!
//! Input: packets, each a length (two bytes, little-endian) and that many bytes, at most
//! `PIPE_BUF`.

use forklab::hub::record::{HEADER, Key, MAX_BODY, Parsed, parse, valid_prefix_len};
use forklab::sys::PIPE_BUF;

use super::input::Input;
use super::lines::is_line_end;

/// A record's pid, key, kind and bytes.
type Fields = (i32, Key, u8, Vec<u8>);

/// Every packet gives the records that the oracle finds in it, up to the first byte that belongs to
/// none. A pipe without packet mode gives the same, except that an incomplete record or message
/// waits for its rest.
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

/// The records in `bytes` by the hub's parser, and the reason why it stopped.
fn taken(bytes: &[u8]) -> (Vec<Fields>, Option<Parsed<'_>>) {
    let (mut found, mut rest) = (Vec::new(), bytes);
    while !rest.is_empty() {
        match parse(rest) {
            Parsed::Whole(record, key, size) => {
                assert!(size <= PIPE_BUF && record.body.len() <= MAX_BODY);
                found.push((record.pid.as_raw(), *key, record.kind as u8, record.body.to_vec()));
                rest = &rest[size..];
            }
            end => return (found, Some(end)),
        }
    }
    (found, None)
}

/// The oracle: the same, field by field.
fn slowly(mut packet: &[u8]) -> Vec<Fields> {
    let mut found = Vec::new();
    while packet.len() >= 15 && !is_wrong(packet) && packet.len() >= 15 + length(packet) {
        let pid = i32::from_ne_bytes([packet[0], packet[1], packet[2], packet[3]]);
        let (record, rest) = packet.split_at(15 + length(packet));
        let key = std::array::from_fn(|at| record[4 + at]);
        found.push((pid, key, record[12], record[15..].to_vec()));
        packet = rest;
    }
    found
}

/// The number of records from the front that leave no message unterminated: the next message of the
/// same worker ends it, unless a client has left before.
fn closed_slowly(mut records: Vec<Fields>) -> Vec<Fields> {
    let leaves_none_open = |records: &[Fields]| {
        // Messages, and clients that have left.
        let ends: Vec<&Fields> = records.iter().filter(|(_, _, kind, _)| matches!(kind, 1 | 3)).collect();
        ends.iter().enumerate().all(|(at, (pid, key, kind, body))| {
            let is_ended = |(next, its, kind, _): &&Fields| (next, its) == (pid, key) && *kind == 1;
            *kind == 3 || body.last() == Some(&0) || ends.get(at + 1).is_some_and(is_ended)
        })
    };
    while !leaves_none_open(&records) {
        records.pop();
    }
    records
}

fn length(front: &[u8]) -> usize {
    usize::from(u16::from_ne_bytes([front[13], front[14]]))
}

/// True for a record that no worker writes: an unknown kind, more bytes than one write takes, a
/// body that the kind does not allow.
fn is_wrong(front: &[u8]) -> bool {
    if front.len() < 15 {
        return false;
    }
    if !(1..=10).contains(&front[12]) || length(front) > PIPE_BUF - 15 {
        return true;
    }
    let Some(body) = front.get(15..15 + length(front)) else { return false };
    match front[12] {
        // No worker reads more than 1023 bytes at once; a NUL is added to the last message.
        1 => {
            let extra = usize::from(body.ends_with(b"\0"));
            body.is_empty() || body.len() - extra > 1023.min(PIPE_BUF - 16)
        }
        4 => {
            body.len() > 1023.min(PIPE_BUF - 16)
                || String::from_utf8_lossy(body).contains(|c| c == '\0' || is_line_end(c))
        }
        5 => body.len() != 1,
        // 20 bytes in base64: 27 characters, the last with two spare bits, and one of padding; then
        // an address or none.
        6 => {
            let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || b"+/".contains(byte);
            let is_last = |byte: &u8| b"AEIMQUYcgkosw048".contains(byte);
            ![28, 44].contains(&body.len())
                || !body[..26].iter().all(is_letter)
                || !is_last(&body[26])
                || body[27] != b'='
        }
        7 => body.len() > 125,
        // A protocol, and a sample.
        8 => !matches!(body.first(), Some(1..=5)) || body.len() > 81,
        9 | 10 => !body.is_empty(),
        _ => body.len() != 4,
    }
}

fn encoded((pid, key, kind, body): &Fields) -> Vec<u8> {
    [&pid.to_ne_bytes()[..], key, &[*kind], &(body.len() as u16).to_ne_bytes(), body].concat()
}

/// A prefix of a record is incomplete, and no packet is taken for it. More bytes do not change a
/// decision.
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
