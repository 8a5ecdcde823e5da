//! Parses the head of an HTTP request and routes it to the page, the room or an error. Pure.
//!
//! Two checks come before the path. The Host check stops DNS rebinding: a page of another site
//! whose name has been made to resolve to this machine. The Origin check stops a page of another
//! site from opening a WebSocket here: browsers apply no same-origin policy to WebSockets.

use std::net::IpAddr;

use tungstenite::error::{Error, ProtocolError};
use tungstenite::handshake::machine::TryParse;
use tungstenite::handshake::server::{Request, create_response};
use tungstenite::http::header::{
    CONNECTION, HOST, HeaderName, HeaderValue, ORIGIN, SEC_WEBSOCKET_ACCEPT, UPGRADE,
};

use super::response::Response;
pub use super::site::Site;

/// Longest head of a request, in bytes.
pub const MAX_HEAD_LEN: usize = 8 * 1024;

const HEAD: &[u8] = b"HEAD ";

/// Written by proxies; no standard has it, all of them do.
const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

#[derive(Debug, PartialEq, Eq)]
pub enum Route {
    Incomplete,
    Response(Response),
    Enter(Entry),
}

/// An upgrade to the room.
#[derive(Debug, PartialEq, Eq)]
pub struct Entry {
    /// The value of `Sec-WebSocket-Accept`.
    pub accept: String,
    /// The length of the request; frames follow it.
    pub size: usize,
    /// The client that `X-Forwarded-For` tells. It counts only where the peer is a trusted proxy.
    pub forwarded: Option<IpAddr>,
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
            Ok(accept) => Route::Enter(Entry { accept, size, forwarded: forwarded(&request, site) }),
            Err(response) => Route::Response(response),
        },
        Err(Error::Capacity(_)) => Route::Response(Response::TooLarge),
        // Of any Host: it tells nothing, and a browser takes nothing from it.
        Err(Error::Protocol(ProtocolError::WrongHttpMethod)) if bytes.starts_with(b"OPTIONS ") => {
            Route::Response(Response::Methods)
        }
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
    // A browser always sends Origin with a WebSocket request; a student's own program need not. A
    // page whose WebSocket was refused asks for the reason by a GET, which has no Origin: it says
    // its own in the query.
    let told = request.uri().query().and_then(|query| query.strip_prefix("origin="));
    let mut origins = values(ORIGIN).map(|origin| origin.as_bytes()).chain(told.map(str::as_bytes));
    if !origins.all(|origin| site.accepts_origin(origin, host)) {
        return Err(Response::ForeignOrigin);
    }
    // A proxy may put the page under a prefix, and leave that in the target or not.
    match request.uri().path().rsplit('/').next() {
        Some("") => Err(Response::Page),
        Some("favicon.ico") => Err(Response::NoIcon),
        Some("room") => accept(request),
        _ => Err(Response::Unknown),
    }
}

fn forwarded(request: &Request, site: &Site) -> Option<IpAddr> {
    let values = request.headers().get_all(FORWARDED_FOR).iter();
    // An unreadable value is malformed.
    site.proxies
        .client(values.map(|value| value.to_str().unwrap_or_default()).collect::<Vec<_>>().into_iter())
}

/// Checks the upgrade by RFC 6455, 4.2.1. Returns the accept value.
fn accept(request: &Request) -> Result<String, Response> {
    let mut request = request.clone();
    // tungstenite reads the first line of each, and of Upgrade takes one protocol alone.
    for (name, wanted) in [(CONNECTION, "Upgrade"), (UPGRADE, "websocket")] {
        if lists(&request, &name, wanted) {
            request.headers_mut().insert(name, HeaderValue::from_static(wanted));
        }
    }
    let response = create_response(&request).map_err(|error| match error {
        Error::Protocol(ProtocolError::MissingSecWebSocketKey | ProtocolError::InvalidSecWebSocketKey) => {
            Response::Malformed
        }
        _ => Response::OnlyWebSocket,
    })?;
    let accept = response.headers().get(SEC_WEBSOCKET_ACCEPT).and_then(|value| value.to_str().ok());
    accept.map(str::to_string).ok_or(Response::Malformed)
}

/// True if a list, of one line or several, has the member `wanted`: RFC 9110, 5.3 and 5.6.1.
fn lists(request: &Request, name: &HeaderName, wanted: &str) -> bool {
    let values = request.headers().get_all(name).iter().filter_map(|value| value.to_str().ok());
    values.flat_map(|value| value.split(',')).any(|member| member.trim().eq_ignore_ascii_case(wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::text::visible;

    fn site() -> Site {
        Site { machine: "Salle-12".to_string(), ..Site::default() }
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
            ("/chat/", Response::Page),
            ("/chat/room", Response::OnlyWebSocket),
            ("/chat", Response::Unknown),
            ("/rooms", Response::Unknown),
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
        let accept = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=".to_string();
        let entry = Entry { accept, size: 20 + UPGRADE.len() + 2, forwarded: None };
        assert_eq!(get("/room", UPGRADE), Route::Enter(entry));
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
    fn a_list_may_have_several_lines_and_other_members() {
        for (part, other) in [
            ("keep-alive, Upgrade", "keep-alive\r\nConnection: Upgrade"),
            ("keep-alive, Upgrade", "Upgrade\r\nConnection: keep-alive"),
            ("keep-alive, Upgrade", "keep-alive,\tupgrade ,"),
            (": websocket", ": h2c, WebSocket"),
            (": websocket", ": h2c\r\nUpgrade: websocket"),
        ] {
            let route = get("/room", &UPGRADE.replace(part, other));
            assert!(matches!(route, Route::Enter(..)), "{other}: {route:?}");
        }
    }

    #[test]
    fn an_incomplete_upgrade_is_refused() {
        for (part, other, error) in [
            (": websocket", ": h2c", Response::OnlyWebSocket),
            (": websocket", ": h2c, websocket2", Response::OnlyWebSocket),
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
    fn only_our_own_origin_or_none_is_accepted() {
        let with = |origin: &str| get("/room", &format!("{UPGRADE}{origin}"));
        assert!(matches!(with("Origin: http://localhost:8080\r\n"), Route::Enter(..)));
        // A forwarder from another port.
        let (upgrade, origin) = (UPGRADE.replace("8080", "9000"), "Origin: http://localhost:9000\r\n");
        assert!(matches!(get("/room", &format!("{upgrade}{origin}")), Route::Enter(..)));
        for origin in ["http://evil.example", "null", "https://localhost:8080", "http://127.0.0.1:8080", ""] {
            let refused = Route::Response(Response::ForeignOrigin);
            assert_eq!(with(&format!("Origin: {origin}\r\n")), refused, "{origin}");
        }
        let both = "Origin: http://localhost:8080\r\nOrigin: http://evil.example\r\n";
        assert_eq!(with(both), Route::Response(Response::ForeignOrigin));
    }

    #[test]
    fn a_page_that_asks_why_gets_the_answer_of_its_origin() {
        for (query, response) in [
            ("origin=http://localhost:8080", Response::OnlyWebSocket),
            ("origin=https://chat.example.org", Response::ForeignOrigin),
            ("origin=", Response::ForeignOrigin),
            ("x=y", Response::OnlyWebSocket),
        ] {
            assert_eq!(get(&format!("/room?{query}"), HERE), Route::Response(response), "{query}");
        }
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
