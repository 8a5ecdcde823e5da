//! The course client's screen shows one C string per `read` and loses the rest. Through our server it shows them all.
//! One test at a time, ahead of all other processes where chrt(1) is allowed: a course's client that gets no processor for a few
//! milliseconds loses messages, whatever the server does.

use crate::common::*;

use std::ffi::OsStr;
use std::process::Command;

/// A command that runs `program` before all ordinary processes: chrt(1) becomes the program itself.
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
                "chrt is not allowed here: on a busy machine, these tests may fail for want of a processor"
            );
            Command::new(program)
        }
    }
}

fn lines(count: usize) -> Vec<String> {
    (1..=count).map(|i| format!("ligne {i} du collage")).collect()
}

/// Each of these tests may be disturbed so often by a machine that keeps processes waiting. With `--pace 0`, none of five
/// tries succeeded, but for the bare lines: these screens showed 1 to 19 lines of 20, 26 to 165 of 200.
const TRIES: usize = 5;

/// Three of the course's clients look on while `paste` gives `count` lines to the room: each shows them all.
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
    server.settle(3);
    // Hears all of it, so that we know when the room has gone quiet.
    let mut listener = server.join();
    paste(&server, lines);
    listener.hears_up_to(&lines[lines.len() - 1]);
    screens.each_mut().map(|screen| {
        screen.end_of_keyboard();
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

/// Passes without pacing as well, since no NUL stands between bare lines: it shows that pacing takes nothing away from them.
#[test]
fn twenty_bare_lines_in_one_segment_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| server.join().sends(lines.join("\n") + "\n"));
}

#[test]
fn twenty_lines_pasted_into_our_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.settle(5);
        alice.types(lines.join("\n") + "\n");
        alice.end_of_keyboard();
        assert!(alice.ends().success());
    });
}

#[test]
fn twenty_lines_pasted_into_the_course_client_reach_every_legacy_screen() {
    all_reach_every_screen(20, |server, lines| {
        let mut bob = c_client(server, "bob", "course");
        server.settle(5);
        bob.types(lines.join("\n") + "\n");
        bob.end_of_keyboard();
        assert!(bob.ends().success());
    });
}

#[test]
fn a_paste_of_two_hundred_lines_reaches_every_legacy_screen() {
    all_reach_every_screen(200, |server, lines| {
        let mut alice = our_client(server, "alice");
        server.settle(5);
        alice.types(lines.join("\n") + "\n");
        alice.end_of_keyboard();
        assert!(alice.ends().success());
    });
}
