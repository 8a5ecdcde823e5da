//! What the hub answers to a request of a browser. A child asks for an answer by its number: no byte of it comes from there.

use data_encoding::BASE64;
use sha2::{Digest, Sha256};

use crate::sys::dontfork_vec;

/// The page: one file, which asks for no other.
const PAGE: &str = include_str!("page.html");

/// Added to an answer's number: its head is all that is wanted.
const HEAD_ALONE: u8 = 0x80;

/// Which answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Response {
    /// The page.
    Page = 1,
    /// There is no icon, and no harm in that.
    NoIcon,
    /// This is no HTTP/1.1.
    Malformed,
    /// The request was made to another host's name, or to another port: DNS rebinding.
    ForeignHost,
    /// A page of another site asks.
    ForeignOrigin,
    /// There is nothing of this name.
    Unknown,
    /// Nothing is done here but GET and HEAD.
    OnlyGet,
    /// The head of the request did not come in time.
    TooSlow,
    /// This is the room, which is a WebSocket of version 13.
    OnlyWebSocket,
    /// The head of the request has too many bytes, or too many lines.
    TooLarge,
}

const ALL: [Response; 10] = [
    Response::Page,
    Response::NoIcon,
    Response::Malformed,
    Response::ForeignHost,
    Response::ForeignOrigin,
    Response::Unknown,
    Response::OnlyGet,
    Response::TooSlow,
    Response::OnlyWebSocket,
    Response::TooLarge,
];

impl Response {
    /// The answer of this number, and whether its head is all that is wanted.
    pub fn numbered(number: u8) -> Option<(Response, bool)> {
        let answer = ALL.into_iter().find(|&answer| answer as u8 == number & !HEAD_ALONE)?;
        Some((answer, number & HEAD_ALONE != 0))
    }

    /// Its number, and what is wanted of it.
    pub fn number(self, head_alone: bool) -> u8 {
        self as u8 | if head_alone { HEAD_ALONE } else { 0 }
    }

    /// Its status line's end: RFC 9110, 15; RFC 6585, 5.
    pub fn status(self) -> &'static str {
        match self {
            Response::Page => "200 OK",
            Response::NoIcon => "204 No Content",
            Response::Malformed => "400 Bad Request",
            Response::ForeignHost | Response::ForeignOrigin => "403 Forbidden",
            Response::Unknown => "404 Not Found",
            Response::OnlyGet => "405 Method Not Allowed",
            Response::TooSlow => "408 Request Timeout",
            Response::OnlyWebSocket => "426 Upgrade Required",
            Response::TooLarge => "431 Request Header Fields Too Large",
        }
    }

    /// What it says, in words.
    fn text(self) -> &'static str {
        match self {
            Response::Page | Response::NoIcon => "",
            Response::Malformed => {
                "requête incompréhensible : HTTP/1.1 est attendu, avec un seul en-tête Host"
            }
            Response::ForeignHost => {
                "l'en-tête Host n'est pas une adresse de ce serveur : ouvrez la page par une adresse IP, par localhost ou \
                 par le nom de cette machine, avec son port"
            }
            Response::ForeignOrigin => {
                "l'en-tête Origin est celui d'un autre site : seule la page de ce serveur entre ici"
            }
            Response::Unknown => "rien ici de ce nom : la page est /, la salle /room",
            Response::OnlyGet => "rien d'autre que GET et HEAD ici",
            Response::TooSlow => "la requête n'est pas arrivée à temps",
            Response::OnlyWebSocket => "la salle est un WebSocket (RFC 6455), version 13",
            Response::TooLarge => "requête trop longue",
        }
    }

    /// Header lines that this answer alone has: RFC 9110, 15.5.6 and 15.5.22; RFC 6455, 4.4.
    fn headers(self) -> &'static str {
        match self {
            Response::OnlyGet => "Allow: GET, HEAD\r\n",
            Response::OnlyWebSocket => "Upgrade: websocket\r\nSec-WebSocket-Version: 13\r\n",
            _ => "",
        }
    }
}

/// All answers.
#[derive(Debug)]
pub struct Responses {
    /// What a browser lets the page do: run its own script, in its own style, and talk to where it came from.
    policy: String,
}

impl Responses {
    /// Reads the page, so that the policy is always that of this page.
    pub fn of_the_page() -> Responses {
        let (script, style) = (hash_of(PAGE, "script"), hash_of(PAGE, "style"));
        let policy = format!(
            "default-src 'none'; script-src '{script}'; style-src '{style}'; connect-src 'self'; img-src data:; \
             base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
        );
        Responses { policy }
    }

