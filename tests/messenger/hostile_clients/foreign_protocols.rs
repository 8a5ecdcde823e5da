//! Clients of other protocols: web and mail.

use super::*;

const REFUSAL: &str = "chat_serveur : ceci est une messagerie, pas un serveur web ni de courrier";

#[test]
fn a_header_of_the_web_or_of_mail_is_refused_logged_and_not_relayed() {
    let server = Server::start(&[]);
    let mut alice = server.join();
    let headers = [
        "GET / HTTP/1.1\r\nHost: 127.0.0.1:5015\r\n\r\n",
        "POST / HTTP/1.1\r\nContent-Length: 15\r\n\r\nbob : forged\0\0\0",
        "EHLO example.org\r\nMAIL FROM:<eve@example.org>\r\n",
        "HEAD /\x1b[2J HTTP/1.0\r\n\r\n",
    ];
    for header in headers {
        let _row = Row::of(&header);
        let mut foreign = server.connect();
        foreign.sends(header);
        assert_eq!(String::from_utf8(foreign.hears_the_end()).unwrap(), format!("{REFUSAL}\0"));
    }
    let err = &server.program.err;
    err.line_with(&["refusé : il parle un autre protocole (« GET / HTTP/1.1 »)"]);
    err.line_with(&["« POST / HTTP/1.1 »"]);
    err.line_with(&["« EHLO example.org »"]);
    err.line_with(&["« HEAD /^[[2J HTTP/1.0 »"]);
    server.wait_for_children(1);
    // None of it reached alice.
    alice.sends("alice : GET / ?\0");
    alice.hears("alice : GET / ?\0\0");
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
    for words in ["get / HTTP/1.1\0", "GETTING there\0", "EHLOS\0", "POSTE\0"] {
        let _row = Row::of(&words);
        let mut peer = server.connect();
        peer.sends(words);
        peer.hears(format!("{words}\0"));
    }
}

#[test]
fn a_line_client_receives_the_refusal_as_a_line() {
    let server = Server::start(&["--lines", "0"]);
    let mut foreign = Peer::connect(server.lines_address());
    foreign.line();
    foreign.sends("GET / HTTP/1.1\r\n\r\n");
    assert_eq!(String::from_utf8(foreign.hears_the_end()).unwrap(), format!("{REFUSAL}\n"));
}

#[test]
fn no_header_check_disables_the_check() {
    let server = Server::start(&["--no-header-check"]);
    let mut foreign = server.join();
    foreign.sends("GET / HTTP/1.1\0");
    foreign.hears("GET / HTTP/1.1\0\0");
}
