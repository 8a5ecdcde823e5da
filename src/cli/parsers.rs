//! Value parsers. Their error holds both texts: one is chosen where the language is known.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr, SocketAddrV6};
use std::str::FromStr;
use std::time::Duration;

use nix::net::if_::if_nametoindex;

use super::Language;

/// The reason of a refusal, in French and in English. `{port}`: the program's default port.
#[derive(Clone, Debug)]
pub struct Expected(String, String);

impl Expected {
    pub(super) fn new(french: impl Into<String>, english: impl Into<String>) -> Expected {
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
        // "+5" is no number.
        let digits = typed.bytes().all(|byte| byte.is_ascii_digit()).then_some(typed);
        let number = digits.and_then(|digits| digits.parse().ok());
        let number = number.filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or_else(|| {
            Expected::new(
                format!("un nombre de {least} à {most} est attendu"),
                format!("a number from {least} to {most} is expected"),
            )
        })
    }
}

/// For `--bind`: a [`scoped_address`], or a hint where a port is given with it or instead.
pub(super) fn bind_address(typed: &str) -> Result<SocketAddr, Expected> {
    let is_with_port = typed.split_once('%').is_some_and(|(_, interface)| interface.contains(':'));
    match is_with_port || local_socket(typed).is_ok() {
        true => Err(Expected::new(
            "le port se donne à part, par --port, comme --bind ::1 --port {port}",
            "the port is given apart, by --port, as --bind ::1 --port {port}",
        )),
        false => scoped_address(typed).and_then(to_listen_on),
    }
}

/// Refuses the addresses that bind(2) takes and no client can connect to.
fn to_listen_on(address: SocketAddr) -> Result<SocketAddr, Expected> {
    match address.ip().is_multicast() || address.ip() == Ipv4Addr::BROADCAST {
        true => Err(Expected::new(
            "aucun client ne peut s'y connecter ; une adresse de cette machine est attendue, comme 127.0.0.1",
            "no client can connect to it; an address of this machine is expected, as 127.0.0.1",
        )),
        false => Ok(address),
    }
}

/// For an address without a port, which is 0 in the result: IPv4, IPv6, `[IPv6]`; an IPv6 address
/// with its interface behind a `%`, by name or number (RFC 4007, section 11). An IPv4 address
/// mapped to IPv6 is the IPv4 address: no socket of IPv6 alone can have it. `fe80::1%eth0:5015` is
/// refused: for the kernel a colon begins an alias, which it drops.
pub(crate) fn scoped_address(typed: &str) -> Result<SocketAddr, Expected> {
    let expected = || {
        let french = "une adresse IPv4 ou IPv6 est attendue, comme 127.0.0.1, ::1 ou fe80::1%eth0";
        let english = "an IPv4 or IPv6 address is expected, as 127.0.0.1, ::1 or fe80::1%eth0";
        Expected::new(french, english)
    };
    let bare = typed.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(typed);
    let Some((address, interface)) = bare.split_once('%') else {
        let address = bare.parse::<IpAddr>().map_err(|_| expected())?.to_canonical();
        let needs_interface = matches!(address, IpAddr::V6(address) if address.is_unicast_link_local());
        return if needs_interface { Err(lacks_interface(address)) } else { Ok((address, 0).into()) };
    };
    let address = address.parse().map_err(|_| expected())?;
    if let Some((interface, port)) = interface.split_once(':') {
        return Err(Expected::new(
            format!("le port se met derrière des crochets, comme [{address}%{interface}]:{port}"),
            format!("a port goes behind brackets, as [{address}%{interface}]:{port}"),
        ));
    }
    let number = interface.parse().ok().or_else(|| if_nametoindex(interface).ok());
    let scope = number.filter(|&number| number > 0).ok_or_else(|| {
        Expected::new(
            format!("aucune interface ne s'appelle « {interface} » (ip link les montre)"),
            format!("no interface is called \"{interface}\" (ip link shows them)"),
        )
    })?;
    Ok(SocketAddrV6::new(address, 0, 0, scope).into())
}

