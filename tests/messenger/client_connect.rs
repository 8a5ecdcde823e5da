//! How `chat_client` finds its server, and what it says when it does not.

use crate::common::*;

use nix::sys::signal::Signal::SIGINT;
use std::net::TcpListener;
use std::process::Command;

#[test]
fn a_host_name_is_taken_as_well_as_an_address() {
    let server = Server::start(&[]);
    let mut alice =
        Program::start(Command::new(CLIENT).args(["localhost", "alice", "--port", &server.port()]));
    alice.out.line_with(&["Connecté à 127.0.0.1:"]);
    alice.end_of_keyboard();
    assert!(alice.ends().success());
}

#[test]
fn a_client_that_is_early_waits_for_its_server() {
    // A port that was free a moment ago; if somebody else takes it meanwhile, the server below fails loudly.
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    let alice = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
    eventually("a pause between two tries", || {
        let connected = descriptors_of(alice.pid()).iter().any(|(number, _)| *number == 3);
        (catches_sigterm(alice.pid()) && !connected).then_some(())
    });
    let _server = Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", &port]));
    alice.out.line_with(&["Connecté à"]);
}

#[test]
fn without_a_server_it_says_so_and_ends_with_status_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let mut alice =
        Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port.to_string()]));
    assert_eq!(alice.ends().code(), Some(1));
    let said = alice.err.to_the_end();
    assert!(said.contains(&format!("aucun serveur ne répond à 127.0.0.1 port {port}")), "{said}");
    assert!(said.contains("Connection refused") && said.lines().count() == 1, "{said}");
    assert_eq!(alice.out.to_the_end(), "");
}

#[test]
fn an_unknown_host_is_told_at_once() {
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
    eventually("its signals to be caught", || catches_sigterm(alice.pid()).then_some(()));
    alice.signal(SIGINT);
    assert_eq!(alice.ends().code(), Some(0));
    assert_eq!(alice.err.to_the_end(), "chat_client : interrompu, au revoir\n");
}
