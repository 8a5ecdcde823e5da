//! poll(2): the one place where a process waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};

/// What to wait for on a descriptor. An error or a hang-up is reported whatever is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes to read, a connection to accept, or the end.
    Read,
    /// Room to write.
    Write,
    /// Nothing but the other side's end, also behind bytes that nobody has read. On a pipe's write end: its last reader is
    /// gone. On a socket: the peer has ended its sending side, or, where the system does not tell of that, both.
    End,
}

/// Linux and FreeBSD tell of a half-closed connection whose last bytes are still unread: poll(2), POLLRDHUP, which nix does
/// not name.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const HALF_CLOSED: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const HALF_CLOSED: PollFlags = PollFlags::empty();

/// An entry of the list to wait for.
pub fn watch(fd: BorrowedFd<'_>, interest: Interest) -> PollFd<'_> {
    let events = match interest {
        Interest::Read => PollFlags::POLLIN,
        Interest::Write => PollFlags::POLLOUT,
        Interest::End => HALF_CLOSED,
    };
    PollFd::new(fd, events)
}

/// True when the last [`wait`] found something to do there.
pub fn is_ready(watched: &PollFd) -> bool {
    // A bit that nix has no name for (`None`) is an event all the same.
    watched.any() != Some(false)
}

/// Waits until something can be done on one of `watched`, which [`is_ready`] tells, or `timeout` is over (`None`: for
/// ever). A signal ends the wait early with none ready.
///
/// The list is the caller's, so that a child needs no memory from the heap: each page that it would touch is a page
/// that it no longer shares with its parent.
///
/// # Errors
/// What poll(2) says, EINTR excepted.
pub fn wait(watched: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    match poll(watched, milliseconds(timeout)) {
        Ok(_) | Err(Errno::EINTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// The same for those of `watched` that there are. Says of each whether something can be done on it.
///
/// # Errors
/// As [`wait`].
pub fn wait_for_some<const N: usize>(
    watched: [Option<PollFd>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut list: Vec<PollFd> = watched.iter().flatten().cloned().collect();
    wait(&mut list, timeout)?;
    let mut ready = list.iter().map(is_ready);
    Ok(watched.map(|one| one.is_some() && ready.next() == Some(true)))
}

/// True when `fd` takes some bytes now. Errors count as such: the write will tell.
pub fn is_writable_now(fd: impl AsFd) -> bool {
    is_ready_now(fd, Interest::Write)
}

/// True when the other side has ended: [`Interest::End`].
pub fn has_ended(fd: impl AsFd) -> bool {
    is_ready_now(fd, Interest::End)
}

fn is_ready_now(fd: impl AsFd, interest: Interest) -> bool {
    let mut watched = [watch(fd.as_fd(), interest)];
    wait(&mut watched, Some(Duration::ZERO)).is_ok() && is_ready(&watched[0])
}

/// Rounded up: a timeout rounded down would turn the last part of a millisecond into a spin.
fn milliseconds(timeout: Option<Duration>) -> PollTimeout {
    match timeout {
        None => PollTimeout::NONE,
        Some(wait) => PollTimeout::try_from(wait.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn a_part_of_a_millisecond_is_a_whole_one() {
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), PollTimeout::from(1u8));
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), PollTimeout::from(2u8));
        assert_eq!(milliseconds(Some(Duration::ZERO)), PollTimeout::ZERO);
        assert_eq!(milliseconds(Some(Duration::MAX)), PollTimeout::MAX);
        assert_eq!(milliseconds(None), PollTimeout::NONE);
    }

    #[test]
    fn the_write_end_of_a_pipe_tells_that_its_last_reader_is_gone() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"unread").unwrap();
        assert!(!has_ended(&writer));
        drop(reader);
        assert!(has_ended(&writer));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_tells_that_its_peer_has_ended_its_side_behind_unread_bytes() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"unread").unwrap();
        assert!(!has_ended(&ours));
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(has_ended(&ours));
    }
}
