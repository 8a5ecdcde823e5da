//! Reverse proxies whose `X-Forwarded-For` is believed, and the address that they tell. Pure.

use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use crate::cli::scoped_address;
use crate::hub::entry::to_ipv6;

/// The networks of `--trusted-proxy`.
#[derive(Clone, Debug, Default)]
pub struct Proxies(pub Vec<Network>);

/// An address with the length of its prefix in bits: `10.0.0.0/8`. IPv4 addresses are mapped to
/// IPv6 (RFC 4291, 2.5.5.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Network {
    address: u128,
    mask: u128,
    /// The interface of a link-local address (RFC 4007); 0: any.
    scope: u32,
}

/// Neither an IP address nor one with the length of a prefix.
#[derive(Debug)]
pub struct InvalidNetwork;

impl FromStr for Network {
    type Err = InvalidNetwork;

    fn from_str(text: &str) -> Result<Network, InvalidNetwork> {
        let (address, prefix) = text.split_once('/').map_or((text, None), |(ip, bits)| (ip, Some(bits)));
        let socket = match address.contains('%') {
            true => scoped_address(address).map_err(|_| InvalidNetwork)?,
            false => (unbracketed(address).parse::<IpAddr>().map_err(|_| InvalidNetwork)?, 0).into(),
        };
        let address = socket.ip();
        let width = if address.is_ipv4() { 32 } else { 128 };
        // `parse` takes a sign.
        let digits = prefix.is_none_or(|bits| bits.bytes().all(|byte| byte.is_ascii_digit()));
        let bits = prefix.map_or(Ok(width), str::parse).ok().filter(|&bits| digits && bits <= width);
        let host_bits = width - bits.ok_or(InvalidNetwork)?;
        let mask = u128::MAX.checked_shl(host_bits).unwrap_or(0);
        Ok(Network { address: mapped(address) & mask, mask, scope: scope(socket) })
    }
}

impl Proxies {
    /// True for an address of a proxy.
    pub fn contain(&self, address: SocketAddr) -> bool {
        self.0.iter().any(|network| {
            mapped(address.ip()) & network.mask == network.address
                && (network.scope == 0 || network.scope == scope(address))
        })
    }

    /// The client that the values of `X-Forwarded-For` tell, in the order of the header lines. Each
    /// proxy appends the address that it was asked from: only what a proxy has written counts, that
    /// is the last address that is no proxy's. Where all are proxies', the first one.
    ///
    /// `None` where there is none, or where the list is malformed up to it.
    pub fn client<'a>(&self, values: impl DoubleEndedIterator<Item = &'a str>) -> Option<IpAddr> {
        let mut client = None;
        for element in values.rev().flat_map(|value| value.rsplit(',')) {
            let address = address_of(element.trim_matches([' ', '\t']))?;
            client = Some(address);
            if !self.contain((address, 0).into()) {
                break;
            }
        }
        client
    }
}

/// Parses an element: an address, in brackets or not, with a port or not.
fn address_of(element: &str) -> Option<IpAddr> {
    let address = unbracketed(element).parse().ok();
    let address = address.or_else(|| element.parse::<SocketAddr>().ok().map(|socket| socket.ip()));
    address.map(|address: IpAddr| address.to_canonical())
}

fn unbracketed(address: &str) -> &str {
    address.strip_prefix('[').and_then(|address| address.strip_suffix(']')).unwrap_or(address)
}

fn scope(address: SocketAddr) -> u32 {
    match address {
        SocketAddr::V4(_) => 0,
        SocketAddr::V6(address) => address.scope_id(),
    }
}

/// IPv4 as IPv6 (`::ffff:192.0.2.1`), so that both are one space.
fn mapped(address: IpAddr) -> u128 {
    to_ipv6(address).to_bits()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxies(networks: &[&str]) -> Proxies {
        Proxies(networks.iter().map(|network| network.parse().expect("a network")).collect())
    }

    #[test]
    fn a_network_contains_the_addresses_of_its_prefix() {
        for (network, inside, outside) in [
            ("127.0.0.1", &["127.0.0.1", "::ffff:127.0.0.1"][..], &["127.0.0.2", "::1"][..]),
            ("10.1.2.3/8", &["10.0.0.0", "10.255.255.255"], &["11.0.0.0", "::a00:0"]),
            ("0.0.0.0/0", &["203.0.113.9"], &["::1", "2001:db8::1"]),
            ("2001:db8::/32", &["2001:db8::1", "2001:db8:ffff::"], &["2001:db9::", "10.0.0.1"]),
            ("::1/128", &["::1"], &["::2", "0.0.0.1"]),
            ("[::1]", &["::1"], &["::2"]),
            ("::/0", &["::1", "10.0.0.1"], &[]),
            ("fe80::1", &["fe80::1%7", "fe80::1%8"], &["fe80::2%7"]),
            ("fe80::1%7", &["fe80::1%7"], &["fe80::1%8", "fe80::2%7", "fe80::1"]),
            ("[fe80::%7]/64", &["fe80::1%7", "fe80::2%7"], &["fe80::1%8"]),
        ] {
            let proxies = proxies(&[network]);
            for (addresses, expected) in [(inside, true), (outside, false)] {
                for address in addresses {
                    let socket = format!("[{address}]:1").parse();
                    let socket = socket.or_else(|_| format!("{address}:1").parse()).unwrap();
                    assert_eq!(proxies.contain(socket), expected, "{address} in {network}");
                }
            }
        }
        for text in [
            "",
            "localhost",
            "10.0.0.0/33",
            "10.0.0.0/",
            "10.0.0.0/-1",
            "10.0.0.0/+8",
            "::/129",
            "10.0.0.1:80",
            "fe80::1%no-such-one",
            "fe80::1%7:80",
            "/8",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }

    #[test]
    fn the_client_is_the_last_address_that_is_no_proxys() {
        let proxies = proxies(&["127.0.0.1", "10.0.0.0/8", "::1"]);
        let cases: [(&[&str], Option<&str>); 17] = [
            (&["203.0.113.9"], Some("203.0.113.9")),
            // The client wrote the first one itself.
            (&["192.0.2.1, 203.0.113.9"], Some("203.0.113.9")),
            (&["192.0.2.1", "203.0.113.9"], Some("203.0.113.9")),
            (&["192.0.2.1,203.0.113.9 ,\t10.0.0.7, 127.0.0.1"], Some("203.0.113.9")),
            (&["203.0.113.9", "10.0.0.7, 127.0.0.1", "::1"], Some("203.0.113.9")),
            (&["nonsense, 203.0.113.9"], Some("203.0.113.9")),
            (&["10.0.0.8, 10.0.0.7"], Some("10.0.0.8")),
            (&["203.0.113.9:4711"], Some("203.0.113.9")),
            (&["2001:db8::7"], Some("2001:db8::7")),
            (&["[2001:db8::7]"], Some("2001:db8::7")),
            (&["[2001:db8::7]:4711"], Some("2001:db8::7")),
            (&["::ffff:203.0.113.9"], Some("203.0.113.9")),
            (&["203.0.113.9, unknown"], None),
            (&["203.0.113.9, 10.0.0.7, "], None),
            (&["203.0.113.9", ""], None),
            (&["fe80::1%eth0"], None),
            (&[], None),
        ];
        for (values, expected) in cases {
            let expected = expected.map(|address| address.parse().unwrap());
            assert_eq!(proxies.client(values.iter().copied()), expected, "{values:?}");
        }
    }
}
