//! Descriptors: which are open, their numbers, their limit.

use std::fs::File;
use std::io::{self, PipeWriter};
use std::os::fd::{AsFd, AsRawFd, FromRawFd, OwnedFd, RawFd};
use std::path::Path;
use std::time::Duration;

use nix::errno::Errno;
use nix::fcntl::{FcntlArg, OFlag, fcntl, open};
use nix::sys::resource::{Resource, getrlimit, setrlimit};
use nix::sys::stat::{Mode, SFlag, fstat};
use nix::sys::termios::tcgetsid;
use nix::unistd::getsid;

use super::backoff::{Backoff, moved};
use super::poll::{Interest, is_ready, wait, watch};
use super::signals::is_asked_to_end;

/// Closes every descriptor but 0, 1, 2 and `keep`. (Close-on-exec does nothing without an exec.)
///
/// Values that own a closed number must not be dropped afterwards: they would close a number that
/// is free or reused. A forked child drops none, since it ends by `_exit`.
pub fn keep_only(keep: &[RawFd]) -> io::Result<()> {
    let mut first = 3;
    // Not by a sorted copy: a child that writes to the heap copies pages (see `wait` in poll.rs).
    while let Some(&next) = keep.iter().filter(|&&fd| fd >= first).min() {
        close_between(first, next - 1)?;
        first = next + 1;
    }
    close_between(first, RawFd::MAX)
}

/// Closes those of `first..=last` that are open.
fn close_between(first: RawFd, last: RawFd) -> io::Result<()> {
    if first > last {
        return Ok(());
    }
    #[cfg(target_os = "linux")]
    {
        // The raw system call: glibc has no wrapper before 2.34 (older Raspberry Pis).
        // SAFETY: close_range takes integers; no value closes these numbers again: `keep_only`.
        if unsafe { libc::syscall(libc::SYS_close_range, first, last, 0) } == 0 {
            return Ok(());
        }
        // ENOSYS before Linux 5.9, EPERM in some containers: fall back.
    }
    close_listed(first, last)
}

/// The portable fallback: closes what `/dev/fd` lists.
fn close_listed(first: RawFd, last: RawFd) -> io::Result<()> {
    let listed: Vec<RawFd> = std::fs::read_dir("/dev/fd")?
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter(|fd| (first..=last).contains(fd))
        .collect();
    for fd in listed {
        // SAFETY: close takes an integer; the listing's own is closed already (EBADF).
        unsafe { libc::close(fd) };
    }
    Ok(())
}

/// Renumbers `fd` to the first free number from `lowest` on, close-on-exec. EMFILE when there is
/// none, EINVAL when `lowest` is beyond the limit.
pub fn move_high(fd: OwnedFd, lowest: RawFd) -> io::Result<OwnedFd> {
    let high = fcntl(&fd, FcntlArg::F_DUPFD_CLOEXEC(lowest))?;
    // SAFETY: fcntl has just created this number, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(high) })
}

/// Duplicates the descriptor `number`, which the program was started with. EBADF if it is not open.
pub fn duplicate(number: RawFd) -> io::Result<OwnedFd> {
    // SAFETY: fcntl takes integers, and fails for a number that is not open.
    let copy = Errno::result(unsafe { libc::fcntl(number, libc::F_DUPFD_CLOEXEC, 3) })?;
    // SAFETY: fcntl has just created this number, and nothing else owns it.
    Ok(unsafe { OwnedFd::from_raw_fd(copy) })
}

/// Sets `O_NONBLOCK`. The flag belongs to the open file: not for files shared with another process.
pub fn make_nonblocking(fd: impl AsFd) -> io::Result<()> {
    let flags = OFlag::from_bits_retain(fcntl(&fd, FcntlArg::F_GETFL)?);
    fcntl(&fd, FcntlArg::F_SETFL(flags | OFlag::O_NONBLOCK))?;
    Ok(())
}

/// Capacity in bytes of a pipe in packet mode: the most that Linux gives an unprivileged process
/// (pipe-max-size, proc(5)). Each packet takes a page of it, however small.
#[cfg(target_os = "linux")]
const PACKET_CAPACITY: i32 = 1 << 20;

