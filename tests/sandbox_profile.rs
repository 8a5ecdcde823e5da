//! A sandboxed child, seen from inside: the Rust runtime and the libraries still work, a refused
//! call is an ordinary error, and a panic ends the child as usual.
//!
//! Without the test harness, which starts threads: these processes fork (see the documentation of
//! the crate).

#[allow(dead_code)] // The summary alone uses the rest.
#[path = "common/skip.rs"]
mod skip;

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Write};
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use forklab::sys::{self, Ended, Layer, Profile, Sandbox, Signal, Signals};

/// A function for a child to run, and the expected end of the child.
struct Case {
    name: &'static str,
    work: fn() -> i32,
    ends: Ended,
}

const FINE: Ended = Ended::Status(0);
/// EX_SOFTWARE of sysexits.h.
const BUG: Ended = Ended::Status(70);

const CASES: [Case; 7] = [
    Case { name: "a panic is status 70", work: || panic!("on purpose"), ends: BUG },
    Case { name: "an index out of bounds too", work: out_of_bounds, ends: BUG },
    Case { name: "memory grows and shrinks", work: memory, ends: FINE },
    Case { name: "a map has its random keys", work: map, ends: FINE },
    Case { name: "time passes", work: time, ends: FINE },
    Case { name: "files, connections, processes and threads are errors", work: refused, ends: FINE },
    Case { name: "standard output takes a line", work: prints, ends: FINE },
];

fn out_of_bounds() -> i32 {
    let none: Vec<i32> = std::env::args().skip(1000).map(|_| 0).collect();
    none[0]
}

fn memory() -> i32 {
    let mut blocks: Vec<Vec<u8>> = (0..64).map(|i| vec![1; 1 << (i % 23)]).collect();
    blocks.iter_mut().for_each(|block| block.extend_from_slice(&[2; 100_000]));
    i32::from(blocks.iter().map(Vec::len).sum::<usize>() < 6_400_000)
}

fn map() -> i32 {
    let squares: HashMap<u64, u64> = (0..1000).map(|i| (i, i * i)).collect();
    i32::from(squares[&31] != 961)
}

fn time() -> i32 {
    let before = Instant::now();
    std::thread::sleep(Duration::from_millis(2));
    i32::from(before.elapsed() < Duration::from_millis(2))
}

fn refused() -> i32 {
    let is_refused = |error: io::Error| error.kind() == io::ErrorKind::PermissionDenied;
    let all = [
        File::open("/").err().is_some_and(is_refused),
        File::create("/tmp/forklab-confined").err().is_some_and(is_refused),
        TcpStream::connect((Ipv4Addr::LOCALHOST, 9)).err().is_some_and(is_refused),
        TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).err().is_some_and(is_refused),
        Command::new("true").spawn().err().is_some_and(is_refused),
        std::thread::Builder::new().spawn(|| ()).err().is_some_and(is_refused),
    ];
    all.iter().position(|refused| !refused).map_or(0, |at| 1 + at as i32)
}

fn prints() -> i32 {
    i32::from(writeln!(io::stdout(), "a line of a child").is_err())
}

/// Runs each case in a child of each profile. Returns the number that passed, or the first failure.
fn run_all() -> Result<usize, String> {
    let signals = Signals::catch(&[], 100).map_err(|error| error.to_string())?;
    // As a server does: see `forklab::server`.
    sys::ignore_signal(Signal::SIGXFSZ);
    let mut passed = 0;
    for profile in [Profile::Records, Profile::Talk, Profile::Pair, Profile::Files] {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let directory = sys::open_directory(place.path()).map_err(|error| error.to_string())?;
        let mut sandbox = Sandbox::prepare(profile, true, true, 100);
        if profile == Profile::Files {
            sandbox = sandbox.with_files_in(std::os::fd::AsFd::as_fd(&directory), 100);
            if let Layer::Lacking(reason) = sandbox.landlock() {
                skip::skip(skip::LANDLOCK, reason);
                continue;
            }
        }
        if let Layer::Lacking(reason) = sandbox.seccomp() {
            skip::skip(skip::SECCOMP, reason);
            return Ok(0);
        }
        for Case { name, work, ends } in CASES {
            let keep: Vec<i32> = sandbox.keeps().into_iter().collect();
            let child = sys::spawn(&signals, &keep, &mut sandbox, work).map_err(|error| error.to_string())?;
            let ended = sys::reap_this(child).map_err(|error| error.to_string())?;
            if ended != ends {
                return Err(format!("{name}, {profile:?}: {ended:?} instead of {ends:?}"));
            }
            passed += 1;
        }
    }
    Ok(passed)
}

fn main() -> ExitCode {
    // A backtrace reads files, which the sandbox refuses: run with and without one. Standard error
    // is a file, as it may be for a server.
    if let Ok(true) = std::env::var("FORKLAB_CONFINED").map(|inner| inner == "1") {
        return match run_all() {
            Ok(passed) => {
                println!("passed {passed}");
                ExitCode::SUCCESS
            }
            Err(failed) => {
                println!("{failed}");
                ExitCode::FAILURE
            }
        };
    }
    for backtrace in ["0", "1", "full"] {
        let program = std::env::current_exe().expect("its own path");
        let messages = tempfile::tempfile().expect("a file");
        let mut inner = Command::new(program);
        inner.env("FORKLAB_CONFINED", "1").env("RUST_BACKTRACE", backtrace).stderr(messages);
        inner.env(skip::FILE_VARIABLE, skip::file_of_this_run());
        let output = inner.output().expect("itself once more");
        print!("RUST_BACKTRACE={backtrace}: {}", String::from_utf8_lossy(&output.stdout));
        if !output.status.success() {
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
