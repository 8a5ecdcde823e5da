//! Addresses shown with the name of their interface: RFC 4007, section 11.

use std::fmt::{self, Display};
use std::net::{IpAddr, SocketAddr};

use nix::net::if_::if_indextoname;

/// An address, with the name of its interface where it is valid on one alone (IPv6 link-local). The
/// name is looked up once: a confined child may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ScopedAddress {
    pub address: SocketAddr,
    /// With NULs behind it; empty: unknown, or of no interface.
    interface: [u8; libc::IF_NAMESIZE],
}

impl ScopedAddress {
    /// The other end of a connection: an IPv4 client of an IPv6 listener is shown without
    /// `::ffff:`.
    pub fn of_peer(peer: SocketAddr) -> ScopedAddress {
        match peer.ip().to_canonical() {
            IpAddr::V4(v4) => SocketAddr::from((v4, peer.port())).into(),
            IpAddr::V6(_) => peer.into(),
        }
    }

    pub fn ip(&self) -> IpAddr {
        self.address.ip()
    }
}

impl From<SocketAddr> for ScopedAddress {
    fn from(address: SocketAddr) -> ScopedAddress {
        let mut interface = [0; libc::IF_NAMESIZE];
        if let SocketAddr::V6(v6) = address
            && v6.scope_id() != 0
            && let Ok(name) = if_indextoname(v6.scope_id())
            && name.as_bytes().iter().all(|byte| byte.is_ascii_alphanumeric() || b"._-".contains(byte))
        {
            interface.iter_mut().zip(name.as_bytes()).for_each(|(to, &byte)| *to = byte);
        }
        ScopedAddress { address, interface }
    }
}

/// As the standard library shows an address, `[fe80::1%2]:5015`, but `%eth0` where the name is
/// known.
impl Display for ScopedAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let name = self.interface.split(|&byte| byte == 0).next().unwrap_or_default();
        match std::str::from_utf8(name) {
            Ok("") | Err(_) => self.address.fmt(f),
            Ok(name) => write!(f, "[{}%{name}]:{}", self.address.ip(), self.address.port()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use nix::net::if_::if_nameindex;

    #[test]
    fn an_address_is_shown_with_the_name_of_its_interface_if_it_has_one() {
        let interfaces = if_nameindex().unwrap();
        let first = interfaces.iter().next().unwrap();
        let (index, name) = (first.index(), first.name().to_str().unwrap());
        for (address, shown) in [
            (format!("[fe80::1%{index}]:5015"), format!("[fe80::1%{name}]:5015")),
            ("[fe80::1%4294967295]:5015".to_string(), "[fe80::1%4294967295]:5015".to_string()),
            ("[::1]:5015".to_string(), "[::1]:5015".to_string()),
            ("[::ffff:192.0.2.1]:5015".to_string(), "192.0.2.1:5015".to_string()),
        ] {
            assert_eq!(ScopedAddress::of_peer(address.parse().unwrap()).to_string(), shown, "{address}");
        }
    }
}
