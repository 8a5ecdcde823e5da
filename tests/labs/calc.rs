//! The calculation lab: docs/PROTOCOLS.md, section 4, line by line, and invalid input. Tests of the
//! code shared with other servers are in `fork_per_client`.

use crate::common::*;

use nix::sys::signal::Signal::{SIGCONT, SIGSTOP};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

const CALC: &str = env!("CARGO_BIN_EXE_calc_serveur");

const GREETING: &str = "Welcome: two numbers in, their sum out.\r\n";
const FIRST: &str = "First number?\n";
const SECOND: &str = "Second number?\n";
const RESULT: &str = "\r\nThe sum is:\n";

/// A client that has received the greeting and the first question.
#[track_caller]
fn greeted(server: &Server) -> Peer {
    let mut peer = server.connect();
    peer.hears(format!("{GREETING}{FIRST}"));
    peer
}

/// Sends `sent` after the first question, half-closes, and expects `heard` as the rest of the
/// stream.
#[track_caller]
fn is_answered_with(sent: &[u8], heard: &str) {
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    peer.sends(sent);
    peer.half_closes();
    assert_eq!(String::from_utf8(peer.hears_the_end()).unwrap(), heard, "{}", String::from_utf8_lossy(sent));
}

/// The whole answer to one sum, with the greeting and the question that follow.
fn sum_of(sum: &str) -> String {
    format!("{SECOND}{RESULT}{sum}\n{GREETING}{FIRST}")
}

#[test]
fn the_server_greets_asks_twice_answers_and_starts_over() {
    let server = Server::of(CALC, &[]);
    let mut peer = server.connect();
    for (first, second, sum) in [("12", "30", "42"), ("-5", "5", "0"), ("0", "-7", "-7")] {
        let _row = Row::of(&(&first, &second, &sum));
        peer.hears(GREETING);
        peer.hears(FIRST);
        peer.sends(format!("{first}\n"));
        peer.hears(SECOND);
        peer.sends(format!("{second}\n"));
        peer.hears("\r\n");
        peer.hears("The sum is:\n");
        peer.hears(format!("{sum}\n"));
    }
}

#[test]
fn lines_may_end_in_crlf_and_numbers_may_have_signs_zeros_and_spaces() {
    is_answered_with(b"12\r\n30\r\n", &sum_of("42"));
    is_answered_with(b"  +5\t\r\n -3 \r\n", &sum_of("2"));
    is_answered_with(b"0012\n-000\n", &sum_of("12"));
}

#[test]
fn nuls_that_c_clients_send_with_their_strings_are_ignored() {
    is_answered_with(b"12\n\x0030\n\0", &sum_of("42"));
    is_answered_with(b"12\0\n30\0\0\0\n", &sum_of("42"));
}

#[test]
fn both_numbers_or_several_sums_in_one_segment_are_answered_in_order() {
    is_answered_with(b"1\n2\n", &sum_of("3"));
    is_answered_with(b"1\n2\n3\r\n4\n5\n", &[sum_of("3"), sum_of("7"), SECOND.to_string()].concat());
    let sums: String = (0..500).map(|i| sum_of(&(2 * i).to_string())).collect();
    is_answered_with((0..500).map(|i| format!("{i}\n{i}\n")).collect::<String>().as_bytes(), &sums);
}

#[test]
fn a_line_that_comes_byte_by_byte_is_one_line() {
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    b"-1234\r\n1000".iter().for_each(|byte| peer.sends([*byte]));
    peer.half_closes();
    assert_eq!(String::from_utf8(peer.hears_the_end()).unwrap(), sum_of("-234"));
}

#[test]
fn a_last_line_without_newline_counts() {
    is_answered_with(b"1\n2", &sum_of("3"));
    is_answered_with(b"1", SECOND);
    is_answered_with(b"", "");
}

#[test]
fn sums_beyond_64_bits_are_exact() {
    let (least, most) = (i64::MIN, i64::MAX);
    is_answered_with(format!("{most}\n{most}\n").as_bytes(), &sum_of("18446744073709551614"));
    is_answered_with(format!("{least}\n{least}\n").as_bytes(), &sum_of("-18446744073709551616"));
}

