//! How `chat_client` connects, and its error messages.

use crate::common::*;

use nix::sys::signal::Signal::{SIGCONT, SIGINT, SIGSTOP};
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
fn a_client_started_first_waits_for_its_server() {
    // The search ends after 3 s. A busy machine may exceed that, not ten times.
    let is_found = (0..10).any(|_| {
        // A port that was free just now. If another process takes it, the server below fails.
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut alice = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
        let pauses = eventually("a pause between two tries, or its end", || {
            let connected = descriptors_of(alice.pid()).iter().any(|(number, _)| *number == 3);
            let pauses = catches_sigterm(alice.pid()) && !connected;
            (pauses || alice.child.try_wait().unwrap().is_some()).then_some(pauses)
        });
        if !pauses {
            return false;
        }
        // While it is stopped, its search cannot time out, however slowly the server starts.
        alice.signal(SIGSTOP);
        let _server = Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", &port]));
        alice.signal(SIGCONT);
        eventually("its server, or its end", || {
            let is_found = alice.out.so_far().contains("Connecté à");
            (is_found || alice.child.try_wait().unwrap().is_some()).then_some(is_found)
        })
    });
    assert!(is_found, "never found its server");
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
fn an_unknown_host_is_reported_at_once() {
    let mut alice = Program::start(Command::new(CLIENT).args(["nulle.part.invalid", "alice"]));
    assert_eq!(alice.ends().code(), Some(1));
    let said = alice.err.to_the_end();
    assert!(said.contains("le nom « nulle.part.invalid » ne mène à aucune adresse"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn ctrl_c_while_it_waits_for_a_server_ends_it_with_a_line_and_status_0() {
    // The search ends after 3 s. A busy machine may exceed that, not ten times.
    let is_interrupted = (0..10).any(|_| {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
        let mut alice = Program::start(Command::new(CLIENT).args(["127.0.0.1", "alice", "--port", &port]));
        let waits = eventually("its signals to be caught, or its end", || {
            let waits = catches_sigterm(alice.pid());
            (waits || alice.child.try_wait().unwrap().is_some()).then_some(waits)
        });
        if !waits {
            return false;
        }
        alice.signal(SIGINT);
        let (code, said) = (alice.ends().code(), alice.err.to_the_end());
        if code == Some(1) && said.contains("aucun serveur ne répond") {
            return false;
        }
        assert_eq!((code, said.as_str()), (Some(0), "chat_client : interrompu, au revoir\n"));
        true
    });
    assert!(is_interrupted, "never in time");
}
