//! HTTP requests: the page, other paths and methods, foreign hosts and origins, and limits.

use super::*;
use data_encoding::BASE64;
use sha2::{Digest, Sha256};

#[track_caller]
fn status_of(answer: &str) -> u16 {
    let status = answer.strip_prefix("HTTP/1.1 ").and_then(|rest| rest.get(..3)?.parse().ok());
    let Some(status) = status else { panic!("no status line: {answer:?}") };
    status
}

/// The value of a header that must occur once.
#[track_caller]
fn header<'a>(answer: &'a str, name: &str) -> &'a str {
    let (head, _) = answer.split_once("\r\n\r\n").expect("a head");
    let mut values = head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    let Some(value) = values.next() else { panic!("no {name} in {head}") };
    assert_eq!(values.next(), None, "{name}");
    value
}

#[track_caller]
fn has_the_common_headers(answer: &str) {
    let (_, body) = answer.split_once("\r\n\r\n").unwrap();
    for (name, value) in [
        ("Connection", "close"),
        ("X-Content-Type-Options", "nosniff"),
        ("Referrer-Policy", "no-referrer"),
        ("Cache-Control", "no-store"),
    ] {
        let _row = Row::of(&(&name, &value));
        assert_eq!(header(answer, name), value);
    }
    if status_of(answer) != 204 {
        assert_eq!(header(answer, "Content-Length"), body.len().to_string());
    }
}

#[test]
fn the_page_has_a_policy_that_allows_its_own_script_and_no_other() {
    let room = Room::open(&[]);
    let answer = room.gets("/");
    assert_eq!((status_of(&answer), header(&answer, "Content-Type")), (200, "text/html; charset=utf-8"));
    has_the_common_headers(&answer);
    let hash = |element: &str| {
        let (_, rest) = answer.split_once(&format!("<{element}>")).expect("the element");
        let (inside, _) = rest.split_once(&format!("</{element}>")).expect("its end");
        BASE64.encode(&Sha256::digest(inside))
    };
    let policy = format!(
        "default-src 'none'; script-src 'sha256-{}'; style-src 'sha256-{}'; connect-src 'self'; img-src data:; base-uri 'none'; \
         form-action 'none'; frame-ancestors 'none'",
        hash("script"),
        hash("style")
    );
    assert_eq!(header(&answer, "Content-Security-Policy"), policy);
}

#[test]
fn every_other_request_gets_its_status_and_the_end_of_the_connection() {
    let room = Room::open(&[]);
    let host = format!("Host: {}\r\n", room.web);
    for (request, status) in [
        (format!("GET /favicon.ico HTTP/1.1\r\n{host}\r\n"), 204),
        (format!("GET /../../etc/passwd HTTP/1.1\r\n{host}\r\n"), 404),
        (format!("GET /room HTTP/1.1\r\n{host}\r\n"), 426),
        (format!("POST /room HTTP/1.1\r\n{host}Content-Length: 3\r\n\r\nabc"), 405),
        (format!("GET / HTTP/1.0\r\n{host}\r\n"), 400),
        ("OPTIONS / HTTP/1.0\r\n\r\n".to_string(), 204),
        ("OPTIONS * HTTP/1.1\r\nHost: proxy\r\n\r\n".to_string(), 204),
        ("GET / HTTP/1.1\r\n\r\n".to_string(), 400),
        (format!("GET / HTTP/1.1\r\n{host}{host}\r\n"), 400),
        ("\x16\x03\x01\x02\0\x01\0\x01\u{7f}".to_string(), 400),
        (upgrade(room.web).replace("Version: 13", "Version: 12"), 426),
        (upgrade(room.web).replace("dGhl", ""), 400),
    ] {
        let _row = Row::of(&(&request, &status));
        let answer = room.asks(&request);
        assert_eq!(status_of(&answer), status, "{request:?}");
        has_the_common_headers(&answer);
    }
    assert_eq!(header(&room.asks(format!("PUT / HTTP/1.1\r\n{host}\r\n")), "Allow"), "GET, HEAD, OPTIONS");
    assert_eq!(header(&room.gets("/room"), "Sec-WebSocket-Version"), "13");
    assert_eq!(room.server.wait_for_children(0).len(), 0);
}

#[test]
fn head_is_answered_as_get_without_the_content() {
    let room = Room::open(&[]);
    for (path, status) in [("/", 200), ("/favicon.ico", 204), ("/nothing", 404), ("/room", 426)] {
        let _row = Row::of(&(&path, &status));
        let whole = room.gets(path);
        let (head, _) = whole.split_once("\r\n\r\n").unwrap();
        let alone = room.asks(format!("HEAD {path} HTTP/1.1\r\nHost: {}\r\n\r\n", room.web));
        assert_eq!((status_of(&alone), alone), (status, format!("{head}\r\n\r\n")), "{path}");
    }
    // HEAD does not upgrade either.
    assert_eq!(status_of(&room.asks(upgrade(room.web).replace("GET", "HEAD"))), 426);
}

