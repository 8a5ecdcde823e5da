//! A hundred, a thousand, ten thousand clients, some of them in trouble: the others lose nothing, and nothing stays behind.
//! With the numbers; docs/RELIABILITY.md says which promise each test shows.

use crate::common::*;

use nix::sys::signal::Signal::{self, SIGKILL, SIGSEGV};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::thread;

/// So many more.
#[track_caller]
fn crowd(server: &Server, count: usize) -> Vec<Peer> {
    let before = server.children().len();
    let peers: Vec<Peer> = (0..count).map(|_| server.connect()).collect();
    server.wait_for_children(before + count);
    peers
}

#[test]
fn one_of_a_hundred_stops_reading_and_the_others_get_10000_of_10000_in_one_order() {
    let _machine = crate::beside_others();
    const SPEAKERS: usize = 5;
    let server = Server::start(&["-q", "--pace", "0"]);
    let stopped = crowd(&server, 1).remove(0);
    let others = crowd(&server, 99);
    // 7 MB: more than all buffers of one connection hold and may be owed. Never so much at once that a speaker is stopped in the
    // middle of a message: its rest is waited for, but not for ever.
    let filling = "x".repeat(700);
    let heard = one_order(&others, 10_000, |heard| {
        for i in 0..10_000 / SPEAKERS {
            for (who, speaker) in others[..SPEAKERS].iter().enumerate() {
                speaker.also().sends(format!("c{who} : {i} {filling}\0"));
            }
            heard.wait_for((SPEAKERS * i).saturating_sub(100));
        }
    });
    (0..SPEAKERS).for_each(|who| all_said(&heard, &format!("c{who}"), 10_000 / SPEAKERS));
    let address = stopped.stream.local_addr().unwrap().to_string();
    server.program.err.line_with(&["lit trop lentement", &address, "octets de retard depuis "]);
    // It, and nobody else.
    server.wait_for_children(99);
    assert_eq!(server.program.err.so_far().lines().count(), 1);
}

#[test]
fn a_thousand_resets_while_a_thousand_connect_leave_the_thousand() {
    let _machine = crate::beside_others();
    let server = Server::start(&["-q", "--backlog", "4096", "--max-clients", "3000"]);
    raise_own_descriptor_limit();
    let before = descriptors_of(server.pid());
    let mut stay = thread::scope(|scope| {
        scope.spawn(|| {
            for i in 0..1000 {
                let mut peer = server.connect();
                // Before its child reads, in the middle of a message, after one that nobody may hear.
                peer.sends(["", "la moit", "un\0"][i % 3]);
                peer.resets();
            }
        });
        scope.spawn(|| (0..1000).map(|_| server.connect()).collect::<Vec<Peer>>()).join().unwrap()
    });
    server.wait_for_children(1000);
    stay[0].sends("fin de la liste\0");
    stay.iter_mut().for_each(|peer| peer.hears_up_to("fin de la liste\0"));
    drop(stay);
    server.wait_for_children(0);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
    assert_eq!(server.program.err.so_far(), "");
}

#[test]
fn after_10000_connections_there_is_no_zombie_and_the_descriptors_are_as_before() {
    let _machine = crate::beside_others();
    let server = Server::start(&["-q", "--backlog", "4096", "--pace", "0"]);
    let before = descriptors_of(server.pid());
    thread::scope(|scope| {
        for _ in 0..8 {
            scope.spawn(|| {
                for i in 0..1250 {
                    let mut peer = server.connect();
                    peer.sends("bonjour\0");
                    // In turn: heard and in order, at once and in order, heard and by a reset.
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

/// Ends a child by `signal`. Rust's own handler looks at a SIGSEGV first and lets the next one through.
#[track_caller]
fn crash(child: i32, signal: Signal) {
    eventually("the child's crash", || {
        // It may be gone, and reaped, by the second time.
        let _ = kill(Pid::from_raw(child), signal);
        (!is_alive(child)).then_some(())
    });
}

#[test]
fn when_a_child_is_killed_or_crashes_in_a_conversation_99_of_a_hundred_lose_nothing() {
    let _machine = crate::beside_others();
    for (signal, name) in [(SIGKILL, "SIGKILL"), (SIGSEGV, "SIGSEGV")] {
        let _row = Row::of(&name);
        let server = Server::start(&["-q"]);
        let mut loses = crowd(&server, 1).remove(0);
        let child = server.children()[0];
        let others = crowd(&server, 99);
        let heard = one_order(&others, 2000, |_| {
            thread::scope(|scope| {
                scope.spawn(|| says(&others[0], "alice", 1000));
                scope.spawn(|| says(&others[1], "bob", 1000));
                // In the middle: it has heard some of it.
                loses.hears_up_to("alice : 100\0");
                crash(child, signal);
            });
        });
        all_said(&heard, "alice", 1000);
        all_said(&heard, "bob", 1000);
        let how = format!("a perdu son fils, tué par {name}");
        server.program.err.line_with(&[&how, &format!("fils {child}")]);
        server.wait_for_children(99);
    }
}

/// However a test ends, so that threads that talk to the server end too.
struct KilledAtTheEnd<'a>(&'a Server);

impl Drop for KilledAtTheEnd<'_> {
    fn drop(&mut self) {
        self.0.program.signal(SIGKILL);
    }
}

#[test]
fn one_client_floods_without_end_and_what_another_says_still_arrives() {
    let _machine = crate::beside_others();
    // A reader that takes nothing for 200 ms is dropped. A busy machine may exceed that, not ten
    // times.
    let arrives = (0..10).any(|_| {
        let server = Server::start(&["-q"]);
        let peers = crowd(&server, 10);
        let (listener, others) = peers.split_last().unwrap();
        let flood = "flot ".repeat(200) + "\0";
        thread::scope(|scope| {
            let _ends_the_flood = KilledAtTheEnd(&server);
            // Until the server's end, which is the test's.
            scope.spawn(|| while (&mut &others[0].stream).write_all(flood.as_bytes()).is_ok() {});
            for peer in others {
                scope.spawn(|| std::io::copy(&mut &peer.stream, &mut std::io::sink()));
            }
            let (mut another, mut listener) = (others[1].also(), listener.also());
            let arrives = catch_unwind(AssertUnwindSafe(|| {
                let (mut said, mut flooded) = (0, 0);
                // 50 MB of it.
                while flooded < 50_000 {
                    listener.hears_up_to("flot flot");
                    another.sends(format!("message {said}\0"));
                    loop {
                        let heard = listener.strings(1);
                        assert!(!heard.is_empty(), "the end came before message {said}");
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
