//! Rare errors of system calls, injected by strace(1): the room goes on, no message is lost, and no
//! process or descriptor is left behind.

use crate::common::*;

use nix::sys::signal::Signal::SIGTERM;
use std::path::Path;

/// Starts `chat_serveur`, children included, with an injected failure:
/// `CALL:error=ERROR:when=WHICH`, strace(1).
#[track_caller]
fn server_with(failing: &str, trace: &Path, options: &[&str]) -> Server {
    let inject = format!("inject={failing}");
    let calls = ["-f", "-e", "trace=accept4,?poll,ppoll,sendto,recvfrom,read,write,clone,wait4,close_range"];
    let mut command = traced(SERVER, &[&calls[..], &["-e", &inject]].concat(), trace);
    Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}

/// Waits until the trace contains at least `least` injected failures, and returns the trace.
#[track_caller]
fn failed(trace: &Path, call: &str, error: &str, least: usize) -> String {
    eventually(&format!("{call} to fail with {error} {least} times"), || {
        let trace = std::fs::read_to_string(trace).unwrap();
        let injected = trace.lines().filter(|line| line.contains(error) && line.contains("(INJECTED)"));
        (injected.count() >= least).then_some(trace)
    })
}

/// Four clients join, two of them send, all receive everything, and their processes and descriptors
/// are freed.
#[track_caller]
fn a_conversation(server: &Server) {
    let before = descriptors_of(server.pid());
    let peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    server.wait_for_children(4);
    // In turns, so that each message takes its own calls.
    let heard = hear_in_one_order(&peers, 200, |heard| {
        for i in 0..100 {
            peers[0].duplicate().sends(format!("alice : {i}\0"));
            peers[1].duplicate().sends(format!("bob : {i}\0"));
            heard.wait_for(2 * (i + 1));
        }
    });
    contains_all_messages(&heard, "alice", 100);
    contains_all_messages(&heard, "bob", 100);
    drop(peers);
    server.wait_for_children(0);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

#[test]
fn a_conversation_survives_temporary_errors_of_system_calls() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // The call, its error, the calls that fail in each process (`a+b`: call a and every b-th after
    // it), and the least number of failures.
    let table = [
        ("accept4", "ECONNABORTED", "1..5", 5),
        ("accept4", "EINTR", "1+2", 4),
        ("accept4", "ENFILE", "1..2", 2),
        ("accept4", "ENOBUFS", "2", 1),
        ("sendto", "EINTR", "1+3", 10),
        ("sendto", "EAGAIN", "5..20", 16),
        ("sendto", "ENOBUFS", "1..10", 10),
        ("sendto", "ENOMEM", "3+20", 5),
        ("recvfrom", "EINTR", "1+2", 20),
        // After the reads of the dynamic loader and of the start-up code of Rust.
        ("read", "EINTR", "20+2", 10),
        // For the children of the two senders. The parent writes seldom, and the writes of its
        // signal handler never block, so that no signal can interrupt them.
        ("write", "EINTR", "20+2", 20),
        ("?poll,ppoll", "EINTR", "5+3", 20),
        ("?poll,ppoll", "ENOMEM", "5+3", 20),
        ("wait4", "EINTR", "1+2", 2),
        ("wait4", "EIO", "1+2", 2),
        ("accept4", "EPERM", "1+2", 4),
        ("recvfrom", "ENOMEM", "1+2", 20),
        ("write", "ENOMEM", "20+2", 20),
        ("close_range", "ENOSYS", "1+", 4),
        ("close_range", "EPERM", "1+", 4),
    ];
    for_each_at_once(&table, |number, &(call, error, when, least)| {
        let trace = place.path().join(number.to_string());
        let server = server_with(&format!("{call}:error={error}:when={when}"), &trace, &["-q"]);
        a_conversation(&server);
        failed(&trace, call, error, least);
    });
}

#[test]
fn while_fork_fails_clients_are_refused_with_the_reason_and_later_ones_are_served() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for (error, reason) in
        [("EAGAIN", "Resource temporarily unavailable"), ("ENOMEM", "Cannot allocate memory")]
    {
        let _row = Row::of(&(&error, &reason));
        let trace = place.path().join(error);
        let server = server_with(&format!("clone:error={error}:when=1..5"), &trace, &["-q"]);
        let before = descriptors_of(server.pid());
        for _ in 0..5 {
            let notice = String::from_utf8(server.connect().hears_the_end()).unwrap();
            assert!(notice.contains("ne peut plus créer de processus"), "{notice}");
        }
        server.program.err.wait_for(&format!("five times {reason}"), |said| {
            (String::from_utf8_lossy(said).matches(reason).count() == 5).then_some(())
        });
        eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
        a_conversation(&server);
    }
}

