//! Ten thousand readers in a process of their own: the descriptor limit of one process may not
//! allow both ends of as many connections.
//!
//! The process is this benchmark with `--readers ADDRESS`. It takes commands on standard input, one
//! a line, and answers with a line: `connect N` opens N more connections; `read N` reads N bytes
//! from every connection in a busy loop, and answers `ready` before and `done` after.

use std::io::{BufRead, BufReader, Write, stdin};
use std::net::{SocketAddr, TcpStream};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use super::readers::Readers;

/// The command-line argument that starts the process.
pub const FLAG: &str = "--readers";

/// The controlling end.
pub struct ReaderProcess {
    process: Child,
    commands: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl ReaderProcess {
    /// Starts the process, without connections yet; they will go to `address`.
    pub fn start(address: SocketAddr) -> ReaderProcess {
        let this = std::env::current_exe().expect("the path of this program");
        let mut process = Command::new(this)
            .args([FLAG, &address.to_string()])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("start this program once more");
        let commands = process.stdin.take().expect("a pipe");
        let answers = BufReader::new(process.stdout.take().expect("a pipe"));
        ReaderProcess { process, commands, answers }
    }

    /// Connects `count` more.
    pub fn connect(&mut self, count: usize) {
        self.command(&format!("connect {count}"));
        self.expect("done");
    }

    /// Starts to read `bytes` from each connection; [`ReaderProcess::finish_read`] must follow.
    pub fn start_read(&mut self, bytes: usize) {
        self.command(&format!("read {bytes}"));
        self.expect("ready");
    }

    /// Waits until each connection has its bytes.
    pub fn finish_read(&mut self) {
        self.expect("done");
    }

    fn command(&mut self, command: &str) {
        writeln!(self.commands, "{command}").expect("the reader process");
    }

    fn expect(&mut self, expected: &str) {
        let mut answer = String::new();
        self.answers.read_line(&mut answer).expect("the reader process");
        assert_eq!(answer.trim_end(), expected, "the reader process's answer");
    }
}

impl Drop for ReaderProcess {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// The process's main: executes commands until standard input ends.
pub fn run(address: &str) {
    let address: SocketAddr = address.parse().expect("an address");
    let mut readers = Readers::new(Vec::new());
    for command in stdin().lines() {
        let command = command.expect("a command");
        let (name, number) = command.split_once(' ').expect("a command and a number");
        let number: usize = number.parse().expect("a number");
        let answer = match name {
            "connect" => {
                readers.add((0..number).map(|_| TcpStream::connect(address).expect("connect")).collect());
                "done"
            }
            _ => {
                println!("ready");
                if readers.read_from_each(number).complete { "done" } else { "lost" }
            }
        };
        println!("{answer}");
    }
}
