//! The address of a client, as it is counted and shown.

use std::fmt::{self, Display};
use std::net::{IpAddr, SocketAddr};

use crate::sys::ScopedAddress;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct PeerAddress {
    /// The other end of the connection.
    pub socket: ScopedAddress,
    /// The client behind it, where that end is a proxy that is trusted to tell.
    pub forwarded: Option<IpAddr>,
}

impl PeerAddress {
    /// The address that limits for each address count.
    pub fn ip(&self) -> IpAddr {
        self.address().ip()
    }

    /// That address with its interface. The port is not used.
    pub fn address(&self) -> SocketAddr {
        self.forwarded.map_or(self.socket.address, |client| (client, 0).into())
    }
}

impl From<ScopedAddress> for PeerAddress {
    fn from(socket: ScopedAddress) -> PeerAddress {
        PeerAddress { socket, forwarded: None }
    }
}

/// `192.0.2.1:4711`, or behind a proxy `203.0.113.9 via 192.0.2.1:4711`.
impl Display for PeerAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(address) = self.forwarded {
            write!(f, "{address} via ")?;
        }
        self.socket.fmt(f)
    }
}
