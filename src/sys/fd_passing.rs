//! A descriptor handed to another process through a pair of unix sockets: unix(7), SCM_RIGHTS.

use std::io::{self, IoSlice, IoSliceMut};
use std::os::fd::{AsRawFd, BorrowedFd, FromRawFd, OwnedFd, RawFd};
use std::os::unix::net::UnixStream;

use nix::cmsg_space;
use nix::errno::Errno;
use nix::sys::socket::{ControlMessage, ControlMessageOwned, MsgFlags, recvmsg, sendmsg};

use super::socket::{NOW, QUIETLY};

/// The byte that each descriptor travels with: it needs at least one.
const BYTE: &[u8] = b".";

/// What [`take_passed`] found.
#[derive(Debug)]
pub enum Passed {
    /// A descriptor.
    Descriptor(OwnedFd),
    /// One that this process had no room for.
    Lost,
    /// Nothing, so far.
    Nothing,
    /// The other process has closed its end of the link.
    End,
}

/// Passes a copy of `fd` to the process that holds the other end of `link`; the copy on its way counts as open.
///
/// # Errors
/// EPIPE: that process is gone. EAGAIN: it has left many of them untaken.
pub fn pass(link: &UnixStream, fd: BorrowedFd) -> io::Result<()> {
    let rights = [fd.as_raw_fd()];
    let control = [ControlMessage::ScmRights(&rights)];
    loop {
        match sendmsg::<()>(link.as_raw_fd(), &[IoSlice::new(BYTE)], &control, NOW | QUIETLY, None) {
            Ok(_) => return Ok(()),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Takes the next descriptor that was passed, without waiting.
///
/// # Errors
/// What recvmsg(2) says; ECONNRESET when the other process closed with something unread.
pub fn take_passed(link: &UnixStream) -> io::Result<Passed> {
    let mut byte = [0; BYTE.len()];
    let mut bytes = [IoSliceMut::new(&mut byte)];
    let mut space = cmsg_space!([RawFd; 1]);
    let message = match recvmsg::<()>(link.as_raw_fd(), &mut bytes, Some(&mut space), NOW) {
        Ok(message) => message,
        Err(Errno::EAGAIN | Errno::EINTR) => return Ok(Passed::Nothing),
        Err(error) => return Err(error.into()),
    };
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
    // SAFETY: the kernel has just made this number for us; the space holds one, so nobody else has it.
    Ok(passed.map_or(Passed::Lost, |fd| Passed::Descriptor(unsafe { OwnedFd::from_raw_fd(fd) })))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};
    use std::os::fd::AsFd;

    #[test]
    fn a_passed_descriptor_is_the_same_open_file_and_the_end_follows() {
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
        // No copy is left open.
        let mut read = Vec::new();
        reader.read_to_end(&mut read).unwrap();
        assert_eq!(read, b"xx");
    }

    #[test]
    fn nothing_is_passed_to_a_process_that_is_gone() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        assert_eq!(pass(&ours, ours.as_fd()).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    }
}
