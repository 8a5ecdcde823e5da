//! Peers of other protocols: browsers, port scanners, mail, SSH.

use super::*;

const REFUSAL: &str = "chat_serveur : ceci n'est pas un serveur web ni de courrier";
const NO_TEXT: &str = "chat_serveur : du texte est attendu ici, pas des caractères de contrôle";

/// First bytes of other protocols, and what of them the operator reads.
const FOREIGN: [(&[u8], &str); 14] = [
    (b"GET / HTTP/1.1\r\nHost: 127.0.0.1:5015\r\n\r\n", "(« GET / HTTP/1.1 »)"),
    (b"POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\nbob : forged\0\0\0", "(« POST / HTTP/1.1 »)"),
    (b"PATCH /\x1b[2J HTTP/1.1\r\n\r\n", "(« PATCH /^[[2J HTTP/1.1 »)"),
    (b"HEAD / HTTP/1.0\r\n\r\n", "(« HEAD / HTTP/1.0 »)"),
    // Methods are case-sensitive: `curl -X patch` sends this.
    (b"patch / HTTP/1.1\r\nHost: 127.0.0.1:5015\r\n\r\n", "(« patch / HTTP/1.1 »)"),
    (b"\0GET / HTTP/1.1\r\n\r\n", "(« GET / HTTP/1.1 »)"),
    (b"\xef\xbb\xbfGET / HTTP/1.1\r\n\r\n", "(« GET / HTTP/1.1 »)"),
    (b"PROXY TCP4 192.0.2.1 192.0.2.2 51000 5015\r\nbob : salut\n", "(« PROXY TCP4 192.0.2.1"),
    (b"<?xml version='1.0'?><stream:stream to='x'>", "(« <?xml version='1.0'?>"),
    (b"EHLO example.org\r\nMAIL FROM:<eve@example.org>\r\n", "(« EHLO example.org »)"),
    (b"SSH-2.0-x\r\n", "(« SSH-2.0-x »)"),
    // The beginning of the hello of a browser at https://.
    (b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03\nline\nline\n", "(TLS)"),
    // A port scanner's question in DNS.
    (b"\0\x1e\0\x06\x01\0\0\x01\0\0\0\0\0\0\x07version\x04bind\0\0\x10\0\x03", "(« ^^ »)"),
    // A key of a keyboard.
    (b"\x15bonjour\n", "il envoie des caractères de contrôle, pas du texte (« ^Ubonjour »)"),
];

/// Bytes that answer `request`: HTTP to a web request, else `REFUSAL`.
#[track_caller]
fn is_answer_to(request: &[u8], answer: &[u8], end: &str) {
    let answer = String::from_utf8(answer.to_vec()).unwrap();
    match request {
        [0x16, ..] => assert_eq!(answer, ""),
        [b'G' | b'p' | 0xef, ..] | [0, b'G', ..] | [b'P', b'O' | b'A', ..] => {
            assert!(
                answer.starts_with("HTTP/1.1 400 ") && answer.ends_with(&format!("\r\n\r\n{REFUSAL}\n")),
                "{answer}"
            );
        }
        [b'H', ..] => {
            assert!(answer.starts_with("HTTP/1.1 400 ") && answer.ends_with("\r\n\r\n"), "{answer}")
        }
        [0, ..] | [0x15, ..] => assert_eq!(answer, format!("{NO_TEXT}{end}")),
        _ => assert_eq!(answer, format!("{REFUSAL}{end}")),
    }
}

#[test]
fn the_first_bytes_of_another_protocol_are_refused_logged_and_not_relayed() {
    let server = Server::start(&["--lines", "0"]);
    let mut alice = server.join();
    for (request, shown) in FOREIGN {
        let _row = Row::of(&shown);
        let mut foreign = server.connect();
        foreign.sends(request);
        is_answer_to(request, &foreign.hears_the_end(), "\0");
        server.program.err.line_with(&["refusé : il ", shown]);
        let mut foreign = Peer::connect(server.lines_address());
        foreign.line();
        foreign.sends(request);
        is_answer_to(request, &foreign.hears_the_end(), "\n");
        server.program.err.line_with(&["refusé : il ", shown]);
    }
    server.wait_for_children(1);
    // None of it reached alice.
    alice.sends("alice : GET / ?\0");
    alice.hears("alice : GET / ?\0\0");
}

#[test]
fn at_the_line_port_a_client_that_waits_is_greeted_and_a_web_request_is_answered() {
    let server = Server::start(&["--lines", "0"]);
    let mut silent = Peer::connect(server.lines_address());
    let greeting = silent.line();
    let mut foreign = Peer::connect(server.lines_address());
    foreign.sends("GET / HTTP/1.1\r\n\r\n");
    let answer = foreign.hears_the_end();
    // On a busy machine the request may come later than the greeting waits for it.
    let answer = answer.strip_prefix(greeting.as_bytes()).unwrap_or(&answer);
    is_answer_to(b"GET", answer, "\n");
    silent.sends("bonjour\n");
    assert!(silent.line().ends_with("] bonjour\n"));
}

#[test]
fn a_header_after_the_first_message_is_a_message() {
    let server = Server::start(&[]);
    let mut alice = server.join();
    for message in ["alice : bonjour\0", "GET / HTTP/1.1\0", "POST it\0"] {
        let _row = Row::of(&message);
        alice.sends(message);
        alice.hears(format!("{message}\0"));
    }
}

#[test]
fn text_that_only_resembles_a_header_is_relayed() {
    let server = Server::start(&[]);
    for words in ["bob : HTTP/1.1\0", "HELO les gens !\0", "GETTING there\0", "EHLOS\0", "POSTE\0"] {
        let _row = Row::of(&words);
        let mut peer = server.connect();
        peer.sends(words);
        peer.hears(format!("{words}\0"));
    }
}

#[test]
fn a_request_in_two_segments_that_are_apart_in_time_is_not_relayed_in_part() {
    let server = Server::start(&[]);
    // On a busy machine the second segment may be later than a first line is held.
    let is_answered = (0..50).any(|_| {
        let mut foreign = server.connect();
        foreign.sends("GET / HT");
        std::thread::sleep(std::time::Duration::from_millis(60));
        foreign.sends("TP/1.1\r\n\r\n");
        foreign.hears_the_end().starts_with(b"HTTP/1.1 400 ")
    });
    assert!(is_answered);
}

#[test]
fn no_header_check_disables_the_check() {
    let server = Server::start(&["--no-header-check"]);
    let mut foreign = server.join();
    foreign.sends("GET / HTTP/1.1\0");
    foreign.hears("GET / HTTP/1.1\0\0");
}
