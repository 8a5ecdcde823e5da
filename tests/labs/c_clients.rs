//! The C clients of c-compat, which behave on the wire as the courses' clients do, with our servers
//! and our clients.

use crate::common::*;

use nix::sys::signal::Signal::SIGINT;
use std::process::Command;

const RELAY: &str = env!("CARGO_BIN_EXE_relay_serveur");
const CALC: &str = env!("CARGO_BIN_EXE_calc_serveur");

#[track_caller]
fn server(program: &str, options: &[&str]) -> Server {
    Server::from(Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
}

/// The relay's C client, once it has its number.
#[track_caller]
fn relay_client(server: &Server, number: &str) -> Program {
    let client = Program::start(Command::new(c_compat("relay_client_c")).args(["127.0.0.1", &server.port()]));
    client.out.line_with(&[&format!("numéro {number}")]);
    client
}

/// The relay's C client, once it has its number and its role. The role is sent 200 ms after the
/// number. A client that reads later gets both in one `recv`, fails and frees its place. A busy
/// machine may cause that, not five times in a row.
#[track_caller]
fn relay_client_with_role(server: &Server, number: &str, role: &str) -> Program {
    let with_role = (0..5).find_map(|_| {
        let mut client = relay_client(server, number);
        let has_role = eventually("its role, or its end", || {
            let has_role = client.out.so_far().contains(&format!("rôle {role}\n"));
            (has_role || client.child.try_wait().unwrap().is_some()).then_some(has_role)
        });
        if !has_role {
            let said = client.err.to_the_end();
            assert!(said.contains("neither emi nor rec"), "{said}");
        }
        has_role.then_some(client)
    });
    with_role.expect("number and role in a recv each")
}

/// A relay and its first two C clients, which have their roles.
#[track_caller]
fn relay_of_two() -> (Server, Program, Program) {
    let server = server(RELAY, &[]);
    let (first, second) = (relay_client(&server, "1"), relay_client_with_role(&server, "2", "rec"));
    first.out.line_with(&["rôle emi"]);
    (server, first, second)
}

#[test]
fn two_course_clients_speak_in_turn_and_each_recv_returns_one_string() {
    let (_server, mut first, mut second) = relay_of_two();
    for turn in 0..10 {
        first.types(format!("de un, {turn}\n"));
        second.out.line_with(&[&format!("reçu : de un, {turn}")]);
        second.types(format!("de deux, {turn}\n"));
        first.out.line_with(&[&format!("reçu : de deux, {turn}")]);
    }
}

#[test]
fn a_line_typed_out_of_turn_waits_for_the_turn() {
    let (_server, mut first, mut second) = relay_of_two();
    second.types("trop tôt\n");
    first.types("un\n");
    second.out.line_with(&["reçu : un"]);
    first.out.line_with(&["reçu : trop tôt"]);
    // A long line is sent in pieces, one per turn, without loss.
    let long = "x".repeat(1500);
    first.types(format!("{long}\n"));
    second.out.line_with(&[&format!("reçu : {}", &long[..1023])]);
    second.types("suite ?\n");
    first.out.line_with(&["reçu : suite ?"]);
    let rest = format!("reçu : {}", &long[1023..]);
    second.out.wait_for("the rest of the long line", |bytes| {
        String::from_utf8_lossy(bytes).lines().any(|line| line == rest).then_some(())
    });
}

#[test]
fn typing_exit_does_not_end_the_partner() {
    let (_server, mut first, mut second) = relay_of_two();
    first.types("exit\n");
    second.out.wait_for("exit and a space", |bytes| {
        String::from_utf8_lossy(bytes).contains("reçu : exit \n").then_some(())
    });
    second.types("encore là\n");
    first.out.line_with(&["reçu : encore là"]);
}

#[test]
fn a_new_client_takes_the_place_of_one_that_sent_fin_and_gets_its_last_message() {
    let (server, mut first, mut second) = relay_of_two();
    first.types("un\n");
    second.out.line_with(&["reçu : un"]);
    second.types("deux\n");
    first.out.line_with(&["reçu : deux"]);
    first.types("fin\n");
    assert!(first.ends().success());
    let mut third = relay_client_with_role(&server, "1", "rec");
    third.out.line_with(&["reçu : deux"]);
    third.types("me voici\n");
    second.out.line_with(&["reçu : me voici"]);
}

#[test]
fn ctrl_c_at_a_client_counts_as_fin_and_ctrl_c_at_the_server_ends_both() {
    let (mut server, mut first, mut second) = relay_of_two();
    first.signal(SIGINT);
    assert!(first.ends().success());
    let mut third = relay_client_with_role(&server, "1", "rec");
    server.program.signal(SIGINT);
    for client in [&mut second, &mut third] {
        client.out.line_with(&["au revoir"]);
        assert!(client.ends().success());
    }
    assert!(server.program.ends().success());
}

#[test]
fn our_relay_client_and_the_course_client_interoperate() {
    let server = server(RELAY, &[]);
    let mut course = relay_client(&server, "1");
    let mut ours = Program::start(Command::new(env!("CARGO_BIN_EXE_relay_client")).args([
        "127.0.0.1",
        "--port",
        &server.port(),
    ]));
    course.out.line_with(&["rôle emi"]);
    course.types("bonjour\n");
    ours.out.line_with(&["bonjour"]);
    ours.types("salut\n");
    course.out.line_with(&["reçu : salut"]);
    ours.closes_stdin();
    course.types("adieu\n");
    assert!(ours.ends().success());
}

#[track_caller]
fn sum_by_the_course_client(server: &Server, first: &str, second: &str) -> (Option<i32>, String) {
    let mut client = Program::start(Command::new(c_compat("calc_client_c")).args([
        first,
        second,
        "127.0.0.1",
        &server.port(),
    ]));
    (client.ends().code(), client.out.to_the_end())
}

#[test]
fn a_client_that_sends_both_numbers_at_once_gets_its_sum() {
    for options in [&[][..], &["--iterative"]] {
        let _row = Row::of(&options);
        let server = server(CALC, options);
        for (first, second, sum) in
            [("2", "40", "42"), (" -7 ", "+7", "0"), ("9223372036854775807", "1", "9223372036854775808")]
        {
            let _row = Row::of(&(&first, &second, &sum));
            let (status, out) = sum_by_the_course_client(&server, first, second);
            assert_eq!(status, Some(0), "{out}");
            assert_eq!(out.lines().last(), Some(sum), "{out}");
        }
    }
}
