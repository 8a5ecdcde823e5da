//! HOST of a command line: an address or a name, and perhaps a port.

use std::io;
use std::net::{SocketAddr, ToSocketAddrs};

use anyhow::bail;

use super::Program;
use super::catalogue;
use super::parsers::{Expected, number, scoped_address};
use crate::sys;

/// A server's machine, and its port if one stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: Option<u16>,
}

/// For `NAME`, `NAME:PORT`, `IPV6`, `[IPV6]` and `[IPV6]:PORT`: without brackets, more than one
/// colon makes an IPv6 address, without a port. A number alone is refused: inet_aton(3) would take
/// the port 8000 for 0.0.31.64.
pub fn host(typed: &str) -> Result<Host, Expected> {
    host_and_port(typed, 1)
}

/// [`host`] of a server, whose port may be 0: any free one.
pub fn host_to_listen_on(typed: &str) -> Result<Host, Expected> {
    host_and_port(typed, 0)
}

fn host_and_port(typed: &str, lowest: u64) -> Result<Host, Expected> {
    let parts = match typed.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((name, ""))) => Some((name, None)),
        Some(Some((name, behind))) => behind.strip_prefix(':').map(|port| (name, Some(port))),
        Some(None) => None,
        None => match typed.split_once(':') {
            Some((name, port)) if !port.contains(':') => Some((name, Some(port))),
            _ => Some((typed, None)),
        },
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let host = parts.filter(|(name, _)| !name.is_empty() && !name.contains(['/', '[', ']', ' ']));
    if host.is_some_and(|(name, _)| digits(name)) {
        return Err(Expected::new(
            "un nombre seul n'est pas une adresse : elle vient d'abord, le port ensuite, comme 127.0.0.1:{port}",
            "a number alone is no address: the address comes first, then the port, as 127.0.0.1:{port}",
        ));
    }
    let host = host.and_then(|(name, port)| {
        let port = port.map(number(lowest, 65535)).transpose().ok()?;
        Some(Host { name: name.to_string(), port })
    });
    let french = "une adresse ou un nom est attendu, et un port s'il le faut, comme salle-12, 192.0.2.7:{port}, ::1 ou [::1]:{port}";
    let english = "an address or a name is expected, with a port if need be, as room-12, 192.0.2.7:{port}, ::1 or [::1]:{port}";
    host.ok_or_else(|| Expected::new(french, english))
}

/// The addresses of a [`Host`]'s name: one or more. An IPv6 address is not left to getaddrinfo(3),
/// which does not say that its interface is missing or unknown.
pub fn look_up(program: Program, host: &str, port: u16) -> anyhow::Result<Vec<SocketAddr>> {
    let texts = Texts { program };
    if host.contains(':') {
        match scoped_address(host) {
            Ok(mut address) => {
                address.set_port(port);
                return Ok(vec![address]);
            }
            Err(expected) => bail!(texts.no_address(host, expected.text(program.language))),
        }
    }
    match (host, port).to_socket_addrs() {
        Ok(addresses) => Ok(addresses.collect()),
        Err(reason) => bail!(texts.unknown_host(host, &reason)),
    }
}

struct Texts {
    program: Program,
}

catalogue! {
    impl Texts, |self| self.program.language;
    unknown_host(host: &str, reason: &io::Error) where reason = sys::plain_reason(reason) =>
        "le nom « {host} » ne mène à aucune adresse : {reason} (vérifiez-le, ou donnez une adresse IP)",
        "the name \"{host}\" leads to no address: {reason} (check it, or give an IP address)";
    no_address(host: &str, reason: &str) =>
        "l'adresse {host} ne convient pas : {reason}",
        "cannot use the address {host}: {reason}";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_has_a_port_behind_it_or_none() {
        for (typed, name, port) in [
            ("room-12", "room-12", None),
            ("room-12:5016", "room-12", Some(5016)),
            ("192.0.2.7", "192.0.2.7", None),
            ("192.0.2.7:1", "192.0.2.7", Some(1)),
            ("::1", "::1", None),
            ("::", "::", None),
            ("[::1]", "::1", None),
            ("[::1]:65535", "::1", Some(65535)),
            ("2001:db8::5015", "2001:db8::5015", None),
            ("fe80::1%eth0", "fe80::1%eth0", None),
            ("[fe80::1%eth0]:5015", "fe80::1%eth0", Some(5015)),
        ] {
            assert_eq!(host(typed).unwrap(), Host { name: name.to_string(), port }, "{typed}");
        }
    }

    #[test]
    fn a_server_may_listen_on_port_0() {
        for typed in ["localhost:0", "[::1]:0"] {
            assert_eq!(host_to_listen_on(typed).unwrap().port, Some(0), "{typed}");
        }
        assert!(host_to_listen_on("localhost:65536").is_err());
    }

    #[test]
    fn what_is_no_host_is_refused() {
        for typed in [
            "",
            ":",
            ":5015",
            "room-12:",
            "room-12:x",
            "room-12:0",
            "room-12:65536",
            "room-12:+5",
            "[::1",
            "[]",
            "[]:1",
            "[::1]5015",
            "[::1]:",
            "::1]",
            "http://room-12:8080/",
            "room-12:8080/",
            "a b",
            "8000",
            "8000:1",
            "[8000]",
        ] {
            assert!(host(typed).is_err(), "{typed}");
        }
    }
}
