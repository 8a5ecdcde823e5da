//! System calls of clients that fail, injected by strace(1): once or now and then, nothing is lost;
//! without end, the client neither spins nor stays: it ends with the reason, or by a signal.

use crate::common::*;

use std::os::unix::process::ExitStatusExt;
use std::path::Path;

use nix::sys::signal::Signal::SIGTERM;

struct Lab {
    server: &'static str,
    client: &'static str,
    /// Around the address.
    arguments: [&'static [&'static str]; 2],
    typed: &'static str,
    /// After SIGTERM: an upload that did not take place is a failure.
    interrupted: i32,
}

const fn lab(server: &'static str, client: &'static str, typed: &'static str) -> Lab {
    Lab { server, client, arguments: [&[], &[]], typed, interrupted: 0 }
}

const LABS: [Lab; 6] = [
    Lab { arguments: [&[], &["alice"]], ..lab(SERVER, CLIENT, "bonjour\n") },
    lab(env!("CARGO_BIN_EXE_relay_serveur"), env!("CARGO_BIN_EXE_relay_client"), "bonjour\n"),
    Lab {
        arguments: [&["alice"], &[]],
        ..lab(env!("CARGO_BIN_EXE_direct_serveur"), env!("CARGO_BIN_EXE_direct_client"), "%alice%hello\n")
    },
    lab(env!("CARGO_BIN_EXE_calc_serveur"), env!("CARGO_BIN_EXE_calc_client"), "3\n"),
    lab(env!("CARGO_BIN_EXE_echo_serveur"), env!("CARGO_BIN_EXE_echo_client"), "hello\n"),
    Lab {
        arguments: [&[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")], &[]],
        interrupted: 1,
        ..lab(env!("CARGO_BIN_EXE_upload_serveur"), env!("CARGO_BIN_EXE_upload_client"), "")
    },
];

impl Lab {
    /// A client whose first process has a failing call: strace(1), `-e inject`.
    #[track_caller]
    fn start(&self, server: &Server, failing: &str, options: &[&str], trace: &Path) -> Program {
        let calls = format!("trace={}", failing.split(':').next().unwrap());
        let inject = format!("inject={failing}");
        let mut command = traced(self.client, &[&["-e", &calls, "-e", &inject], options].concat(), trace);
        let [before, behind] = self.arguments;
        command.args(before).arg(server.address.to_string()).args(behind);
        let mut client = Program::start(&mut command);
        client.types(self.typed);
        client
    }

    #[track_caller]
    fn server(&self, place: &Path) -> (Server, Vec<Peer>) {
        let options: &[&str] = match self.typed {
            "" => &["--dir", place.to_str().unwrap()],
            _ => &[],
        };
        let server = Server::of(self.server, options);
        // A relay's second client speaks once the first has.
        let mut peers = Vec::new();
        if self.client.contains("relay") {
            peers.push(server.connect());
            peers[0].sends("bonjour\0");
        }
        (server, peers)
    }
}

/// Each client with each of `failing`.
fn each<T>(failing: &[T]) -> Vec<(&'static Lab, &T)> {
    LABS.iter().flat_map(|lab| failing.iter().map(move |failing| (lab, failing))).collect()
}

impl std::fmt::Debug for Lab {
    fn fmt(&self, out: &mut std::fmt::Formatter) -> std::fmt::Result {
        out.write_str(self.client)
    }
}

#[test]
fn a_client_whose_calls_fail_without_end_backs_off_and_ends_with_the_reason() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // Where poll(2) says that nothing can be written, no reason can.
    let failing = [
        ("sendto:error=ENOBUFS:when=1+", "No buffer space available"),
        ("recvfrom:error=ENOMEM:when=1+", "Cannot allocate memory"),
        ("?poll,ppoll:error=ENOMEM:when=2+", "Cannot allocate memory"),
        ("?poll,ppoll:retval=0:when=2+", ""),
    ];
    for_each_at_once(&each(&failing), |number, &(lab, &(failing, reason))| {
        let trace = place.path().join(number.to_string());
        let (server, _peers) = lab.server(place.path());
        let mut client = lab.start(&server, failing, &[], &trace);
        assert_eq!(client.ends().code(), Some(1));
        let said = client.err.to_the_end();
        // The time for a greeting may pass on a busy machine before so many waits have failed.
        let has_no_greeting = lab.client.contains("upload") && said.contains("does not greet");
        assert!(said.contains(reason) || has_no_greeting, "{said}");
        // A client that spins makes as many in a moment.
        let made = std::fs::read_to_string(&trace).unwrap().matches("(INJECTED)").count();
        assert!((1..2500).contains(&made), "{made}");
    });
}

#[test]
fn a_client_whose_calls_fail_ends_by_a_signal() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // strace sends the signal with the failure. The first poll is made before signals are caught.
    let failing = [
        "sendto:error=ENOBUFS:signal=SIGTERM:when=1+",
        "recvfrom:error=EAGAIN:signal=SIGTERM:when=1+",
        "?poll,ppoll:error=EINTR:signal=SIGTERM:when=2+",
        "?poll,ppoll:retval=0:signal=SIGTERM:when=2+",
    ];
    for_each_at_once(&each(&failing), |number, &(lab, failing)| {
        let trace = place.path().join(number.to_string());
        let (server, _peers) = lab.server(place.path());
        let mut client = lab.start(&server, failing, &[], &trace);
        let status = client.ends();
        // The last signals come once they are no longer caught.
        let is_killed = status.signal() == Some(SIGTERM as i32);
        assert!(is_killed || status.code() == Some(lab.interrupted), "{status}");
    });
}

