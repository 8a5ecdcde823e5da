//! Section 2 of docs/PROTOCOLS.md, line by line.

use super::*;
use nix::sys::signal::Signal::{SIGCONT, SIGINT, SIGSTOP, SIGTERM};
use std::io::Read;
use std::time::Duration;

/// One `recv` of at most `most` bytes, as in the course's client. The pause stands for a machine
/// too slow to read between two `send`s in a row.
#[track_caller]
fn recv(peer: &mut Peer, most: usize) -> Vec<u8> {
    let mut buffer = vec![0; most];
    peer.stream.peek(&mut buffer).expect("recv");
    std::thread::sleep(Duration::from_millis(20));
    let n = peer.stream.read(&mut buffer).expect("recv");
    buffer.truncate(n);
    buffer
}

/// True if each string is returned by one `recv` of at most so many bytes.
#[track_caller]
fn comes_as<const N: usize>(peer: &mut Peer, strings: [(usize, &str); N]) -> bool {
    strings.into_iter().all(|(most, string)| recv(peer, most) == string.as_bytes())
}

/// Expects one of ten attempts to succeed. If a busy machine delays the reader by 200 ms, one
/// `recv` may return two strings. A server that does not keep them apart never passes.
#[track_caller]
fn one_attempt_succeeds(attempt: impl Fn() -> bool) {
    assert!((0..10).any(|_| attempt()), "all ten attempts failed");
}

#[test]
fn line_1_and_2_number_and_role_are_a_recv_each() {
    one_attempt_succeeds(|| {
        let server = server(&[]);
        let mut first = server.connect();
        assert_eq!(recv(&mut first, 3), b"1\0");
        let mut second = server.connect();
        let each = comes_as(&mut second, [(3, "2\0"), (4, "rec\0")]);
        assert_eq!(recv(&mut first, 4), b"emi\0");
        each
    });
}

#[test]
fn a_message_right_after_the_role_is_a_recv_of_its_own() {
    one_attempt_succeeds(|| {
        let server = server(&[]);
        let mut first = numbered(&server, 1);
        let mut second = server.connect();
        // The message waits in the socket before any client has a role.
        first.sends("bonjour\0");
        comes_as(&mut second, [(3, "2\0"), (1024, "rec\0"), (1024, "bonjour\0")])
    });
}

#[test]
fn a_new_client_gets_number_role_and_last_message_in_a_recv_each() {
    one_attempt_succeeds(|| {
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        says(&mut first, &mut second, "le dernier");
        second.sends("fin\0");
        assert_eq!(second.hears_the_end(), b"");
        let mut newcomer = server.connect();
        comes_as(&mut newcomer, [(1024, "2\0"), (1024, "rec\0"), (1024, "le dernier\0")])
    });
}

#[test]
fn line_3_clients_speak_in_turn_and_each_message_arrives_unchanged() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let longest = "x".repeat(1023);
    let latin = "caf\u{e9} \u{1f980}";
    for text in
        ["bonjour", "deux mots", &longest, "\x01\x1b[2J", latin, "lignes\nde texte\n", " exit", "finir"]
    {
        let _row = Row::of(&text);
        says(&mut first, &mut second, text);
        says(&mut second, &mut first, text);
    }
    first.sends(b"\xff\xfe\0");
    second.hears(b"\xff\xfe\0");
}

#[test]
fn line_3_messages_sent_out_of_turn_wait_in_the_socket() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    second.sends("trop tôt\0encore\0");
    has_unread(&server, &second, "trop tôt\0encore\0".len());
    first.sends("un\0");
    second.hears("un\0");
    first.hears("trop tôt\0");
    has_unread(&server, &second, "encore\0".len());
    says(&mut first, &mut second, "deux");
    first.hears("encore\0");
}

