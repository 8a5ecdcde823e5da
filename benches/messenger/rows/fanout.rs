//! Rows 3 to 6: latency of one message to a whole room, against a bare loop of `send` and against a
//! C server of the same architecture.
//!
//! The bare loop, one thread that calls `send` on as many sockets, is the lower bound. A message to
//! a server also passes the client's `write`, its worker, the pipe and the hub. In a small room
//! that is nearly all of the time, so small rooms are compared with c-compat's fork_server, which
//! has the same path.

use crate::harness::room::Room;
use crate::harness::servers::{c_fork_server, ours_to_dev_null};
use crate::table::{ROUNDS, Row, median, micros, quantile, spread};

/// Blocks of messages per round, some 300 messages; fewer where one takes milliseconds. The rooms
/// alternate block by block, so that other load on the machine affects all of them alike.
fn blocks(clients: usize) -> usize {
    if clients < 1000 { 12 } else { 2 }
}

/// The rooms, in the order of their turns.
const NAMES: [&str; 4] = ["ours", "the bare loop", "C fork_server", "ours with -q"];
const OURS: usize = 0;
const BARE: usize = 1;
const C: usize = 2;
const QUIET: usize = 3;

/// Median and 99th percentile of a round, in microseconds.
#[derive(Clone, Copy)]
struct Latency {
    p50: f64,
    p99: f64,
}

pub fn latency(clients: usize) -> Vec<Row> {
    let (baseline, target, at_most) =
        if clients < 100 { (C, "at most 1.0", 1.0) } else { (BARE, "at most 1.25", 1.25) };
    let rounds = rounds(clients);
    let column = |room: usize, of: fn(&Latency) -> f64| -> Vec<f64> {
        rounds.iter().map(|latencies| of(&latencies[room])).collect()
    };
    let ratios = |room: usize, of: fn(&Latency) -> f64| -> Vec<f64> {
        column(room, of).iter().zip(column(baseline, of)).map(|(one, other)| one / other).collect()
    };
    let p50s = ratios(OURS, |latency| latency.p50);
    let p99s = ratios(OURS, |latency| latency.p99);
    let absolute = |room: usize| {
        let [p50, p99] =
            [|l: &Latency| l.p50, |l: &Latency| l.p99].map(|of| micros(median(&column(room, of))));
        format!("{} {p50} / {p99}", NAMES[room])
    };
    let quiet = median(&ratios(QUIET, |latency| latency.p50));
    let s = if clients == 1 { "" } else { "s" };
    vec![Row {
        measurement: format!(
            "one message to {clients} client{s}, `--pace 0`, until the last has it: p50 (p99)"
        ),
        figure: format!("{:.2} ({:.2})", median(&p50s), median(&p99s)),
        compared: format!("{} = 1", NAMES[baseline]),
        target,
        // Rounded as printed.
        met: Some((median(&p50s) * 100.0).round() / 100.0 <= at_most),
        notes: vec![format!(
            "p50 / p99: {}; with -q the p50 is {quiet:.2}; rounds {} ({})",
            (0..NAMES.len()).map(absolute).collect::<Vec<_>>().join(", "),
            spread(&p50s),
            spread(&p99s)
        )],
    }]
}

fn rounds(clients: usize) -> Vec<[Latency; 4]> {
    let ours = |options: &[&str]| Room::of(ours_to_dev_null(options), clients);
    let mut rooms = [ours(&[]), Room::bare(clients), Room::of(c_fork_server(), clients), ours(&["-q"])];
    let round = |_| {
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..blocks(clients) {
            rooms.iter_mut().zip(&mut times).for_each(|(room, times)| times.extend(room.block()));
        }
        times.map(|times| Latency { p50: median(&times), p99: quantile(&times, 0.99) })
    };
    (0..ROUNDS).map(round).collect()
}
