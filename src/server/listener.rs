//! A listening socket, and the outcomes of accept(2).

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::sys::{self, Interest, PollFd, ScopedAddress};

/// Time after which a paused listener retries: the shortage may be one of the whole system.
const PAUSE: Duration = Duration::from_secs(1);

/// Connections in a row that were gone before they were accepted: after more, the error is not
/// theirs.
const MAX_ABORTED: u32 = 8;

/// Pauses while the system has no descriptor for another connection.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    paused_until: Option<Instant>,
    /// The present shortage was reported. It lasts until the backlog is empty.
    reported: bool,
}

impl Listener {
    /// For a socket of [`sys::listen`].
    pub fn new(listener: TcpListener) -> Listener {
        Listener { listener, paused_until: None, reported: false }
    }

    /// The bound address and port.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// `None` while paused, or poll would report the same connection again and again.
    pub fn watch(&self) -> Option<PollFd<'_>> {
        (!self.is_paused()).then(|| sys::watch(self.listener.as_fd(), Interest::Read))
    }

    pub fn is_paused(&self) -> bool {
        self.paused_until.is_some()
    }

    /// The end of the pause.
    pub fn due(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Ends a pause that is over, or any pause if a descriptor was `freed`.
    pub fn resume(&mut self, now: Instant, freed: bool) {
        self.paused_until = self.paused_until.filter(|&until| now < until && !freed);
    }

    /// Accepts a connection, with the peer's address; `None` when none is waiting, or while paused.
    /// An error concerns more than one connection, and is returned once, to be reported. After a
    /// shortage of the system the listener pauses; otherwise the event loop backs off.
    pub fn accept(&mut self, now: Instant) -> io::Result<Option<(TcpStream, ScopedAddress)>> {
        for attempt in 1.. {
            match sys::accept(&self.listener) {
                Ok((socket, peer)) => return Ok(Some(accepted(socket, peer))),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.reported = false;
                    break;
                }
                Err(error) => {
                    if !concerns_one_connection(&error) {
                        self.paused_until = Some(now + PAUSE);
                    } else if attempt < MAX_ABORTED {
                        continue;
                    }
                    if !std::mem::replace(&mut self.reported, true) {
                        return Err(error);
                    }
                    break;
                }
            }
        }
        Ok(None)
    }
}

fn accepted(socket: TcpStream, peer: SocketAddr) -> (TcpStream, ScopedAddress) {
    #[cfg(not(target_os = "linux"))]
    {
        // Linux returns a blocking socket, the BSDs one like the listener: accept(2).
        let _ = socket.set_nonblocking(false);
        sys::enable_keepalive(&socket);
    }
    (socket, ScopedAddress::of_peer(peer))
}

/// Errors of the one connection: the next may be accepted. accept(2), "Error handling".
fn concerns_one_connection(error: &io::Error) -> bool {
    use Errno::{ECONNABORTED, EHOSTDOWN, EHOSTUNREACH, EINTR, ENETDOWN, ENETUNREACH, ENOPROTOOPT};
    use Errno::{EPERM, EPROTO, ETIMEDOUT};
    let reset = [ECONNABORTED, EPROTO, EINTR, EPERM, ETIMEDOUT];
    // EOPNOTSUPP is an associated constant on some systems, which `use` cannot import.
    let network = [ENETDOWN, ENETUNREACH, EHOSTDOWN, EHOSTUNREACH, ENOPROTOOPT, Errno::EOPNOTSUPP];
    let errno = error.raw_os_error().map(Errno::from_raw);
    errno.is_some_and(|errno| reset.contains(&errno) || network.contains(&errno))
}
