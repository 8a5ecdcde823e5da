//! The link between the first process and a child: calls that fail on it, and a child that was
//! taken over.

use super::*;

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use nix::sys::signal::Signal::SIGSTOP;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// The process's end of a link, its only Unix socket: number, and its name in /proc.
#[track_caller]
fn link_of(process: i32) -> (i32, String) {
    let unix = std::fs::read_to_string("/proc/net/unix").unwrap();
    let is_unix = |what: &str| {
        let inode = what.strip_prefix("socket:[").and_then(|what| what.strip_suffix(']'));
        inode.is_some_and(|inode| unix.lines().any(|line| line.split_whitespace().nth(6) == Some(inode)))
    };
    descriptors_of(process).into_iter().find(|(_, what)| is_unix(what)).expect("a link")
}

#[test]
fn a_pair_survives_calls_on_its_link_that_fail_now_and_then() {
    let place = tempfile::tempdir().unwrap();
    // True: the first process makes the call; else the child.
    let table = [
        (true, "sendmsg", &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS", "ETOOMANYREFS"][..]),
        (true, "recvfrom", &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"]),
        (false, "sendto", &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"]),
        (false, "recvmsg", &["EINTR", "EAGAIN", "ENOMEM", "ENOBUFS"]),
    ];
    let rows = table.iter().flat_map(|&(is_first, call, errors)| {
        errors.iter().map(move |error| (is_first, call, format!("{call}:error={error}:when=1+2")))
    });
    for_each_at_once(&rows.collect::<Vec<_>>(), |number, (is_first, call, failing)| {
        let trace = place.path().join(number.to_string());
        let server = server(&["--pairs", "2"]);
        let (mut first, mut second) = pair(&server);
        let (mut third, mut fourth) = pair(&server);
        let child = server.wait_for_children(1);
        let process = if *is_first { server.program.pid() } else { child[0] };
        // Of the calls on this descriptor, each second one fails: no other call moves the count.
        let calls = ["-P", &link_of(process).1, "-e", &format!("trace={call}")];
        let inject = ["-e", &format!("inject={failing}")];
        let Some(_strace) = attach(process, &[&calls[..], &inject].concat(), &trace) else { return };
        for _ in 0..2 {
            // Its place is free: the next one gets it.
            drop(fourth);
            fourth = numbered(&server, 2);
            fourth.hears("rec\0");
        }
        // strace writes its line before the process goes on.
        let trace = std::fs::read_to_string(&trace).unwrap();
        assert!(trace.matches("(INJECTED)").count() >= 2, "{trace}");
        says(&mut third, &mut fourth, "aller");
        says(&mut fourth, &mut third, "retour");
        says(&mut first, &mut second, "aller");
        assert_eq!(server.children(), child);
        assert_eq!(server.program.err.so_far(), "");
    });
}

#[test]
fn while_no_client_can_be_passed_the_next_is_refused_with_the_reason_and_the_pair_goes_on() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let options = ["-f", "-e", "trace=sendmsg", "-e", "inject=sendmsg:error=ENOMEM:when=2..500"];
    let mut command = traced(SERVER, &options, &place.path().join("trace"));
    let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "--pairs", "2"]));
    let _first = pair(&server);
    let mut third = numbered(&server, 1);
    let child = server.wait_for_children(1);
    let mut refused = Vec::new();
    let mut fourth = loop {
        let mut peer = server.connect();
        match peer.strings(1).remove(0) {
            number if number == "2" => break peer,
            reason => refused.push((address_of(&peer), reason)),
        }
    };
    assert!(!refused.is_empty());
    for (address, reason) in refused {
        assert!(reason.contains("réessayez plus tard"), "{reason}");
        server.program.err.line_with(&[&address, "confié à un fils : Cannot allocate memory"]);
    }
    third.hears("emi\0");
    fourth.hears("rec\0");
    says(&mut third, &mut fourth, "bonjour");
    assert_eq!(server.children(), child);
}

/// The child's end of its link. `None`: the test is skipped.
#[track_caller]
fn link_taken_from(child: i32) -> Option<File> {
    let process = pidfd_open(Pid::from_raw(child).unwrap(), PidfdFlags::empty()).unwrap();
    match pidfd_getfd(process, link_of(child).0, PidfdGetfdFlags::empty()) {
        Ok(link) => Some(link.into()),
        Err(reason) => {
            skip(skip::PTRACE, reason);
            None
        }
    }
}

#[test]
fn a_child_that_frees_more_places_than_it_has_clients_is_ended() {
    let server = server(&["--pairs", "2"]);
    let (mut first, mut second) = pair(&server);
    let (mut third, mut fourth) = pair(&server);
    let child = server.wait_for_children(1)[0];
    let Some(mut link) = link_taken_from(child) else { return };
    link.write_all(b"---").unwrap();
    server.program.err.line_with(&["(père) le fils", &child.to_string(), "plus de places", "arrêté"]);
    assert_eq!(third.hears_the_end(), b"");
    assert_eq!(fourth.hears_the_end(), b"");
    wait_for_death(&[child]);
    says(&mut first, &mut second, "toujours là");
    let (mut fifth, mut sixth) = pair(&server);
    says(&mut fifth, &mut sixth, "à neuf");
}

#[test]
fn a_child_that_does_not_end_without_clients_is_killed() {
    let server = server(&["--pairs", "2"]);
    let _first = pair(&server);
    let (mut third, _fourth) = pair(&server);
    let child = server.wait_for_children(1)[0];
    let Some(mut link) = link_taken_from(child) else { return };
    send(child, SIGSTOP);
    link.write_all(b"--").unwrap();
    eventually_within(Duration::from_secs(120), "the child's end", || (!is_alive(child)).then_some(()));
    server.program.err.line_with(&["(père) la paire 2 a perdu son fils", &child.to_string()]);
    assert_eq!(third.hears_the_end(), b"");
}
