//! Each client of ours at a server that behaves on the wire as a course's (c-compat/).

use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGKILL};
use nix::sys::signal::kill;
use nix::unistd::Pid;
use std::io::{Read, Seek, Write};
use std::net::TcpListener;
use std::process::{Command, Stdio};

const ECHO: &str = env!("CARGO_BIN_EXE_echo_client");
const CALC: &str = env!("CARGO_BIN_EXE_calc_client");
const RELAY: &str = env!("CARGO_BIN_EXE_relay_client");
const DIRECT: &str = env!("CARGO_BIN_EXE_direct_client");
const UPLOAD: &str = env!("CARGO_BIN_EXE_upload_client");

/// A server of c-compat/ on a free port, in `place`.
#[track_caller]
fn server_in(program: &str, place: &std::path::Path) -> Server {
    Server::from(Command::new(c_compat(program)).arg("0").current_dir(place))
}

#[track_caller]
fn server(program: &str) -> Server {
    server_in(program, ".".as_ref())
}

#[track_caller]
fn client(program: &str, arguments: &[&str], server: &Server) -> Program {
    Program::start(Command::new(program).args(arguments).args(["127.0.0.1", "--port", &server.port()]))
}

#[track_caller]
fn ends_well(mut client: Program) {
    let status = client.ends().code();
    assert_eq!(status, Some(0), "{}{}", client.out.so_far(), client.err.so_far());
}

#[test]
fn a_client_alone_says_all_hears_all_and_ends_with_status_0() {
    let rows = [
        ("echo_server_c", ECHO, "salut\nencore\n", &["salut", "encore"][..]),
        ("calc_server_c", CALC, "2\n40\n", &["The first number?", "The second number?", "42"]),
        ("fork_server", CLIENT, "bonjour\n", &["alice : bonjour"]),
    ];
    for (program, binary, typed, heard) in rows {
        let _row = Row::of(&(&program, &typed));
        let server = server(program);
        let mut client = match binary {
            ECHO => Program::start(Command::new(ECHO).args(["127.0.0.1", &server.port()])),
            CLIENT => our_client(&server, "alice"),
            binary => client(binary, &[], &server),
        };
        client.types(typed);
        heard.iter().for_each(|line| drop(client.out.line_with(&[line])));
        client.closes_stdin();
        ends_well(client);
    }
}

#[test]
fn two_relay_clients_speak_and_fin_ends_one_before_its_connection_is_closed() {
    let server = server("relay_server_c");
    let mut first = client(RELAY, &[], &server);
    first.out.line_with(&["Vous êtes le client 1"]);
    let mut second = client(RELAY, &[], &server);
    first.types("un\n");
    second.out.line_with(&["Reçu : un"]);
    second.types("exit\n");
    first.out.line_with(&["Reçu : exit "]);
    first.types("fin\n");
    ends_well(first);
    let mut third = client(RELAY, &[], &server);
    third.out.line_with(&["Reçu : exit "]);
    third.types("deux\n");
    second.out.line_with(&["Reçu : deux"]);
    // The end of the keyboard counts as fin.
    second.closes_stdin();
    ends_well(second);
}

#[test]
fn direct_clients_reach_each_other_by_name() {
    let server = server("direct_server_c");
    let [mut alice, mut bob] = ["alice", "bob"].map(|name| {
        let client = client(DIRECT, &[name], &server);
        server.program.out.line_with(&[&format!("client {name}")]);
        client
    });
    alice.types("%bob%salut\n%carl%personne\n");
    bob.out.line_with(&["alice: salut"]);
    server.program.out.line_with(&["error: %carl%"]);
    bob.types("%alice%50% de réduction\n");
    alice.out.line_with(&["bob: 50% de réduction"]);
    for mut client in [alice, bob] {
        client.closes_stdin();
        ends_well(client);
    }
}

#[test]
fn upload_reports_success_only_for_what_the_server_has_whole() {
    let place = tempfile::tempdir().unwrap();
    let server = server_in("upload_server_c", place.path());
    let path = place.path().join("notes.txt");
    let kept = || std::fs::read_to_string(place.path().join("received.txt")).ok();
    for (file, options, status, has) in [
        ("un\ndeux\n", &[][..], 1, None),
        ("bonjour", &[], 0, Some("bonjour ")),
        ("bonsoir\n", &[], 0, Some("bonsoir")),
        ("adieu", &["--text"], 0, Some("adieu ")),
        ("un\ndeux\n", &["--text"], 1, Some("un")),
    ] {
        let _row = Row::of(&(&file, &options));
        std::fs::write(&path, file).unwrap();
        let mut client =
            Program::start(Command::new(UPLOAD).args(options).arg(&path).args(["127.0.0.1", &server.port()]));
        assert_eq!(client.ends().code(), Some(status), "{}", client.err.to_the_end());
        assert_eq!(kept().as_deref(), has);
    }
}