#[test]
fn messages_that_both_have_sent_ahead_are_relayed_in_turn() {
    let server = server(&["--max-clients", "2"]);
    let (mut first, mut second) = (server.connect(), server.connect());
    let all = |who: &str| (0..2000).map(|i| format!("{who} {i}\0")).collect::<String>();
    std::thread::scope(|scope| {
        let (mut speaker, mut other) = (first.duplicate(), second.duplicate());
        scope.spawn(move || speaker.sends(all("un")));
        scope.spawn(move || other.sends(all("deux")));
        let numbers = [&mut first, &mut second].map(|peer| {
            let number = peer.strings(1).remove(0);
            (number, peer)
        });
        // The order of arrival is up to the system. Each client receives all messages of the other.
        for (number, peer) in numbers {
            let _row = Row::of(&number);
            let role = peer.strings(1).remove(0);
            assert_eq!(role, if number == "1" { "emi" } else { "rec" });
            let heard = peer.strings(2000);
            let who = heard[0].split(' ').next().unwrap().to_string();
            assert!(heard.into_iter().enumerate().all(|(i, text)| text == format!("{who} {i}")));
        }
    });
}

#[test]
fn line_4_fin_closes_and_the_next_client_gets_the_number_rec_and_the_last_message() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "un");
    says(&mut second, &mut first, "deux");
    // The first client has the turn.
    first.sends("fin\0");
    assert_eq!(first.hears_the_end(), b"");
    prints(&server, &["(père) le client 1 (", &address_of(&first), "a dit fin"]);
    let mut newcomer = server.connect();
    newcomer.hears("1\0rec\0deux\0");
    // The new client has the turn.
    says(&mut newcomer, &mut second, "trois");
    says(&mut second, &mut newcomer, "quatre");
}

#[test]
fn line_4_leaving_out_of_turn_counts_as_fin() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "un");
    says(&mut second, &mut first, "deux");
    drop(second);
    prints(&server, &["(père) le client 2 (", "sa place est libre"]);
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0un\0");
    // A course's client answers at once, out of turn. The answer waits until its partner has
    // spoken.
    newcomer.sends("quatre\0");
    says(&mut first, &mut newcomer, "trois");
    first.hears("quatre\0");
    says(&mut first, &mut newcomer, "cinq");
}

#[test]
fn line_2_the_role_comes_200_ms_after_the_number() {
    let server = server(&[]);
    let _first = numbered(&server, 1);
    // Measured from before the number is sent: a busy machine makes it longer, never shorter.
    let before = std::time::Instant::now();
    let mut second = server.connect();
    second.hears("2\0rec\0");
    assert!(before.elapsed() >= std::time::Duration::from_millis(200));
}

#[test]
fn line_4_the_turn_of_the_partner_goes_on() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "un");
    second.sends("fin\0");
    assert_eq!(second.hears_the_end(), b"");
    // A message that waits in the socket meanwhile.
    first.sends("en avance\0");
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0un\0");
    newcomer.sends("réponse\0");
    first.hears("réponse\0");
    newcomer.hears("en avance\0");
}

#[test]
fn a_message_to_an_empty_place_waits_for_the_next_client() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "un");
    says(&mut second, &mut first, "deux");
    drop(second);
    prints(&server, &["(père) le client 2 (", "est parti"]);
    first.sends("pour le suivant\0");
    prints(&server, &["client 1 → client 2 : pour le suivant"]);
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0pour le suivant\0");
    says(&mut newcomer, &mut first, "merci");
}

#[test]
fn a_new_client_that_has_the_turn_without_a_last_message_gets_an_empty_one() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("fin\0");
    assert_eq!(first.hears_the_end(), b"");
    let mut newcomer = server.connect();
    newcomer.hears("1\0rec\0\0");
    says(&mut newcomer, &mut second, "enfin");
    says(&mut second, &mut newcomer, "bonjour");
}

#[test]
fn line_5_exit_is_relayed_with_a_space_and_ends_no_client() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for sent in ["exit\0", "exit\n", "exit\r\n\0", "exit\0\0\0\0"] {
        let _row = Row::of(&sent);
        first.sends(sent);
        second.hears("exit \0");
        says(&mut second, &mut first, "je reste");
    }
}

