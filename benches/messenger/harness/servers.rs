//! The other servers of a measurement: `ncat --broker`, `socat`, the C one of the same form as ours, and ours with its
//! output thrown away.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

use crate::common::{Program, SERVER, Server, c_compat, eventually};

/// A server that cannot be asked for port 0, or not seen to tell which one it got.
pub struct Blind {
    pub program: Program,
    pub address: SocketAddr,
}

impl Blind {
    /// Starts what `command` makes of a free port, and waits until it accepts.
    fn start(command: impl FnOnce(String) -> Command) -> Blind {
        // Free now, and Linux does not give the same to the next who asks for any.
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
        let address = listener.local_addr().expect("getsockname");
        drop(listener);
        let program = Program::start(&mut command(address.port().to_string()));
        eventually("a server that accepts", || TcpStream::connect(address).ok());
        Blind { program, address }
    }

    /// `ncat --broker`.
    pub fn ncat() -> Blind {
        Blind::start(|port| {
            let mut command = Command::new("ncat");
            command.args(["-l", "--broker", "-m", "1010", "127.0.0.1", &port]);
            command
        })
    }

    /// `socat`, with a process for each client and nothing behind it but itself: its strongest form for an echo (`EXEC:cat`
    /// would be one more program to start for each).
    pub fn socat() -> Blind {
        Blind::start(|port| {
            let mut command = Command::new("socat");
            command.args([&format!("TCP-LISTEN:{port},bind=127.0.0.1,fork,reuseaddr,backlog=128"), "PIPE"]);
            command
        })
    }
}

/// Ours, with `--pace 0`, in its usual talkativeness, to `/dev/null`: whoever read along would take one of the few cores, and the
/// others say nothing that one could read.
pub fn ours_to_dev_null(options: &[&str]) -> Server {
    let Blind { program, address } = Blind::start(|port| {
        let mut command = Command::new("sh");
        command.args(["-c", r#"exec "$@" > /dev/null"#, "sh", SERVER, "--bind", "127.0.0.1"]);
        command.args(["--pace", "0", "--port", &port]).args(options);
        command
    });
    Server { program, address }
}

/// c-compat's server in the form of the course's: a child per client, one pipe, blocking sends.
pub fn c_fork_server() -> Server {
    Server::from(Command::new(c_compat("fork_server")).arg("0"))
}

/// The first words of `ncat --version`; `None` where it is not installed.
pub fn ncat_version() -> Option<String> {
    let output = Command::new("ncat").arg("--version").output().ok()?;
    // To standard error or output, as it happens to be built.
    let text = [output.stderr, output.stdout].concat();
    String::from_utf8_lossy(&text).lines().find_map(|line| line.split_once("Version ")).map(|(_, version)| {
        let number = version.split(' ').next().unwrap_or_default();
        format!("ncat {number} --broker")
    })
}

/// The same of socat.
pub fn socat_version() -> Option<String> {
    let output = Command::new("socat").arg("-V").output().ok()?;
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let version = text.split_once("socat version ")?.1.split(' ').next()?;
    Some(format!("socat {version} TCP-LISTEN,fork PIPE"))
}
