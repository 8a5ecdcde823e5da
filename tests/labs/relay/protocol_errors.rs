//! Input that the protocol does not provide for: nothing is lost, and turns stay in step.

use super::*;
use crate::foreign_protocols::is_http_refusal;
use std::time::{Duration, Instant};

#[test]
fn a_message_of_1024_bytes_or_more_is_relayed_in_pieces_one_per_turn() {
    for length in [1024, 2046, 2047, 5000] {
        let _row = Row::of(&length);
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        let text: String = ('a'..='z').cycle().take(length).collect();
        first.sends(format!("{text}\0"));
        for piece in text.as_bytes().chunks(1023) {
            second.hears([piece, b"\0"].concat());
            says(&mut second, &mut first, "et puis ?");
        }
        says(&mut first, &mut second, "c'est tout");
    }
}

#[test]
fn a_message_of_1023_bytes_is_relayed_whole() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, &"x".repeat(1023));
    says(&mut second, &mut first, "un seul");
}

#[test]
fn the_last_piece_of_a_long_message_is_not_taken_for_fin() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("x".repeat(1023) + "fin\0");
    second.hears("x".repeat(1023) + "\0");
    says(&mut second, &mut first, "suite");
    second.hears("fin\0");
    says(&mut second, &mut first, "encore là ?");
    first.sends("fin\0");
    assert_eq!(first.hears_the_end(), b"");
}

#[test]
fn a_message_without_nul_is_relayed_without_its_line_end() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for (sent, heard) in
        [("\n", "\0"), ("bonjour\n", "bonjour\0"), ("bonjour\r\n", "bonjour\0"), ("bonjour", "bonjour\0")]
    {
        let _row = Row::of(&(&sent, &heard));
        // Measured from before the send: a busy machine makes it longer, never shorter.
        let before = std::time::Instant::now();
        first.sends(sent);
        second.hears(heard);
        assert!(before.elapsed() >= Duration::from_millis(300));
        says(&mut second, &mut first, "reçu");
    }
}

#[test]
fn lines_sent_ahead_without_nul_are_a_message_each() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("un\ndeux\nfin\n");
    second.hears("un\0");
    says(&mut second, &mut first, "a");
    second.hears("deux\0");
    says(&mut second, &mut first, "b");
    assert_eq!(first.hears_the_end(), b"");
}

#[test]
fn padding_that_comes_later_than_its_message_is_no_message() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for padding in ["\0", "\0\0", "\0\0\0\0", "\n", "\r\n", "\n\r", "\0\n"] {
        let _row = Row::of(&padding);
        says(&mut first, &mut second, "ha");
        first.sends(padding);
        has_unread(&server, &first, padding.len());
        says(&mut second, &mut first, "oui ?");
        first.sends(["ok\0", padding].concat());
        second.hears("ok\0");
        says(&mut second, &mut first, "oui ?");
        // At the client's turn, in front of its text.
        first.sends([padding, "suite\0"].concat());
        second.hears("suite\0");
        says(&mut second, &mut first, "oui ?");
    }
}

#[test]
fn what_stands_around_a_text_of_one_write_takes_no_turn() {
    for end in ["\0\n", "\0\r\n", "\0\n\0", "\n\n", "\n\r", "\r\r\n"] {
        let _row = Row::of(&end);
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        for text in ["un", "deux"] {
            first.sends(format!("{text}{end}"));
            second.hears(format!("{text}\0"));
            says(&mut second, &mut first, "oui ?");
        }
        first.sends(format!("\ntrois{end}"));
        second.hears("trois\0");
        says(&mut second, &mut first, "oui ?");
        first.sends(format!("\nfin{end}"));
        assert_eq!(first.hears_the_end(), b"");
    }
}

#[test]
fn the_rest_of_a_block_that_is_longer_than_the_window_is_no_message() {
    const SIZE: usize = 40_000;
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for text in ["un", "deux"] {
        first.sends([text.as_bytes(), &vec![0; SIZE - text.len()]].concat());
        second.hears(format!("{text}\0"));
        has_unread(&server, &first, SIZE - forklab::labs::relay::message::WINDOW);
        says(&mut second, &mut first, "oui ?");
        has_unread(&server, &first, 0);
    }
    says(&mut first, &mut second, "fini");
}

#[test]
fn nuls_alone_in_the_clients_turn_are_an_empty_message() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for nuls in ["\0", "\0\0", "\0\0\0\0"] {
        let _row = Row::of(&nuls);
        first.sends(nuls);
        second.hears("\0");
        says(&mut second, &mut first, "oui ?");
        says(&mut first, &mut second, "ok");
        says(&mut second, &mut first, "oui ?");
    }
}

