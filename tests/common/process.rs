//! Processes: state from /proc, signals, strace(1).

use std::net::{IpAddr, SocketAddr, TcpStream};
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use super::{Program, eventually, skip};

/// Sends `signal` to a process, which must exist.
#[track_caller]
pub fn send(pid: i32, signal: Signal) {
    kill(Pid::from_raw(pid), signal).expect("kill");
}

/// Stops a process, traced (`t`) or not: SIGSTOP takes effect a little later.
#[track_caller]
pub fn stop(pid: i32) {
    send(pid, Signal::SIGSTOP);
    eventually(&format!("{pid} to be stopped"), || matches!(state_of(pid), Some('T' | 't')).then_some(()));
}

/// Waits until none of `pids` runs.
#[track_caller]
pub fn wait_for_death(pids: &[i32]) {
    eventually(&format!("the end of {pids:?}"), || pids.iter().all(|&pid| !is_alive(pid)).then_some(()));
}

/// Raises the soft limit of descriptors to the hard limit: many systems start with fewer than a
/// thousand connections need.
#[track_caller]
pub fn raise_own_descriptor_limit() {
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).unwrap();
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).unwrap();
}

/// Processor time that `pid` has used, user and system: proc_pid_stat(5). Linux counts it in
/// hundredths of a second.
#[track_caller]
pub fn cpu_time_of(pid: i32) -> Duration {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap();
    let fields: Vec<&str> = stat.rsplit(')').next().unwrap().split_whitespace().collect();
    let ticks = |at: usize| fields[at].parse::<u64>().unwrap();
    Duration::from_millis(10 * (ticks(11) + ticks(12)))
}

/// `program` under strace(1), which writes the calls selected by `options` to `to`. With `-D` the
/// program is the direct child of the test, not strace.
pub fn traced(program: &str, options: &[&str], to: &Path) -> Command {
    let mut command = Command::new("strace");
    command.arg("-D").arg("-qq").arg("-o").arg(to).args(options).arg(program);
    command
}

/// True if strace(1) is installed and permitted to trace; otherwise records the test as skipped.
#[track_caller]
pub fn can_trace() -> bool {
    let can = traced("true", &[], Path::new("/dev/null")).output().is_ok_and(|done| done.status.success());
    if !can {
        skip::skip(skip::STRACE, "strace is not installed, or may not trace");
    }
    can
}

/// strace(1) attached to `process` until it is dropped; like [`traced`] otherwise. `None`: it is
/// not installed, or may not trace a process that is not its child, and the test is recorded as
/// skipped.
#[track_caller]
pub fn attach(process: i32, options: &[&str], to: &Path) -> Option<Program> {
    if !can_trace() {
        return None;
    }
    let mut command = Command::new("strace");
    let strace = Program::start(command.arg("-o").arg(to).args(options).args(["-p", &process.to_string()]));
    if strace.err.line_unless_ended(" attached").is_none() {
        skip::skip(skip::STRACE, strace.err.so_far());
        return None;
    }
    Some(strace)
}

/// The children of `pid`, zombies included, from /proc.
#[track_caller]
pub fn children_of(pid: i32) -> Vec<i32> {
    let list = std::fs::read_to_string(format!("/proc/{pid}/task/{pid}/children")).unwrap_or_default();
    list.split_whitespace().map(|number| number.parse().unwrap()).collect()
}

/// The child of `server` that holds the other end of `connection`, from /proc; `None` if the server
/// holds it alone. Valid only after the server has printed the address of the client.
#[track_caller]
pub fn child_with_connection(server: i32, connection: &TcpStream) -> Option<i32> {
    let ends = (connection.peer_addr().unwrap(), connection.local_addr().unwrap());
    let socket = eventually(&format!("the server's end of {ends:?}"), || socket_of(server, ends));
    eventually(&format!("one child of {server} with {socket}"), || {
        let has = |child: &i32| descriptors_of(*child).iter().any(|(_, what)| *what == socket);
        // Just after fork, a child still holds the sockets of the other clients.
        match children_of(server).into_iter().filter(has).collect::<Vec<_>>()[..] {
            [] => Some(None),
            [child] => Some(Some(child)),
            _ => None,
        }
    })
}

/// The TCP socket with these local and remote addresses in the network namespace of `process`, as
/// the link of a descriptor names it: `socket:[INODE]`.
#[track_caller]
fn socket_of(process: i32, (local, remote): (SocketAddr, SocketAddr)) -> Option<String> {
    ["tcp", "tcp6"].iter().find_map(|table| {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).ok()?;
        table.lines().skip(1).find_map(|line| {
            let fields: Vec<&str> = line.split_whitespace().collect();
            let is_it = address_in_table(fields[1])? == local && address_in_table(fields[2])? == remote;
            (is_it && fields[9] != "0").then(|| format!("socket:[{}]", fields[9]))
        })
    })
}

/// Parses an address of /proc/net/tcp or tcp6: 32-bit words in host byte order as hexadecimal
/// digits, a colon, the port. Maps IPv4-mapped IPv6 to IPv4.
fn address_in_table(text: &str) -> Option<SocketAddr> {
    let (digits, port) = text.split_once(':')?;
    let word = |at: usize| u32::from_str_radix(digits.get(at..at + 8)?, 16).ok().map(u32::to_ne_bytes);
    let ip = match digits.len() {
        8 => IpAddr::from(word(0)?),
        _ => {
            let bytes: Vec<u8> = [word(0)?, word(8)?, word(16)?, word(24)?].concat();
            IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()
        }
    };
    Some(SocketAddr::new(ip, u16::from_str_radix(port, 16).ok()?))
}

/// Descriptors of a worker of `chat_serveur`, once it has closed those that it does not keep.
#[track_caller]
pub fn descriptors_of_child(child: i32) -> Vec<(i32, String)> {
    eventually("the worker to keep five descriptors", || {
        Some(descriptors_of(child)).filter(|open| open.len() == 5 && open[1].1 == "/dev/null")
    })
}

/// Open descriptors of a process, from /proc: (number, target of the link).
pub fn descriptors_of(pid: i32) -> Vec<(i32, String)> {
    let Ok(entries) = std::fs::read_dir(format!("/proc/{pid}/fd")) else { return Vec::new() };
    let mut open: Vec<(i32, String)> = entries
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let target = std::fs::read_link(entry.path()).ok()?;
            Some((entry.file_name().to_str()?.parse().ok()?, target.to_str()?.to_string()))
        })
        .collect();
    open.sort();
    open
}

/// True while `pid` exists and is not a zombie.
pub fn is_alive(pid: i32) -> bool {
    state_of(pid).is_some_and(|state| state != 'Z')
}

/// The state as proc_pid_stat(5) has it; `None` when there is no such process.
fn state_of(pid: i32) -> Option<char> {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    stat.rsplit(')').next()?.trim_start().chars().next()
}

/// The command name that `ps` shows, /proc/PID/comm.
pub fn name_of(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/comm")).unwrap_or_default().trim_end().to_string()
}

/// Private dirty memory of a process, in kB.
#[track_caller]
pub fn private_kb(pid: i32) -> usize {
    let rollup = std::fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).unwrap();
    let line = rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

/// True if the process has a handler for SIGTERM, the last one that our programs install.
pub fn catches_sigterm(pid: i32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:"));
    let caught = caught.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok()).unwrap_or_default();
    caught & (1 << (nix::sys::signal::Signal::SIGTERM as u64 - 1)) != 0
}
