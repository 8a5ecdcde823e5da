//! Death, stop or reset of each process and connection, at different moments: other clients lose
//! nothing, and no process or descriptor is left behind.

use crate::common::*;

use nix::sys::signal::Signal::{SIGCONT, SIGINT, SIGKILL, SIGSTOP, SIGTERM};
use std::fs::File;
use std::process::{Command, Stdio};

/// Asserts that a message of the first peer reaches all of them.
#[track_caller]
fn still_talk(peers: &mut [&mut Peer], text: &str) {
    peers[0].sends(format!("{text}\0"));
    for peer in peers {
        assert_eq!(peer.strings(1), [text]);
    }
}

#[test]
fn when_the_parent_is_killed_no_child_is_left_and_the_port_binds_again() {
    let mut server = Server::start(&[]);
    let mut peers: Vec<Peer> = (0..100).map(|_| server.join()).collect();
    let children = server.children();
    let port = server.port();
    server.program.signal(SIGKILL);
    server.program.ends();
    wait_for_death(&children);
    peers.iter_mut().for_each(|peer| assert_eq!(peer.hears_the_end(), b""));
    drop(peers);
    Server::from(Command::new(SERVER).args(["--bind", "127.0.0.1", "--port", &port]));
}

#[test]
fn when_the_parent_is_killed_children_blocked_on_a_full_pipe_end_too() {
    let mut server = Server::start(&["-q"]);
    let peers: Vec<Peer> = (0..3).map(|_| server.connect()).collect();
    let children = server.wait_for_children(3);
    server.program.signal(SIGSTOP);
    for peer in &peers {
        // More than the pipe holds: the children block in write.
        let flood: String = (0..30_000).map(|i| format!("message {i}\0")).collect();
        peer.duplicate().sends(flood);
    }
    eventually("the pipe to fill", || {
        let asleep_in_a_write = |pid: &&i32| {
            let call = std::fs::read_to_string(format!("/proc/{pid}/wchan")).unwrap_or_default();
            call.contains("pipe")
        };
        (children.iter().filter(asleep_in_a_write).count() == 3).then_some(())
    });
    server.program.signal(SIGKILL);
    server.program.ends();
    wait_for_death(&children);
}

#[test]
fn a_hub_that_pauses_loses_nothing() {
    let server = Server::start(&["-q"]);
    let peers: Vec<Peer> = (0..3).map(|_| server.connect()).collect();
    server.wait_for_children(3);
    server.program.signal(SIGSTOP);
    std::thread::scope(|scope| {
        for (who, peer) in peers.iter().enumerate() {
            let mut speaker = peer.duplicate();
            scope.spawn(move || (0..5000).for_each(|i| speaker.sends(format!("{who} {i}\0"))));
        }
        server.program.signal(SIGCONT);
        let heard: Vec<Vec<String>> = peers.iter().map(|peer| peer.duplicate().strings(15_000)).collect();
        assert!(heard.iter().all(|one| one.len() == 15_000 && *one == heard[0]));
    });
}

#[test]
fn when_a_child_is_killed_only_its_client_is_disconnected() {
    let server = Server::start(&[]);
    let (mut first, mut loses, mut last) = (server.join(), server.join(), server.join());
    // A message sent before the kill is not lost.
    loses.sends("adieu\0");
    assert_eq!(first.strings(1), ["adieu"]);
    assert_eq!(last.strings(1), ["adieu"]);
    let child = server.child_of(&loses);
    send(child, SIGKILL);
    assert_eq!(loses.hears_the_end(), b"adieu\0\0");
    server.program.err.line_with(&["a perdu son fils, tué par SIGKILL", &format!("fils {child}")]);
    assert_eq!(server.wait_for_children(2).len(), 2);
    still_talk(&mut [&mut first, &mut last], "toujours là");
}

