//! Parses the head of an HTTP request and routes it to the page, the room or an error. Pure.
//!
//! Two checks come before the path. The Host check stops DNS rebinding: a page of another site
//! whose name has been made to resolve to this machine. The Origin check stops a page of another
//! site from opening a WebSocket here: browsers apply no same-origin policy to WebSockets.

use std::net::{Ipv4Addr, Ipv6Addr};

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response};
use tungstenite::http::header::{HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT};

use super::response::Response;

/// Longest head of a request, in bytes.
pub const MAX_HEAD_LEN: usize = 8 * 1024;

const HEAD: &[u8] = b"HEAD ";

/// The names under which browsers may call the web listener.
#[derive(Clone, Debug)]
pub struct Site {
    /// The port it is bound to.
    pub port: u16,
    /// The host name, with or without a domain; empty if unknown.
    pub machine: String,
}

#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    Incomplete,
    Response(Response),
    /// Upgrade to the room: `Sec-WebSocket-Accept`, and the length of the request before frames.
    Enter(String, usize),
}

/// True for a HEAD request, whose response has no content: RFC 9110, 9.3.2.
pub(crate) fn is_head(bytes: &[u8]) -> bool {
    bytes.starts_with(HEAD)
}

/// Routes a request of which `bytes` have arrived.
pub fn route(bytes: &[u8], site: &Site) -> Route {
    let bytes = &bytes[..bytes.len().min(MAX_HEAD_LEN)];
    // tungstenite parses GET alone.
    let head_as_get = bytes.strip_prefix(HEAD).map(|rest| [b"GET ", rest].concat());
    match route_get(head_as_get.as_deref().unwrap_or(bytes), site) {
        Route::Incomplete if bytes.len() == MAX_HEAD_LEN => Route::Response(Response::TooLarge),
        Route::Enter(..) if head_as_get.is_some() => Route::Response(Response::OnlyWebSocket),
        route => route,
    }
}

fn route_get(bytes: &[u8], site: &Site) -> Route {
    match Request::try_parse(bytes) {
        Ok(None) => Route::Incomplete,
        Ok(Some((size, request))) => match check(&request, site) {
            Ok(accept) => Route::Enter(accept, size),
            Err(response) => Route::Response(response),
        },
        Err(Error::Capacity(_)) => Route::Response(Response::TooLarge),
        Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => Route::Response(Response::OnlyGet),
        Err(_) => Route::Response(Response::Malformed),
    }
}

/// Checks Host and Origin, then the path. Returns the accept value for the room.
fn check(request: &Request, site: &Site) -> Result<String, Response> {
    let values = |name: HeaderName| request.headers().get_all(name).iter();
    let mut hosts = values(HOST).map(|host| host.to_str().unwrap_or_default());
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Response::Malformed) };
    // A target in absolute form, as for a proxy, overrides the Host header: RFC 9112, 3.2.2.
    let host = request.uri().authority().map_or(host, |authority| authority.as_str());
    let is_http = request.uri().scheme_str().is_none_or(|scheme| scheme == "http");
    if !is_http || !site.accepts_host(host) {
        return Err(Response::ForeignHost);
    }
    // A browser always sends Origin with a WebSocket request; a student's own program need not.
    let own = format!("http://{host}");
    if !values(ORIGIN).all(|origin| origin.as_bytes().eq_ignore_ascii_case(own.as_bytes())) {
        return Err(Response::ForeignOrigin);
    }
    match request.uri().path() {
        "/" => Err(Response::Page),
        "/favicon.ico" => Err(Response::NoIcon),
        "/room" => accept(request),
        _ => Err(Response::Unknown),
    }
}

/// Checks the upgrade by RFC 6455, 4.2.1. Returns the accept value.
fn accept(request: &Request) -> Result<String, Response> {
    let response = create_response(request).map_err(|error| match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketKey | ProtocolError::InvalidSecWebSocketKey) => {
            Response::Malformed
        }
        _ => Response::OnlyWebSocket,
    })?;
    let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
    accept.map(str::to_string).ok_or(Response::Malformed)
}

