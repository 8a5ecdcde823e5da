//! System calls that fail without end, injected by strace(1): the first process backs off, goes on
//! with what it can still do, and ends on SIGTERM; a worker ends, and its client is told so.

use crate::common::*;

use std::process::Command;

use nix::sys::signal::Signal;

/// Starts a server with an injected failure of its first process, or with `-f` of all.
#[track_caller]
fn server_with(program: &str, failing: &str, more: &[&str], trace: &std::path::Path) -> Server {
    let inject = format!("inject={failing}");
    let call = failing.split(':').next().unwrap();
    let calls = format!("trace={call},clock_nanosleep");
    let mut command = traced(program, &[&["-e", &calls, "-e", &inject], more].concat(), trace);
    Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]))
}

const ECHO: &str = env!("CARGO_BIN_EXE_echo_serveur");
const RELAY: &str = env!("CARGO_BIN_EXE_relay_serveur");

#[test]
fn a_server_whose_calls_fail_without_end_still_ends_on_sigterm() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // The first poll is the standard library's, at the start. True: the room goes on.
    let table = [
        (SERVER, "?poll,ppoll:error=ENOMEM:when=2+", true),
        (SERVER, "?poll,ppoll:error=EINTR:when=2+", true),
        (SERVER, "?poll,ppoll:error=EPERM:when=2+", true),
        (SERVER, "?poll,ppoll:retval=0:when=2+", false),
        (SERVER, "wait4:error=EIO:when=1+", true),
        (SERVER, "write:retval=0:when=2+", true),
        (SERVER, "accept4:error=EPERM:when=1+", false),
        (SERVER, "accept4:error=EINTR:when=1+", false),
        (SERVER, "accept4:error=EAGAIN:when=1+", false),
        (ECHO, "accept4:error=EPERM:when=1+", false),
        (ECHO, "?poll,ppoll:error=ENOMEM:when=2+", false),
        (RELAY, "accept4:error=EPERM:when=1+", false),
        (RELAY, "?poll,ppoll:error=ENOMEM:when=2+", false),
        (RELAY, "sendto:error=ENOBUFS:when=1+", false),
        (RELAY, "recvfrom:error=EAGAIN:when=1+", false),
    ];
    for_each_at_once(&table, |number, &(program, failing, goes_on)| {
        let trace = place.path().join(number.to_string());
        let mut server = server_with(program, failing, &[], &trace);
        let [mut alice, mut bob] = [server.connect(), server.connect()];
        if failing.starts_with("recvfrom") {
            alice.sends("bonjour\0");
        }
        if goes_on {
            alice.sends("alice : bonjour\0");
            alice.hears("alice : bonjour\0\0");
            bob.sends("bob : bonjour\0");
            bob.hears_up_to("bob : bonjour\0\0");
            alice.hears("bob : bonjour\0\0");
            // A worker to be reaped.
            drop(bob);
        }
        // A server that spins makes as many calls, without the pauses.
        let pauses = if failing.starts_with("write") || failing.starts_with("wait4") { 0 } else { 5 };
        eventually("pauses between the failures", || {
            let trace = std::fs::read_to_string(&trace).unwrap();
            let paused = trace.matches("clock_nanosleep").count() >= pauses;
            (paused && trace.contains("(INJECTED)")).then_some(())
        });
        if failing.contains("poll:error=E") && !failing.contains("EINTR") {
            server.program.err.line_with(&["poll", "(1 "]);
        }
        server.program.signal(Signal::SIGTERM);
        assert_eq!(server.program.ends().code(), Some(0), "{}", server.program.err.so_far());
    });
}

#[test]
fn while_poll_fails_the_log_has_its_lines_in_a_file_too() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let log = place.path().join("log");
    let calls = ["-e", "trace=?poll,ppoll", "-e", "inject=?poll,ppoll:error=ENOMEM:when=2+"];
    let mut command = traced(SERVER, &calls, &place.path().join("trace"));
    let file = std::fs::File::create(&log).unwrap();
    command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(file);
    let server = Program::start_with_its_own_output(&mut command);
    server.err.line_with(&["poll impossible (1 fois)"]);
    eventually("the first line", || {
        std::fs::read_to_string(&log).unwrap().contains("en attente de clients").then_some(())
    });
    server.signal(Signal::SIGTERM);
    eventually("the last line", || {
        std::fs::read_to_string(&log).unwrap().contains("SIGTERM reçu").then_some(())
    });
}