#[test]
fn a_message_that_a_child_wrote_before_it_was_killed_is_relayed() {
    for _ in 0..20 {
        let server = Server::start(&["--pace", "0"]);
        let (mut listener, mut speaker) = (server.join(), server.join());
        let child = server.child_of(&speaker);
        // The parent is stopped: the records and the death both wait for it.
        server.program.signal(SIGSTOP);
        speaker.sends("dernier mot\0");
        eventually("the child to have relayed it", || {
            let io = std::fs::read_to_string(format!("/proc/{child}/io")).ok()?;
            let written = io.lines().find_map(|line| line.strip_prefix("wchar: "))?.parse::<u64>().ok()?;
            // The first bytes, four at most, are its score for the out-of-memory killer.
            (written > 4).then_some(())
        });
        send(child, SIGKILL);
        server.program.signal(SIGCONT);
        assert_eq!(listener.strings(1), ["dernier mot"]);
    }
}

#[test]
fn when_a_client_program_is_killed_the_room_goes_on() {
    let server = Server::start(&[]);
    let mut stays = server.join();
    let mut client = our_client(&server, "alice");
    let screen = server.wait_for_children(2).len();
    assert_eq!(screen, 2);
    client.signal(SIGKILL);
    client.ends();
    server.wait_for_children(1);
    still_talk(&mut [&mut stays], "seul");
}

#[test]
fn a_half_closed_client_still_receives_all_earlier_messages() {
    let server = Server::start(&[]);
    let mut stays = server.join();
    let mut leaves = server.join();
    let lines: Vec<String> = (0..1000).map(|i| format!("alice : ligne {i}")).collect();
    leaves.sends(lines.join("\0") + "\0");
    leaves.half_closes();
    let mut heard = leaves.strings(1000);
    assert_eq!(heard, lines);
    assert_eq!(leaves.hears_the_end(), b"\0");
    heard = stays.strings(1000);
    assert_eq!(heard, lines);
    server.wait_for_children(1);
}

#[test]
fn a_message_cut_off_by_the_end_of_its_client_is_relayed_as_it_is() {
    let server = Server::start(&[]);
    let (mut stays, mut leaves) = (server.join(), server.join());
    leaves.sends("entier\0moit");
    leaves.half_closes();
    assert_eq!(stays.strings(2), ["entier", "moit"]);
}

#[test]
fn a_reset_at_every_moment_leaves_nothing_behind() {
    let server = Server::start(&[]);
    let mut stays = server.join();
    let before = descriptors_of(server.pid());
    for _ in 0..10 {
        // Before the server accepts it.
        server.program.signal(SIGSTOP);
        let (early, mut early_with_bytes) = (server.connect(), server.connect());
        early_with_bytes.sends("perdu peut-être\0");
        early.resets();
        early_with_bytes.resets();
        server.program.signal(SIGCONT);
        // Right after connect; within a message; after one; with unread messages; half-closed.
        server.connect().resets();
        let mut half = server.connect();
        half.sends("la moit");
        half.resets();
        let mut after = server.join();
        after.sends("un\0");
        after.resets();
        let unread = server.join();
        stays.sends("que personne ne lit\0");
        unread.resets();
        let mut half_closed = server.join();
        half_closed.half_closes();
        half_closed.resets();
    }
    server.wait_for_children(1);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
    stays.sends("fin de la liste\0");
    while stays.strings(1) != ["fin de la liste"] {}
}

#[test]
fn a_stopped_child_does_not_keep_the_server_from_ending() {
    let mut server = Server::start(&[]);
    let peer = server.join();
    send(server.child_of(&peer), SIGSTOP);
    server.program.signal(SIGINT);
    assert!(server.program.ends().success());
}

#[test]
fn ctrl_c_on_the_servers_terminal_ends_the_server_and_its_children() {
    let mut server = Terminal::start(SERVER, &["--bind", "127.0.0.1", "--port", "0"]);
    server.shows("Ctrl+C arrête");
    let first = server.screen.so_far();
    let address = first.split_whitespace().find_map(|word| word.parse().ok()).expect("the address");
    let mut peer = Peer::connect(address);
    server.shows("nouveau client");
    let children = children_of(server.pid());
    server.types("\x03");
    assert!(server.ends().success());
    assert!(children.iter().all(|&child| !is_alive(child)));
    assert_eq!(peer.hears_the_end(), b"");
    server.shows("SIGINT reçu : arrêt");
}