    /// The bytes of an answer, or those of its head alone, after which the connection ends.
    pub fn bytes(&self, answer: Response, head_alone: bool) -> Vec<u8> {
        let mut bytes = self.whole(answer);
        if head_alone {
            let head = bytes.windows(4).position(|end| end == b"\r\n\r\n").map_or(bytes.len(), |at| at + 4);
            bytes.truncate(head);
        }
        bytes
    }

    fn whole(&self, answer: Response) -> Vec<u8> {
        match answer {
            Response::Page => self.http(answer.status(), "", "text/html", PAGE),
            Response::NoIcon => self.http(answer.status(), "", "", ""),
            _ => self.http(answer.status(), answer.headers(), "text/plain", &format!("{}\n", answer.text())),
        }
    }

    /// The bytes for a visitor that is not let in.
    pub fn refusal(&self, reason: &str) -> Vec<u8> {
        self.http("503 Service Unavailable", "", "text/plain", &format!("{reason}\n"))
    }

    /// In a block of its own: the page is large, and what the hub writes on the heap, the children before would pay for.
    fn http(&self, status: &str, headers: &str, kind: &str, body: &str) -> Vec<u8> {
        let (policy, length) = (&self.policy, body.len());
        let content = match kind {
            // RFC 9110, 8.6: 204 has no length.
            "" => String::new(),
            _ => format!("Content-Type: {kind}; charset=utf-8\r\nContent-Length: {length}\r\n"),
        };
        let head = format!(
            "HTTP/1.1 {status}\r\n{content}{headers}Connection: close\r\nContent-Security-Policy: {policy}\r\n\
             X-Content-Type-Options: nosniff\r\nReferrer-Policy: no-referrer\r\nCache-Control: no-store\r\n\r\n"
        );
        let mut bytes = dontfork_vec();
        bytes.extend_from_slice(head.as_bytes());
        bytes.extend_from_slice(body.as_bytes());
        bytes
    }
}

/// The way into the room, for the key's `accept` value: RFC 6455, 4.2.2.
pub fn upgraded(accept: &str) -> Vec<u8> {
    format!(
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
         Sec-WebSocket-Accept: {accept}\r\n\r\n"
    )
    .into_bytes()
}

/// The hash of the one element `name` of `page`, as a policy names it (CSP level 3, 2.3.1).
fn hash_of(page: &str, name: &str) -> String {
    let inside = page.split_once(&format!("<{name}>")).map_or("", |(_, rest)| rest);
    let inside = inside.split_once(&format!("</{name}>")).map_or("", |(inside, _)| inside);
    format!("sha256-{}", BASE64.encode(&Sha256::digest(inside)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text_of(answer: Response) -> String {
        String::from_utf8(Responses::of_the_page().bytes(answer, false)).unwrap()
    }

    #[test]
    fn the_page_has_one_script_and_one_style_and_nothing_that_the_policy_forbids() {
        for element in ["script", "style"] {
            let bare = format!("<{element}>");
            assert_eq!(PAGE.matches(&format!("<{element}")).count(), 1, "{element}");
            assert_eq!((PAGE.matches(&bare).count(), PAGE.matches(&format!("</{element}>")).count()), (1, 1));
        }
        let markup = PAGE.replace(char::is_whitespace, " ");
        for forbidden in [" style=\"", " onclick=", " onload=", "<link rel=\"stylesheet", "src=\"http"] {
            assert!(!markup.contains(forbidden), "{forbidden}");
        }
    }

    #[test]
    fn the_policy_names_the_hash_of_what_is_inside_an_element() {
        // The empty string's SHA-256, in base64.
        let empty = "sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=";
        assert_eq!(hash_of("<script></script>", "script"), empty);
        assert_ne!(hash_of("<script>\n</script>", "script"), empty);
    }

    #[test]
    fn each_answer_has_a_number_of_its_own_and_ends_the_connection() {
        for answer in ALL {
            for head_alone in [false, true] {
                assert_eq!(Response::numbered(answer.number(head_alone)), Some((answer, head_alone)));
            }
            let text = text_of(answer);
            let (head, body) = text.split_once("\r\n\r\n").unwrap();
            assert!(head.starts_with(&format!("HTTP/1.1 {}\r\n", answer.status())), "{head}");
            for line in ["Connection: close", "X-Content-Type-Options: nosniff", "Cache-Control: no-store"] {
                assert!(head.lines().any(|header| header == line), "{line} in {head}");
            }
            let length = format!("Content-Length: {}", body.len());
            assert!(answer == Response::NoIcon || head.lines().any(|line| line == length), "{head}");
            let alone = Responses::of_the_page().bytes(answer, true);
            assert_eq!(String::from_utf8(alone).unwrap(), format!("{head}\r\n\r\n"));
        }
        assert_eq!((Response::numbered(0), Response::numbered(11)), (None, None));
    }
}
