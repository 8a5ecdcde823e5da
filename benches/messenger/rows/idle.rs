//! A room in which nobody speaks: nobody should wake.

use std::time::Duration;

use crate::common::{Server, eventually};
use crate::harness::procfs::{state, switches};
use crate::harness::readers::all_in;
use crate::table::Row;

const CLIENTS: usize = 1000;

/// How long is looked on.
const WATCHED: Duration = Duration::from_secs(5);

/// How often any process of an idle server ran.
pub fn wake_ups() -> Vec<Row> {
    let server = Server::start(&[]);
    let _clients = all_in(server.pid(), server.address, 0, CLIENTS);
    let children = server.wait_for_children(CLIENTS);
    let waits = |&pid: &i32| state(pid) == Some('S');
    eventually("processes that wait", || children.iter().chain([&server.pid()]).all(waits).then_some(()));
    let before = switches(server.pid());
    std::thread::sleep(WATCHED);
    let woken = switches(server.pid()) - before;
    vec![Row {
        what: format!(
            "idle server with {CLIENTS} clients: wake-ups of all its processes in {} s",
            WATCHED.as_secs()
        ),
        figure: woken.to_string(),
        compared: "-".to_string(),
        reach: "0",
        reached: Some(woken == 0),
        notes: vec!["context switches of hub and children, wanted or not, from /proc/PID/status".to_string()],
    }]
}
