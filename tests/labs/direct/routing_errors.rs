//! Texts that cannot be delivered, and the effect of one client on another.

use super::*;

use forklab::hub::record::HEADER;
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use std::io::{Read, Write};
use std::time::Duration;

#[test]
fn a_malformed_text_is_reported_to_its_sender_and_printed() {
    let server = server(&[]);
    let mut alice = join(&server, "alice");
    for text in ["hello", "%", "%alice", "%%hello", "% %hello", "alice%hello", " %alice%hello", ""] {
        let _row = Row::of(&text);
        alice.sends(format!("{text}\n"));
        alice.hears(format!("[ERROR] not of the form %name%message: \"{text}\"\n"));
        server.program.out.line_with(&[
            "[ERROR] alice",
            &address_of(&alice),
            &format!("not of the form %name%message: \"{text}\""),
        ]);
    }
    alice.sends("%alice%still here\n");
    alice.hears("still here\n");
}

#[test]
fn an_unknown_recipient_is_reported_to_the_sender_and_printed() {
    let server = server(&[]);
    let (mut alice, _bob) = (join(&server, "alice"), join(&server, "bob"));
    for name in ["carl", "Bob", "bo", "bobb", "b\u{1b}[2J"] {
        let _row = Row::of(&name);
        let shown = name.replace('\u{1b}', "^[");
        alice.sends(format!("%{name}%hello\n"));
        alice.hears(format!("[ERROR] no client is called \"{shown}\"\n"));
        server.program.out.line_with(&["[ERROR] alice", &format!("no client is called \"{shown}\"")]);
    }
}

#[test]
fn an_overlong_text_is_reported_once_and_skipped_to_its_end() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    for (length, end) in
        [(1023, "\n"), (1023, "\0"), (1024, "\0"), (2046, "\0\0"), (2046, "\r\n"), (100_000, "\n")]
    {
        let _row = Row::of(&(&length, &end));
        let text = format!("%bob%{}", "%bob%".repeat(length / 5 + 1));
        alice.sends(format!("{}{end}%bob%after {length}\n", &text[..length]));
        alice.hears("[ERROR] more than 1022 bytes without an end\n");
        bob.hears(format!("after {length}\n"));
    }
    server.program.out.line_with(&["[ERROR] alice", "more than 1022 bytes without an end"]);
    alice.sends("%alice%nothing more\n");
    alice.hears("nothing more\n");
}

#[test]
fn a_text_that_just_fills_a_read_without_an_end_does_not_swallow_the_next() {
    // No event tells that the wait for the rest is over. If a busy machine lets the child look only
    // after the next text has come, that text is taken for the rest; hence several attempts.
    let given = (0..5).any(|_| {
        let server = server(&[]);
        let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
        alice.sends([b'x'; 1023]);
        alice.hears("[ERROR] more than 1022 bytes without an end\n");
        std::thread::sleep(std::time::Duration::from_millis(1500));
        alice.sends("%bob%a text of its own\n%bob%and another\n");
        bob.line() == "a text of its own\n"
    });
    assert!(given, "taken for the rest in each of five attempts");
}

#[test]
fn a_recipient_that_has_left_is_unknown_even_before_its_process_is_reaped() {
    let server = server(&[]);
    let (mut alice, bob) = (join(&server, "alice"), join(&server, "bob"));
    let child = server.child_of(&bob);
    // The first process is stopped while bob leaves, bob's child reports it and ends, and alice
    // writes.
    server.program.signal(SIGSTOP);
    drop(bob);
    eventually("the end of bob's child", || (!is_alive(child)).then_some(()));
    alice.sends("%bob%too late\n");
    server.program.signal(SIGCONT);
    alice.hears("[ERROR] no client is called \"bob\"\n");
    has_left(&server, "bob");
    alice.sends("%bob%much too late\n");
    alice.hears("[ERROR] no client is called \"bob\"\n");
}