#[test]
fn the_host_of_an_absolute_target_is_checked() {
    let room = Room::open(&[]);
    let with = |target: &str| room.asks(format!("GET {target} HTTP/1.1\r\nHost: {}\r\n\r\n", room.web));
    assert_eq!(status_of(&with(&format!("http://{}/", room.web))), 200);
    for foreign in ["http://evil.example/", &format!("http://evil.example:{}/room", room.web.port())] {
        let _row = Row::of(&foreign);
        assert_eq!(status_of(&with(foreign)), 403, "{foreign}");
    }
}

#[test]
fn only_the_first_of_several_requests_is_answered() {
    let room = Room::open(&[]);
    let request = format!("GET /favicon.ico HTTP/1.1\r\nHost: {}\r\n\r\n", room.web);
    let answer = room.asks(request.repeat(1000));
    assert_eq!(answer.matches("HTTP/1.1").count(), 1);
}

#[test]
fn foreign_host_names_are_refused() {
    let room = Room::open(&[]);
    let port = room.web.port();
    let under = |host: &str| room.asks(format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
    for host in ["localhost", "LOCALHOST", "a.localhost", "127.0.0.1", "192.0.2.1", "[::1]"] {
        let _row = Row::of(&host);
        assert_eq!(status_of(&under(&format!("{host}:{port}"))), 200, "{host}");
    }
    for host in ["evil.example", "localhost.evil.example", "localhost@evil.example"] {
        let _row = Row::of(&host);
        let answer = under(&format!("{host}:{port}"));
        assert!(status_of(&answer) == 403 && answer.contains("Host"), "{answer}");
        // The answer says which hosts are accepted.
        assert!(answer.contains("une adresse IP, par localhost ou par le nom de cette machine"), "{answer}");
    }
    // A forwarder from another port: the port says nothing about the name.
    for host in ["localhost", "localhost:1", "127.0.0.1:9000"] {
        let _row = Row::of(&host);
        assert_eq!(status_of(&under(host)), 200, "{host}");
    }
    room.server.program.err.line_with(&["visiteur web", "refusé", "Host"]);
    // An upgrade is refused as well.
    let answer = room.asks(upgrade(room.web).replace("Host: 127.0.0.1", "Host: evil.example"));
    assert_eq!(status_of(&answer), 403);
}

#[test]
fn foreign_origins_are_refused_and_clients_without_an_origin_are_admitted() {
    let room = Room::open(&[]);
    for origin in ["http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1"] {
        let _row = Row::of(&origin);
        let answer =
            room.asks(upgrade(room.web).replace("Connection:", &format!("Origin: {origin}\r\nConnection:")));
        assert!(status_of(&answer) == 403 && answer.contains("Origin"), "{answer}");
    }
    room.server.program.err.line_with(&["visiteur web", "refusé", "Origin"]);
    let mut program = room.enter_raw();
    program.sends(frame(0x81, b"prog : salut"));
    program.hears_up_to("salut");
    // The page's own origin is accepted: `Room::enter` sends it.
    room.enter();
}

#[test]
fn origins_and_their_hosts_are_named_by_an_option() {
    let room =
        Room::open(&["--origin", "https://Chat.example.org.:0443/salle/", "--origin", "http://[::1]:9000"]);
    let asks = |host: &str, origin: &str| {
        let asked = upgrade(room.web).replace(&format!("Host: {}", room.web), &format!("Host: {host}"));
        let mut peer = Peer::connect(room.web);
        peer.sends(asked.replace("Connection:", &format!("Origin: {origin}\r\nConnection:")));
        peer.hears_up_to("HTTP/1.1 ");
        let head = peer.hears_line();
        head[..3].to_string()
    };
    for (host, origin, status) in [
        ("127.0.0.1:8080", "https://chat.example.org", "101"),
        ("chat.example.org", "https://chat.example.org", "101"),
        ("chat.example.org:8443", "http://[::1]:9000", "101"),
        ("chat.example.org.", "https://chat.example.org.", "101"),
        ("localhost:9000", "http://localhost:9000", "101"),
        ("localhost", "http://localhost", "101"),
        ("localhost:8080", "http://localhost:3000", "403"),
        ("chat.example.org", "https://chat.example.org:8443", "403"),
        ("chat.example.org", "https://evil.example", "403"),
        ("evil.example", "https://chat.example.org", "403"),
        ("evil.example", "http://evil.example", "403"),
    ] {
        let _row = Row::of(&(&host, &origin));
        assert_eq!(asks(host, origin), status, "{host} {origin}");
    }
}

#[test]
fn a_page_may_be_under_any_prefix() {
    let room = Room::open(&[]);
    for (path, status) in [
        ("/salle/", 200),
        ("/a/b/", 200),
        ("/salle/room", 426),
        ("/salle/favicon.ico", 204),
        ("/salle", 404),
        ("/rooms", 404),
    ] {
        let _row = Row::of(&path);
        assert_eq!(status_of(&room.gets(path)), status, "{path}");
    }
}

#[test]
fn a_page_that_was_refused_learns_why_by_its_origin_in_the_query() {
    let room = Room::open(&[]);
    let answer = room.gets("/room?origin=https://chat.example.org");
    assert!(status_of(&answer) == 403 && answer.contains("--origin"), "{answer}");
    assert_eq!(status_of(&room.gets(&format!("/room?origin=http://{}", room.web))), 426);
}

#[test]
fn other_protocols_get_an_error_and_the_operator_reads_which() {
    let room = Room::open(&["--trusted-proxy", "127.0.0.1"]);
    let rows: [(&[u8], &str); 6] = [
        (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03", "il parle un autre protocole (TLS)"),
        (b"SSH-2.0-x\r\n", "(« SSH-2.0-x »)"),
        (b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 8080\r\nGET / HTTP/1.1\r\n\r\n", "(« PROXY TCP4 192.0.2.1"),
        (b"OPTIONS rtsp://x/ RTSP/1.0\r\n\r\n", "(« OPTIONS rtsp://x/ RTSP/1.0 »)"),
        (b"\x8e\x1f\x99\x02\xde", "il envoie des caractères de contrôle, pas du texte"),
        (b"\xf9\xbe\xb4\xd9version\0", "il parle un autre protocole (« \\xf9"),
    ];
    for (bytes, shown) in rows {
        let _row = Row::of(&shown);
        let mut foreign = Peer::connect(room.web);
        foreign.sends(bytes);
        assert!(foreign.hears_the_end().starts_with(b"HTTP/1.1 400 "));
        room.server.program.err.line_with(&["refusé : ", shown]);
    }
}

#[test]
fn a_refused_browser_gets_the_reason_over_http() {
    let room = Room::open(&["--max-clients", "1"]);
    let _browser = room.enter();
    let answer = room.gets("/");
    has_the_common_headers(&answer);
    assert!(
        status_of(&answer) == 503 && answer.contains("la salle est pleine (1 client au plus)"),
        "{answer}"
    );
    let (head, _) = answer.split_once("\r\n\r\n").unwrap();
    let alone = room.asks(format!("HEAD / HTTP/1.1\r\nHost: {}\r\n\r\n", room.web));
    assert_eq!(alone, format!("{head}\r\n\r\n"));
    let room = Room::open(&["--max-per-address", "1"]);
    let _client = room.server.join();
    let answer = room.gets("/");
    assert!(
        status_of(&answer) == 503 && answer.contains("votre adresse a déjà toutes ses places"),
        "{answer}"
    );
}

#[test]
fn a_connection_takes_a_place_of_its_address_only_with_its_upgrade() {
    let room = Room::open(&["--max-per-address", "2"]);
    // Connections without a request, as browsers open them in advance.
    let idle: Vec<Peer> = (0..10).map(|_| Peer::connect(room.web)).collect();
    let mut late = Peer::connect(room.web);
    room.server.wait_for_children(10);
    // Before an upgrade, an address may have eight connections more than its two places. The next
    // one is refused.
    late.sends(upgrade(room.web));
    let answer = String::from_utf8(late.hears_the_end()).unwrap();
    assert!(
        status_of(&answer) == 503 && answer.contains("toutes ses places (2 clients au plus)"),
        "{answer}"
    );
    let mut idle = idle.into_iter();
    for mut pending in idle.by_ref().take(2) {
        pending.sends(upgrade(room.web));
        pending.hears_up_to("{\"hello\"");
        room.server.program.out.line_with(&["nouveau client", "(web)"]);
        std::mem::forget(pending);
    }
    let mut third = idle.next().unwrap();
    third.sends(upgrade(room.web));
    let answer = String::from_utf8(third.hears_the_end()).unwrap();
    has_the_common_headers(&answer);
    assert!(
        status_of(&answer) == 503 && answer.contains("toutes ses places (2 clients au plus)"),
        "{answer}"
    );
    room.server.program.err.line_with(&["refusé", "--max-per-address"]);
    // The other port refuses the address as well.
    let told = room.server.connect().strings(1);
    assert!(told[0].contains("votre adresse a déjà toutes ses places"), "{told:?}");
}

#[test]
fn on_all_addresses_the_names_of_the_machine_are_accepted() {
    let server = Server::start(&["--web", "0.0.0.0:0"]);
    let line =
        server.program.out.line_with(&["navigateurs sur http://", "(ou l'adresse IP de cette machine)"]);
    let (_, url) = line.split_once("http://").unwrap();
    let (host, _) = url.split_once('/').expect("an URL");
    let (name, port) = host.rsplit_once(':').expect("a port");
    assert!(!name.contains("0.0.0.0"), "{line}");
    for name in [name, name.split('.').next().unwrap(), &format!("{name}.")] {
        let _row = Row::of(&name);
        let mut peer = Peer::connect(SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap())));
        peer.sends(format!("GET / HTTP/1.1\r\nHost: {name}:{port}\r\n\r\n"));
        assert_eq!(status_of(&String::from_utf8(peer.hears_the_end()).unwrap()), 200, "{name}");
    }
}

#[test]
fn a_head_without_end_is_refused_by_size_and_by_time() {
    let room = Room::open(&[]);
    let answer = room.asks(format!("GET / HTTP/1.1\r\nX: {}", "x".repeat(9000)));
    assert_eq!(status_of(&answer), 431);
    let answer = room.asks(format!("GET / HTTP/1.1\r\n{}", "X: y\r\n".repeat(1000)));
    assert_eq!(status_of(&answer), 431);
    // Two slow clients: one sends a byte now and then, one nothing at all.
    let (mut slow, mut silent) = (Peer::connect(room.web), Peer::connect(room.web));
    let head = "GET / HTTP/1.1\r\nX: ".to_string() + &"x".repeat(1000);
    let mut talker = slow.duplicate();
    let drips = std::thread::spawn(move || {
        use std::io::Write;
        // Until the server ends the connection.
        head.as_bytes().iter().all(|byte| {
            std::thread::sleep(std::time::Duration::from_millis(50));
            talker.stream.write_all(&[*byte]).is_ok()
        })
    });
    assert_eq!(status_of(&String::from_utf8(slow.hears_the_end()).unwrap()), 408);
    assert_eq!(silent.hears_the_end(), b"");
    assert!(!drips.join().unwrap());
    assert_eq!(room.server.wait_for_children(0).len(), 0);
}

#[test]
fn a_flood_of_requests_leaves_nothing_behind_and_the_room_goes_on() {
    let room = Room::open(&[]);
    let (mut alice, mut bob) = (room.server.join(), room.enter());
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| (0..100).for_each(|_| assert_eq!(status_of(&room.gets("/")), 200)));
        }
        for i in 0..200 {
            alice.sends(format!("alice : {i}\0"));
            assert_eq!(bob.hears_words().1, format!("alice : {i}"));
        }
    });
    // Partial and empty requests, closed at once.
    for i in 0..100 {
        let mut peer = Peer::connect(room.web);
        peer.sends(&upgrade(room.web)[..i]);
    }
    assert_eq!(room.server.wait_for_children(2).len(), 2);
    let said = room.server.program.out.so_far();
    assert!(!said.contains("visiteur"), "{said}");
    assert_eq!(room.server.program.err.so_far(), "");
}

