//! A server for ten thousand clients, filled step by step.
//!
//! Its output is read line by line: `common::Output` gathers everything and would search it from
//! the beginning for every client.

use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use super::procfs::{cpu_seconds_of_one, state, worker_is_idle};
use super::reader_process::ReaderProcess;
use crate::common::{Program, SERVER, eventually};

/// The server, and the process that holds all but one or two of its clients.
pub struct LargeRoom {
    pub program: Program,
    address: SocketAddr,
    printed: BufReader<PipeReader>,
    pub readers: ReaderProcess,
    /// Clients of `readers`.
    pub count: usize,
}

/// The cost of connecting one more client, in microseconds.
#[derive(Clone, Copy)]
pub struct ConnectCost {
    /// From before `connect` until the server has printed the new client.
    pub wall: f64,
    /// Processor time of the hub and the new worker, until both sleep again.
    pub cpu: f64,
}

impl LargeRoom {
    /// Starts a server without clients, for at most `clients` and some more.
    pub fn start(clients: usize) -> LargeRoom {
        let (reader, writer) = pipe().expect("pipe");
        let most = (clients + 100).to_string();
        let program = Program::start_with_its_own_output(
            Command::new(SERVER)
                .args(["--bind", "127.0.0.1", "--port", "0", "--pace", "0", "--max-clients", &most])
                .stdout(writer),
        );
        let mut printed = BufReader::new(reader);
        let first = line_with(&mut printed, "127.0.0.1:");
        let address = first.split_whitespace().find_map(|word| word.parse().ok()).expect("an address");
        LargeRoom { program, address, printed, readers: ReaderProcess::start(address), count: 0 }
    }

    /// Connects clients until there are `count`, and waits until the server has printed each.
    pub fn fill(&mut self, count: usize) {
        while self.count < count {
            let next = (count - self.count).min(100);
            self.readers.connect(next);
            (0..next).for_each(|_| drop(line_with(&mut self.printed, "nouveau client")));
            self.count += next;
        }
    }

    /// Connects one client from this process. Returns it with the line that the server printed of
    /// it.
    pub fn connect(&mut self) -> (TcpStream, String) {
        let client = TcpStream::connect(self.address).expect("connect");
        let address = client.local_addr().expect("getsockname").to_string();
        let line = line_with(&mut self.printed, &format!("{address} "));
        (client, line)
    }

    /// Connects one more client, measures it, and disconnects it.
    pub fn connect_cost(&mut self) -> ConnectCost {
        let hub = self.program.pid();
        let hub_sleeps = || eventually("a hub that waits", || (state(hub) == Some('S')).then_some(()));
        hub_sleeps();
        let before = cpu_seconds_of_one(hub);
        let start = Instant::now();
        let (client, line) = self.connect();
        let wall = start.elapsed();
        let worker = line.split_once("fils ").and_then(|(_, after)| after.split(',').next()?.parse().ok());
        let worker: i32 = worker.unwrap_or_else(|| panic!("the child's number in {line:?}"));
        eventually("a child that waits", || worker_is_idle(worker).then_some(()));
        hub_sleeps();
        let cpu = cpu_seconds_of_one(hub) - before + cpu_seconds_of_one(worker);
        let address = client.local_addr().expect("getsockname");
        drop(client);
        line_with(&mut self.printed, &format!("{address} "));
        ConnectCost { wall: wall.as_secs_f64() * 1e6, cpu: cpu * 1e6 }
    }
}

/// The next line that contains `part`; lines before it are skipped.
fn line_with(printed: &mut impl BufRead, part: &str) -> String {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        let n = printed.read_line(&mut line).expect("the server's output");
        assert!(n > 0, "the server ended before it printed {part:?}");
    }
    line
}