#[test]
fn a_recipient_that_leaves_while_messages_are_in_flight_affects_no_other_client() {
    let server = server(&[]);
    let (mut alice, mut carl) = (join(&server, "alice"), join(&server, "carl"));
    for round in 0..20 {
        let bob = join(&server, "bob");
        server.program.signal(SIGSTOP);
        alice.sends("%bob%on its way\n".repeat(50));
        // A reset or an orderly close. The first process, stopped, finds everything at once.
        if round % 2 == 0 {
            bob.resets()
        } else {
            drop(bob)
        }
        alice.sends("%bob%later\n".repeat(50));
        server.program.signal(SIGCONT);
        alice.sends(format!("%carl%{round}\n"));
        carl.hears(format!("{round}\n"));
        server.wait_for_children(2);
    }
    // Alice got errors for messages that the server knew to be lost, and nothing else.
    alice.half_closes();
    let told = String::from_utf8(alice.hears_the_end()).unwrap();
    assert!(told.lines().all(|line| line == "[ERROR] no client is called \"bob\""), "{told}");
}

#[test]
fn undelivered_messages_do_not_go_to_the_next_client_of_that_name() {
    let server = server(&[]);
    let mut alice = join(&server, "alice");
    let bob = join(&server, "bob");
    alice.sends("%bob%for the first\n".repeat(1000));
    alice.sends("%alice%done\n");
    alice.hears("done\n");
    drop(bob);
    server.wait_for_children(1);
    let mut bob = join(&server, "bob");
    alice.sends("%bob%for the second\n");
    bob.hears("for the second\n");
}

#[test]
fn a_recipient_that_does_not_read_is_disconnected_while_the_others_go_on() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    let (mut carl, mut dora) = (join(&server, "carl"), join(&server, "dora"));
    let mut errors = alice.duplicate();
    let reads = std::thread::spawn(move || std::io::copy(&mut errors.stream, &mut std::io::sink()));
    let flood = format!("%bob%{}\n", "x".repeat(1000)).repeat(100);
    let mut rounds = 0;
    while !server.program.err.so_far().contains("reads too slowly") {
        alice.sends(&flood);
        carl.sends(format!("%dora%{rounds}\n"));
        dora.hears(format!("{rounds}\n"));
        dora.sends(format!("%carl%{rounds}\n"));
        carl.hears(format!("{rounds}\n"));
        rounds += 1;
        assert!(rounds < 10_000, "never disconnected");
    }
    server.program.err.line_with(&["(parent) bob", &address_of(&bob), "reads too slowly", "sent away"]);
    server.wait_for_children(3);
    // The name is free, and the others have lost nothing. The line that the server prints for a new
    // client may be dropped, as its output is full of messages.
    let mut next = server.connect();
    next.sends("bob\n%bob%in\n");
    next.hears_up_to("in\n");
    carl.sends("%bob%welcome\n");
    next.hears_up_to("welcome\n");
    // The bytes in the client's socket are still readable: whole messages, and perhaps one in part,
    // before the connection ends.
    let heard = bob.hears_the_end();
    assert!(heard.starts_with(&[b'x'; 1000]));
    drop(server);
    reads.join().unwrap().ok();
}

