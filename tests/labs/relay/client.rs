//! `relay_client`, on a terminal and without one, with our server and with servers that the tests
//! play.

use super::*;
use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use std::net::{TcpListener, TcpStream};

/// Our client without a terminal, connected to a server that the test plays.
#[track_caller]
fn with_fake_server() -> (Program, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Program::start(Command::new(CLIENT).args(["--port", &port_of(&listener)]));
    (client, accept(&listener))
}

/// Our client on a terminal, connected to a server that the test plays.
#[track_caller]
fn terminal_with_fake_server() -> (Terminal, Peer) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let client = Terminal::start(CLIENT, &["127.0.0.1", "--plain", "--port", &port_of(&listener)]);
    (client, accept(&listener))
}

#[track_caller]
fn port_of(listener: &TcpListener) -> String {
    listener.local_addr().unwrap().port().to_string()
}

#[track_caller]
fn accept(listener: &TcpListener) -> Peer {
    let connection: TcpStream = listener.accept().unwrap().0;
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_nodelay(true).unwrap();
    Peer::adopt(connection)
}

#[track_caller]
fn connected_to(server: &Server) -> Program {
    let client = Program::start(Command::new(CLIENT).args(["127.0.0.1", "--port", &server.port()]));
    client.out.line_with(&[&server.port()]);
    client
}

#[track_caller]
fn on_terminal(server: &Server) -> Terminal {
    let client = Terminal::start(CLIENT, &["127.0.0.1", "--plain", "--port", &server.port()]);
    client.shows(&server.port());
    client
}

/// Expects the client to end with this status and this last line. Returns its output after the
/// opening line.
#[track_caller]
fn ended(mut client: Program, status: i32, last_line: &str) -> String {
    assert_eq!(client.ends().code(), Some(status));
    assert_eq!(client.err.to_the_end(), format!("relay_client : {last_line}\n"));
    let printed = client.out.to_the_end();
    let (opening, rest) = printed.split_once('\n').unwrap();
    assert!(opening.starts_with("Connecté à 127.0.0.1 port "), "{opening}");
    rest.to_string()
}

