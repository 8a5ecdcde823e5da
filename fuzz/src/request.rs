//! The web listener's requests. Input: the head of a browser's request.

use forklab::chat::web::request::{Entry, MAX_HEAD_LEN, Route, Site, route};
use forklab::chat::web::response::Response;
use forklab::hub::entry::is_accept;

/// More bytes do not change a route, and it is found within the limit. A request that enters the
/// room asks for an upgrade, with the Host and Origin of this listener.
pub fn holds(bytes: &[u8]) {
    let site = Site { machine: "salle-12".to_string(), ..Site::default() };
    let verdict = route(bytes, &site);
    let decided = (0..=bytes.len()).find(|&end| route(&bytes[..end], &site) != Route::Incomplete);
    match decided {
        None => assert!(verdict == Route::Incomplete && bytes.len() < MAX_HEAD_LEN),
        Some(end) => {
            assert!(end <= MAX_HEAD_LEN);
            assert_eq!(route(&bytes[..end], &site), verdict);
        }
    }
    let head = String::from_utf8_lossy(&bytes[..decided.unwrap_or(0)]).to_ascii_lowercase();
    let lines: Vec<&str> = head.lines().collect();
    let values = |name: &str| {
        let values = lines.iter().filter_map(|line| line.strip_prefix(name)?.strip_prefix(':'));
        values.map(|value| value.trim_matches([' ', '\t']).to_string()).collect::<Vec<_>>()
    };
    if let Route::Enter(..) | Route::Response(Response::Page | Response::NoIcon | Response::Unknown) = verdict
    {
        let hosts = values("host");
        assert_eq!(hosts.len(), 1);
        assert!(is_ours(&hosts[0]), "{hosts:?}");
        assert!(
            values("origin")
                .iter()
                .all(|origin| *origin == format!("http://{}", hosts[0].trim_end_matches(":80")))
        );
    }
    if let Route::Enter(Entry { accept, size, forwarded }) = verdict {
        // No proxy is trusted here: the last address counts, if any.
        assert!(forwarded.is_none() || !values("x-forwarded-for").is_empty());
        assert!(is_accept(accept.as_bytes()) && Some(size) == decided);
        assert!(lines.iter().any(|line| line.starts_with("get ") && line.contains("/room")));
        assert_eq!((&values("upgrade")[0][..], &values("sec-websocket-version")[0][..]), ("websocket", "13"));
    }
}

/// The oracle of the Host check.
fn is_ours(host: &str) -> bool {
    let (name, port) = host.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).unwrap_or((host, "80"));
    if port.parse::<u16>().is_err() {
        return false;
    }
    let name = name.strip_suffix('.').unwrap_or(name);
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    ["localhost", "salle-12", "salle-12.local"].contains(&name)
        || name.ends_with(".localhost")
        || name.split('.').count() == 4 && name.split('.').all(is_digits)
        || name.starts_with('[') && name.ends_with(']') && name.contains(':')
}
