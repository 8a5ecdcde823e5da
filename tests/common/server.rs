//! A server on a port of its own, and what the tests ask of it.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{Peer, Program, SERVER, c_compat, children_of, descriptors_of, eventually, name_of};

/// A server of ours, or the C one, on a port of its own.
pub struct Server {
    pub program: Program,
    pub address: SocketAddr,
}

impl Server {
    /// `chat_serveur` on a free port of 127.0.0.1, with more `options`.
    pub fn start(options: &[&str]) -> Server {
        Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
    }

    /// Our C server.
    pub fn in_c() -> Server {
        Server::from(Command::new(c_compat("select_server")).arg("0"))
    }

    /// Any server whose first line holds its address.
    pub fn from(command: &mut Command) -> Server {
        let program = Program::start(command);
        let address = program.out.wait_for("the address in the first line", |bytes| {
            let text = std::str::from_utf8(bytes).ok()?;
            let (line, _) = text.split_once('\n')?;
            line.split_whitespace().find_map(|word| word.parse().ok())
        });
        Server { program, address }
    }

    /// Ours sends what a client says to that client as well; the C server does not.
    pub fn echoes(&self) -> bool {
        name_of(self.pid()) == "chat_serveur"
    }

    /// The address to connect to, where the server listens on all of its machine's.
    pub fn reachable(&self) -> SocketAddr {
        match self.address.ip().is_unspecified() {
            true => SocketAddr::new(Ipv4Addr::LOCALHOST.into(), self.address.port()),
            false => self.address,
        }
    }

    pub fn port(&self) -> String {
        self.address.port().to_string()
    }

    pub fn pid(&self) -> i32 {
        self.program.pid()
    }

    /// A connection, whether or not the server has accepted it yet.
    pub fn connect(&self) -> Peer {
        Peer::connect(self.reachable())
    }

    /// A connection that is in the room: what is said from now on reaches it.
    pub fn join(&self) -> Peer {
        let peer = self.connect();
        let address = peer.stream.local_addr().unwrap().to_string();
        self.program.out.line_with(&["nouveau client", &address]);
        peer
    }

    /// Waits until `count` clients are in. The C server has one process and one descriptor for each.
    pub fn settle(&self, count: usize) {
        let sockets =
            || descriptors_of(self.pid()).iter().filter(|(_, what)| what.starts_with("socket:")).count();
        eventually(&format!("{count} clients in the room"), || (sockets() == count + 1).then_some(()));
    }

    /// The children that live.
    pub fn children(&self) -> Vec<i32> {
        children_of(self.pid())
    }

    /// Waits until it has just so many children.
    pub fn wait_for_children(&self, count: usize) -> Vec<i32> {
        eventually(&format!("{count} children"), || Some(self.children()).filter(|all| all.len() == count))
    }

    /// The child that serves `peer`, as the server has printed it.
    pub fn child_of(&self, peer: &Peer) -> i32 {
        let address = peer.stream.local_addr().unwrap().to_string();
        let line = self.program.out.line_with(&["nouveau client", &address]);
        let (_, after) = line.split_once("fils ").expect("the child's number in the line");
        after.split(',').next().and_then(|number| number.parse().ok()).expect("a number")
    }
}

/// A copy of `chat_serveur` in a place that every user can reach, which goes with the directory.
pub fn server_for_nobody() -> (tempfile::TempDir, PathBuf) {
    for_nobody(SERVER)
}

/// The same of any program.
pub fn for_nobody(program: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join(Path::new(program).file_name().unwrap());
    std::fs::copy(program, &binary).unwrap();
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    (directory, binary)
}
