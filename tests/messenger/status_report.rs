//! SIGUSR1: the parent lists the connected clients, without disturbing any process.

use crate::common::*;

use nix::sys::signal::Signal::{SIGHUP, SIGUSR1};
use std::process::{Command, Stdio};

/// Sends SIGUSR1 and returns the report: its lines up to the total.
#[track_caller]
fn list(server: &Server) -> Vec<String> {
    let before = server.program.out.so_far().len();
    server.program.signal(SIGUSR1);
    list_after(server, before)
}

#[track_caller]
fn list_after(server: &Server, before: usize) -> Vec<String> {
    server.program.out.wait_for("the total", |bytes| {
        let text = String::from_utf8(bytes.get(before..)?.to_vec()).ok()?;
        let lines: Vec<&str> = text.lines().skip_while(|line| !line.contains(" en ligne à ")).collect();
        let end = lines.iter().position(|line| line.starts_with("total : "))?;
        text.ends_with('\n').then(|| lines[..=end].iter().map(|line| line.to_string()).collect())
    })
}

/// The fields of the row of `peer`.
#[track_caller]
fn fields<'a>(list: &'a [String], peer: &Peer) -> Vec<&'a str> {
    let address = peer.stream.local_addr().unwrap().to_string();
    let line =
        list.iter().find(|line| line.starts_with(&format!("{address} "))).expect("a row of this client");
    line.split_whitespace().collect()
}

fn is_time(text: &str) -> bool {
    let shape: String = text.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    shape == "99:99:99" || shape == "99:99"
}

#[test]
fn sigusr1_lists_each_client_with_its_time_and_its_message_counts() {
    let server = Server::start(&[]);
    let (mut alice, mut silent) = (server.join(), server.join());
    for (i, said) in ["alice : un\0", "alice : deux\0", "sans nom\0"].into_iter().enumerate() {
        let _row = Row::of(&(&i, &said));
        alice.sends(said);
        alice.hears(format!("{said}\0"));
        silent.hears(format!("{said}\0"));
        if i == 0 {
            // Later messages must add to these counts.
            assert_eq!(fields(&list(&server), &alice)[5..], ["1", "12", "1", "12", "0"]);
        }
    }
    let late = server.join();
    let list = list(&server);
    assert_eq!(list.len(), 2 + 3 + 1, "{list:#?}");
    assert!(list[0].starts_with("(père) 3 en ligne à ") && is_time(list[0].rsplit(' ').next().unwrap()));
    let child = server.child_of(&alice).to_string();
    let shown = fields(&list, &alice);
    assert_eq!((shown[1], shown[2]), (child.as_str(), "alice"));
    assert!(is_time(shown[3]), "{shown:?}");
    let heads: Vec<&str> = list[1].split_whitespace().skip(5).collect();
    assert_eq!(heads, ["a", "dit", "octets", "entendu", "octets", "retard"]);
    // 12, 14 and 10 bytes: each message with the NUL that the protocol adds.
    assert_eq!(shown[5..], ["3", "36", "3", "36", "0"]);
    // A client without a name has one column less.
    assert_eq!(fields(&list, &silent)[4..], ["0", "0", "3", "36", "0"]);
    assert_eq!(fields(&list, &late)[4..], ["0", "0", "0", "0", "0"]);
    let sum: Vec<&str> = list[5].split_whitespace().collect();
    assert_eq!(sum, ["total", ":", "3", "3", "36", "6", "72", "0"]);
    // Aligned columns, in at most 80 characters for an ordinary room.
    assert!(list[1..].iter().all(|line| line.chars().count() == list[1].chars().count()), "{list:#?}");
    assert!(list.iter().all(|line| line.chars().count() <= 80), "{list:#?}");
}

#[test]
fn an_empty_room_has_an_empty_list() {
    let list = list(&Server::start(&["-q"]));
    assert_eq!(list.len(), 3, "{list:?}");
    assert!(list[0].contains(" 0 en ligne à ") && list[2].starts_with("total : 0 "), "{list:?}");
}

#[test]
fn control_characters_in_a_name_are_made_visible_and_a_long_name_is_cut() {
    let server = Server::start(&["-q"]);
    let mut eve = server.connect();
    for (said, shown) in [
        ("\x1b[2J\r : x\0", "^[[2J^M"),
        ("\u{202e}e : x\0", "<U+202E>e"),
        ("日本日本日本 : x\0", "日本日本…"),
        ("Jean-Baptiste : x\0", "Jean-Bap…"),
    ] {
        let _row = Row::of(&(&said, &shown));
        eve.sends(said);
        eve.hears(format!("{said}\0"));
        assert_eq!(fields(&list(&server), &eve)[2], shown);
    }
}

#[test]
fn a_refused_message_is_counted_and_gives_no_name() {
    let server = Server::start(&["-q", "--distinct-names"]);
    let (mut alice, mut eve) = (server.connect(), server.connect());
    alice.sends("alice : c'est moi\0");
    eve.hears("alice : c'est moi\0\0");
    eve.sends("alice : non, moi\0");
    eve.hears_up_to("ressemble pas\0");
    eve.sends("moi\0");
    alice.hears("alice : c'est moi\0\0moi\0\0");
    let list = list(&server);
    assert_eq!(fields(&list, &eve)[4..6], ["2", "23"], "{list:#?}");
    // The notice is not counted as a message.
    assert_eq!(fields(&list, &eve)[6], "2", "{list:#?}");
    assert_eq!(fields(&list, &alice)[7], "2", "{list:#?}");
}

