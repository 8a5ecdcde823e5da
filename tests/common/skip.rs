//! Tests that cannot run on this machine. cargo hides the output of a passing test, so each skip is
//! recorded in a file, which `zz_skipped`, the crate that cargo runs last, prints as a summary.
//!
//! The file belongs to one run of `cargo test`: its name is the process ID of cargo, the parent of
//! every test program, and on Linux the start time of cargo. The records of earlier runs are never
//! read; the next summary deletes them.

use std::fmt::Display;
use std::fs::{self, OpenOptions};
use std::io::Write;
use std::panic::Location;
use std::path::{Path, PathBuf};

/// For tests that start a program as another user or mount a file system.
pub const ROOT: &str = "root";
pub const BROWSER: &str = "package chromium (or google-chrome)";
pub const NGINX: &str = "packages nginx-light and openssl";
pub const SHELLCHECK: &str = "package shellcheck";
/// Shells of other systems.
pub const SHELLS: &str = "packages dash and busybox";
pub const STRACE: &str = "package strace, and permission to trace processes";
pub const TMUX: &str = "package tmux";
pub const SCREEN: &str = "packages screen and tmux";
/// For tests that make system calls in a sandboxed child through ptrace(2).
pub const PTRACE: &str = "permission to trace processes (ptrace), on x86-64";
pub const NETWORK_NAMESPACE: &str = "permission to make a network namespace";
pub const PID_NAMESPACE: &str = "permission to make a PID namespace";
pub const MEMORY_CGROUP: &str = "permission to make a memory cgroup";
pub const NETWORK_TOOLS: &str =
    "packages netcat-openbsd, iproute2 and util-linux, and permission to make user and network namespaces";
pub const TUN: &str = "package socat, and permission to make a network namespace and a TUN device";
pub const MOUNT: &str = "permission to mount a file system in a namespace";
pub const SECCOMP: &str = "a kernel with seccomp";
pub const LANDLOCK: &str = "a kernel with landlock";
pub const LINUX_6_15: &str = "Linux 6.15 or newer";

/// Path of the record file, for a test program started by a test program.
pub const FILE_VARIABLE: &str = "FORKLAB_SKIPPED_TESTS";

/// Directory of the record files of all runs.
pub fn directory() -> &'static Path {
    Path::new(env!("CARGO_TARGET_TMPDIR"))
}

/// The record file of this run. Each line: `NEEDS`, tab, `TEST`, tab, `REASON`.
#[track_caller]
pub fn file_of_this_run() -> PathBuf {
    if let Some(path) = std::env::var_os(FILE_VARIABLE) {
        return path.into();
    }
    let cargo = nix::unistd::getppid();
    // Field 22 of proc_pid_stat(5), starttime: process IDs are reused.
    let stat = fs::read_to_string(format!("/proc/{cargo}/stat")).unwrap_or_default();
    let started = stat.rsplit(')').next().and_then(|fields| fields.split_whitespace().nth(19)).unwrap_or("0");
    directory().join(format!("skipped-{cargo}-{started}"))
}

/// Records the test of this thread, or a part of it, as skipped for want of `needs`, one of the
/// constants above.
#[track_caller]
pub fn skip(needs: &str, reason: impl Display) {
    let at = Location::caller();
    // With `--test-threads 1` tests run in the main thread.
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
