//! poll(2): the one place where a process waits.

use std::io;
use std::os::fd::BorrowedFd;
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
    /// Nothing but the other side's end. On a pipe's write end: its last reader is gone.
    End,
}

impl Interest {
    fn flags(self) -> PollFlags {
        match self {
            Interest::Read => PollFlags::POLLIN,
            Interest::Write => PollFlags::POLLOUT,
            Interest::End => PollFlags::empty(),
        }
    }
}

/// Waits until something can be done on one of `watched`, or `timeout` is over (`None`: for ever). Returns, in the
/// same order, which of them are ready; a signal ends the wait early with none ready.
///
/// # Errors
/// What poll(2) says, EINTR excepted.
pub fn wait(watched: &[(BorrowedFd, Interest)], timeout: Option<Duration>) -> io::Result<Vec<bool>> {
    let mut fds: Vec<PollFd> =
        watched.iter().map(|(fd, interest)| PollFd::new(*fd, interest.flags())).collect();
    match poll(&mut fds, milliseconds(timeout)) {
        // A bit that nix has no name for (`None`) is an event all the same.
        Ok(_) => Ok(fds.iter().map(|fd| fd.any() != Some(false)).collect()),
        Err(Errno::EINTR) => Ok(vec![false; fds.len()]),
        Err(error) => Err(error.into()),
    }
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
    use std::os::fd::AsFd;

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
        let ready = |writer: &std::io::PipeWriter| {
            wait(&[(writer.as_fd(), Interest::End)], Some(Duration::ZERO)).unwrap()
        };
        assert_eq!(ready(&writer), [false]);
        drop(reader);
        assert_eq!(ready(&writer), [true]);
    }
}
