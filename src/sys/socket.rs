//! Sockets beyond the standard library: backlog, keepalive, calls that never block.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
#[cfg(target_os = "linux")]
use std::os::fd::FromRawFd;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::Duration;

use nix::errno::Errno;
#[cfg(target_os = "linux")]
use nix::sys::socket::SockaddrLike;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, connect,
    listen as start_listening, recv, send, setsockopt, socket, sockopt,
};
#[cfg(target_os = "linux")]
use nix::{getsockopt_impl, setsockopt_impl, sockopt_impl};

use super::backoff::{before_wait, is_temporary, moved, sent, woke};

/// Keepalive: silence before the first probe, time between probes, their number. 40 s in all. Bytes
/// that are sent meanwhile end the probes, and have [`RTO_MAX`]'s 61 s of their own: a host that
/// has vanished is noticed within two minutes.
const KEEPALIVE_IDLE: Duration = Duration::from_secs(20);
const KEEPALIVE_INTERVAL: Duration = Duration::from_secs(5);
const KEEPALIVE_PROBES: u32 = 4;
/// The longest time between two transmissions of unacknowledged bytes. The connection is given up
/// after 15 of them (sysctl net.ipv4.tcp_retries2): 61 s instead of 15 minutes.
#[cfg(target_os = "linux")]
const RTO_MAX: Duration = Duration::from_secs(5);
/// Where that cannot be set: time that bytes may stay unacknowledged or, unfortunately, unread.
#[cfg(target_os = "linux")]
const USER_TIMEOUT: Duration = Duration::from_secs(60);

/// Linux 6.15; the crate libc does not have it yet.
#[cfg(target_os = "linux")]
const TCP_RTO_MAX_MS: i32 = 44;
#[cfg(target_os = "linux")]
sockopt_impl!(
    /// [`RTO_MAX`], in milliseconds.
    TcpRtoMaxMs,
    Both,
    libc::IPPROTO_TCP,
    TCP_RTO_MAX_MS,
    u32
);

#[cfg(target_os = "linux")]
sockopt_impl!(
    /// Leaves the mode of delayed acknowledgements until bytes are sent again.
    TcpQuickAck,
    Both,
    libc::IPPROTO_TCP,
    libc::TCP_QUICKACK,
    bool
);

fn tcp_socket(address: SocketAddr) -> nix::Result<OwnedFd> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    socket(family, SockType::Stream, SockFlag::empty(), None)
}

/// A nonblocking listening socket. `SO_REUSEADDR`: TIME_WAIT of an earlier run holds no port. `::`
/// takes IPv4 too, whatever the system's default (sysctl net.ipv6.bindv6only).
pub fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let listener = tcp_socket(address)?;
    setsockopt(&listener, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() && address.ip().is_unspecified() {
        // OpenBSD has no such sockets, and refuses.
        let _ = setsockopt(&listener, sockopt::Ipv6V6Only, &false);
    }
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    start_listening(&listener, Backlog::new(backlog).unwrap_or(Backlog::MAXCONN))?;
    // Accepted sockets inherit these: one call instead of one per client.
    #[cfg(target_os = "linux")]
    enable_keepalive(&listener);
    // Urgent bytes stay in the stream: telnet sends the last byte of its Synch so (RFC 854).
    let _ = setsockopt(&listener, sockopt::OobInline, &true);
    let listener = TcpListener::from(listener);
    // A client that resets between poll and accept would block the server: accept(2), NOTES.
    listener.set_nonblocking(true)?;
    Ok(listener)
}

/// Nonblocking connect(2): [`finish_connecting`] tells the outcome, at the latest once the socket
/// is writable.
pub fn begin_connecting(address: SocketAddr) -> io::Result<TcpStream> {
    let stream = TcpStream::from(tcp_socket(address)?);
    stream.set_nonblocking(true)?;
    enable_keepalive(&stream);
    match connect(stream.as_raw_fd(), &SockaddrStorage::from(address)) {
        // Interrupted, it continues in the background: connect(2).
        Ok(()) | Err(Errno::EINPROGRESS | Errno::EINTR) => Ok(stream),
        Err(error) => Err(error.into()),
    }
}

/// The outcome of [`begin_connecting`], false while there is none; makes the socket blocking.
/// Without poll(2), which may fail for want of memory.
pub fn finish_connecting(stream: &TcpStream) -> io::Result<bool> {
    if let Some(error) = stream.take_error()? {
        return Err(error);
    }
    let peer = match stream.peer_addr() {
        Err(error) if error.kind() == io::ErrorKind::NotConnected => return Ok(false),
        peer => peer?,
    };
    if stream.local_addr()? == peer {
        // No listener, and the system chose that very port for this end: connected to itself.
        return Err(Errno::ECONNREFUSED.into());
    }
    stream.set_nonblocking(false)?;
    Ok(true)
}