#[test]
fn line_6_a_signal_sends_exit_to_all_clients_and_ends_the_server_with_status_0() {
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut server = server(&[]);
        let (mut first, mut second) = pair(&server);
        let mut third = in_line(&server);
        // Unread bytes must not turn the close into a reset, which would lose `exit`.
        second.sends("hors de mon tour\0");
        third.sends("en attente\0");
        server.program.signal(signal);
        assert_eq!(first.hears_the_end(), b"exit\0");
        assert_eq!(second.hears_the_end(), b"exit\0");
        assert_eq!(third.hears_the_end(), b"exit\0");
        drop((first, second, third));
        assert_eq!(server.program.ends().code(), Some(0));
        let printed = server.program.out.to_the_end();
        assert!(printed.ends_with(&format!("(père) {signal} reçu : arrêt, 3 en ligne\n")), "{printed}");
        assert_eq!(server.program.err.to_the_end(), "");
    }
}

#[test]
fn line_6_a_signal_sends_exit_to_two_hundred_waiting_clients() {
    let server = server(&["--max-clients", "300"]);
    let mut waiting: Vec<Peer> = (0..202).map(|_| server.connect()).collect();
    prints(&server, &["(200 en attente)"]);
    server.program.signal(SIGTERM);
    for peer in &mut waiting {
        assert!(peer.hears_the_end().ends_with(b"exit\0"));
    }
}

#[test]
fn line_6_number_and_exit_are_a_recv_each() {
    one_attempt_succeeds(|| {
        let server = server(&[]);
        let mut alone = server.connect();
        alone.stream.peek(&mut [0; 1]).unwrap();
        server.program.signal(SIGINT);
        let (number, exit) = (recv(&mut alone, 1024), recv(&mut alone, 1024));
        assert_eq!([&number[..], &exit].concat(), b"1\0exit\0");
        number == b"1\0"
    });
}

#[test]
fn line_7_fin_and_a_close_are_one_departure() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("fin\0");
    drop(first);
    let mut first = server.connect();
    first.hears("1\0rec\0\0");
    // The first client left in turn; the second leaves out of turn.
    second.sends("fin\0");
    drop(second);
    prints(&server, &["(père) le client 2 (", "sa place est libre"]);
    let mut second = server.connect();
    second.hears("2\0rec\0");
    says(&mut first, &mut second, "à nous");
    let printed = server.program.out.so_far();
    assert_eq!(printed.matches("sa place est libre").count(), 2, "{printed}");
}

#[test]
fn the_server_prints_arrivals_messages_turns_and_departures() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "bonjour\x1b[2J");
    says(&mut second, &mut first, "salut");
    second.resets();
    prints(&server, &["sa place est libre"]);
    let printed = server.program.out.so_far();
    let lines: Vec<&str> = printed.lines().skip(1).collect();
    let (one, two) = (address_of(&first), lines[2].rsplit(' ').next().unwrap());
    let expected = [
        format!("(père) nouveau client {one}"),
        format!("(père) le client {one} a le numéro 1"),
        format!("(père) nouveau client {two}"),
        format!("(père) le client {two} a le numéro 2"),
        "(père) les deux clients sont là : le client 1 émet (emi), le client 2 reçoit (rec)".to_string(),
        "(père) au tour du client 1".to_string(),
        "(père) client 1 → client 2 : bonjour^[[2J".to_string(),
        "(père) au tour du client 2".to_string(),
        "(père) client 2 → client 1 : salut".to_string(),
        "(père) au tour du client 1".to_string(),
        format!("(père) le client 2 ({two}) a disparu (Connection reset by peer) ; sa place est libre"),
    ];
    assert_eq!(lines, expected);
}

/// As a client of `nc` sends it, or the beginning of a padded block.
#[test]
fn a_message_without_an_end_is_relayed_before_the_exit_of_a_server_that_stops() {
    for (pairs, text) in [("1", "salut\n"), ("1", "salut"), ("2", "salut\n"), ("2", "salut\0\0\0")] {
        let _row = Row::of(&(pairs, text));
        let server = server(&["--pairs", pairs]);
        let mut clients = vec![pair(&server)];
        if pairs == "2" {
            clients.push(pair(&server));
        }
        let (first, second) = clients.last_mut().unwrap();
        // It finds the text and the signal at the same time.
        server.program.signal(SIGSTOP);
        server.children().into_iter().for_each(stop);
        first.sends(text);
        server.program.signal(SIGTERM);
        server.program.signal(SIGCONT);
        server.children().into_iter().for_each(|child| send(child, SIGCONT));
        assert_eq!(String::from_utf8_lossy(&second.hears_the_end()), "salut\0exit\0");
    }
}
