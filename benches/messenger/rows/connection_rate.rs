//! Clients that come, say one thing, hear it and leave: what a connection costs from its beginning to its end.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, children_of};
use crate::harness::servers::{Blind, c_fork_server, ours_to_dev_null, socat_version};
use crate::table::{ROUNDS, Row, median, spread};

/// Clients at a time.
const AT_ONCE: usize = 4;

/// Connections of a server in a round.
const CONNECTIONS: usize = 1200;

/// Two rows of one measurement: against socat, and against the C server of the same form.
pub fn connections() -> Vec<Row> {
    let ours = ours_to_dev_null(&[]);
    let free = ours_to_dev_null(&["--no-limits", "--no-seccomp"]);
    let c = c_fork_server();
    let socat = socat_version().map(|version| (version, Blind::socat()));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let theirs = socat.as_ref().map(|(_, socat)| rate(socat.program.pid(), socat.address));
        let [ours, c, free] = [&ours, &c, &free].map(|server| rate(server.pid(), server.address));
        rounds.push((ours, c, free, theirs));
    }
    let ours: Vec<f64> = rounds.iter().map(|round| round.0).collect();
    let free: Vec<f64> = rounds.iter().map(|round| round.2).collect();
    let c: Vec<f64> = rounds.iter().map(|round| round.1).collect();
    let theirs: Vec<f64> = rounds.iter().filter_map(|round| round.3).collect();
    let told = format!(
        "ours {:.0} a second, its children unconfined {:.0}, C fork_server {:.0}; until the last child is gone",
        median(&ours),
        median(&free),
        median(&c)
    );
    let against_c = row("C fork_server = 1", "at least 1.0", 1.0, &ours, &c, vec![told]);
    let against_socat = match &socat {
        Some((version, _)) => {
            let note =
                format!("{version}, the strongest of its forms that echo: {:.0} a second", median(&theirs));
            row(&format!("{version} = 1"), "at least 1.5", 1.5, &ours, &theirs, vec![note])
        }
        None => Row::beyond_the_machine(&what(), "at least 1.5", "socat is not installed"),
    };
    vec![against_socat, against_c]
}

fn what() -> String {
    format!("connect, one message, hear it, leave, {AT_ONCE} at a time: connections a second")
}

fn row(
    compared: &str,
    reach: &'static str,
    least: f64,
    ours: &[f64],
    theirs: &[f64],
    mut notes: Vec<String>,
) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect();
    let ratio = median(&ratios);
    notes.push(format!("ratios {}", spread(&ratios)));
    Row {
        what: what(),
        figure: format!("{ratio:.2}"),
        compared: compared.to_string(),
        reach,
        reached: Some((ratio * 100.0).round() / 100.0 >= least),
        notes,
    }
}

/// Connections a second of the server `pid`, its children's end included.
fn rate(pid: i32, address: SocketAddr) -> f64 {
    let next = AtomicUsize::new(0);
    let start = Instant::now();
    scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                loop {
                    let number = next.fetch_add(1, Ordering::Relaxed);
                    if number >= CONNECTIONS {
                        return;
                    }
                    come_and_go(address, number);
                }
            });
        }
    });
    while !children_of(pid).is_empty() {
        assert!(start.elapsed() < PATIENCE, "children that stay");
        std::thread::sleep(Duration::from_millis(1));
    }
    CONNECTIONS as f64 / start.elapsed().as_secs_f64()
}

/// One connection. In a room it may also hear what others say.
fn come_and_go(address: SocketAddr, number: usize) {
    let mut socket = TcpStream::connect(address).expect("connect");
    socket.set_read_timeout(Some(PATIENCE)).expect("setsockopt");
    let said = format!("client {number:06} : bonjour\0");
    socket.write_all(said.as_bytes()).expect("send");
    let mut heard = Vec::new();
    let mut buffer = [0; 4096];
    while !heard.windows(said.len()).any(|window| window == said.as_bytes()) {
        let n = socket.read(&mut buffer).expect("receive");
        assert!(n > 0, "the server closed the connection");
        heard.extend_from_slice(&buffer[..n]);
    }
}
