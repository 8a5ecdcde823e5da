//! One message to a room: our time against the least that it could take, and against a C server of the same form.
//!
//! The least is a bare loop: a thread that calls `send` on as many connected sockets, nothing else. Ours has a way to go
//! before that: the client's `write`, its child, the pipe, the hub. In a small room that way is all there is, so ours is
//! measured there against a server that goes the same way: c-compat's fork_server.

use crate::harness::room::Room;
use crate::harness::servers::{c_fork_server, ours_to_dev_null};
use crate::table::{ROUNDS, Row, median, micros, quantile, spread};

/// The rooms take turns by blocks of messages, so that the machine's other work meets all alike. Blocks of each in a round:
/// some 300 messages, fewer where one takes milliseconds.
fn blocks(clients: usize) -> usize {
    if clients < 1000 { 12 } else { 2 }
}

/// In the order in which they take turns.
const NAMES: [&str; 4] = ["ours", "the bare loop", "C fork_server", "ours with -q"];

/// Median and 99th percentile of one round.
#[derive(Clone, Copy)]
struct Times {
    p50: f64,
    p99: f64,
}

/// One message to so many clients.
pub fn latency(clients: usize) -> Vec<Row> {
    let (rival, reach, at_most) =
        if clients < 100 { (2, "at most 1.0", 1.0) } else { (1, "at most 1.25", 1.25) };
    let rounds = rounds(clients);
    let column = |which: usize, of: fn(&Times) -> f64| -> Vec<f64> {
        rounds.iter().map(|times| of(&times[which])).collect()
    };
    let ratios = |which: usize, to: usize, of: fn(&Times) -> f64| -> Vec<f64> {
        column(which, of).iter().zip(column(to, of)).map(|(one, other)| one / other).collect()
    };
    let p50s = ratios(0, rival, |times| times.p50);
    let p99s = ratios(0, rival, |times| times.p99);
    let told = |which: usize| {
        let [p50, p99] = [|t: &Times| t.p50, |t: &Times| t.p99].map(|of| micros(median(&column(which, of))));
        format!("{} {p50} / {p99}", NAMES[which])
    };
    let quiet = median(&ratios(3, rival, |times| times.p50));
    let s = if clients == 1 { "" } else { "s" };
    vec![Row {
        what: format!("one message to {clients} client{s}, `--pace 0`, until the last has it: p50 (p99)"),
        figure: format!("{:.2} ({:.2})", median(&p50s), median(&p99s)),
        compared: format!("{} = 1", NAMES[rival]),
        reach,
        // As exact as it is printed.
        reached: Some((median(&p50s) * 100.0).round() / 100.0 <= at_most),
        notes: vec![format!(
            "p50 / p99: {}; with -q the p50 is {quiet:.2}; rounds {} ({})",
            (0..NAMES.len()).map(told).collect::<Vec<_>>().join(", "),
            spread(&p50s),
            spread(&p99s)
        )],
    }]
}

fn rounds(clients: usize) -> Vec<[Times; 4]> {
    let ours = |options: &[&str]| Room::of(ours_to_dev_null(options), clients);
    let mut rooms = [ours(&[]), Room::bare(clients), Room::of(c_fork_server(), clients), ours(&["-q"])];
    let round = |_| {
        let mut times = [const { Vec::new() }; 4];
        for _ in 0..blocks(clients) {
            rooms.iter_mut().zip(&mut times).for_each(|(room, times)| times.extend(room.block()));
        }
        times.map(|times| Times { p50: median(&times), p99: quantile(&times, 0.99) })
    };
    (0..ROUNDS).map(round).collect()
}