/// Runs a room with this standard output, and `meanwhile` before its first client. The port is read
/// from the socket table, since the first line of the server may be unreadable.
#[track_caller]
fn room_works_with_output_to(stdout: impl Into<Stdio>, meanwhile: impl FnOnce()) {
    let mut command = Command::new(SERVER);
    command.args(["--bind", "127.0.0.1", "--port", "0", "--pace", "0"]).stdout(stdout);
    room_works(command, meanwhile);
}

#[track_caller]
fn room_works(mut command: Command, meanwhile: impl FnOnce()) {
    let mut server = Program::start_with_its_own_output(&mut command);
    // `command` holds another descriptor of the output.
    drop(command);
    let pid = server.pid();
    let port = eventually("the listening port", || {
        let shown = Command::new("ss").args(["-Hltnp"]).output().ok()?.stdout;
        let shown = String::from_utf8_lossy(&shown).into_owned();
        let line = shown.lines().find(|line| line.contains(&format!("pid={pid},")))?;
        line.split_whitespace().nth(3)?.rsplit(':').next()?.parse::<u16>().ok()
    });
    meanwhile();
    let address = (std::net::Ipv4Addr::LOCALHOST, port).into();
    let (mut speaker, mut listener) = (Peer::connect(address), Peer::connect(address));
    eventually("two children", || (children_of(pid).len() == 2).then_some(()));
    // Far more lines than a pipe or terminal buffers.
    for round in 0..50 {
        let lines: Vec<String> = (0..200).map(|i| format!("{round} {i} {}", "x".repeat(100))).collect();
        speaker.sends(lines.join("\0") + "\0");
        assert_eq!(speaker.strings(200), lines);
        assert_eq!(listener.strings(200), lines);
    }
    server.signal(SIGTERM);
    assert!(server.ends().success());
}

#[test]
fn the_room_goes_on_when_standard_output_is_a_full_disk() {
    room_works_with_output_to(File::options().write(true).open("/dev/full").unwrap(), || ());
}

#[test]
fn the_room_goes_on_when_standard_output_has_no_reader() {
    let (reader, writer) = std::io::pipe().unwrap();
    room_works_with_output_to(writer, move || drop(reader));
}

#[test]
fn the_room_goes_on_when_the_reader_of_standard_output_has_stopped() {
    let (reader, writer) = std::io::pipe().unwrap();
    room_works_with_output_to(writer, || ());
    drop(reader);
}

#[test]
fn the_room_goes_on_when_the_terminal_holds_its_output() {
    let terminal = nix::pty::openpty(None, None).unwrap();
    room_works_with_output_to(terminal.slave, || ());
    drop(terminal.master);
}

#[test]
fn the_room_goes_on_when_the_terminal_of_another_user_holds_its_output() {
    if !is_root() {
        return;
    }
    let (_directory, binary) = server_for_nobody();
    let terminal = nix::pty::openpty(None, None).unwrap();
    let mut command = Command::new("setpriv");
    command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(binary);
    command.args(["--bind", "127.0.0.1", "--port", "0", "--pace", "0"]).stdout(terminal.slave);
    room_works(command, || ());
    drop(terminal.master);
}

#[test]
fn after_su_the_terminal_still_shows_the_room() {
    if !is_root() {
        return;
    }
    let (_directory, binary) = server_for_nobody();
    let arguments = ["--reuid=65534", "--regid=65534", "--clear-groups", binary.to_str().unwrap()];
    let options = ["--bind", "127.0.0.1", "--port", "0"];
    let server = Terminal::start("setpriv", &[&arguments[..], &options].concat());
    server.shows("Ctrl+C arrête");
    let address = server.screen.so_far().split_whitespace().find_map(|word| word.parse().ok());
    Peer::connect(address.expect("the address")).sends("bonjour\0");
    server.shows("bonjour\r\n");
}

