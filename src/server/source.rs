//! The source of a connection, as limits count it, and which member of a full pool gives way. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Bits of an IPv6 address that name a host: each host may choose them (RFC 4291, 2.5.1).
const HOST_BITS: u32 = 64;

/// Bits of an IPv4 and of an IPv6 address that name a network: in it, a host may have more than one
/// source. A site has many prefixes of 64 bits (BCP 157).
const NETWORK_BITS: (u32, u32) = (24, 48);

/// The prefix, of 96 bits, of an IPv4 address that was translated: RFC 6052.
const TRANSLATED: u128 = 0x0064_ff9b << 64;

/// The address that limits count under: an IPv4 address as it is, also one that was translated, and
/// an IPv6 address as its /64, in which one host has as many addresses as it likes. Loopback and
/// link-local addresses stay whole: in their prefix are all hosts of a link.
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if v6.to_bits() >> 32 == TRANSLATED => Ipv4Addr::from_bits(v6.to_bits() as u32).into(),
        IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unicast_link_local() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> HOST_BITS << HOST_BITS))
        }
        other => other,
    }
}

/// The network of a [`source`]: the same for all link-local addresses.
fn network(source: IpAddr) -> IpAddr {
    let (v4_bits, v6_bits) = NETWORK_BITS;
    match source {
        IpAddr::V4(v4) => Ipv4Addr::from_bits(v4.to_bits() & u32::MAX << (32 - v4_bits)).into(),
        IpAddr::V6(v6) => Ipv6Addr::from_bits(v6.to_bits() & u128::MAX << (128 - v6_bits)).into(),
    }
}

/// The member of a full pool that gives way: of those that `may` go, the oldest of the source with
/// the most members. `sources` names each member's, the oldest member first; members are numbered
/// as there.
pub fn oldest_of_heaviest(sources: &[IpAddr], may: impl Fn(usize) -> bool) -> Option<usize> {
    let weights = weights(sources);
    // Reversed: of equals, `max_by_key` returns the last one.
    (0..sources.len()).rev().filter(|&at| may(at)).max_by_key(|&at| weights[at])
}

/// The member that gives way to a newcomer of source `newcomer`: [`oldest_of_heaviest`], if its
/// source has at least two members more than the newcomer's. Where no such member `may` go, and the
/// newcomer's source has none, networks are compared instead: a host that takes many addresses of
/// its network keeps no other network out. `may` is given the weight of the member's source too.
pub fn oldest_of_heavier(
    newcomer: IpAddr,
    sources: &[IpAddr],
    may: impl Fn(usize, usize) -> bool,
) -> Option<usize> {
    let by_source = weights(sources);
    let heavier = |own: IpAddr, all: &[IpAddr]| {
        let least = 2 + all.iter().filter(|&&other| other == own).count();
        let weights = weights(all);
        oldest_of_heaviest(all, |at| weights[at] >= least && may(at, by_source[at]))
    };
    let by_network = || {
        let networks: Vec<IpAddr> = sources.iter().copied().map(network).collect();
        heavier(network(newcomer), &networks)
    };
    heavier(newcomer, sources).or_else(|| if sources.contains(&newcomer) { None } else { by_network() })
}

/// For each member, how many have its source.
fn weights(sources: &[IpAddr]) -> Vec<usize> {
    let mut counts = BTreeMap::new();
    sources.iter().for_each(|source| *counts.entry(source).or_insert(0) += 1);
    sources.iter().map(|source| counts[source]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_ipv6_address_counts_by_its_64_and_any_other_by_itself() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.1"),
            ("::ffff:192.0.2.1", "192.0.2.1"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::"),
            ("2001:db8:1:2::", "2001:db8:1:2::"),
            ("2001:db8:1:3::1", "2001:db8:1:3::"),
            ("fd00::1:0:0:1", "fd00::"),
            ("::1", "::1"),
            ("fe80::1:2:3:4", "fe80::1:2:3:4"),
            ("64:ff9b::192.0.2.1", "192.0.2.1"),
            ("64:ff9b:1::192.0.2.1", "64:ff9b:1::"),
        ] {
            let [address, expected]: [IpAddr; 2] = [address, expected].map(|text| text.parse().unwrap());
            assert_eq!(source(address), expected, "{address}");
        }
    }

    #[test]
    fn a_network_is_a_24_of_ipv4_a_48_of_ipv6_and_all_of_a_link() {
        for (address, expected) in [
            ("192.0.2.1", "192.0.2.0"),
            ("::ffff:192.0.2.1", "192.0.2.0"),
            ("2001:db8:1:2:3:4:5:6", "2001:db8:1::"),
            ("fe80::1:2:3:4", "fe80::"),
        ] {
            let [address, expected]: [IpAddr; 2] = [address, expected].map(|text| text.parse().unwrap());
            assert_eq!(network(source(address)), expected, "{address}");
        }
    }

    #[test]
    fn the_oldest_of_the_source_with_the_most_members_gives_way() {
        let by_letter = |letter: char| IpAddr::from([10, 0, 0, letter as u8]);
        for (pool, may, expected) in [
            ("", "", None),
            ("abc", "yyy", Some(0)),
            ("abbc", "yyyy", Some(1)),
            ("abba", "yyyy", Some(0)),
            ("abbab", "ynnyy", Some(4)),
            // The heaviest source has no candidate.
            ("cabbba", "nynnny", Some(1)),
            ("abb", "nnn", None),
        ] {
            let sources: Vec<IpAddr> = pool.chars().map(by_letter).collect();
            let found = oldest_of_heaviest(&sources, |at| may.as_bytes()[at] == b'y');
            assert_eq!(found, expected, "{pool}, {may}");
        }
    }
}
