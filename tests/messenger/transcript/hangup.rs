//! SIGHUP for the loss of the terminal: the server ends, unless it was started with nohup(1) or
//! disowned.

use super::*;
use nix::fcntl::OFlag;
use nix::pty::{PtyMaster, grantpt, posix_openpt, ptsname_r, unlockpt};
use std::process::Command;

/// The master side of a new pty, close-on-exec: dropping it hangs up the terminal.
#[track_caller]
fn terminal() -> PtyMaster {
    let master = posix_openpt(OFlag::O_RDWR | OFlag::O_NOCTTY | OFlag::O_CLOEXEC).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    master
}

/// A server with a new pty as controlling terminal and standard input, and the master side.
/// `hangup` is an option of env(1) for SIGHUP.
#[track_caller]
fn on_a_terminal(place: &Place, hangup: &str) -> (Server, PtyMaster) {
    let master = terminal();
    let mut command = Command::new("sh");
    // The shell, env and setsid exec the server: one process.
    command.args(["-c", "exec env --default-signal=INT \"$0\" setsid --ctty \"$@\" <\"$TERMINAL\"", hangup]);
    command.env("TERMINAL", ptsname_r(&master).unwrap());
    command.args([SERVER, "--bind", "127.0.0.1", "--port", "0", "--transcript"]).arg(place.path());
    (Server::from(&mut command), master)
}

#[test]
fn a_server_whose_terminal_is_closed_ends_with_status_0_and_leaves_no_child() {
    let place = Place::new();
    let (mut server, master) = on_a_terminal(&place, "--default-signal=HUP");
    let mut peer = server.join();
    // While the terminal exists, SIGHUP reopens the file.
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
fn a_server_started_with_nohup_outlives_the_terminal_and_still_reopens_its_file() {
    let place = Place::new();
    let (mut server, master) = on_a_terminal(&place, "--ignore-signal=HUP");
    let mut peer = server.join();
    drop(master);
    let reopened = || server.program.out.so_far().matches("SIGHUP reçu : la transcription continue").count();
    // The first SIGHUP comes from the hangup, the second as from logrotate(8).
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
fn without_a_free_descriptor_sighup_neither_ends_the_server_nor_loses_its_file() {
    let place = Place::new();
    let (mut server, _master) = on_a_terminal(&place, "--default-signal=HUP");
    let mut peer = server.join();
    let limit = |most: &str| {
        let done = Command::new("prlimit").args([most, "--pid", &server.program.pid().to_string()]).status();
        assert!(done.unwrap().success());
    };
    // 6 is the descriptor of the client; no higher one is permitted.
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

/// The descendant of `pid` with this name.
#[track_caller]
fn descendant_named(pid: i32, name: &str) -> Option<i32> {
    children_of(pid).into_iter().find_map(|child| match name_of(child) == name {
        true => Some(child),
        false => descendant_named(child, name),
    })
}

/// A server started by `script`, as `"$@"`, in an interactive shell on a new pty; its process ID;
/// and the master side.
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
    // A child or grandchild of the shell.
    let pid = descendant_named(server.pid(), "chat_serveur").expect("the server under the shell");
    (server, pid, master)
}

/// The shell, leader of the session, passes SIGHUP on to its jobs; the kernel sends it to the
/// foreground process group when the shell ends.
#[test]
fn a_server_whose_shell_loses_the_terminal_ends() {
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
fn a_disowned_server_outlives_the_terminal_and_still_reopens_its_file() {
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
