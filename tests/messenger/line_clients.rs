//! `--lines`: clients that send and read lines, in one room with clients of C strings.

use crate::common::*;

use std::net::SocketAddr;
use std::process::Command;
use std::time::{SystemTime, UNIX_EPOCH};

const WELCOME: &str = "Bienvenue : chaque ligne que vous envoyez va à tous.\r\n";

/// A server for C strings and lines.
struct Room {
    server: Server,
    lines: SocketAddr,
}

impl Room {
    #[track_caller]
    fn open(options: &[&str]) -> Room {
        Room::of(Server::start(&[&["--lines", "0"], options].concat()))
    }

    #[track_caller]
    fn of(server: Server) -> Room {
        Room { lines: server.lines_address(), server }
    }

    /// A line client that has read the welcome.
    #[track_caller]
    fn join_lines(&self) -> Peer {
        let mut peer = Peer::connect(self.lines);
        peer.hears(WELCOME);
        self.server.program.out.line_about(peer.stream.local_addr().unwrap());
        peer
    }
}

/// The text of the next line; asserts the form of the time before it.
#[track_caller]
fn next_text(peer: &mut Peer) -> String {
    let line = peer.line();
    let (time, text) = line.split_at(11);
    let form: String = time.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert_eq!(form, "[99:99:99] ", "{line:?}");
    text.strip_suffix('\n').expect("a newline").to_string()
}

#[test]
fn each_line_is_relayed_to_all_trimmed_and_with_the_time() {
    let room = Room::open(&[]);
    let (mut alice, mut bob) = (room.join_lines(), room.join_lines());
    alice.sends(" \tbonjour à tous  \r\nencore\n\n");
    for peer in [&mut alice, &mut bob] {
        assert_eq!(next_text(peer), "bonjour à tous");
        assert_eq!(next_text(peer), "encore");
        assert_eq!(next_text(peer), "");
    }
}

#[test]
fn the_end_of_a_line_that_fills_the_buffer_is_no_empty_line() {
    let room = Room::open(&[]);
    let mut listener = room.join_lines();
    for end in ["\n", "\r\n", "\r", "\r\0", "\0"] {
        for count in [1, 2] {
            let _row = Row::of(&(end, count));
            let piece = "x".repeat(1023);
            room.join_lines().sends(format!("{}{end}fin{end}{end}", piece.repeat(count)));
            let last = if end == "\0" { vec!["fin"] } else { vec!["fin", ""] };
            for text in std::iter::repeat_n(&piece[..], count).chain(last) {
                assert_eq!(next_text(&mut listener), text);
            }
        }
    }
}

#[test]
fn a_line_sent_byte_by_byte_is_one_line() {
    let room = Room::open(&[]);
    let mut alice = room.join_lines();
    b"lentement\n".iter().for_each(|byte| alice.sends([*byte]));
    assert_eq!(next_text(&mut alice), "lentement");
}

#[test]
fn line_clients_and_c_clients_share_one_room() {
    let room = Room::open(&[]);
    let (mut line, mut string) = (room.join_lines(), room.server.join());
    line.sends("salut\r\n");
    string.hears("salut\0\0");
    assert_eq!(next_text(&mut line), "salut");
    string.sends("alice : bonjour\0");
    string.hears("alice : bonjour\0\0");
    assert_eq!(next_text(&mut line), "alice : bonjour");
    assert_eq!(room.server.wait_for_children(2).len(), 2);
    room.server.program.out.line_with(&["(fils ", ") salut"]);
}

#[test]
fn the_course_client_in_c_and_ours_talk_with_a_line_client() {
    let room = Room::open(&[]);
    let mut line = room.join_lines();
    let mut c = c_client(&room.server, "carole", "course");
    c.types("bonjour\n");
    assert_eq!(next_text(&mut line), "carole : bonjour");
    let mut ours = our_client(&room.server, "alice");
    line.sends("de la seconde porte\n");
    c.out.line_with(&["de la seconde porte"]);
    ours.out.line_with(&["de la seconde porte"]);
    ours.types("reçu\n");
    assert_eq!(next_text(&mut line), "de la seconde porte");
    assert_eq!(next_text(&mut line), "alice : reçu");
}

#[test]
fn a_message_cannot_forge_a_line_of_another_client() {
    let room = Room::open(&[]);
    let (mut line, mut string) = (room.join_lines(), room.server.join());
    string.sends("moi : un\n[00:00:00] toi : deux\0");
    assert_eq!(next_text(&mut line), "moi : un");
    assert_eq!(next_text(&mut line), "[00:00:00] toi : deux");
    // A NUL in a line must not end the string of the C clients.
    line.sends("a\0b : c\n");
    string.hears("moi : un\n[00:00:00] toi : deux\0\0ab : c\0\0");
    assert_eq!(next_text(&mut line), "ab : c");
    // A carriage return ends a line, which has its own time; no other terminator does.
    line.sends("eve\r[00:00:00] prof : non\n");
    assert_eq!(next_text(&mut line), "eve");
    assert_eq!(next_text(&mut line), "[00:00:00] prof : non");
    line.sends("eve\x0b[00:00:00] prof : non\n");
    assert_eq!(next_text(&mut line), "eve [00:00:00] prof : non");
    string.sends("eve\r[00:00:00] prof : non\0");
    assert_eq!(next_text(&mut line), "eve [00:00:00] prof : non");
}

