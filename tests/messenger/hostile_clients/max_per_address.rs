//! `--max-per-address`: many clients of one address.

use super::*;

use nix::sys::signal::Signal;
use std::io::Read;
use std::net::{Ipv4Addr, SocketAddr};

const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");
const DIRECT: &str = env!("CARGO_BIN_EXE_direct_serveur");

#[test]
fn a_client_over_the_limit_of_its_address_is_refused_and_a_freed_slot_is_reused() {
    let server = Server::start(&["--max-per-address", "3"]);
    let mut peers = vec![server.join(), server.join(), server.join()];
    let mut fourth = server.connect();
    let notice = String::from_utf8(fourth.hears_the_end()).unwrap();
    assert!(notice.contains("votre adresse a déjà toutes ses places (3 clients au plus)"), "{notice}");
    assert!(notice.ends_with('\0'), "{notice:?}");
    server.program.err.line_with(&["refusé", "3 clients au plus d'une même adresse", "--max-per-address"]);
    peers.pop();
    server.wait_for_children(2);
    let mut again = server.join();
    again.sends("de retour\0");
    peers[0].hears("de retour\0\0");
}

#[test]
fn each_address_has_its_own_limit() {
    let server = server_on_all(&["--max-per-address", "1"]);
    let mut here = server.join();
    let there = SocketAddr::from((Ipv4Addr::new(127, 0, 0, 2), server.address.port()));
    // Bound explicitly: otherwise the system chooses the source address.
    let mut other = Peer::connect_from(Ipv4Addr::new(127, 0, 0, 2).into(), there);
    server.wait_for_children(2);
    other.sends("d'ailleurs\0");
    here.hears("d'ailleurs\0\0");
    assert!(!server.connect().hears_the_end().is_empty());
}

#[test]
fn every_server_with_a_child_per_client_has_the_option() {
    for program in [ECHO, DIRECT] {
        let _row = Row::of(&program);
        let server = server_of(program, &["--max-per-address", "1"]);
        let _first = server.connect();
        server.wait_for_children(1);
        let notice = String::from_utf8(server.connect().hears_the_end()).unwrap();
        assert!(notice.contains("your address has all its places already (at most 1 client)"), "{notice}");
    }
}

#[test]
fn a_client_that_reconnects_at_once_is_admitted() {
    for program in [SERVER, ECHO, DIRECT] {
        let _row = Row::of(&program);
        let server = server_of(program, &["--max-per-address", "1"]);
        let mut refused = 0;
        for i in 0..200 {
            // The messenger appends a NUL.
            let heard = if program == SERVER { "here\n\0" } else { "here\n" };
            let mut first_bytes = vec![0; heard.len()];
            // The grace period for the exit of the old child is 500 ms. A busy machine may exceed
            // it.
            while first_bytes != heard.as_bytes() {
                let mut peer = server.connect();
                match program {
                    DIRECT => peer.sends(format!("n{i}\n%n{i}%here\n")),
                    _ => peer.sends("here\n"),
                }
                peer.stream.read_exact(&mut first_bytes).expect("an answer");
                if first_bytes != heard.as_bytes() {
                    let why = String::from_utf8(peer.hears_the_end()).unwrap();
                    assert!(why.contains("places"), "{why}");
                    refused += 1;
                    assert!(refused < 20, "{program} refused it 20 times");
                }
            }
        }
    }
}

#[test]
fn many_clients_over_the_limit_are_all_refused_and_delay_no_client() {
    let server = Server::start(&["--max-per-address", "1"]);
    let mut first = server.join();
    let mut others: Vec<Peer> = (0..200).map(|_| server.connect()).collect();
    first.sends("seul\0");
    first.hears("seul\0\0");
    for other in &mut others {
        let notice = String::from_utf8(other.hears_the_end()).unwrap();
        assert!(notice.contains("toutes ses places (1 client au plus)"), "{notice}");
    }
    assert_eq!(server.children().len(), 1);
}

#[test]
fn a_client_in_its_grace_period_is_told_and_closed_in_good_order_when_the_server_ends() {
    for program in [SERVER, ECHO, DIRECT] {
        let _row = Row::of(&program);
        let mut server = server_of(program, &["--max-per-address", "1"]);
        let _first = server.join();
        let mut waiting: Vec<Peer> = (0..20).map(|_| server.connect()).collect();
        waiting.iter_mut().for_each(|peer| peer.sends("unread"));
        server.program.signal(Signal::SIGTERM);
        for mut peer in waiting {
            // A reset would fail the read. One that was not even accepted is told nothing.
            let told = String::from_utf8(peer.hears_the_end()).unwrap();
            assert!(told.is_empty() || told.contains("places"), "{told:?}");
        }
        assert!(server.program.ends().success());
        let printed = server.program.out.to_the_end();
        let (_, after) = printed.split_once("SIGTERM").expect("the end");
        assert!(!after.contains("descript"), "one more client was served: {printed}");
    }
}

/// 40 clients, each from an address of its own, whose children have not noticed that they have
/// left.
#[cfg(target_os = "linux")] // Other systems have no addresses of loopback but 127.0.0.1.
#[test]
fn a_class_that_reconnects_at_once_is_admitted() {
    let server = Server::from(Command::new(ECHO).args(["0.0.0.0", "0", "--max-per-address", "1"]));
    let connect = |host| {
        let address = Ipv4Addr::new(127, 0, 1, host);
        Peer::connect_from(address.into(), (address, server.address.port()).into())
    };
    let mut class: Vec<Peer> = (1..=40).map(connect).collect();
    server.wait_for_children(40);
    // A busy machine may exceed the grace period, of 500 ms.
    eventually("a class of which none is refused", || {
        let children = server.children();
        children.iter().for_each(|&child| send(child, Signal::SIGSTOP));
        class.clear();
        class.extend((1..=40).map(connect));
        children.iter().for_each(|&child| send(child, Signal::SIGCONT));
        let is_served = |peer: &mut Peer| {
            let mut echoed = [0; 4];
            peer.sends("ici\n");
            peer.stream.read_exact(&mut echoed).expect("an answer");
            echoed == *b"ici\n"
        };
        class.iter_mut().all(is_served).then_some(())
    });
}

#[track_caller]
fn server_on_all(options: &[&str]) -> Server {
    Server::from(Command::new(SERVER).args(["--bind", "0.0.0.0", "--port", "0"]).args(options))
}