/// Packet mode, `O_DIRECT` in pipe(2): each read(2) returns one write(2) of at most `PIPE_BUF`
/// bytes and no more. False where the system has none: a read may return several writes.
pub fn enable_packet_mode(writer: &PipeWriter) -> bool {
    #[cfg(target_os = "linux")]
    {
        // Works with the default capacity as well.
        let _ = fcntl(writer, FcntlArg::F_SETPIPE_SZ(PACKET_CAPACITY));
        let flags = OFlag::O_WRONLY | OFlag::O_DIRECT;
        fcntl(writer, FcntlArg::F_SETFL(flags)).is_ok()
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = writer;
        false
    }
}

/// Capacity of a pipe in bytes, pipe(7); 0 where the system does not tell.
pub fn pipe_capacity(pipe: impl AsFd) -> usize {
    #[cfg(target_os = "linux")]
    {
        fcntl(pipe, FcntlArg::F_GETPIPE_SZ).map_or(0, |size| usize::try_from(size).unwrap_or_default())
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = pipe;
        0
    }
}

/// Opens the terminal behind `fd` again, for writing and nonblocking: a new open file, so that the
/// shell that shares `fd` never sees `O_NONBLOCK`. `None` when it is none or cannot be opened.
pub fn reopen_terminal(fd: impl AsFd) -> Option<File> {
    let path = nix::unistd::ttyname(&fd).ok()?;
    // After su or sudo the terminal is another user's, but all may open /dev/tty: tty(4).
    let controls_us = || tcgetsid(&fd).is_ok_and(|session| Ok(session) == getsid(None));
    reopen(&path).or_else(|| controls_us().then(|| reopen("/dev/tty".as_ref())).flatten())
}

/// Opens the pipe behind `fd` again, likewise: when poll(2) reports room to several processes, the
/// last to write may find the pipe full, and would block. `None` when `fd` is no pipe or cannot be
/// opened (another user's), and outside Linux, which alone has a name for it: proc_pid_fd(5).
pub fn reopen_pipe(fd: impl AsFd) -> Option<File> {
    if !cfg!(target_os = "linux") || !is_of_kind(&fd, SFlag::S_IFIFO) {
        return None;
    }
    reopen(format!("/proc/self/fd/{}", fd.as_fd().as_raw_fd()).as_ref())
}

/// True for a file that poll(2) always finds ready.
pub fn is_regular_file(fd: impl AsFd) -> bool {
    is_of_kind(fd, SFlag::S_IFREG)
}

fn is_of_kind(fd: impl AsFd, kind: SFlag) -> bool {
    fstat(fd).is_ok_and(|status| SFlag::from_bits_truncate(status.st_mode) & SFlag::S_IFMT == kind)
}

fn reopen(path: &Path) -> Option<File> {
    let flags = OFlag::O_WRONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    open(path, flags, Mode::empty()).ok().map(File::from)
}

/// False when this process has no controlling terminal, or that was closed: tty(4).
pub fn has_terminal() -> bool {
    let flags = OFlag::O_RDONLY | OFlag::O_NOCTTY | OFlag::O_NONBLOCK | OFlag::O_CLOEXEC;
    // Other errors, EMFILE above all, do not say that there is none.
    !matches!(open("/dev/tty", flags, Mode::empty()), Err(Errno::ENXIO | Errno::EIO))
}

/// Raises the soft limit of open descriptors to the hard one. Returns the limit in force.
#[allow(clippy::unnecessary_cast)] // Limits have 32 bits on some machines.
pub fn raise_descriptor_limit() -> io::Result<u64> {
    let (soft, hard) = getrlimit(Resource::RLIMIT_NOFILE)?;
    match setrlimit(Resource::RLIMIT_NOFILE, hard, hard) {
        Ok(()) => Ok(hard as u64),
        // macOS reports "unlimited" and refuses it.
        Err(_) => Ok(soft as u64),
    }
}

/// One read(2). `None`: nothing yet, interrupted, or no memory.
pub fn read_some(fd: impl AsFd, bytes: &mut [u8]) -> nix::Result<Option<usize>> {
    moved(nix::unistd::read(fd, bytes))
}

