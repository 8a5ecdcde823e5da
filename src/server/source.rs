//! The source of a connection, as limits count it, and which one gives way in a full pool. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv6Addr};

/// Bits of an IPv6 address that name a host: each host may choose them (RFC 4291, 2.5.1).
const HOST_BITS: u32 = 64;

/// The address that limits count under: an IPv4 address as it is, an IPv6 address as its /64, in
/// which one host has as many addresses as it likes. Loopback and link-local addresses stay whole:
/// in their prefix are all hosts of a link.
pub fn source(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(v6) if !v6.is_loopback() && !v6.is_unicast_link_local() => {
            IpAddr::V6(Ipv6Addr::from_bits(v6.to_bits() >> HOST_BITS << HOST_BITS))
        }
        other => other,
    }
}

/// The member of a full pool that gives way: of those that `may` go, the oldest of the source with
/// the most members. `sources` names each member's, the oldest member first. Returns its index, and
/// the number of its source's members.
pub fn oldest_of_heaviest(sources: &[IpAddr], may: impl Fn(usize) -> bool) -> Option<(usize, usize)> {
    let mut weights = BTreeMap::new();
    sources.iter().for_each(|source| *weights.entry(source).or_insert(0) += 1);
    let candidates = sources.iter().enumerate().filter(|&(at, _)| may(at));
    // Reversed: of equals, `max_by_key` returns the last one.
    let weighed = candidates.rev().map(|(at, source)| (at, weights[source]));
    weighed.max_by_key(|&(_, weight)| weight)
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
        ] {
            let [address, expected]: [IpAddr; 2] = [address, expected].map(|text| text.parse().unwrap());
            assert_eq!(source(address), expected, "{address}");
        }
    }

    #[test]
    fn the_oldest_of_the_source_with_the_most_members_gives_way() {
        let by_letter = |letter: char| IpAddr::from([10, 0, 0, letter as u8]);
        for (pool, may, expected) in [
            ("", "", None),
            ("abc", "yyy", Some((0, 1))),
            ("abbc", "yyyy", Some((1, 2))),
            ("abba", "yyyy", Some((0, 2))),
            ("abbab", "ynnyy", Some((4, 3))),
            // The heaviest source has no candidate.
            ("cabbba", "nynnny", Some((1, 2))),
            ("abb", "nnn", None),
        ] {
            let sources: Vec<IpAddr> = pool.chars().map(by_letter).collect();
            let found = oldest_of_heaviest(&sources, |at| may.as_bytes()[at] == b'y');
            assert_eq!(found, expected, "{pool}, {may}");
        }
    }
}
