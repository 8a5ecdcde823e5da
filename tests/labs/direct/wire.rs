//! Section 7 of docs/PROTOCOLS.md, sentence by sentence.

use super::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::thread;
use std::time::Duration;

/// Half-closes `peer` and expects `expected` as everything that is left to read.
#[track_caller]
fn has_heard_all(peer: &mut Peer, expected: &str) {
    peer.half_closes();
    assert_eq!(String::from_utf8_lossy(&peer.hears_the_end()), expected);
}

#[test]
fn a_message_goes_to_the_client_of_that_name_and_to_no_other() {
    let server = server(&[]);
    let (mut alice, mut bob, mut carl) =
        (join(&server, "alice"), join(&server, "bob"), join(&server, "carl"));
    alice.sends("%bob%hello\n");
    bob.hears("hello\n");
    carl.sends("%alice%good morning\n");
    alice.hears("good morning\n");
    [alice, bob, carl].iter_mut().for_each(|peer| has_heard_all(peer, ""));
}

#[test]
fn a_client_receives_nothing_but_its_messages_and_errors() {
    let server = server(&[]);
    let mut bob = join(&server, "bob");
    let mut alice = join(&server, "alice");
    alice.sends("%bob%one\n");
    server.program.out.line_with(&["alice -> bob: one"]);
    // Arrivals are not announced, and a message does not carry the name of its sender.
    has_heard_all(&mut bob, "one\n");
    has_heard_all(&mut alice, "");
}

#[test]
fn everything_after_the_second_percent_sign_is_the_message() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    for message in ["100% of %carl%", "%", "%%%%", "", "  spaces  stay  ", "é\u{1b}[1m\u{b}\t", "bob"] {
        let _row = Row::of(&message);
        alice.sends(format!("%bob%{message}\n"));
        bob.hears(format!("{message}\n"));
    }
    alice.sends(b"%bob%no UTF-8: \xff\xfe\n");
    bob.hears(b"no UTF-8: \xff\xfe\n");
}

#[test]
fn a_client_may_write_to_itself() {
    let server = server(&[]);
    let mut alice = join(&server, "alice");
    alice.sends("%alice%do not forget\n");
    alice.hears("do not forget\n");
    server.program.out.line_with(&["alice -> alice: do not forget"]);
}

#[test]
fn every_end_of_text_that_students_clients_send_is_understood() {
    let server = server(&["--max-clients", "20"]);
    let mut bob = join(&server, "bob");
    let padded = |text: &str| format!("{text:\0<50}");
    type End<'a> = (&'a str, &'a dyn Fn(&str) -> String);
    let ends: [End; 6] = [
        ("newline", &|text| format!("{text}\n")),
        ("CR LF", &|text| format!("{text}\r\n")),
        ("NUL", &|text| format!("{text}\0")),
        ("newline and NUL", &|text| format!("{text}\n\0")),
        ("padding with NULs", &padded),
        // No end at all: the text ends with the wait for its rest.
        ("silence", &str::to_string),
    ];
    for (i, (end_name, end)) in ends.into_iter().enumerate() {
        let _row = Row::of(&end_name);
        let (mut sender, name) = (server.connect(), format!("client {i}"));
        sender.sends(end(&name));
        server.program.out.line_with(&[&format!("{name} is {}", address_of(&sender))]);
        for message in ["hello", "100% sure"] {
            let _row = Row::of(&message);
            sender.sends(end(&format!("%bob%{message}")));
            bob.hears(format!("{message}\n"));
        }
        has_heard_all(&mut sender, "");
    }
}

#[test]
fn texts_do_not_depend_on_tcp_segmentation() {
    let server = server(&[]);
    let mut bob = join(&server, "bob");
    let mut alice = server.connect();
    // All in one segment, the name first.
    alice.sends("alice\n%bob%one\0%bob%two\r\n%carl%three\n%bob%four\0\0\0%bob%five\n");
    bob.hears("one\ntwo\nfour\nfive\n");
    alice.hears("[ERROR] no client is called \"carl\"\n");
    // The wait for the rest of a text is 300 ms. A busy machine may exceed that, not ten times.
    let whole = (0..10).any(|_| {
        for byte in b"%bob%byte by byte\n" {
            alice.sends([*byte]);
        }
        alice.sends("%bob%end\n");
        let heard: Vec<String> =
            std::iter::repeat_with(|| bob.line()).take_while(|line| line != "end\n").collect();
        heard == ["byte by byte\n"]
    });
    assert!(whole, "not whole in any of ten attempts");
}

#[test]
fn spaces_around_a_name_are_ignored() {
    let server = server(&[]);
    let mut bob = nameless(&server);
    bob.sends("  bob \r\n");
    server.program.out.line_with(&["(parent) bob is", &address_of(&bob)]);
    bob.sends("%bob%one\n% bob %two\n");
    bob.hears("one\ntwo\n");
}

#[test]
fn the_longest_text_passes_whole() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    let message = "x".repeat(1022 - "%bob%".len());
    for end in ["\n", "\0"] {
        let _row = Row::of(&end);
        alice.sends(format!("%bob%{message}{end}"));
        bob.hears(format!("{message}\n"));
    }
}

#[test]
fn a_burst_of_1000_arrives_whole_and_in_order() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    (0..1000).for_each(|i| alice.sends(format!("%bob%message {i}\n")));
    let expected: String = (0..1000).map(|i| format!("message {i}\n")).collect();
    bob.hears(expected);
}

