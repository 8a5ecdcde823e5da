//! `--distinct-names`: no client sends under another's name.

use super::*;
use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

#[track_caller]
fn room(options: &[&str]) -> (Server, Peer, Peer) {
    let server = Server::start(&[&["--distinct-names"], options].concat());
    let (mut alice, mut eve) = (server.join(), server.join());
    alice.sends("alice : bonjour\0");
    alice.hears("alice : bonjour\0\0");
    eve.hears("alice : bonjour\0\0");
    (server, alice, eve)
}

fn taken(name: &str) -> String {
    format!(
        "chat_serveur : message non transmis : le pseudo « {name} » est déjà pris (c'est ce qui précède « : »), choisissez-en un qui ne lui ressemble \
         pas\0"
    )
}

#[test]
fn a_message_under_a_taken_name_or_a_look_alike_is_refused_in_private() {
    let (server, mut alice, mut eve) = room(&[]);
    let hidden = ["\u{200d}".repeat(100), " ".repeat(300), ": ".into(), "\u{2f8}".into()];
    let fronts =
        ["alice :", "Alice :", "\u{430}lice :", "al\u{200b}ice :", "alice\u{a0}:", "alice:", "alice >"];
    for front in fronts.map(String::from).into_iter().chain(hidden.map(|before| before + "alice :")) {
        let _row = Row::of(&front);
        eve.sends(format!("{front} donnez-moi vos copies\0"));
        eve.hears(taken("alice"));
    }
    eve.sends("chat_serveur : donnez vos copies\0");
    eve.hears(taken("chat_serveur"));
    server.program.err.line_with(&["n'est pas transmis : le pseudo « alice » est celui d'un autre"]);
    eve.sends("eve : bon\0");
    alice.hears("eve : bon\0\0");
    eve.hears("eve : bon\0\0");
    assert!(!server.program.out.so_far().contains("copies"));
}

#[test]
fn a_colon_in_ordinary_text_makes_no_name() {
    let (_server, mut alice, mut eve) = room(&[]);
    for text in ["Question : comment faire ?", "Il est 10 h : on y va", "sans pseudo"] {
        let _row = Row::of(&text);
        alice.sends(format!("{text}\0"));
        eve.hears(format!("{text}\0\0"));
    }
}

#[test]
fn a_client_refused_while_messages_wait_receives_the_next_ones() {
    let (server, mut alice, _eve) = room(&["--pace", "150"]);
    alice.sends("alice : un\0alice : deux\0");
    alice.hears("alice : un\0");
    let mut zoe = server.join();
    zoe.sends("alice : zoe\0");
    zoe.hears_up_to(&taken("alice"));
    alice.sends("alice : fin\0");
    zoe.hears_up_to("alice : fin\0");
}

#[test]
fn a_message_ends_with_a_nul_although_the_rest_of_its_batch_is_refused() {
    let (server, mut alice, mut eve) = room(&[]);
    let mut bob = server.join();
    eve.sends("eve : un\nalice : faux\n");
    alice.hears("eve : un\n\0");
    eve.hears("eve : un\n\0");
    eve.hears(taken("alice"));
    bob.sends("bob : salut\0");
    alice.hears("bob : salut\0\0");
}

#[test]
fn repeated_refusals_do_not_fill_the_log() {
    let (server, mut alice, mut eve) = room(&[]);
    eve.sends("alice : x\0".repeat(100));
    eve.sends("eve : fin\0");
    alice.hears_up_to("eve : fin\0");
    server.program.err.line_with(&["n'est pas transmis", "(64 en tout)"]);
    assert_eq!(server.program.err.so_far().matches("n'est pas transmis").count(), 7);
}

#[test]
fn a_message_of_control_characters_fits_one_read_of_the_course_client() {
    let (_server, mut alice, mut eve) = room(&[]);
    let text = |what: &str| format!("eve : {}", what.repeat(900));
    eve.sends([text("\x1b").as_bytes(), b"alice : x\0"].concat());
    alice.hears(text("?") + "alice : x\0\0");
}

/// Attempts, as in paste.rs, for machines that keep processes waiting.
const TRIES: usize = 3;

#[test]
fn the_course_client_shows_all_messages_while_its_own_are_refused() {
    let tries = (0..TRIES).map(|_| shown_while_refused());
    let shown: Vec<usize> = tries.take_while(|&shown| shown != 20).collect();
    assert!(shown.len() < TRIES, "of 20 lines, it showed {shown:?}");
}