#[test]
fn an_invalid_number_is_reported_and_the_question_is_repeated() {
    let long = "x".repeat(100);
    let shortened = format!("\"{}...\" is not a whole number", "x".repeat(40));
    let mistakes: [(&[u8], &str); 14] = [
        (b"", "an empty line is not a number"),
        (b"  \r", "an empty line is not a number"),
        (b"abc", "\"abc\" is not a whole number"),
        (b"12a", "\"12a\" is not a whole number"),
        (b"1e3", "\"1e3\" is not a whole number"),
        (b"0x10", "\"0x10\" is not a whole number"),
        (b"1_000", "\"1_000\" is not a whole number"),
        (b"1.5", "\"1.5\" is not a whole number"),
        (b"1 2", "\"1 2\" is not a whole number"),
        (b"\xff\xfe", "\"\\xff\\xfe\" is not a whole number"),
        (b"\x1b[2J", "\"^[[2J\" is not a whole number"),
        (long.as_bytes(), &shortened),
        (b"9223372036854775808", "\"9223372036854775808\" does not fit into 64 bits"),
        (b"-9223372036854775809", "\"-9223372036854775809\" does not fit into 64 bits"),
    ];
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    for (line, reason) in mistakes {
        let _row = Row::of(&(&line, &reason));
        is_refused(&mut peer, line, reason, FIRST);
        is_refused(&mut peer, line, reason, FIRST);
        peer.sends("1\n");
        peer.hears(SECOND);
        is_refused(&mut peer, line, reason, SECOND);
        peer.sends("2\n");
        peer.hears(format!("{RESULT}3\n{GREETING}{FIRST}"));
    }
}

#[track_caller]
fn is_refused(peer: &mut Peer, line: &[u8], reason: &str, question: &str) {
    peer.sends([line, b"\n"].concat());
    let told = peer.hears_line();
    assert!(told.starts_with(&format!("Error: {reason}")), "{told}");
    assert!(!told.chars().any(char::is_control), "{told}");
    peer.hears(question);
}

#[test]
fn a_mebibyte_without_newline_is_one_error_and_is_discarded() {
    let server = Server::of(CALC, &[]);
    let (mut peer, child) = server.connect_served();
    peer.hears(format!("{GREETING}{FIRST}"));
    peer.sends("1".repeat(1024 * 1024));
    // The error comes before any newline does.
    peer.hears(format!("Error: a line of more than 256 bytes is not a number\n{FIRST}"));
    peer.sends("1\n20\n3\n");
    peer.hears(format!("{SECOND}{RESULT}23\n{GREETING}{FIRST}"));
    let status = std::fs::read_to_string(format!("/proc/{child}/status")).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    let kept: u64 = line.split_whitespace().next().unwrap().parse().unwrap();
    assert!(kept < 1024, "the child holds {kept} kB");
}

#[test]
fn a_silent_client_is_disconnected_with_a_line_that_says_why() {
    let server = Server::of(CALC, &["--idle-timeout", "1"]);
    for (sent, missing) in [("", "Nothing"), ("1\n12", "No line end")] {
        let _row = Row::of(&sent);
        let (mut peer, child) = server.connect_served();
        peer.sends(sent);
        let heard = String::from_utf8(peer.hears_the_end()).unwrap();
        assert!(heard.ends_with(&format!("\n{missing} came for 1 s: goodbye.\n")), "{heard}");
        server.program.out.line_with(&[&format!("(child {child})"), "was silent for too long"]);
    }
    server.wait_for_children(0);
}

#[test]
fn a_client_that_does_not_read_is_disconnected_after_the_idle_timeout() {
    let server = Server::of(CALC, &["--idle-timeout", "1"]);
    let (mut peer, _) = server.connect_served();
    // Causes more answers than the sockets hold, and reads none. The writes fail once the server
    // disconnects.
    nix::sys::socket::setsockopt(&peer.stream, nix::sys::socket::sockopt::RcvBuf, &4096).unwrap();
    let mut speaker = peer.duplicate();
    thread::spawn(move || while std::io::Write::write_all(&mut speaker.stream, &[b'\n'; 1024]).is_ok() {});
    server.wait_for_children(0);
    server.program.out.line_with(&["was silent for too long"]);
    peer.hears(GREETING);
}

#[test]
fn without_an_idle_timeout_a_silent_client_stays_connected() {
    let (without, with) =
        (Server::of(CALC, &["--idle-timeout", "0"]), Server::of(CALC, &["--idle-timeout", "1"]));
    let mut silent = greeted(&without);
    // Waits longer than the other server's idle timeout.
    greeted(&with).hears_the_end();
    silent.sends("1\n2\n");
    silent.hears(sum_of("3"));
}

