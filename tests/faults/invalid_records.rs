//! A compromised worker writes arbitrary bytes into the shared pipe: the hub accepts nothing that
//! it can refute, and the room goes on.
//!
//! The test plays the worker with the worker's key: `faults::pipe`.

use crate::common::*;

use super::pipe::{OpenServer, Sender, pipe_of, record, with_length};

use std::fs::File;
use std::io::Write;

use forklab::hub::record::{Batch, CHUNK, HEADER, Key, Kind, MAX_BODY};
use forklab::sys::Pid;

/// A message in the name of bob, which eve's worker must not be able to send.
const FORGED: &[u8] = b"bob : c'est moi\0";

/// A key that no worker has: the chance that it is drawn is one in 2^64.
const NOBODYS: Key = *b"nobody's";

/// Sec-WebSocket-Accept of the example handshake: RFC 6455, 1.3.
const ACCEPT: &[u8] = b"s3pPLMBiTxaQ9kYGzzhZRbK+xOo=";

/// Packets, each of which is detectably invalid. `child` is the running worker, `hub` its parent.
#[track_caller]
fn forgeries(child: Sender, hub: i32) -> Vec<Vec<u8>> {
    let message = Kind::Message as u8;
    let line = Kind::Line as u8;
    let whole = record(child, message, FORGED);
    let mut packets = vec![
        vec![0],
        vec![0xff; HEADER],
        vec![b'x'; 4096],
        // Wrong lengths: too short for the kind, beyond the packet, beyond any packet.
        with_length(child, message, FORGED.len() + 1, FORGED),
        with_length(child, message, MAX_BODY, FORGED),
        with_length(child, message, usize::from(u16::MAX), FORGED),
        record(child, message, b""),
        record(child, Kind::Left as u8, b"\0"),
        record(child, Kind::Read as u8, b"12345678"),
        // Lines or strings that would contain a second one.
        record(child, line, b"eve\n[09:00:00] bob : c'est moi"),
        record(child, line, b"eve\r[09:00:00] bob : c'est moi"),
        record(child, line, FORGED),
        record(child, message, b"bob : c'est moi"),
        // A message longer than one `read`, at whose end the course's client begins another.
        record(child, message, &[&b"eve : "[..], &[b'.'; CHUNK - 6], FORGED].concat()),
        // Records of workers of another protocol.
        record(child, line, b"bob : c'est moi"),
        record(child, Kind::Answer as u8, &[1]),
        record(child, Kind::Enter as u8, ACCEPT),
        record(child, Kind::Ping as u8, b"bob : c'est moi"),
        record(child, Kind::Probe as u8, b"bob : c'est moi"),
        // Strings without their end, followed by other records.
        [record(child, message, b"bob : c'est moi"), record(child, Kind::Read as u8, b"\0\0\0\0")].concat(),
        [record(child, message, b"bob : c'est moi"), record(child, line, b"eve")].concat(),
        [record(child, message, b"bob : c'est moi"), record(Sender { pid: hub, ..child }, message, b"\0")]
            .concat(),
        [record(child, message, b"bob : c'est moi"), whole[..HEADER].to_vec()].concat(),
    ];
    packets.extend((1..HEADER).map(|cut| whole[..cut].to_vec()));
    packets.extend([0, 5, 99, 255].map(|kind| record(child, kind, FORGED)));
    packets.extend(
        [hub, 1, 0, -1, i32::MIN, i32::MAX].map(|pid| record(Sender { pid, key: NOBODYS }, message, FORGED)),
    );
    packets.push(record(Sender { key: NOBODYS, ..child }, message, FORGED));
    packets
}

/// A room of alice, bob and eve, the pipe of eve's worker, and her worker. `None`: skipped.
#[track_caller]
fn taken_over() -> Option<(OpenServer, [Peer; 3], File, Sender)> {
    let open = OpenServer::start(&[])?;
    let peers = [open.server.join(), open.server.join(), open.server.join()];
    let child = open.sender(&peers[2], 2);
    let pipe = pipe_of(child.pid);
    Some((open, peers, pipe, child))
}

