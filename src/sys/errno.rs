//! errno: calls that a signal interrupts, and the system's text for an error.

use std::error::Error;
use std::io;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::time::TimeSpec;

/// The most interruptions of one call. Each is a signal that has come: more than these in a row are
/// no signals.
const MOST: u32 = 1000;

/// Repeats `call` while signals interrupt it. EINTR after [`MOST`] times: the standard library's
/// own repetitions (`write_all`, `sync_all`, `File::open`, `sleep`) have no such bound.
pub fn retry<T, E: Error + 'static>(mut call: impl FnMut() -> Result<T, E>) -> Result<T, E> {
    for _ in 1..MOST {
        match call() {
            Err(error) if errno_of(&error) == Some(Errno::EINTR as i32) => {}
            result => return result,
        }
    }
    call()
}

/// nanosleep(2), up to [`MOST`] times for what signals have left of `time`.
pub(super) fn sleep(time: Duration) {
    let mut left: libc::timespec = *TimeSpec::from(time).as_ref();
    let left = &raw mut left;
    // SAFETY: one timespec, which outlives the calls; the kernel reads it before it writes it.
    let _ = retry(|| Errno::result(unsafe { libc::nanosleep(left, left) }));
}

/// strerror(3), without Rust's " (os error N)".
pub fn system_reason(errno: i32) -> String {
    without_number(io::Error::from_raw_os_error(errno).to_string())
}

/// True for the limit of a process (EMFILE).
pub fn lacks_descriptors(error: &(dyn Error + 'static)) -> bool {
    errno_of(error) == Some(Errno::EMFILE as i32)
}

fn errno_of(error: &(dyn Error + 'static)) -> Option<i32> {
    let errno = || error.downcast_ref().map(|&errno: &Errno| errno as i32);
    error.downcast_ref::<io::Error>().and_then(io::Error::raw_os_error).or_else(errno)
}

/// The text of `error`; of a system's error strerror(3) alone, without the " (os error N)" of
/// [`io::Error`], the name of [`Errno`], and what the standard library says of getaddrinfo(3).
pub fn plain_reason(error: &(dyn Error + 'static)) -> String {
    match errno_of(error) {
        Some(errno) => system_reason(errno),
        None if error.is::<io::Error>() => {
            without_number(error.to_string().replace("failed to lookup address information: ", ""))
        }
        None => error.to_string(),
    }
}

/// Also of the text of an error that holds another one, as those of the crate `tempfile` do.
fn without_number(text: String) -> String {
    let Some((before, behind)) = text.split_once(" (os error ") else { return text };
    let after = behind.split_once(')').map(|(_, after)| after);
    format!("{before}{}", after.unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_words_alone() {
        let system = io::Error::from_raw_os_error(Errno::ENOENT as i32);
        let within = io::Error::other(format!("{system} at path \"/x\""));
        let errors: [(&(dyn Error + 'static), &str); 4] = [
            (&system, "No such file or directory"),
            (&within, "No such file or directory at path \"/x\""),
            (&Errno::EAGAIN, "Resource temporarily unavailable"),
            (&io::Error::other("other"), "other"),
        ];
        for (error, reason) in errors {
            assert_eq!(plain_reason(error), reason);
        }
    }
}
