//! errno: calls that a signal interrupts, and the system's text for an error.

use std::io;

use nix::errno::Errno;

/// The most interruptions of one call. Each is a signal that has come: more than these in a row are
/// no signals.
const MOST: u32 = 1000;

/// Repeats `call` while signals interrupt it. EINTR after [`MOST`] times.
pub(super) fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    for _ in 1..MOST {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
    call()
}

/// strerror(3), without Rust's " (os error N)".
pub fn system_reason(errno: i32) -> &'static str {
    Errno::from_raw(errno).desc()
}

/// The system's text for `error`: without " (os error N)", and of getaddrinfo(3) its own alone.
pub fn plain_reason(error: &io::Error) -> String {
    match error.raw_os_error() {
        Some(errno) => system_reason(errno).to_string(),
        None => error.to_string().replace("failed to lookup address information: ", ""),
    }
}
