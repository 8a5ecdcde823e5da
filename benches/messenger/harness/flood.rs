//! Four clients that send as fast as they can, and a crowd that reads.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::harness::readers::{Readers, all_in};
use crate::harness::stream_check::Streams;

pub const SENDERS: usize = 4;

/// A message's bytes with its end.
const SIZE: usize = 64;

/// What ends a message: for us a NUL, for ncat a newline.
#[derive(Clone, Copy, PartialEq)]
pub enum End {
    Nul = 0,
    Newline = b'\n' as isize,
}

/// Those who send, and those who only read.
pub struct Crowd {
    senders: Vec<TcpStream>,
    readers: Readers,
    count: usize,
}

/// What came of a flood.
pub struct Flooded {
    /// Messages delivered, over all readers, a second.
    pub rate: f64,
    /// Messages delivered, over all readers.
    pub delivered: usize,
    /// What was wrong with it.
    pub faults: Vec<String>,
}

impl Crowd {
    /// Fills the room of the server `pid`: `readers`, then the senders.
    pub fn of(pid: i32, address: SocketAddr, readers: usize) -> Crowd {
        let all = Readers::new(all_in(pid, address, 0, readers));
        let senders = all_in(pid, address, readers, SENDERS);
        for stream in &senders {
            stream.set_nodelay(true).expect("setsockopt");
            // So that neither thread of a sender outlives the flood by much, whatever the server does.
            stream.set_read_timeout(Some(Duration::from_millis(50))).expect("setsockopt");
            stream.set_write_timeout(Some(Duration::from_secs(3))).expect("setsockopt");
        }
        Crowd { readers: all, senders, count: readers }
    }

    /// Each sender sends `each` messages. Ends when every reader has them all, or nothing comes any more.
    pub fn flood(&mut self, each: usize, end: End) -> Flooded {
        let over = AtomicBool::new(false);
        let mut streams = Streams::new(self.count);
        let text = SIZE - usize::from(end == End::Nul);
        let to_each_reader = SENDERS * each;
        let messages: Vec<Vec<u8>> = (0..SENDERS).map(|sender| all_of(sender, each, end)).collect();
        let (start, drained) = scope(|scope| {
            let start = Instant::now();
            for (socket, messages) in self.senders.iter().zip(&messages) {
                scope.spawn(|| speak(socket, messages, &over));
                scope.spawn(|| listen(socket, &over));
            }
            let drained =
                self.readers.drain(|reader, bytes| streams.take(reader, bytes, to_each_reader * text));
            over.store(true, Ordering::Relaxed);
            (start, drained)
        });
        let delivered = streams.delivered(text);
        let seconds = drained.last.duration_since(start).as_secs_f64();
        Flooded {
            rate: delivered as f64 / seconds,
            delivered,
            faults: faults(&streams, delivered, self.count, each),
        }
    }
}

fn speak(mut socket: &TcpStream, messages: &[u8], over: &AtomicBool) {
    for message in messages.chunks(SIZE) {
        // A server that closes or stops reading is seen by what the readers lack.
        if socket.write_all(message).is_err() || over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// A sender is a client like the others, and one that did not read would be dropped.
pub fn listen(mut socket: &TcpStream, over: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while !over.load(Ordering::Relaxed) {
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            _ => {}
        }
    }
}

/// `0 : 000…0`, `0 : 000…1` and so on, one after the other.
fn all_of(sender: usize, each: usize, end: End) -> Vec<u8> {
    let message = |i| message(sender, i) + &char::from(end as u8).to_string();
    (0..each).map(message).collect::<String>().into_bytes()
}

fn message(sender: usize, number: usize) -> String {
    format!("{sender} : {number:059}")
}

fn faults(streams: &Streams, delivered: usize, readers: usize, each: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let all = SENDERS * each * readers;
    if delivered != all {
        faults.push(format!("{delivered} of {all} delivered"));
    }
    if !streams.same {
        faults.push("the readers differ".to_string());
    }
    let mut next = [0; SENDERS];
    let in_order = streams.messages().all(|got| {
        let sender = usize::from(got[0].wrapping_sub(b'0'));
        let Some(number) = next.get_mut(sender) else { return false };
        *number += 1;
        message(sender, *number - 1).as_bytes() == got
    });
    if !in_order {
        faults.push("a sender's messages are not those it sent, or not in its order".to_string());
    }
    faults
}
