//! State, memory and processor time of processes, from /proc: proc(5).

use std::fs::read_to_string;

use crate::common::{children_of, descriptors_of};

/// Descriptors of a chat worker: 0, 1, 2, the pipe to the hub, its client's socket.
const WORKER_DESCRIPTORS: usize = 5;

/// The state letter of /proc/PID/stat; `S`: asleep.
pub fn state(pid: i32) -> Option<char> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// True once a chat worker has finished its start-up and sleeps until its client sends.
pub fn worker_is_idle(pid: i32) -> bool {
    descriptors_of(pid).len() == WORKER_DESCRIPTORS && state(pid) == Some('S')
}

/// Private_Dirty of /proc/PID/smaps_rollup, in kB: pages that this process shares with no other.
pub fn private_dirty(pid: i32) -> usize {
    let rollup = read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    number_after(&rollup, "Private_Dirty:").expect("Private_Dirty") as usize
}

/// Context switches of a server and its children, voluntary and not.
pub fn context_switches(server: i32) -> u64 {
    let of = |pid: i32| {
        let status = read_to_string(format!("/proc/{pid}/status")).expect("status");
        let count = |key| number_after(&status, key).expect("a count of switches");
        count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:")
    };
    with_children(server).map(of).sum()
}

/// Processor time of a server and its living children, in seconds.
pub fn cpu_seconds(server: i32) -> f64 {
    with_children(server).map(cpu_seconds_of_one).sum()
}

/// Processor time of one process, user and system, in seconds; 0 when it is gone. From schedstat,
/// which counts nanoseconds: /proc/PID/stat has ticks of 10 ms.
pub fn cpu_seconds_of_one(pid: i32) -> f64 {
    let schedstat = read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

fn with_children(server: i32) -> impl Iterator<Item = i32> {
    std::iter::once(server).chain(children_of(server))
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
