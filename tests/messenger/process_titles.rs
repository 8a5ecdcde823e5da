//! Process titles: `ps -f` shows whom each child of `chat_serveur` serves, `ps` without `-f` what it always showed.

use crate::common::*;

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The bytes that the kernel gives as its command line.
fn cmdline(pid: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Waits until a process has exactly this title, which ends with its NUL.
#[track_caller]
fn is_titled(pid: i32, title: &str) {
    let mut last = Vec::new();
    let expected = [title.as_bytes(), b"\0"].concat();
    let found = || -> Option<()> {
        last = cmdline(pid);
        (last == expected).then_some(())
    };
    eventually(&format!("the title {title:?}"), found);
}

#[track_caller]
fn address_of(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

/// A column of `ps`, as it shows that process.
#[track_caller]
fn ps(options: &[&str], pid: i32) -> String {
    let output = Command::new("ps").args(options).args(["--pid", &pid.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
fn ps_f_shows_the_address_at_once_and_the_pseudo_from_the_first_message_that_bears_one() {
    let server = Server::start(&[]);
    let own = cmdline(server.pid());
    let mut alice = server.join();
    let (child, address) = (server.child_of(&alice), address_of(&alice));
    is_titled(child, &format!("chat_serveur: {address}"));
    alice.sends("sans pseudo\0");
    alice.hears("sans pseudo\0\0");
    is_titled(child, &format!("chat_serveur: {address}"));
    alice.sends("alice : bonjour\0");
    alice.hears("alice : bonjour\0\0");
    // The child wrote its title before it wrote the message.
    is_titled(child, &format!("chat_serveur: {address} alice"));
    assert_eq!(ps(&["-ww", "-o", "args="], child), format!("chat_serveur: {address} alice"));
    assert!(ps(&["-ww", "-f"], child).ends_with(&format!("chat_serveur: {address} alice")));
    // Without -f, and for whoever looks for it by its name.
    assert_eq!(ps(&["-o", "comm="], child), "chat_serveur");
    assert_eq!(name_of(child), "chat_serveur");
    assert_eq!(cmdline(server.pid()), own);
    assert!(own.starts_with(SERVER.as_bytes()) && own.ends_with(b"\0--port\x000\0"));
}

#[test]
fn the_title_follows_the_pseudo_whether_it_grows_or_shrinks() {
    let server = Server::start(&[]);
    let mut peer = server.join();
    let (child, address) = (server.child_of(&peer), address_of(&peer));
    for name in ["al", "alice-et-les-autres-de-la-salle-du-fond", "b", "Zoé", "日本"] {
        let _row = Row::of(&name);
        let said = format!("{name} : c'est moi\0");
        peer.sends(&said);
        peer.hears(format!("{said}\0"));
        is_titled(child, &format!("chat_serveur: {address} {name}"));
        // A message without a name changes nothing.
        peer.sends("et rien\n");
        peer.hears("et rien\n\0");
        is_titled(child, &format!("chat_serveur: {address} {name}"));
    }
}

#[test]
fn a_hostile_pseudo_is_shown_and_not_obeyed() {
    let server = Server::start(&[]);
    let mut eve = server.join();
    let (child, address) = (server.child_of(&eve), address_of(&eve));
    let cases: [(&[u8], &str); 4] = [
        (b"\x1b[2J\x07eve\r : x\0", "^[[2J^Geve^M"),
        ("e\u{202e}ve\u{85} : x\0".as_bytes(), "e<U+202E>ve<U+0085>"),
        (b"\xff\xfe : x\0", "\\xff\\xfe"),
        (b"1 root 0:00 [init] : x\0", "1 root 0:00 [init]"),
    ];
    for (message, shown) in cases {
        let _row = Row::of(&(&message, &shown));
        eve.sends(message);
        eve.hears([message, b"\0"].concat());
        is_titled(child, &format!("chat_serveur: {address} {shown}"));
    }
    // A newline parts two messages; what stands before it is no name.
    eve.sends("un\neve : deux\n");
    eve.hears_up_to("eve : deux\n");
    is_titled(child, &format!("chat_serveur: {address} eve"));
    // A huge one, of characters that become longer as they are shown: cut, at the end of a character, in valid UTF-8.
    for huge in ["\u{202e}".repeat(80), "é".repeat(120), "日".repeat(80)] {
        let _row = Row::of(&huge);
        eve.sends(format!("{huge} : x\0"));
        eve.hears_up_to(" : x\0\0");
        let shown = if huge.starts_with('\u{202e}') { "<U+202E><" } else { &huge[..6] };
        let front = format!("chat_serveur: {address} {shown}");
        let title = eventually("a long title", || {
            Some(cmdline(child)).filter(|line| line.starts_with(front.as_bytes()))
        });
        let title = String::from_utf8(title).unwrap();
        assert!(title.len() < 200 && title.ends_with('\0') && !title.contains('\u{202e}'), "{title:?}");
        // Of no character a part.
        assert!(!title.contains("\\x"), "{title:?}");
    }
    // The room goes on.
    eve.sends("eve : encore là\0");
    eve.hears("eve : encore là\0\0");
    is_titled(child, &format!("chat_serveur: {address} eve"));
}

#[test]
fn whatever_the_length_of_the_command_line_the_title_is_whole_or_cut_where_its_memory_ends() {
    // 24 lengths in a row: the NUL of the title falls before, on and behind the end of the arguments. The program's own name, the
    // first of them, is of this test's choice.
    for more in 1..=24 {
        let mut command = Command::new(SERVER);
        let server = Server::from(command.arg0("x".repeat(more)).args(["--port", "0"]));
        let mut peer = server.connect();
        let child = server.wait_for_children(1)[0];
        let address = address_of(&peer);
        is_titled(child, &title_padded(&server, format!("chat_serveur: {address}")));
        peer.sends("al : un\0");
        peer.hears("al : un\0\0");
        is_titled(child, &title_padded(&server, format!("chat_serveur: {address} al")));
    }
}

/// A title one byte shorter than the arguments has a space at its end.
fn title_padded(server: &Server, title: String) -> String {
    if title.len() + 1 == cmdline(server.pid()).len() { title + " " } else { title }
}

#[test]
fn without_an_environment_the_title_has_the_room_of_the_arguments() {
    let mut command = Command::new("env");
    let server = Server::from(command.args(["-i", SERVER, "--bind", "127.0.0.1", "--port", "0"]));
    let mut peer = server.join();
    let (child, room) = (server.child_of(&peer), cmdline(server.pid()).len() - 2);
    let title = |pseudo: &str| {
        let whole = format!("chat_serveur: {}{pseudo}", address_of(&peer));
        whole[..whole.len().min(room)].to_string()
    };
    is_titled(child, &title(""));
    let (named, long) = (title(" al"), title(&format!(" {}", "x".repeat(64))));
    peer.sends("al : un\0");
    peer.hears("al : un\0\0");
    is_titled(child, &named);
    peer.sends(format!("{} : deux\0", "x".repeat(64)));
    peer.hears_up_to("deux\0\0");
    is_titled(child, &long);
}

#[test]
fn no_titles_leaves_the_first_processs_command_line_to_all() {
    let server = Server::start(&["--no-titles"]);
    let own = cmdline(server.pid());
    let mut peer = server.join();
    peer.sends("alice : bonjour\0");
    peer.hears("alice : bonjour\0\0");
    assert_eq!(cmdline(server.child_of(&peer)), own);
}

#[test]
fn at_the_door_of_lines_it_is_the_same() {
    let server = Server::start(&["--lines", "0"]);
    let mut peer = Peer::connect(server.lines_address());
    peer.hears_line();
    let (child, address) = (server.child_of(&peer), address_of(&peer));
    is_titled(child, &format!("chat_serveur: {address}"));
    peer.sends("  bob : salut \r\n");
    peer.hears_up_to("bob : salut\n");
    is_titled(child, &format!("chat_serveur: {address} bob"));
}

#[test]
fn as_another_user_and_unconfined_or_not_it_is_the_same() {
    let (_directory, binary) = server_for_nobody();
    for options in [&["--user", "nobody"][..], &["--no-limits", "--no-seccomp"]] {
        let _row = Row::of(&options);
        if options[0] == "--user" && !is_root() {
            continue;
        }
        let server =
            Server::from(Command::new(&binary).args(["--bind", "127.0.0.1", "--port", "0"]).args(options));
        let mut peer = server.join();
        peer.sends("alice : bonjour\0");
        peer.hears("alice : bonjour\0\0");
        is_titled(server.child_of(&peer), &format!("chat_serveur: {} alice", address_of(&peer)));
    }
}

#[test]
fn in_a_crowd_where_children_are_made_otherwise_it_is_the_same() {
    let server = Server::start(&["-q"]);
    let mut clients: Vec<Peer> = (0..560).map(|_| server.connect()).collect();
    let children = server.wait_for_children(560);
    let mut last = clients.pop().unwrap();
    last.sends("derni\u{e8}re : bonjour\0");
    let title = format!("chat_serveur: {} dernière\0", address_of(&last));
    eventually("the title of the last", || {
        children.iter().any(|&child| cmdline(child) == title.as_bytes()).then_some(())
    });
    // Each has its own, and nobody another's.
    for client in &clients[..20] {
        let title = format!("chat_serveur: {}\0", address_of(client));
        assert_eq!(
            children.iter().filter(|&&child| cmdline(child) == title.as_bytes()).count(),
            1,
            "{title}"
        );
    }
}

#[test]
fn a_title_costs_a_child_a_few_pages_at_most_and_a_transcript_no_more() {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap() as usize / 1024;
    let memory = |options: &[&str]| {
        let server = Server::start(options);
        let mut peer = server.join();
        for i in 0..100 {
            // A new name each time.
            peer.sends(format!("alice{i} : bonjour\0"));
            peer.hears(format!("alice{i} : bonjour\0\0"));
        }
        private_kb(server.child_of(&peer))
    };
    // The places of stack and heap are drawn anew in each process; and what is not built for use has larger frames.
    let least = |options: &[&str]| (0..5).map(|_| memory(options)).min().unwrap();
    let place = tempfile::tempdir().unwrap();
    let transcript = place.path().join("transcript");
    let [without, with, transcribed] =
        [&["--no-titles"][..], &[], &["--transcript", transcript.to_str().unwrap()]].map(least);
    assert!(with <= without + 3 * page, "{with} kB with titles, {without} kB without");
    assert!(transcribed <= with + 2 * page, "{transcribed} kB with a transcript, {with} kB without");
}

/// After a fork, a page that the first process writes to stays with the children that were there: where many come at once, the
/// child before them pays for what is written for all of them.
#[test]
fn a_child_that_was_there_before_many_come_at_once_is_hardly_larger_than_theirs() {
    let page = nix::unistd::sysconf(nix::unistd::SysconfVar::PAGE_SIZE).unwrap().unwrap() as usize / 1024;
    let server = Server::start(&["-q"]);
    let mut peers = vec![server.connect()];
    server.wait_for_children(1);
    server.program.signal(nix::sys::signal::Signal::SIGSTOP);
    peers.extend((1..64).map(|_| server.connect()));
    server.program.signal(nix::sys::signal::Signal::SIGCONT);
    let children = server.wait_for_children(64);
    for (i, peer) in peers.iter_mut().enumerate() {
        peer.sends(format!("al{i} : bonjour\0"));
        peer.hears_up_to(&format!("al{i} : bonjour\0\0"));
    }
    let mut sizes: Vec<usize> = children.iter().map(|&child| private_kb(child)).collect();
    let first = sizes[0];
    sizes.sort_unstable();
    let median = sizes[32];
    assert!(first <= median + 4 * page, "{sizes:?}, {first} kB the first");
}