/// One write(2). 0: no room, interrupted, or no memory. That nothing of some bytes was written
/// without an error is one (EIO): it would be repeated without end.
pub fn write_some(fd: impl AsFd, bytes: &[u8]) -> nix::Result<usize> {
    match moved(nix::unistd::write(fd, bytes))? {
        Some(0) if !bytes.is_empty() => Err(Errno::EIO),
        written => Ok(written.unwrap_or_default()),
    }
}

/// Writes all of `bytes`, however slow the reader of a blocking `fd` is. EAGAIN after a second in
/// which every write(2) fails.
pub fn write_all(fd: impl AsFd, bytes: &[u8]) -> nix::Result<()> {
    write_when(fd, bytes, || Ok(true))
}

/// [`write_all`], each write(2) once `may_write`.
fn write_when(fd: impl AsFd, mut bytes: &[u8], may_write: impl Fn() -> nix::Result<bool>) -> nix::Result<()> {
    let mut backoff = Backoff::for_a_second();
    while !bytes.is_empty() {
        if !may_write()? {
            continue;
        }
        match write_some(&fd, bytes)? {
            0 if backoff.failed() => {}
            0 => return Err(Errno::EAGAIN),
            written => {
                backoff = Backoff::for_a_second();
                bytes = &bytes[written..];
            }
        }
    }
    Ok(())
}

/// Time between two looks for a signal that has come just before poll(2).
const LOOK: Duration = Duration::from_secs(1);

/// [`write_all`], but once this process was asked to end, only what `fd` takes at once.
pub fn write_until_asked_to_end(fd: impl AsFd, bytes: &[u8]) -> nix::Result<()> {
    // Nonblocking: a terminal that poll(2) reports writable may have less room than a line.
    let anew = reopen_terminal(&fd).or_else(|| reopen_pipe(&fd));
    let out = anew.as_ref().map_or(fd.as_fd(), AsFd::as_fd);
    write_when(out, bytes, || {
        let (is_asked, mut watched) = (is_asked_to_end(), [watch(out, Interest::Write)]);
        let waited = wait(&mut watched, Some(if is_asked { Duration::ZERO } else { LOOK }));
        // Where poll(2) fails without end, write(2) says whether there is room.
        match waited.is_err() || is_ready(&watched[0]) {
            false if is_asked => Err(Errno::EAGAIN),
            has_room => Ok(has_room),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    #[cfg(target_os = "linux")]
    use std::io::{Read, Write};

    #[test]
    fn the_fallback_closes_a_listed_descriptor() {
        let (reader, _writer) = std::io::pipe().unwrap();
        let high = move_high(reader.into(), 900).unwrap();
        let number = high.as_raw_fd();
        std::mem::forget(high);
        close_listed(number, number).unwrap();
        assert!(!std::path::Path::new(&format!("/dev/fd/{number}")).exists());
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_read_in_packet_mode_returns_one_write() {
        let (mut reader, mut writer) = std::io::pipe().unwrap();
        assert!(enable_packet_mode(&writer));
        writer.write_all(b"one").unwrap();
        writer.write_all(&[7; crate::sys::PIPE_BUF]).unwrap();
        let mut read = || reader.read(&mut [0; 9999]).unwrap();
        assert_eq!((read(), read()), (3, crate::sys::PIPE_BUF));
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_reopened_pipe_is_nonblocking_and_the_original_is_not() {
        let (reader, writer) = std::io::pipe().unwrap();
        let mut reopened = reopen_pipe(&writer).unwrap();
        while reopened.write(&[0; 4096]).is_ok() {}
        let flags = |fd: &dyn AsFd| OFlag::from_bits_retain(fcntl(fd.as_fd(), FcntlArg::F_GETFL).unwrap());
        assert!(flags(&reopened).contains(OFlag::O_NONBLOCK) && !flags(&writer).contains(OFlag::O_NONBLOCK));
        drop(reader);
        assert_eq!(reopened.write(&[0]).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(reopen_pipe(tempfile::tempfile().unwrap()).is_none());
    }
}
