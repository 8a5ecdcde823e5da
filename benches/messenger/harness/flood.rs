//! A flood: four clients send as fast as they can, and many clients read.

use std::io::{ErrorKind, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use super::readers::{Readers, connect_accepted};
use super::stream_check::StreamCheck;

pub const SENDERS: usize = 4;

/// Bytes of a message, its delimiter included.
const SIZE: usize = 64;

/// Ends a message: NUL for ours and the C server, newline for ncat.
#[derive(Clone, Copy, PartialEq)]
pub enum Delimiter {
    Nul = 0,
    Newline = b'\n' as isize,
}

/// The connected senders and readers.
pub struct Flood {
    senders: Vec<TcpStream>,
    readers: Readers,
    count: usize,
}

pub struct FloodResult {
    /// Messages delivered per second, summed over the readers.
    pub rate: f64,
    /// Messages delivered, summed over the readers.
    pub delivered: usize,
    /// Losses, differences and wrong order; empty for a correct server.
    pub faults: Vec<String>,
}

impl Flood {
    /// Connects `readers`, then the senders, to the server `pid`.
    pub fn connect(pid: i32, address: SocketAddr, readers: usize) -> Flood {
        let all = Readers::new(connect_accepted(pid, address, 0, readers));
        let senders = connect_accepted(pid, address, readers, SENDERS);
        for stream in &senders {
            stream.set_nodelay(true).expect("setsockopt");
            // Bounds how long a sender's two threads outlive the flood, whatever the server does.
            stream.set_read_timeout(Some(Duration::from_millis(50))).expect("setsockopt");
            stream.set_write_timeout(Some(Duration::from_secs(3))).expect("setsockopt");
        }
        Flood { readers: all, senders, count: readers }
    }

    /// Sends `each` messages per sender. Returns when every reader has them all, or after silence.
    pub fn run(&mut self, each: usize, delimiter: Delimiter) -> FloodResult {
        let over = AtomicBool::new(false);
        let mut streams = StreamCheck::new(self.count);
        let text = SIZE - usize::from(delimiter == Delimiter::Nul);
        let to_each_reader = SENDERS * each;
        let messages: Vec<Vec<u8>> =
            (0..SENDERS).map(|sender| messages_of(sender, each, delimiter)).collect();
        let (start, drained) = scope(|scope| {
            let start = Instant::now();
            for (socket, messages) in self.senders.iter().zip(&messages) {
                scope.spawn(|| send_all(socket, messages, &over));
                scope.spawn(|| discard_input(socket, &over));
            }
            let drained =
                self.readers.drain(|reader, bytes| streams.take(reader, bytes, to_each_reader * text));
            over.store(true, Ordering::Relaxed);
            (start, drained)
        });
        let delivered = streams.delivered(text);
        let seconds = drained.last.duration_since(start).as_secs_f64();
        FloodResult {
            rate: delivered as f64 / seconds,
            delivered,
            faults: faults(&streams, delivered, self.count, each),
        }
    }
}

fn send_all(mut socket: &TcpStream, messages: &[u8], over: &AtomicBool) {
    for message in messages.chunks(SIZE) {
        // A server that closes, or stops reading, shows up as messages that the readers lack.
        if socket.write_all(message).is_err() || over.load(Ordering::Relaxed) {
            return;
        }
    }
}

/// Reads and discards until `over`. A sender receives messages like any client, and one that did
/// not read would be dropped as too slow.
pub fn discard_input(mut socket: &TcpStream, over: &AtomicBool) {
    let mut buffer = vec![0; 64 * 1024];
    while !over.load(Ordering::Relaxed) {
        match socket.read(&mut buffer) {
            Ok(0) => return,
            Err(error) if !matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => return,
            _ => {}
        }
    }
}

/// `0 : 000…0`, `0 : 000…1` and so on, each with its delimiter.
fn messages_of(sender: usize, each: usize, delimiter: Delimiter) -> Vec<u8> {
    let message = |i| message(sender, i) + &char::from(delimiter as u8).to_string();
    (0..each).map(message).collect::<String>().into_bytes()
}

fn message(sender: usize, number: usize) -> String {
    format!("{sender} : {number:059}")
}

fn faults(streams: &StreamCheck, delivered: usize, readers: usize, each: usize) -> Vec<String> {
    let mut faults = Vec::new();
    let all = SENDERS * each * readers;
    if delivered != all {
        faults.push(format!("{delivered} of {all} delivered"));
    }
    if !streams.identical {
        faults.push("the readers differ".to_string());
    }
    let mut next = [0; SENDERS];
    let in_order = streams.messages().all(|message_bytes| {
        let sender = usize::from(message_bytes[0].wrapping_sub(b'0'));
        let Some(number) = next.get_mut(sender) else { return false };
        *number += 1;
        message(sender, *number - 1).as_bytes() == message_bytes
    });
    if !in_order {
        faults.push("a sender's messages are not those it sent, or not in its order".to_string());
    }
    faults
}
