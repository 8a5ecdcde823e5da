//! Ten thousand clients at once: held, how much memory, how fast they hear, and what it costs to let in the last.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::time::Instant;

use nix::sys::resource::{Resource, getrlimit, setrlimit};

use crate::common::children_of;
use crate::harness::large_room::{Arrival, Hall};
use crate::harness::procfs::private_dirty;
use crate::harness::reader_process::Crowd;
use crate::harness::room::{ON_THE_WIRE, accepted, message, send_to_all};
use crate::rows::memory::{REACH as MOST_MEMORY, settle_program};
use crate::table::{ROUNDS, Row, median, micros, spread};

const CLIENTS: usize = 10_000;

/// The client that the last is compared with, and how many times each is let in.
const EARLY: usize = 100;
const TIMES: usize = 50;

/// Children whose memory is looked at, from first to last.
const SAMPLED: usize = 200;

/// Messages of a round that count, after one that does not.
const COUNTED: usize = 3;

const HELD: (&str, &str) = ("10,000 clients connected at once: held", "10000");
const MEMORY: (&str, &str) = ("private memory of a child, the largest of 200 among 10,000", "at most 64 kB");
const MESSAGE: (&str, &str) =
    ("one message to 10,000 clients, `--pace 0`, until the last has it", "at most 1.25");
const LAST: (&str, &str) =
    ("letting in the 10,000th client: processor time (time until it is in)", "at most 2");

/// Four rows of one measurement.
pub fn clients() -> Vec<Row> {
    if let Err(reason) = machine_is_large_enough() {
        return [HELD, MEMORY, MESSAGE, LAST]
            .map(|(what, reach)| Row::beyond_the_machine(what, reach, &reason))
            .into();
    }
    settle_program();
    let mut hall = Hall::open(CLIENTS);
    hall.fill(EARLY - 1);
    let early = costs(&mut hall);
    let start = Instant::now();
    hall.fill(CLIENTS - 1);
    let filled = start.elapsed().as_secs_f64();
    let late = costs(&mut hall);
    let (mut speaker, _) = hall.arrival();
    let children = children_of(hall.program.pid());
    let memory = memory(&children);
    let (ours, bare) = message_to_all(&mut hall, &mut speaker);
    let held = children_of(hall.program.pid()).len();
    vec![
        Row { notes: vec![format!("connected in {filled:.1} s, one process each")], ..held_row(held) },
        memory_row(&memory),
        message_row(&ours, &bare),
        last_row(&early, &late),
    ]
}