#[test]
fn a_client_that_does_not_read_is_listed_with_its_backlog_and_duration() {
    let server = Server::start(&["-q", "--pace", "0", "--lag-limit", "1000000000"]);
    let (stopped, mut speaker) = (server.connect(), server.connect());
    server.wait_for_children(2);
    let line = format!("{}\0", "x".repeat(1000));
    let list = eventually("a client with a backlog", || {
        for _ in 0..200 {
            speaker.sends(&line);
        }
        speaker.strings(200);
        Some(list(&server)).filter(|list| list.iter().any(|line| line.contains(" bloqué depuis ")))
    });
    let shown = fields(&list, &stopped);
    assert!(shown[shown.len() - 4] != "0" && shown[shown.len() - 1].ends_with('s'), "{shown:?}");
}

/// The report is longer than the pipe and the output buffer of the server.
#[test]
fn a_thousand_clients_are_all_listed_even_for_a_late_reader() {
    const CLIENTS: usize = 1000;
    raise_own_descriptor_limit();
    // A FIFO. Its reader pauses until the server has written as much as fits.
    let place = tempfile::tempdir().unwrap();
    let fifo = place.path().join("out");
    nix::unistd::mkfifo(&fifo, nix::sys::stat::Mode::from_bits_truncate(0o600)).unwrap();
    let mut reader = std::fs::File::options().read(true).write(true).open(&fifo).unwrap();
    // The least capacity: most of the report waits in the server.
    #[cfg(target_os = "linux")]
    nix::fcntl::fcntl(&reader, nix::fcntl::FcntlArg::F_SETPIPE_SZ(4096)).unwrap();
    let out = std::fs::File::options().write(true).open(&fifo).unwrap();
    let mut command = Command::new(SERVER);
    command.args(["--bind", "127.0.0.1", "--port", "0", "-q"]).stdout(Stdio::from(out));
    let program = Program::start_with_its_own_output(&mut command);
    let mut text = Vec::new();
    let mut read_more = |text: &mut Vec<u8>| {
        let mut buffer = [0; 4096];
        let n = std::io::Read::read(&mut reader, &mut buffer).unwrap();
        text.extend_from_slice(&buffer[..n]);
    };
    read_more(&mut text);
    let first = String::from_utf8(std::mem::take(&mut text)).unwrap();
    let address = first.split_whitespace().find_map(|word| word.parse().ok()).unwrap();
    let clients: Vec<Peer> = (0..CLIENTS).map(|_| Peer::connect(address)).collect();
    eventually("all clients to be connected", || (children_of(program.pid()).len() == CLIENTS).then_some(()));
    program.signal(SIGUSR1);
    // The room goes on although the output is not read.
    let (mut one, mut other) = (clients[0].duplicate(), clients[1].duplicate());
    one.sends("toujours là\0");
    other.hears("toujours là\0\0");
    // A second SIGUSR1 meanwhile starts no second report.
    program.signal(SIGUSR1);
    other.sends("encore là\0");
    one.hears("toujours là\0\0encore là\0\0");
    while !text.windows(7).any(|window| window == b"total :") {
        read_more(&mut text);
    }
    let text = String::from_utf8(text).unwrap();
    let listed: std::collections::BTreeSet<&str> =
        text.lines().filter_map(|line| line.split_once(' ').map(|(address, _)| address)).collect();
    for client in &clients {
        assert!(listed.contains(client.stream.local_addr().unwrap().to_string().as_str()));
    }
    let sum = text.lines().find(|line| line.starts_with("total : ")).unwrap();
    assert!(sum.starts_with("total : 1000 "), "{sum}");
    assert!(!text.contains("n'ont pas pu être écrites"), "{text}");
    assert_eq!(text.matches(" en ligne à ").count(), 1, "{text}");
}

#[test]
fn sigusr1_and_sighup_to_all_processes_end_none() {
    let place = tempfile::tempdir().unwrap();
    let path = place.path().join("transcript");
    let server = Server::start(&["--transcript", path.to_str().unwrap()]);
    let (mut alice, mut bob) = (server.join(), server.join());
    let family: Vec<i32> = server.children().into_iter().chain([server.pid()]).collect();
    for signal in [SIGUSR1, SIGHUP] {
        let _row = Row::of(&signal);
        // As pkill(1) does with the name of the program.
        family.iter().for_each(|&pid| send(pid, signal));
        server.program.out.line_with(&[if signal == SIGUSR1 { "2 en ligne à " } else { "SIGHUP reçu" }]);
        alice.sends("alice : toujours là\0");
        bob.hears("alice : toujours là\0\0");
    }
    let still: Vec<i32> = server.children().into_iter().chain([server.pid()]).collect();
    assert_eq!(still, family);
}

#[test]
fn without_a_transcript_sighup_ends_the_server_and_its_children() {
    // Under nohup(1), the tests and their children ignore SIGHUP.
    let default = ["--default-signal=HUP", SERVER, "--bind", "127.0.0.1", "--port", "0"];
    let mut server = Server::from(Command::new("env").args(default));
    let _clients = [server.join(), server.join()];
    let children = server.children();
    server.program.signal(SIGHUP);
    assert_eq!(server.program.ends().code(), Some(0));
    wait_for_death(&children);
}
