//! Descriptors: which are open, under which number, how many there may be.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::sys::termios::tcgetsid;
use nix::unistd::getsid;

/// Closes every descriptor but 0, 1, 2 and those in `keep`.
///
/// Close-on-exec does nothing for a server that forks and never execs, so a child that is to hold little has to
/// close the rest itself. Values that own a closed number must not be dropped afterwards: their `close` would hit
/// nothing, or somebody else's descriptor. A forked child is safe because it ends by `_exit`.
///
/// # Errors
/// What the system says when neither close_range(2) nor the list in `/dev/fd` can be used.
pub fn keep_only(keep: &[RawFd]) -> io::Result<()> {
    let mut first = 3;
    // Without a sorted copy: that would be memory from the heap in every child, see `crate::sys::wait`.
    while let Some(&next) = keep.iter().filter(|&&fd| fd >= first).min() {
        close_between(first, next - 1)?;
        first = next + 1;
    }
    close_between(first, RawFd::MAX)
}

/// Closes `first..=last`, which may hold numbers that are not open.
fn close_between(first: RawFd, last: RawFd) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        // The bare system call, because glibc has a wrapper only since 2.34 and older Raspberry Pis have not.
        // SAFETY: close_range takes three integers; the caller of `keep_only` gives these numbers up.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
            return Ok(());
        }
        // ENOSYS before Linux 5.9, EPERM in some containers: the portable way works there too.
    }
    close_listed(first, last)
}

/// The portable other half: closes what `/dev/fd` lists.
fn close_listed(first: RawFd, last: RawFd) -> io::Result<()> {
    let listed: Vec<RawFd> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| (first..=last).contains(fd))
        .collect();
    for fd in listed {
        // SAFETY: close takes an integer; the listing's own number is closed already and gives a harmless EBADF.
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// Gives `fd` a number of at least `lowest`, close-on-exec, and frees the old one, so that the low numbers stay
/// what the exercises expect.
///
/// # Errors
/// EMFILE when no number from `lowest` on is free, EINVAL when `lowest` is beyond the limit.
pub fn move_high(fd: OwnedFd, lowest: RawFd) -> io::Result<OwnedFd> {
    let high = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: fcntl has just made this number; nobody else has it.
    Ok(unsafe { OwnedFd::from_raw_fd(high) })
}

/// Sets `O_NONBLOCK`. The flag belongs to the open file, not to the number: only for files that no other process
/// uses through a copy.
///
/// # Errors
/// What fcntl(2) says.
pub fn make_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// So many bytes in a pipe of packets, the most that Linux gives everybody: each takes a page (4096 bytes, on most machines) of
/// them, however small it is.
#[cfg(target_os = "linux")]
const ROOM_FOR_PACKETS: i32 = 1 << 20;

/// Lets each read(2) from the pipe give what one write(2) of at most `PIPE_BUF` bytes to this end brought, and no more: packet mode,
/// `O_DIRECT` in pipe(2). False where the system has no such mode; bytes of several writes then come together.
pub fn enable_packet_mode(writer: &PipeWriter) -> bool {
    #[cfg(target_os = "linux")]
    {
        // Without more room it works as well.
        let _ = fcntl(writer, FcntlArg::F_SETPIPE_SZ(ROOM_FOR_PACKETS));
        let flags = OFlag::O_WRONLY | OFlag::O_DIRECT;
        fcntl(writer, FcntlArg::F_SETFL(flags)).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = writer;
        false
    }
}

/// How many bytes a pipe can hold: pipe(7), "Pipe capacity". 0 where the system does not tell.
pub fn pipe_capacity(pipe: impl AsFd) -> usize {
    #[cfg(target_os = "linux")]
    {
        fcntl(pipe, FcntlArg::F_GETPIPE_SZ)
            .ok()
            .and_then(|size| usize::try_from(size).ok())
            .unwrap_or_default()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pipe;
        0
    }
}

/// Opens the terminal behind `fd` once more, for writing and without blocking: a new open file of its own, so that
/// the shell that shares `fd` never sees `O_NONBLOCK`. `None` when `fd` is no terminal or cannot be opened.
pub fn reopen_terminal(fd: impl AsFd) -> Option<File> {
    let path = nix::unistd::ttyname(&fd).ok()?;
    let flags = OFlag::O_WRONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    let reopen = |path: &Path| open(path, flags, Mode::empty()).ok().map(File::from);
    // After su or sudo the terminal belongs to somebody else, but the one that controls us has a name open to all: tty(4).
    let controls_us = || tcgetsid(&fd).is_ok_and(|session| Ok(session) == getsid(None));
    reopen(&path).or_else(|| controls_us().then(|| reopen(Path::new("/dev/tty"))).flatten())
}

/// Opens the pipe behind `fd` once more, likewise: of several processes that poll(2) tells of room in one pipe, the last to
/// write could find it full, and would wait. `None` when `fd` is no pipe or cannot be opened, as another user's; also where the
/// system has no name for it, that is anywhere but on Linux: proc_pid_fd(5).
pub fn reopen_pipe(fd: impl AsFd) -> Option<File> {
    let mode = SFlag::from_bits_truncate(fstat(&fd).ok()?.st_mode);
    if !cfg!(target_os = "linux") || mode & SFlag::S_IFMT != SFlag::S_IFIFO {
        return None;
    }
    let path = format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd());
    let flags = OFlag::O_WRONLY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    open(path.as_str(), flags, Mode::empty()).ok().map(File::from)
}

/// False when no terminal controls this process, or none any more, since it was closed: tty(4).
pub fn has_terminal() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    // Whatever else keeps it from being opened, EMFILE above all, does not say so.
    !matches!(open("/dev/tty", flags, Mode::empty()), Err(Errno::ENXIO | Errno::EIO))
}

/// Raises the soft limit of open descriptors to the hard one and returns what is in force now.
///
/// # Errors
/// What getrlimit(2) says. A refused raise is no error: the old limit then stays and is returned.
#[allow(clippy::unnecessary_cast)] // Limits have 32 bits on some machines.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => Ok(hard as u64),
        // macOS says "unlimited" and then refuses it.
        Err(_) => Ok(soft as u64),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn the_portable_way_closes_a_listed_descriptor() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let high = move_high(reader.into(), 900).unwrap();
        let number = high.as_raw_fd();
        std::mem::forget(high);
        close_listed(number, number).unwrap();
        assert!(!std::path::Path::new(&format!("/dev/fd/{number}")).exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_read_of_a_pipe_of_packets_gives_one_write() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        assert!(enable_packet_mode(&writer));
        writer.write_all(b"one").unwrap();
        writer.write_all(&[7; crate::sys::PIPE_BUF]).unwrap();
        let mut read = || reader.read(&mut [0; 9999]).unwrap();
        assert_eq!((read(), read()), (3, crate::sys::PIPE_BUF));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_pipe_opened_once_more_is_full_without_waiting_and_the_first_still_waits() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut own = reopen_pipe(&writer).unwrap();
        while own.write(&[0; 4096]).is_ok() {}
        let flags = |fd: &dyn AsFd| OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap());
        assert!(flags(&own).contains(OFlag::O_NONBLOCK) && !flags(&writer).contains(OFlag::O_NONBLOCK));
        drop(reader);
        assert_eq!(own.write(&[0]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(reopen_pipe(tempfile::tempfile().unwrap()).is_none());
    }
}
