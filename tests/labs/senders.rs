//! Clients that end a message in their own way: blocks of a fixed size, telnet, other line ends
//! (docs/PROTOCOLS.md, "Framing, ours").

use std::process::Command;

use crate::common::*;

pub const CALC: &str = env!("CARGO_BIN_EXE_calc_serveur");
pub const DIRECT: &str = env!("CARGO_BIN_EXE_direct_serveur");
pub const RELAY: &str = env!("CARGO_BIN_EXE_relay_serveur");

/// Two clients of a relay, the first of which has the turn.
#[track_caller]
pub fn pair(server: &Server) -> [Peer; 2] {
    let mut peers = [server.connect(), server.connect()];
    peers[0].hears("1\0emi\0");
    peers[1].hears("2\0rec\0");
    peers
}

#[test]
fn the_relay_relays_the_texts_of_blocks_and_no_leftovers() {
    let full = "x".repeat(79);
    let texts = ["un message assez long", "ok", "trois", "", "quatre"];
    let rows: [(usize, &[&str]); 6] = [
        (12, &["enfin", "b", "suite"]),
        (50, &texts),
        (80, &[&full, "ok", "hein"]),
        (100, &texts),
        (1024, &texts),
        (8192, &texts),
    ];
    for (size, texts) in rows {
        let _row = Row::of(&size);
        let server = Server::of(RELAY, &[]);
        let [mut first, mut second] = pair(&server);
        for (text, block) in texts.iter().zip(blocks(size, texts)) {
            first.sends(block);
            second.hears(format!("{text}\0"));
            // The turn has passed once.
            second.sends("à toi\0");
            first.hears("à toi\0");
        }
        first.sends("fin\0");
        assert_eq!(first.hears_the_end(), b"");
    }
}

#[test]
fn the_relay_takes_blocks_that_wait_for_their_turn_one_by_one() {
    let server = Server::of(RELAY, &[]);
    let [mut first, mut second] = pair(&server);
    let texts = ["un message assez long", "ok", "", "trois"];
    first.sends(blocks(100, &texts).concat());
    for text in texts {
        second.hears(format!("{text}\0"));
        second.sends("à toi\0");
        first.hears("à toi\0");
    }
}

#[test]
fn the_relay_relays_what_only_begins_like_leftovers() {
    let server = Server::of(RELAY, &[]);
    let [mut first, mut second] = pair(&server);
    for (sent, heard) in [("bonjour\0\0\0", "bonjour\0"), ("ok\0jou\0", "ok\0"), ("", "jou\0")] {
        first.sends(sent);
        second.hears(heard);
        second.sends("à toi\0");
        first.hears("à toi\0");
    }
}

#[test]
fn the_relay_takes_a_negotiation_and_lines_of_every_end() {
    for end in ["\r\n", "\r", "\n", "\r\0", "\0"] {
        let _row = Row::of(&end);
        let server = Server::of(RELAY, &[]);
        let [mut first, mut second] = pair(&server);
        first.sends([PUTTY, b"bonjour", end.as_bytes()].concat());
        second.hears("bonjour");
        // The carriage return of CR NUL is within the string, and is relayed.
        second.hears(if end == "\r\0" { "\r\0" } else { "\0" });
        second.sends("à toi\0");
        first.hears("à toi\0");
    }
}

pub const GREETING: &str = "Welcome: two numbers in, their sum out.\r\n";

/// A client of calc that has received the greeting.
#[track_caller]
pub fn greeted(server: &Server) -> Peer {
    let mut peer = server.connect();
    peer.hears(GREETING);
    peer.hears("First number?\n");
    peer
}

/// Asserts that numbers in these writes, each after the answer to the one before, are added by
/// twos.
#[track_caller]
fn are_added(writes: &[Vec<u8>], sums: &[i64]) {
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    for (two, sum) in writes.chunks(2).zip(sums) {
        peer.sends(&two[0]);
        peer.hears("Second number?\n");
        peer.sends(&two[1]);
        peer.hears(format!("\r\nThe sum is:\n{sum}\n{GREETING}First number?\n"));
    }
    peer.half_closes();
    assert_eq!(String::from_utf8_lossy(&peer.hears_the_end()), "");
}

#[test]
fn calc_adds_the_numbers_of_blocks_and_no_leftovers() {
    for size in [16, 100, 1024, 8192] {
        let _row = Row::of(&size);
        are_added(&blocks(size, &["123456789\n", "12\n", "34\n", "5\n"]), &[123_456_801, 39]);
        are_added(&blocks(size, &["123456789", "12", "34", "5"]), &[123_456_801, 39]);
        are_added(&blocks(size, &["123456789\r\n", "12\r\n", "34\r\n", "5\r\n"]), &[123_456_801, 39]);
    }
}

#[test]
fn calc_adds_the_numbers_of_small_blocks_and_of_full_ones() {
    for size in [8, 10, 12, 15] {
        let _row = Row::of(&size);
        are_added(&blocks(size, &["123456", "7", "8", "9"]), &[123_463, 17]);
    }
    for size in [40, 120] {
        let _row = Row::of(&size);
        let full = format!("{}12", "0".repeat(size - 3));
        are_added(&blocks(size, &[&full, "30", "1", "2"]), &[42, 3]);
    }
}

