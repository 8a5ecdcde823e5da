//! Value parsers. Their error holds both texts: one is chosen where the language is known.

use std::fmt::{self, Display};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::str::FromStr;
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

/// For `[ADDR:]PORT`; without an address, the loopback one.
pub fn local_socket(typed: &str) -> Result<SocketAddr, Expected> {
    let french = "un port est attendu, ou une adresse et un port, comme 8080, 0.0.0.0:8080 ou [::1]:8080";
    let english = "a port is expected, or an address and a port, as 8080, 0.0.0.0:8080 or [::1]:8080";
    let here = || typed.parse().ok().map(|port| SocketAddr::new(Ipv4Addr::LOCALHOST.into(), port));
    typed.parse().ok().or_else(here).ok_or_else(|| Expected::new(french, english))
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
