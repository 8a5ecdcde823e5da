//! Row 19: private memory of a worker.
//!
//! fork copies no pages at first (copy-on-write). A page that the hub or the worker writes later is
//! duplicated, and the old copy becomes the worker's own once no other worker shares it. So the
//! figure depends on the writes between two forks: clients that all connect at once, and are
//! measured at once, are the best case, and four others are measured besides.

use std::fs::File;
use std::net::TcpStream;

use crate::common::{SERVER, Server, eventually};
use crate::harness::flood::{Delimiter, Flood, SENDERS};
use crate::harness::procfs::{private_dirty, worker_is_idle};
use crate::harness::readers::Readers;
use crate::table::Row;

const CHILDREN: usize = 100;
const LATECOMERS: usize = 20;

/// Messages of each sender of a flood.
const EACH: usize = 5_000;

/// The target, in kB.
pub const MOST_KB: usize = 64;

/// The largest worker of all cases.
pub fn per_child() -> Vec<Row> {
    settle_program();
    let [idle, flooded, joined, between] = around_floods();
    let talking = connected_during_talk();
    let figure = [idle, flooded, joined, between, talking].into_iter().max().expect("figures");
    vec![Row {
        measurement: "private memory of a child (Private_Dirty in smaps_rollup), the largest of 100"
            .to_string(),
        figure: format!("{figure} kB"),
        compared: "-".to_string(),
        target: "at most 64 kB",
        met: Some(figure <= MOST_KB),
        notes: vec![
            format!(
                "100 connected at once: idle {idle} kB; after a flood of {} messages {flooded} kB; with {LATECOMERS} \
                 more after it {joined} kB; one more between two further floods {between} kB",
                SENDERS * EACH
            ),
            format!("100 connected one by one, each followed by a message: {talking} kB"),
        ],
    }]
}

/// Writes the program to disk: a binary just built has dirty pages in the page cache, and they
/// count as Private_Dirty of the processes that run it.
pub fn settle_program() {
    File::open(SERVER).and_then(|program| program.sync_all()).expect("fsync");
}

fn around_floods() -> [usize; 4] {
    let server = Server::start(&[]);
    let mut clients = Flood::connect(server.pid(), server.address, CHILDREN - SENDERS);
    let idle = largest(&server, CHILDREN);
    flood(&mut clients);
    let flooded = largest(&server, CHILDREN);
    let _latecomers = Readers::connect(server.address, LATECOMERS);
    let joined = largest(&server, CHILDREN + LATECOMERS);
    flood(&mut clients);
    let _last = Readers::connect(server.address, 1);
    server.wait_for_clients(CHILDREN + LATECOMERS + 1);
    flood(&mut clients);
    [idle, flooded, joined, largest(&server, CHILDREN + LATECOMERS + 1)]
}

fn flood(clients: &mut Flood) {
    let faults = clients.run(EACH, Delimiter::Nul).faults;
    assert!(faults.is_empty(), "the flood: {faults:?}");
}

/// A message between every two forks, as in a classroom.
fn connected_during_talk() -> usize {
    let server = Server::start(&[]);
    let mut talker = server.join();
    let mut readers: Vec<TcpStream> = Vec::new();
    for count in 1..CHILDREN {
        readers.push(server.connect().stream);
        server.wait_for_clients(count + 1);
        let text = format!("alice : bonjour, vous êtes {count}");
        talker.sends(format!("{text}\0"));
        assert_eq!(talker.strings(1), [text]);
    }
    largest(&server, CHILDREN)
}

/// The largest private memory of a worker, in kB, once there are `count` and all are idle.
fn largest(server: &Server, count: usize) -> usize {
    let workers = server.wait_for_children(count);
    eventually("children that wait", || workers.iter().all(|&worker| worker_is_idle(worker)).then_some(()));
    workers.into_iter().map(private_dirty).max().expect("children")
}
