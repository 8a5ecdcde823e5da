//! How `chat_client` connects, and its error messages.

use crate::common::*;

use nix::sys::signal::Signal::SIGINT;
use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_host_name_is_accepted_as_well_as_an_address() {
    let server = Server::start(&[]);
    let mut alice =
        Program::start(Command::new(CLIENT).args(["localhost", "alice", "--port", &server.port()]));
    alice.out.line_with(&["Connecté à 127.0.0.1:"]);
    alice.closes_stdin();
    assert!(alice.ends().success());
}

#[test]
fn without_a_server_it_says_so_and_ends_with_status_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut alice = Program::start(Command::new(CLIENT).args([
        "127.0.0.1",
        "alice",
        "--port",
        &port.to_string(),
        "--wait",
        "3",
    ]));
    assert_eq!(alice.ends().code(), Some(1));
    let said = alice.err.to_the_end();
    assert!(said.contains(&format!("aucun serveur ne répond à 127.0.0.1 port {port}")), "{said}");
    assert!(said.contains("Connection refused") && said.lines().count() == 1, "{said}");
    assert_eq!(alice.out.to_the_end(), "");
}

#[test]
fn an_unknown_host_is_reported_at_once() {
    let mut alice = Program::start(Command::new(CLIENT).args(["nulle.part.invalid", "alice"]));
    assert_eq!(alice.ends().code(), Some(1));
    let said = alice.err.to_the_end();
    assert!(said.contains("le nom « nulle.part.invalid » ne mène à aucune adresse"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn ctrl_c_while_it_waits_for_a_server_ends_it_with_a_line_and_status_0() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let mut alice = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
    alice.err.line_with(&["aucun serveur ne répond encore à 127.0.0.1", &port, "Ctrl+C abandonne"]);
    alice.signal(SIGINT);
    assert_eq!(alice.ends().code(), Some(0));
    let said = alice.err.to_the_end();
    assert!(said.ends_with("\nchat_client : interrompu, au revoir\n") && said.lines().count() == 2, "{said}");
}

#[test]
fn a_piped_client_ends_with_status_0_once_its_lines_came_back_although_the_server_does_not_close() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
    client.types("salut\n");
    client.closes_stdin();
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    let mut server = Peer::adopt(connection);
    assert_eq!(server.hears_the_end(), b"alice : salut\0");
    server.sends("alice : salut\0\0");
    assert_eq!(client.ends().code(), Some(0), "{}", client.err.so_far());
    assert!(client.out.to_the_end().contains("\nalice : salut\n"));
}
