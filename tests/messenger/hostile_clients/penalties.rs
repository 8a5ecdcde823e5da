//! Penalties for an address: its clients crash their children again and again.

use super::*;

use nix::sys::signal::Signal::{self, SIGABRT, SIGFPE, SIGKILL, SIGTERM};
use std::net::{Ipv4Addr, SocketAddr};

const SERVERS: [&str; 5] = [
    SERVER,
    env!("CARGO_BIN_EXE_direct_serveur"),
    env!("CARGO_BIN_EXE_echo_serveur"),
    env!("CARGO_BIN_EXE_calc_serveur"),
    env!("CARGO_BIN_EXE_upload_serveur"),
];

/// Ends the child of a new client by `signal`, `times` times.
#[track_caller]
fn crashes(server: &Server, signal: Signal, times: usize) {
    for _ in 0..times {
        let mut client = server.connect();
        let child = server.wait_for_children(1)[0];
        send(child, signal);
        client.hears_the_end();
        server.program.err.line_with(&[signal.as_str(), &child.to_string()]);
        server.wait_for_children(0);
    }
}

#[track_caller]
fn start(program: &str, options: &[&str]) -> Server {
    let all = [&["--bind", "0.0.0.0", "--port", "0"], options].concat();
    Server::from(Command::new(program).args(all).current_dir(env!("CARGO_TARGET_TMPDIR")))
}

#[test]
fn an_address_that_crashes_its_children_again_and_again_has_to_wait_and_no_other() {
    for program in SERVERS {
        let _row = Row::of(&program);
        let server = start(program, &[]);
        crashes(&server, SIGFPE, 2);
        crashes(&server, SIGABRT, 1);
        for _ in 0..5 {
            let told = String::from_utf8(server.connect().hears_the_end()).unwrap();
            assert!(told.contains(" s") && told.trim_end().lines().count() == 1, "{told:?}");
        }
        let told = || server.program.err.so_far().matches("--no-penalties").count();
        // The 1st, the 2nd and the 4th refusal.
        eventually("the operator to be told", || (told() == 3).then_some(()));
        let there = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), server.address.port()));
        let _other = Peer::connect_from(Ipv4Addr::new(127, 0, 0, 2).into(), there);
        server.wait_for_children(1);
    }
}

#[test]
fn a_child_that_is_killed_has_not_crashed() {
    let server = start(SERVER, &[]);
    crashes(&server, SIGTERM, 3);
    crashes(&server, SIGKILL, 3);
    crashes(&server, SIGABRT, 1);
    let _admitted = server.connect();
    server.wait_for_children(1);
}

#[test]
fn without_penalties_every_client_is_admitted() {
    for program in SERVERS {
        let _row = Row::of(&program);
        let server = start(program, &["--no-penalties"]);
        crashes(&server, SIGABRT, 5);
        let _admitted = server.connect();
        server.wait_for_children(1);
    }
}