#[test]
fn a_late_nul_is_not_a_message() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    first.sends("salut");
    second.hears("salut\0");
    first.sends("\0suite\0");
    says(&mut second, &mut first, "oui ?");
    second.hears("suite\0");
    says(&mut second, &mut first, "ah");
}

#[test]
fn a_message_in_two_segments_with_a_short_pause_is_one_message() {
    // Two messages, if a busy machine makes the pause longer than the server's wait; hence several
    // attempts.
    let whole = (0..10).any(|_| {
        let server = server(&[]);
        let (mut first, mut second) = pair(&server);
        first.sends("sa");
        std::thread::sleep(Duration::from_millis(60));
        first.sends("lut\0");
        second.strings(1) == ["salut"]
    });
    assert!(whole, "not whole in any of ten attempts");
}

#[test]
fn an_empty_message_passes_the_turn() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "");
    says(&mut second, &mut first, "");
    says(&mut first, &mut second, "voilà");
}

#[test]
fn padding_with_nuls_is_not_a_message() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    for length in [50, 1024] {
        let _row = Row::of(&length);
        first.sends([&b"salut"[..], &vec![0; length - 5]].concat());
        second.hears("salut\0");
        says(&mut second, &mut first, "reçu");
    }
    says(&mut first, &mut second, "c'est tout");
}

#[test]
fn fin_sent_out_of_turn_is_read_in_turn() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    second.sends("fin\0");
    has_unread(&server, &second, 4);
    first.sends("un dernier mot\0");
    assert_eq!(second.hears_the_end(), b"un dernier mot\0");
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0un dernier mot\0");
    says(&mut newcomer, &mut first, "bonjour");
}

#[test]
fn fin_must_be_the_whole_message_and_may_have_a_line_end() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    says(&mut first, &mut second, "fin de partie");
    second.sends("fin\n");
    assert_eq!(second.hears_the_end(), b"");
    let mut newcomer = server.connect();
    newcomer.hears("2\0rec\0fin de partie\0");
}

/// The context switches of these processes, voluntary and not: proc_pid_status(5).
#[track_caller]
fn switches(pids: &[i32]) -> u64 {
    let of = |pid: &i32| {
        let status = std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
        let lines = status.lines().filter(|line| line.contains("voluntary_ctxt_switches"));
        lines.map(|line| line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()).sum::<u64>()
    };
    pids.iter().map(of).sum()
}

#[test]
fn a_waiting_server_does_not_wake_up_for_unread_bytes() {
    let server = server(&["--pairs", "2"]);
    let pairs = [pair(&server), pair(&server)];
    let mut waiting = in_line(&server);
    waiting.sends("en avance\0");
    has_unread(&server, &waiting, "en avance\0".len());
    let mut others = pairs.map(|(first, mut second)| {
        // Out of turn, and without an end.
        second.sends("x".repeat(3000));
        has_unread(&server, &second, 3000);
        (first, second)
    });
    let family: Vec<i32> = server.children().into_iter().chain([server.pid()]).collect();
    // Silence has no event: waits until two counts agree, then counts again later. 500 ms is longer
    // than any timer of the server here; a process that waits for a processor is not in state S.
    let sleeps = |pid: &i32| std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap().contains(") S ");
    let settled = eventually("the server to settle", || {
        let before = switches(&family);
        std::thread::sleep(Duration::from_millis(500));
        (family.iter().all(sleeps) && switches(&family) == before).then_some(before)
    });
    std::thread::sleep(Duration::from_millis(700));
    assert_eq!(switches(&family), settled);
    for (first, second) in &mut others {
        says(first, second, "je suis là");
    }
}

#[test]
fn a_client_that_floods_out_of_turn_does_not_block_the_other() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    let mut flood = second.duplicate();
    flood.stream.set_write_timeout(Some(Duration::from_millis(50))).unwrap();
    // Until the sockets are full: the server reads nothing of it.
    while std::io::Write::write(&mut flood.stream, &[b'x'; 65536]).is_ok() {}
    first.sends("un\0");
    second.hears("un\0");
    first.hears("x".repeat(1023) + "\0");
    first.sends("fin\0");
    assert_eq!(first.hears_the_end(), b"");
    let mut newcomer = server.connect();
    newcomer.hears("1\0rec\0".to_string() + &"x".repeat(1023) + "\0");
}