#[test]
fn without_a_terminal_each_event_is_a_line() {
    let server = server(&[]);
    let mut client = connected_to(&server);
    client.out.line_with(&["Vous êtes le client 1"]);
    let mut partner = numbered(&server, 2);
    client.types("bonjour\n\n");
    partner.hears("rec\0bonjour\0");
    says_off(&mut partner, "ça va ?\x1b[2J\n");
    partner.hears("\0");
    says_off(&mut partner, "exit ");
    client.closes_stdin();
    let printed = ended(client, 0, "fin de l'entrée, au revoir");
    let expected = "\
Vous êtes le client 1 ; on commence dès que l'autre est là
Votre rôle : emi, vous parlez en premier
À vous
Au tour de votre partenaire
Reçu : ça va ?^[[2J
À vous
Au tour de votre partenaire
Reçu : exit 
À vous
";
    assert_eq!(printed, expected);
    prints(&server, &["(père) le client 1 (", "a dit fin"]);
    prints(&server, &["(père) au tour du client 1, dont la place est libre"]);
}

#[track_caller]
fn says_off(peer: &mut Peer, text: &str) {
    peer.sends(format!("{text}\0"));
}

#[test]
fn two_terminals_talk_in_turn() {
    let server = server(&[]);
    let mut first = on_terminal(&server);
    first.shows("Vous êtes le client 1");
    let mut second = on_terminal(&server);
    first.shows("Votre rôle : emi, vous parlez en premier\r\nà vous> ");
    second.shows("Votre rôle : rec, votre partenaire parle en premier\r\n");
    first.types("bonjour\r");
    first.shows("à vous> bonjour\r\nAu tour de votre partenaire\r\n");
    second.shows("Reçu : bonjour\r\nà vous> ");
    // A line typed out of turn waits in the terminal.
    first.types("en avance\r");
    second.types("salut à toi\r");
    first.shows("Reçu : salut à toi\r\nà vous> ");
    second.shows("Reçu : en avance\r\nà vous> ");
}

#[test]
fn fin_ctrl_d_and_ctrl_c_send_fin_and_end_the_client_with_a_line_and_status_0() {
    let ways = [
        ("fin\r", "fin de l'entrée, au revoir"),
        ("\x04", "fin de l'entrée, au revoir"),
        ("\x03", "interrompu, au revoir"),
    ];
    for (keys, last_line) in ways {
        let _row = Row::of(&(&keys, &last_line));
        let (mut client, mut server) = terminal_with_fake_server();
        server.sends("1\0emi\0");
        client.shows("à vous> ");
        client.types(keys);
        server.hears("fin\0");
        assert_eq!(server.hears_the_end(), b"");
        drop(server);
        assert_eq!(client.ends().code(), Some(0));
        client.shows(&format!("relay_client : {last_line}\r\n"));
    }
}

#[test]
fn fin_ends_the_client_although_the_server_does_not_close() {
    for (typed, after) in [("fin\n", ""), ("", ""), ("fin\n", "encore\0"), ("fin\n", "encore")] {
        let _row = Row::of(&(&typed, &after));
        let (mut client, mut server) = with_fake_server();
        server.sends("1\0emi\0");
        client.types(typed);
        client.closes_stdin();
        assert_eq!(server.hears_the_end(), b"fin\0");
        server.sends(after);
        ended(client, 0, "fin de l'entrée, au revoir");
    }
}

#[test]
fn a_signal_out_of_turn_or_before_the_number_sends_fin() {
    for greeting in ["", "2\0", "2\0rec\0"] {
        let _row = Row::of(&greeting);
        for signal in [SIGINT, SIGTERM] {
            let _row = Row::of(&signal);
            let (client, mut server) = with_fake_server();
            client.out.line_with(&["Connecté"]);
            server.sends(greeting);
            if !greeting.is_empty() {
                client.out.line_with(&["Vous êtes le client 2"]);
            }
            client.signal(signal);
            assert_eq!(server.hears_the_end(), b"fin\0");
            ended(client, 0, "interrompu, au revoir");
        }
    }
}

#[test]
fn a_client_frees_its_place_whichever_way_it_leaves() {
    let server = server(&[]);
    let mut first = numbered(&server, 1);
    first.sends("à toi\0".repeat(3));
    for keys in ["fin\r", "\x04", "\x03"] {
        let _row = Row::of(&keys);
        let mut client = on_terminal(&server);
        client.shows("Vous êtes le client 2");
        client.shows("Reçu : à toi\r\nà vous> ");
        client.types(keys);
        assert_eq!(client.ends().code(), Some(0));
    }
    first.hears("emi\0");
    on_terminal(&server).shows("Vous êtes le client 2");
}

#[test]
fn nothing_is_sent_after_a_typed_fin() {
    let (mut client, mut server) = with_fake_server();
    server.sends("1\0emi\0");
    client.types("fin\nencore\n");
    assert_eq!(server.hears_the_end(), b"fin\0");
    drop(server);
    ended(client, 0, "fin de l'entrée, au revoir (1 ligne n'est pas partie)");
}

#[test]
fn each_line_is_sent_as_one_string_and_in_turn() {
    let (mut client, mut server) = with_fake_server();
    client.types("un\ndeux\n\nexit\nfini\nsans fin");
    client.closes_stdin();
    server.sends("2\0rec\0");
    for line in ["un", "deux", "", "exit", "fini", "sans fin"] {
        let _row = Row::of(&line);
        server.sends("question\0");
        server.hears(format!("{line}\0"));
    }
    server.sends("au revoir\0");
    server.hears("fin\0");
    assert_eq!(server.hears_the_end(), b"");
    drop(server);
    let printed = ended(client, 0, "fin de l'entrée, au revoir");
    assert_eq!(printed.matches("Au tour de votre partenaire").count(), 6);
}

#[test]
fn a_long_line_is_sent_in_pieces_one_per_turn() {
    let (mut client, mut server) = with_fake_server();
    server.sends("1\0emi\0");
    let line = "é€🦀x".repeat(300);
    client.types(format!("{line}\n"));
    let mut said = String::new();
    while said.len() < line.len() {
        let piece = server.strings(1).remove(0);
        assert!(piece.len() <= 1023, "{}", piece.len());
        said.push_str(&piece);
        server.sends("et puis ?\0");
    }
    assert_eq!(said, line);
}

#[test]
fn the_last_piece_of_a_long_line_is_not_taken_for_fin() {
    let (mut client, mut server) = with_fake_server();
    server.sends("1\0emi\0");
    let line = "x".repeat(1023) + "fin";
    client.types(format!("{line}\nfin\n"));
    let first = server.strings(1).remove(0);
    server.sends("et ?\0");
    let last = server.strings(1).remove(0);
    assert!(last != "fin" && first + &last == line);
    server.sends("et ?\0");
    assert_eq!(server.hears_the_end(), b"fin\0");
    drop(server);
    ended(client, 0, "fin de l'entrée, au revoir");
}

#[test]
fn a_client_alone_or_waiting_leaves_at_once() {
    let server = server(&[]);
    let start = || Terminal::start(CLIENT, &["127.0.0.1", "--port", &server.port()]);
    for keys in ["fin\r", "\x04"] {
        let _row = Row::of(&keys);
        let mut alone = start();
        alone.shows("Vous êtes le client 1");
        alone.types(keys);
        alone.shows("relay_client : fin de l'entrée, au revoir");
        assert_eq!(alone.ends().code(), Some(0));
    }
    let (_first, _second) = pair(&server);
    for keys in ["fin\r", "\x04"] {
        let _row = Row::of(&keys);
        let mut in_line = start();
        in_line.shows("Connecté à");
        in_line.types(keys);
        in_line.shows("relay_client : fin de l'entrée, au revoir");
        assert_eq!(in_line.ends().code(), Some(0));
    }
}

#[test]
fn exit_ends_the_client_at_any_moment_with_status_0() {
    let strings = [("exit\0", 0), ("1\0exit\0", 1), ("2\0rec\0exit\0", 2), ("1\0emi\0exit\0", 3)];
    // Without its NUL, it ends the client after a pause: the server does not close.
    let others = ["exit", "exit\n", "exit\r\n", "exit\n\0", "\nexit\0\n"].map(|exit| (exit, 0));
    for (said, shown) in strings.into_iter().chain(others) {
        let _row = Row::of(&(&said, &shown));
        let (client, mut server) = with_fake_server();
        server.sends(said);
        let printed = ended(client, 0, "le serveur s'arrête (exit), au revoir");
        assert_eq!(printed.lines().count(), shown, "{printed}");
    }
}

#[test]
fn a_server_that_stops_ends_all_clients_with_status_0() {
    let mut server = server(&[]);
    let first = connected_to(&server);
    first.out.line_with(&["Vous êtes le client 1"]);
    let second = connected_to(&server);
    second.out.line_with(&["rôle : rec"]);
    first.out.line_with(&["À vous"]);
    let waiting = connected_to(&server);
    prints(&server, &["attend une place"]);
    server.program.signal(SIGINT);
    for client in [first, second, waiting] {
        ended(client, 0, "le serveur s'arrête (exit), au revoir");
    }
    assert_eq!(server.program.ends().code(), Some(0));
}

#[test]
fn a_server_that_closes_without_exit_is_an_error() {
    for said in ["", "1\0", "2\0rec\0", "1\0emi\0", "1\0emi\0sans fin"] {
        let _row = Row::of(&said);
        let (client, mut server) = with_fake_server();
        server.sends(said);
        drop(server);
        ended(client, 1, "le serveur a fermé la connexion");
    }
    let (mut client, server) = with_fake_server();
    client.out.line_with(&["Connecté"]);
    server.resets();
    assert_eq!(client.ends().code(), Some(1));
    let said = client.err.to_the_end();
    assert!(said.starts_with("relay_client : la connexion au serveur est rompue"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn lines_that_still_waited_for_their_turn_are_counted_at_the_end() {
    let (mut client, mut server) = with_fake_server();
    server.sends("1\0emi\0");
    client.types("un\ndeux\ntrois\n");
    server.hears("un\0");
    drop(server);
    ended(client, 1, "le serveur a fermé la connexion (2 lignes ne sont pas parties)");
}

#[test]
fn a_refused_client_shows_the_reason() {
    let server = server(&["--max-clients", "2"]);
    let _both = pair(&server);
    let client = connected_to(&server);
    let printed = ended(client, 1, "le serveur a fermé la connexion");
    assert!(printed.starts_with("Le serveur dit : relay_serveur : la salle est pleine"), "{printed}");
}

#[test]
fn unknown_numbers_and_roles_are_shown_and_do_no_harm() {
    let (mut client, mut server) = with_fake_server();
    server.sends("3\0\0bienvenue\x1b[2J\0ÿ");
    server.sends(b"\xff\0");
    server.sends("2\0émi\0emi\0");
    client.types("bonjour\n");
    server.hears("bonjour\0");
    drop(server);
    let printed = ended(client, 1, "le serveur a fermé la connexion");
    let said: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("Le serveur dit : ")).collect();
    assert_eq!(said, ["3", "bienvenue^[[2J", "ÿ\\xff", "émi"]);
}

#[test]
fn strings_do_not_depend_on_tcp_segmentation() {
    let all = "2\0rec\0un\0deux\0exit \0\0exit\0";
    for size in [1, 2, 3, all.len()] {
        let _row = Row::of(&size);
        // A pause of a second counts as an end. A busy machine may make one, not ten times.
        let is_whole = (0..10).any(|_| {
            let (mut client, mut server) = with_fake_server();
            all.as_bytes().chunks(size).for_each(|piece| server.sends(piece));
            assert!(client.ends().code().is_some());
            let printed = client.out.to_the_end();
            let heard: Vec<&str> = printed.lines().filter_map(|line| line.strip_prefix("Reçu : ")).collect();
            heard == ["un", "deux", "exit ", ""]
        });
        assert!(is_whole);
    }
}

#[test]
fn an_endless_string_is_shown_in_parts_and_takes_no_memory() {
    let (client, mut server) = with_fake_server();
    server.sends("1\0rec\0");
    client.out.line_with(&["Votre rôle : rec"]);
    let flood = vec![b'x'; 1 << 16];
    let memory = || {
        let status = std::fs::read_to_string(format!("/proc/{}/status", client.pid())).unwrap();
        let line = status.lines().find(|line| line.starts_with("VmData:")).unwrap();
        line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap()
    };
    let before = memory();
    (0..200).for_each(|_| server.sends(&flood));
    server.sends("\0exit\0");
    assert!(memory() < before + 4096, "13 MB went through");
    let printed = ended(client, 0, "le serveur s'arrête (exit), au revoir");
    let parts: usize =
        printed.lines().filter_map(|line| line.strip_prefix("Reçu, à suivre : ")).map(str::len).sum();
    let last: usize = printed.lines().filter_map(|line| line.strip_prefix("Reçu : ")).map(str::len).sum();
    assert_eq!(parts + last, 200 << 16);
    // All of it is one message, so the turn came once.
    assert_eq!(printed.matches("À vous").count(), 1);
}

#[test]
fn on_a_terminal_messages_are_shown_escaped() {
    let server = server(&[]);
    let mut evil = numbered(&server, 1);
    let client = on_terminal(&server);
    client.shows("Votre rôle : rec");
    evil.sends(&b"\x1b]0;titre\x07\x1b[2J\r\x08 \xc2\x9b31m \xe2\x80\xaegauche \xff\nfaux\0"[..]);
    client.shows("Reçu : ^[]0;titre^G^[[2J^M^H <U+009B>31m <U+202E>gauche \\xff^Jfaux\r\nà vous> ");
    assert!(!client.screen.so_far().contains('\x1b'));
}

#[test]
fn a_message_that_arrives_in_turn_gets_a_line_of_its_own() {
    let (mut client, mut server) = terminal_with_fake_server();
    server.sends("1\0rec\0rejoué\0");
    client.shows("Reçu : rejoué\r\nà vous> ");
    server.sends("nouveau\0");
    client.shows("à vous> \r\nReçu : nouveau\r\nà vous> ");
    client.types("réponse\r");
    server.hears("réponse\0");
}
