//! SIGHUP also tells that the terminal is gone. A server that has lost it ends, unless it was told to outlive it.

use super::*;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use std::process::Command;

/// A new terminal's other side, which no process inherits: it ends when it is dropped.
#[track_caller]
fn terminal() -> PtyMaster {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    master
}

/// A server that a new terminal controls, of which it has no more than its keyboard; and the terminal's other side. `hangup` is what
/// env(1) is to do with SIGHUP.
#[track_caller]
fn on_a_terminal(place: &Place, hangup: &str) -> (Server, PtyMaster) {
    let master = terminal();
    let mut command = Command::new("sh");
    // The shell, env and setsid become the server: one process.
    command.args(["-c", "exec env --default-signal=INT \"$0\" setsid --ctty \"$@\" <\"$TERMINAL\"", hangup]);
    command.env("TERMINAL", ptsname_r(&master).unwrap());
    command.args([SERVER, "--bind", "127.0.0.1", "--port", "0", "--transcript"]).arg(place.path());
    (Server::from(&mut command), master)
}

#[test]
fn a_server_whose_terminal_is_closed_ends_in_order_and_leaves_nobody() {
    let place = Place::new();
    let (mut server, master) = on_a_terminal(&place, "--default-signal=HUP");
    let mut peer = server.join();
    // As long as the terminal is there, SIGHUP asks for the file.
    server.program.signal(SIGHUP);
    server.program.out.line_with(&["SIGHUP reçu : la transcription continue"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    let children = server.children();
    drop(master);
    assert_eq!(server.program.ends().code(), Some(0));
    server.program.out.line_with(&["SIGHUP reçu : arrêt, 1 en ligne"]);
    assert!(children.iter().all(|&child| !is_alive(child)));
    assert_eq!(peer.hears_the_end(), b"");
    assert_eq!(said(&objects(&place.path())), ["un"]);
}

#[test]
fn one_that_was_started_with_nohup_outlives_it_and_still_opens_its_file_anew() {
    let place = Place::new();
    let (mut server, master) = on_a_terminal(&place, "--ignore-signal=HUP");
    let mut peer = server.join();
    drop(master);
    let reopened = || server.program.out.so_far().matches("SIGHUP reçu : la transcription continue").count();
    // What the terminal's end sends, and what logrotate does.
    eventually("the first", || (reopened() >= 1).then_some(()));
    let before = reopened();
    server.program.signal(SIGHUP);
    eventually("one more", || (reopened() > before).then_some(()));
    peer.sends("un\0");
    peer.hears("un\0\0");
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
    assert_eq!(said(&objects(&place.path())), ["un"]);
}

#[test]
fn for_want_of_descriptors_it_neither_ends_nor_loses_its_file() {
    let place = Place::new();
    let (mut server, _master) = on_a_terminal(&place, "--default-signal=HUP");
    let mut peer = server.join();
    let limit = |most: &str| {
        let done = Command::new("prlimit").args([most, "--pid", &server.program.pid().to_string()]).status();
        assert!(done.unwrap().success());
    };
    // 6 is the client's, and no further may be opened.
    limit("--nofile=7:4096");
    server.program.signal(SIGHUP);
    server.program.err.line_with(&["SIGHUP reçu", "Too many open files", "dans l'ancien fichier"]);
    peer.sends("un\0");
    peer.hears("un\0\0");
    limit("--nofile=4096:4096");
    server.program.signal(SIGHUP);
    server.program.out.line_with(&["SIGHUP reçu : la transcription continue"]);
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
    assert_eq!(said(&objects(&place.path())), ["un"]);
}

/// The process of this name among the descendants of `pid`.
#[track_caller]
fn descendant_named(pid: i32, name: &str) -> Option<i32> {
    children_of(pid).into_iter().find_map(|child| match name_of(child) == name {
        true => Some(child),
        false => descendant_named(child, name),
    })
}

/// A server that an interactive shell on a new terminal has started by `script`, where it is `"$@"`; its number; and the terminal's
/// other side.
#[track_caller]
fn from_a_shell(place: &Place, script: &str) -> (Server, i32, PtyMaster) {
    let master = terminal();
    let mut command = Command::new("sh");
    command.args([
        "-c",
        "exec env --default-signal=HUP setsid --ctty bash --norc -ic \"$0\" bash \"$@\" <\"$TERMINAL\"",
        script,
    ]);
    command.env("TERMINAL", ptsname_r(&master).unwrap());
    command.args([SERVER, "--bind", "127.0.0.1", "--port", "0", "--transcript"]).arg(place.path());
    let server = Server::from(&mut command);
    // The shell starts it, and perhaps another shell before.
    let pid = descendant_named(server.pid(), "chat_serveur").expect("the server under the shell");
    (server, pid, master)
}

/// The shell passes SIGHUP on, as the leader of the session; to what is in the foreground, so does the kernel once the shell ends.
#[test]
fn a_server_whose_shell_loses_its_terminal_ends_with_it() {
    for script in ["\"$@\" & wait", "\"$@\"; true"] {
        let _row = Row::of(&script);
        let place = Place::new();
        let (server, pid, master) = from_a_shell(&place, script);
        drop(master);
        server.program.out.line_with(&["SIGHUP reçu : arrêt"]);
        wait_for_death(&[pid]);
    }
}

#[test]
fn one_that_its_shell_has_let_go_outlives_the_terminal_and_goes_on_opening_its_file_anew() {
    let place = Place::new();
    let (mut server, pid, mut master) = from_a_shell(&place, "\"$@\" & disown; read line");
    let mut peer = server.join();
    master.write_all(b"\n").unwrap();
    server.program.ends();
    for round in 1..=2 {
        let old = place.0.path().join(format!("old{round}"));
        fs::rename(place.path(), &old).unwrap();
        send(pid, SIGHUP);
        eventually("the new file", || place.path().exists().then_some(()));
        peer.sends("un\0");
        peer.hears("un\0\0");
        assert_eq!(said(&objects(&place.path())), ["un"]);
    }
    send(pid, SIGTERM);
    server.program.out.line_with(&["SIGTERM reçu : arrêt"]);
    wait_for_death(&[pid]);
}
