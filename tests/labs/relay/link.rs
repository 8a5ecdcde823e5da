//! The link between the first process and a child: calls that fail on it, and a child that was taken
//! over.

use super::*;

use std::fs::File;
use std::io::Write;
use std::time::Duration;

use nix::sys::signal::Signal::SIGSTOP;
use rustix::process::{Pid, PidfdFlags, PidfdGetfdFlags, pidfd_getfd, pidfd_open};

/// `relay_serveur --pairs 2`, children included, with an injected failure: strace(1).
#[track_caller]
fn failing_server(failing: &str, trace: &std::path::Path) -> Server {
    let (inject, call) = (format!("inject={failing}"), failing.split(':').next().unwrap());
    let calls = ["-f", "-e", &format!("trace={call}"), "-e", &inject];
    let mut command = traced(SERVER, &calls, trace);
    Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "--pairs", "2"]))
}

#[test]
fn a_pair_survives_calls_on_its_link_that_fail_now_and_then() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // The call, its errors, the calls that fail (`a+b`: call a and every b-th after it), and what
    // strace shows of one on the link.
    let table = [
        ("sendmsg", &["EAGAIN", "ENOMEM", "ENOBUFS", "ETOOMANYREFS"][..], "1+2", "SCM_RIGHTS"),
        ("recvmsg", &["EAGAIN", "ENOMEM", "ENOBUFS"], "1+2", "recvmsg("),
        ("sendto", &["EAGAIN", "ENOMEM", "ENOBUFS"], "1+2", "\"-\", 1,"),
    ];
    let rows = table.iter().flat_map(|&(call, errors, when, shown)| {
        errors.iter().map(move |error| (format!("{call}:error={error}:when={when}"), shown))
    });
    for_each_at_once(&rows.collect::<Vec<_>>(), |number, (failing, shown)| {
        let trace = place.path().join(number.to_string());
        let server = failing_server(failing, &trace);
        let (mut first, mut second) = pair(&server);
        let (mut third, mut fourth) = pair(&server);
        let child = server.wait_for_children(1);
        let has_failed = || {
            let trace = std::fs::read_to_string(&trace).unwrap();
            trace.lines().any(|line| line.contains(shown) && line.contains("(INJECTED)"))
        };
        for round in 0.. {
            // Its place is free: the next one gets it.
            drop(fourth);
            fourth = numbered(&server, 2);
            fourth.hears("rec\0");
            if has_failed() {
                break;
            }
            assert!(round < 100, "no call on the link has failed");
        }
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
    let server = failing_server("sendmsg:error=ENOMEM:when=2..500", &place.path().join("trace"));
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
fn link_of(child: i32) -> Option<File> {
    let unix = std::fs::read_to_string("/proc/net/unix").unwrap();
    let is_unix = |what: &str| {
        let inode = what.strip_prefix("socket:[").and_then(|what| what.strip_suffix(']'));
        inode.is_some_and(|inode| unix.lines().any(|line| line.split_whitespace().nth(6) == Some(inode)))
    };
    let number = descriptors_of(child).into_iter().find(|(_, what)| is_unix(what)).expect("a link").0;
    let process = pidfd_open(Pid::from_raw(child).unwrap(), PidfdFlags::empty()).unwrap();
    match pidfd_getfd(process, number, PidfdGetfdFlags::empty()) {
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
    let Some(mut link) = link_of(child) else { return };
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
    let Some(mut link) = link_of(child) else { return };
    send(child, SIGSTOP);
    link.write_all(b"--").unwrap();
    eventually_within(Duration::from_secs(120), "the child's end", || (!is_alive(child)).then_some(()));
    server.program.err.line_with(&["(père) la paire 2 a perdu son fils", &child.to_string()]);
    assert_eq!(third.hears_the_end(), b"");
}
