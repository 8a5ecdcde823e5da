//! Sockets, where the standard library has no say: the backlog, and calls that never block.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsRawFd, OwnedFd};

use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, MsgFlags, SockFlag, SockType, SockaddrStorage, bind, listen as start_listening,
    recv, send, setsockopt, socket, sockopt::ReuseAddr,
};

/// A listening socket on `address`, with a queue of `backlog` connections that wait to be accepted; accepting
/// never blocks. `SO_REUSEADDR`: connections of an earlier run that linger in TIME_WAIT do not keep the port.
///
/// # Errors
/// EADDRINUSE, EADDRNOTAVAIL, EACCES: bind(2), listen(2).
pub fn listen(address: SocketAddr, backlog: i32) -> io::Result<TcpListener> {
    let family = if address.is_ipv4() { AddressFamily::Inet } else { AddressFamily::Inet6 };
    let listener: OwnedFd = socket(family, SockType::Stream, SockFlag::empty(), None)?;
    setsockopt(&listener, ReuseAddr, &true)?;
    bind(listener.as_raw_fd(), &SockaddrStorage::from(address))?;
    start_listening(&listener, Backlog::new(backlog).unwrap_or(Backlog::MAXCONN))?;
    let listener = TcpListener::from(listener);
    // A client that resets between poll and accept must not leave the server waiting in accept: accept(2), NOTES.
    listener.set_nonblocking(true)?;
    Ok(listener)
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
pub fn send_now(socket: &TcpStream, bytes: &[u8]) -> io::Result<usize> {
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
pub fn peek_now(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
    receive(socket, bytes, NOW | MsgFlags::MSG_PEEK)
}

/// Reads what the peer has sent. Returns how much that is: 0 at the end, `None` when nothing is there.
///
/// # Errors
/// As [`peek_now`].
pub fn read_now(socket: &TcpStream, bytes: &mut [u8]) -> io::Result<Option<usize>> {
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
    matches!(read_now(socket, &mut [0; 4096]), Ok(Some(0)) | Err(_))
}
