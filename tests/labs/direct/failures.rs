//! The limit of clients, killed processes, signals, and a full disk behind standard output.

use super::*;

use nix::sys::signal::Signal::{SIGINT, SIGKILL, SIGTERM};
use std::io::{Read, Write};
use std::time::Duration;

fn numbers(open: &[(i32, String)]) -> Vec<i32> {
    open.iter().map(|(number, _)| *number).collect()
}

#[test]
fn a_sixth_client_is_refused_and_a_freed_place_is_given_again() {
    let server = server(&[]);
    let mut peers = ["a", "b", "c", "d", "e"].map(|name| join(&server, name));
    let mut sixth = server.connect();
    sixth.sends("f\n%a%hello\n");
    let told = String::from_utf8(sixth.hears_the_end()).unwrap();
    assert!(told.starts_with("[ERROR] direct_serveur: the server is full"), "{told}");
    assert!(told.contains("5 clients") && told.ends_with('\n') && told.lines().count() == 1, "{told}");
    server.program.err.line_with(&["(parent) client", &address_of(&sixth), "refused", "5 clients"]);
    assert_eq!(server.children().len(), 5);
    let [first, second, ..] = &mut peers;
    first.half_closes();
    assert_eq!(first.hears_the_end(), b"");
    server.wait_for_children(4);
    let mut sixth = join(&server, "f");
    sixth.sends("%b%in\n");
    second.hears("in\n");
}

#[test]
fn max_clients_sets_the_number_of_clients_admitted() {
    let server = server(&["--max-clients", "30"]);
    let mut peers: Vec<Peer> = (0..30).map(|i| join(&server, &format!("n{i}"))).collect();
    (0..30).for_each(|i| peers[i].sends(format!("%n{}%from {i}\n", (i + 1) % 30)));
    (0..30).for_each(|i| peers[(i + 1) % 30].hears(format!("from {i}\n")));
}

#[test]
fn n_clients_are_n_plus_1_processes_and_a_child_holds_five_descriptors() {
    let server = server(&[]);
    let peers = [join(&server, "alice"), nameless(&server), join(&server, "carl")];
    let children = server.wait_for_children(3);
    let parent = descriptors_of(server.pid());
    assert_eq!(numbers(&parent)[..9], [0, 1, 2, 3, 4, 5, 6, 7, 8]);
    for (peer, socket) in peers.iter().zip([6, 7, 8]) {
        let child = server.child_of(peer);
        assert!(children.contains(&child) && name_of(child) == "direct_serveur");
        let open = descriptors_of_child(child);
        assert_eq!(numbers(&open), [0, 1, 2, 4, socket]);
        assert!(open[2..].iter().all(|descriptor| parent.contains(descriptor)), "{open:?} of {parent:?}");
        server.program.out.line_with(&[&address_of(peer), &format!("descriptor {socket}, child {child}")]);
    }
}

#[test]
fn a_killed_child_disconnects_only_its_client() {
    for signal in [SIGKILL, SIGTERM] {
        let _row = Row::of(&signal);
        let server = server(&[]);
        let (mut alice, mut bob, mut carl) =
            (join(&server, "alice"), join(&server, "bob"), join(&server, "carl"));
        send(server.child_of(&bob), signal);
        assert_eq!(bob.hears_the_end(), b"");
        server.program.err.line_with(&["(parent) bob", "lost its child, killed by", signal.as_str()]);
        alice.sends("%carl%still here\n%bob%and you\n");
        carl.hears("still here\n");
        alice.hears("[ERROR] no client is called \"bob\"\n");
    }
}

#[test]
fn when_the_first_process_is_killed_no_child_is_left() {
    let mut server = server(&[]);
    let mut peers = [join(&server, "alice"), nameless(&server), join(&server, "carl")];
    let children = server.wait_for_children(3);
    server.program.signal(SIGKILL);
    server.program.ends();
    eventually("the end of all children", || children.iter().all(|&pid| !is_alive(pid)).then_some(()));
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hears_the_end(), b""));
}

#[test]
fn sigint_and_sigterm_end_the_server_with_all_its_children_and_status_0() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut server = server(&[]);
        let mut peers = [join(&server, "alice"), nameless(&server), join(&server, "carl")];
        let children = server.wait_for_children(3);
        server.program.signal(signal);
        assert_eq!(server.program.ends().code(), Some(0));
        assert!(children.into_iter().all(|child| !is_alive(child)));
        peers.iter_mut().for_each(|peer| assert_eq!(peer.hears_the_end(), b""));
        let printed = server.program.out.to_the_end();
        assert!(printed.contains(&format!("(parent) {signal} received: stopping, 3 connected")), "{printed}");
        assert_eq!(server.program.err.to_the_end(), "");
    }
}

#[test]
fn clients_that_disconnect_leave_no_process_and_no_descriptor() {
    let server = server(&["--name-timeout", "60"]);
    let before = descriptors_of(server.pid());
    for round in 0..10 {
        let (mut alice, bob) = (join(&server, "alice"), join(&server, &format!("bob {round}")));
        alice.sends(format!("%bob {round}%hello\n%nobody%hello\n"));
        let (mut refused, silent) = (nameless(&server), nameless(&server));
        refused.sends("alice\n");
        refused.hears_the_end();
        bob.resets();
        drop((alice, refused, silent));
        server.wait_for_children(0);
    }
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

#[test]
fn messages_are_delivered_although_standard_output_is_a_full_disk() {
    // The first line cannot be read, so the port comes from the socket table.
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let mut command = Command::new(SERVER);
    command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(full);
    let mut server = Program::start_with_its_own_output(&mut command);
    let port = eventually("the listening port", || {
        let shown = Command::new("ss").args(["-Hltnp"]).output().ok()?.stdout;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let line = shown.lines().find(|line| line.contains(&format!("pid={},", server.pid())))?;
        line.split_whitespace().nth(3)?.rsplit(':').next()?.parse::<u16>().ok()
    });
    let mut alice = Peer::connect((std::net::Ipv4Addr::LOCALHOST, port).into());
    alice.sends("alice\n");
    for i in 0..2000 {
        alice.sends(format!("%alice%{i}\n"));
        alice.hears(format!("{i}\n"));
    }
    server.signal(SIGTERM);
    assert!(server.ends().success());
}

/// The end takes some time: for the slow reader, its messages; for the speaker, which goes on, its
/// close.
#[test]
fn a_stop_beside_a_slow_reader_and_a_client_that_still_sends_reports_nothing_wrong() {
    let mut server = server(&[]);
    let (alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    let mut speaker = alice.duplicate();
    let flood = std::thread::spawn(move || {
        let lines = format!("%bob%{}\n", "x".repeat(100)).repeat(10);
        while speaker.stream.write_all(lines.as_bytes()).is_ok() {
            std::thread::sleep(Duration::from_millis(1));
        }
    });
    let reader = std::thread::spawn(move || {
        let mut bytes = [0; 4096];
        while matches!(bob.stream.read(&mut bytes), Ok(1..)) {
            std::thread::sleep(Duration::from_millis(20));
        }
    });
    server.program.out.line_with(&["alice -> bob"]);
    eventually("messages to wait", || (server.program.out.so_far().len() > 1 << 20).then_some(()));
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
    let errors = server.program.err.to_the_end();
    assert!(!errors.contains("reports events"), "{errors}");
    drop(alice);
    flood.join().unwrap();
    reader.join().unwrap();
}
