//! The names under which browsers may reach the web listener. Pure.
//!
//! A page of another site must not act in the name of its visitor here. Two headers tell it apart:
//! Host shows the name that the browser resolved, Origin the site whose page asks.

use std::net::{Ipv4Addr, Ipv6Addr};
use std::str::FromStr;

use tungstenite::http::Uri;

use super::proxies::Proxies;

#[derive(Clone, Debug, Default)]
pub struct Site {
    /// The host name, with or without a domain; empty if unknown.
    pub machine: String,
    /// Of `--origin`: where browsers find the page, if not at an own name and by plain HTTP.
    pub origins: Vec<Origin>,
    /// Of `--trusted-proxy`.
    pub proxies: Proxies,
}

/// An origin as a browser writes it (RFC 6454, 6.2): lower case, without the scheme's default port;
/// here without the dot of the DNS root as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    /// `https://chat.example.org:8443`
    text: String,
    /// The name in it, without the port.
    host: String,
}

/// Not the URL of a site: another scheme, no host, or one that no browser sends.
#[derive(Debug)]
pub struct InvalidOrigin;

impl FromStr for Origin {
    type Err = InvalidOrigin;

    /// Parses a URL, of which path and query do not count.
    fn from_str(url: &str) -> Result<Origin, InvalidOrigin> {
        let uri: Uri = url.to_ascii_lowercase().parse().map_err(|_| InvalidOrigin)?;
        let default_port = match uri.scheme_str() {
            Some("http") => 80,
            Some("https") => 443,
            _ => return Err(InvalidOrigin),
        };
        let authority = uri.authority().ok_or(InvalidOrigin)?;
        let (host, port) = host_and_port(authority.as_str()).ok_or(InvalidOrigin)?;
        let port = port.filter(|&port| port != default_port).map_or(String::new(), |port| format!(":{port}"));
        Ok(Origin { text: format!("{}://{host}{port}", uri.scheme_str().unwrap_or_default()), host })
    }
}

impl Site {
    /// Checks a Host header (RFC 9110, 7.2), of any port: a forwarder or a proxy may have another
    /// one than the listener. Only names that no other site can own are accepted: an IP address,
    /// `localhost`, this machine's name, its first label, that label under `.local`, and the names
    /// of `--origin`. The label under another domain is refused: the owner of that domain could
    /// make it resolve here (DNS rebinding).
    pub(super) fn accepts_host(&self, host: &str) -> bool {
        let Some((name, _)) = host_and_port(host) else { return false };
        let is_address = name.starts_with('[') || name.parse::<Ipv4Addr>().is_ok();
        let machine = self.machine.to_ascii_lowercase();
        let own = machine.split('.').next().unwrap_or_default();
        let is_name = name == "localhost"
            || name.ends_with(".localhost")
            || !own.is_empty() && (name == machine || name.strip_suffix(".local").unwrap_or(&name) == own);
        is_address || is_name || self.origins.iter().any(|origin| origin.host == name)
    }

    /// Checks the origin of a request to `host`, which was accepted: that host by HTTP, or one of
    /// `--origin`. The port counts: another server of this machine is another site.
    pub(super) fn accepts_origin(&self, origin: &[u8], host: &str) -> bool {
        let own = format!("http://{}", host.strip_suffix(":80").unwrap_or(host));
        let parsed = str::from_utf8(origin).ok().and_then(|origin| origin.parse().ok());
        origin.eq_ignore_ascii_case(own.as_bytes())
            || parsed.is_some_and(|named| self.origins.contains(&named))
    }
}

