//! A process that becomes a server: what it was given by whoever started it, and which numbers its descriptors get.

use std::os::fd::RawFd;

use anyhow::Context;

use crate::sys::{self, Signal};

/// Descriptors of its own beside the clients' and the low ones: signal pipe, terminals, another door.
pub(super) const OWN_DESCRIPTORS: u64 = 16;

/// Gets a process ready to be a server: nothing inherited open beyond 0, 1 and 2, SIGPIPE and SIGXFSZ ignored, as many
/// descriptors as it may have. Returns how many that are. What the lab opens next gets the low numbers.
///
/// # Errors
/// What the system says, with what was being done.
pub fn startup() -> anyhow::Result<u64> {
    sys::keep_only(&[]).context("close_range")?;
    sys::ignore_signal(Signal::SIGPIPE);
    // A file beyond a limit (ulimit -f; a child's is 0) is an error like any other, not the end: setrlimit(2).
    sys::ignore_signal(Signal::SIGXFSZ);
    sys::keep_large_blocks_apart();
    sys::raise_descriptor_limit().context("getrlimit")
}

/// The lowest number for descriptors that are to stay out of the way, `limit` being what [`startup`] gave.
///
/// Above the numbers of as many clients as are admitted by default, where the limit allows that. No higher in a larger room
/// (whose clients' numbers leave these out): each child would carry a table of descriptors up to the highest.
pub fn lowest_own_descriptor(limit: u64) -> RawFd {
    1006.min(limit.saturating_sub(OWN_DESCRIPTORS)).max(6) as RawFd
}
