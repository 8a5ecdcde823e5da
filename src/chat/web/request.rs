//! What a browser asks: the head of an HTTP request, and what is to be done of it. Pure.

use std::net::{Ipv4Addr, Ipv6Addr};

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response};
use tungstenite::http::header::{HOST, HeaderName, ORIGIN, SEC_WEBSOCKET_ACCEPT};

use super::response::Response;

/// The most bytes of a head.
pub const MAX: usize = 8 * 1024;

const HEAD: &[u8] = b"HEAD ";

/// Where the door is, as its visitors may call it.
#[derive(Clone, Debug)]
pub struct Site {
    /// The port that it really has.
    pub port: u16,
    /// This machine's name, with its domain or without.
    pub machine: String,
}

/// What is to be done of a request.
#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    /// Its head is not there yet.
    Incomplete,
    /// It gets this answer, and that is all.
    Response(Response),
    /// It wants into the room and may: the value for `Sec-WebSocket-Accept`. What the client says there begins after so many bytes.
    Enter(String, usize),
}

/// True for a request of what an answer's head would be, without its content: RFC 9110, 9.3.2.
pub fn is_head(bytes: &[u8]) -> bool {
    bytes.starts_with(HEAD)
}

/// Judges what has come of a request.
pub fn route(bytes: &[u8], site: &Site) -> Route {
    let bytes = &bytes[..bytes.len().min(MAX)];
    let Some(rest) = bytes.strip_prefix(HEAD) else { return judge_get(bytes, site) };
    // The library takes GET alone.
    match judge_get(&[b"GET ", rest].concat(), site) {
        Route::Incomplete if bytes.len() == MAX => Route::Response(Response::TooLarge),
        Route::Enter(..) => Route::Response(Response::OnlyWebSocket),
        verdict => verdict,
    }
}

fn judge_get(bytes: &[u8], site: &Site) -> Route {
    match Request::try_parse(bytes) {
        Ok(None) if bytes.len() < MAX => Route::Incomplete,
        Ok(None) => Route::Response(Response::TooLarge),
        Ok(Some((size, request))) => match answer(&request, site) {
            Ok(accept) => Route::Enter(accept, size),
            Err(answer) => Route::Response(answer),
        },
        Err(Error::Capacity(_)) => Route::Response(Response::TooLarge),
        Err(Error::Protocol(ProtocolError::WrongHttpMethod)) => Route::Response(Response::OnlyGet),
        Err(_) => Route::Response(Response::Malformed),
    }
}