#[test]
fn the_room_goes_on_without_standard_output() {
    // The shell closes descriptor 1. The Rust runtime opens /dev/null there, so that no socket gets
    // this number.
    let mut command = Command::new("sh");
    command.args(["-c", "exec \"$0\" --bind 127.0.0.1 --port 0 --pace 0 >&-", SERVER]).stdout(Stdio::null());
    room_works(command, || ());
}

#[test]
fn lines_that_could_not_be_written_are_counted_once_they_can() {
    let (reader, writer) = std::io::pipe().unwrap();
    let mut command = Command::new(SERVER);
    command.args(["--bind", "127.0.0.1", "--port", "0"]).stdout(writer);
    let _server = Program::start_with_its_own_output(&mut command);
    drop(command);
    let mut reader = std::io::BufReader::new(reader);
    let mut line = String::new();
    std::io::BufRead::read_line(&mut reader, &mut line).unwrap();
    let address = line.split_whitespace().find_map(|word| word.parse().ok()).expect("the address");
    let mut peer = Peer::connect(address);
    for _ in 0..10 {
        peer.sends((0..1000).map(|i| format!("{i} {}\0", "x".repeat(100))).collect::<String>());
        assert_eq!(peer.strings(1000).len(), 1000);
    }
    // The reader resumes.
    let lost = loop {
        line.clear();
        assert_ne!(
            std::io::BufRead::read_line(&mut reader, &mut line).unwrap(),
            0,
            "the end came before the count"
        );
        if let Some(count) = line.strip_suffix(" lignes n'ont pas pu être écrites\n") {
            break count.rsplit(' ').next().unwrap().parse::<u64>().unwrap();
        }
    };
    assert!((1000..10_000).contains(&lost), "{lost}");
}

#[test]
fn messages_that_wait_for_their_pace_are_sent_before_the_server_ends() {
    let server = Server::start(&["--pace", "200"]);
    let (mut speaker, mut listener) = (server.join(), server.join());
    speaker.sends("un\0deux\0trois\0");
    server.program.out.line_with(&["trois"]);
    server.program.signal(SIGTERM);
    assert_eq!(listener.strings(4), ["un", "deux", "trois"]);
}

#[test]
fn a_reset_is_reported_as_such() {
    let server = Server::start(&[]);
    server.join().resets();
    server.program.out.line_with(&["a disparu (Connection reset by peer)"]);
    drop(server.join());
    server.program.out.line_with(&["est parti"]);
}

/// SO_ERROR is delivered once, to the process that asks first: here the parent, which waits to
/// send.
#[test]
fn a_reset_of_a_client_that_does_not_read_is_reported_as_such() {
    let server = Server::start(&["--pace", "0", "--lag-limit", "100000000"]);
    let (mut speaker, unread) = (server.join(), server.join());
    for _ in 0..100 {
        speaker.sends(format!("{}\0", "x".repeat(999)).repeat(100));
        assert_eq!(speaker.strings(100).len(), 100);
    }
    let child = server.child_of(&unread);
    send(child, SIGSTOP);
    unread.resets();
    speaker.sends("et maintenant\0");
    assert_eq!(speaker.strings(1), ["et maintenant"]);
    send(child, SIGCONT);
    server.program.out.wait_for("its departure", |said| {
        let said = String::from_utf8_lossy(said);
        said.contains("a disparu (Connection reset by peer)").then_some(())
    });
}

#[test]
fn a_server_started_with_signals_blocked_and_ignored_still_reaps_and_ends() {
    let mut command = Command::new("env");
    command.args(["--ignore-signal=CHLD", "--block-signal=CHLD,TERM", SERVER]);
    let mut server = Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]));
    drop(server.join());
    server.wait_for_children(0);
    server.program.signal(SIGTERM);
    assert!(server.program.ends().success());
}
