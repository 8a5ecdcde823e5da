//! What a child costs: the memory that is its own.

use crate::common::{Server, descriptors_of, eventually};
use crate::flood::{Crowd, End, SENDERS};
use crate::readers::Readers;
use crate::table::Row;

const CHILDREN: usize = 100;
const NEWCOMERS: usize = 20;

/// Messages of each sender.
const EACH: usize = 5_000;

/// What the child's descriptors are: 0, 1, 2, the pipe, its client.
const DESCRIPTORS: usize = 5;

const REACH: usize = 64;

/// Row 5.
pub fn of_a_child() -> Row {
    let server = Server::start(&[]);
    let mut crowd = Crowd::join(server.address, CHILDREN - SENDERS);
    let idle = worst(&server, CHILDREN);
    let faults = crowd.flood(EACH, End::Nul).faults;
    assert!(faults.is_empty(), "the flood: {faults:?}");
    let flooded = worst(&server, CHILDREN);
    let _newcomers = Readers::connect(server.address, NEWCOMERS);
    let joined = worst(&server, CHILDREN + NEWCOMERS);
    let figure = idle.max(flooded).max(joined);
    Row {
        what: "private memory of a child (Private_Dirty), the largest of 100",
        figure: format!("{figure} kB"),
        compared: "-".to_string(),
        reach: "at most 64 kB",
        reached: Some(figure <= REACH),
        notes: vec![format!(
            "idle {idle} kB, after a flood of {} messages {flooded} kB, with {NEWCOMERS} more clients after it {joined} kB",
            SENDERS * EACH
        )],
    }
}

/// The most private memory of a child, in kB, once there are `count` and all wait for their clients.
fn worst(server: &Server, count: usize) -> usize {
    let children = server.wait_for_children(count);
    let waits = |&child: &i32| descriptors_of(child).len() == DESCRIPTORS && state(child) == Some('S');
    eventually("children that wait", || children.iter().all(waits).then_some(()));
    children.into_iter().map(private_dirty).max().expect("children")
}

/// `S` for a process that waits: proc_pid_stat(5).
fn state(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

fn private_dirty(pid: i32) -> usize {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).expect("Private_Dirty");
    line.split_whitespace().next().and_then(|kb| kb.parse().ok()).expect("a number of kB")
}
