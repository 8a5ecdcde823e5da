//! What the system says of processes, in /proc.

use std::fs::read_to_string;

use crate::common::children_of;

/// `S` for a process that waits: proc_pid_stat(5).
pub fn state(pid: i32) -> Option<char> {
    let stat = read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// The memory that is its own, in kB.
pub fn private_dirty(pid: i32) -> usize {
    let rollup = read_to_string(format!("/proc/{pid}/smaps_rollup")).expect("smaps_rollup");
    number_after(&rollup, "Private_Dirty:").expect("Private_Dirty") as usize
}

/// How often a server and its children have been switched to, asked for or not.
pub fn switches(server: i32) -> u64 {
    let of = |pid: i32| {
        let status = read_to_string(format!("/proc/{pid}/status")).expect("status");
        let count = |key| number_after(&status, key).expect("a count of switches");
        count("voluntary_ctxt_switches:") + count("nonvoluntary_ctxt_switches:")
    };
    family(server).map(of).sum()
}

/// Seconds that a server and its living children have computed, user and system, as the scheduler counts them: in
/// nanoseconds, where `stat` has ticks of ten milliseconds.
pub fn cpu_seconds(server: i32) -> f64 {
    family(server).map(cpu_seconds_of_one).sum()
}

/// The same of one process, without its children; 0 of one that is gone.
pub fn cpu_seconds_of_one(pid: i32) -> f64 {
    let schedstat = read_to_string(format!("/proc/{pid}/schedstat")).unwrap_or_default();
    let nanos = schedstat.split(' ').next().and_then(|nanos| nanos.parse::<f64>().ok());
    nanos.unwrap_or_default() / 1e9
}

fn family(server: i32) -> impl Iterator<Item = i32> {
    std::iter::once(server).chain(children_of(server))
}

fn number_after(text: &str, key: &str) -> Option<u64> {
    let line = text.lines().find_map(|line| line.strip_prefix(key))?;
    line.split_whitespace().next()?.parse().ok()
}
