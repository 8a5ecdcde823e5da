//! Sockets, where the standard library has no say: the backlog, and calls that never block.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect,
    listen as start_listening, recv, send, setsockopt, socket, sockopt,
};
#[cfg(target_os = "linux")]
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

/// Silence after which a peer's host is asked whether it is there, how long between two questions, how many questions.
/// 110 s in all: a host that has vanished is found within two minutes.
const SILENCE: Duration = Duration::from_secs(60);
const BETWEEN_QUESTIONS: Duration = Duration::from_secs(10);
const QUESTIONS: u32 = 5;
/// Bytes that the peer's system does not confirm are sent again, at most so long after the last time; after 15 times (sysctl
/// net.ipv4.tcp_retries2) the connection is given up: after 93 s instead of 15 minutes.
#[cfg(target_os = "linux")]
const SENT_AGAIN_AFTER: Duration = Duration::from_secs(8);
/// Where that cannot be set: for how long bytes may wait to be confirmed, or, alas, to be read.
#[cfg(target_os = "linux")]
const UNCONFIRMED: Duration = Duration::from_secs(105);

/// Linux has it since 6.15, the library not yet.
#[cfg(target_os = "linux")]
const TCP_RTO_MAX_MS: i32 = 44;
#[cfg(target_os = "linux")]
sockopt_impl!(
    /// The longest time between two transmissions, in milliseconds.
    TcpRtoMaxMs,
    Both,
    libc::IPPROTO_TCP,
    TCP_RTO_MAX_MS,
    u32
);

/// A listening socket on `address`, with a queue of `backlog` connections that wait to be accepted; accepting
/// never blocks. `SO_REUSEADDR`: connections of an earlier run that linger in TIME_WAIT do not keep the port.
///
/// # Errors
/// EADDRINUSE, EADDRNOTAVAIL, EACCES: bind(2), listen(2).
pub fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let listener: OwnedFd = socket(family, SockType::Stream, SockFlag::empty(), None)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    start_listening(&listener, Backlog::new(backlog).unwrap_or(Backlog::MAXCONN))?;
    // Once here, and not once for each client. It concerns them alone: without it, the server listens all the same.
    #[cfg(target_os = "linux")]
    let _ = enable_keepalive(&listener);
    let listener = TcpListener::from(listener);
    // A client that resets between poll and accept must not leave the server waiting in accept: accept(2), NOTES.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Begins to connect to `address`, and waits for nothing: the socket becomes writable when that has worked or failed, which
/// [`finish_connecting`] tells.
///
/// # Errors
/// EMFILE, ENETUNREACH and the others that connect(2) gives at once.
pub fn begin_connecting(address: SocketAddr) -> io::Result<TcpStream> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let socket: OwnedFd = socket(family, SockType::Stream, SockFlag::empty(), None)?;
    let stream = TcpStream::from(socket);
    stream.set_nonblocking(true)?;
    match connect(stream.as_raw_fd(), &SockaddrStorage::from(address)) {
        // Interrupted, it goes on all the same: connect(2).
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

/// What has become of a connection that was begun; if it stands, it blocks from now on, and what is sent does not wait for the
/// acknowledgment of what was sent before.
///
/// # Errors
/// ECONNREFUSED and the others of connect(2).
pub fn finish_connecting(stream: &TcpStream) -> io::Result<()> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    if stream.local_addr()? == stream.peer_addr()? {
        // Nobody listens there, and the system has given us that very port: we would talk to ourselves.
        return Err(Errno::ECONNREFUSED.into());
    }
    stream.set_nonblocking(false)?;
    stream.set_nodelay(true)
}

