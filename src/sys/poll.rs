//! poll(2): the only call in which a process waits.

use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use smallvec::SmallVec;

use super::backoff::{before_wait, begin_anew, progressed, stalled, woke};

/// Events to wait for. An error or a hang-up is always reported.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interest {
    /// Bytes to read, a connection to accept, or end of file.
    Read,
    /// Room to write.
    Write,
    /// The peer's end alone, even behind unread bytes. On a pipe's write end: the last reader is
    /// gone. On a socket: the peer has shut down its sending side (on some systems: both).
    End,
}

/// Half-close with bytes still unread: poll(2), POLLRDHUP, which nix does not name.
#[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd"))]
const HALF_CLOSED: PollFlags = PollFlags::from_bits_retain(libc::POLLRDHUP);
#[cfg(not(any(target_os = "linux", target_os = "android", target_os = "freebsd")))]
const HALF_CLOSED: PollFlags = PollFlags::empty();

/// An entry for [`wait`].
pub fn watch(fd: BorrowedFd<'_>, interest: Interest) -> PollFd<'_> {
    let events = match interest {
        Interest::Read => PollFlags::POLLIN,
        Interest::Write => PollFlags::POLLOUT,
        Interest::End => HALF_CLOSED,
    };
    PollFd::new(fd, events)
}

/// True when the last [`wait`] reported an event for this entry.
pub fn is_ready(watched: &PollFd) -> bool {
    // `None`: a bit that nix has no name for, which is an event too.
    watched.any() != Some(false)
}

/// poll(2): waits for a ready entry (`is_ready`), a signal (none is ready then), or `timeout`.
///
/// The list is the caller's, on its stack: a child's heap write copies a page (copy-on-write).
///
/// Backs off when it is called again although nothing was read or written since it last returned
/// before its time: poll(2) is interrupted, lacks memory or answers too early, or reports what no
/// call then does. After some seconds of that it fails, with the last of their reasons.
pub fn wait(watched: &mut [PollFd], timeout: Option<Duration>) -> io::Result<()> {
    before_wait()?;
    let until = timeout.map(|timeout| Instant::now() + timeout);
    match poll(watched, milliseconds(timeout)) {
        Ok(0) if until.is_some_and(|until| Instant::now() >= until) => progressed(),
        Ok(_) => woke(),
        Err(reason @ (Errno::EINTR | Errno::EAGAIN | Errno::ENOMEM)) => {
            stalled(reason);
            woke();
        }
        Err(error) => return Err(error.into()),
    }
    Ok(())
}

/// Waits for entries that stand for an event each. Returns the events of those that are ready: all
/// of them when poll fails, so that a caller whose calls do not block goes on without it. Also
/// returns whether `timeout` has passed, or why poll failed, unless a signal has interrupted it;
/// the caller backs off.
///
/// The lists of a quiet room are on the stack: a write to the heap copies a page that children
/// share (copy-on-write).
pub fn wait_for_events<'a, E>(
    watched: impl Iterator<Item = (E, PollFd<'a>)>,
    timeout: Option<Duration>,
) -> (SmallVec<[E; 8]>, io::Result<bool>) {
    let (mut events, mut watched): (SmallVec<[E; 8]>, SmallVec<[PollFd; 8]>) = watched.unzip();
    begin_anew();
    woke();
    let until = timeout.map(|timeout| Instant::now() + timeout);
    match poll(&mut watched, milliseconds(timeout)) {
        Err(Errno::EINTR) => return (events, Ok(false)),
        Err(error) => return (events, Err(error.into())),
        Ok(_) => {}
    }
    let mut ready = watched.iter().map(is_ready);
    events.retain(|_| ready.next() == Some(true));
    let has_timed_out = events.is_empty() && until.is_some_and(|until| Instant::now() >= until);
    (events, Ok(has_timed_out))
}

/// [`wait`] for the entries that are `Some`; returns whether each is ready.
pub fn wait_for_some<const N: usize>(
    watched: [Option<PollFd>; N],
    timeout: Option<Duration>,
) -> io::Result<[bool; N]> {
    let mut list: SmallVec<[PollFd; 8]> = watched.iter().flatten().cloned().collect();
    wait(&mut list, timeout)?;
    let mut ready = list.iter().map(is_ready);
    Ok(watched.map(|one| one.is_some() && ready.next() == Some(true)))
}

/// True when `fd` takes bytes now. True after an error of it too, which the next write returns.
pub fn is_writable_now(fd: impl AsFd) -> bool {
    is_ready_within(fd, Interest::Write, Duration::ZERO)
}

/// True when `fd` has bytes, or has ended.
pub fn is_readable_now(fd: impl AsFd) -> bool {
    is_ready_within(fd, Interest::Read, Duration::ZERO)
}

/// True when the peer has ended: [`Interest::End`].
pub fn has_ended(fd: impl AsFd) -> bool {
    is_ready_within(fd, Interest::End, Duration::ZERO)
}

pub fn is_ready_within(fd: impl AsFd, interest: Interest, time: Duration) -> bool {
    poll_one(fd, interest, time) == Ok(true)
}

fn poll_one(fd: impl AsFd, interest: Interest, time: Duration) -> nix::Result<bool> {
    let mut watched = [watch(fd.as_fd(), interest)];
    let mut once = || poll(&mut watched, milliseconds(Some(time)));
    // A signal that has just come interrupts it, even without a time to wait.
    once().or_else(|error| if error == Errno::EINTR { once() } else { Err(error) })?;
    Ok(is_ready(&watched[0]))
}

/// Rounded up: rounded down, the last part of a millisecond would be a busy loop.
fn milliseconds(timeout: Option<Duration>) -> PollTimeout {
    match timeout {
        None => PollTimeout::NONE,
        Some(time) => PollTimeout::try_from(time.as_nanos().div_ceil(1_000_000)).unwrap_or(PollTimeout::MAX),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    #[test]
    fn timeouts_are_rounded_up() {
        assert_eq!(milliseconds(Some(Duration::from_nanos(1))), PollTimeout::from(1u8));
        assert_eq!(milliseconds(Some(Duration::from_micros(1001))), PollTimeout::from(2u8));
        assert_eq!(milliseconds(Some(Duration::ZERO)), PollTimeout::ZERO);
        assert_eq!(milliseconds(Some(Duration::MAX)), PollTimeout::MAX);
        assert_eq!(milliseconds(None), PollTimeout::NONE);
    }

    #[test]
    fn a_pipe_without_readers_has_ended() {
        let (reader, mut writer) = std::io::pipe().unwrap();
        writer.write_all(b"unread").unwrap();
        assert!(!has_ended(&writer));
        drop(reader);
        assert!(has_ended(&writer));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_half_closed_socket_has_ended_even_with_unread_bytes() {
        let (ours, mut theirs) = std::os::unix::net::UnixStream::pair().unwrap();
        theirs.write_all(b"unread").unwrap();
        assert!(!has_ended(&ours));
        theirs.shutdown(std::net::Shutdown::Write).unwrap();
        assert!(has_ended(&ours));
    }
}
