//! Many clients, many messages, slow readers: nothing is lost, and all clients receive one order.

use crate::common::*;

use nix::sys::signal::Signal;
use std::io::Write;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::Command;
use std::thread;

#[test]
fn thirty_clients_send_1000_messages_each_and_all_receive_all_in_one_order() {
    let _machine = crate::beside_others();
    const CLIENTS: usize = 30;
    const MESSAGES: usize = 1000;
    let server = Server::start(&[]);
    let peers: Vec<Peer> = (0..CLIENTS).map(|_| server.join()).collect();
    let heard: Vec<Vec<String>> = thread::scope(|scope| {
        for (who, peer) in peers.iter().enumerate() {
            let mut speaker = peer.duplicate();
            scope.spawn(move || {
                (0..MESSAGES).for_each(|i| speaker.sends(format!("c{who} : message {i}\0")));
            });
        }
        let listeners: Vec<_> =
            peers.iter().map(|peer| scope.spawn(|| peer.duplicate().strings(CLIENTS * MESSAGES))).collect();
        listeners.into_iter().map(|listener| listener.join().unwrap()).collect()
    });
    let first = &heard[0];
    assert!(heard.iter().all(|other| other == first), "two clients heard different orders");
    for who in 0..CLIENTS {
        let prefix = format!("c{who} : ");
        let own: Vec<&str> = first.iter().filter_map(|text| text.strip_prefix(&prefix)).collect();
        let wrong = (0..MESSAGES).find(|&i| own.get(i) != Some(&format!("message {i}").as_str()));
        assert_eq!((own.len(), wrong), (MESSAGES, None), "messages of client {who}, in order");
    }
}

#[test]
fn a_burst_of_1000_messages_reaches_three_readers_complete() {
    let _machine = crate::beside_others();
    let server = Server::start(&[]);
    let (mut speaker, mut readers) = (server.join(), [server.join(), server.join(), server.join()]);
    (0..1000).for_each(|i| speaker.sends(format!("alice : {i}\0")));
    let expected: Vec<String> = (0..1000).map(|i| format!("alice : {i}")).collect();
    readers.iter_mut().for_each(|reader| assert_eq!(reader.strings(1000), expected));
}

#[test]
fn the_129th_client_is_served_like_the_others() {
    let _machine = crate::beside_others();
    let server = Server::start(&[]);
    let mut peers: Vec<Peer> = (0..129).map(|_| server.join()).collect();
    assert_eq!(server.children().len(), 129);
    peers[128].sends("je suis le 129e\0");
    peers.iter_mut().for_each(|peer| peer.hears("je suis le 129e\0\0"));
}

#[test]
fn two_hundred_clients_that_leave_at_once_receive_all_earlier_messages() {
    let _machine = crate::beside_others();
    const MESSAGES: usize = 20;
    let server = Server::start(&[]);
    let mut peers: Vec<Peer> = (0..200).map(|_| server.join()).collect();
    // On SIGCONT, the parent finds all messages and all departures at once.
    server.program.signal(Signal::SIGSTOP);
    for (i, peer) in peers.iter_mut().enumerate() {
        if i < MESSAGES {
            peer.sends(format!("client {i}\0"));
        }
    }
    let children = server.children();
    peers.iter_mut().for_each(Peer::half_closes);
    eventually("the end of all children", || (!children.iter().any(|&child| is_alive(child))).then_some(()));
    server.program.signal(Signal::SIGCONT);
    for peer in &mut peers {
        assert_eq!(peer.strings(MESSAGES).len(), MESSAGES);
        assert_eq!(peer.hears_the_end(), b"\0");
    }
}

#[test]
fn a_thousand_clients_talk_and_the_next_is_refused_with_the_reason() {
    let _machine = crate::beside_others();
    raise_own_descriptor_limit();
    let server = Server::start(&[]);
    let mut peers: Vec<Peer> = (0..1000).map(|_| server.connect()).collect();
    server.program.out.line_with(&[", 1000 en ligne"]);
    peers[999].sends("tous\0");
    peers.iter_mut().for_each(|peer| peer.hears("tous\0\0"));
    let mut one_too_many = server.connect();
    let notice = String::from_utf8(one_too_many.hears_the_end()).unwrap();
    assert!(
        notice.contains("la salle est pleine (1000 clients au plus)") && notice.ends_with('\0'),
        "{notice}"
    );
    assert_eq!(server.children().len(), 1000);
    server.program.err.line_with(&["refusé", "1000 clients au plus"]);
    drop(peers);
    server.wait_for_children(0);
}

#[test]
fn a_client_over_max_clients_is_refused_and_a_freed_slot_is_reused() {
    let _machine = crate::beside_others();
    let server = Server::start(&["--max-clients", "2"]);
    let (first, mut second) = (server.join(), server.join());
    for _ in 0..3 {
        // The client sends before it is accepted. The server leaves these bytes unread, and its
        // answer must not turn into a reset.
        server.program.signal(nix::sys::signal::Signal::SIGSTOP);
        let mut third = server.connect();
        third.sends("je parle d'abord\0".repeat(100));
        server.program.signal(nix::sys::signal::Signal::SIGCONT);
        let notice = String::from_utf8(third.hears_the_end()).unwrap();
        assert!(notice.contains("la salle est pleine (2 clients au plus)"), "{notice}");
    }
    assert_eq!(server.children().len(), 2);
    drop(first);
    server.wait_for_children(1);
    server.join().sends("entré\0");
    second.hears("entré\0\0");
}