/// Has the system send at once what is to be sent: messages spaced by a millisecond must not be glued together again by Nagle's
/// algorithm, tcp(7). And has it ask a silent peer's host whether it is still there, and give the connection up (ETIMEDOUT) when
/// that has vanished without a word: the power cut, the cable out. Nobody wakes up for it but the kernel.
///
/// On Linux, a connection has this from the socket that it was accepted at.
///
/// # Errors
/// What setsockopt(2) says. Where a system has no such setting, its own times hold (two hours, as a rule).
pub fn enable_keepalive(socket: &impl AsFd) -> io::Result<()> {
    setsockopt(socket, sockopt::TcpNoDelay, &true)?;
    setsockopt(socket, sockopt::KeepAlive, &true)?;
    let silence = SILENCE.as_secs() as u32;
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
    setsockopt(socket, sockopt::TcpKeepIdle, &silence)?;
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    setsockopt(socket, sockopt::TcpKeepAlive, &silence)?;
    #[cfg(not(target_os = "openbsd"))]
    {
        setsockopt(socket, sockopt::TcpKeepInterval, &(BETWEEN_QUESTIONS.as_secs() as u32))?;
        setsockopt(socket, sockopt::TcpKeepCount, &QUESTIONS)?;
    }
    // A peer is not asked as long as bytes wait for it. Not TCP_USER_TIMEOUT where there is better: it also ends the connection of
    // a client that lives, has stopped, and is owed more than its system's buffer holds.
    #[cfg(target_os = "linux")]
    if setsockopt(socket, TcpRtoMaxMs, &(SENT_AGAIN_AFTER.as_millis() as u32)).is_err() {
        setsockopt(socket, sockopt::TcpUserTimeout, &(UNCONFIRMED.as_millis() as u32))?;
    }
    Ok(())
}

/// Not `O_NONBLOCK`: that flag would be shared with the child's copy of the socket.
pub(super) const NOW: MsgFlags = MsgFlags::MSG_DONTWAIT;
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub(super) const QUIETLY: MsgFlags = MsgFlags::MSG_NOSIGNAL;
/// Where there is no such flag, SIGPIPE being ignored does alone.
#[cfg(any(target_os = "macos", target_os = "ios"))]
pub(super) const QUIETLY: MsgFlags = MsgFlags::empty();

/// Sends as much of `bytes` as the socket takes now and returns how much that was; 0 when it takes nothing.
///
/// # Errors
/// EPIPE, ECONNRESET and the like: the peer is gone.
pub fn try_send(socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
    loop {
        match send(socket.as_raw_fd(), bytes, NOW | QUIETLY) {
            Ok(sent) => return Ok(sent),
            Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ENOMEM) => return Ok(0),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Copies what the peer has sent, from its first unread byte on, and leaves it unread. Returns how much that is: 0 at the
/// end, `None` when nothing is there.
///
/// # Errors
/// ECONNRESET and the like: the peer is gone.
pub fn try_peek(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    receive(socket, bytes, NOW | MsgFlags::MSG_PEEK)
}

/// Reads what the peer has sent. Returns how much that is: 0 at the end, `None` when nothing is there.
///
/// # Errors
/// As [`try_peek`].
pub fn try_read(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    receive(socket, bytes, NOW)
}

fn receive(socket: &TcpStream, bytes: &mut [u8], flags: MsgFlags) -> io::Result<Option<usize>> {
    loop {
        match recv(socket.as_raw_fd(), bytes, flags) {
            Ok(n) => return Ok(Some(n)),
            Err(Errno::EAGAIN) => return Ok(None),
            Err(Errno::EINTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Reads and forgets what the peer has sent. True when the peer has ended its side or is gone.
pub fn discard_input(socket: &TcpStream) -> bool {
    // One bounded read a turn: poll comes back for the rest.
    matches!(try_read(socket, &mut [0; 4096]), Ok(Some(0)) | Err(_))
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::sys::socket::getsockopt;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_vanished_host_is_noticed_within_two_minutes() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        assert!(socket.nodelay().unwrap());
        assert!(getsockopt(&socket, sockopt::KeepAlive).unwrap());
        let silence = getsockopt(&socket, sockopt::TcpKeepIdle).unwrap();
        let between = getsockopt(&socket, sockopt::TcpKeepInterval).unwrap();
        let questions = getsockopt(&socket, sockopt::TcpKeepCount).unwrap();
        assert_eq!((silence, between, questions), (60, 10, 5));
        // The last question's answer is waited for as well.
        assert!(silence + between * questions < 120);
        let bounded = getsockopt(&socket, TcpRtoMaxMs) == Ok(8000);
        let given_up = getsockopt(&socket, sockopt::TcpUserTimeout) == Ok(105_000);
        assert!(bounded != given_up, "unconfirmed bytes: sent again more often, or given up by the time");
    }
}
