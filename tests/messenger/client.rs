//! `chat_client`, with and without a terminal, with correct and faulty servers.

use crate::common::*;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal::{SIGINT, SIGKILL, SIGTERM};
use std::io::{Read, Write};
use std::net::{TcpListener, TcpStream};
use std::os::fd::AsFd;
use std::process::{Command, Stdio};

/// A `chat_client`, and its connection at a listener of the test.
#[track_caller]
fn with_fake_server(pseudo: &str) -> (Program, TcpStream) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let port = address.port().to_string();
    let client = Program::start(Command::new(CLIENT).args(["127.0.0.1", pseudo, "--port", &port]));
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    connection.set_nodelay(true).unwrap();
    client.out.line_about(address);
    (client, connection)
}

#[track_caller]
fn on_terminal(server: &Server, pseudo: &str) -> Terminal {
    let client = Terminal::start(CLIENT, &["127.0.0.1", pseudo, "--plain", "--port", &server.port()]);
    client.shows(&format!("{pseudo}> "));
    client
}

/// A `chat_client` with this standard output, of which no other descriptor stays open.
#[track_caller]
fn writing_to(server: &Server, pseudo: &str, output: impl Into<Stdio>) -> Program {
    let mut command = Command::new(CLIENT);
    command.args(["127.0.0.1", pseudo, "--port", &server.port()]).stdout(output);
    Program::start_with_its_own_output(&mut command)
}

#[track_caller]
fn no_process_left(pid: i32, screen: i32) {
    eventually("both processes to end", || (!is_alive(pid) && !is_alive(screen)).then_some(()));
}

#[track_caller]
fn screen_process(pid: i32) -> i32 {
    eventually("the second process", || children_of(pid).first().copied())
}

#[test]
fn without_a_terminal_it_prints_one_line_and_then_each_message_as_the_course_client_does() {
    let server = Server::start(&[]);
    let mut alice = our_client(&server, "alice");
    let mut bob = server.join();
    bob.sends("bob : salut\0");
    bob.sends("brut \x1b[31m\u{202e}\n\0");
    assert_eq!(bob.strings(2).len(), 2);
    alice.types("ça va\n");
    assert_eq!(bob.strings(1), ["alice : ça va"]);
    alice.closes_stdin();
    assert!(alice.ends().success());
    let printed = alice.out.to_the_end();
    let (opening, rest) = printed.split_once('\n').unwrap();
    assert!(opening.contains(&server.address.to_string()) && opening.contains("alice"), "{opening}");
    let expected = "\nbob : salut\nalice> \nbrut \x1b[31m\u{202e}\n\nalice> \nalice : ça va\nalice> ";
    assert_eq!(rest, expected);
    assert_eq!(alice.err.to_the_end(), "chat_client : fin de l'entrée, au revoir\n");
}

#[test]
fn every_message_is_shown_however_tcp_splits_them() {
    let expected: String = ["un", "deux", "trois", "quatre", "cinq", "six\n", "sept"]
        .map(|text| format!("\n{text}\nalice> "))
        .concat();
    // The client shows an incomplete message after 500 ms. A busy machine may exceed that, not ten
    // times.
    let whole = (0..10).any(|_| {
        let (client, mut server) = with_fake_server("alice");
        for byte in b"un\0\0deux\0trois\0" {
            server.write_all(&[*byte]).unwrap();
        }
        server.write_all(b"quatre\0\0cinq\0\0\0six\n\0sept").unwrap();
        drop(server);
        client.out.to_the_end().split_once('\n').unwrap().1 == expected
    });
    assert!(whole);
}

/// As many servers send `strlen` bytes, or the bytes of clients of which some end theirs.
#[test]
fn messages_without_an_end_are_shown_each() {
    // Each is shown after 20 ms. A busy machine may exceed the pause between them, not ten times.
    let is_shown = |before: &[&str]| {
        let (mut client, mut server) = with_fake_server("alice");
        client.types("deux\n");
        server.read_exact(&mut [0; "alice : deux\0".len()]).unwrap();
        for message in [before, &["alice : deux", "bob : salut", "bob : encore"]].concat() {
            server.write_all(message.as_bytes()).unwrap();
            std::thread::sleep(std::time::Duration::from_millis(250));
        }
        drop(server);
        let shown = client.out.to_the_end();
        shown.ends_with("\nalice : deux\nalice> \nbob : salut\nalice> \nbob : encore\nalice> ")
    };
    for before in [&[][..], &["Bienvenue !\n"], &["eve : sans fin", "eve : fin\0"]] {
        assert!((0..10).any(|_| is_shown(before)), "{before:?}");
    }
}