/// The socket stays writable: a server that only polls would spin.
#[test]
fn a_send_that_fails_for_want_of_memory_is_retried_after_a_pause() {
    const TIMES: usize = 20;
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for error in ["ENOBUFS", "ENOMEM"] {
        let _row = Row::of(&error);
        let trace = place.path().join(error);
        let failing = format!("sendto:error={error}:when=1..{TIMES}");
        let server = server_with(&failing, &trace, &["--pace", "0"]);
        let mut peer = server.join();
        peer.sends("un\0deux\0");
        assert_eq!(peer.strings(2), ["un", "deux"]);
        let trace = failed(&trace, "sendto", error, TIMES);
        let rests = trace.lines().filter(|line| line.trim_end().ends_with("= 0 (Timeout)"));
        // Some pauses end early, when a record of the child arrives.
        assert!(rests.count() > TIMES / 2, "{trace}");
    }
}

#[test]
fn an_echo_that_fails_for_want_of_memory_is_retried() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let calls = ["-f", "-e", "trace=sendto", "-e", "inject=sendto:error=ENOBUFS:when=1+2"];
    let mut command = traced(env!("CARGO_BIN_EXE_echo_serveur"), &calls, &trace);
    let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]));
    let mut peer = server.connect();
    for text in ["un\n", "deux\n", "trois\n"] {
        let _row = Row::of(&text);
        peer.sends(text);
        peer.hears(text);
    }
    failed(&trace, "sendto", "ENOBUFS", 3);
}

#[test]
fn the_answer_to_an_upload_that_fails_for_a_moment_is_retried() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for error in ["ENOMEM", "ENOBUFS", "EINTR", "EAGAIN"] {
        let _row = Row::of(&error);
        let trace = place.path().join(error);
        // The first call of a child sends its greeting.
        let inject = format!("inject=sendto:error={error}:when=2..4");
        let calls = ["-f", "-e", "trace=sendto", "-e", &inject];
        let mut command = traced(env!("CARGO_BIN_EXE_upload_serveur"), &calls, &trace);
        let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).current_dir(&place));
        let mut whole = server.connect();
        whole.sends("a text\n");
        whole.half_closes();
        whole.hears_up_to("[SUCCESS]");
        whole.hears_the_end();
        // At the server's end nothing waits for the client.
        let mut part = server.connect();
        part.hears_up_to("\r\n");
        part.sends("a part");
        server.wait_for_children(1);
        send(server.pid(), SIGTERM);
        part.hears_up_to("[ERROR]");
        failed(&trace, "sendto", error, 6);
    }
}

#[test]
fn an_answer_to_another_protocol_that_fails_for_a_moment_is_retried() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for options in [&[][..], &["--iterative"]] {
        let _row = Row::of(&options);
        let trace = place.path().join("trace");
        let calls = ["-f", "-e", "trace=sendto", "-e", "inject=sendto:error=ENOMEM:when=1..3"];
        let mut command = traced(env!("CARGO_BIN_EXE_calc_serveur"), &calls, &trace);
        let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).args(options));
        let mut peer = server.connect();
        peer.sends("GET / HTTP/1.1\r\n\r\n");
        peer.hears_up_to("HTTP/1.1 400");
        peer.hears_the_end();
        failed(&trace, "sendto", "ENOMEM", 3);
    }
}

#[test]
fn a_relay_whose_reads_and_sends_fail_for_want_of_memory_relays_everything() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    for failing in ["recvfrom:error=ENOMEM", "recvfrom:error=ENOBUFS", "sendto:error=ENOBUFS"] {
        let _row = Row::of(&failing);
        let trace = place.path().join(failing);
        let inject = format!("inject={failing}:when=1+3");
        let calls = ["-f", "-e", "trace=recvfrom,sendto", "-e", &inject];
        let mut command = traced(env!("CARGO_BIN_EXE_relay_serveur"), &calls, &trace);
        let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "--pairs", "2"]));
        // The second pair is a child's.
        let mut pairs = Vec::new();
        for _ in 0..2 {
            let [mut first, mut second] = [server.connect(), server.connect()];
            first.hears("1\0emi\0");
            second.hears("2\0rec\0");
            for i in 0..10 {
                first.sends(format!("aller {i}\0"));
                second.hears(format!("aller {i}\0"));
                second.sends(format!("retour {i}\0"));
                first.hears(format!("retour {i}\0"));
            }
            pairs.push([first, second]);
        }
    }
}

/// A child may be reaped before its last records are read, one of which asks to disconnect its
/// client.
#[test]
fn no_signal_is_sent_to_a_reaped_child() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    let trace = place.path().join("trace");
    let mut command = traced(SERVER, &["-f", "-e", "trace=kill,wait4"], &trace);
    let server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0", "-q"]));
    for _ in 0..100 {
        server.connect().sends("GET / HTTP/1.1\r\n\r\n");
    }
    server.program.err.wait_for("a hundred refusals", |said| {
        (String::from_utf8_lossy(said).matches("il parle un autre protocole").count() == 100).then_some(())
    });
    server.wait_for_children(0);
    drop(server);
    let trace = std::fs::read_to_string(trace).unwrap();
    assert!(!trace.contains("ESRCH"), "{trace}");
}