#[test]
fn iterative_closes_each_connection_after_one_sum() {
    let server = Server::of(CALC, &["--iterative"]);
    for _ in 0..3 {
        let mut peer = greeted(&server);
        // Unread bytes must not turn the close into a reset.
        peer.sends("x\n1\n2\n3\n4\n".repeat(1000));
        assert!(peer.hears_line().starts_with("Error: \"x\""));
        peer.hears(FIRST);
        assert_eq!(String::from_utf8(peer.hears_the_end()).unwrap(), format!("{SECOND}{RESULT}3\n"));
    }
}

#[test]
fn iterative_serves_the_next_client_although_the_last_one_stays_connected() {
    let server = Server::of(CALC, &["--iterative", "--idle-timeout", "1"]);
    // The server is stopped until the numbers are in the socket: the idle timeout of 1 s has not
    // begun.
    server.program.signal(SIGSTOP);
    let mut stays = server.connect();
    stays.sends("1\n2\n");
    server.program.signal(SIGCONT);
    stays.hears(format!("{GREETING}{FIRST}{SECOND}{RESULT}3\n"));
    let mut silent = greeted(&server);
    let heard = String::from_utf8(silent.hears_the_end()).unwrap();
    assert_eq!(heard, "Nothing came for 1 s: goodbye.\n");
    greeted(&server);
}

#[test]
fn a_client_that_floods_and_never_reads_does_not_block_another() {
    let server = Server::of(CALC, &[]);
    let (flooder, _) = server.connect_served();
    let (full, mut speaker) = (AtomicBool::new(false), flooder.duplicate());
    speaker.stream.set_nonblocking(true).unwrap();
    thread::scope(|scope| {
        scope.spawn(|| {
            while !full.load(Ordering::SeqCst) {
                let _ = std::io::Write::write(&mut speaker.stream, b"no number\n\xff\n1\n2\n");
            }
        });
        let mut peer = greeted(&server);
        for i in 0..1000 {
            peer.sends(format!("{i}\n1\n"));
            peer.hears(sum_of(&(i + 1).to_string()));
        }
        full.store(true, Ordering::SeqCst);
    });
}

#[test]
fn the_server_prints_each_number_each_sum_and_each_refusal() {
    let server = Server::of(CALC, &[]);
    let (mut peer, child) = server.connect_served();
    let prefix = format!("(child {child}) {}: ", peer.stream.local_addr().unwrap());
    peer.sends("-5\n\x1b[2J\n12\n");
    for line in ["first number -5", "refused: \"^[[2J\" is not a whole number", "-5 + 12 = 7"] {
        let _row = Row::of(&line);
        server.program.out.line_with(&[&format!("{prefix}{line}")]);
    }
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    let mistakes: [(&[&str], &str); 10] = [
        (&["5555"], "\"5555\" is not expected"),
        (&["--port", "x"], "--port <N>: \"x\" refused: a number from 0 to 65535"),
        (&["--bind", "here"], "\"here\" refused: an IPv4 or IPv6 address"),
        (&["--max-clients", "0"], "\"0\" refused"),
        (&["--max-per-address", "-1"], "\"-1\" is not expected"),
        (&["--iterative", "--max-per-address", "3"], "--iterative does not go with --max-per-address <N>"),
        (&["--idle-timeout", "-1"], "\"-1\" is not expected"),
        (&["--idle-timeout", "86401"], "a number from 0 to 86400 is expected"),
        (&["--idle-timeout"], "--idle-timeout <S>: a value is missing"),
        (&["--iterative", "--max-clients", "3"], "--iterative does not go with --max-clients <N>"),
    ];
    for (arguments, what) in mistakes {
        let _row = Row::of(&(&arguments, &what));
        is_refused_in_english(CALC, arguments, what);
    }
}

#[test]
fn help_names_every_option_and_gives_examples() {
    help_contains(
        CALC,
        &[
            "--bind",
            "--port",
            "--max-clients",
            "--backlog",
            "--max-per-address",
            "--idle-timeout",
            "--iterative",
            "--user",
            "--no-limits",
            "--no-seccomp",
            "-v, --verbose",
            "5555 by default",
            "60 by default",
        ],
    );
}
