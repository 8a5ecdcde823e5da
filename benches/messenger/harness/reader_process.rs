//! Ten thousand readers in a process of their own: one process may not have descriptors enough for both ends of so many
//! connections.
//!
//! This benchmark, started once more with `--crowd ADDRESS`, is that process. It is told what to do on standard input, a line
//! each time, and answers with a line: `join N` connects N more; `take N` reads N bytes from every connection, without
//! ever sleeping, and says `ready` before and `done` after.

use std::io::{BufRead, BufReader, Write, stdin};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use crate::harness::readers::Readers;

/// What starts the process, in the command line.
pub const CROWD: &str = "--crowd";

/// The process, as the one who gives orders sees it.
pub struct Crowd {
    process: Child,
    orders: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Crowd {
    /// Starts it; its connections go to `address`.
    pub fn of(address: SocketAddr) -> Crowd {
        let this = std::env::current_exe().expect("the path of this program");
        let mut process = Command::new(this)
            .args([CROWD, &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start this program once more");
        let orders = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        Crowd { process, orders, answers }
    }

    /// Connects `count` more.
    pub fn join(&mut self, count: usize) {
        self.order(&format!("join {count}"));
        self.hear("done");
    }

    /// Gets ready to read `bytes` from each; what follows is [`Crowd::has_taken`].
    pub fn take(&mut self, bytes: usize) {
        self.order(&format!("take {bytes}"));
        self.hear("ready");
    }

    /// Waits until each has its bytes.
    pub fn has_taken(&mut self) {
        self.hear("done");
    }

    fn order(&mut self, order: &str) {
        writeln!(self.orders, "{order}").expect("the crowd's process");
    }

    fn hear(&mut self, expected: &str) {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the crowd's process");
        assert_eq!(answer.trim_end(), expected, "the crowd's answer");
    }
}

impl Drop for Crowd {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process itself.
pub fn obey(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let mut readers = Readers::new(Vec::new());
    for order in stdin().lines() {
        let order = order.expect("an order");
        let (what, number) = order.split_once(' ').expect("an order and a number");
        let number: usize = number.parse().expect("a number");
        let answer = match what {
            "join" => {
                readers.add((0..number).map(|_| TcpStream::connect(address).expect("connect")).collect());
                "done"
            }
            _ => {
                println!("ready");
                if readers.take_from_each(number).whole { "done" } else { "lost" }
            }
        };
        println!("{answer}");
    }
}
