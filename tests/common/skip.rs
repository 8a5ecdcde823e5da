//! Tests that cannot run on this machine. cargo hides what a test that passes prints, so each is recorded in a file, which
//! `zz_skipped`, the crate that cargo runs last, prints as a summary.
//!
//! The file belongs to one run of `cargo test`: its name is the process ID of cargo, the parent of every test program, and on
//! Linux the time at which cargo was started. What an earlier run has left is never read, and is deleted with the next summary.

use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// Needed to start a program as another user, or to mount a file system.
pub const ROOT: &str = "root";
pub const BROWSER: &str = "package chromium (or google-chrome)";
pub const SHELLCHECK: &str = "package shellcheck";
pub const STRACE: &str = "package strace, and permission to trace processes";
pub const TMUX: &str = "package tmux";
/// Tests of what a child may still do make system calls by ptrace(2).
pub const PTRACE: &str = "permission to trace processes (ptrace), on x86-64";
pub const NETWORK_NAMESPACE: &str = "permission to make a network namespace";
pub const NETWORK_TOOLS: &str =
    "packages netcat-openbsd, iproute2 and util-linux, and permission to make user and network namespaces";
pub const MOUNT: &str = "permission to mount a file system in a namespace";
pub const SECCOMP: &str = "a kernel with seccomp";
pub const LANDLOCK: &str = "a kernel with landlock";

/// The file of this run, for a test program that a test program starts.
pub const FILE_VARIABLE: &str = "FORKLAB_SKIPPED_TESTS";

/// Where the records of all runs are.
pub fn directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The records of this run: a line each, `NEEDS`, tab, `TEST`, tab, `REASON`.
#[track_caller]
pub fn file_of_this_run() -> PathBuf {
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        return path.into();
    }
    let cargo = nix::unistd::getppid();
    // starttime, field 22 of proc_pid_stat(5): process IDs are used again.
    let stat = fs::read_to_string(format!("/proc/{cargo}/stat")).unwrap_or_default();
    let started = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(19)).unwrap_or("0");
    directory().join(format!("skipped-{cargo}-{started}"))
}

/// Records that the test of this thread, or a part of it, is left out: for want of `needs`, one of the constants above.
#[track_caller]
pub fn skip(needs: &str, reason: impl Display) {
    let at = Location::caller();
    // With `--test-threads 1` a test may run in the main thread.
    let test = match std::thread::current().name() {
        Some("main") | None => format!("{}:{}", at.file(), at.line()),
        Some(path) => format!("{}::{path}", env!("CARGO_CRATE_NAME")),
    };
    let reason = reason.to_string().trim().replace(['\n', '\t'], " ");
    eprintln!("skipped, needs {needs}: {reason}");
    // One write in append mode: tests run in parallel.
    let record = format!("{needs}\t{test}\t{reason}\n");
    let file = OpenOptions::new().append(true).create(true).open(file_of_this_run());
    if let Err(error) = file.and_then(|mut file| file.write_all(record.as_bytes())) {
        eprintln!("not recorded as skipped: {error}");
    }
}

/// True for root; records the test as skipped for every other user.
#[track_caller]
pub fn is_root() -> bool {
    let is_root = nix::unistd::geteuid().is_root();
    if !is_root {
        skip(ROOT, "only root can start a program as another user");
    }
    is_root
}
