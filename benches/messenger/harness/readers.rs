//! Many sockets read by one thread.
//!
//! With a thread per socket, a hundred threads would compete with the server for two cores, and
//! each would cost the sender a wake-up.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::common::{descriptors_of, eventually};

/// Without a byte for this long, the rest is counted as lost.
const SILENCE: Duration = Duration::from_secs(3);

/// Connections that only read.
pub struct Readers {
    streams: Vec<TcpStream>,
    buffer: Vec<u8>,
}

/// How reading ended.
pub struct Drained {
    /// When the last bytes had been read.
    pub last: Instant,
    /// False: silence, or a closed connection, before everything had arrived.
    pub complete: bool,
}

impl Readers {
    /// Makes `streams` non-blocking.
    pub fn new(streams: Vec<TcpStream>) -> Readers {
        let mut readers = Readers { streams: Vec::new(), buffer: vec![0; 64 * 1024] };
        readers.add(streams);
        readers
    }

    /// Makes `streams` non-blocking and appends them.
    pub fn add(&mut self, streams: Vec<TcpStream>) {
        for stream in &streams {
            stream.set_nonblocking(true).expect("fcntl");
        }
        self.streams.extend(streams);
    }

    /// Opens `count` connections.
    pub fn connect(address: SocketAddr, count: usize) -> Readers {
        Readers::new((0..count).map(|_| TcpStream::connect(address).expect("connect")).collect())
    }

    /// Reads from all sockets until `take` returns true. It is called with a reader's index and the
    /// bytes it received.
    pub fn drain(&mut self, mut take: impl FnMut(usize, &[u8]) -> bool) -> Drained {
        let Readers { streams, buffer } = self;
        let mut polled: Vec<PollFd> =
            streams.iter().map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        let silence = PollTimeout::try_from(SILENCE).expect("a few seconds");
        let mut last = Instant::now();
        while poll(&mut polled, silence).expect("poll") > 0 {
            for (index, fd) in polled.iter().enumerate() {
                if fd.any() == Some(false) {
                    continue;
                }
                match read(&streams[index], buffer) {
                    Some(0) => return Drained { last, complete: false },
                    Some(n) => {
                        let all = take(index, &buffer[..n]);
                        last = Instant::now();
                        if all {
                            return Drained { last, complete: true };
                        }
                    }
                    None => {}
                }
            }
        }
        Drained { last, complete: false }
    }

    /// Reads `bytes` bytes from every socket in a busy loop over the sockets that still lack some.
    ///
    /// No sender has to wake the reader, and no poll of a hundred sockets stands between a byte's
    /// arrival and its reading: the last is read some 10 µs after the last `send`. With poll(2) it
    /// is 100 µs and more, asleep or not, and the figure would be the reader's. Costs a core
    /// meanwhile.
    pub fn read_from_each(&mut self, bytes: usize) -> Drained {
        let Readers { streams, buffer } = self;
        let mut pending: Vec<(&TcpStream, usize)> = streams.iter().map(|stream| (stream, bytes)).collect();
        let mut last = Instant::now();
        let mut ended = false;
        while !pending.is_empty() && !ended && last.elapsed() < SILENCE {
            pending.retain_mut(|(stream, lacks)| {
                if let Some(n) = read(stream, buffer) {
                    last = Instant::now();
                    ended |= n == 0;
                    *lacks = lacks.saturating_sub(n);
                }
                *lacks > 0
            });
        }
        Drained { last, complete: pending.is_empty() }
    }
}

/// Connects `count` clients to the server `pid`, which has `present` already, and waits until it
/// has accepted them: one socket per client, and the listening one. In steps of eight: more could
/// overflow the backlog (10 for ncat), and TCP retries after a second.
pub fn connect_accepted(pid: i32, address: SocketAddr, present: usize, count: usize) -> Vec<TcpStream> {
    let sockets = || descriptors_of(pid).iter().filter(|(_, what)| what.starts_with("socket:")).count();
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let next = (count - streams.len()).min(8);
        streams.extend((0..next).map(|_| TcpStream::connect(address).expect("connect")));
        eventually("a server that accepts", || (sockets() == present + streams.len() + 1).then_some(()));
    }
    streams
}

/// `Some(0)`: the connection has ended, in order or by an error. `None`: nothing to read yet.
fn read(mut stream: &TcpStream, buffer: &mut [u8]) -> Option<usize> {
    match stream.read(buffer) {
        Ok(n) => Some(n),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => Some(0),
    }
}
