//! A room of clients on any server, and the time until the last client has a message.
//!
//! The clock runs from before the first `write` until the last socket has been read. Every room is
//! read by the same kind of thread, which never sleeps.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::scope;
use std::time::Instant;

use super::readers::{Drained, Readers, connect_accepted};
use crate::common::Server;

/// Bytes of a message, its NUL included.
const MESSAGE: usize = 64;
/// The same and the NUL that the servers append. The bare loop sends as many bytes.
pub const ON_THE_WIRE: usize = MESSAGE + 1;

/// Messages of a block that count, after the warm-up.
pub const COUNTED: usize = 25;
pub const WARM_UP: usize = 5;

/// The readers, and the function that sends them one message.
pub struct Room {
    readers: Readers,
    send: Box<dyn FnMut()>,
    _server: Option<Server>,
}

impl Room {
    /// Clients of a server. The first one sends, and receives its own messages.
    pub fn of(server: Server, clients: usize) -> Room {
        let streams = connect_accepted(server.pid(), server.address, 0, clients);
        let mut sender = streams[0].try_clone().expect("dup");
        sender.set_nodelay(true).expect("setsockopt");
        // The dup shares O_NONBLOCK with the reader; a single message always fits.
        let send = Box::new(move || sender.write_all(&message()).expect("write"));
        Room { readers: Readers::new(streams), send, _server: Some(server) }
    }

    /// Connections without a server: a bare loop of `send`.
    pub fn bare(clients: usize) -> Room {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("getsockname");
        let pair = |_| {
            let reader = TcpStream::connect(address).expect("connect");
            (reader, accept(&listener))
        };
        let (readers, senders): (_, Vec<TcpStream>) = (0..clients).map(pair).unzip();
        Room { readers: Readers::new(readers), send: Box::new(move || send_to_all(&senders)), _server: None }
    }

    /// Latencies of a block of messages, in microseconds: from before a message is sent until the
    /// last client has it.
    pub fn block(&mut self) -> Vec<f64> {
        let Room { readers, send, .. } = self;
        let (arrived, arrivals) = channel();
        let mut micros = Vec::new();
        scope(|scope| {
            scope.spawn(move || {
                for _ in 0..WARM_UP + COUNTED {
                    let arrival = readers.read_from_each(ON_THE_WIRE);
                    let complete = arrival.complete;
                    // After a loss nothing more is to be waited for, and the other side panics.
                    if arrived.send(arrival).is_err() || !complete {
                        return;
                    }
                }
            });
            for _ in 0..WARM_UP + COUNTED {
                let start = Instant::now();
                send();
                let Drained { last, complete } = arrivals.recv().expect("the receiver");
                assert!(complete, "a message did not reach all clients");
                micros.push(last.duration_since(start).as_secs_f64() * 1e6);
            }
        });
        micros.split_off(WARM_UP)
    }
}

/// `xx…x\0`.
pub fn message() -> [u8; MESSAGE] {
    let mut message = [b'x'; MESSAGE];
    message[MESSAGE - 1] = 0;
    message
}

/// Accepts a connection and sets TCP_NODELAY.
pub fn accept(listener: &TcpListener) -> TcpStream {
    let (sender, _) = listener.accept().expect("accept");
    sender.set_nodelay(true).expect("setsockopt");
    sender
}

/// The bare loop. `TcpStream::write` is send(2) with MSG_NOSIGNAL, as in the server.
pub fn send_to_all(senders: &[TcpStream]) {
    let message = [b'x'; ON_THE_WIRE];
    senders.iter().for_each(|mut socket| socket.write_all(&message).expect("send"));
}
