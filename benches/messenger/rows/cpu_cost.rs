//! What a delivery costs the machine as rooms grow: processor time of a server and its children.

use std::net::SocketAddr;

use crate::common::Server;
use crate::harness::flood::{Crowd, End, SENDERS};
use crate::harness::procfs::cpu_seconds;
use crate::harness::room::{COUNTED, Room, WARM_UP};
use crate::harness::servers::{Blind, c_fork_server, ncat_version};
use crate::plot::{Line, svg};
use crate::rows::throughput::each;
use crate::table::{Row, median};

const CLIENTS: [usize; 3] = [10, 100, 1000];

/// The time of a processor, unlike that of a clock, is hardly touched by the machine's other work.
const ROUNDS: usize = 3;

/// Readers above which ncat is not asked: it waits with select(2), for a thousand descriptors at most.
const NCAT_MOST: usize = 500;

/// Blocks of single messages.
fn blocks(clients: usize) -> usize {
    if clients < 1000 { 20 } else { 3 }
}

/// Who is measured: a name, and what gives CPU seconds per million deliveries to so many clients.
type Contestant = (&'static str, fn(usize) -> Option<f64>);

const CONTESTANTS: [Contestant; 5] = [
    ("ours, flat out", |clients| Some(flood_of(&ours(), clients))),
    ("ours, one message at a time", |clients| Some(single(ours(), clients))),
    ("C fork_server, flat out", |clients| Some(flood_of(&c_fork_server(), clients))),
    ("C fork_server, one at a time", |clients| Some(single(c_fork_server(), clients))),
    ("ncat --broker, flat out", ncat),
];

/// A row, and the plot where it is asked for.
pub fn as_work_grows() -> Vec<Row> {
    let lines: Vec<Line> = CONTESTANTS.into_iter().map(line).collect();
    if let Some(path) = crate::plot_asked_for() {
        std::fs::write(&path, svg(&lines)).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
    let told = |line: &Line| {
        let points = line.points.iter().map(|(clients, cost)| format!("{cost:.3} at {clients}"));
        format!("{}: {}", line.name, points.collect::<Vec<_>>().join(", "))
    };
    let figures = lines[0].points.iter().map(|(_, cost)| format!("{cost:.3}"));
    vec![Row {
        what: "CPU seconds per million deliveries to 10, 100, 1000 clients, 4 senders flat out".to_string(),
        figure: figures.collect::<Vec<_>>().join(", "),
        compared: "-".to_string(),
        reach: "shown",
        reached: None,
        notes: lines.iter().map(told).collect(),
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
    let server = Blind::ncat();
    Some(flat_out(server.program.pid(), server.address, clients, End::Newline))
}

fn flood_of(server: &Server, clients: usize) -> f64 {
    flat_out(server.pid(), server.address, clients, End::Nul)
}

/// The senders are clients as well, so deliveries to them count; ncat gives a message to all but its sender.
fn flat_out(pid: i32, address: SocketAddr, clients: usize, end: End) -> f64 {
    let readers = clients - SENDERS;
    let mut crowd = Crowd::of(pid, address, readers);
    let before = cpu_seconds(pid);
    let flooded = crowd.flood(each(clients), end);
    let hearers = if end == End::Newline { clients - 1 } else { clients };
    let deliveries = flooded.delivered as f64 * hearers as f64 / readers as f64;
    (cpu_seconds(pid) - before) / deliveries * 1e6
}

/// One message at a time: the next when all have this one.
fn single(server: Server, clients: usize) -> f64 {
    let pid = server.pid();
    let mut room = Room::of(server, clients);
    room.block();
    let before = cpu_seconds(pid);
    (0..blocks(clients)).for_each(|_| drop(room.block()));
    let messages = blocks(clients) * (WARM_UP + COUNTED);
    (cpu_seconds(pid) - before) / (messages * clients) as f64 * 1e6
}
