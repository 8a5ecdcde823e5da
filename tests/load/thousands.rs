//! A hundred, a thousand, ten thousand clients, some of them failing: the others lose nothing, and
//! no process or descriptor is left behind. docs/RELIABILITY.md names the guarantee of each test.

use crate::common::*;

use nix::sys::signal::Signal::{self, SIGKILL, SIGSEGV};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// Connects `count` more clients.
#[track_caller]
fn connect_more(server: &Server, count: usize) -> Vec<Peer> {
    let before = server.children().len();
    let peers: Vec<Peer> = (0..count).map(|_| server.connect()).collect();
    server.wait_for_children(before + count);
    peers
}

#[test]
fn one_of_a_hundred_stops_reading_and_the_others_receive_10000_of_10000_in_one_order() {
    let _machine = crate::beside_others();
    const SPEAKERS: usize = 5;
    let server = Server::start(&["-q", "--pace", "0"]);
    let stopped = connect_more(&server, 1).remove(0);
    let others = connect_more(&server, 99);
    // 7 MB: more than the buffers of one connection and the lag limit hold. Never so much at once
    // that a sender blocks within a message: its rest would time out.
    let filling = "x".repeat(700);
    let heard = hear_in_one_order(&others, 10_000, |heard| {
        for i in 0..10_000 / SPEAKERS {
            for (who, speaker) in others[..SPEAKERS].iter().enumerate() {
                speaker.duplicate().sends(format!("c{who} : {i} {filling}\0"));
            }
            heard.wait_for((SPEAKERS * i).saturating_sub(100));
        }
    });
    (0..SPEAKERS).for_each(|who| contains_all_messages(&heard, &format!("c{who}"), 10_000 / SPEAKERS));
    let address = stopped.stream.local_addr().unwrap().to_string();
    server.program.err.line_with(&["lit trop lentement", &address, "octets de retard depuis "]);
    // Only this client was dropped.
    server.wait_for_children(99);
    assert_eq!(server.program.err.so_far().lines().count(), 1);
}

#[test]
fn a_thousand_resets_leave_a_thousand_other_clients_connected() {
    let _machine = crate::beside_others();
    let server = Server::start(&["-q", "--backlog", "4096", "--max-clients", "3000"]);
    raise_own_descriptor_limit();
    let before = descriptors_of(server.pid());
    let mut stay = thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..1000 {
                let mut peer = server.connect();
                // Reset before the child reads, within a message, after a complete one.
                peer.sends(["", "la moit", "un\0"][i % 3]);
                peer.resets();
            }
        });
        scope.spawn(|| (0..1000).map(|_| server.connect()).collect::<Vec<Peer>>()).join().unwrap()
    });
    // The backlog is a queue: all others are accepted before this one, which hears itself.
    let mut last = server.connect();
    last.sends("le dernier\0");
    last.hears_up_to("le dernier\0");
    server.wait_for_children(1001);
    last.sends("fin de la liste\0");
    stay.iter_mut().for_each(|peer| peer.hears_up_to("fin de la liste\0"));
    drop((stay, last));
    server.wait_for_children(0);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
    assert_eq!(server.program.err.so_far(), "");
}

#[test]
fn after_10000_connections_no_zombie_and_no_descriptor_is_left() {
    let _machine = crate::beside_others();
    let server = Server::start(&["-q", "--backlog", "4096", "--pace", "0"]);
    let before = descriptors_of(server.pid());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for i in 0..1250 {
                    let mut peer = server.connect();
                    peer.sends("bonjour\0");
                    // In turn: close after the echo, close at once, reset after the echo.
                    if i % 3 != 1 {
                        assert_eq!(peer.strings(1), ["bonjour"]);
                    }
                    if i % 3 == 2 {
                        peer.resets();
                    }
                }
            });
        }
    });
    server.wait_for_children(0);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
    assert_eq!(server.program.err.so_far(), "");
    let mut peer = server.connect();
    peer.sends("encore là\0");
    assert_eq!(peer.strings(1), ["encore là"]);
}

/// Kills a child by `signal`, repeatedly: the SIGSEGV handler of the Rust runtime consumes the
/// first one and restores the default action.
#[track_caller]
fn crash(child: i32, signal: Signal) {
    eventually("the child's crash", || {
        // The child may be reaped before the second signal.
        let _ = kill(Pid::from_raw(child), signal);
        (!is_alive(child)).then_some(())
    });
}

#[test]
fn when_a_child_is_killed_or_crashes_the_other_99_clients_lose_nothing() {
    let _machine = crate::beside_others();
    for (signal, name) in [(SIGKILL, "SIGKILL"), (SIGSEGV, "SIGSEGV")] {
        let _row = Row::of(&name);
        let server = Server::start(&["-q"]);
        let mut loses = connect_more(&server, 1).remove(0);
        let child = server.children()[0];
        let others = connect_more(&server, 99);
        let heard = hear_in_one_order(&others, 2000, |_| {
            thread::scope(|scope| {
                scope.spawn(|| send_numbered(&others[0], "alice", 1000));
                scope.spawn(|| send_numbered(&others[1], "bob", 1000));
                // Within the conversation.
                loses.hears_up_to("alice : 100\0");
                crash(child, signal);
            });
        });
        contains_all_messages(&heard, "alice", 1000);
        contains_all_messages(&heard, "bob", 1000);
        let how = format!("a perdu son fils, tué par {name}");
        server.program.err.line_with(&[&how, &format!("fils {child}")]);
        server.wait_for_children(99);
    }
}

/// Kills the server when dropped, so that the threads of a failing test end too.
struct KillOnDrop<'a>(&'a Server);

impl Drop for KillOnDrop<'_> {
    fn drop(&mut self) {
        self.0.program.signal(SIGKILL);
    }
}

#[test]
fn during_an_endless_flood_the_messages_of_another_client_still_arrive() {
    let _machine = crate::beside_others();
    // A reader that takes nothing for 200 ms is dropped. A busy machine may exceed that, not ten
    // times.
    let arrives = (0..10).any(|_| {
        let server = Server::start(&["-q"]);
        let peers = connect_more(&server, 10);
        let (listener, others) = peers.split_last().unwrap();
        let flood = "flot ".repeat(200) + "\0";
        thread::scope(|scope| {
            let _guard = KillOnDrop(&server);
            // Until the server is killed at the end of the test.
            scope.spawn(|| while (&mut &others[0].stream).write_all(flood.as_bytes()).is_ok() {});
            for peer in others {
                scope.spawn(|| std::io::copy(&mut &peer.stream, &mut std::io::sink()));
            }
            let (mut another, mut listener) = (others[1].duplicate(), listener.duplicate());
            let arrives = catch_unwind(AssertUnwindSafe(|| {
                let (mut said, mut flooded) = (0, 0);
                // 50 MB of the flood.
                while flooded < 50_000 {
                    listener.hears_up_to("flot flot");
                    another.sends(format!("message {said}\0"));
                    loop {
                        let heard = listener.strings(1);
                        assert!(!heard.is_empty(), "the connection ended before message {said}");
                        if heard == [format!("message {said}")] {
                            break;
                        }
                        flooded += 1;
                    }
                    said += 1;
                }
            }));
            arrives.is_ok() && server.program.err.so_far().is_empty()
        })
    });
    assert!(arrives);
}
