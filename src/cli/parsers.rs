//! Value parsers. Their error is a value, which becomes text where the language is known.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use super::Language;

/// What a value should have been.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Expected {
    /// From the first to the second.
    Number(u64, u64),
    Address,
    /// `[ADDR:]PORT`.
    Socket,
}

impl Expected {
    pub(super) fn in_words(self, language: Language) -> String {
        use Language::{English, French};
        let text = match (self, language) {
            (Expected::Number(least, most), French) => {
                return format!("un nombre de {least} à {most} est attendu");
            }
            (Expected::Number(least, most), English) => {
                return format!("a number from {least} to {most} is expected");
            }
            (Expected::Socket, French) => {
                "un port est attendu, ou une adresse et un port, comme 8080, 0.0.0.0:8080 ou [::1]:8080"
            }
            (Expected::Socket, English) => {
                "a port is expected, or an address and a port, as 8080, 0.0.0.0:8080 or [::1]:8080"
            }
            (Expected::Address, French) => "une adresse IPv4 ou IPv6 est attendue, comme 127.0.0.1 ou ::1",
            (Expected::Address, English) => "an IPv4 or IPv6 address is expected, as 127.0.0.1 or ::1",
        };
        text.to_string()
    }
}

/// Required by clap; the programs print `in_words`.
impl Display for Expected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.in_words(Language::English))
    }
}

impl std::error::Error for Expected {}

/// For whole numbers from `least` to `most`, which `T` can hold.
pub fn number<T: TryFrom<u64>>(least: u64, most: u64) -> impl Fn(&str) -> Result<T, Expected> + Clone {
    move |typed: &str| {
        let number = typed.parse().ok().filter(|number| (least..=most).contains(number));
        number.and_then(|number| T::try_from(number).ok()).ok_or(Expected::Number(least, most))
    }
}

pub fn address(typed: &str) -> Result<IpAddr, Expected> {
    typed.parse().map_err(|_| Expected::Address)
}

/// For `[ADDR:]PORT`; without an address, the loopback one.
pub fn local_socket(typed: &str) -> Result<SocketAddr, Expected> {
    let here = || typed.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    typed.parse().ok().or_else(here).ok_or(Expected::Socket)
}
