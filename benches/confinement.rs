//! `cargo bench --bench sandbox`: the cost of sandboxing a child, from fork to reap.
//!
//! The variants alternate, so that other load on the machine affects all of them alike. The figure
//! is the lower quartile of many runs: nothing but other load makes one slower than another.

use std::os::fd::AsFd;
use std::time::Instant;

use forklab::sys::{self, Profile, Sandbox, Signals};

const ROUNDS: usize = 2000;

/// Microseconds from fork to reap.
fn fork_to_reap(signals: &Signals, sandbox: &mut Sandbox) -> f64 {
    let keep: Vec<i32> = sandbox.keeps().into_iter().collect();
    let start = Instant::now();
    let child = sys::spawn(signals, &keep, sandbox, || 0).expect("fork");
    sys::reap_this(child).expect("waitpid");
    start.elapsed().as_secs_f64() * 1e6
}

fn main() {
    let signals = Signals::catch(&[], 100).expect("a pipe");
    let directory = sys::open_directory(&std::env::temp_dir()).expect("a directory");
    let files = Sandbox::prepare(Profile::Files, true, true, 100).with_files_in(directory.as_fd(), 100);
    let mut variants = [
        ("none", Sandbox::none()),
        ("limits", Sandbox::prepare(Profile::Records, true, false, 100)),
        ("seccomp", Sandbox::prepare(Profile::Records, false, true, 100)),
        ("both, as the messenger's", Sandbox::prepare(Profile::Records, true, true, 100)),
        ("both and landlock, as upload's", files),
    ];
    let mut times = vec![Vec::with_capacity(ROUNDS); variants.len()];
    for _ in 0..ROUNDS {
        for ((_, sandbox), times) in variants.iter_mut().zip(&mut times) {
            times.push(fork_to_reap(&signals, sandbox));
        }
    }
    let lower_quartile = |times: &mut Vec<f64>| {
        times.sort_by(f64::total_cmp);
        times[ROUNDS / 4]
    };
    let quartiles: Vec<f64> = times.iter_mut().map(lower_quartile).collect();
    println!("{:32} {:>10} {:>10} {:>8}", "a child confined by", "us", "more", "ratio");
    for ((name, _), time) in variants.iter().zip(&quartiles) {
        println!("{name:32} {time:10.1} {:10.1} {:8.2}", time - quartiles[0], time / quartiles[0]);
    }
}