#[test]
fn a_relay_that_sends_no_nul_is_understood_without_a_pause_and_at_its_end() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(RELAY).args(["127.0.0.1", "--port", &port]));
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.sends("1emi");
    client.out.line_with(&["Vous êtes le client 1"]);
    client.out.line_with(&["Votre rôle : emi"]);
    client.types("un\n");
    server.hears("un\0");
    server.sends("deux");
    client.out.line_with(&["Reçu : deux"]);
    server.sends("la fin");
    drop(server);
    assert_eq!(client.ends().code(), Some(1));
    let printed = client.out.to_the_end();
    assert!(printed.contains("\nReçu : la fin\n"), "{printed}");
}

#[test]
fn the_second_nul_of_a_relays_strings_is_no_message() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut client = Program::start(Command::new(RELAY).args(["127.0.0.1", "--port", &port]));
    client.types("un\ndeux\n");
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    server.sends("1\0\0");
    client.out.line_with(&["Vous êtes le client 1"]);
    server.sends("rec\0\0");
    client.out.line_with(&["Votre rôle : rec"]);
    for (text, answer) in [("salut\0\0", "un\0"), ("ça va ?\0\0", "deux\0")] {
        server.sends(text);
        server.hears(answer);
    }
    server.sends("exit\0\0");
    assert_eq!(client.ends().code(), Some(0));
    let printed = client.out.to_the_end();
    assert!(!printed.contains("Reçu : \n") && !printed.contains("Le serveur dit"), "{printed}");
}

#[test]
fn the_padding_of_a_relays_block_is_no_message() {
    // The last two take the client several reads.
    for size in [1024, 8192, 16384] {
        let _row = Row::of(&size);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut client = Program::start(Command::new(RELAY).args(["127.0.0.1", "--port", &port]));
        client.types("un\ndeux\ntrois\n");
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        server.sends("1\0recherche d'un partenaire...\0");
        client.out.line_with(&["Le serveur dit : recherche"]);
        server.sends("rec\0");
        for (text, answer) in [("premier", "un\0"), ("second", "deux\0"), ("dernier", "trois\0")] {
            server.sends([text.as_bytes(), &vec![0; size - text.len()]].concat());
            server.hears(answer);
        }
        server.sends("exit\0");
        assert_eq!(client.ends().code(), Some(0));
        let printed = client.out.to_the_end();
        assert!(!printed.contains("Reçu : \n"), "{printed}");
    }
}

/// Starts the client, with a file as its keyboard, at a server that takes what one `recv` returns
/// for a line, and passes the connection to `serve` until that says that the lines came apart. A
/// busy machine may delay the server beyond the client's pauses.
#[track_caller]
fn at_a_server_of_one_recv_a_line(
    program: &str,
    arguments: &[&str],
    typed: &str,
    serve: impl Fn(&mut Peer, &Program) -> bool,
) -> Program {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    file.write_all(typed.as_bytes()).unwrap();
    eventually("lines apart", || {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port().to_string();
        let mut command = Command::new("sh");
        command.args(["-c", "exec \"$@\" <\"$0\""]).arg(file.path()).arg(program).args(arguments);
        let client = Program::start(command.args(["127.0.0.1", "--port", &port]));
        serve(&mut Peer::adopt(listener.accept().unwrap().0), &client).then_some(client)
    })
}

/// One `recv`.
#[track_caller]
fn received(server: &mut Peer) -> String {
    let mut bytes = [0; 256];
    let count = server.stream.read(&mut bytes).unwrap();
    String::from_utf8_lossy(&bytes[..count]).into_owned()
}

/// Nothing has come that no `recv` has taken.
#[track_caller]
fn nothing_waits(server: &Peer) -> bool {
    server.stream.set_nonblocking(true).unwrap();
    let peeked = server.stream.peek(&mut [0]);
    server.stream.set_nonblocking(false).unwrap();
    peeked.is_err()
}

/// Pipes two numbers to a calculation server of one `recv` a line, which `serve` plays up to its
/// sum: false if the two came together.
#[track_caller]
fn pipe_numbers(serve: impl Fn(&mut Peer, &Program) -> bool) {
    let client = at_a_server_of_one_recv_a_line(CALC, &[], "3\n4\n", |server, client| {
        let is_apart = serve(server, client);
        server.sends("\r\nLa somme:\n7\n");
        is_apart
    });
    client.out.line_with(&["7"]);
    ends_well(client);
}

#[test]
fn piped_numbers_wait_for_the_question_of_a_calculation_server() {
    for [first, second] in [["n1?\n", "n2? "], ["Premier nombre : ", "Second nombre : "]] {
        let _row = Row::of(&first);
        pipe_numbers(|server, _| {
            server.sends("Bonjour\r\n");
            server.sends(first);
            let one = received(server);
            server.sends(second);
            one == "3\n" && received(server) == "4\n"
        });
    }
}

