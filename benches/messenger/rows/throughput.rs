//! Rows 7 to 9: deliveries per second in a flood, ours against `ncat --broker`.

use std::net::SocketAddr;

use crate::common::Server;
use crate::harness::flood::{Delimiter, Flood, FloodResult};
use crate::harness::servers::{FixedPortServer, ncat_version, ours_to_dev_null};
use crate::table::{ROUNDS, Row, median, spread};

/// Messages per sender: a flood of a second or two.
pub fn messages_per_sender(readers: usize) -> usize {
    75_000.min(4_000_000 / readers)
}

pub fn deliveries(readers: usize) -> Vec<Row> {
    let ncat = ncat_version();
    let (mut ours, mut ncats, mut verbose) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(flood_ours(readers));
        if ncat.is_some() {
            ncats.push(flood_ncat(readers));
        }
        verbose.push(flood_ours_verbose(readers));
    }
    let ratios: Vec<f64> = ours.iter().zip(&ncats).map(|(ours, ncat)| ours.rate / ncat.rate).collect();
    let ratio = (!ratios.is_empty()).then(|| median(&ratios));
    let mut notes = vec![summary("ours", &ours), summary("without -q, to /dev/null", &verbose)];
    if let Some(ncat) = &ncat {
        notes.push(format!("{}; ratios {}", summary(ncat, &ncats), spread(&ratios)));
    }
    let lossless = ours.iter().all(|result| result.faults.is_empty());
    vec![Row {
        measurement: format!(
            "4 senders flat out, {readers} readers, 64-byte messages, `--pace 0 -q`: deliveries a second"
        ),
        figure: ratio.map_or("see below".to_string(), |ratio| format!("{ratio:.2}")),
        compared: ncat.map_or("ncat is not installed".to_string(), |ncat| format!("{ncat} = 1")),
        target: "at least 1.0, nothing lost, one order",
        met: if lossless { ratio.map(|ratio| ratio >= 1.0) } else { Some(false) },
        notes,
    }]
}

/// The rate of a server over all rounds, and its faults.
fn summary(name: &str, results: &[FloodResult]) -> String {
    let rates: Vec<f64> = results.iter().map(|result| result.rate / 1e6).collect();
    let mut faults: Vec<&str> =
        results.iter().flat_map(|result| &result.faults).map(String::as_str).collect();
    let rounds = results.iter().filter(|result| !result.faults.is_empty()).count();
    faults.sort_unstable();
    faults.dedup();
    let verdict = match faults[..] {
        [] => "nothing lost, one order".to_string(),
        _ => format!("BUT in {rounds} rounds {}", faults.join("; ")),
    };
    let (rate, spread) = (median(&rates), spread(&rates));
    format!("{name}: {rate:.2} million deliveries a second (rounds {spread}), {verdict}")
}

fn flood_ours(readers: usize) -> FloodResult {
    let server = Server::start(&["--pace", "0", "-q"]);
    flood(server.pid(), server.address, readers, Delimiter::Nul)
}

fn flood_ours_verbose(readers: usize) -> FloodResult {
    let server = ours_to_dev_null(&[]);
    flood(server.program.pid(), server.address, readers, Delimiter::Nul)
}

fn flood_ncat(readers: usize) -> FloodResult {
    let server = FixedPortServer::ncat();
    flood(server.program.pid(), server.address, readers, Delimiter::Newline)
}

fn flood(pid: i32, address: SocketAddr, readers: usize, delimiter: Delimiter) -> FloodResult {
    Flood::connect(pid, address, readers).run(messages_per_sender(readers), delimiter)
}
