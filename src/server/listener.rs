//! The door: a listening socket and what accept(2) may answer.

use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::os::fd::{AsFd, RawFd};
use std::time::{Duration, Instant};

use nix::errno::Errno;

use crate::sys::{self, Interest, PollFd};

/// How long a shut door waits before it tries again by itself: what lacks may be the whole system's to free.
const PAUSE: Duration = Duration::from_secs(1);

/// A listening socket that rests while the system has no descriptor for another connection.
#[derive(Debug)]
pub struct Listener {
    listener: TcpListener,
    paused_until: Option<Instant>,
    /// The present shortage was told; it lasts until nobody waits any more.
    told: bool,
}

/// What came of looking outside.
#[derive(Debug)]
pub enum AcceptOutcome {
    /// A connection and its peer's address.
    Accepted(TcpStream, SocketAddr),
    /// Nobody waits.
    WouldBlock,
    /// Somebody waits, but the system has no room for the connection; `Some` the first time, to be told once.
    Paused(Option<io::Error>),
}

impl Listener {
    /// Listens: [`sys::listen`].
    ///
    /// # Errors
    /// Those of socket(2), bind(2) and listen(2).
    pub fn open(address: SocketAddr, backlog: i32) -> io::Result<Listener> {
        Ok(Listener { listener: sys::listen(address, backlog)?, paused_until: None, told: false })
    }

    /// The same under a number from `lowest` on.
    ///
    /// # Errors
    /// As [`sys::move_high`].
    pub fn move_high_numbered(self, lowest: RawFd) -> io::Result<Listener> {
        let listener = sys::move_high(self.listener.into(), lowest)?;
        Ok(Listener { listener: listener.into(), ..self })
    }

    /// The address and port really bound.
    ///
    /// # Errors
    /// What getsockname(2) says.
    pub fn address(&self) -> io::Result<SocketAddr> {
        self.listener.local_addr()
    }

    /// What to wait for; nothing while the door is shut, or poll would report the same connection for ever.
    pub fn watch(&self) -> Option<PollFd<'_>> {
        self.paused_until.is_none().then(|| sys::watch(self.listener.as_fd(), Interest::Read))
    }

    /// When a shut door opens by itself.
    pub fn due(&self) -> Option<Instant> {
        self.paused_until
    }

    /// Opens a shut door whose time has come, or of which a descriptor that has just been `freed` makes sense to try.
    pub fn resume(&mut self, now: Instant, freed: bool) {
        self.paused_until = self.paused_until.filter(|&until| now < until && !freed);
    }

    /// Takes the next connection out of the queue.
    pub fn accept(&mut self, now: Instant) -> AcceptOutcome {
        loop {
            match self.listener.accept() {
                Ok((socket, peer)) => return self.client(socket, peer),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    self.told = false;
                    return AcceptOutcome::WouldBlock;
                }
                Err(error) if concerns_one_connection(&error) => {}
                Err(error) => {
                    self.paused_until = Some(now + PAUSE);
                    let first = !std::mem::replace(&mut self.told, true);
                    return AcceptOutcome::Paused(first.then_some(error));
                }
            }
        }
    }

    fn client(&self, socket: TcpStream, peer: SocketAddr) -> AcceptOutcome {
        // Linux gives a blocking socket, the BSDs one like the listener: accept(2).
        #[cfg(not(target_os = "linux"))]
        let _ = socket.set_nonblocking(false);
        // It fails only on a connection that was reset already, which the child will see.
        #[cfg(not(target_os = "linux"))]
        let _ = sys::enable_keepalive(&socket);
        // An IPv4 client of an IPv6 listener under its own name, not as ::ffff:192.0.2.1.
        AcceptOutcome::Accepted(socket, SocketAddr::new(peer.ip().to_canonical(), peer.port()))
    }
}

/// accept(2), "Error handling": these were the fate of the one connection, and the next may be well.
fn concerns_one_connection(error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    matches!(
        errno,
        Some(
            Errno::ECONNABORTED
                | Errno::EPROTO
                | Errno::EINTR
                | Errno::EPERM
                | Errno::ENETDOWN
                | Errno::ENETUNREACH
                | Errno::EHOSTDOWN
                | Errno::EHOSTUNREACH
                | Errno::ENOPROTOOPT
                | Errno::EOPNOTSUPP
                | Errno::ETIMEDOUT
        )
    )
}
