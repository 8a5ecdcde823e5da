//! Terminals that become wider and narrower.

use super::*;

/// A terminal without reflow: xterm, and this emulator.
#[test]
fn after_each_new_size_the_rows_are_drawn_once() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    server.join().sends("bob : salut\0");
    alice.types("brouillon");
    alice.ends_with(&["bob : salut", &status(&server, "1 message"), "alice> brouillon"]);
    for (columns, rows, shown) in
        [(30, 10, "── connecté · alice"), (12, 10, "── connecté"), (100, 30, &*status(&server, "1 message"))]
    {
        alice.becomes(columns, rows);
        let line = if columns < 20 { "> <" } else { "alice> brouillon" };
        alice.sees("the rows, once", |screen| {
            let all = screen.contents();
            let is_right = all.lines().rev().nth(1) == Some(shown) && all.lines().last()?.starts_with(line);
            (is_right && all.matches("──").count() == 1 && all.matches("bob : ").count() <= 1).then_some(())
        });
    }
    server.join().sends("bob : encore\0");
    alice.ends_with(&["bob : encore", &status(&server, "2 messages"), "alice> brouillon"]);
}

#[test]
fn no_size_is_too_small() {
    let server = Server::start(&[]);
    let mut alice = alice(&server);
    let mut bob = server.join();
    alice.types("日本語 e\u{301} texte");
    for (columns, rows) in [(1, 1), (2, 2), (20, 3), (3, 20), (60, 1), (5, 5)] {
        alice.becomes(columns, rows);
        bob.sends("bob : salut 日本\0");
        bob.strings(1);
        alice.types("x\x7f\x01\x05");
    }
    alice.becomes(60, 10);
    alice.ends_with(&[&status(&server, "6 messages"), "alice> 日本語 e\u{301} texte"]);
    alice.types("\x03");
    assert_eq!(alice.terminal.ends().code(), Some(0));
}

#[test]
fn a_terminal_that_starts_out_tiny_is_one_to_talk_on() {
    let server = Server::start(&[]);
    let mut alice = Emulator::start((1, 1), &[], CLIENT, &["127.0.0.1", "alice", "--port", &server.port()]);
    let mut bob = server.join();
    server.settle(2);
    alice.types("salut\r");
    assert_eq!(bob.strings(1), ["alice : salut"]);
}