#[test]
fn an_invalid_packet_is_dropped_and_reported_and_loses_nothing_else() {
    let Some((open, [mut alice, mut bob, mut eve], mut pipe, child)) = taken_over() else { return };
    let server = &open.server;
    let packets = forgeries(child, server.pid());
    for (i, packet) in packets.iter().enumerate() {
        let _row = Row::of(&(&i, &packet));
        pipe.write_all(packet).expect("a packet");
        alice.sends(format!("alice : {i}\0"));
        for peer in [&mut alice, &mut bob, &mut eve] {
            peer.hears(format!("alice : {i}\0\0"));
        }
    }
    server.program.err.line_with(&["(père) le tube contient autre chose", "(1 fois)"]);
    server.program.err.line_with(&["(père) le tube contient autre chose", "(16 fois)"]);
    // The client of the worker is still in the room.
    eve.sends("eve : et moi ?\0");
    bob.hears("eve : et moi ?\0\0");
    let said = server.program.out.so_far();
    assert!(!said.contains("c'est moi"), "{said}");
}

#[test]
fn the_records_before_an_invalid_one_are_relayed_and_those_after_it_are_dropped() {
    let Some((open, [mut alice, mut bob, _eve], mut pipe, child)) = taken_over() else { return };
    let server = &open.server;
    let good = record(child, Kind::Message as u8, b"eve : avant\0");
    let bad = record(child, 77, b"x");
    pipe.write_all(&[&good[..], &bad, &record(child, Kind::Message as u8, FORGED)].concat()).unwrap();
    bob.hears("eve : avant\0");
    alice.sends("alice : bonjour\0");
    bob.hears("alice : bonjour\0\0");
    server.program.err.line_with(&["le tube contient autre chose", "(1 fois)"]);
}

#[test]
fn a_flood_of_junk_neither_stops_the_room_nor_fills_the_log() {
    let Some((open, [mut alice, mut bob, _eve], mut pipe, child)) = taken_over() else { return };
    let server = &open.server;
    let packets = forgeries(child, server.pid());
    let flood = std::thread::spawn(move || {
        let mut written = 0u64;
        // Until the server ends.
        while packets.iter().all(|packet| pipe.write_all(packet).is_ok()) {
            written += packets.len() as u64;
        }
        written
    });
    for i in 0..500 {
        alice.sends(format!("alice : {i}\0"));
        bob.hears(format!("alice : {i}\0\0"));
    }
    server.program.err.line_with(&["(1024 fois)"]);
    let reported = server.program.err.so_far().lines().count();
    assert!(reported <= 64, "{reported} lines");
    drop(open);
    assert!(flood.join().unwrap() > 0);
}

#[test]
fn a_forged_departure_disconnects_no_client() {
    let Some((open, [mut alice, mut bob, mut eve], mut pipe, child)) = taken_over() else { return };
    let server = &open.server;
    let bobs = Sender { pid: server.child_of(&bob), key: NOBODYS };
    for sender in [bobs, Sender { key: NOBODYS, ..child }] {
        let _row = Row::of(&sender);
        pipe.write_all(&record(sender, Kind::Left as u8, &104i32.to_ne_bytes())).unwrap();
    }
    alice.sends("alice : qui est là ?\0");
    for peer in [&mut alice, &mut bob, &mut eve] {
        peer.hears("alice : qui est là ?\0\0");
    }
    bob.sends("bob : moi\0");
    alice.hears("bob : moi\0\0");
    assert_eq!(server.children().len(), 3);
}

#[test]
fn a_worker_that_reports_a_departure_and_lives_on_is_ended() {
    let Some((open, [mut alice, mut bob, mut eve], mut pipe, child)) = taken_over() else { return };
    let server = &open.server;
    let left = record(child, Kind::Left as u8, &0i32.to_ne_bytes());
    let later = record(child, Kind::Message as u8, b"eve : encore moi\0");
    pipe.write_all(&[left, later].concat()).unwrap();
    assert_eq!(eve.hears_the_end(), b"");
    server.wait_for_children(2);
    alice.sends("alice : qui est là ?\0");
    for peer in [&mut alice, &mut bob] {
        peer.hears("alice : qui est là ?\0\0");
    }
    server.program.err.line_with(&["le tube contient autre chose", "(1 fois)"]);
    server.program.out.line_with(&["est parti", &child.pid.to_string(), "2 en ligne"]);
}