/// Turns Nagle's algorithm off, which would join messages that are spaced by a millisecond: tcp(7).
/// Turns keepalive on: the kernel gives the connection up (ETIMEDOUT) when the peer's host has
/// vanished without closing (power cut, cable out).
///
/// On Linux, accepted sockets inherit all of it from the listening one. Each setting is a gain of
/// its own: a system that refuses one keeps its own value (two hours, as a rule).
pub fn enable_keepalive(socket: &impl AsFd) {
    let _ = setsockopt(socket, sockopt::TcpNoDelay, &true);
    let _ = setsockopt(socket, sockopt::KeepAlive, &true);
    let idle = KEEPALIVE_IDLE.as_secs() as u32;
    #[cfg(any(target_os = "linux", target_os = "android", target_os = "freebsd", target_os = "dragonfly"))]
    let _ = setsockopt(socket, sockopt::TcpKeepIdle, &idle);
    #[cfg(any(target_os = "macos", target_os = "ios"))]
    let _ = setsockopt(socket, sockopt::TcpKeepAlive, &idle);
    #[cfg(not(target_os = "openbsd"))]
    {
        let _ = setsockopt(socket, sockopt::TcpKeepInterval, &(KEEPALIVE_INTERVAL.as_secs() as u32));
        let _ = setsockopt(socket, sockopt::TcpKeepCount, &KEEPALIVE_PROBES);
    }
    // No probes are sent while bytes are unacknowledged. TCP_USER_TIMEOUT is the second choice: it
    // also ends the connection of a stopped client with a full receive buffer.
    #[cfg(target_os = "linux")]
    if setsockopt(socket, TcpRtoMaxMs, &(RTO_MAX.as_millis() as u32)).is_err() {
        let _ = setsockopt(socket, sockopt::TcpUserTimeout, &(USER_TIMEOUT.as_millis() as u32));
    }
}

/// Acknowledges at once what was read, instead of with the next bytes sent or after 40 ms: tcp(7),
/// `TCP_QUICKACK`. An error leaves it to the system.
pub fn acknowledge(socket: &impl AsFd) {
    #[cfg(target_os = "linux")]
    let _ = setsockopt(socket, TcpQuickAck, &true);
    #[cfg(not(target_os = "linux"))]
    let _ = socket;
}

/// accept4(2), once: `TcpListener::accept` repeats it without bound while it is interrupted.
#[cfg(target_os = "linux")]
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    let mut address = std::mem::MaybeUninit::<libc::sockaddr_storage>::zeroed();
    let mut length = size_of::<libc::sockaddr_storage>() as libc::socklen_t;
    let number = listener.as_raw_fd();
    // SAFETY: the kernel writes at most `length` bytes to `address`, and their number to `length`.
    let fd = Errno::result(unsafe {
        libc::accept4(number, address.as_mut_ptr().cast(), &raw mut length, libc::SOCK_CLOEXEC)
    })?;
    // SAFETY: the kernel has just opened it, and nothing else owns it.
    let socket = unsafe { TcpStream::from_raw_fd(fd) };
    // SAFETY: zeroes are an address of no family; the kernel has written one of `length` bytes.
    let address = unsafe { SockaddrStorage::from_raw(address.as_ptr().cast(), Some(length)) };
    let peer = address.and_then(|address| {
        let v4 = address.as_sockaddr_in().map(|v4| SocketAddr::V4((*v4).into()));
        v4.or_else(|| address.as_sockaddr_in6().map(|v6| SocketAddr::V6((*v6).into())))
    });
    Ok((socket, peer.ok_or(Errno::EPROTO)?))
}

#[cfg(not(target_os = "linux"))]
pub fn accept(listener: &TcpListener) -> io::Result<(TcpStream, SocketAddr)> {
    listener.accept()
}

/// Instead of `O_NONBLOCK`, which the child's copy of the socket would share.
pub(super) const DONTWAIT: MsgFlags = MsgFlags::MSG_DONTWAIT;
#[cfg(not(any(target_os = "macos", target_os = "ios")))]
pub(super) const NOSIGNAL: MsgFlags = MsgFlags::MSG_NOSIGNAL;
/// No such flag here: SIGPIPE is ignored.
#[cfg(any(target_os = "macos", target_os = "ios"))]
pub(super) const NOSIGNAL: MsgFlags = MsgFlags::empty();

/// Sends without blocking. Returns the number of bytes; 0 when there is no room, or no memory.
pub fn try_send(socket: &impl AsRawFd, bytes: &[u8]) -> io::Result<usize> {
    // 0 of some bytes would be repeated without a pause.
    let count = send(socket.as_raw_fd(), bytes, DONTWAIT | NOSIGNAL);
    let count = if count == Ok(0) { Err(Errno::EAGAIN) } else { count };
    Ok(sent(count)?.unwrap_or_default())
}

/// [`try_read`] without taking the bytes out of the socket (`MSG_PEEK`).
pub fn try_peek(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    match recv(socket.as_raw_fd(), bytes, DONTWAIT | MsgFlags::MSG_PEEK) {
        Err(error) if is_temporary(error as i32) => Ok(None),
        peeked => Ok(Some(peeked?)),
    }
}

