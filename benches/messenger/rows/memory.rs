//! What a child costs: the memory that is its own.
//!
//! A fork copies nothing at first. Each page that the hub, or the child, changes later becomes two, and the old one is the
//! child's own as soon as no other child has it. So the figure depends on what happens between the forks: a room that is
//! filled at once and then looked at is the kindest case, and not the only one measured here.

use std::fs::File;
use std::net::TcpStream;

use crate::common::{SERVER, Server, descriptors_of, eventually};
use crate::harness::flood::{Crowd, End, SENDERS};
use crate::harness::procfs::{private_dirty, state};
use crate::harness::readers::Readers;
use crate::table::Row;

const CHILDREN: usize = 100;
const NEWCOMERS: usize = 20;

/// Messages of each sender.
const EACH: usize = 5_000;

/// A child's descriptors: 0, 1, 2, the pipe, its client.
const DESCRIPTORS: usize = 5;

/// In kB.
pub const REACH: usize = 64;

/// The most that a child of a hundred costs.
pub fn of_a_child() -> Vec<Row> {
    settle_program();
    let [idle, flooded, joined, between] = around_floods();
    let talking = joined_by_and_by();
    let figure = [idle, flooded, joined, between, talking].into_iter().max().expect("figures");
    vec![Row {
        what: "private memory of a child (Private_Dirty in smaps_rollup), the largest of 100".to_string(),
        figure: format!("{figure} kB"),
        compared: "-".to_string(),
        reach: "at most 64 kB",
        reached: Some(figure <= REACH),
        notes: vec![
            format!(
                "100 who came at once: idle {idle} kB; after a flood of {} messages {flooded} kB; with {NEWCOMERS} more \
                 after it {joined} kB; one more between two further floods {between} kB",
                SENDERS * EACH
            ),
            format!("100 who came one by one, each followed by a message: {talking} kB"),
        ],
    }]
}

/// What the compiler has just written is dirty until it is on the disk, also where a process runs it.
pub fn settle_program() {
    File::open(SERVER).and_then(|program| program.sync_all()).expect("fsync");
}

fn around_floods() -> [usize; 4] {
    let server = Server::start(&[]);
    let mut crowd = Crowd::of(server.pid(), server.address, CHILDREN - SENDERS);
    let idle = worst(&server, CHILDREN);
    flood(&mut crowd);
    let flooded = worst(&server, CHILDREN);
    let _newcomers = Readers::connect(server.address, NEWCOMERS);
    let joined = worst(&server, CHILDREN + NEWCOMERS);
    flood(&mut crowd);
    let _last = Readers::connect(server.address, 1);
    server.settle(CHILDREN + NEWCOMERS + 1);
    flood(&mut crowd);
    [idle, flooded, joined, worst(&server, CHILDREN + NEWCOMERS + 1)]
}

fn flood(crowd: &mut Crowd) {
    let faults = crowd.flood(EACH, End::Nul).faults;
    assert!(faults.is_empty(), "the flood: {faults:?}");
}

/// As in a classroom: people come while others talk.
fn joined_by_and_by() -> usize {
    let server = Server::start(&[]);
    let mut talker = server.join();
    let mut listeners: Vec<TcpStream> = Vec::new();
    for count in 1..CHILDREN {
        listeners.push(server.connect().stream);
        server.settle(count + 1);
        let text = format!("alice : bonjour, vous êtes {count}");
        talker.sends(format!("{text}\0"));
        assert_eq!(talker.strings(1), [text]);
    }
    worst(&server, CHILDREN)
}

/// The most private memory of a child, in kB, once there are `count` and all wait for their clients.
fn worst(server: &Server, count: usize) -> usize {
    let children = server.wait_for_children(count);
    eventually("children that wait", || children.iter().all(|&child| waits(child)).then_some(()));
    children.into_iter().map(private_dirty).max().expect("children")
}

/// A child that has done all that it does before its client speaks.
pub fn waits(child: i32) -> bool {
    descriptors_of(child).len() == DESCRIPTORS && state(child) == Some('S')
}
