//! Rows 12 to 15: ten thousand clients at once (the C10K problem): connections held, memory per
//! worker, latency, and whether the last client costs more to connect than an early one.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use super::memory::{MOST_KB, settle_program};
use crate::common::children_of;
use crate::harness::large_room::{ConnectCost, LargeRoom};
use crate::harness::procfs::private_dirty;
use crate::harness::reader_process::ReaderProcess;
use crate::harness::room::{ON_THE_WIRE, accept, message, send_to_all};
use crate::table::{ROUNDS, Row, median, micros, spread};

const CLIENTS: usize = 10_000;

/// The client that the last one is compared with, and how many times each is connected.
const EARLY: usize = 100;
const TIMES: usize = 50;

/// Number of workers to read the memory of, evenly spread from the first to the last.
const SAMPLED: usize = 200;

/// Messages of a round that count, after one that does not.
const COUNTED: usize = 3;

/// Text and target of each row.
const HELD: (&str, &str) = ("10,000 clients connected at once: held", "10000");
const MEMORY: (&str, &str) = ("private memory of a child, the largest of 200 among 10,000", "at most 64 kB");
const LATENCY: (&str, &str) =
    ("one message to 10,000 clients, `--pace 0`, until the last has it", "at most 1.25");
const CONNECT: (&str, &str) = ("connecting the 10,000th client: CPU time (elapsed time)", "at most 2");

/// Four rows of one measurement.
pub fn rows() -> Vec<Row> {
    if let Err(reason) = check_limits() {
        return [HELD, MEMORY, LATENCY, CONNECT]
            .map(|(measurement, target)| Row::not_measurable_here(measurement, target, &reason))
            .into();
    }
    settle_program();
    let mut room = LargeRoom::start(CLIENTS);
    room.fill(EARLY - 1);
    let early = connect_costs(&mut room);
    let start = Instant::now();
    room.fill(CLIENTS - 1);
    let filled = start.elapsed().as_secs_f64();
    let late = connect_costs(&mut room);
    let (mut sender, _) = room.connect();
    let children = children_of(room.program.pid());
    let memory = sample_memory(&children);
    let (ours, bare) = latencies(&mut room, &mut sender);
    let held = children_of(room.program.pid()).len();
    vec![
        Row { notes: vec![format!("connected in {filled:.1} s, one process each")], ..held_row(held) },
        memory_row(&memory),
        latency_row(&ours, &bare),
        connect_row(&early, &late),
    ]
}

