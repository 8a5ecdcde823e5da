//! The shared pipe of a server, with the keys of its workers: a test writes there as a worker does
//! that its client has taken over.
//!
//! A process of the same user can open the pipe of a running child through /proc. The hub draws a
//! key with getrandom(2) before each fork, which strace(1) shows.

use crate::common::*;

use std::fs::{File, OpenOptions};
use std::io::Write;

use forklab::hub::record::Key;
use nix::fcntl::{FcntlArg, OFlag, fcntl};
use tempfile::TempDir;

/// A worker, as a record names it.
#[derive(Clone, Copy, Debug)]
pub struct Sender {
    pub pid: i32,
    pub key: Key,
}

/// A `chat_serveur` with known keys of its workers.
pub struct OpenServer {
    pub server: Server,
    trace: TempDir,
}

impl OpenServer {
    /// `None` where strace cannot trace: the test is skipped.
    #[track_caller]
    pub fn start(options: &[&str]) -> Option<OpenServer> {
        if !can_trace() {
            return None;
        }
        let trace = tempfile::tempdir().unwrap();
        let calls = ["-xx", "-e", "trace=getrandom", "-e", "signal=none"];
        let mut command = traced(SERVER, &calls, &trace.path().join("trace"));
        let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(options));
        Some(OpenServer { server, trace })
    }

    /// The keys in the order of the forks, once there are as many.
    #[track_caller]
    pub fn keys(&self, count: usize) -> Vec<Key> {
        eventually(&format!("{count} keys"), || {
            let trace = std::fs::read_to_string(self.trace.path().join("trace")).unwrap();
            // malloc's own call, at the start, does not block.
            let drawn = trace.lines().filter(|line| line.ends_with(", 8, 0) = 8"));
            let keys: Vec<Key> = drawn.map(key_of).collect();
            (keys.len() >= count).then_some(keys)
        })
    }

    /// The worker of the client that was the `nth` to connect, from 0.
    #[track_caller]
    pub fn sender(&self, peer: &Peer, nth: usize) -> Sender {
        Sender { pid: self.server.child_of(peer), key: self.keys(nth + 1)[nth] }
    }
}

/// The key in a line of the trace: `getrandom("\x01\x02...", 8, 0) = 8`.
#[track_caller]
fn key_of(line: &str) -> Key {
    let digits = line.split('"').nth(1).expect("a string").split("\\x").skip(1);
    let bytes: Vec<u8> = digits.map(|digits| u8::from_str_radix(digits, 16).unwrap()).collect();
    bytes.try_into().expect("eight bytes")
}

/// Opens the write end of the pipe of `child`, in packet mode like its own.
#[track_caller]
pub fn pipe_of(child: i32) -> File {
    let pipe = OpenOptions::new().write(true).open(format!("/proc/{child}/fd/4")).expect("the child's pipe");
    // For a pipe, O_DIRECT is set by fcntl(2), not by open(2).
    fcntl(&pipe, FcntlArg::F_SETFL(OFlag::O_DIRECT)).expect("packets");
    pipe
}

#[track_caller]
pub fn record(sender: Sender, kind: u8, body: &[u8]) -> Vec<u8> {
    with_length(sender, kind, body.len(), body)
}

#[track_caller]
pub fn with_length(Sender { pid, key }: Sender, kind: u8, length: usize, body: &[u8]) -> Vec<u8> {
    let length = u16::try_from(length).unwrap().to_ne_bytes();
    [&pid.to_ne_bytes()[..], &key, &[kind], &length, body].concat()
}

/// Writes one packet.
#[track_caller]
pub fn write_packet(mut pipe: &File, packet: &[u8]) {
    pipe.write_all(packet).expect("a packet");
}
