//! Deliveries a second when four clients send as fast as they can to a crowd: ours and ncat's.

use std::net::SocketAddr;

use crate::common::Server;
use crate::harness::flood::{Crowd, End, Flooded};
use crate::harness::servers::{Blind, ncat_version, ours_to_dev_null};
use crate::table::{ROUNDS, Row, median, spread};

/// Messages of each sender to so many readers: a second or two.
pub fn each(readers: usize) -> usize {
    75_000.min(4_000_000 / readers)
}

/// Four senders, and so many readers.
pub fn deliveries(readers: usize) -> Vec<Row> {
    let ncat = ncat_version();
    let (mut ours, mut theirs, mut talking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(ours_once(readers));
        if ncat.is_some() {
            theirs.push(ncat_once(readers));
        }
        talking.push(talking_once(readers));
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.rate / theirs.rate).collect();
    let ratio = (!ratios.is_empty()).then(|| median(&ratios));
    let mut notes = vec![told("ours", &ours), told("without -q, to /dev/null", &talking)];
    if let Some(ncat) = &ncat {
        notes.push(format!("{}; ratios {}", told(ncat, &theirs), spread(&ratios)));
    }
    let lossless = ours.iter().all(|flood| flood.faults.is_empty());
    vec![Row {
        what: format!(
            "4 senders flat out, {readers} readers, 64-byte messages, `--pace 0 -q`: deliveries a second"
        ),
        figure: ratio.map_or("see below".to_string(), |ratio| format!("{ratio:.2}")),
        compared: ncat.map_or("ncat is not installed".to_string(), |ncat| format!("{ncat} = 1")),
        reach: "at least 1.0, nothing lost, one order",
        reached: if lossless { ratio.map(|ratio| ratio >= 1.0) } else { Some(false) },
        notes,
    }]
}

/// What `who` came to, and what was wrong with it.
fn told(who: &str, floods: &[Flooded]) -> String {
    let rates: Vec<f64> = floods.iter().map(|flood| flood.rate / 1e6).collect();
    let mut faults: Vec<&str> = floods.iter().flat_map(|flood| &flood.faults).map(String::as_str).collect();
    let rounds = floods.iter().filter(|flood| !flood.faults.is_empty()).count();
    faults.sort_unstable();
    faults.dedup();
    let verdict = match faults[..] {
        [] => "nothing lost, one order".to_string(),
        _ => format!("BUT in {rounds} rounds {}", faults.join("; ")),
    };
    let (rate, spread) = (median(&rates), spread(&rates));
    format!("{who}: {rate:.2} million deliveries a second (rounds {spread}), {verdict}")
}

fn ours_once(readers: usize) -> Flooded {
    let server = Server::start(&["--pace", "0", "-q"]);
    flood(server.pid(), server.address, readers, End::Nul)
}

fn talking_once(readers: usize) -> Flooded {
    let server = ours_to_dev_null(&[]);
    flood(server.program.pid(), server.address, readers, End::Nul)
}

fn ncat_once(readers: usize) -> Flooded {
    let server = Blind::ncat();
    flood(server.program.pid(), server.address, readers, End::Newline)
}

fn flood(pid: i32, address: SocketAddr, readers: usize, end: End) -> Flooded {
    Crowd::of(pid, address, readers).flood(each(readers), end)
}
