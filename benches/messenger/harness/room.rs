//! A room of clients, whoever serves it, and the time until the last of them has a message.
//!
//! The clock runs from before the first `write` until the last socket has been read. All rooms have the same receiver: a
//! thread that never sleeps.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::scope;
use std::time::Instant;

use crate::common::Server;
use crate::harness::readers::{Drained, Readers, all_in};

/// A message with its NUL, and with the NUL that the servers add: the bare loop sends as many bytes.
const MESSAGE: usize = 64;
pub const ON_THE_WIRE: usize = MESSAGE + 1;

/// So many messages of a block count, after so many that do not.
pub const COUNTED: usize = 25;
pub const WARM_UP: usize = 5;

/// Who hears, and what makes them hear one message.
pub struct Room {
    readers: Readers,
    speak: Box<dyn FnMut()>,
    _server: Option<Server>,
}

impl Room {
    /// Clients of a server; the first of them speaks, and hears itself.
    pub fn of(server: Server, clients: usize) -> Room {
        let streams = all_in(server.pid(), server.address, 0, clients);
        let mut speaker = streams[0].try_clone().expect("dup");
        speaker.set_nodelay(true).expect("setsockopt");
        // `O_NONBLOCK` is the readers' too, but a single message always fits.
        let speak = Box::new(move || speaker.write_all(&message()).expect("write"));
        Room { readers: Readers::new(streams), speak, _server: Some(server) }
    }

    /// Connections without a server, and a bare loop of `send`.
    pub fn bare(clients: usize) -> Room {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("getsockname");
        let pair = |_| {
            let reader = TcpStream::connect(address).expect("connect");
            (reader, accepted(&listener))
        };
        let (readers, senders): (_, Vec<TcpStream>) = (0..clients).map(pair).unzip();
        Room { readers: Readers::new(readers), speak: Box::new(move || send_to_all(&senders)), _server: None }
    }

    /// The times of a block of messages, in microseconds: from before the message is spoken until the last has it.
    pub fn block(&mut self) -> Vec<f64> {
        let Room { readers, speak, .. } = self;
        let (arrived, arrivals) = channel();
        let mut micros = Vec::new();
        scope(|scope| {
            scope.spawn(move || {
                for _ in 0..WARM_UP + COUNTED {
                    let arrival = readers.take_from_each(ON_THE_WIRE);
                    let whole = arrival.whole;
                    // After a loss there is nothing to wait for, and the other side gives up as well.
                    if arrived.send(arrival).is_err() || !whole {
                        return;
                    }
                }
            });
            for _ in 0..WARM_UP + COUNTED {
                let start = Instant::now();
                speak();
                let Drained { last, whole } = arrivals.recv().expect("the receiver");
                assert!(whole, "a message did not reach all clients");
                micros.push(last.duration_since(start).as_secs_f64() * 1e6);
            }
        });
        micros.split_off(WARM_UP)
    }
}

/// One message of a client.
pub fn message() -> [u8; MESSAGE] {
    let mut message = [b'x'; MESSAGE];
    message[MESSAGE - 1] = 0;
    message
}

/// The next connection, to send small messages on.
pub fn accepted(listener: &TcpListener) -> TcpStream {
    let (sender, _) = listener.accept().expect("accept");
    sender.set_nodelay(true).expect("setsockopt");
    sender
}

/// The bare loop. A TcpStream's write is send(2) with MSG_NOSIGNAL, as the server's.
pub fn send_to_all(senders: &[TcpStream]) {
    let message = [b'x'; ON_THE_WIRE];
    senders.iter().for_each(|mut socket| socket.write_all(&message).expect("send"));
}
