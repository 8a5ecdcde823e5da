//! Rows 10 and 11: short connections per second, from connect to the end of the worker.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread::scope;
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, children_of};
use crate::harness::servers::{FixedPortServer, c_fork_server, ours_to_dev_null, socat_version};
use crate::table::{ROUNDS, Row, median, spread};

/// Concurrent clients.
const AT_ONCE: usize = 4;

/// Connections to each server in a round.
const CONNECTIONS: usize = 1200;

/// Two rows of one measurement: against socat, and against C fork_server.
pub fn rows() -> Vec<Row> {
    let ours = ours_to_dev_null(&[]);
    let unconfined = ours_to_dev_null(&["--no-limits", "--no-seccomp"]);
    let c = c_fork_server();
    let socat = socat_version().map(|version| (version, FixedPortServer::socat()));
    let mut rounds = Vec::new();
    for _ in 0..ROUNDS {
        let socat = socat.as_ref().map(|(_, socat)| rate(socat.program.pid(), socat.address));
        let [ours, c, unconfined] = [&ours, &c, &unconfined].map(|server| rate(server.pid(), server.address));
        rounds.push((ours, c, unconfined, socat));
    }
    let ours: Vec<f64> = rounds.iter().map(|round| round.0).collect();
    let c: Vec<f64> = rounds.iter().map(|round| round.1).collect();
    let unconfined: Vec<f64> = rounds.iter().map(|round| round.2).collect();
    let socats: Vec<f64> = rounds.iter().filter_map(|round| round.3).collect();
    let note = format!(
        "ours {:.0} a second, its children unconfined {:.0}, C fork_server {:.0}; until the last child is gone",
        median(&ours),
        median(&unconfined),
        median(&c)
    );
    let against_c = row("C fork_server = 1", "at least 1.0", 1.0, &ours, &c, vec![note]);
    let against_socat = match &socat {
        Some((version, _)) => {
            let note =
                format!("{version}, the strongest of its forms that echo: {:.0} a second", median(&socats));
            row(&format!("{version} = 1"), "at least 1.5", 1.5, &ours, &socats, vec![note])
        }
        None => Row::not_measurable_here(&measurement(), "at least 1.5", "socat is not installed"),
    };
    vec![against_socat, against_c]
}

fn measurement() -> String {
    format!("connect, send one message, read it back, disconnect, {AT_ONCE} at a time: connections a second")
}

fn row(
    compared: &str,
    target: &'static str,
    least: f64,
    ours: &[f64],
    baseline: &[f64],
    mut notes: Vec<String>,
) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(baseline).map(|(ours, baseline)| ours / baseline).collect();
    let ratio = median(&ratios);
    notes.push(format!("ratios {}", spread(&ratios)));
    Row {
        measurement: measurement(),
        figure: format!("{ratio:.2}"),
        compared: compared.to_string(),
        target,
        met: Some((ratio * 100.0).round() / 100.0 >= least),
        notes,
    }
}

/// Connections per second of the server `pid`. The clock stops when its last child has been reaped.
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
                    short_connection(address, number);
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

/// Connects, sends a message, reads until it comes back, disconnects. A chat room may send messages
/// of other clients before it.
fn short_connection(address: SocketAddr, number: usize) {
    let mut socket = TcpStream::connect(address).expect("connect");
    socket.set_read_timeout(Some(PATIENCE)).expect("setsockopt");
    let message = format!("client {number:06} : bonjour\0");
    socket.write_all(message.as_bytes()).expect("send");
    let mut received = Vec::new();
    let mut buffer = [0; 4096];
    while !received.windows(message.len()).any(|window| window == message.as_bytes()) {
        let n = socket.read(&mut buffer).expect("receive");
        assert!(n > 0, "the server closed the connection");
        received.extend_from_slice(&buffer[..n]);
    }
}
