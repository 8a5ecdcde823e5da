//! Row 17: processor time per delivery as rooms grow, summed over a server and its children.

use std::net::SocketAddr;

use super::throughput::messages_per_sender;
use crate::common::Server;
use crate::harness::flood::{Delimiter, Flood, SENDERS};
use crate::harness::procfs::cpu_seconds;
use crate::harness::room::{COUNTED, Room, WARM_UP};
use crate::harness::servers::{FixedPortServer, c_fork_server, ncat_version};
use crate::plot::{Line, svg};
use crate::table::{Row, median};

const CLIENTS: [usize; 3] = [10, 100, 1000];

/// Fewer than elsewhere: other load hardly affects processor time.
const ROUNDS: usize = 3;

/// ncat waits with select(2), which has a thousand descriptors at most.
const NCAT_MOST: usize = 500;

/// Blocks of single messages.
fn blocks(clients: usize) -> usize {
    if clients < 1000 { 20 } else { 3 }
}

/// A name, and a function from clients to CPU seconds per million deliveries.
type Contestant = (&'static str, fn(usize) -> Option<f64>);

const CONTESTANTS: [Contestant; 5] = [
    ("ours, flat out", |clients| Some(flood_of(&ours(), clients))),
    ("ours, one message at a time", |clients| Some(single(ours(), clients))),
    ("C fork_server, flat out", |clients| Some(flood_of(&c_fork_server(), clients))),
    ("C fork_server, one at a time", |clients| Some(single(c_fork_server(), clients))),
    ("ncat --broker, flat out", ncat),
];

/// The row, and the plot if `--plot` was given.
pub fn by_room_size() -> Vec<Row> {
    let lines: Vec<Line> = CONTESTANTS.into_iter().map(line).collect();
    if let Some(path) = crate::plot_path() {
        std::fs::write(&path, svg(&lines)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let note = |line: &Line| {
        let points = line.points.iter().map(|(clients, cost)| format!("{cost:.3} at {clients}"));
        format!("{}: {}", line.name, points.collect::<Vec<_>>().join(", "))
    };
    let figures = lines[0].points.iter().map(|(_, cost)| format!("{cost:.3}"));
    vec![Row {
        measurement: "CPU seconds per million deliveries to 10, 100, 1000 clients, 4 senders flat out"
            .to_string(),
        figure: figures.collect::<Vec<_>>().join(", "),
        compared: "-".to_string(),
        target: "none",
        met: None,
        notes: lines.iter().map(note).collect(),
    }]
}

fn line((name, measure): Contestant) -> Line {
    let point = |clients: usize| {
        let rounds: Option<Vec<f64>> = (0..ROUNDS).map(|_| measure(clients)).collect();
        Some((clients, median(&rounds?)))
    };
    Line { name, points: CLIENTS.into_iter().filter_map(point).collect() }
}

fn ours() -> Server {
    Server::start(&["--pace", "0", "-q", "--max-clients", "1010"])
}

fn ncat(clients: usize) -> Option<f64> {
    ncat_version().filter(|_| clients <= NCAT_MOST)?;
    let server = FixedPortServer::ncat();
    Some(flat_out(server.program.pid(), server.address, clients, Delimiter::Newline))
}

fn flood_of(server: &Server, clients: usize) -> f64 {
    flat_out(server.pid(), server.address, clients, Delimiter::Nul)
}

/// CPU seconds per million deliveries of a flood. Deliveries to the senders count as well: they are
/// clients too, except that ncat sends a message to all but its sender.
fn flat_out(pid: i32, address: SocketAddr, clients: usize, delimiter: Delimiter) -> f64 {
    let readers = clients - SENDERS;
    let mut flood = Flood::connect(pid, address, readers);
    let before = cpu_seconds(pid);
    let result = flood.run(messages_per_sender(clients), delimiter);
    let recipients = if delimiter == Delimiter::Newline { clients - 1 } else { clients };
    let deliveries = result.delivered as f64 * recipients as f64 / readers as f64;
    (cpu_seconds(pid) - before) / deliveries * 1e6
}

/// CPU seconds per million deliveries when each message is sent after the last has arrived
/// everywhere.
fn single(server: Server, clients: usize) -> f64 {
    let pid = server.pid();
    let mut room = Room::of(server, clients);
    room.block();
    let before = cpu_seconds(pid);
    (0..blocks(clients)).for_each(|_| drop(room.block()));
    let messages = blocks(clients) * (WARM_UP + COUNTED);
    (cpu_seconds(pid) - before) / (messages * clients) as f64 * 1e6
}