/// Reads without blocking. Returns the number of bytes, 0 at the end of file; `None`: nothing yet,
/// or no memory.
pub fn try_read(socket: &impl AsRawFd, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    Ok(moved(recv(socket.as_raw_fd(), bytes, DONTWAIT))?)
}

/// Waits for bytes and reads them: [`try_read`] after a [`super::wait`] in one call. Fails itself,
/// as that does, after too many calls that read nothing; what it returns is the read's outcome.
pub fn wait_and_read(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<io::Result<Option<usize>>> {
    before_wait()?;
    let read = moved(recv(socket.as_raw_fd(), bytes, MsgFlags::empty()));
    if read == Ok(None) {
        woke();
    }
    Ok(read.map_err(io::Error::from))
}

#[cfg(target_os = "linux")]
nix::ioctl_read_bad!(
    /// SIOCOUTQ, which is this one's number: tcp(7).
    siocoutq,
    libc::TIOCOUTQ,
    libc::c_int
);

/// Bytes sent that the peer's kernel has not acknowledged; 0 where the system does not tell.
pub fn unacknowledged(socket: &TcpStream) -> usize {
    #[cfg(target_os = "linux")]
    {
        let mut bytes = 0;
        // SAFETY: the kernel writes one int to `bytes`, which outlives the call.
        match unsafe { siocoutq(socket.as_raw_fd(), &mut bytes) } {
            Ok(_) => usize::try_from(bytes).unwrap_or(0),
            Err(_) => 0,
        }
    }
    #[cfg(not(target_os = "linux"))]
    {
        let _ = socket;
        0
    }
}

#[cfg(target_os = "linux")]
sockopt_impl!(
    /// The first bytes of `struct tcp_info`, linux/tcp.h, up to `tcpi_rtt`.
    TcpInfoStart,
    GetOnly,
    libc::IPPROTO_TCP,
    libc::TCP_INFO,
    [u32; 18]
);

/// True if the peer's kernel has not acknowledged all that left; false where the system does not
/// tell. Unlike [`unacknowledged`], it needs no ioctl(2), which a sandbox refuses.
pub fn awaits_acknowledgement(socket: &TcpStream) -> bool {
    #[cfg(target_os = "linux")]
    let segments = nix::sys::socket::getsockopt(socket, TcpInfoStart).map_or(0, |info| info[6]);
    #[cfg(not(target_os = "linux"))]
    let segments = {
        let _ = socket;
        0
    };
    segments > 0
}

/// The time between a segment to the peer and its acknowledgement, as the system has measured it:
/// smoothed, with the peer's delays. `None` where it does not tell.
pub fn round_trip(socket: &TcpStream) -> Option<Duration> {
    #[cfg(target_os = "linux")]
    let microseconds = nix::sys::socket::getsockopt(socket, TcpInfoStart).map_or(0, |info| info[17]);
    #[cfg(not(target_os = "linux"))]
    let microseconds = {
        let _ = socket;
        0_u32
    };
    (microseconds > 0).then(|| Duration::from_micros(microseconds.into()))
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use nix::sys::socket::getsockopt;

    #[test]
    fn a_vanished_host_is_noticed_within_two_minutes() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        assert!(socket.nodelay().unwrap());
        assert!(getsockopt(&socket, sockopt::KeepAlive).unwrap());
        let idle = getsockopt(&socket, sockopt::TcpKeepIdle).unwrap();
        let interval = getsockopt(&socket, sockopt::TcpKeepInterval).unwrap();
        let probes = getsockopt(&socket, sockopt::TcpKeepCount).unwrap();
        assert_eq!((idle, interval, probes), (20, 5, 4));
        // Bytes sent just before the last interval ends begin a time of their own: tcp(7), RFC
        // 6298.
        assert!(idle + interval * probes + 62 < 120);
        let bounded = getsockopt(&socket, TcpRtoMaxMs) == Ok(5000);
        let given_up = getsockopt(&socket, sockopt::TcpUserTimeout) == Ok(60_000);
        assert!(bounded != given_up, "unacknowledged bytes: bounded retransmissions, or a bounded time");
    }
    #[test]
    fn the_round_trip_is_measured_by_the_handshake() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let _client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (socket, _) = listener.accept().unwrap();
        assert!(round_trip(&socket).is_some_and(|time| time < Duration::from_secs(60)));
        // Of a socket without a peer the kernel knows none.
        let unconnected = listener.as_fd().try_clone_to_owned().map(TcpStream::from).unwrap();
        assert_eq!(round_trip(&unconnected), None);
    }

    #[test]
    fn bytes_are_unacknowledged_until_the_peers_kernel_has_them() {
        let listener = listen("127.0.0.1:0".parse().unwrap(), 1).unwrap();
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_server, _) = listener.accept().unwrap();
        assert!(!awaits_acknowledgement(&client));
        let mut sent = 0;
        // Until the receiver, which does not read, has no room.
        while sent < 64 << 20 {
            match try_send(&client, &[0; 65536]).unwrap() {
                0 => break,
                count => sent += count,
            }
        }
        let left = unacknowledged(&client);
        assert!((1..sent).contains(&left), "{left} of {sent}");
    }
}
