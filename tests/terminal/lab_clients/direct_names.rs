//! `direct_client`: completion of names, and messages and errors that arrive while a line is typed.

use super::*;

/// `alice`, and a server that the test plays and that has received her name.
#[track_caller]
fn alice() -> (Emulator, Peer) {
    let (mut alice, mut server) = with_fake_server(DIRECT);
    server.hears("alice\n");
    alice.cursor_is_behind("alice> ");
    (alice, server)
}

#[track_caller]
fn status(server: &Peer) -> String {
    format!("── connected · {} · alice · Tab completes names", place(server))
}

#[test]
fn messages_and_errors_do_not_disturb_the_typed_line() {
    let (mut alice, mut server) = alice();
    alice.types("hello\r%bob%how a");
    let row = "alice> %bob%how a";
    let mistake = ["alice> hello", "-- not sent: write %name%message, as %bob%hello"];
    alice.ends_with(&[mistake[0], mistake[1], &status(&server), row]);
    server.sends("bob: hi \x1b[2J\n[ERROR] no client is called \"carl\"\n");
    let heard = ["bob: hi ^[[2J", "[ERROR] no client is called \"carl\""];
    alice.ends_with(&[mistake[1], heard[0], heard[1], &status(&server), row]);
    alice.types("re you\r");
    server.hears("%bob%alice: how are you\n");
    alice.ends_with(&[heard[1], "alice> %bob%how are you", &status(&server), "alice>"]);
}

#[test]
fn a_message_in_pieces_is_shown_as_one_row() {
    let (mut alice, mut server) = alice();
    server.sends("bob: one ");
    server.sends("and\ncarl: two\n");
    alice.ends_with(&["carl: two", &status(&server), "alice>"]);
}

#[test]
fn messages_without_a_newline_are_shown_and_leave_the_prompt_alone() {
    let (mut alice, mut server) = alice();
    alice.types("%bob%draft");
    server.sends("bob: no newline");
    let row = "alice> %bob%draft";
    alice.ends_with(&["bob: no newline", &status(&server), row]);
    server.sends("carl: none either");
    alice.ends_with(&["bob: no newline", "carl: none either", &status(&server), row]);
    // A late newline ends the line that is shown already.
    server.sends("\nbob: with one\n");
    alice.ends_with(&["carl: none either", "bob: with one", &status(&server), row]);
}

#[test]
fn two_clients_of_ours_talk() {
    let server = Server::of(DIRECT_SERVER, &[]);
    let start = |name| Emulator::start(SIZE, &[], DIRECT, &[name, "--port", &server.port()]);
    let (mut alice, mut bob) = (start("alice"), start("bob"));
    server.program.out.line_with(&["bob", "2 connected"]);
    server.program.out.line_with(&["alice"]);
    alice.types("%bob%hello\r");
    bob.sees("the message", |screen| screen.contents().contains("\nalice: hello\n").then_some(()));
    // Tab completes the name of the sender.
    bob.types("\thi yourself\r%bob");
    alice.sees("the answer", |screen| screen.contents().contains("\nbob: hi yourself\n").then_some(()));
    bob.cursor_is_behind("bob> %bob");
}

#[test]
fn tab_completes_senders_and_recipients_latest_first() {
    let (mut alice, mut server) = alice();
    server.sends("Bob: hi\nbernard: hi\ncarl: hi\n");
    alice.sees("all three", |screen| screen.contents().contains("carl: hi").then_some(()));
    alice.types("%b\t");
    alice.cursor_is_behind("alice> %bernard%");
    alice.types("\t");
    alice.cursor_is_behind("alice> %Bob%");
    alice.types("\t");
    alice.cursor_is_behind("alice> %b");
    // Also without the leading %, and on an empty line.
    alice.types("\x15be\t");
    alice.cursor_is_behind("alice> %bernard%");
    alice.types("\x15\t");
    alice.cursor_is_behind("alice> %carl%");
    alice.types("\x15%deux mots%hello\r");
    server.hears("%deux mots%alice: hello\n");
    alice.types("%deux\t!");
    alice.cursor_is_behind("alice> %deux mots%!");
    alice.types("\x15\tx\r");
    server.hears("%deux mots%alice: x\n");
}

#[test]
fn an_invalid_name_is_not_offered() {
    let (mut alice, mut server) = alice();
    let long = "x".repeat(65);
    server.sends(format!(
        "[ERROR] direct_serveur: no\nx\x1b[2J: a\nx%y: b\n{long}: c\nxyz\nx\u{202e}: d\nend\n"
    ));
    alice.sees("all of it", |screen| screen.contents().contains("\nend\n").then_some(()));
    alice.types("\t%x\t");
    alice.cursor_is_behind("alice> %x");
}

#[test]
fn a_flood_goes_into_the_scrollback_whole_and_in_order() {
    let (mut alice, mut server) = alice();
    alice.types("%bob%draft");
    server.sends((1..=1000).map(|i| format!("bob: number {i} of the flood\n")).collect::<String>());
    alice.ends_with(&["bob: number 1000 of the flood", &status(&server), "alice> %bob%draft"]);
    let all = alice.with_scrollback();
    let heard: Vec<&String> = all.iter().filter(|row| row.ends_with(" of the flood")).collect();
    let expected: Vec<String> = (1..=1000).map(|i| format!("bob: number {i} of the flood")).collect();
    assert_eq!(heard, expected.iter().collect::<Vec<_>>());
    assert_eq!(all.iter().filter(|row| row.starts_with("──") || row.starts_with("alice>")).count(), 2);
}