fn row((measurement, target): (&str, &'static str), figure: String, compared: &str, met: bool) -> Row {
    let (measurement, compared) = (measurement.to_string(), compared.to_string());
    Row { measurement, figure, compared, target, met: Some(met), notes: Vec::new() }
}

fn held_row(held: usize) -> Row {
    row(HELD, held.to_string(), "-", held == CLIENTS)
}

fn connect_costs(room: &mut LargeRoom) -> Vec<ConnectCost> {
    (0..TIMES).map(|_| room.connect_cost()).collect()
}

fn connect_row(early: &[ConnectCost], late: &[ConnectCost]) -> Row {
    let middle = |costs: &[ConnectCost], of: fn(&ConnectCost) -> f64| {
        median(&costs.iter().map(of).collect::<Vec<_>>())
    };
    let [early_cpu, late_cpu] = [early, late].map(|costs| middle(costs, |cost| cost.cpu));
    let [early_wall, late_wall] = [early, late].map(|costs| middle(costs, |cost| cost.wall));
    let (cpu, wall) = (late_cpu / early_cpu, late_wall / early_wall);
    let note = format!(
        "{EARLY}th {} ({}), {CLIENTS}th {} ({}), medians of {TIMES} connections, one after the other; CPU time: hub \
         and new child, until both wait; elapsed time: from before connect until the server has printed the client",
        micros(early_cpu),
        micros(early_wall),
        micros(late_cpu),
        micros(late_wall)
    );
    let figure = format!("{cpu:.2} ({wall:.2})");
    Row { notes: vec![note], ..row(CONNECT, figure, "the 100th = 1", cpu <= 2.0 && wall <= 2.0) }
}

/// Private memory in kB of every n-th child.
fn sample_memory(children: &[i32]) -> Vec<usize> {
    let every = (children.len() / SAMPLED).max(1);
    children.iter().step_by(every).map(|&child| private_dirty(child)).collect()
}

fn memory_row(sampled: &[usize]) -> Row {
    let most = sampled.iter().copied().max().unwrap_or_default();
    let middle = median(&sampled.iter().map(|&kb| kb as f64).collect::<Vec<_>>());
    let note = format!("{} children from the first to the last, median {middle} kB", sampled.len());
    Row { notes: vec![note], ..row(MEMORY, format!("{most} kB"), "-", most <= MOST_KB) }
}

/// Medians of the rounds in microseconds: the server, and a bare loop of `send`.
fn latencies(room: &mut LargeRoom, sender: &mut TcpStream) -> (Vec<f64>, Vec<f64>) {
    let (mut bare_readers, bare_senders) = bare();
    let round = |_| {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..=COUNTED {
            times[0].push(latency(&mut room.readers, || {
                sender.write_all(&message()).expect("write");
                sender.read_exact(&mut [0; ON_THE_WIRE]).expect("read");
            }));
            times[1].push(latency(&mut bare_readers, || send_to_all(&bare_senders)));
        }
        let [ours, bare] = times.map(|times| median(&times[1..]));
        (ours, bare)
    };
    (0..ROUNDS).map(round).unzip()
}

/// As many connections without a server.
fn bare() -> (ReaderProcess, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let mut readers = ReaderProcess::start(listener.local_addr().expect("getsockname"));
    let mut senders = Vec::new();
    while senders.len() < CLIENTS {
        readers.connect(100);
        senders.extend((0..100).map(|_| accept(&listener)));
    }
    (readers, senders)
}

fn latency(readers: &mut ReaderProcess, send: impl FnOnce()) -> f64 {
    readers.start_read(ON_THE_WIRE);
    let start = Instant::now();
    send();
    readers.finish_read();
    start.elapsed().as_secs_f64() * 1e6
}

fn latency_row(ours: &[f64], bare: &[f64]) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(bare).map(|(ours, bare)| ours / bare).collect();
    let ratio = median(&ratios);
    let note = format!(
        "rounds {}; ours {:.0} ms, the bare loop {:.0} ms",
        spread(&ratios),
        median(ours) / 1e3,
        median(bare) / 1e3
    );
    let compared = "a bare loop of `send` to 10,000 sockets = 1";
    Row { notes: vec![note], ..row(LATENCY, format!("{ratio:.2}"), compared, ratio <= 1.25) }
}

/// Raises the descriptor limit, and checks that descriptors, processes and memory suffice. The
/// error is the reason why they do not.
#[cfg(target_os = "linux")]
fn check_limits() -> Result<(), String> {
    use nix::sys::resource::{Resource, getrlimit, setrlimit};
    let number_in = |path| std::fs::read_to_string(path).ok()?.trim().parse::<u64>().ok();
    let needed = CLIENTS as u64 + 200;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if hard < needed {
        return Err(format!("{hard} descriptors a process (RLIMIT_NOFILE), {needed} needed"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|error| error.to_string())?;
    let (processes, _) = getrlimit(Resource::RLIMIT_NPROC).map_err(|error| error.to_string())?;
    let pids = number_in("/proc/sys/kernel/pid_max").unwrap_or(u64::MAX);
    let running = std::fs::read_dir("/proc").map_or(0, Iterator::count) as u64;
    let most = pids.saturating_sub(running).min(processes);
    if most < needed {
        return Err(format!("{most} more processes (pid_max, RLIMIT_NPROC), {needed} needed"));
    }
    // 300 kB per client: page tables and kernel stack of its worker, socket buffers of both ends.
    let needed = CLIENTS as u64 * 300;
    let free = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        text.lines().find_map(|line| {
            line.strip_prefix("MemAvailable:")?.split_whitespace().next()?.parse::<u64>().ok()
        })
    });
    match free {
        Some(free) if free < needed => Err(format!("{free} kB of memory are free, {needed} needed")),
        _ => Ok(()),
    }
}

/// RLIMIT_NPROC and /proc differ elsewhere; `main` measures on Linux only.
#[cfg(not(target_os = "linux"))]
fn check_limits() -> Result<(), String> {
    Err("not measured on this system".to_string())
}