fn row((what, reach): (&str, &'static str), figure: String, compared: &str, reached: bool) -> Row {
    let (what, compared) = (what.to_string(), compared.to_string());
    Row { what, figure, compared, reach, reached: Some(reached), notes: Vec::new() }
}

fn held_row(held: usize) -> Row {
    row(HELD, held.to_string(), "-", held == CLIENTS)
}

fn costs(hall: &mut Hall) -> Vec<Arrival> {
    (0..TIMES).map(|_| hall.cost_of_one_more()).collect()
}

fn last_row(early: &[Arrival], late: &[Arrival]) -> Row {
    let middle =
        |arrivals: &[Arrival], of: fn(&Arrival) -> f64| median(&arrivals.iter().map(of).collect::<Vec<_>>());
    let [early_cpu, late_cpu] = [early, late].map(|arrivals| middle(arrivals, |arrival| arrival.cpu));
    let [early_wall, late_wall] = [early, late].map(|arrivals| middle(arrivals, |arrival| arrival.wall));
    let (cpu, wall) = (late_cpu / early_cpu, late_wall / early_wall);
    let note = format!(
        "{EARLY}th {} ({}), {CLIENTS}th {} ({}), medians of {TIMES} who came one after the other and left again; the \
         processor's time is the hub's and the new child's until both wait, the other from before connect until the \
         server has printed that the client is in",
        micros(early_cpu),
        micros(early_wall),
        micros(late_cpu),
        micros(late_wall)
    );
    let figure = format!("{cpu:.2} ({wall:.2})");
    Row { notes: vec![note], ..row(LAST, figure, "the 100th = 1", cpu <= 2.0 && wall <= 2.0) }
}

/// In kB, of children from the first to the last.
fn memory(children: &[i32]) -> Vec<usize> {
    let every = (children.len() / SAMPLED).max(1);
    children.iter().step_by(every).map(|&child| private_dirty(child)).collect()
}

fn memory_row(sampled: &[usize]) -> Row {
    let most = sampled.iter().copied().max().unwrap_or_default();
    let middle = median(&sampled.iter().map(|&kb| kb as f64).collect::<Vec<_>>());
    let note = format!("{} children from the first to the last, median {middle} kB", sampled.len());
    Row { notes: vec![note], ..row(MEMORY, format!("{most} kB"), "-", most <= MOST_MEMORY) }
}

/// The medians of the rounds, in microseconds, for ours and for a bare loop of `send`.
fn message_to_all(hall: &mut Hall, speaker: &mut TcpStream) -> (Vec<f64>, Vec<f64>) {
    let (mut bare_crowd, senders) = bare();
    let round = |_| {
        let mut times = [Vec::new(), Vec::new()];
        for _ in 0..=COUNTED {
            times[0].push(time(&mut hall.crowd, || {
                speaker.write_all(&message()).expect("write");
                speaker.read_exact(&mut [0; ON_THE_WIRE]).expect("read");
            }));
            times[1].push(time(&mut bare_crowd, || send_to_all(&senders)));
        }
        let [ours, bare] = times.map(|times| median(&times[1..]));
        (ours, bare)
    };
    (0..ROUNDS).map(round).unzip()
}

/// As many connections, and no server.
fn bare() -> (Crowd, Vec<TcpStream>) {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("bind");
    let mut crowd = Crowd::of(listener.local_addr().expect("getsockname"));
    let mut senders = Vec::new();
    while senders.len() < CLIENTS {
        crowd.join(100);
        senders.extend((0..100).map(|_| accepted(&listener)));
    }
    (crowd, senders)
}

fn time(crowd: &mut Crowd, speak: impl FnOnce()) -> f64 {
    crowd.take(ON_THE_WIRE);
    let start = Instant::now();
    speak();
    crowd.has_taken();
    start.elapsed().as_secs_f64() * 1e6
}

fn message_row(ours: &[f64], bare: &[f64]) -> Row {
    let ratios: Vec<f64> = ours.iter().zip(bare).map(|(ours, bare)| ours / bare).collect();
    let ratio = median(&ratios);
    let note = format!(
        "rounds {}; ours {:.0} ms, the bare loop {:.0} ms",
        spread(&ratios),
        median(ours) / 1e3,
        median(bare) / 1e3
    );
    let compared = "a bare loop of `send` to 10,000 sockets = 1";
    Row { notes: vec![note], ..row(MESSAGE, format!("{ratio:.2}"), compared, ratio <= 1.25) }
}

/// Whether there are descriptors, processes and memory enough, and raises what may be raised; the reason where not.
fn machine_is_large_enough() -> Result<(), String> {
    let needed = CLIENTS as u64 + 200;
    let (_, hard) = getrlimit(Resource::RLIMIT_NOFILE).map_err(|error| error.to_string())?;
    if hard < needed {
        return Err(format!("{hard} descriptors a process (RLIMIT_NOFILE), {needed} needed"));
    }
    setrlimit(Resource::RLIMIT_NOFILE, hard, hard).map_err(|error| error.to_string())?;
    let (processes, _) = getrlimit(Resource::RLIMIT_NPROC).map_err(|error| error.to_string())?;
    let numbers = number_in("/proc/sys/kernel/pid_max").unwrap_or(u64::MAX);
    let running = std::fs::read_dir("/proc").map_or(0, Iterator::count) as u64;
    let most = numbers.saturating_sub(running).min(processes);
    if most < needed {
        return Err(format!("{most} more processes (pid_max, RLIMIT_NPROC), {needed} needed"));
    }
    // A child's page tables and kernel stack, and what the kernel keeps for two ends of a connection.
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

fn number_in(path: &str) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}
