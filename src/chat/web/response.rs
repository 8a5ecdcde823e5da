//! The HTTP responses. A child asks the hub for a response by its number and contributes no byte of
//! it, so a compromised child cannot forge one.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::sys::dontfork_vec;

/// Self-contained: the page loads no other file.
const PAGE: &str = include_str!("page.html");

/// Flag in the number of a response: to a HEAD request, without content.
const HEAD_ALONE: u8 = 0x80;

/// Its discriminant is its number on the pipe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    Page = 1,
    NoIcon,
    /// Not HTTP/1.1, or not exactly one Host header.
    Malformed,
    /// The Host header is not an address of this server: DNS rebinding.
    ForeignHost,
    /// The Origin header is of another site.
    ForeignOrigin,
    Unknown,
    OnlyGet,
    /// The head of the request missed its deadline.
    TooSlow,
    /// A request for the room without an upgrade to a WebSocket of version 13.
    OnlyWebSocket,
    /// The head has too many bytes or too many lines.
    TooLarge,
    /// To OPTIONS, by which proxies ask whether the server lives (HAProxy: `option httpchk`).
    Methods,
}

/// Each response in the order of its number, with its status code and reason phrase (RFC 9110, 15;
/// RFC 6585, 5), its extra header lines (RFC 9110, 15.5.6 and 15.5.22; RFC 6455, 4.4), and the
/// content of an error.
#[rustfmt::skip]
const ALL: [(Response, &str, &str, &str); 11] = [
    (Response::Page, "200 OK", "", ""),
    (Response::NoIcon, "204 No Content", "", ""),
    (Response::Malformed, "400 Bad Request", "",
     "requête incompréhensible : HTTP/1.1 est attendu, avec un seul en-tête Host (nginx : proxy_http_version 1.1 ; HAProxy : sans send-proxy)"),
    (Response::ForeignHost, "403 Forbidden", "",
     "l'en-tête Host n'est pas une adresse de ce serveur : ouvrez la page par une adresse IP, par localhost ou \
      par le nom de cette machine ; un autre nom, ou celui d'un proxy, se donne à chat_serveur par --origin http://NOM"),
    (Response::ForeignOrigin, "403 Forbidden", "",
     "l'en-tête Origin est celui d'un autre site : seule la page de ce serveur entre ici ; derrière un proxy, chat_serveur doit \
      savoir où elle est, par --origin et l'adresse que montre le navigateur"),
    (Response::Unknown, "404 Not Found", "", "rien ici de ce nom : la page est à un chemin qui finit par / (à ajouter à l'adresse), la salle à room, à côté"),
    (Response::OnlyGet, "405 Method Not Allowed", "Allow: GET, HEAD, OPTIONS\r\n", "rien d'autre que GET et HEAD ici"),
    (Response::TooSlow, "408 Request Timeout", "", "la requête n'est pas arrivée à temps"),
    (Response::OnlyWebSocket, "426 Upgrade Required", "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
     "la salle est un WebSocket (RFC 6455), version 13"),
    (Response::TooLarge, "431 Request Header Fields Too Large", "",
     "requête trop longue, cookies compris : 8 Kio et 124 en-têtes au plus (nginx : proxy_set_header Cookie \"\")"),
    (Response::Methods, "204 No Content", "Allow: GET, HEAD, OPTIONS\r\n", ""),
];

impl Response {
    pub(crate) fn from_number(number: u8) -> Option<(Response, bool)> {
        let (response, ..) = ALL.get(usize::from(number & !HEAD_ALONE).checked_sub(1)?)?;
        Some((*response, number & HEAD_ALONE != 0))
    }

    pub(crate) fn number(self, head_alone: bool) -> u8 {
        self as u8 | if head_alone { HEAD_ALONE } else { 0 }
    }

    pub(crate) fn status(self) -> &'static str {
        ALL[self as usize - 1].1
    }
}

#[derive(Debug)]
pub(crate) struct Responses {
    /// Content-Security-Policy: the page's script and style by their hashes, its own origin.
    policy: String,
}