/// True unless the recipient was disconnected: on a busy machine, it may seem to have stopped.
#[track_caller]
fn gets_a_line_of_another_sender_in_a_flood() -> bool {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    let mut carl = join(&server, "carl");
    nix::sys::socket::setsockopt(&bob.stream, nix::sys::socket::sockopt::RcvBuf, &(32 * 1024)).unwrap();
    let mut speaker = alice.duplicate();
    let flood = std::thread::spawn(move || {
        let lines = format!("%bob%{}\n", "x".repeat(900)).repeat(100);
        while speaker.stream.write_all(lines.as_bytes()).is_ok() {}
    });
    let told = std::thread::spawn(move || {
        alice.hears_up_to("[ERROR] \"bob\" reads too slowly: not delivered\n");
        carl.sends("%bob%from carl\n");
        let _ = std::io::copy(&mut alice.stream, &mut std::io::sink());
        carl
    });
    let (mut received, mut bytes) = (Vec::new(), [0; 8192]);
    let has_received = loop {
        match bob.stream.read(&mut bytes) {
            Ok(0) | Err(_) => break false,
            Ok(n) => received.extend_from_slice(&bytes[..n]),
        }
        // 1.6 MB/s at most, slower than the flood.
        std::thread::sleep(Duration::from_millis(5));
        let start = received.len().saturating_sub(20_000);
        if received[start..].windows(11).any(|part| part == b"\nfrom carl\n") {
            break true;
        }
    };
    let errors = server.program.err.so_far();
    assert_eq!(has_received, !errors.contains("sent away"), "{errors}");
    drop(server);
    flood.join().unwrap();
    told.join().unwrap();
    has_received
}

#[test]
fn a_flood_is_refused_for_a_recipient_that_reads_slowly_and_a_line_of_another_is_not() {
    assert!((0..5).any(|_| gets_a_line_of_another_sender_in_a_flood()), "disconnected five times");
}

#[test]
fn messages_sent_before_a_reset_are_delivered_although_errors_cannot_be() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    let child = server.child_of(&alice);
    alice.sends("no form\n");
    server.program.out.line_with(&["not of the form"]);
    server.program.signal(SIGSTOP);
    // More than the hub reads at once: between two reads it learns that the connection was reset,
    // as alice has unread bytes.
    let text = "no form\n".repeat(8000) + "%bob%the last word\n";
    alice.sends(&text);
    eventually("alice's child to have written all", || {
        let io = std::fs::read_to_string(format!("/proc/{child}/io")).unwrap_or_default();
        let written = io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse::<usize>().ok())?;
        // Each text with the header of its record.
        (written >= text.len() + 8001 * HEADER).then_some(())
    });
    drop(alice);
    server.program.signal(SIGCONT);
    bob.hears("the last word\n");
}

#[test]
fn a_client_that_sends_malformed_texts_and_reads_no_answer_is_disconnected() {
    let server = server(&[]);
    let (alice, mut carl) = (join(&server, "alice"), join(&server, "carl"));
    let mut speaker = alice.stream.try_clone().unwrap();
    let flood = std::thread::spawn(move || {
        let malformed = "no form\n".repeat(1000);
        while std::io::Write::write_all(&mut speaker, malformed.as_bytes()).is_ok() {}
    });
    server.program.err.line_with(&["(parent) alice", "reads too slowly"]);
    carl.sends("%carl%well\n");
    carl.hears("well\n");
    drop(alice);
    flood.join().unwrap();
}

#[test]
fn bytes_from_clients_are_printed_escaped() {
    let server = server(&[]);
    let mut eve = join(&server, "eve");
    let hostile = b"\x1b]0;title\x07\x1b[2J\x08\x7f\xc2\x9b31m\xe2\x80\xaeleft\xff";
    eve.sends([b"%eve%", &hostile[..], b"\n"].concat());
    eve.hears([&hostile[..], b"\n"].concat());
    eve.sends([&hostile[..], b"\n"].concat());
    eve.hears_up_to("\n");
    eve.sends([b"%", &hostile[..], b"%x\n"].concat());
    let told = "no client is called \"^[]0;title^G^[[2J^H^?<U+009B>31m<U+202E>left\\xff\"";
    eve.hears(format!("[ERROR] {told}\n"));
    let mut nameless = nameless(&server);
    nameless.sends([&hostile[..], b"\n"].concat());
    nameless.hears_the_end();
    server.program.out.line_with(&["refused as", "^[[2J"]);
    server.program.out.line_with(&["eve -> eve: ^[]0;title^G"]);
    let printed = server.program.out.so_far() + &server.program.err.so_far();
    assert!(printed.lines().all(forklab::text::is_plain), "{printed:?}");
}