#[test]
fn bytes_without_an_end_behind_a_nul_are_no_part_of_the_next_number() {
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    peer.sends([b"12\0", &[0xf0; 61][..]].concat());
    peer.hears("Second number?\n");
    let error = peer.line();
    assert!(error.starts_with("Error: "), "{error}");
    peer.hears("Second number?\n");
    peer.sends([b"30\0", &[0xe0; 61][..]].concat());
    peer.hears("\r\nThe sum is:\n42\n");
}

#[test]
fn calc_takes_a_number_that_only_begins_like_leftovers() {
    let server = Server::of(CALC, &[]);
    let mut peer = greeted(&server);
    peer.sends("123456789\n\0\0\0");
    peer.hears("Second number?\n");
    peer.sends("12\n\x00567\n");
    peer.hears(format!("\r\nThe sum is:\n123456801\n{GREETING}First number?\nSecond number?\n"));
    peer.sends("3\n");
    peer.hears("\r\nThe sum is:\n570\n");
}

#[test]
fn calc_takes_every_line_end_a_byte_order_mark_and_telnet() {
    let writes: [&[&[u8]]; 8] = [
        &[b"\xef\xbb\xbf12\r\n", b"\xef\xbb\xbf30\r\n"],
        &[b"12\r", b"30\r"],
        &[b"12\r\0", b"30\r\0"],
        &[b"12\0", b"30\0\0\0"],
        &[b"\xef\xbb\xbf12\n", b"30\n"],
        &[b"\xef\xbb\xbf12\r", b"30\r\n"],
        &[b"\xff\xfb\x1f\xff\xfb\x2012\r\n", b"30\r\n"],
        &[b"1\xff\xfb\x03\xff\xf42\r\n", b"\xff\xf430\r\n"],
    ];
    for writes in writes {
        let _row = Row::of(&writes);
        are_added(&writes.iter().map(|write| write.to_vec()).collect::<Vec<_>>(), &[42]);
    }
    are_added(&[[PUTTY, b"12\r\n"].concat(), b"30\r\n".to_vec()], &[42]);
}

#[test]
fn our_clients_send_the_lines_of_files_of_other_systems() {
    let echo = (env!("CARGO_BIN_EXE_echo_client"), env!("CARGO_BIN_EXE_echo_serveur"), &["12", "30"][..]);
    let calc = (env!("CARGO_BIN_EXE_calc_client"), CALC, &["42"][..]);
    for end in ["\r\n", "\r", "\r\0"] {
        let _row = Row::of(&end);
        let typed = format!("\u{feff}12{end}30{end}");
        for (client, server, answers) in [echo, calc] {
            let server = Server::of(server, &[]);
            let port = server.port();
            let place = if client == echo.0 {
                ["127.0.0.1", &port].to_vec()
            } else {
                ["127.0.0.1", "--port", &port].to_vec()
            };
            let outcome = outcome_of(client, &place, &typed);
            assert_eq!(outcome.status, Some(0), "{}", outcome.err);
            let lines: Vec<&str> = outcome.out.lines().collect();
            assert!(answers.iter().all(|line| lines.contains(line)), "{lines:?}");
            assert!(!outcome.out.contains("Error") && !outcome.out.contains('\u{feff}'), "{lines:?}");
        }
        let server = Server::of(RELAY, &[]);
        let mut client = Program::start(Command::new(env!("CARGO_BIN_EXE_relay_client")).args([
            "127.0.0.1",
            "--port",
            &server.port(),
        ]));
        client.out.line_with(&["1"]);
        client.types(format!("bonjour{end}fin{end}"));
        let mut second = server.connect();
        second.hears("2\0rec\0bonjour\0");
        second.sends("à toi\0");
        assert_eq!(client.ends().code(), Some(0));
    }
}

/// Messages that end in CR, and a last one that ends in a newline.
const FIN: [&str; 21] = {
    let mut texts = ["un"; 21];
    texts[20] = "fin";
    texts
};

#[test]
fn a_line_end_after_a_pause_ends_the_text_before_it() {
    let server = Server::of(DIRECT, &[]);
    let mut bob = server.connect();
    bob.sends("bob\n");
    server.program.out.line_with(&["(parent) bob is "]);
    let mut alice = server.connect();
    alice.sends("alice");
    server.program.out.line_with(&["(parent) alice is "]);
    for end in ["\n", "\r\n"] {
        alice.sends([end, "%bob%salut"].concat());
        assert_eq!(bob.line(), "salut\n");
    }
    alice.sends("\n%bob%fin\n");
    assert_eq!(bob.line(), "fin\n");
    alice.half_closes();
    assert_eq!(String::from_utf8_lossy(&alice.hears_the_end()), "", "no error was told");
}

