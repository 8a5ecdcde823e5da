//! The servers that are compared: `ncat --broker`, `socat`, C fork_server, and `chat_serveur` with
//! its output to /dev/null.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::common::{Program, SERVER, Server, c_compat, eventually};

/// A server on a port chosen before it starts: it does not accept port 0, or prints no address that
/// could be read.
pub struct FixedPortServer {
    pub program: Program,
    pub address: SocketAddr,
}

impl FixedPortServer {
    /// Starts `command(PORT)` with a free port, and waits until it accepts.
    fn start(command: impl FnOnce(String) -> Command) -> FixedPortServer {
        // Free now, and Linux does not hand out the same port to the next bind to port 0.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("getsockname");
        drop(listener);
        let program = Program::start(&mut command(address.port().to_string()));
        eventually("a server that accepts", || TcpStream::connect(address).ok());
        FixedPortServer { program, address }
    }

    /// `ncat --broker`.
    pub fn ncat() -> FixedPortServer {
        FixedPortServer::start(|port| {
            let mut command = Command::new("ncat");
            command.args(["-l", "--broker", "-m", "1010", "127.0.0.1", &port]);
            command
        })
    }

    /// `socat` as an echo server that forks per client. `PIPE` is its fastest form: `EXEC:cat`
    /// would start one more program per client.
    pub fn socat() -> FixedPortServer {
        FixedPortServer::start(|port| {
            let mut command = Command::new("socat");
            command.args([&format!("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=128"), "PIPE"]);
            command
        })
    }
}

/// `chat_serveur --pace 0` with default verbosity, output to /dev/null: a process that reads the
/// output would occupy one of few cores, and the other servers print nothing.
pub fn ours_to_dev_null(options: &[&str]) -> Server {
    let FixedPortServer { program, address } = FixedPortServer::start(|port| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" > /dev/null"#, "sh", SERVER, "--bind", "127.0.0.1"]);
        command.args(["--pace", "0", "--port", &port]).args(options);
        command
    });
    Server { program, address }
}

/// The server of c-compat/ with the courses' architecture: a child per client, one pipe, blocking
/// sends.
pub fn c_fork_server() -> Server {
    Server::from(Command::new(c_compat("fork_server")).arg("0"))
}

/// `ncat VERSION --broker`; `None` where ncat is not installed.
pub fn ncat_version() -> Option<String> {
    let output = Command::new("ncat").arg("--version").output().ok()?;
    // Depending on the build, to standard error or standard output.
    let text = [output.stderr, output.stdout].concat();
    String::from_utf8_lossy(&text).lines().find_map(|line| line.split_once("Version ")).map(|(_, version)| {
        let number = version.split(' ').next().unwrap_or_default();
        format!("ncat {number} --broker")
    })
}

/// `socat VERSION TCP-LISTEN,fork PIPE`; `None` where socat is not installed.
pub fn socat_version() -> Option<String> {
    let output = Command::new("socat").arg("-V").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("socat version ")?.1.split(' ').next()?;
    Some(format!("socat {version} TCP-LISTEN,fork PIPE"))
}
