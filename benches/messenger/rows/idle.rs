//! Row 16: a silent room of a thousand clients must not wake any process.

use std::time::Duration;

use crate::common::{Server, eventually};
use crate::harness::procfs::{context_switches, state};
use crate::harness::readers::connect_accepted;
use crate::table::Row;

const CLIENTS: usize = 1000;

/// How long context switches are counted.
const WINDOW: Duration = Duration::from_secs(5);

pub fn wake_ups() -> Vec<Row> {
    let server = Server::start(&[]);
    let _clients = connect_accepted(server.pid(), server.address, 0, CLIENTS);
    let children = server.wait_for_children(CLIENTS);
    let sleeps = |&pid: &i32| state(pid) == Some('S');
    eventually("processes that wait", || children.iter().chain([&server.pid()]).all(sleeps).then_some(()));
    let before = context_switches(server.pid());
    std::thread::sleep(WINDOW);
    let woken = context_switches(server.pid()) - before;
    vec![Row {
        measurement: format!(
            "idle server with {CLIENTS} clients: wake-ups of all its processes in {} s",
            WINDOW.as_secs()
        ),
        figure: woken.to_string(),
        compared: "-".to_string(),
        target: "0",
        met: Some(woken == 0),
        notes: vec![
            "context switches of hub and children, voluntary or not, from /proc/PID/status".to_string(),
        ],
    }]
}