#[test]
fn thousands_of_messages_in_few_segments_are_all_shown() {
    let (client, mut server) = with_fake_server("alice");
    let all: String = (0..5000).map(|i| format!("message {i}\0\0")).collect();
    server.write_all(all.as_bytes()).unwrap();
    drop(server);
    let printed = client.out.to_the_end();
    let expected: String = (0..5000).map(|i| format!("\nmessage {i}\nalice> ")).collect();
    assert_eq!(printed.split_once('\n').unwrap().1, expected);
}

#[test]
fn a_line_is_sent_as_the_course_client_sends_it() {
    let (mut client, mut server) = with_fake_server("alice");
    client.types("bonjour\n\nsans fin");
    client.closes_stdin();
    let mut sent = Vec::new();
    server.read_to_end(&mut sent).unwrap();
    // The end of standard input adds no empty message.
    assert_eq!(String::from_utf8_lossy(&sent), "alice : bonjour\0alice : \0alice : sans fin\0");
}

#[test]
fn a_long_line_is_sent_in_pieces_of_at_most_1024_bytes_and_whole_characters() {
    let (mut client, mut server) = with_fake_server("élodie");
    let line = "é€🦀x".repeat(500);
    client.types(format!("{line}\n"));
    client.closes_stdin();
    let mut sent = Vec::new();
    server.read_to_end(&mut sent).unwrap();
    let messages: Vec<&[u8]> = sent.strip_suffix(b"\0").unwrap().split(|&byte| byte == 0).collect();
    assert!(messages.len() > 4 && messages.iter().all(|message| message.len() < 1024));
    let texts: Vec<&str> = messages
        .iter()
        .map(|message| std::str::from_utf8(message).unwrap().strip_prefix("élodie : ").unwrap())
        .collect();
    assert_eq!(texts.concat(), line);
}

#[test]
fn on_a_terminal_control_characters_of_others_are_made_visible() {
    let server = Server::start(&[]);
    let alice = on_terminal(&server, "alice");
    server.wait_for_clients(1);
    let mut eve = server.join();
    eve.sends(&b"eve : \x1b]0;titre\x07\x1b[2J\r\x08 \xc2\x9b31m \xe2\x80\xaegauche \xff\0"[..]);
    alice.shows("eve : ^[]0;titre^G^[[2J^M^H <U+009B>31m <U+202E>gauche \\xff\r\nalice> ");
    // A newline inside a message cannot forge another client's line.
    eve.sends("eve : un\nbob : deux\0");
    alice.shows("eve : un\r\n    | bob : deux\r\n");
    assert!(!alice.screen.so_far().contains('\x1b'));
}

#[test]
fn two_terminals_talk() {
    let server = Server::start(&[]);
    let (mut alice, mut bob) = (on_terminal(&server, "alice"), on_terminal(&server, "bob"));
    server.wait_for_clients(2);
    alice.types("bonjour\r");
    bob.shows("\r\nalice : bonjour\r\nbob> ");
    bob.types("salut à toi\r");
    alice.shows("\r\nbob : salut à toi\r\nalice> ");
}

#[test]
fn ctrl_c_and_ctrl_d_end_both_processes_with_a_line_and_status_0() {
    let server = Server::start(&[]);
    // Repeated: Ctrl+C reaches both processes at once, the second of which may have just been
    // forked.
    let ways = [("\x03", "interrompu, au revoir"), ("\x04", "fin de l'entrée, au revoir")];
    for (key, line) in ways.into_iter().cycle().take(40) {
        let _row = Row::of(&(&key, &line));
        let mut alice = on_terminal(&server, "alice");
        alice.types(key);
        assert_eq!(alice.ends().code(), Some(0));
        alice.shows(&format!("\r\nchat_client : {line}\r\n"));
        assert!(children_of(alice.pid()).is_empty());
        server.wait_for_children(0);
    }
}

#[test]
fn sigint_and_sigterm_end_it_with_a_line_and_status_0() {
    let server = Server::start(&[]);
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let mut alice = our_client(&server, "alice");
        alice.signal(signal);
        assert_eq!(alice.ends().code(), Some(0));
        assert_eq!(alice.err.to_the_end(), "chat_client : interrompu, au revoir\n");
    }
}

