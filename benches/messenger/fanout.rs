//! One message to a hundred: our time against the least that it could take.
//!
//! The least is a bare loop: a thread that calls `send` on a hundred connected sockets, nothing else. Ours has a way to
//! go before that: the client's `write`, its child, the pipe, the hub. Both have the same receiver, and the clock runs
//! from before the (first) `write` until the last socket has been read.

use std::io::Write;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::sync::mpsc::channel;
use std::thread::scope;
use std::time::Instant;

use crate::common::Server;
use crate::readers::{Drained, Readers};
use crate::table::{ROUNDS, Row, median, spread};

const CLIENTS: usize = 100;

/// A message with its NUL, and with the NUL that the server adds: the bare loop sends as many bytes.
const MESSAGE: usize = 64;
const ON_THE_WIRE: usize = MESSAGE + 1;

/// The two take turns by blocks of messages, so that the machine's other work meets both alike: so many of a block
/// count, after so many that do not.
const COUNTED: usize = 25;
const WARM_UP: usize = 5;

/// Blocks of each in a round.
const BLOCKS: usize = 12;

/// Row 3.
pub fn latency() -> Row {
    let (mut ours, mut bare) = (Room::open(&["--pace", "0"]), Bare::open());
    let mut quiet = Room::open(&["--pace", "0", "-q"]);
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let mut times = [Vec::new(), Vec::new(), Vec::new()];
        for _ in 0..BLOCKS {
            times[0].extend(ours.block());
            times[1].extend(bare.block());
            times[2].extend(quiet.block());
        }
        rounds.push(times.map(|times| median(&times)));
    }
    let column = |of: fn(&[f64; 3]) -> f64| -> Vec<f64> { rounds.iter().map(of).collect() };
    let ratios = column(|[ours, bare, _]| ours / bare);
    let ratio = median(&ratios);
    let p50 = [0, 1, 2].map(|which| median(&rounds.iter().map(|round| round[which]).collect::<Vec<_>>()));
    let [ours, bare, quiet] = p50;
    Row {
        what: "3. one message to 100 clients, --pace 0, until the last has it",
        figure: format!("{ratio:.2}"),
        compared: "a bare loop of `send` to 100 sockets = 1".to_string(),
        reach: "at most 1.25",
        reached: Some(ratio <= 1.25),
        notes: vec![
            format!("rounds {}; p50 {ours:.0} µs, the bare loop's {bare:.0} µs", spread(&ratios)),
            format!("with -q {:.2} (p50 {quiet:.0} µs)", median(&column(|[_, bare, quiet]| quiet / bare))),
        ],
    }
}

/// A hundred clients of our server; the first of them speaks, and hears itself.
struct Room {
    readers: Readers,
    speaker: TcpStream,
    _server: Server,
}

impl Room {
    fn open(options: &[&str]) -> Room {
        let server = Server::start(options);
        let speaker = TcpStream::connect(server.address).expect("connect");
        speaker.set_nodelay(true).expect("setsockopt");
        let mut streams = vec![speaker.try_clone().expect("dup")];
        streams.extend((1..CLIENTS).map(|_| TcpStream::connect(server.address).expect("connect")));
        server.settle(CLIENTS);
        Room { readers: Readers::new(streams), speaker, _server: server }
    }

    fn block(&mut self) -> Vec<f64> {
        let message = [&[b'x'; MESSAGE - 1][..], b"\0"].concat();
        // `O_NONBLOCK` is the readers' too, but a single message always fits.
        times(&mut self.readers, || self.speaker.write_all(&message).expect("write"))
    }
}

/// A hundred connections and no server.
struct Bare {
    readers: Readers,
    senders: Vec<TcpStream>,
}

impl Bare {
    fn open() -> Bare {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("getsockname");
        let pair = |_| {
            let reader = TcpStream::connect(address).expect("connect");
            let (sender, _) = listener.accept().expect("accept");
            sender.set_nodelay(true).expect("setsockopt");
            (reader, sender)
        };
        let (readers, senders) = (0..CLIENTS).map(pair).unzip();
        Bare { readers: Readers::new(readers), senders }
    }

    fn block(&mut self) -> Vec<f64> {
        let message = [b'x'; ON_THE_WIRE];
        // A TcpStream's write is send(2) with MSG_NOSIGNAL, as the server's.
        times(&mut self.readers, || {
            self.senders.iter_mut().for_each(|socket| socket.write_all(&message).expect("send"));
        })
    }
}

/// The times, in microseconds, from before `send` until the last of `readers` has the message.
fn times(readers: &mut Readers, mut send: impl FnMut()) -> Vec<f64> {
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
            send();
            let Drained { last, whole } = arrivals.recv().expect("the receiver");
            assert!(whole, "a message did not reach all {CLIENTS} clients");
            micros.push(last.duration_since(start).as_secs_f64() * 1e6);
        }
    });
    micros.split_off(WARM_UP)
}
