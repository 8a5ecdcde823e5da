//! Value parsers. Their error holds both texts: one is chosen where the language is known.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::time::Duration;

use super::Language;

/// The reason of a refusal, in French and in English.
#[derive(Clone, Debug)]
pub struct Expected(String, String);

impl Expected {
    fn new(french: impl Into<String>, english: impl Into<String>) -> Expected {
        Expected(french.into(), english.into())
    }

    pub(super) fn text(&self, language: Language) -> &str {
        language.pick(&self.0, &self.1)
    }
}

/// Required by clap; the programs print `text`.
impl Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text(Language::English))
    }
}

impl std::error::Error for Expected {}

/// For whole numbers from `least` to `most`, which `T` can hold.
pub fn number<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, Expected> + Clone {
    move |typed: &str| {
        let number = typed.parse().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            Expected::new(
                format!("un nombre de {least} à {most} est attendu"),
                format!("a number from {least} to {most} is expected"),
            )
        })
    }
}

pub(super) fn address(typed: &str) -> Result<IpAddr, Expected> {
    let french = "une adresse IPv4 ou IPv6 est attendue, comme 127.0.0.1 ou ::1";
    let english = "an IPv4 or IPv6 address is expected, as 127.0.0.1 or ::1";
    typed.parse().map_err(|_| Expected::new(french, english))
}

/// A server's machine, and its port if one stands behind.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Host {
    pub name: String,
    pub port: Option<u16>,
}

/// For `NAME`, `NAME:PORT`, `IPV6`, `[IPV6]` and `[IPV6]:PORT`: without brackets, more than one
/// colon makes an IPv6 address, without a port.
pub(super) fn host(typed: &str) -> Result<Host, Expected> {
    let parts = match typed.strip_prefix('[').map(|rest| rest.split_once(']')) {
        Some(Some((name, ""))) => Some((name, None)),
        Some(Some((name, behind))) => behind.strip_prefix(':').map(|port| (name, Some(port))),
        Some(None) => None,
        None => match typed.split_once(':') {
            Some((name, port)) if !port.contains(':') => Some((name, Some(port))),
            _ => Some((typed, None)),
        },
    };
    let french = "une adresse ou un nom est attendu, et un port s'il le faut, comme salle-12, 192.0.2.7:5015, ::1 ou [::1]:5015";
    let english = "an address or a name is expected, with a port if need be, as room-12, 192.0.2.7:5015, ::1 or [::1]:5015";
    let host = parts.filter(|(name, _)| !name.is_empty() && !name.contains(['/', '[', ']', ' ']));
    let host = host.and_then(|(name, port)| {
        let digits = |port: &str| port.bytes().all(|byte| byte.is_ascii_digit());
        let number = |port: &str| port.parse().ok().filter(|&number: &u16| digits(port) && number > 0);
        let port = match port {
            Some(port) => Some(number(port)?),
            None => None,
        };
        Some(Host { name: name.to_string(), port })
    });
    host.ok_or_else(|| Expected::new(french, english))
}

/// For `[ADDR:]PORT`; without an address, the loopback one.
pub fn local_socket(typed: &str) -> Result<SocketAddr, Expected> {
    let french = "un port est attendu, ou une adresse et un port, comme 8080, 0.0.0.0:8080 ou [::1]:8080";
    let english = "a port is expected, or an address and a port, as 8080, 0.0.0.0:8080 or [::1]:8080";
    let here = || typed.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    typed.parse().ok().or_else(here).ok_or_else(|| Expected::new(french, english))
}

/// `None` for 0 seconds.
pub fn timeout(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
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
        ] {
            assert!(host(typed).is_err(), "{typed}");
        }
    }
}