#[test]
fn line_clients_and_c_clients_receive_one_order() {
    let room = Room::open(&["--pace", "0"]);
    let (line, mut string) = (room.join_lines(), room.server.join());
    let (mut line_speaker, mut string_speaker) = (line.duplicate(), string.duplicate());
    let mut listener = line;
    std::thread::scope(|scope| {
        scope.spawn(move || (0..500).for_each(|i| line_speaker.sends(format!("ligne {i}\n"))));
        scope.spawn(move || (0..500).for_each(|i| string_speaker.sends(format!("chaine {i}\0"))));
        let strings = string.strings(1000);
        let lines: Vec<String> = (0..1000).map(|_| next_text(&mut listener)).collect();
        assert_eq!(lines, strings);
    });
}

#[test]
fn a_long_line_is_relayed_in_pieces_and_an_unfinished_one_at_the_end() {
    let room = Room::open(&["--pace", "0"]);
    let (mut speaker, mut listener) = (room.join_lines(), room.join_lines());
    // Each piece is valid UTF-8: no character is split.
    let long = "x€é".repeat(150_000);
    speaker.sends(&long);
    speaker.sends("fin sans retour");
    speaker.half_closes();
    let mut heard = String::new();
    while heard.len() < long.len() + "fin sans retour".len() {
        heard.push_str(&next_text(&mut listener));
    }
    assert_eq!(heard, long + "fin sans retour");
}

#[test]
fn the_line_listener_takes_no_low_descriptor_and_no_process() {
    let room = Room::open(&[]);
    let (_line, _string) = (room.join_lines(), room.server.join());
    let children = room.server.wait_for_children(2);
    let of_parent = descriptors_of(room.server.pid());
    let low: Vec<i32> = of_parent.iter().map(|(number, _)| *number).filter(|number| *number < 48).collect();
    assert_eq!(low, [0, 1, 2, 3, 4, 5, 6, 7]);
    for (child, own) in children.into_iter().zip([6, 7]) {
        eventually("the child to have closed what it does not need", || {
            let numbers: Vec<i32> = descriptors_of(child).into_iter().map(|(number, _)| number).collect();
            (numbers == [0, 1, 2, 4, own]).then_some(())
        });
    }
}

#[test]
fn a_refusal_has_the_encoding_of_its_client() {
    let room = Room::open(&["--max-clients", "1"]);
    let _first = room.join_lines();
    let notice = Peer::connect(room.lines).hears_the_end();
    let notice = String::from_utf8(notice).unwrap();
    assert!(
        notice.contains("la salle est pleine (1 client au plus)") && notice.ends_with('\n'),
        "{notice:?}"
    );
    let notice = room.server.connect().hears_the_end();
    assert!(notice.ends_with(b"\0") && !notice.contains(&b'\n'));
}

#[test]
fn a_line_client_that_does_not_read_is_dropped_with_the_reason_as_a_line() {
    // The notice can be read for 500 ms. A busy machine may exceed that, not five times.
    let is_told = (0..5).any(|_| {
        let room = Room::open(&["--pace", "0", "--lag-limit", "100000", "-q"]);
        let mut slow = Peer::connect(room.lines);
        room.server.wait_for_children(1);
        let mut speaker = room.server.connect();
        room.server.wait_for_children(2);
        let text = "x".repeat(1000) + "\0";
        while !room.server.program.err.so_far().contains("lit trop lentement") {
            // Less than the lag limit, so that the sender itself is never dropped.
            (0..50).for_each(|_| speaker.sends(&text));
            assert_eq!(speaker.strings(50).len(), 50);
        }
        let heard = String::from_utf8_lossy(&slow.hears_the_end()).into_owned();
        speaker.sends("fin\0");
        assert_eq!(speaker.strings(1), ["fin"]);
        heard.lines().last().is_some_and(|last| last.starts_with("chat_serveur : vous lisez trop lentement"))
    });
    assert!(is_told, "never received, or not as a separate line");
}

/// Seconds since midnight in the zone UTC+5:30.
#[track_caller]
fn time_of_day() -> u64 {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    (now + 5 * 3600 + 30 * 60) % 86_400
}

#[test]
fn the_time_is_in_the_zone_of_the_server() {
    let mut command = Command::new(SERVER);
    command.env("TZ", "<+0530>-5:30").args(["--bind", "127.0.0.1", "--port", "0", "--lines", "0"]);
    let room = Room::of(Server::from(&mut command));
    let mut alice = room.join_lines();
    let before = time_of_day();
    alice.sends("quelle heure est-il ?\n");
    let line = alice.line();
    let after = time_of_day();
    let seconds = line[1..9].split(':').fold(0, |sum, part| sum * 60 + part.parse::<u64>().unwrap());
    // Modulo a day: midnight may pass.
    let passed = |from: u64, to: u64| (to + 86_400 - from) % 86_400;
    assert!(passed(before, seconds) <= passed(before, after), "{line:?}: not from {before} to {after}");
}

#[test]
fn a_line_port_in_use_is_reported_with_the_systems_reason() {
    let room = Room::open(&[]);
    let taken = room.lines.port().to_string();
    let mut server =
        Program::start(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", "0", "--lines", &taken]));
    assert_eq!(server.ends().code(), Some(1));
    let said = server.err.to_the_end();
    assert!(said.contains(&format!("impossible d'écouter sur {}", room.lines)), "{said}");
    assert!(said.contains("Address already in use") && said.lines().count() == 1, "{said}");
}