impl Responses {
    /// Hashes the page's script and style.
    pub(crate) fn new() -> Responses {
        let (script, style) = (hash_of(PAGE, "script"), hash_of(PAGE, "style"));
        let policy = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Responses { policy }
    }

    /// Encodes a response, after which the connection is to be closed.
    pub(crate) fn bytes(&self, response: Response, head_alone: bool) -> Vec<u8> {
        let (_, status, headers, text) = ALL[response as usize - 1];
        match response {
            Response::Page => self.http(status, "", "text/html", PAGE, head_alone),
            Response::NoIcon | Response::Methods => self.http(status, headers, "", "", head_alone),
            _ => self.http(status, headers, "text/plain", &format!("{text}\n"), head_alone),
        }
    }

    /// 503 with `reason`: over a limit, or no child could be forked.
    pub(crate) fn refusal(&self, reason: &str) -> Vec<u8> {
        self.http("503 Service Unavailable", "", "text/plain", &format!("{reason}\n"), false)
    }

    /// In a [`dontfork_vec`], since the page is large.
    fn http(&self, status: &str, headers: &str, kind: &str, body: &str, head_alone: bool) -> Vec<u8> {
        let (policy, length) = (&self.policy, body.len());
        let content = match kind {
            // No Content-Length in a 204: RFC 9110, 8.6.
            "" => String::new(),
            _ => format!("Content-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n"),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\n{content}{headers}Connection: close\r\nContent-Security-Policy: {policy}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\r\n"
        );
        let mut bytes = dontfork_vec();
        bytes.extend_from_slice(head.as_bytes());
        if !head_alone {
            bytes.extend_from_slice(body.as_bytes());
        }
        bytes
    }
}

/// The response to an upgrade, with the accept value for its key: RFC 6455, 4.2.2.
pub(crate) fn upgraded(accept: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// The hash source (CSP level 3, 2.3.1) for the content of the only element `name` of `page`.
fn hash_of(page: &str, name: &str) -> String {
    let inside = page.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
    let inside = inside.split_once(&format!("</{name}>")).map_or("", |(inside, _)| inside);
    format!("sha256-{}", BASE64.encode(&Sha256::digest(inside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_page_has_one_script_one_style_and_nothing_the_policy_forbids() {
        for element in ["script", "style"] {
            for tag in [format!("<{element}"), format!("<{element}>"), format!("</{element}>")] {
                assert_eq!(PAGE.matches(&tag).count(), 1, "{tag}");
            }
        }
        let markup = PAGE.replace(char::is_whitespace, " ");
        for forbidden in [" style=\"", " onclick=", " onload=", "<link rel=\"stylesheet", "src=\"http"] {
            assert!(!markup.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_policy_has_the_hash_of_an_elements_content() {
        // The empty string's SHA-256, in base64.
        let empty = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(hash_of("<script></script>", "script"), empty);
        assert_ne!(hash_of("<script>\n</script>", "script"), empty);
    }

    #[test]
    fn each_response_has_its_number_and_closes_the_connection() {
        let responses = Responses::new();
        let encoded =
            |response, head_alone| String::from_utf8(responses.bytes(response, head_alone)).unwrap();
        for (at, (response, status, ..)) in ALL.into_iter().enumerate() {
            assert_eq!(usize::from(response.number(false)), at + 1, "{response:?}");
            for head_alone in [false, true] {
                assert_eq!(Response::from_number(response.number(head_alone)), Some((response, head_alone)));
            }
            let text = encoded(response, false);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {status}\r\n")), "{head}");
            for line in ["Connection: close", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"] {
                assert!(head.lines().any(|header| header == line), "{line} in {head}");
            }
            let length = format!("Content-Length: {}", body.len());
            // RFC 9110, 8.6: 204 has no length.
            assert!(status.starts_with("204") || head.lines().any(|line| line == length), "{head}");
            assert_eq!(encoded(response, true), format!("{head}\r\n\r\n"));
        }
        assert_eq!((Response::from_number(0), Response::from_number(12)), (None, None));
    }
}
