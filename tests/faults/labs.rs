//! Every server that forks, with clients for one child.

use crate::common::*;

use std::process::Command;

/// A server, and the number of clients that it needs for one child.
pub struct Lab {
    pub server: &'static str,
    pub options: &'static [&'static str],
    pub clients: usize,
    /// Asserts that the clients are served.
    pub talk: fn(&mut [Peer]),
}

pub const CHAT: Lab =
    Lab { server: SERVER, options: &[], clients: 1, talk: |all| talk(&mut all[0], "a\0", "a\0\0") };

pub const LABS: [Lab; 6] = [
    CHAT,
    Lab {
        server: env!("CARGO_BIN_EXE_direct_serveur"),
        options: &[],
        clients: 1,
        talk: |all| talk(&mut all[0], "alice\n%alice%hello\n", "hello\n"),
    },
    Lab {
        server: env!("CARGO_BIN_EXE_relay_serveur"),
        options: &["--pairs", "2"],
        clients: 4,
        talk: |all| {
            all[2].hears("1\0emi\0");
            all[2].sends("a\0");
            all[3].hears("2\0rec\0a\0");
        },
    },
    Lab {
        server: env!("CARGO_BIN_EXE_echo_serveur"),
        options: &[],
        clients: 1,
        talk: |all| talk(&mut all[0], "a\n", "a\n"),
    },
    Lab {
        server: env!("CARGO_BIN_EXE_calc_serveur"),
        options: &[],
        clients: 1,
        talk: |all| {
            all[0].sends("1\n2\n");
            all[0].hears_up_to("\n3\n");
        },
    },
    Lab {
        server: env!("CARGO_BIN_EXE_upload_serveur"),
        options: &["--dir", env!("CARGO_TARGET_TMPDIR")],
        clients: 1,
        talk: |all| {
            all[0].sends("a file\n");
            all[0].half_closes();
            all[0].hears_up_to("[SUCCESS]");
        },
    },
];

#[track_caller]
pub fn talk(client: &mut Peer, says: &str, hears: &str) {
    client.sends(says);
    client.hears_up_to(hears);
}

/// A running server with its clients and its one child.
pub struct Running {
    pub server: Server,
    pub clients: Vec<Peer>,
    pub child: i32,
}

impl Lab {
    #[track_caller]
    pub fn start(&self, more: &[&str]) -> Running {
        let mut command = Command::new(self.server);
        let server =
            Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(self.options).args(more));
        let clients = (0..self.clients).map(|_| server.connect()).collect();
        let child = server.wait_for_children(1)[0];
        Running { server, clients, child }
    }
}

impl Running {
    /// A field of /proc/PID/status of the child or the server.
    #[track_caller]
    pub fn status(&self, pid: i32, name: &str) -> String {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let value = status.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        value.unwrap_or_default().trim().to_string()
    }
}
