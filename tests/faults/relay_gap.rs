//! A lost segment between the relay's number, role and first message, which the course's client
//! reads with one `recv` each.

use super::network::*;
use crate::common::*;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};

/// Reads as the course's client does, and prints each `recv` as a line, with `~` for NUL. Says
/// `bonjour` after its number.
const CLIENT_BY_HAND: &str = "exec 3<>/dev/tcp/$0/$1
    for most in 3 4 1024; do
        dd bs=$most count=1 <&3 2>/dev/null | tr '\\0' '~'; echo
        [ $most = 3 ] && printf 'bonjour\\0' >&3
    done";

#[track_caller]
fn client_on(host: &Program, address: &str, server: &Server) -> Program {
    Program::start(on(host, "bash").args(["-c", CLIENT_BY_HAND, address, &server.port()]))
}

/// How often the server's oldest unacknowledged segment to the far host was sent again.
fn retransmissions(hosts: &Hosts, server: &Server) -> u32 {
    let shown = on(&hosts.near, "ss").args(["-Htno", "dst", FAR, "sport", "=", &server.port()]).output();
    let shown = String::from_utf8(shown.expect("ss of iproute2").stdout).unwrap();
    let timer = shown.split_once("timer:(on,").and_then(|(_, timer)| timer.split_once(')'));
    timer.and_then(|(timer, _)| timer.rsplit(',').next()?.parse().ok()).unwrap_or(0)
}

/// What the far client, the last one of its pair, receives when its number is lost twice.
#[track_caller]
fn received_after_losses(hosts: &Hosts, pairs: &str, others: usize) -> String {
    let options = ["--bind", "0.0.0.0", "--port", "0", "--pairs", pairs];
    let server = Server::from(on(&hosts.near, env!("CARGO_BIN_EXE_relay_serveur")).args(options));
    let near: Vec<Program> = (0..others)
        .map(|at| {
            let client = client_on(&hosts.near, "127.0.0.1", &server);
            client.out.line_with(&[["1~", "2~"][at % 2]]);
            client
        })
        .collect();
    server.program.signal(SIGSTOP);
    let far = client_on(&hosts.far, NEAR, &server);
    eventually("the far client's connection", || {
        let shown = on(&hosts.far, "ss").args(["-Htn", "dst", NEAR, "dport", "=", &server.port()]).output();
        String::from_utf8(shown.expect("ss").stdout).unwrap().contains("ESTAB").then_some(())
    });
    hosts.forwards(false);
    server.program.signal(SIGCONT);
    eventually("the number, sent three times", || (retransmissions(hosts, &server) >= 2).then_some(()));
    hosts.forwards(true);
    let received = far.out.to_the_end();
    drop(near);
    received
}

/// One attempt of five is enough: a busy machine may delay the reader by the whole pause.
#[test]
fn a_number_that_was_lost_and_sent_again_is_still_a_recv_of_its_own() {
    let Some(hosts) = Hosts::start() else { return };
    for (pairs, others) in [("1", 1), ("2", 3)] {
        let _row = Row::of(&pairs);
        let mut attempts = (0..5).map(|_| received_after_losses(&hosts, pairs, others));
        assert!(attempts.any(|received| received == "2~\nrec~\nbonjour~\n"));
    }
}