#[test]
fn a_signal_ends_a_client_that_cannot_write_as_any_other() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // So many polls are made only while writes fail, and far more before the client gives up.
    let signal = ["-e", "trace=write,?poll,ppoll", "-e", "inject=?poll,ppoll:signal=SIGTERM:when=60"];
    // The first process of the messenger's client writes nothing, that of upload little.
    let labs = &LABS[1..5];
    let failing = ["write:error=EINTR:when=1+", "write:error=EAGAIN:when=1+"];
    let rows: Vec<_> = labs.iter().flat_map(|lab| failing.map(|failing| (lab, failing))).collect();
    for_each_at_once(&rows, |number, &(lab, failing)| {
        let trace = place.path().join(number.to_string());
        let (server, _peers) = lab.server(place.path());
        let mut client = lab.start(&server, failing, &signal, &trace);
        assert_eq!(client.ends().code(), Some(0));
    });
}

#[test]
fn chat_client_loses_nothing_by_calls_that_fail_now_and_then() {
    if !can_trace() {
        return;
    }
    let place = tempfile::tempdir().unwrap();
    // In each of the two processes, the second call and every third one after it.
    let failing = [
        "sendto:error=ENOBUFS",
        "recvfrom:error=ENOMEM",
        "recvfrom:error=ENOBUFS",
        "recvfrom:error=EAGAIN",
        "recvfrom:error=EINTR",
        "write:error=ENOMEM",
        "write:error=EINTR",
        "?poll,ppoll:error=ENOMEM",
        "?poll,ppoll:retval=0",
    ];
    let [lab, ..] = &LABS;
    for_each_at_once(&failing, |number, failing| {
        let trace = place.path().join(number.to_string());
        let (server, _) = lab.server(place.path());
        let mut client = lab.start(&server, &format!("{failing}:when=2+3"), &["-f"], &trace);
        client.out.line_with(&["alice : bonjour"]);
        let bob = server.join();
        for i in 0..20 {
            client.types(format!("{i}\n"));
            client.out.line_with(&[&format!("alice : {i}")]);
            bob.duplicate().sends(format!("bob : {i}\0"));
            client.out.line_with(&[&format!("bob : {i}")]);
        }
        client.closes_stdin();
        assert_eq!(client.ends().code(), Some(0), "{}", client.err.so_far());
        assert!(std::fs::read_to_string(&trace).unwrap().contains("(INJECTED)"));
    });
}
