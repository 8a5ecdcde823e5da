//! What it costs to write down what is said before it is sent, and to wait until the disk has it.

use std::path::Path;

use tempfile::TempDir;

use crate::common::Server;
use crate::harness::flood::{Crowd, End};
use crate::harness::room::Room;
use crate::harness::servers::ours_to_dev_null;
use crate::rows::throughput::each;
use crate::table::{ROUNDS, Row, median, micros, spread};

/// Who hears.
const CLIENTS: usize = 10;

/// Blocks of single messages of each in a round.
const BLOCKS: usize = 6;

/// In the order in which they take turns.
const NAMES: [&str; 3] = ["without", "--transcript", "--transcript-sync"];

/// A row for a flood, and one for single messages.
pub fn costs() -> Vec<Row> {
    // On a disk, where there is one: what is built lies there.
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    vec![flood(&place), single(&place)]
}

fn options(which: usize, path: &Path) -> Vec<&str> {
    let path = path.to_str().expect("UTF-8");
    let all = ["--pace", "0", "-q", "--transcript", path, "--transcript-sync"];
    all[..[3, 5, 6][which]].to_vec()
}

/// In each round, a server and a file of its own.
fn flood(place: &TempDir) -> Row {
    let once = |which: usize| {
        let path = place.path().join("flood");
        let server = Server::start(&options(which, &path));
        let flooded = Crowd::of(server.pid(), server.address, CLIENTS).flood(each(CLIENTS), End::Nul);
        assert!(flooded.faults.is_empty(), "{:?}", flooded.faults);
        // The next begins with an empty one.
        let _ = std::fs::remove_file(path);
        flooded.rate / 1e6
    };
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(|_| [once(0), once(1), once(2)]).collect();
    row(
        "4 senders flat out, 10 readers, 64-byte messages, `--pace 0 -q`: deliveries a second",
        &rounds,
        |rate| format!("{rate:.2} million"),
    )
}

fn single(place: &TempDir) -> Row {
    let path = place.path().join("single");
    let mut rooms = [0, 1, 2].map(|which| Room::of(ours_to_dev_null(&options(which, &path)[2..]), CLIENTS));
    let round = |_| {
        let mut times = [const { Vec::new() }; 3];
        for _ in 0..BLOCKS {
            rooms.iter_mut().zip(&mut times).for_each(|(room, times)| times.extend(room.block()));
        }
        times.map(|times| median(&times))
    };
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(round).collect();
    row("one message to 10 clients, `--pace 0 -q`, until the last has it: p50", &rounds, micros)
}

fn row(what: &str, rounds: &[[f64; 3]], told: impl Fn(f64) -> String) -> Row {
    let column = |which: usize| rounds.iter().map(|round| round[which]).collect::<Vec<_>>();
    let ratios = |which: usize| rounds.iter().map(|round| round[which] / round[0]).collect::<Vec<_>>();
    let each = (0..NAMES.len()).map(|which| format!("{} {}", NAMES[which], told(median(&column(which)))));
    let each = each.collect::<Vec<_>>().join(", ");
    Row {
        what: format!("{what}; with `--transcript`, with `--transcript-sync`"),
        figure: format!("{:.2}, {:.2}", median(&ratios(1)), median(&ratios(2))),
        compared: "without = 1".to_string(),
        reach: "shown",
        reached: None,
        notes: vec![format!("{each}; ratios {} and {}", spread(&ratios(1)), spread(&ratios(2)))],
    }
}