#[test]
fn messages_of_three_simultaneous_senders_each_arrive_in_order() {
    let server = server(&[]);
    let names = ["alice", "bob", "carl"];
    let mut zoe = join(&server, "zoe");
    let senders: Vec<Peer> = names.iter().map(|name| join(&server, name)).collect();
    let mut heard = Vec::new();
    thread::scope(|scope| {
        for (name, sender) in names.iter().zip(&senders) {
            let _row = Row::of(&name);
            let mut sender = sender.duplicate();
            scope.spawn(move || (0..1000).for_each(|i| sender.sends(format!("%zoe%{name} {i}\n"))));
        }
        let bytes = names.iter().map(|name| (0..1000).map(|i| format!("{name} {i}\n").len()).sum::<usize>());
        let mut bytes_left = bytes.sum::<usize>();
        while bytes_left > 0 {
            let mut part = vec![0; bytes_left.min(65536)];
            let n = std::io::Read::read(&mut zoe.stream, &mut part).unwrap();
            assert!(n > 0, "the end came before {bytes_left} bytes");
            heard.extend_from_slice(&part[..n]);
            bytes_left -= n;
        }
    });
    let heard = String::from_utf8(heard).unwrap();
    for name in names {
        let _row = Row::of(&name);
        let own = heard.lines().filter(|line| line.starts_with(name));
        let expected = (0..1000).map(|i| format!("{name} {i}"));
        assert!(own.eq(expected), "not all that {name} sent, or not in order");
    }
}

#[test]
fn messages_sent_before_a_half_close_are_delivered_and_answered() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    alice.sends("%bob%one\n%carl%two\n%alice%three\n%bob%four");
    has_heard_all(&mut alice, "[ERROR] no client is called \"carl\"\nthree\n");
    bob.hears("one\nfour\n");
}

#[test]
fn the_server_prints_arrivals_messages_errors_and_departures() {
    let server = server(&[]);
    let out = &server.program.out;
    let (mut alice, bob) = (join(&server, "alice"), nameless(&server));
    let (a, b) = (address_of(&alice), address_of(&bob));
    let (child_a, child_b) = (server.child_of(&alice), server.child_of(&bob));
    out.line_with(&[&format!("(parent) new client {a}: descriptor 6, child {child_a}, 1 connected")]);
    out.line_with(&[&format!("(parent) alice is {a}, descriptor 6, child {child_a}; 1 connected: alice")]);
    out.line_with(&[&format!("(parent) new client {b}: descriptor 7, child {child_b}, 2 connected")]);
    let mut bob = bob;
    bob.sends("bob\n");
    out.line_with(&[&format!("(parent) bob is {b}, descriptor 7, child {child_b}; 2 connected: alice, bob")]);
    alice.sends("%bob%hello\n");
    out.line_with(&[&format!("(child {child_a}) alice -> bob: hello")]);
    alice.sends("hello\n%carl%hello\n");
    out.line_with(&[&format!(
        "(child {child_a}) [ERROR] alice ({a}): not of the form %name%message: \"hello\""
    )]);
    out.line_with(&[&format!("(child {child_a}) [ERROR] alice ({a}): no client is called \"carl\"")]);
    // Closing with unread bytes would be a reset.
    alice.hears_up_to("carl\"\n");
    let _nameless = nameless(&server);
    drop(alice);
    out.line_with(&[&format!(
        "(parent) alice ({a}) left; child {child_a} ended, 2 connected: bob, 1 without a name"
    )]);
    bob.resets();
    out.line_with(&[&format!(
        "(parent) bob ({b}) vanished (Connection reset by peer); child {child_b} ended"
    )]);
    // The printed number of clients agrees with /proc.
    assert_eq!(server.wait_for_children(1).len(), 1);
}

#[test]
fn only_the_server_sends_lines_that_begin_like_its_errors() {
    let server = server(&[]);
    let (mut alice, mut bob) = (join(&server, "alice"), join(&server, "bob"));
    alice.sends("%bob%[ERROR] direct_serveur: the name is taken\n%bob%[error] no\n");
    bob.hears(" [ERROR] direct_serveur: the name is taken\n[error] no\n");
}

#[test]
fn a_text_in_two_segments_with_a_short_pause_is_one_text() {
    // Two texts, if a busy machine makes the pause longer than the server's wait; hence several
    // attempts.
    let whole = (0..10).any(|_| {
        let server = server(&[]);
        let mut bob = join(&server, "bob");
        let mut alice = nameless(&server);
        alice.sends("ali");
        thread::sleep(Duration::from_millis(60));
        alice.sends("ce\n");
        alice.sends("%bob%hel");
        thread::sleep(Duration::from_millis(60));
        alice.sends("lo\n");
        alice.sends("%bob%end\n");
        bob.line() == "hello\n" && bob.line() == "end\n"
    });
    assert!(whole, "not whole in any of ten attempts");
}

#[test]
fn a_text_without_an_end_that_is_held_is_delivered_at_the_end_of_the_server() {
    let pieces: [(&[&str], &str); 2] =
        [(&["%bob%salut"], "salut\n"), (&["%bob%x", "y\n%bob%salut"], "xy\nsalut\n")];
    for (signal, (pieces, heard)) in [SIGTERM, SIGINT].into_iter().zip(pieces) {
        let _row = Row::of(&(signal, pieces));
        // The worker of a busy machine may not have read them yet.
        eventually("the text", || {
            let mut server = server(&["-v"]);
            let [mut alice, mut bob] = ["alice", "bob"].map(|name| join(&server, name));
            for piece in pieces {
                alice.sends(piece);
                // The last is held for 300 ms.
                thread::sleep(Duration::from_millis(100));
            }
            server.program.signal(signal);
            assert!(server.program.ends().success());
            (bob.hears_the_end() == heard.as_bytes()).then_some(())
        });
    }
}