#[test]
fn when_the_server_ends_both_processes_end_with_a_line_and_status_1() {
    for signal in [SIGTERM, SIGKILL] {
        let _row = Row::of(&signal);
        let server = Server::start(&[]);
        let mut alice = our_client(&server, "alice");
        let screen = screen_process(alice.pid());
        server.wait_for_clients(1);
        server.program.signal(signal);
        assert_eq!(alice.ends().code(), Some(1));
        assert_eq!(alice.err.to_the_end(), "chat_client : le serveur a fermé la connexion\n");
        no_process_left(alice.pid(), screen);
    }
}

#[test]
fn a_reset_connection_is_reported_as_such() {
    let (mut client, server) = with_fake_server("alice");
    Peer::adopt(server).resets();
    assert_eq!(client.ends().code(), Some(1));
    assert_eq!(client.err.to_the_end(), "chat_client : la connexion au serveur est rompue\n");
}

#[test]
fn neither_process_outlives_the_other() {
    let server = Server::start(&[]);
    let mut alice = our_client(&server, "alice");
    let screen = screen_process(alice.pid());
    alice.signal(SIGKILL);
    alice.ends();
    no_process_left(alice.pid(), screen);
    let mut alice = our_client(&server, "alice");
    let screen = screen_process(alice.pid());
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(screen), SIGKILL).unwrap();
    assert_eq!(alice.ends().code(), Some(1));
    assert_eq!(alice.err.to_the_end(), "chat_client : le second processus a été tué par SIGKILL\n");
}

#[test]
fn a_server_that_never_reads_does_not_block_the_client() {
    // TCP may take what waits just before the signal, so that nothing is unsent: not ten times.
    assert!((0..10).any(|_| interrupted_before_a_server_that_never_reads()), "nothing was ever unsent");
}

/// True when the client reports the lines that it has read and could not send.
#[track_caller]
fn interrupted_before_a_server_that_never_reads() -> bool {
    let (mut client, server) = with_fake_server("alice");
    let screen = screen_process(client.pid());
    // More than the socket buffers hold. From a thread, since the client stops reading its input.
    let mut keyboard = client.take_stdin();
    let same_keyboard = keyboard.as_fd().try_clone_to_owned().unwrap();
    let typing = std::thread::spawn(move || {
        let line = "x".repeat(900) + "\n";
        while keyboard.write_all(line.as_bytes()).is_ok() {}
    });
    let port = format!(":{}", server.peer_addr().unwrap().port());
    let takes_keys = || {
        let mut watched = [PollFd::new(same_keyboard.as_fd(), PollFlags::POLLOUT)];
        poll(&mut watched, PollTimeout::ZERO).unwrap() > 0
    };
    eventually(
        "the connection to be full, and the client to wait for it although there is more to read",
        || {
            let shown = Command::new("ss").args(["-Htn", "sport", "=", &port]).output().ok()?.stdout;
            let waiting: u64 = String::from_utf8(shown).ok()?.split_whitespace().nth(2)?.parse().ok()?;
            let resting = || {
                let at = std::fs::read_to_string(format!("/proc/{}/wchan", client.pid())).ok()?;
                Some(at.contains("poll"))
            };
            (waiting > 100_000 && !takes_keys() && resting()? && !takes_keys()).then_some(())
        },
    );
    drop(same_keyboard);
    client.signal(SIGINT);
    assert_eq!(client.ends().code(), Some(0));
    no_process_left(client.pid(), screen);
    typing.join().unwrap();
    let said = client.err.to_the_end();
    let is_told = said.ends_with("n'est pas parti)\n") || said.ends_with("ne sont pas partis)\n");
    let is_counted = said.starts_with("chat_client : interrompu, au revoir (") && is_told;
    assert!(is_counted || said == "chat_client : interrompu, au revoir\n", "{said}");
    is_counted
}

