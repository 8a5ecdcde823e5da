//! A server on a free port, and queries about it.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Command;

use super::{
    Peer, Program, SERVER, c_compat, child_with_connection, children_of, descriptors_of, eventually, name_of,
};

/// A running server: one of this crate, or the C server of c-compat/.
pub struct Server {
    pub program: Program,
    pub address: SocketAddr,
}

impl Server {
    /// `chat_serveur` on a free port of 127.0.0.1, with more `options`.
    #[track_caller]
    pub fn start(options: &[&str]) -> Server {
        Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
    }

    /// The C server of c-compat/.
    #[track_caller]
    pub fn start_c() -> Server {
        Server::from(Command::new(c_compat("select_server")).arg("0"))
    }

    /// Starts any server. The first `ADDR:PORT` that it prints must be its address.
    #[track_caller]
    pub fn from(command: &mut Command) -> Server {
        let program = Program::start(command);
        let address = program.out.nth_address(1);
        Server { program, address }
    }

    /// True if the server relays a message to its sender too; the C server does not.
    pub fn echoes(&self) -> bool {
        name_of(self.pid()) == "chat_serveur"
    }

    /// The address to connect to: loopback if the server listens on all addresses.
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

    /// A connection that the server may not have accepted yet.
    #[track_caller]
    pub fn connect(&self) -> Peer {
        Peer::connect(self.reachable())
    }

    /// A connection that has joined the room: later messages reach it.
    #[track_caller]
    pub fn join(&self) -> Peer {
        let peer = self.connect();
        self.program.out.line_about(peer.stream.local_addr().unwrap());
        peer
    }

    /// Waits until `count` clients are connected, by the sockets of the server. For the C server
    /// too, which has no children.
    #[track_caller]
    pub fn wait_for_clients(&self, count: usize) {
        let sockets =
            || descriptors_of(self.pid()).iter().filter(|(_, what)| what.starts_with("socket:")).count();
        eventually(&format!("{count} clients in the room"), || (sockets() == count + 1).then_some(()));
    }

    #[track_caller]
    pub fn children(&self) -> Vec<i32> {
        children_of(self.pid())
    }

    /// Waits until the server has exactly `count` children, and returns them.
    #[track_caller]
    pub fn wait_for_children(&self, count: usize) -> Vec<i32> {
        eventually(&format!("{count} children"), || Some(self.children()).filter(|all| all.len() == count))
    }

    /// The address of the line listener: the second that a server with `--lines` prints.
    #[track_caller]
    pub fn lines_address(&self) -> SocketAddr {
        self.program.out.nth_address(2)
    }

    /// The child that serves `peer`.
    #[track_caller]
    pub fn child_of(&self, peer: &Peer) -> i32 {
        self.program.out.line_about(peer.stream.local_addr().unwrap());
        child_with_connection(self.pid(), &peer.stream).expect("a child with this connection")
    }
}

/// Copies `chat_serveur` to a directory that every user can reach; deleted with the `TempDir`.
#[track_caller]
pub fn server_for_nobody() -> (tempfile::TempDir, PathBuf) {
    for_nobody(SERVER)
}

/// Like [`server_for_nobody`], for any program.
#[track_caller]
pub fn for_nobody(program: &str) -> (tempfile::TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let binary = directory.path().join(Path::new(program).file_name().unwrap());
    // Copied by a process of its own: a fork in another thread would inherit a descriptor open for
    // writing, and execve(2) fails with ETXTBSY while there is one.
    let copied = Command::new("cp").arg(program).arg(&binary).status().expect("cp of coreutils");
    assert!(copied.success(), "cp {program:?}");
    std::fs::set_permissions(directory.path(), PermissionsExt::from_mode(0o755)).unwrap();
    (directory, binary)
}
