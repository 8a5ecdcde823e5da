//! The start of a server process: inherited state, and the numbers of its descriptors.

use std::os::fd::RawFd;

use anyhow::Context;

use crate::sys::{self, Signal};

/// The server's own descriptors, beside the low ones: signal pipe, terminals, other listeners.
const OWN_DESCRIPTORS: u64 = 16;

const LOWEST_OWN: u64 = 64 - OWN_DESCRIPTORS;

/// Descriptors that are kept for connections that are refused.
const SPARE_DESCRIPTORS: u64 = 4;

/// How many clients' sockets a server can hold, for a [`startup`] limit.
pub fn fitting_sockets(limit: u64) -> usize {
    limit.saturating_sub(OWN_DESCRIPTORS + SPARE_DESCRIPTORS) as usize
}

/// Closes inherited descriptors but 0, 1 and 2, ignores SIGPIPE and SIGXFSZ, and raises the limit
/// of descriptors, which it returns. What is opened next gets the low numbers.
pub fn startup() -> anyhow::Result<u64> {
    sys::keep_only(&[]).context("close_range")?;
    // Rust's start-up code does this too. Here because servers depend on it: a write to a closed
    // connection is EPIPE and kills no process.
    sys::ignore_signal(Signal::SIGPIPE);
    // Writing beyond a file size limit (ulimit -f; a child's is 0) is an error: setrlimit(2).
    sys::ignore_signal(Signal::SIGXFSZ);
    sys::keep_large_blocks_apart();
    // They look up the processor's features once: in each child, it would cost 90 us on a virtual
    // machine, where cpuid traps.
    let _ = (memchr::memchr(0, &[0]), memchr::memrchr(0, &[0]));
    sys::raise_descriptor_limit().context("getrlimit")
}

/// The lowest number of own descriptors opened after the first listener, for a [`startup`] limit.
///
/// Above the clients of a lab room, whose numbers skip these, and below 64: fork copies a larger
/// table of descriptors more slowly (18 us for one of 1024).
pub fn lowest_own_descriptor(limit: u64) -> RawFd {
    LOWEST_OWN.min(limit.saturating_sub(OWN_DESCRIPTORS)).max(6) as RawFd
}
