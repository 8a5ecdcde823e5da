//! errno: calls that a signal interrupts, and the system's text for an error.

use nix::errno::Errno;

/// Repeats `call` until no signal interrupts it (EINTR).
pub(super) fn retry<T>(mut call: impl FnMut() -> nix::Result<T>) -> nix::Result<T> {
    loop {
        match call() {
            Err(Errno::EINTR) => {}
            result => return result,
        }
    }
}

/// strerror(3), without Rust's " (os error N)".
pub fn system_reason(errno: i32) -> &'static str {
    Errno::from_raw(errno).desc()
}
