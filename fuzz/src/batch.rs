//! The batch of records that a worker writes at once and the hub reads.
//!
//! Input: one byte of flags (1: the client sends lines; 2: reads are traced); then messages, each a
//! length less one (two bytes, little-endian; the highest bit: a `read` ends here) and the byte
//! that it is made of.

use forklab::hub::framing::line_text;
use forklab::hub::record::{Batch, CHUNK, Key, Kind, Parsed, parse};
use forklab::sys::{PIPE_BUF, Pid};

use super::input::Input;

const PID: Pid = Pid::from_raw(4242);

const ITS: Key = *b"its key!";

/// Records come out as they went in, in order. No write is longer than `PIPE_BUF`. The last message
/// of each write, and no other, has the extra NUL.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mode = input.byte();
    let (are_lines, are_told) = (mode & 1 == 1, mode & 2 == 2);
    let (mut batch, mut pushed, mut got) = (Batch::new(PID, &ITS), Vec::new(), Vec::new());
    let mut is_begun = false;
    while !input.is_empty() {
        let number = u16::from_le_bytes([input.byte(), input.byte()]);
        let body = vec![input.byte(); 1 + usize::from(number & 0x7fff) % CHUNK];
        let body = if are_lines { line_text(&body) } else { body };
        if are_told && !is_begun {
            let count = (body.len() as u32).to_ne_bytes();
            assert!(batch.push_whole(Kind::Read, &count), "a note fits an empty batch");
            pushed.push((Kind::Read, count.to_vec()));
        }
        let fits = push(&mut batch, are_lines, &body);
        if !fits {
            got.extend(written(&mut batch));
            assert!(push(&mut batch, are_lines, &body), "a message and its NUL fit an empty batch");
        }
        pushed.push((if are_lines { Kind::Line } else { Kind::Message }, body));
        is_begun = number & 0x8000 == 0;
        if !is_begun {
            got.extend(written(&mut batch));
        }
    }
    got.extend(written(&mut batch));
    assert_eq!(got, pushed);
}

fn push(batch: &mut Batch, are_lines: bool, body: &[u8]) -> bool {
    if are_lines { batch.push_whole(Kind::Line, body) } else { batch.push_message(body) }
}

/// The records of one write, without the extra NUL of the last message.
fn written(batch: &mut Batch) -> Vec<(Kind, Vec<u8>)> {
    let bytes = batch.close().to_vec();
    assert_eq!(bytes, batch.close(), "closed once is closed");
    batch.clear();
    assert!(batch.close().is_empty());
    assert!(bytes.len() <= PIPE_BUF);
    let (mut found, mut rest) = (Vec::new(), &bytes[..]);
    while let Parsed::Whole(record, key, size) = parse(rest) {
        assert_eq!((record.pid, key), (PID, &ITS));
        found.push((record.kind, record.body.to_vec()));
        rest = &rest[size..];
    }
    assert!(rest.is_empty());
    if let Some((Kind::Message, body)) = found.last_mut() {
        assert_eq!(body.pop(), Some(0));
    }
    found
}
