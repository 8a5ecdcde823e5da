use super::*;

const PID: Pid = Pid::from_raw(4242);
const ITS: Key = *b"\x01\0\xfe key\xff";

#[test]
fn the_extra_nul_ends_the_last_message_alone() {
    let mut batch = Batch::new(PID, &ITS);
    assert!(batch.push_whole(Kind::Read, &4u32.to_ne_bytes()));
    assert!(batch.push_message(b"a\0") && batch.push_message(b"b\0"));
    let mut rest = batch.close();
    for (kind, body) in
        [(Kind::Read, &4u32.to_ne_bytes()[..]), (Kind::Message, b"a\0"), (Kind::Message, b"b\0\0")]
    {
        let size = HEADER + body.len();
        assert_eq!(parse(rest), Parsed::Whole(Record { pid: PID, kind, body }, &ITS, size));
        rest = &rest[size..];
    }
    assert_eq!(rest, b"");
}

#[test]
fn an_unknown_kind_or_an_impossible_length_is_invalid() {
    for (at, bytes) in [(12, &[0][..]), (12, &[99]), (13, &u16::MAX.to_ne_bytes())] {
        let mut bad = records(&[(1, Kind::Message, b"hello\0")]);
        bad[at..at + bytes.len()].copy_from_slice(bytes);
        assert_eq!((parse(&bad), valid_prefix_len(&bad)), (Parsed::Invalid, 0), "{bytes:?} at {at}");
    }
}

#[test]
fn a_close_code_is_no_errno_and_not_idle() {
    assert_eq!(
        (close_code(from_close_code(1000)), close_code(from_close_code(4999))),
        (Some(1000), Some(4999))
    );
    for other in [0, 104, IDLE, -999, -65_536, i32::MIN, i32::MAX] {
        assert_eq!(close_code(other), None, "{other}");
    }
}

#[test]
fn a_body_that_its_kind_does_not_allow_is_invalid() {
    let bodies: [(Kind, &[&[u8]]); 10] = [
        (Kind::Read, &[b"123"]),
        (Kind::Left, &[b"12345"]),
        (Kind::Message, &[b"", &[0; CHUNK + 2], &[b'a'; CHUNK + 1]]),
        // Would forge a line.
        (Kind::Line, &[b"a\nb", b"a\rb", b"a\0", &[b'a'; CHUNK + 1]]),
        (Kind::Answer, &[b"", b"12"]),
        (Kind::Ping, &[&[0; 126]]),
        // Would inject a header into the response.
        (Kind::Enter, &[b"", b"s3pPLMBi\r\nSet-Cookie: a=b\r\n"]),
        (Kind::Probe, &[b"x"]),
        (Kind::Held, &[b"x"]),
        (Kind::Foreign, &[b"", b"\0GET"]),
    ];
    for (kind, bodies) in bodies {
        for body in bodies {
            assert_eq!(parse(&records(&[(1, kind, body)])), Parsed::Invalid, "{kind:?} {body:?}");
        }
    }
}

#[test]
fn the_longest_text_of_a_read_is_valid_with_its_extra_nul() {
    for (kind, body) in [(Kind::Message, &[0; CHUNK + 1][..]), (Kind::Line, &[b'a'; CHUNK])] {
        assert!(matches!(parse(&records(&[(1, kind, body)])), Parsed::Whole(..)), "{kind:?}");
    }
}

fn records(records: &[(i32, Kind, &[u8])]) -> Vec<u8> {
    let bytes = |&(pid, kind, body): &(i32, Kind, &[u8])| {
        let mut batch = Batch::new(Pid::from_raw(pid), &[pid as u8; KEY]);
        batch.push(kind, body);
        batch.bytes.to_vec()
    };
    records.iter().flat_map(bytes).collect()
}

#[test]
fn an_unterminated_message_is_not_taken_unless_its_worker_goes_on() {
    const OPEN: (i32, Kind, &[u8]) = (1, Kind::Message, b"eve : ");
    const CLOSED: (i32, Kind, &[u8]) = (1, Kind::Message, b"eve : \0");
    const OTHERS: (i32, Kind, &[u8]) = (2, Kind::Message, b"bob : \0");
    const NOTE: (i32, Kind, &[u8]) = (1, Kind::Read, b"1234");
    const LINE: (i32, Kind, &[u8]) = (1, Kind::Line, b"eve");
    const LEFT: (i32, Kind, &[u8]) = (1, Kind::Left, b"1234");
    let taken = |all: &[(i32, Kind, &[u8])], expected: usize| {
        assert_eq!(valid_prefix_len(&records(all)), records(&all[..expected]).len(), "{all:?}");
    };
    taken(&[NOTE, CLOSED, NOTE], 3);
    taken(&[NOTE, OPEN, NOTE, CLOSED, CLOSED], 5);
    taken(&[OPEN], 0);
    taken(&[NOTE, OPEN, NOTE], 1);
    taken(&[CLOSED, OPEN, LINE], 1);
    taken(&[CLOSED, OPEN, OPEN], 1);
    taken(&[OPEN, OTHERS, CLOSED], 0);
    taken(&[CLOSED, LEFT], 2);
    taken(&[CLOSED, OPEN, LEFT, CLOSED], 1);
    let mut forged = records(&[OPEN, CLOSED]);
    forged[records(&[OPEN]).len() + 4] ^= 1;
    assert_eq!(valid_prefix_len(&forged), 0, "the same pid under another key");
    let cut = records(&[CLOSED, OPEN, CLOSED]);
    assert_eq!(valid_prefix_len(&cut[..cut.len() - 1]), records(&[CLOSED]).len());
}