/// Sends until the server has dropped the client that does not read. Returns the number of
/// messages.
#[track_caller]
fn talk_until_dropped(server: &Server, speaker: &mut Peer, readers: &mut [Peer], message: &str) -> usize {
    let mut said = 0;
    while !server.program.err.so_far().contains("lit trop lentement") {
        for _ in 0..50 {
            speaker.sends(message);
        }
        said += 50;
        for peer in readers.iter_mut().chain([&mut *speaker]) {
            assert_eq!(peer.strings(50).len(), 50);
        }
        assert!(said < 100_000, "never dropped");
    }
    said
}

#[test]
fn a_reader_that_stops_is_dropped_and_the_others_receive_everything() {
    let _machine = crate::beside_others();
    let server = Server::start(&["--lag-limit", "100000"]);
    let (mut speaker, mut readers) = (server.join(), [server.join(), server.join(), server.join()]);
    let mut stopped = server.join();
    let child = server.child_of(&stopped);
    let address = stopped.stream.local_addr().unwrap().to_string();
    let message = format!("{}\0", "x".repeat(1000));
    talk_until_dropped(&server, &mut speaker, &mut readers, &message);
    // The line names the client, its backlog in bytes, and the duration.
    let line = server.program.err.line_with(&["lit trop lentement", &address, &format!("fils {child}")]);
    let bytes: u64 = line.split(" : ").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
    assert!((100_001..400_000).contains(&bytes), "{line}");
    assert!(line.contains("octets de retard depuis "), "{line}");
    server.wait_for_children(4);
    // The connection is closed, after the bytes that had been sent before.
    assert!(stopped.hears_the_end().len() > 1000);
    speaker.sends("et ça continue\0");
    readers.iter_mut().for_each(|reader| assert_eq!(reader.strings(1), ["et ça continue"]));
}

#[test]
fn a_dropped_reader_that_resumes_receives_the_reason() {
    let _machine = crate::beside_others();
    // The notice can be read for 500 ms. A busy machine may exceed that, not five times.
    let received = (0..5).any(|_| {
        let server = Server::start(&["--lag-limit", "1"]);
        let (mut speaker, mut stopped) = (server.join(), server.join());
        talk_until_dropped(&server, &mut speaker, &mut [], &format!("{}\0", "x".repeat(1000)));
        let strings = stopped.strings(usize::MAX);
        server.wait_for_children(1);
        strings.last().is_some_and(|last| {
            last.starts_with("chat_serveur : vous lisez trop lentement (") && last.ends_with("déconnecté")
        })
    });
    assert!(received, "never received, or not as a separate string");
}

#[test]
fn a_flood_is_slowed_to_its_readers_and_none_is_dropped() {
    let _machine = crate::beside_others();
    const MESSAGES: usize = 15_000;
    // A reader that takes nothing for 200 ms is dropped. A busy machine may exceed that, not ten
    // times.
    let none_is_dropped = (0..10).any(|_| {
        let server = Server::start(&["--pace", "0", "-q"]);
        let peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
        server.wait_for_children(4);
        let message = format!("{}\0", "m".repeat(999));
        let hears_all = |peer: &Peer| {
            let mut reader = peer.duplicate();
            // Readers that pause for 20 ms now and then.
            (0..60).all(|_| {
                let heard = reader.strings(2 * MESSAGES / 60).len();
                thread::sleep(std::time::Duration::from_millis(20));
                heard == 2 * MESSAGES / 60
            })
        };
        let (server, hears_all) = (&server, &hears_all);
        let all_heard = thread::scope(|scope| {
            for peer in &peers[..2] {
                let mut stream = &peer.stream;
                let message = &message;
                scope.spawn(move || (0..MESSAGES).all(|_| stream.write_all(message.as_bytes()).is_ok()));
            }
            let readers: Vec<_> = peers
                .iter()
                .map(|peer| {
                    scope.spawn(move || {
                        let heard = catch_unwind(AssertUnwindSafe(|| hears_all(peer)));
                        // Without the kill, the other readers would wait for messages of a dropped
                        // sender.
                        heard.unwrap_or(false) || {
                            server.program.signal(Signal::SIGKILL);
                            false
                        }
                    })
                })
                .collect();
            readers.into_iter().all(|reader| reader.join().unwrap())
        });
        all_heard && server.program.err.so_far().is_empty()
    });
    assert!(none_is_dropped);
}

#[test]
fn a_refused_client_that_stays_connected_is_closed() {
    let _machine = crate::beside_others();
    let server = Server::start(&["--max-clients", "1"]);
    let _inside = server.join();
    let sockets =
        || descriptors_of(server.pid()).iter().filter(|(_, what)| what.starts_with("socket:")).count();
    let before = sockets();
    let mut stays = server.connect();
    assert_eq!(stays.strings(1).len(), 1);
    eventually("its descriptor to be free", || (sockets() == before).then_some(()));
    drop(stays);
}

#[test]
fn the_soft_limit_of_descriptors_is_raised() {
    let _machine = crate::beside_others();
    let server = Server::from(Command::new("prlimit").args([
        "--nofile=64:4096",
        SERVER,
        "--bind",
        "127.0.0.1",
        "--port",
        "0",
    ]));
    let peers: Vec<Peer> = (0..100).map(|_| server.join()).collect();
    assert_eq!(server.children().len(), peers.len());
}

#[test]
fn the_hub_frees_messages_that_all_have_received() {
    let _machine = crate::beside_others();
    let server = Server::start(&["-q"]);
    let (mut speaker, mut listener) = (server.connect(), server.connect());
    server.wait_for_children(2);
    let message = "x".repeat(999) + "\0";
    for _ in 0..300 {
        speaker.sends(message.repeat(100));
        assert_eq!(speaker.strings(100).len() + listener.strings(100).len(), 200);
    }
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    let most: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    assert!(most < 20_000, "30 MB were said, and the hub needed {most} kB");
}