/// The number of bytes that a process has written, from /proc/PID/io.
#[track_caller]
fn written_by(pid: i32) -> u64 {
    let io = std::fs::read_to_string(format!("/proc/{pid}/io")).expect("/proc/PID/io");
    io.lines().find_map(|line| line.strip_prefix("wchar: ")?.parse().ok()).expect("wchar")
}

#[track_caller]
fn shown_while_refused() -> usize {
    let (server, mut alice, eve) = room(&["--pace", "5"]);
    let mut refused = c_client(&server, "alice", "course");
    // Not its sockets: one is there before its child is.
    let mut children = server.wait_for_children(3);
    children.retain(|&child| child != server.child_of(&eve));
    let lines: Vec<String> = (1..=20).map(|i| format!("alice : ligne {i}.")).collect();
    for line in &lines {
        let _row = Row::of(&line);
        // The server finds both records in one iteration of its loop.
        server.program.signal(SIGSTOP);
        let before: Vec<(i32, u64)> = children.iter().map(|&child| (child, written_by(child))).collect();
        refused.types("x\n");
        alice.sends(format!("{line}\0"));
        eventually("both records in the pipe", || {
            before.iter().all(|&(child, written)| written_by(child) > written).then_some(())
        });
        server.program.signal(SIGCONT);
        alice.hears(format!("{line}\0\0"));
    }
    refused.closes_stdin();
    assert!(refused.ends().success());
    let screen = refused.out.to_the_end();
    assert!(screen.contains("est déjà pris"));
    lines.iter().filter(|line| screen.contains(line.as_str())).count()
}

#[test]
fn a_name_is_free_when_its_client_has_left() {
    let (_server, alice, mut eve) = room(&[]);
    drop(alice);
    eventually("the name to be free", || {
        eve.sends("alice : c'est moi\0");
        (eve.strings(1) == ["alice : c'est moi"]).then_some(())
    });
}

#[test]
fn characters_that_would_forge_a_line_are_made_visible() {
    let (_server, mut alice, mut eve) = room(&[]);
    eve.sends("eve : a\nalice : b\r\x1b[1Aalice : c\u{85}\u{2028}alice : d\0");
    let shown = "eve : a^Jalice : b^M^[[1Aalice : c<U+0085><U+2028>alice : d\0\0";
    alice.hears(shown);
    eve.hears(shown);
}

#[test]
fn line_clients_and_c_clients_share_the_registry_of_names() {
    let (server, mut alice, mut eve) = room(&["--lines", "0"]);
    let mut bob = Peer::connect(server.lines_address());
    bob.line();
    bob.sends("alice : moi aussi\n");
    let notice = taken("alice");
    assert_eq!(bob.line(), notice.trim_end_matches('\0').to_string() + "\n");
    bob.sends("bob : salut\n");
    alice.hears("bob : salut\0\0");
    eve.hears("bob : salut\0\0");
    eve.sends("bob : salut\0");
    eve.hears(taken("bob"));
}

#[test]
fn unread_notices_block_no_client_and_are_sent_between_messages() {
    let (server, mut alice, mut eve) = room(&["--pace", "0"]);
    for i in 0..1000 {
        eve.sends("alice : x\0");
        alice.sends(format!("alice : {i}\0"));
    }
    let own: Vec<String> = (0..1000).map(|i| format!("alice : {i}")).collect();
    assert_eq!(alice.strings(1000), own);
    server.program.err.line_with(&["est celui d'un autre"]);
    // Each string is complete: a message of alice or a notice of the server.
    let notice = taken("alice");
    let mut expected = 0;
    while expected < 1000 {
        let string = eve.strings(1).remove(0);
        if string != notice.trim_end_matches('\0') {
            assert_eq!(string, format!("alice : {expected}"));
            expected += 1;
        }
    }
}

#[test]
fn without_the_option_bytes_are_unchanged() {
    let server = Server::start(&[]);
    let (mut alice, mut eve) = (server.join(), server.join());
    alice.sends("alice : bonjour\0");
    eve.hears("alice : bonjour\0\0");
    eve.sends("alice : a\nalice : b\0");
    alice.hears("alice : bonjour\0\0alice : a\nalice : b\0\0");
}