/// Splits `name:port`, and brings the name into one form: lower case, no dot of the DNS root
/// (RFC 3986, 3.2.2), an IPv6 address in its shortest form, in brackets. `None` where a browser
/// sends no such name, or the port is no number.
fn host_and_port(authority: &str) -> Option<(String, Option<u16>)> {
    let (host, port) = match authority.rsplit_once(':') {
        // A colon inside brackets belongs to an IPv6 address.
        Some((host, port)) if !port.ends_with(']') => (host, Some(port)),
        _ => (authority, None),
    };
    let digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|&number| number > 0 && digits(port))?),
        None => None,
    };
    if let Some(address) = host.strip_prefix('[') {
        let address: Ipv6Addr = address.strip_suffix(']')?.parse().ok()?;
        return Some((format!("[{address}]"), port));
    }
    let name = host.strip_suffix('.').unwrap_or(host).to_ascii_lowercase();
    let is_label = |label: &str| {
        !label.is_empty() && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
    };
    let is_name = name.split('.').all(is_label);
    // A browser takes a name whose last label is a number for an IPv4 address (URL standard, 3.5).
    let is_number = name.rsplit('.').next().is_some_and(digits);
    (is_name && (!is_number || name.parse::<Ipv4Addr>().is_ok())).then_some((name, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(machine: &str, origins: &[&str]) -> Site {
        let origins = origins.iter().map(|url| url.parse().expect("an origin")).collect();
        Site { machine: machine.to_string(), origins, ..Site::default() }
    }

    #[test]
    fn only_hosts_that_no_other_site_can_own_are_accepted() {
        #[rustfmt::skip]
        let hosts: [(&str, bool, &[&str]); 4] = [
            ("Salle-12", true, &[
                "127.0.0.1", "192.168.1.7", "[::1]", "LocalHost", "chat.localhost", "salle-12", "SALLE-12.local",
                "localhost.", "salle-12.",
            ]),
            ("Salle-12", false, &[
                "", "evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "xlocalhost", "salle-12.evil.example",
                "salle-12.evil.example.", "localhost..", ".", ".local", "[evil]", "user@localhost",
            ]),
            ("salle-12.univ.fr", true, &["salle-12", "salle-12.univ.fr", "Salle-12.Univ.fr.", "salle-12.local"]),
            ("salle-12.univ.fr", false, &[
                "univ.fr", "salle-12.evil.example", "salle-12.univ.fr.evil.example", "salle-12.univ.fr.local",
            ]),
        ];
        for (machine, expected, hosts) in hosts {
            for host in hosts {
                // The port of a forwarder, or of a proxy, is another one.
                for port in ["", ":80", ":8080", ":9000"] {
                    let accepted = site(machine, &[]).accepts_host(&format!("{host}{port}"));
                    assert_eq!(accepted, expected, "{host}{port} of {machine}");
                }
            }
        }
        for host in ["localhost:", "localhost:8080x", "localhost:65536", "localhost:80:80", "localhost:0"] {
            assert!(!site("salle-12", &[]).accepts_host(host), "{host}");
        }
        assert!(!site("", &[]).accepts_host(".local"));
    }

    #[test]
    fn the_names_of_origins_are_accepted_as_hosts() {
        let named = site("", &["https://Chat.example.org/salle/", "http://chat_backend"]);
        for host in ["chat.example.org", "chat.example.org:8443", "CHAT.example.org.", "chat_backend"] {
            assert!(named.accepts_host(host), "{host}");
        }
        for host in ["example.org", "evil.example", "chat.example.org.evil.example", "xchat.example.org"] {
            assert!(!named.accepts_host(host), "{host}");
        }
    }

    #[test]
    fn an_origin_is_the_hosts_own_or_a_named_one() {
        let named = site(
            "",
            &[
                "https://chat.example.org:443/salle",
                "http://[0::1]:9000",
                "https://xn--caf-dma.example.:0443",
            ],
        );
        for (origin, host, expected) in [
            ("http://localhost:9000", "localhost:9000", true),
            ("HTTP://LOCALHOST", "localhost:80", true),
            ("http://localhost", "localhost", true),
            ("http://localhost:3000", "localhost:8080", false),
            ("http://localhost", "localhost:8080", false),
            ("https://localhost", "localhost", false),
            ("https://chat.example.org", "127.0.0.1:8080", true),
            ("https://chat.example.org", "localhost", true),
            ("https://chat.example.org:8443", "localhost", false),
            ("https://evil.example", "chat.example.org", false),
            ("http://[::1]:9000", "127.0.0.1:8080", true),
            ("https://chat.example.org.", "127.0.0.1:8080", true),
            ("https://xn--caf-dma.example", "127.0.0.1:8080", true),
            ("null", "localhost", false),
            ("", "localhost", false),
        ] {
            assert_eq!(named.accepts_origin(origin.as_bytes(), host), expected, "{origin} at {host}");
        }
    }

    #[test]
    fn an_origin_is_parsed_from_a_url() {
        for (url, text, host) in [
            ("https://chat.example.org", "https://chat.example.org", "chat.example.org"),
            ("HTTPS://Chat.Example.org:443/chat/?x#y", "https://chat.example.org", "chat.example.org"),
            ("http://localhost:9000/", "http://localhost:9000", "localhost"),
            ("http://[::1]:80", "http://[::1]", "[::1]"),
            ("http://[0:0::1]:080", "http://[::1]", "[::1]"),
            ("https://chat.example.org:0443", "https://chat.example.org", "chat.example.org"),
            ("https://chat.example.org.:08443/", "https://chat.example.org:8443", "chat.example.org"),
            ("http://10.0.0.7:443", "http://10.0.0.7:443", "10.0.0.7"),
            ("http://[::1]", "http://[::1]", "[::1]"),
        ] {
            let expected = Origin { text: text.to_string(), host: host.to_string() };
            assert_eq!(url.parse::<Origin>().ok(), Some(expected), "{url}");
        }
        #[rustfmt::skip]
        let refused = [
            "", "chat.example.org", "ftp://x", "wss://x", "https://", "https://u@x", "/chat", "null", "*", "https://x:y", "https://x:+8",
            "https://x:65536", "https://*", "https://*.example.org", "https://café.example", "https://caf%C3%A9.example", "https://.",
            "http://[::1", "http://[fe80::1%25eth0]:8080", "http://127.1", "http://192.168.1.256", "http://a..b", "http://.a", "https://x:0",
        ];
        for url in refused {
            assert!(url.parse::<Origin>().is_err(), "{url}");
        }
    }
}