#[test]
fn a_client_that_does_not_read_is_disconnected_and_the_other_goes_on() {
    let server = server(&[]);
    let (first, mut second) = pair(&server);
    // The answers fill the first client's socket, so its turn never comes again.
    let mut speaker = first.duplicate();
    let speaking = std::thread::spawn(move || {
        use std::io::Write;
        while speaker.stream.write_all(b"encore\0").is_ok() {}
    });
    let answer = "x".repeat(1023) + "\0";
    let mut answering = second.duplicate();
    let answers = std::thread::spawn(move || {
        while !answering.strings(1).is_empty() {
            answering.sends(&answer);
        }
    });
    prints(&server, &["(père) le client 1 (", "ne lit pas ce qu'on lui envoie"]);
    drop(first);
    speaking.join().unwrap();
    let mut newcomer = server.connect();
    newcomer.hears("1\0rec\0".to_string() + &"x".repeat(1023) + "\0");
    second.stream.shutdown(std::net::Shutdown::Both).unwrap();
    answers.join().unwrap();
    assert!(is_alive(server.pid()));
    second.hears_the_end();
}

#[test]
fn arbitrary_bytes_of_both_are_relayed_in_pieces_and_printed_escaped() {
    let server = server(&[]);
    let (mut first, mut second) = pair(&server);
    // Not as first bytes: those would be another protocol's.
    let noise = (0..=255).rev().cycle().take(20_000);
    let noise: Vec<u8> = b"salut\n\0".iter().copied().chain(noise).collect();
    std::thread::scope(|scope| {
        for peer in [&first, &second] {
            let (mut speaker, noise) = (peer.duplicate(), &noise);
            scope.spawn(move || speaker.sends(noise));
        }
        assert_eq!(first.strings(70).len(), 70);
        assert_eq!(second.strings(70).len(), 70);
    });
    let printed = server.program.out.so_far();
    assert!(printed.contains("^[") && !printed.contains('\x1b'));
}

#[test]
fn a_web_request_is_answered_in_http_and_frees_its_place() {
    let server = server(&[]);
    let request = "POST / HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 9\r\n\r\nforged\0\0\0";
    // Alone, without a turn.
    let mut foreign = numbered(&server, 1);
    foreign.sends(request);
    is_http_refusal(&foreign.hears_the_end());
    // Out of turn, in turn, and as one that waits for a partner.
    let (mut first, mut second) = pair(&server);
    let mut waiting = in_line(&server);
    waiting.sends(request);
    is_http_refusal(&waiting.hears_the_end());
    second.sends(request);
    is_http_refusal(&second.hears_the_end());
    let mut second = numbered(&server, 2);
    second.hears("rec\0");
    says(&mut first, &mut second, "bonjour");
    second.sends(request);
    is_http_refusal(&second.hears_the_end());
    let mut second = numbered(&server, 2);
    second.hears_up_to("rec\0");
    prints(&server, &["parle un autre protocole (« POST / HTTP/1.1 »)"]);
    first.sends("exit\0");
}

#[test]
fn a_web_request_whose_first_piece_was_judged_out_of_turn_is_judged_again_in_its_turn() {
    let server = server(&[]);
    let (mut first, mut foreign) = pair(&server);
    foreign.sends("POST / HT");
    // No matter whether the first piece is judged alone by then.
    std::thread::sleep(Duration::from_millis(400));
    foreign.sends("TP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
    first.sends("bonjour\0");
    foreign.hears("bonjour\0");
    is_http_refusal(&foreign.hears_the_end());
    let mut second = numbered(&server, 2);
    second.hears_up_to("rec\0bonjour\0");
    says(&mut second, &mut first, "bonsoir");
}

#[test]
fn a_web_request_in_two_pieces_is_answered_without_a_turn() {
    for place in ["alone", "out of turn", "in line"] {
        let _row = Row::of(&place);
        loop {
            let server = server(&[]);
            let mut others = match place {
                "alone" => vec![numbered(&server, 1)],
                _ => <[Peer; 2]>::from(pair(&server)).into(),
            };
            let mut foreign = if place == "in line" { in_line(&server) } else { others.pop().unwrap() };
            let began = Instant::now();
            foreign.sends("POST / HT");
            // Long enough to be read alone, as a rule.
            std::thread::sleep(Duration::from_millis(20));
            foreign.sends("TP/1.1\r\nHost: 127.0.0.1\r\n\r\n");
            // Later pieces are not judged: try again.
            if began.elapsed() < Duration::from_millis(300) {
                break is_http_refusal(&foreign.hears_the_end());
            }
        }
    }
}
