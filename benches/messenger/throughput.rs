//! Deliveries a second when four clients send as fast as they can to a hundred: ours and ncat's.

use std::net::SocketAddr;

use crate::broker::{Blind, ncat_version};
use crate::common::{Server, descriptors_of, eventually};
use crate::flood::{Crowd, End, Flooded};
use crate::table::{ROUNDS, Row, median, spread};

const READERS: usize = 100;

/// Messages of each sender: a second or two.
const EACH: usize = 75_000;

/// Row 4.
pub fn deliveries() -> Row {
    let ncat = ncat_version();
    let (mut ours, mut theirs, mut talking) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        ours.push(ours_once());
        if ncat.is_some() {
            theirs.push(ncat_once());
        }
        talking.push(talking_once());
    }
    let ratios: Vec<f64> = ours.iter().zip(&theirs).map(|(ours, theirs)| ours.rate / theirs.rate).collect();
    let ratio = (!ratios.is_empty()).then(|| median(&ratios));
    let mut notes = vec![told("ours", &ours), told("without -q, to /dev/null", &talking)];
    if let Some(ncat) = &ncat {
        notes.push(format!("{}; ratios {}", told(ncat, &theirs), spread(&ratios)));
    }
    let lossless = ours.iter().all(|flood| flood.faults.is_empty());
    Row {
        what: "4. 4 senders flat out, 100 readers, 64-byte messages, --pace 0 -q: deliveries a second, nothing lost",
        figure: ratio.map_or("see below".to_string(), |ratio| format!("{ratio:.2}")),
        compared: ncat.map_or("ncat is not installed".to_string(), |ncat| format!("{ncat} = 1")),
        reach: "at least 1, nothing lost",
        reached: if lossless { ratio.map(|ratio| ratio >= 1.0) } else { Some(false) },
        notes,
    }
}

/// What `who` came to, and what was wrong with it.
fn told(who: &str, floods: &[Flooded]) -> String {
    let rates: Vec<f64> = floods.iter().map(|flood| flood.rate / 1e6).collect();
    let faults: Vec<&str> = floods.iter().flat_map(|flood| &flood.faults).map(String::as_str).collect();
    let verdict = match faults[..] {
        [] => "nothing lost, one order".to_string(),
        _ => format!("BUT {}", faults.join("; ")),
    };
    let (rate, spread) = (median(&rates), spread(&rates));
    format!("{who}: {rate:.2} million deliveries a second (rounds {spread}), {verdict}")
}

fn ours_once() -> Flooded {
    let server = Server::start(&["--pace", "0", "-q"]);
    flood(server.pid(), server.address, End::Nul)
}

fn talking_once() -> Flooded {
    let server = Blind::ours_to_dev_null();
    flood(server.program.pid(), server.address, End::Nul)
}

fn ncat_once() -> Flooded {
    let server = Blind::ncat();
    flood(server.program.pid(), server.address, End::Newline)
}

/// Fills the room of the server `pid` and floods it.
fn flood(pid: i32, address: SocketAddr, end: End) -> Flooded {
    let mut crowd = Crowd::join(address, READERS);
    // One descriptor for each client, and the listening one.
    let sockets = || descriptors_of(pid).iter().filter(|(_, what)| what.starts_with("socket:")).count();
    eventually("a full room", || (sockets() == crowd.len() + 1).then_some(()));
    crowd.flood(EACH, end)
}
