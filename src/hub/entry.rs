//! The body of a record of [`super::record::Kind::Enter`]: the `Sec-WebSocket-Accept` value, 28
//! characters, and for a browser behind a proxy its address, 16 bytes (IPv4 mapped to IPv6). Pure.

use std::net::{IpAddr, Ipv6Addr};

use data_encoding::BASE64_NOPAD;

/// The length of a SHA-1 in base64.
const ACCEPT: usize = 28;

pub fn body(accept: &str, forwarded: Option<IpAddr>) -> Vec<u8> {
    let address = forwarded.map(|address| to_ipv6(address).octets());
    [accept.as_bytes(), address.as_ref().map_or(&[][..], |bytes| bytes)].concat()
}

/// `None` for a body that [`body`] does not make.
pub fn parse(body: &[u8]) -> Option<(&str, Option<IpAddr>)> {
    let (accept, address) = body.split_at_checked(ACCEPT)?;
    let address = match address {
        [] => None,
        bytes => Some(IpAddr::from(<[u8; 16]>::try_from(bytes).ok()?).to_canonical()),
    };
    let accept = str::from_utf8(accept).ok().filter(|accept| is_accept(accept.as_bytes()))?;
    Some((accept, address))
}

/// True for a SHA-1 in base64. Nothing else gets into a response's header.
pub fn is_accept(value: &[u8]) -> bool {
    // Without padding: the library also takes several padded values in a row.
    let letters = value.strip_suffix(b"=").filter(|letters| letters.len() == ACCEPT - 1);
    letters.is_some_and(|letters| BASE64_NOPAD.decode(letters).is_ok())
}

/// IPv4 as IPv6 (RFC 4291, 2.5.5.2): `::ffff:192.0.2.1`.
pub fn to_ipv6(address: IpAddr) -> Ipv6Addr {
    match address {
        IpAddr::V4(address) => address.to_ipv6_mapped(),
        IpAddr::V6(address) => address,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const VALUE: &str = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

    #[test]
    fn a_body_has_the_accept_value_and_behind_a_proxy_the_address() {
        for address in [None, Some("203.0.113.9"), Some("2001:db8::7")] {
            let address = address.map(|address| address.parse().unwrap());
            assert_eq!(parse(&body(VALUE, address)), Some((VALUE, address)));
        }
        for tail in ["\r\n", "0123456789abcde", "0123456789abcdefg"] {
            assert_eq!(parse(format!("{VALUE}{tail}").as_bytes()), None, "{tail:?}");
        }
    }

    #[test]
    fn an_accept_value_cannot_inject_a_header() {
        assert!(is_accept(VALUE.as_bytes()));
        let long = "a".repeat(28);
        let injected = "s3pPLMBiTx\r\nSet-Cookie: a=b";
        for wrong in ["", "s3pPLMBiTxaQ9kYGzzhZRbK+xOoo", injected, "sxaQ9kY/zzhZRbK+zOo=RbK+/zz=", &long] {
            assert!(!is_accept(wrong.as_bytes()), "{wrong:?}");
        }
    }
}