#[test]
fn verbose_output_shows_requests_for_the_page() {
    let room = Room::open(&["-v"]);
    room.gets("/nothing");
    room.server.program.out.line_with(&["visiteur web", "descripteur 6"]);
    room.server.program.out.line_with(&["visiteur web", "404 Not Found"]);
    room.server.program.out.line_with(&["(fils ", "octets de son client"]);
    room.server.program.out.line_with(&["0 en ligne"]);
}

#[test]
fn the_page_may_be_on_another_address() {
    let room = Room::at("[::1]:0", &[]);
    assert_eq!(status_of(&room.gets("/")), 200);
    room.enter();
}

#[test]
fn an_address_in_use_or_invalid_is_reported() {
    let room = Room::open(&[]);
    let start = |web: &str| {
        let mut command = Command::new(SERVER);
        command.args(["--bind", "127.0.0.1", "--port", "0", "--web", web]);
        let mut program = Program::start(&mut command);
        (program.ends().code(), program.err.to_the_end())
    };
    let (status, said) = start(&room.web.to_string());
    assert_eq!((status, said.lines().count()), (Some(1), 1), "{said}");
    assert!(said.contains("impossible d'écouter sur") && said.contains("Address already in use"), "{said}");
    for wrong in ["", "x", "localhost:8080", "65536", "::1:8080x", "127.0.0.1"] {
        let _row = Row::of(&wrong);
        let (status, said) = start(wrong);
        assert_eq!((status, said.lines().count()), (Some(2), 1), "{said}");
        assert!(said.contains("un port est attendu"), "{said}");
    }
}