#[test]
fn a_question_later_than_its_number_lets_no_other_number_go() {
    pipe_numbers(|server, client| {
        server.sends("Bonjour\r\n");
        // After a pause.
        let one = received(server);
        server.sends("n1?\n");
        client.out.line_with(&["n1?"]);
        let is_apart = one == "3\n" && nothing_waits(server);
        server.sends("n2?\n");
        is_apart && received(server) == "4\n"
    });
}

#[test]
fn one_number_alone_goes_to_a_calculation_server_that_greets_late() {
    pipe_numbers(|server, _| {
        // Three times as long as the pause that counts as a question.
        std::thread::sleep(std::time::Duration::from_secs(3));
        let one = received(server);
        server.sends("Bonjour\r\nn1?\n");
        server.sends("n2?\n");
        one == "3\n" && received(server) == "4\n"
    });
}

#[test]
fn both_numbers_go_to_a_calculation_server_that_says_nothing_before_the_sum() {
    pipe_numbers(|server, _| received(server) == "3\n" && received(server) == "4\n");
}

#[test]
fn a_calculation_server_that_closes_without_an_answer_to_the_last_line_is_a_failure() {
    for closes in [false, true] {
        let _row = Row::of(&closes);
        let server = server("calc_server_c");
        let mut client = client(CALC, &[], &server);
        // The original drops a client without a word.
        client.types("deux\n");
        if closes {
            client.closes_stdin();
        }
        assert_eq!(client.ends().code(), Some(1), "{}", client.err.so_far());
    }
}

#[test]
fn a_calculation_server_that_ends_while_it_waits_for_a_number_is_a_failure() {
    let server = Server::of(env!("CARGO_BIN_EXE_calc_serveur"), &[]);
    let mut client = client(CALC, &[], &server);
    client.types("12\n");
    client.out.line_with(&["Second number?"]);
    send(server.children()[0], SIGKILL);
    assert_eq!(client.ends().code(), Some(1), "{}", client.err.so_far());
}

#[test]
fn a_piped_text_leaves_after_the_name_of_its_sender() {
    let client = at_a_server_of_one_recv_a_line(DIRECT, &["alice"], "%bob%un\n%bob%deux\n", |server, _| {
        let is_apart = received(server) == "alice\n";
        is_apart && server.hears_the_end() == b"%bob%alice: un\n%bob%alice: deux\n"
    });
    ends_well(client);
}

#[test]
fn lines_taken_from_the_input_and_not_sent_whole_are_counted() {
    const LINE: usize = 96;
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    let mut input = tempfile::tempfile().unwrap();
    // More than the buffers of both sides hold.
    input.write_all(format!("{}\n", "x".repeat(LINE - 1)).repeat(200_000).as_bytes()).unwrap();
    input.rewind().unwrap();
    let mut command = Command::new(ECHO);
    command.args(["127.0.0.1", &port]).stdin(input.try_clone().unwrap()).stderr(Stdio::piped());
    let client = command.stdout(Stdio::null()).spawn().unwrap();
    let mut server = Peer::adopt(listener.accept().unwrap().0);
    let mut before = 0;
    eventually("a server that takes nothing", || {
        let taken = input.stream_position().unwrap();
        (taken > 0 && std::mem::replace(&mut before, taken) == taken).then_some(())
    });
    kill(Pid::from_raw(client.id() as i32), SIGINT).unwrap();
    let reader = std::thread::spawn(move || server.hears_the_end().len());
    let said = String::from_utf8(client.wait_with_output().unwrap().stderr).unwrap();
    let taken = input.stream_position().unwrap() as usize / LINE;
    // echo_client sends lines without their newlines.
    let unsent = taken - reader.join().unwrap() / (LINE - 1);
    assert_eq!(said, format!("echo_client: interrupted, goodbye ({unsent} lines were not sent)\n"));
}

#[test]
fn lines_in_a_pipe_are_counted_where_the_server_closes_before_the_first_one_went() {
    let relay = (RELAY, &[][..], "", "le serveur a fermé la connexion (2 lignes ne sont pas parties)");
    let direct =
        (DIRECT, &["alice"][..], "alice\n", "the server closed the connection (2 lines were not sent)");
    let calc = (CALC, &[][..], "", "the server closed the connection (2 lines were not sent)");
    for (program, arguments, heard, told) in [relay, direct, calc] {
        let _row = Row::of(&program);
        // A busy machine may close later than a pause lets the first line go.
        eventually("an end before the first line", || {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let port = listener.local_addr().unwrap().port().to_string();
            let mut command = Command::new(program);
            let mut client = Program::start(command.args(arguments).args(["127.0.0.1", "--port", &port]));
            client.types("%bob%un\n%bob%deux");
            client.closes_stdin();
            Peer::adopt(listener.accept().unwrap().0).hears(heard);
            assert_eq!(client.ends().code(), Some(1));
            client.err.to_the_end().ends_with(&format!("{told}\n")).then_some(())
        });
    }
}
