//! A server for ten thousand, filled step by step, and what it prints read line by line: gathered as elsewhere, it would be
//! searched from its beginning for each of them.

use std::io::{BufRead, BufReader, PipeReader, pipe};
use std::net::{SocketAddr, TcpStream};
use std::process::Command;
use std::time::Instant;

use crate::common::{Program, SERVER, eventually};
use crate::harness::procfs::{cpu_seconds_of_one, state};
use crate::harness::reader_process::Crowd;
use crate::rows::memory::waits;

/// The server and all but one or two of its clients.
pub struct Hall {
    pub program: Program,
    address: SocketAddr,
    printed: BufReader<PipeReader>,
    pub crowd: Crowd,
    pub count: usize,
}

/// What one more client cost, in microseconds.
#[derive(Clone, Copy)]
pub struct Arrival {
    /// From before `connect` until the server has printed that the client is in.
    pub wall: f64,
    /// Computed by the hub and the new child until both wait again.
    pub cpu: f64,
}

impl Hall {
    /// An empty one, with room for `clients` and some more.
    pub fn open(clients: usize) -> Hall {
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
        Hall { program, address, printed, crowd: Crowd::of(address), count: 0 }
    }

    /// Lets clients of the crowd in until there are `count`.
    pub fn fill(&mut self, count: usize) {
        while self.count < count {
            let next = (count - self.count).min(100);
            self.crowd.join(next);
            (0..next).for_each(|_| drop(line_with(&mut self.printed, "nouveau client")));
            self.count += next;
        }
    }

    /// One more client, and what the server printed of it.
    pub fn arrival(&mut self) -> (TcpStream, String) {
        let client = TcpStream::connect(self.address).expect("connect");
        let address = client.local_addr().expect("getsockname").to_string();
        let line = line_with(&mut self.printed, &format!("{address} "));
        (client, line)
    }

    /// What one more client costs, which then leaves again.
    pub fn cost_of_one_more(&mut self) -> Arrival {
        let hub = self.program.pid();
        let hub_waits = || eventually("a hub that waits", || (state(hub) == Some('S')).then_some(()));
        hub_waits();
        let before = cpu_seconds_of_one(hub);
        let start = Instant::now();
        let (client, line) = self.arrival();
        let wall = start.elapsed();
        let child = line.split_once("fils ").and_then(|(_, after)| after.split(',').next()?.parse().ok());
        let child: i32 = child.unwrap_or_else(|| panic!("the child's number in {line:?}"));
        eventually("a child that waits", || waits(child).then_some(()));
        hub_waits();
        let cpu = cpu_seconds_of_one(hub) - before + cpu_seconds_of_one(child);
        let address = client.local_addr().expect("getsockname");
        drop(client);
        line_with(&mut self.printed, &format!("{address} "));
        Arrival { wall: wall.as_secs_f64() * 1e6, cpu: cpu * 1e6 }
    }
}

/// The next line that contains `part`; it passes over others.
fn line_with(printed: &mut impl BufRead, part: &str) -> String {
    let mut line = String::new();
    while !line.contains(part) {
        line.clear();
        let n = printed.read_line(&mut line).expect("what the server prints");
        assert!(n > 0, "the server ended before it printed {part:?}");
    }
    line
}