fn lacks_interface(address: IpAddr) -> Expected {
    Expected::new(
        format!("cette adresse ne vaut que sur une interface, à nommer, comme {address}%eth0"),
        format!("this address is one of an interface, to be named, as {address}%eth0"),
    )
}

/// For `[ADDR:]PORT`; without an address, the loopback one. An IPv6 address is in brackets.
pub fn local_socket(typed: &str) -> Result<SocketAddr, Expected> {
    let expected = || {
        let french = "un port est attendu, ou une adresse et un port, comme 8080, 0.0.0.0:8080 ou [::1]:8080";
        let english = "a port is expected, or an address and a port, as 8080, 0.0.0.0:8080 or [::1]:8080";
        Expected::new(french, english)
    };
    let (host, port) = typed.rsplit_once(':').unwrap_or(("127.0.0.1", typed));
    let is_clear = host.starts_with('[') == host.contains(':');
    let mut address = scoped_address(host).ok().filter(|_| is_clear).ok_or_else(expected)?;
    address.set_port(number(0, 65535)(port).map_err(|_| expected())?);
    to_listen_on(address)
}

/// For a type with a parser of its own. Its refusal in French and in English.
pub fn parsed<T: FromStr>(
    french: &'static str,
    english: &'static str,
) -> impl Fn(&str) -> Result<T, Expected> + Clone {
    move |typed: &str| typed.parse().map_err(|_| Expected::new(french, english))
}

/// `None` for 0 seconds.
pub fn timeout(seconds: u64) -> Option<Duration> {
    (seconds > 0).then(|| Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_has_its_interface_where_it_needs_one() {
        for (typed, address) in [
            ("127.0.0.1", Some("127.0.0.1:0")),
            ("::", Some("[::]:0")),
            ("[::1]", Some("[::1]:0")),
            ("fe80::1%7", Some("[fe80::1%7]:0")),
            ("[fe80::1%7]", Some("[fe80::1%7]:0")),
            ("fe80::1", None),
            ("fe80::1%", None),
            ("fe80::1%no-such-one", None),
            ("fe80::1%7:80", None),
            ("fe80::1%0", None),
            ("::ffff:127.0.0.1", Some("127.0.0.1:0")),
            ("[::ffff:0.0.0.0]", Some("0.0.0.0:0")),
            ("127.0.0.1%1", None),
            ("[::1", None),
            ("::1]", None),
            ("localhost", None),
            ("", None),
        ] {
            let found = scoped_address(typed).ok();
            assert_eq!(found.map(|found| found.to_string()).as_deref(), address, "{typed}");
        }
    }

    #[test]
    fn a_port_in_the_place_of_an_address_or_behind_it_is_given_by_port() {
        for (typed, hint) in [
            ("7001", true),
            ("127.0.0.1:7001", true),
            ("[::1]:7001", true),
            ("[fe80::1%7]:7001", true),
            ("fe80::1%7:7001", true),
            ("localhost", false),
            ("::1::2", false),
        ] {
            assert_eq!(bind_address(typed).unwrap_err().0.contains("--port"), hint, "{typed}");
        }
        assert_eq!(bind_address("[::1]").unwrap().to_string(), "[::1]:0");
        for typed in ["224.0.0.1", "239.255.255.255", "ff02::1%7", "ff0e::1", "255.255.255.255"] {
            assert!(bind_address(typed).unwrap_err().0.contains("de cette machine"), "{typed}");
        }
    }

    #[test]
    fn a_local_socket_is_a_port_or_an_address_and_a_port() {
        for (typed, socket) in [
            ("8080", Some("127.0.0.1:8080")),
            ("0.0.0.0:80", Some("0.0.0.0:80")),
            ("[::1]:80", Some("[::1]:80")),
            ("[fe80::1%7]:80", Some("[fe80::1%7]:80")),
            ("::1:80", None),
            ("[127.0.0.1]:80", None),
            (":80", None),
            ("65536", None),
            ("+80", None),
            ("224.0.0.1:80", None),
            ("[::1]", None),
        ] {
            assert_eq!(local_socket(typed).ok().map(|found| found.to_string()).as_deref(), socket, "{typed}");
        }
    }
}
