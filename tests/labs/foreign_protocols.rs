//! Peers of other protocols at the labs' servers: a page of another site in a browser, a browser at
//! `https://`, an SSH client.

use crate::common::*;
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

const POST: &str =
    "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nOrigin: http://evil.example\r\nContent-Length: 12\r\n\r\n";

const TLS: &[u8] = b"\x16\x03\x01\x02\0\x01\0\x01\xfc\x03\x03 \nline\n";

#[track_caller]
pub fn is_http_refusal(answer: &[u8]) {
    let answer = String::from_utf8_lossy(answer);
    assert!(answer.starts_with("HTTP/1.1 400 Bad Request\r\n") && answer.contains("text/plain"), "{answer}");
}

/// Sends `bytes` to a server that is stopped until they are there: they come before any greeting.
#[track_caller]
fn sent_at_once(server: &Server, bytes: &[u8]) -> Vec<u8> {
    server.program.signal(SIGSTOP);
    let mut foreign = server.connect();
    foreign.sends(bytes);
    server.program.signal(SIGCONT);
    foreign.hears_the_end()
}

#[test]
fn a_web_request_is_answered_in_http_by_each_lab() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().to_str().unwrap();
    let servers: [(&str, &[&str], &str); 4] = [
        (env!("CARGO_BIN_EXE_relay_serveur"), &[], "forged\0"),
        (env!("CARGO_BIN_EXE_calc_serveur"), &[], "7\n8\n"),
        (env!("CARGO_BIN_EXE_upload_serveur"), &["--dir", into], "text\n"),
        (env!("CARGO_BIN_EXE_direct_serveur"), &[], "%bob%forged\n"),
    ];
    for (program, options, body) in servers {
        let _row = Row::of(&program);
        let server = Server::of(program, options);
        is_http_refusal(&sent_at_once(&server, format!("{POST}{body}").as_bytes()));
        assert_eq!(sent_at_once(&server, TLS), b"");
        if !program.ends_with("upload_serveur") {
            is_http_refusal(&sent_at_once(&server, format!("\u{feff}{POST}{body}").as_bytes()));
        }
        server.wait_for_children(0);
    }
    assert_eq!(std::fs::read_dir(into).unwrap().count(), 0, "a file was stored");
}

#[test]
fn a_full_server_answers_a_web_request_in_http_and_other_clients_as_before() {
    let directory = tempfile::tempdir().unwrap();
    let into = directory.path().to_str().unwrap();
    let servers: [(&str, &[&str]); 6] = [
        (env!("CARGO_BIN_EXE_chat_serveur"), &[]),
        (env!("CARGO_BIN_EXE_direct_serveur"), &[]),
        (env!("CARGO_BIN_EXE_calc_serveur"), &[]),
        (env!("CARGO_BIN_EXE_echo_serveur"), &[]),
        (env!("CARGO_BIN_EXE_upload_serveur"), &["--dir", into]),
        (env!("CARGO_BIN_EXE_relay_serveur"), &[]),
    ];
    for (program, options) in servers {
        for limit in ["--max-clients", "--max-per-address"] {
            if program.ends_with("relay_serveur") && limit == "--max-per-address" {
                continue;
            }
            let _row = Row::of(&(program, limit));
            let server = Server::of(program, &[options, &[limit, "1"]].concat());
            let _first = server.connect();
            server.program.out.line_with(&["client", "127.0.0.1:"]);
            let answer = String::from_utf8(sent_at_once(&server, POST.as_bytes())).unwrap();
            assert!(answer.starts_with("HTTP/1.1 503 Service Unavailable\r\n"), "{answer}");
            assert!(answer.contains("\r\n\r\n") && answer.ends_with('\n'), "{answer}");
            assert_eq!(sent_at_once(&server, TLS), b"");
            let answer = String::from_utf8(server.connect().hears_the_end()).unwrap();
            assert!(answer.contains(", ") && !answer.contains("HTTP"), "{answer}");
        }
    }
}

#[test]
fn a_client_that_was_greeted_is_refused_for_a_web_request_all_the_same() {
    let server = Server::of(env!("CARGO_BIN_EXE_calc_serveur"), &[]);
    let mut foreign = server.connect();
    // Greeting and question.
    foreign.line();
    foreign.line();
    foreign.sends(POST);
    is_http_refusal(&foreign.hears_the_end());
    server.program.out.line_with(&["refused: it speaks another protocol (\"POST / HTTP/1.1\")"]);
}

#[test]
fn the_echo_server_echoes_a_web_request() {
    let server = Server::of(env!("CARGO_BIN_EXE_echo_serveur"), &[]);
    let mut peer = server.connect();
    peer.sends(POST);
    peer.hears(POST);
}

#[test]
fn a_file_of_other_bytes_than_text_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    let server =
        Server::of(env!("CARGO_BIN_EXE_upload_serveur"), &["--dir", directory.path().to_str().unwrap()]);
    let mut peer = server.connect();
    peer.line();
    peer.sends(b"\x7fELF\x02\x01\x01\0SSH-2.0-x");
    peer.half_closes();
    assert!(String::from_utf8(peer.hears_the_end()).unwrap().ends_with("[SUCCESS]"));
}
