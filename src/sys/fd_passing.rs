//! Descriptors passed to another process over a pair of unix sockets: unix(7), SCM_RIGHTS.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::cmsg_space;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::backoff::{is_temporary, progressed, stalled};
use super::errno::retry;
use super::socket::{DONTWAIT, NOSIGNAL};

/// The data sent with each descriptor: SCM_RIGHTS needs at least one byte.
const BYTE: &[u8] = b".";

#[derive(Debug)]
pub enum Passed {
    Descriptor(OwnedFd),
    /// A descriptor that did not fit this process's limit.
    Lost,
    /// Nothing yet, or no memory.
    Nothing,
    /// The peer has closed its end.
    End,
}

/// Passes a duplicate of `fd` to the process at the other end of `link`. EPIPE when that is gone,
/// EAGAIN when too many are in flight, where they count as open.
pub fn pass(link: &UnixStream, fd: BorrowedFd) -> io::Result<()> {
    let rights = [fd.as_raw_fd()];
    let control = [ControlMessage::ScmRights(&rights)];
    let (bytes, flags) = ([IoSlice::new(BYTE)], DONTWAIT | NOSIGNAL);
    Ok(retry(|| sendmsg::<()>(link.as_raw_fd(), &bytes, &control, flags, None)).map(drop)?)
}

/// Receives the next descriptor, without waiting. ECONNRESET: the peer closed with bytes unread.
pub fn take_passed(link: &UnixStream) -> io::Result<Passed> {
    let mut byte = [0; BYTE.len()];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!([RawFd; 1]);
    let message = match recvmsg::<()>(link.as_raw_fd(), &mut bytes, Some(&mut space), DONTWAIT) {
        Ok(message) => message,
        Err(reason) if is_temporary(reason as i32) => {
            stalled(reason);
            return Ok(Passed::Nothing);
        }
        Err(error) => return Err(error.into()),
    };
    progressed();
    if message.bytes == 0 {
        return Ok(Passed::End);
    }
    if message.flags.contains(MsgFlags::MSG_CTRUNC) {
        return Ok(Passed::Lost);
    }
    let passed = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmRights(rights) => rights.first().copied(),
        _ => None,
    });
    // SAFETY: the kernel has just created this number, the only one, and nothing else owns it.
    Ok(passed.map_or(Passed::Lost, |fd| Passed::Descriptor(unsafe { OwnedFd::from_raw_fd(fd) })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_passed_descriptor_is_the_same_open_file_and_then_comes_the_end() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        assert!(matches!(take_passed(&theirs), Ok(Passed::Nothing)));
        let (mut reader, writer) = io::pipe().unwrap();
        pass(&ours, writer.as_fd()).unwrap();
        pass(&ours, writer.as_fd()).unwrap();
        drop((ours, writer));
        for _ in 0..2 {
            let Ok(Passed::Descriptor(fd)) = take_passed(&theirs) else { panic!("nothing was passed") };
            io::PipeWriter::from(fd).write_all(b"x").unwrap();
        }
        assert!(matches!(take_passed(&theirs), Ok(Passed::End)));
        // No duplicate is left open.
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"xx");
    }

    #[test]
    fn passing_to_a_closed_peer_is_a_broken_pipe() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(pass(&ours, ours.as_fd()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