impl Site {
    /// Checks a Host header (RFC 9110, 7.2) with the listener's port. Only names that no other site
    /// can own are accepted: an IP address, `localhost`, this machine's name, its first label, and
    /// that label under `.local`. Its label under another domain is refused: the owner of that
    /// domain could make it resolve here (DNS rebinding).
    fn accepts_host(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // A colon inside brackets belongs to an IPv6 address.
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let name = name.to_ascii_lowercase();
        // The dot of the DNS root: RFC 3986, 3.2.2.
        let name = name.strip_suffix('.').unwrap_or(&name);
        let bracketed = name.strip_prefix('[').and_then(|name| name.strip_suffix(']'));
        let is_address = match bracketed {
            Some(address) => address.parse::<Ipv6Addr>().is_ok(),
            None => name.parse::<Ipv4Addr>().is_ok(),
        };
        let machine = self.machine.to_ascii_lowercase();
        let own = machine.split('.').next().unwrap_or_default();
        let is_name = name == "localhost"
            || name.ends_with(".localhost")
            || !own.is_empty() && (name == machine || name.strip_suffix(".local").unwrap_or(name) == own);
        port == Some(self.port) && (is_address || is_name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::visible;

    fn site() -> Site {
        Site { port: 8080, machine: "Salle-12".to_string() }
    }

    fn request(method: &str, target: &str, headers: &str) -> Route {
        route(format!("{method} {target} HTTP/1.1\r\n{headers}\r\n").as_bytes(), &site())
    }

    fn get(target: &str, headers: &str) -> Route {
        request("GET", target, headers)
    }

    const HERE: &str = "Host: localhost:8080\r\n";
    const UPGRADE: &str = "Host: localhost:8080\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    #[test]
    fn each_path_has_its_response() {
        for (path, response) in [
            ("/", Response::Page),
            ("/?x=1", Response::Page),
            ("/favicon.ico", Response::NoIcon),
            ("/room", Response::OnlyWebSocket),
            ("/room/", Response::Unknown),
            ("/../etc/passwd", Response::Unknown),
            ("http://localhost:8080/", Response::Page),
            ("http://127.0.0.1:8080/room", Response::OnlyWebSocket),
            ("http://evil.example/", Response::ForeignHost),
            ("http://evil.example:8080/", Response::ForeignHost),
            ("http://localhost:8080@evil.example:8080/", Response::ForeignHost),
            ("https://localhost:8080/", Response::ForeignHost),
        ] {
            assert_eq!(get(path, HERE), Route::Response(response), "{path}");
        }
    }

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        let expected = Route::Enter("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_string(), 20 + UPGRADE.len() + 2);
        assert_eq!(get("/room", UPGRADE), expected);
    }

    #[test]
    fn head_is_routed_like_get_but_not_upgraded() {
        let head = |target: &str, headers: &str| request("HEAD", target, headers);
        assert_eq!(head("/", HERE), Route::Response(Response::Page));
        assert_eq!(head("/room", UPGRADE), Route::Response(Response::OnlyWebSocket));
        assert_eq!(head("/", "Host: evil.example\r\n"), Route::Response(Response::ForeignHost));
        let long = format!("HEAD / HTTP/1.1\r\nA: {}", "b".repeat(MAX_HEAD_LEN));
        assert_eq!(route(&long.as_bytes()[..MAX_HEAD_LEN], &site()), Route::Response(Response::TooLarge));
        assert_eq!(route(&long.as_bytes()[..MAX_HEAD_LEN - 1], &site()), Route::Incomplete);
        assert!(is_head(long.as_bytes()) && !is_head(b"HEADER ") && !is_head(b"HEAD"));
    }

    #[test]
    fn an_incomplete_upgrade_is_refused() {
        for (part, other, error) in [
            (": websocket", ": h2c", Response::OnlyWebSocket),
            ("Connection", "X", Response::OnlyWebSocket),
            ("13", "8", Response::OnlyWebSocket),
            ("keep-alive, Upgrade", "close", Response::OnlyWebSocket),
            ("dGhl", "", Response::Malformed),
            ("==", "=a", Response::Malformed),
            ("-Key", "-X", Response::Malformed),
        ] {
            assert_eq!(get("/room", &UPGRADE.replace(part, other)), Route::Response(error), "{part} {other}");
        }
    }

    #[test]
    fn only_hosts_that_no_other_site_can_own_are_accepted() {
        let is_accepted = |machine: &str, host: &str| {
            Site { port: 8080, machine: machine.to_string() }.accepts_host(&format!("{host}:8080"))
        };
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
                assert_eq!(is_accepted(machine, host), expected, "{host} of {machine}");
            }
        }
        for host in ["", "localhost", "localhost:80", "localhost:", "localhost:8080x", "[::1]"] {
            assert!(!site().accepts_host(host), "{host}");
        }
        let on_80 = Site { port: 80, machine: String::new() };
        assert!(on_80.accepts_host("localhost") && on_80.accepts_host("[::1]"));
        assert!(!on_80.accepts_host(".local"));
    }

    #[test]
    fn only_our_own_origin_or_none_is_accepted() {
        let with = |origin: &str| get("/room", &format!("{UPGRADE}{origin}"));
        assert!(matches!(with("Origin: http://localhost:8080\r\n"), Route::Enter(..)));
        for origin in ["http://evil.example", "null", "https://localhost:8080", "http://127.0.0.1:8080", ""] {
            let refused = Route::Response(Response::ForeignOrigin);
            assert_eq!(with(&format!("Origin: {origin}\r\n")), refused, "{origin}");
        }
        let both = "Origin: http://localhost:8080\r\nOrigin: http://evil.example\r\n";
        assert_eq!(with(both), Route::Response(Response::ForeignOrigin));
    }

    #[test]
    fn invalid_requests_get_their_error() {
        let many = format!("GET / HTTP/1.1\r\n{}\r\n", "A: b\r\n".repeat(200));
        let long = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(MAX_HEAD_LEN));
        for (bytes, error) in [
            (&b"\x16\x03\x01\x02\0\x01"[..], Response::Malformed),
            (b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", Response::Malformed),
            (b"GET / HTTP/1.0\r\nHost: localhost:8080\r\n\r\n", Response::Malformed),
            (b"GET / HTTP/1.1\r\n\r\n", Response::Malformed),
            (b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost:8080\r\n\r\n", Response::Malformed),
            (b"POST / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n", Response::OnlyGet),
            (many.as_bytes(), Response::TooLarge),
            (long.as_bytes(), Response::TooLarge),
        ] {
            assert_eq!(route(bytes, &site()), Route::Response(error), "{}", visible(bytes));
        }
        assert_eq!(route(b"GET / HTTP/1.1\r\nHost: localhost:80", &site()), Route::Incomplete);
        assert_eq!(route(&long.as_bytes()[..MAX_HEAD_LEN - 1], &site()), Route::Incomplete);
    }
}
