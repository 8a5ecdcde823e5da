//! Many sockets read by one thread: the receiving side of the measurements.
//!
//! One thread, not a thread for each socket: a hundred threads would fight with the server for two cores, and each would
//! cost the sender a wake-up of its own.

use std::io::{ErrorKind, Read};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

use crate::common::{descriptors_of, eventually};

/// No byte for so long: what lacks will not come.
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
    /// False: there was silence, or a connection ended, before all had come.
    pub whole: bool,
}

impl Readers {
    /// Takes over `streams`.
    pub fn new(streams: Vec<TcpStream>) -> Readers {
        let mut readers = Readers { streams: Vec::new(), buffer: vec![0; 64 * 1024] };
        readers.add(streams);
        readers
    }

    /// Takes over `streams` as well.
    pub fn add(&mut self, streams: Vec<TcpStream>) {
        for stream in &streams {
            stream.set_nonblocking(true).expect("fcntl");
        }
        self.streams.extend(streams);
    }

    /// Connects `count` of them.
    pub fn connect(address: SocketAddr, count: usize) -> Readers {
        Readers::new((0..count).map(|_| TcpStream::connect(address).expect("connect")).collect())
    }

    /// Reads whatever comes, on whichever socket, until `take` has all that it wants and says so. It gets the reader's
    /// place and the bytes.
    pub fn drain(&mut self, mut take: impl FnMut(usize, &[u8]) -> bool) -> Drained {
        let Readers { streams, buffer } = self;
        let mut watched: Vec<PollFd> =
            streams.iter().map(|stream| PollFd::new(stream.as_fd(), PollFlags::POLLIN)).collect();
        let silence = PollTimeout::try_from(SILENCE).expect("a few seconds");
        let mut last = Instant::now();
        while poll(&mut watched, silence).expect("poll") > 0 {
            for (place, fd) in watched.iter().enumerate() {
                if fd.any() == Some(false) {
                    continue;
                }
                match read(&streams[place], buffer) {
                    Some(0) => return Drained { last, whole: false },
                    Some(n) => {
                        let all = take(place, &buffer[..n]);
                        last = Instant::now();
                        if all {
                            return Drained { last, whole: true };
                        }
                    }
                    None => {}
                }
            }
        }
        Drained { last, whole: false }
    }

    /// Reads `bytes` bytes from every socket. It never sleeps: it asks those that lack something again and again.
    ///
    /// So nobody who sends has to wake it, and no look at a hundred sockets stands between a byte's arrival and its
    /// reading: the last is read some 10 µs after the last `send` (with poll, asleep or not, 100 µs and more: then the
    /// time is the receiver's, whatever the sender does). It costs a core while it lasts.
    pub fn take_from_each(&mut self, bytes: usize) -> Drained {
        let Readers { streams, buffer } = self;
        let mut lacking: Vec<(&TcpStream, usize)> = streams.iter().map(|stream| (stream, bytes)).collect();
        let mut last = Instant::now();
        let mut ended = false;
        while !lacking.is_empty() && !ended && last.elapsed() < SILENCE {
            lacking.retain_mut(|(stream, lacks)| {
                if let Some(n) = read(stream, buffer) {
                    last = Instant::now();
                    ended |= n == 0;
                    *lacks = lacks.saturating_sub(n);
                }
                *lacks > 0
            });
        }
        Drained { last, whole: lacking.is_empty() }
    }
}

/// Connects `count` clients to the server `pid`, which has `present` ones, and waits until it has them all: one descriptor
/// for each, and the listening one. Eight at a time, or its backlog (ncat's is 10) would overflow, and TCP waits for a
/// second before it tries again.
pub fn all_in(pid: i32, address: SocketAddr, present: usize, count: usize) -> Vec<TcpStream> {
    let sockets = || descriptors_of(pid).iter().filter(|(_, what)| what.starts_with("socket:")).count();
    let mut streams = Vec::with_capacity(count);
    while streams.len() < count {
        let next = (count - streams.len()).min(8);
        streams.extend((0..next).map(|_| TcpStream::connect(address).expect("connect")));
        eventually("a server that accepts", || (sockets() == present + streams.len() + 1).then_some(()));
    }
    streams
}

/// One read. `Some(0)` is the end of the connection, orderly or not; `None`: nothing is there.
fn read(mut stream: &TcpStream, buffer: &mut [u8]) -> Option<usize> {
    match stream.read(buffer) {
        Ok(n) => Some(n),
        Err(error) if error.kind() == ErrorKind::WouldBlock => None,
        Err(_) => Some(0),
    }
}