/// Who asks is looked at before what is asked for.
fn answer(request: &Request, site: &Site) -> Result<String, Response> {
    let values = |name: HeaderName| request.headers().get_all(name).iter();
    let mut hosts = values(HOST).map(|host| host.to_str().unwrap_or_default());
    let (Some(host), None) = (hosts.next(), hosts.next()) else { return Err(Response::Malformed) };
    // A target that is a whole address (for a proxy) is what counts, and not the header: RFC 9112, 3.2.2.
    let host = request.uri().authority().map_or(host, |authority| authority.as_str());
    let is_http = request.uri().scheme_str().is_none_or(|scheme| scheme == "http");
    if !is_http || !site.is_called(host) {
        return Err(Response::ForeignHost);
    }
    // A browser always tells for which page it opens a WebSocket; a student's own program need not.
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

/// The upgrade, as RFC 6455, 4.2.1 wants it.
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
    /// True when `host` (RFC 9110, 7.2) is one of this machine's names, or any address, with the door's port.
    ///
    /// Whoever owns another name could have it lead here, and a page of that name would then be one of this server: DNS rebinding. An
    /// address leads where it leads, and nobody owns `localhost`. So the machine's name counts whole and by its first part, and not
    /// with another domain.
    fn is_called(&self, host: &str) -> bool {
        let (name, port) = match host.rsplit_once(':') {
            // The colons of an address in brackets are no port's.
            Some((name, port)) if !port.ends_with(']') => (name, port.parse().ok()),
            _ => (host, Some(80)),
        };
        let name = name.to_ascii_lowercase();
        // A name may end with the root's dot: RFC 3986, 3.2.2.
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

    fn site() -> Site {
        Site { port: 8080, machine: "Salle-12".to_string() }
    }

    fn judged(target: &str, headers: &str) -> Route {
        route(format!("GET {target} HTTP/1.1\r\n{headers}\r\n").as_bytes(), &site())
    }

    const HERE: &str = "Host: localhost:8080\r\n";
    const UPGRADE: &str = "Host: localhost:8080\r\nConnection: keep-alive, Upgrade\r\nUpgrade: websocket\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n";

    #[test]
    fn each_path_has_its_answer() {
        for (path, answer) in [
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
            assert_eq!(judged(path, HERE), Route::Response(answer), "{path}");
        }
    }

    #[test]
    fn the_accept_value_is_that_of_the_rfc() {
        let expected = Route::Enter("s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_string(), 20 + UPGRADE.len() + 2);
        assert_eq!(judged("/room", UPGRADE), expected);
    }

    #[test]
    fn head_is_get_without_a_way_into_the_room() {
        let judged = |target: &str, headers: &str| {
            route(format!("HEAD {target} HTTP/1.1\r\n{headers}\r\n").as_bytes(), &site())
        };
        assert_eq!(judged("/", HERE), Route::Response(Response::Page));
        assert_eq!(judged("/room", UPGRADE), Route::Response(Response::OnlyWebSocket));
        assert_eq!(judged("/", "Host: evil.example\r\n"), Route::Response(Response::ForeignHost));
        let long = format!("HEAD / HTTP/1.1\r\nA: {}", "b".repeat(MAX));
        for (bytes, verdict) in
            [(&long[..MAX], Route::Response(Response::TooLarge)), (&long[..MAX - 1], Route::Incomplete)]
        {
            assert_eq!(route(bytes.as_bytes(), &site()), verdict);
        }
        assert!(is_head(long.as_bytes()) && !is_head(b"HEADER ") && !is_head(b"HEAD"));
    }

    #[test]
    fn an_upgrade_that_lacks_something_is_none() {
        let with = |part: &str, other: &str| judged("/room", &UPGRADE.replace(part, other));
        for (part, other) in
            [(": websocket", ": h2c"), ("Connection", "X"), ("13", "8"), ("keep-alive, Upgrade", "close")]
        {
            assert_eq!(with(part, other), Route::Response(Response::OnlyWebSocket), "{other}");
        }
        for (part, other) in [("dGhl", ""), ("==", "=a"), ("-Key", "-X")] {
            assert_eq!(with(part, other), Route::Response(Response::Malformed), "{other}");
        }
    }

    #[test]
    fn only_names_that_nobody_else_owns_lead_here() {
        let called = |host: &str| site().is_called(host);
        for host in [
            "127.0.0.1:8080",
            "192.168.1.7:8080",
            "[::1]:8080",
            "LocalHost:8080",
            "chat.localhost:8080",
            "salle-12:8080",
            "SALLE-12.local:8080",
            "localhost.:8080",
            "salle-12.:8080",
        ] {
            assert!(called(host), "{host}");
        }
        for host in [
            "",
            ":8080",
            "localhost",
            "localhost:80",
            "localhost:",
            "localhost:8080x",
            "evil.example:8080",
            "localhost.evil.example:8080",
            "127.0.0.1.evil.example:8080",
            "xlocalhost:8080",
            "salle-12.evil.example:8080",
            "salle-12.evil.example.:8080",
            "localhost..:8080",
            ".:8080",
            ".local:8080",
            "[::1]",
            "[evil]:8080",
            "user@localhost:8080",
        ] {
            assert!(!called(host), "{host}");
        }
        let with_domain = Site { port: 8080, machine: "salle-12.univ.fr".to_string() };
        for host in ["salle-12", "salle-12.univ.fr", "Salle-12.Univ.fr.", "salle-12.local"] {
            assert!(with_domain.is_called(&format!("{host}:8080")), "{host}");
        }
        for host in
            ["univ.fr", "salle-12.evil.example", "salle-12.univ.fr.evil.example", "salle-12.univ.fr.local"]
        {
            assert!(!with_domain.is_called(&format!("{host}:8080")), "{host}");
        }
        let on_80 = Site { port: 80, machine: String::new() };
        assert!(on_80.is_called("localhost") && on_80.is_called("[::1]") && !on_80.is_called(".local"));
    }

    #[test]
    fn another_sites_page_is_told_from_ours_and_from_no_page() {
        let with = |origin: &str| judged("/room", &format!("{UPGRADE}{origin}"));
        assert!(matches!(with("Origin: http://localhost:8080\r\n"), Route::Enter(..)));
        for origin in ["http://evil.example", "null", "https://localhost:8080", "http://127.0.0.1:8080", ""] {
            let answer = Route::Response(Response::ForeignOrigin);
            assert_eq!(with(&format!("Origin: {origin}\r\n")), answer, "{origin}");
        }
        let both = "Origin: http://localhost:8080\r\nOrigin: http://evil.example\r\n";
        assert_eq!(with(both), Route::Response(Response::ForeignOrigin));
    }

    #[test]
    fn what_is_no_request_of_ours_is_told_so() {
        let judged = |bytes: &[u8]| route(bytes, &site());
        let is = |answer| Route::Response(answer);
        assert_eq!(judged(b"\x16\x03\x01\x02\0\x01"), is(Response::Malformed));
        assert_eq!(judged(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"), is(Response::Malformed));
        assert_eq!(judged(b"GET / HTTP/1.0\r\nHost: localhost:8080\r\n\r\n"), is(Response::Malformed));
        assert_eq!(judged(b"GET / HTTP/1.1\r\n\r\n"), is(Response::Malformed));
        assert_eq!(
            judged(b"GET / HTTP/1.1\r\nHost: a\r\nHost: localhost:8080\r\n\r\n"),
            is(Response::Malformed)
        );
        assert_eq!(judged(b"POST / HTTP/1.1\r\nHost: localhost:8080\r\n\r\n"), is(Response::OnlyGet));
        assert_eq!(judged(b"GET / HTTP/1.1\r\nHost: localhost:80"), Route::Incomplete);
        let many = "A: b\r\n".repeat(200);
        assert_eq!(judged(format!("GET / HTTP/1.1\r\n{many}\r\n").as_bytes()), is(Response::TooLarge));
        let long = format!("GET / HTTP/1.1\r\nA: {}", "b".repeat(MAX));
        assert_eq!(judged(long.as_bytes()), is(Response::TooLarge));
        assert_eq!(judged(&long.as_bytes()[..MAX - 1]), Route::Incomplete);
    }
}