#[test]
fn a_full_output_ends_it_with_one_line_and_status_1() {
    let server = Server::start(&[]);
    let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
    let output = Command::new(CLIENT)
        .args(["127.0.0.1", "alice", "--port", &server.port()])
        .stdin(Stdio::null())
        .stdout(full)
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("sortie standard") && said.contains("No space left"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_closed_output_pipe_ends_both_processes() {
    let server = Server::start(&[]);
    let mut peer = server.join();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut alice = writing_to(&server, "alice", writer);
    server.wait_for_children(2);
    let screen = screen_process(alice.pid());
    drop(reader);
    // A child that another test is just starting may hold a copy of the reader: one more message
    // could succeed.
    let ended = eventually("the end of the client", || {
        peer.sends("à personne\0");
        alice.child.try_wait().expect("wait")
    });
    assert_eq!(ended.code(), Some(1));
    no_process_left(alice.pid(), screen);
    let said = alice.err.to_the_end();
    assert_eq!(said, "chat_client : impossible d'écrire sur la sortie standard : Broken pipe\n");
}

#[test]
fn neither_process_outlives_the_other_when_the_output_is_blocked() {
    let server = Server::start(&[]);
    let mut peer = server.join();
    let (reader, writer) = std::io::pipe().unwrap();
    let mut alice = writing_to(&server, "alice", writer);
    server.wait_for_children(2);
    let screen = screen_process(alice.pid());
    for _ in 0..200 {
        peer.sends("x".repeat(999) + "\0");
        peer.strings(1);
    }
    alice.signal(SIGKILL);
    alice.ends();
    no_process_left(alice.pid(), screen);
    drop(reader);
}

#[test]
fn a_slow_reader_of_the_output_receives_every_message() {
    let server = Server::start(&["-q"]);
    let (reader, writer) = std::io::pipe().unwrap();
    let mut alice = writing_to(&server, "alice", writer);
    let text: String = (0..20_000).map(|i| format!("{i}\n")).collect();
    let mut keyboard = alice.take_stdin();
    let typing = std::thread::spawn(move || keyboard.write_all(text.as_bytes()));
    typing.join().unwrap().unwrap();
    // Standard input has ended, and no line of the output has been read yet.
    let lines = std::io::BufRead::lines(std::io::BufReader::new(reader)).map_while(Result::ok);
    assert_eq!(lines.filter(|line| line.starts_with("alice : ")).count(), 20_000);
    assert_eq!(alice.ends().code(), Some(0));
}

#[test]
fn bytes_that_the_server_never_read_are_status_1() {
    let (mut client, server) = with_fake_server("alice");
    client.types("perdu\n");
    let mut byte = [0; 1];
    (&server).read_exact(&mut byte).unwrap();
    client.closes_stdin();
    // Closing with unread bytes resets the connection.
    Peer::adopt(server).resets();
    assert_eq!(client.ends().code(), Some(1));
    // Whether the server's kernel has acknowledged the line makes no difference.
    let lost = "chat_client : pas revenu du serveur, peut-être perdu, non renvoyé : alice : perdu\n";
    assert_eq!(client.err.to_the_end(), format!("{lost}chat_client : la connexion au serveur est rompue\n"));
}

#[test]
fn inherited_ignored_or_blocked_signals_still_work() {
    let server = Server::start(&[]);
    let mut command = Command::new("env");
    command.args(["--ignore-signal=CHLD", "--block-signal=INT", CLIENT, "127.0.0.1", "alice", "--port"]);
    let mut alice = Program::start(command.arg(server.port()));
    alice.out.line_with(&["Connecté à"]);
    alice.signal(SIGINT);
    assert_eq!(alice.ends().code(), Some(0));
    assert_eq!(alice.err.to_the_end(), "chat_client : interrompu, au revoir\n");
}

#[test]
fn an_unreadable_standard_input_is_an_error() {
    let server = Server::start(&[]);
    let output = Command::new(CLIENT)
        .args(["127.0.0.1", "alice", "--port", &server.port()])
        .stdin(std::fs::File::open("/").unwrap())
        .output()
        .unwrap();
    assert_eq!(output.status.code(), Some(1));
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("clavier") && said.lines().count() == 1, "{said}");
    server.wait_for_children(0);
}

#[test]
fn a_signal_ends_it_although_the_terminal_or_the_pipe_accepts_no_output() {
    let server = Server::start(&[]);
    let mut alice = on_terminal(&server, "alice");
    // Ctrl+S: the terminal holds its output, and the receiving process blocks in write.
    alice.types("\x13");
    let mut bob = server.join();
    bob.sends("bob : salut\0");
    bob.strings(1);
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(alice.pid()), SIGTERM).unwrap();
    assert_eq!(alice.ends().code(), Some(0));

    let (reader, mut writer) = std::io::pipe().unwrap();
    writer.write_all(&vec![b'x'; 65536]).unwrap();
    let mut carole = writing_to(&server, "carole", writer);
    screen_process(carole.pid());
    carole.signal(SIGINT);
    assert_eq!(carole.ends().code(), Some(0));
    assert_eq!(carole.err.to_the_end(), "chat_client : interrompu, au revoir\n");
    drop(reader);
}
