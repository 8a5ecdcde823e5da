//! Input that no browser sends, and floods.

use super::probes::PROBE;
use super::*;
use std::io::{Read, Write};

#[test]
fn a_ping_is_answered_between_two_messages() {
    let room = Room::open(&["--pace", "0"]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    for i in 0..200u8 {
        string.sends(format!("bob : {i}\0"));
        page.socket.send(Message::Ping(vec![i].into())).unwrap();
        // Both arrive whole, in either order.
        let mut heard = [page.socket.read().unwrap(), page.socket.read().unwrap()];
        heard.sort_by_key(Message::is_pong);
        assert_eq!(heard[1], Message::Pong(vec![i].into()));
        assert_eq!(json_of(heard[0].clone())["text"], i.to_string());
    }
}

#[test]
fn frames_for_one_page_alone_arrive_although_they_come_at_once() {
    let room = Room::open(&["--distinct-names"]);
    let (mut alice, mut eve) = (room.server.join(), room.enter_raw());
    alice.sends("alice : moi\0");
    eve.hears_up_to("moi\"}");
    let taken = frame(0x81, b"alice : moi aussi");
    eve.sends([&taken[..], &taken, &frame(0x89, b"un"), &frame(0x89, b"deux")].concat());
    eve.hears_up_to("est déjà pris");
    eve.hears_up_to("est déjà pris");
    // The pong to the last of several pings that came together.
    eve.hears_up_to("\u{4}deux");
}

#[test]
fn unread_answers_to_endless_pings_and_probes_are_not_kept_and_block_no_other_client() {
    for answered in [frame(0x89, &[b'x'; 125]).repeat(100), frame(0x81, PROBE).repeat(1000)] {
        let _row = Row::of(&answered[0]);
        let room = Room::open(&["--pace", "0", "-q"]);
        let (mut alice, mut eve) = (room.server.connect(), room.enter_raw());
        room.server.wait_for_children(2);
        let mut flood = |rounds: std::ops::Range<usize>| {
            for i in rounds {
                eve.sends(&answered);
                alice.sends(format!("alice : {i}\0"));
                alice.hears(format!("alice : {i}\0\0"));
            }
            private_memory_of(room.server.pid())
        };
        let (before, after) = (flood(0..100), flood(100..1000));
        assert!(after < before + 1024, "{before} kB, then {after} kB");
        // The page is still in the room.
        eve.sends(frame(0x81, b"eve : fin"));
        alice.hears("eve : fin\0\0");
    }
}

#[test]
fn endless_fragments_are_not_messages_and_block_no_other_client() {
    let room = Room::open(&["-q"]);
    let (mut alice, mut eve) = (room.server.connect(), room.enter_raw());
    let children = room.server.wait_for_children(2);
    eve.sends(frame(0x01, b"eve : "));
    let empty = frame(0x00, b"").repeat(1000);
    let mut flood = |rounds: std::ops::Range<usize>| {
        for i in rounds {
            eve.sends(&empty);
            alice.sends(format!("alice : {i}\0"));
            alice.hears(format!("alice : {i}\0\0"));
        }
        children.iter().map(|&child| private_memory_of(child)).max().unwrap()
    };
    let (before, after) = (flood(0..20), flood(20..200));
    assert!(after <= before + 64, "{before} kB, then {after} kB");
    eve.sends(frame(0x80, b"fin"));
    alice.hears("eve : fin\0\0");
}

#[test]
fn a_page_that_sends_without_end_blocks_no_other_client() {
    let room = Room::open(&["--pace", "0", "-q"]);
    let (mut alice, eve) = (room.server.connect(), room.enter_raw());
    room.server.wait_for_children(2);
    let mut reader = eve.duplicate();
    let mut talker = eve;
    let flood = frame(0x81, b"eve : encore").repeat(300);
    std::thread::scope(|scope| {
        // The page reads, so it is not a slow reader. Both threads run until the server ends the
        // connection.
        scope.spawn(move || while reader.stream.read(&mut [0; 65536]).is_ok_and(|bytes| bytes > 0) {});
        scope.spawn(move || while talker.stream.write_all(&flood).is_ok() {});
        for i in 0..20 {
            alice.sends(format!("alice : {i}\0"));
            alice.hears_up_to(&format!("alice : {i}\0"));
        }
        room.server.program.signal(nix::sys::signal::Signal::SIGTERM);
    });
}