#[test]
fn an_accept_that_fails_for_a_while_is_reported_once_and_clients_are_served_then() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let server = server_with(SERVER, "accept4:error=EPERM:when=1..300", &[], &trace);
    let mut peer = server.join();
    peer.sends("un\0");
    peer.hears("un\0\0");
    let reported = server.program.err.so_far();
    assert_eq!(reported.matches("accept impossible : Operation not permitted").count(), 1, "{reported}");
    let trace = std::fs::read_to_string(&trace).unwrap();
    assert_eq!(trace.matches("(INJECTED)").count(), 300);
}

#[test]
fn a_worker_that_cannot_write_its_records_ends_and_its_client_with_it() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for failure in ["retval=0", "error=EIO", "error=ENOSPC"] {
        let _row = Row::of(&failure);
        let trace = place.path().join(failure);
        // Each process has a count of its own: the first process's third write only prints.
        let server = server_with(SERVER, &format!("write:{failure}:when=3"), &["-f"], &trace);
        let mut peer = server.connect();
        for text in ["un\0", "deux\0"] {
            peer.sends(text);
            peer.hears(format!("{text}\0"));
        }
        peer.sends("trois\0");
        assert_eq!(peer.hears_the_end(), b"");
        server.wait_for_children(0);
        server.join();
    }
}

#[test]
fn an_upload_whose_file_calls_are_interrupted_without_end_is_answered_with_the_reason() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (failing, reason) in [
        ("fsync:error=EINTR:when=1+", "cannot bring the file to the disk: Interrupted system call [ERROR]"),
        // Each process has a count of its own: the first write of each prints.
        ("write:error=EINTR:when=4+", "cannot write the file: Resource temporarily unavailable [ERROR]"),
    ] {
        let _row = Row::of(&failing);
        let trace = place.path().join("trace");
        let calls = ["-f", "-e", &format!("inject={failing}")];
        let mut command = traced(env!("CARGO_BIN_EXE_upload_serveur"), &calls, &trace);
        command.args(["--bind", "127.0.0.1", "--port", "0", "--dir"]).arg(place.path());
        let mut server = Server::from(&mut command);
        let mut peer = server.connect();
        peer.hears_up_to("\r\n");
        // More than the child reads at once.
        peer.sends(vec![b'x'; 1 << 20]);
        peer.half_closes();
        peer.hears_up_to(reason);
        drop(peer);
        server.wait_for_children(0);
        server.program.signal(Signal::SIGTERM);
        assert_eq!(server.program.ends().code(), Some(0));
        assert!(!place.path().join("received.txt").exists());
    }
}

#[test]
fn the_script_that_injects_errors_finds_nothing_bad_in_a_few_cases() {
    const SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/inject.sh");
    if !can_trace() {
        return;
    }
    let cases = [
        "hub:accept4:EPERM",
        "hub:poll:ENOMEM",
        "hub:read:EIO",
        "worker:recvfrom:ENOBUFS",
        "worker:write:EIO",
        "client:sendto:ENOBUFS",
        "receiver:recvfrom:ENOMEM",
    ];
    let shown = Command::new("sh").args([SCRIPT, "-j", "14", "-b", SERVER]).args(cases).output().unwrap();
    let [out, err] = [&shown.stdout, &shown.stderr].map(|bytes| String::from_utf8_lossy(bytes));
    if err.contains("may not trace") {
        skip(skip::STRACE, "strace may not attach to a process that is not its child");
        return;
    }
    assert_eq!((shown.status.code(), &*err), (Some(0), ""), "{out}");
    let rows: Vec<&str> = out.lines().collect();
    assert_eq!(rows.len(), 2 + cases.len(), "{out}");
    assert_eq!(rows[2], "| hub | accept4 | on / waits |  |  |  |", "{out}");
    // A case that strace refuses is no success.
    let bad = Command::new("sh").args([SCRIPT, "-b", SERVER, "hub:nosuch:EPERM:once"]).output().unwrap();
    let reason = String::from_utf8_lossy(&bad.stderr);
    assert_eq!(bad.status.code(), Some(1));
    assert!(reason.contains("hub:nosuch:EPERM:once: NO STRACE\n    strace: invalid system call"), "{reason}");
    // Exit status of a wrong use.
    let wrong = Command::new("sh").args([SCRIPT, "-b", SERVER, "hub"]).output().unwrap();
    assert_eq!(wrong.status.code(), Some(2));
}