#[test]
fn a_browser_that_gives_way_while_its_request_is_read_is_no_junk_in_the_pipe() {
    let Some(open) = OpenServer::start(&["--web", "0"]) else { return };
    let server = &open.server;
    let web = web_of(server);
    let mut oldest = Peer::connect(web);
    let pid = server.wait_for_children(1)[0];
    let child = Sender { pid, key: open.keys(1)[0] };
    let _silent: Vec<Peer> = (1..128).map(|_| Peer::connect(web)).collect();
    server.wait_for_children(128);
    // Its answer is in the pipe when the hub accepts one connection more than it lets wait.
    stop(server.pid());
    pipe_of(pid).write_all(&record(child, Kind::Answer as u8, &[1])).unwrap();
    let _newest = Peer::connect(web);
    send(server.pid(), nix::sys::signal::Signal::SIGCONT);
    let answer = String::from_utf8(oldest.hears_the_end()).unwrap();
    assert!(answer.starts_with("HTTP/1.1 503"), "{answer}");
    // The pipe keeps the order of writes.
    let mut alice = server.join();
    alice.sends("alice : bonjour\0");
    alice.hears("alice : bonjour\0\0");
    assert_eq!(server.program.err.so_far(), "");
}

/// The address of the `--web` port.
#[track_caller]
fn web_of(server: &Server) -> std::net::SocketAddr {
    let url = server.program.out.web_url();
    url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address")
}

#[test]
fn the_packets_of_this_test_have_the_format_of_real_workers() {
    // Guards [`record`]: forgeries in a wrong format would prove nothing.
    let Some((_server, [_alice, mut bob, _eve], mut pipe, child)) = taken_over() else { return };
    let mut batch = Batch::new(Pid::from_raw(child.pid), &child.key);
    assert!(batch.push_message(b"eve : bonjour\0"));
    assert_eq!(batch.close(), record(child, Kind::Message as u8, b"eve : bonjour\0\0"));
    pipe.write_all(batch.close()).unwrap();
    bob.hears("eve : bonjour\0\0");
}

#[test]
fn a_web_worker_may_write_only_the_records_of_its_current_state() {
    let Some(open) = OpenServer::start(&["--web", "0"]) else { return };
    let server = &open.server;
    let (mut alice, mut eve) = (server.join(), Peer::connect(web_of(server)));
    let alices = server.child_of(&alice);
    let pid = *server.wait_for_children(2).iter().find(|&&child| child != alices).unwrap();
    let child = Sender { pid, key: open.keys(2)[1] };
    let mut pipe = pipe_of(pid);
    let mut forge = |kind: Kind, body: &[u8], times: u32| {
        pipe.write_all(&record(child, kind as u8, body)).unwrap();
        server.program.err.line_with(&["(père) le tube contient autre chose", &format!("({times} fois)")]);
    };
    // Before the handshake, a web worker sends no line, ping or C string, and answer 0 does not
    // exist.
    forge(Kind::Line, b"eve : moi", 1);
    forge(Kind::Ping, b"", 2);
    pipe_of(pid).write_all(&record(child, Kind::Message as u8, FORGED)).unwrap();
    forge(Kind::Answer, &[0], 4);
    // Its peer is no trusted proxy: an address in the handshake does not count.
    let elsewhere = std::net::Ipv4Addr::new(203, 0, 113, 9).to_ipv6_mapped().octets();
    // After the handshake: no second handshake, no HTTP answer, no C string.
    pipe_of(pid).write_all(&record(child, Kind::Enter as u8, &[ACCEPT, &elsewhere].concat())).unwrap();
    eve.hears_up_to("{\"hello\"");
    for (kind, body) in [(Kind::Enter, ACCEPT), (Kind::Answer, &[1][..]), (Kind::Message, FORGED)] {
        let _row = Row::of(&(&kind, &body));
        pipe_of(pid).write_all(&record(child, kind as u8, body)).unwrap();
    }
    forge(Kind::Read, b"1234", 8);
    pipe_of(pid).write_all(&record(child, Kind::Line as u8, b"eve : moi")).unwrap();
    alice.hears("eve : moi\0\0");
    // A close code that must not be sent is not sent: RFC 6455, 7.4.1.
    pipe_of(pid).write_all(&record(child, Kind::Left as u8, &(-1006i32).to_ne_bytes())).unwrap();
    let last = eve.hears_the_end();
    assert!(last.ends_with(&[0x88, 2, 0x03, 0xea]), "{last:?}");
    let printed = server.program.out.so_far();
    assert!(!printed.contains("203.0.113.9"), "{printed}");
}