#[test]
fn the_relay_takes_a_line_end_after_a_pause_for_no_message() {
    let server = Server::of(RELAY, &[]);
    let [mut first, mut second] = pair(&server);
    for (sent, heard) in [("salut", "salut\0"), ("\nbonjour", "bonjour\0"), ("\r\nok\0", "ok\0")] {
        first.sends(sent);
        second.hears(heard);
        second.sends("à toi\0");
        first.hears("à toi\0");
    }
}

#[test]
fn direct_takes_blocks_every_line_end_a_byte_order_mark_and_telnet() {
    let telnet = [PUTTY, b"alice\r\n"].concat();
    let block = blocks(100, &["alice\n", "%bob%un message assez long\n", "%bob%ok\n", "%bob%trois\n"]);
    let small = blocks(13, &["alice\n", "%bob%un\n", "%bob%1\n", "%bob%2\n"]);
    let rows: [(Vec<Vec<u8>>, &[&str]); 8] = [
        (small, &["un", "1", "2"]),
        (vec![b"alice\r".to_vec(), [b"%bob%un\r".repeat(20), b"%bob%fin\n".to_vec()].concat()], &FIN),
        (block, &["un message assez long", "ok", "trois"]),
        (vec![b"alice\r".to_vec(), b"%bob%un\r%bob%deux\r".to_vec()], &["un", "deux"]),
        (vec![b"alice\r\0".to_vec(), b"%bob%un\r\0%bob%deux\r\0".to_vec()], &["un", "deux"]),
        (vec!["\u{feff}alice\n".into(), "\u{feff}%bob%\u{feff}un\n".into()], &["\u{feff}un"]),
        (vec![telnet, [b"%bob%un", INTERRUPT, b" deux\r\n"].concat()], &["un deux"]),
        (vec![b"alice\n%bob%\xff\xe9\n".to_vec()], &["\u{fffd}\u{fffd}"]),
    ];
    for (writes, heard) in rows {
        let _row = Row::of(&heard);
        let server = Server::of(DIRECT, &[]);
        let mut bob = server.connect();
        bob.sends("bob\n");
        server.program.out.line_with(&["(parent) bob is "]);
        let mut alice = server.connect();
        for write in writes {
            alice.sends(write);
            server.program.out.line_with(&["(parent) alice is "]);
        }
        let lines: Vec<String> = heard.iter().map(|_| bob.line()).collect();
        assert_eq!(lines, heard.iter().map(|line| format!("{line}\n")).collect::<Vec<_>>());
        alice.half_closes();
        let told = alice.hears_the_end();
        assert!(told.is_empty() || told == NO_TIMING_MARK, "an error was told: {told:?}");
    }
}

#[test]
fn the_byte_order_mark_of_utf_16_is_no_command_of_telnet() {
    let server = Server::of(DIRECT, &[]);
    let mut bob = server.connect();
    bob.sends("bob\n%bob%");
    bob.sends(b"\xff\xfe\x1f\x04@\x04\n");
    bob.hears(b"\xff\xfe\x1f\x04@\x04\n");
    let mut alice = server.connect();
    alice.sends(b"\xff\xfe\x1falice\n");
    let error = alice.line();
    assert!(error.contains("UTF-8"), "{error}");
}

#[test]
fn a_first_text_before_memory_that_was_never_cleared_is_taken() {
    let block = |text: &str, size: usize| {
        let memory = [0x55, 0x7f, 0x12, 0x40, 0, 0, 0xe4, 0xff, 0x05, 0, 0x16].repeat(100);
        [text.as_bytes(), b"\0", &memory].concat()[..size].to_vec()
    };
    for size in [8, 20, 32, 40, 50, 1024] {
        let _row = Row::of(&size);
        let (calc, relay, direct) = (Server::of(CALC, &[]), Server::of(RELAY, &[]), Server::of(DIRECT, &[]));
        for number in ["5", "12", "-3"] {
            let mut peer = greeted(&calc);
            peer.sends(block(number, size));
            peer.hears("Second number?\n");
        }
        let [mut first, mut second] = pair(&relay);
        first.sends(block("a", size));
        second.hears("a\0");
        direct.connect().sends(block("bob", size));
        direct.program.out.line_with(&["(parent) bob is "]);
    }
}

#[test]
fn a_timing_mark_of_telnet_is_answered_by_each_lab() {
    for (program, greeting) in
        [(CALC, &format!("{GREETING}First number?\n")[..]), (DIRECT, ""), (RELAY, "1\0")]
    {
        let _row = Row::of(&program);
        let server = Server::of(program, &[]);
        let mut client = server.connect();
        client.hears(greeting);
        // In the relay, at its turn.
        let _partner = server.connect();
        if program == RELAY {
            client.hears("emi\0");
        }
        client.sends(INTERRUPT);
        client.hears(NO_TIMING_MARK);
    }
}

#[test]
fn a_negotiation_is_no_name_and_its_client_times_out() {
    let server = Server::of(DIRECT, &["--name-timeout", "1"]);
    let mut peer = server.connect();
    peer.sends(PUTTY);
    let heard = String::from_utf8(peer.hears_the_end()).unwrap();
    assert!(heard.starts_with("[ERROR] direct_serveur: ") && heard.contains("1 s"), "{heard}");
}
