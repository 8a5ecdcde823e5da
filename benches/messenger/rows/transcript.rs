//! Rows 20 and 21: cost of `--transcript`, which writes messages to a file before they are sent,
//! and of `--transcript-sync`, which waits for the disk as well.

use std::path::Path;

use tempfile::TempDir;

use super::throughput::messages_per_sender;
use crate::common::Server;
use crate::harness::flood::{Delimiter, Flood};
use crate::harness::room::Room;
use crate::harness::servers::ours_to_dev_null;
use crate::table::{ROUNDS, Row, median, micros, spread};

/// Clients that read.
const CLIENTS: usize = 10;

/// Blocks of single messages per room in a round.
const BLOCKS: usize = 6;

/// The variants, in the order of their turns.
const NAMES: [&str; 3] = ["without", "--transcript", "--transcript-sync"];

pub fn rows() -> Vec<Row> {
    // The build directory is usually on a disk, where /tmp may be memory.
    let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).expect("a directory");
    vec![flood(&directory), single(&directory)]
}

fn options(variant: usize, path: &Path) -> Vec<&str> {
    let path = path.to_str().expect("UTF-8");
    let all = ["--pace", "0", "-q", "--transcript", path, "--transcript-sync"];
    all[..[3, 5, 6][variant]].to_vec()
}

/// Row 20. Each flood has a new server and an empty file.
fn flood(directory: &TempDir) -> Row {
    let once = |variant: usize| {
        let path = directory.path().join("flood");
        let server = Server::start(&options(variant, &path));
        let result = Flood::connect(server.pid(), server.address, CLIENTS)
            .run(messages_per_sender(CLIENTS), Delimiter::Nul);
        assert!(result.faults.is_empty(), "{:?}", result.faults);
        let _ = std::fs::remove_file(path);
        result.rate / 1e6
    };
    let rounds: Vec<[f64; 3]> = (0..ROUNDS).map(|_| [once(0), once(1), once(2)]).collect();
    row(
        "4 senders flat out, 10 readers, 64-byte messages, `--pace 0 -q`: deliveries a second",
        &rounds,
        |rate| format!("{rate:.2} million"),
    )
}

/// Row 21. A file per variant: a running server holds a lock on its transcript.
fn single(directory: &TempDir) -> Row {
    let room = |variant: usize| {
        let path = directory.path().join(format!("single{variant}"));
        Room::of(ours_to_dev_null(&options(variant, &path)[2..]), CLIENTS)
    };
    let mut rooms = [room(0), room(1), room(2)];
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

fn row(measurement: &str, rounds: &[[f64; 3]], format: impl Fn(f64) -> String) -> Row {
    let column = |variant: usize| rounds.iter().map(|round| round[variant]).collect::<Vec<_>>();
    let ratios = |variant: usize| rounds.iter().map(|round| round[variant] / round[0]).collect::<Vec<_>>();
    let each =
        (0..NAMES.len()).map(|variant| format!("{} {}", NAMES[variant], format(median(&column(variant)))));
    let each = each.collect::<Vec<_>>().join(", ");
    Row {
        measurement: format!("{measurement}; with `--transcript`, with `--transcript-sync`"),
        figure: format!("{:.2}, {:.2}", median(&ratios(1)), median(&ratios(2))),
        compared: "without = 1".to_string(),
        target: "none",
        met: None,
        notes: vec![format!("{each}; ratios {} and {}", spread(&ratios(1)), spread(&ratios(2)))],
    }
}
