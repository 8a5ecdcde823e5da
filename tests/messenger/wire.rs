//! docs/PROTOCOLS.md, section 1, line by line: the bytes that the server sends for those that it
//! receives.

use crate::common::*;

/// Asserts that all clients receive `heard` when one client sends `sent` in one write.
#[track_caller]
fn is_relayed_as(sent: &[u8], heard: &[u8]) {
    let server = Server::start(&[]);
    let (mut sender, mut other) = (server.join(), server.join());
    sender.sends(sent);
    sender.hears(heard);
    other.hears(heard);
    // No byte in between: the next message follows directly.
    other.sends("fin\0");
    sender.hears("fin\0\0");
    other.hears("fin\0\0");
}

#[test]
fn a_message_of_the_provided_client_is_relayed_with_one_more_nul() {
    is_relayed_as(b"alice : bonjour\0", b"alice : bonjour\0\0");
}

#[test]
fn a_line_without_nul_is_relayed_with_one() {
    is_relayed_as(b"bob : salut\n", b"bob : salut\n\0");
}

#[test]
fn the_arrow_form_is_relayed_as_it_is() {
    is_relayed_as(b"bob > salut\n", b"bob > salut\n\0");
}

#[test]
fn a_bare_line_is_relayed_as_it_is() {
    is_relayed_as(b"salut\n", b"salut\n\0");
}

#[test]
fn newline_and_nul_end_one_message() {
    is_relayed_as(b"bob : salut\n\0", b"bob : salut\n\0\0");
}

#[test]
fn fifty_bytes_padded_with_nuls_are_one_message() {
    let mut padded = b"bob : salut".to_vec();
    padded.resize(50, 0);
    is_relayed_as(&padded, &[&padded[..], b"\0"].concat());
}

#[test]
fn a_run_of_nuls_as_long_as_the_text_is_one_message() {
    is_relayed_as(b"bob : salut\0\0\0\0\0\0\0\0\0\0\0", b"bob : salut\0\0\0\0\0\0\0\0\0\0\0\0");
}

#[test]
fn two_messages_in_one_segment_get_one_more_nul_after_the_last() {
    is_relayed_as(b"a\0b\0", b"a\0b\0\0");
    is_relayed_as(b"a\nb\n", b"a\nb\n\0");
}

#[test]
fn text_without_an_end_is_relayed_as_it_is() {
    is_relayed_as(b"sans fin", b"sans fin\0");
}

#[test]
fn nuls_alone_are_not_relayed() {
    is_relayed_as(b"\0\0\0", b"");
}

#[test]
fn bytes_that_are_not_utf8_pass_unchanged() {
    let bytes: Vec<u8> = (1..=255).filter(|&byte| byte != b'\n').chain([0]).collect();
    // As first bytes they would be another protocol's.
    is_relayed_as(&[b"eve : ", &bytes[..]].concat(), &[b"eve : ", &bytes[..], b"\0"].concat());
}

#[test]
fn a_message_of_1024_bytes_with_its_nul_is_one_string() {
    let text = "x".repeat(1023);
    let server = Server::start(&[]);
    let mut peer = server.join();
    peer.sends(format!("{text}\0fin\0"));
    assert_eq!(peer.strings(2), [text, "fin".to_string()]);
}

#[test]
fn three_thousand_bytes_without_an_end_arrive_as_several_strings() {
    let server = Server::start(&[]);
    let (mut sender, mut other) = (server.join(), server.join());
    sender.sends("y".repeat(3000));
    for peer in [&mut sender, &mut other] {
        let strings = peer.strings(3);
        assert_eq!(strings.iter().map(String::len).collect::<Vec<_>>(), [1023, 1023, 954]);
    }
}

#[test]
fn a_message_in_two_segments_is_one_message() {
    // The rest may take 20 ms. A busy machine may exceed that, not ten times.
    let whole = (0..10).any(|_| {
        let server = Server::start(&["-v"]);
        let (mut sender, mut other) = (server.join(), server.join());
        sender.sends("alice : bon");
        // Two segments for certain: the server has read the first.
        server.program.out.line_with(&["read(descripteur 6) : 11 octets"]);
        sender.sends("jour\0");
        let first = other.strings(1).remove(0);
        assert!(first == "alice : bonjour" || first + &other.strings(1)[0] == "alice : bonjour");
        !server.program.out.so_far().contains("alice : bon\n")
    });
    assert!(whole, "always relayed as two messages");
}

#[test]
fn the_server_sends_nothing_of_its_own() {
    let server = Server::start(&[]);
    let mut stays = server.join();
    let (goes, vanishes) = (server.join(), server.join());
    drop(goes);
    vanishes.resets();
    server.wait_for_children(1);
    stays.half_closes();
    assert_eq!(stays.hears_the_end(), b"");
}

#[test]
fn pacing_does_not_change_a_byte() {
    let lines: String = (0..300).map(|i| format!("alice : ligne {i}\0")).collect();
    for pace in ["0", "1", "20"] {
        let _row = Row::of(&pace);
        let server = Server::start(&["--pace", pace]);
        let mut peer = server.join();
        peer.sends(&lines);
        let heard = peer.strings(300);
        let expected: Vec<String> = (0..300).map(|i| format!("alice : ligne {i}")).collect();
        assert_eq!(heard, expected, "--pace {pace}");
    }
}

#[test]
fn each_paced_message_is_one_send_and_a_flood_shares_one() {
    /// The size of each send that the server reports with `-v`.
    fn sizes_of_sends(said: &[u8]) -> Vec<usize> {
        let said = String::from_utf8_lossy(said);
        let sizes =
            said.lines().filter_map(|line| line.split_once("send : ")?.1.split_once(' ')?.0.parse().ok());
        sizes.collect()
    }
    // Messages that have waited 200 ms go in one send. A busy machine may exceed that, not ten
    // times.
    let paced = (0..10).any(|_| {
        let server = Server::start(&["-v"]);
        let mut peer = server.join();
        peer.sends("a\0b\0c\0");
        peer.hears("a\0b\0c\0\0");
        let sizes = server.program.out.wait_for("all to be sent", |said| {
            Some(sizes_of_sends(said)).filter(|sizes| sizes.iter().sum::<usize>() == "a\0b\0c\0\0".len())
        });
        sizes == [2, 2, 3]
    });
    assert!(paced, "never sent one by one");
    let server = Server::start(&["-v"]);
    let mut peer = server.join();
    let flood: String = (0..1000).map(|i| format!("{i:04}\0")).collect();
    peer.sends(&flood);
    assert_eq!(peer.strings(1000).len(), 1000);
    // After 200 intervals of 1 ms, all the rest goes in one send, so that a thousand messages take
    // fewer sends.
    let sends = server.program.out.wait_for("a send of many messages", |bytes| {
        let sizes = sizes_of_sends(bytes);
        sizes.iter().any(|&size| size > 1000).then_some(sizes)
    });
    assert!(sends.len() < 1000, "{} sends", sends.len());
}

#[test]
fn an_ipv6_server_serves_ipv4_clients_under_their_own_address() {
    let server = Server::from(std::process::Command::new(SERVER).args(["--bind", "::", "--port", "0"]));
    assert!(server.address.is_ipv6());
    let mut old = server.connect();
    server.program.out.line_with(&["nouveau client 127.0.0.1:"]);
    let mut new = Peer::connect((std::net::Ipv6Addr::LOCALHOST, server.address.port()).into());
    server.program.out.line_with(&["nouveau client [::1]:"]);
    old.sends("bonjour\0");
    new.hears("bonjour\0\0");
}
