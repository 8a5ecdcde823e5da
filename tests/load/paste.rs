//! Pasted lines on the screens of the course client, which shows one C string per `read` and drops
//! the rest. Through our server it shows all of them.
//!
//! One test at a time, with real-time priority where chrt(1) is permitted: a course client that
//! gets no processor for a few milliseconds loses messages, whatever the server does.

use crate::common::*;

use std::ffi::OsStr;
use std::process::Command;

/// Runs `program` with real-time priority; chrt(1) execs it.
fn promptly(program: impl AsRef<OsStr>) -> Command {
    let fifo = ["--fifo", "1"];
    match Command::new("chrt").args(fifo).arg("true").output() {
        Ok(output) if output.status.success() => {
            let mut command = Command::new("chrt");
            command.args(fifo).arg(program);
            command
        }
        _ => {
            eprintln!(
                "chrt is not permitted: on a busy machine, these tests may fail for want of a processor"
            );
            Command::new(program)
        }
    }
}

fn lines(count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("ligne {i} du collage")).collect()
}

/// Attempts of each test, for machines that keep processes waiting. With `--pace 0` none of five
/// succeeded, except with bare lines: the screens showed 1 to 19 lines of 20, 26 to 165 of 200.
const TRIES: usize = 5;

/// Three course clients are in the room while `paste` sends `count` lines: each must show all of
/// them.
#[track_caller]
fn all_reach_every_screen(count: usize, paste: impl Fn(&Server, &[String])) {
    let _machine = crate::alone();
    let tries = (0..TRIES).map(|_| shown_by_three_screens(&lines(count), &paste));
    let shown: Vec<[usize; 3]> = tries.take_while(|shown| *shown != [count; 3]).collect();
    assert!(shown.len() < TRIES, "of {count} lines, three screens showed {shown:?}");
}

#[track_caller]
fn shown_by_three_screens(lines: &[String], paste: impl Fn(&Server, &[String])) -> [usize; 3] {
    let server = Server::from(promptly(SERVER).args(["--bind", "127.0.0.1", "--port", "0"]));
    let screen = |pseudo| c_client_from(promptly(c_compat("chat_client_c")), &server, pseudo, "course");
    let mut screens = ["a", "b", "c"].map(screen);
    server.wait_for_clients(3);
    // Receives everything, so that the end of the paste is known.
    let mut listener = server.join();
    paste(&server, lines);
    listener.hears_up_to(&lines[lines.len() - 1]);
    screens.each_mut().map(|screen| {
        screen.closes_stdin();
        assert!(screen.ends().success());
        let shown = screen.out.to_the_end();
        lines.iter().filter(|line| shown.lines().any(|on_screen| on_screen.ends_with(line.as_str()))).count()
    })
}

#[test]
fn twenty_messages_in_one_segment_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let text: String = lines.iter().map(|line| format!("alice : {line}\0")).collect();
        server.join().sends(text);
    });
}

/// Passes without pacing too, since no NUL separates bare lines: shows that pacing does not break
/// them.
#[test]
fn twenty_bare_lines_in_one_segment_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| server.join().sends(lines.join("\n") + "\n"));
}

#[test]
fn twenty_lines_pasted_into_our_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.wait_for_clients(5);
        alice.types(lines.join("\n") + "\n");
        alice.closes_stdin();
        assert!(alice.ends().success());
    });
}

#[test]
fn twenty_lines_pasted_into_the_course_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut bob = c_client(server, "bob", "course");
        server.wait_for_clients(5);
        bob.types(lines.join("\n") + "\n");
        bob.closes_stdin();
        assert!(bob.ends().success());
    });
}

#[test]
fn a_paste_of_two_hundred_lines_reaches_every_legacy_screen() {
    all_reach_every_screen(200, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.wait_for_clients(5);
        alice.types(lines.join("\n") + "\n");
        alice.closes_stdin();
        assert!(alice.ends().success());
    });
}
