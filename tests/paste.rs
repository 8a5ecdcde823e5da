//! The course client's screen shows one C string per `read` and loses the rest. Through our server it shows them all.
//! A program of its own, one test at a time, since these clients lose messages when the machine does not let them read.

mod common;
use common::*;

use std::sync::Mutex;

static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

fn lines(count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("ligne {i} du collage")).collect()
}

/// Waits until each of the course's clients has shown the last line, and says how many of `lines` it has shown.
fn shown_by(screens: &[Program], last: &str, lines: &[String]) -> Vec<usize> {
    let count = |screen: &Program| {
        screen.out.line_with(&[last]);
        let shown = screen.out.so_far();
        lines.iter().filter(|line| shown.lines().any(|on_screen| on_screen.ends_with(line.as_str()))).count()
    };
    screens.iter().map(count).collect()
}

/// Three of the course's clients look on while `paste` gives `lines` to the room.
fn all_reach_every_screen(count: usize, paste: impl FnOnce(&Server, &[String])) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let server = Server::start(&[]);
    let screens: Vec<Program> =
        ["a", "b", "c"].iter().map(|pseudo| c_client(&server, pseudo, "course")).collect();
    server.settle(3);
    let lines = lines(count);
    paste(&server, &lines);
    // The last line of all is paced like the others, so it reaches every screen after them.
    server.join().sends("fin : voila\0");
    assert_eq!(shown_by(&screens, "fin : voila", &lines), [count; 3]);
}

#[test]
fn twenty_messages_in_one_segment_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let text: String = lines.iter().map(|line| format!("alice : {line}\0")).collect();
        server.join().sends(text);
    });
}

#[test]
fn twenty_bare_lines_in_one_segment_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| server.join().sends(lines.join("\n") + "\n"));
}

#[test]
fn twenty_lines_pasted_into_our_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.settle(4);
        alice.types(lines.join("\n") + "\n");
        alice.end_of_keyboard();
        assert!(alice.ends().success());
    });
}

#[test]
fn twenty_lines_pasted_into_the_course_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut bob = c_client(server, "bob", "course");
        server.settle(4);
        bob.types(lines.join("\n") + "\n");
        bob.end_of_keyboard();
        assert!(bob.ends().success());
    });
}

#[test]
fn a_paste_of_two_hundred_lines_reaches_every_legacy_screen() {
    all_reach_every_screen(200, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.settle(4);
        alice.types(lines.join("\n") + "\n");
        alice.end_of_keyboard();
        assert!(alice.ends().success());
    });
}
