//! Process titles: `ps -f` shows the client of each child of `chat_serveur`; `ps` without `-f` is
//! unchanged.

use crate::common::*;

use std::os::unix::process::CommandExt;
use std::process::Command;

/// The bytes of /proc/PID/cmdline.
fn cmdline(pid: i32) -> Vec<u8> {
    std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default()
}

/// Waits until the command line of a process is exactly this title and a NUL. A title that is one
/// byte shorter than the arguments ends in a space: the length of the path decides.
#[track_caller]
fn is_titled(pid: i32, title: &str) {
    let mut last = Vec::new();
    let expected = [&b"\0"[..], b" \0"].map(|end| [title.as_bytes(), end].concat());
    let found = || -> Option<()> {
        last = cmdline(pid);
        expected.contains(&last).then_some(())
    };
    eventually(&format!("the title {title:?}"), found);
}

#[track_caller]
fn address_of(peer: &Peer) -> String {
    peer.stream.local_addr().unwrap().to_string()
}

/// Output of ps(1) for this process.
#[track_caller]
fn ps(options: &[&str], pid: i32) -> String {
    let output = Command::new("ps").args(options).args(["--pid", &pid.to_string()]).output().expect("ps");
    String::from_utf8_lossy(&output.stdout).trim().to_string()
}

#[test]
fn ps_f_shows_the_address_at_once_and_the_name_from_the_first_named_message() {
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
    // The child sets its title before it writes the message.
    is_titled(child, &format!("chat_serveur: {address} alice"));
    assert_eq!(ps(&["-ww", "-o", "args="], child), format!("chat_serveur: {address} alice"));
    assert!(ps(&["-ww", "-f"], child).ends_with(&format!("chat_serveur: {address} alice")));
    // comm, for `ps` without -f and for pgrep(1).
    assert_eq!(ps(&["-o", "comm="], child), "chat_serveur");
    assert_eq!(name_of(child), "chat_serveur");
    assert_eq!(cmdline(server.pid()), own);
    assert!(own.starts_with(SERVER.as_bytes()) && own.ends_with(b"\0--port\x000\0"));
}

#[test]
fn the_title_follows_the_name_when_it_grows_or_shrinks() {
    let server = Server::start(&[]);
    let mut peer = server.join();
    let (child, address) = (server.child_of(&peer), address_of(&peer));
    for name in ["al", "alice-et-les-autres-de-la-salle-du-fond", "b", "Zoé", "日本"] {
        let _row = Row::of(&name);
        let said = format!("{name} : c'est moi\0");
        peer.sends(&said);
        peer.hears(format!("{said}\0"));
        is_titled(child, &format!("chat_serveur: {address} {name}"));
        // A message without a name leaves the title unchanged.
        peer.sends("et rien\n");
        peer.hears("et rien\n\0");
        is_titled(child, &format!("chat_serveur: {address} {name}"));
    }
}

#[test]
fn control_characters_in_a_name_are_made_visible_in_the_title() {
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
    // A newline separates two messages; text before it is no name.
    eve.sends("un\neve : deux\n");
    eve.hears_up_to("eve : deux\n");
    is_titled(child, &format!("chat_serveur: {address} eve"));
    // Very long names, of characters that grow when made visible: cut at the end of a character, in
    // valid UTF-8.
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
        // No partial character.
        assert!(!title.contains("\\x"), "{title:?}");
    }
    // The room goes on.
    eve.sends("eve : encore là\0");
    eve.hears("eve : encore là\0\0");
    is_titled(child, &format!("chat_serveur: {address} eve"));
}

#[test]
fn for_any_length_of_the_command_line_the_title_is_complete_or_cut_at_the_end_of_its_memory() {
    // 24 consecutive lengths of argv[0]: the NUL of the title falls before, on and behind the end
    // of the arguments.
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

/// A title one byte shorter than the arguments is padded with a space.
fn title_padded(server: &Server, title: String) -> String {
    if title.len() + 1 == cmdline(server.pid()).len() { title + " " } else { title }
}

#[test]
fn without_an_environment_the_title_fits_the_memory_of_the_arguments() {
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
fn no_titles_leaves_the_command_line_of_the_parent_to_all_children() {
    let server = Server::start(&["--no-titles"]);
    let own = cmdline(server.pid());
    let mut peer = server.join();
    peer.sends("alice : bonjour\0");
    peer.hears("alice : bonjour\0\0");
    assert_eq!(cmdline(server.child_of(&peer)), own);
}

#[test]
fn the_children_of_line_clients_have_titles_too() {
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
fn titles_work_as_another_user_and_without_the_sandbox() {
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
fn titles_work_in_a_room_of_hundreds_where_fork_shares_the_descriptor_table() {
    let server = Server::start(&["-q"]);
    let mut clients: Vec<Peer> = (0..560).map(|_| server.connect()).collect();
    let children = server.wait_for_children(560);
    let mut last = clients.pop().unwrap();
    last.sends("derni\u{e8}re : bonjour\0");
    let title = format!("chat_serveur: {} dernière\0", address_of(&last));
    eventually("the title of the last", || {
        children.iter().any(|&child| cmdline(child) == title.as_bytes()).then_some(())
    });
    // Each client has one child with its title.
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
fn a_title_costs_a_child_at_most_three_pages_and_a_transcript_two() {
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
    // The least of five runs: address-space randomization places stack and heap differently in each
    // process, and frames are larger in debug builds.
    let least = |options: &[&str]| (0..5).map(|_| memory(options)).min().unwrap();
    let place = tempfile::tempdir().unwrap();
    let transcript = place.path().join("transcript");
    let [without, with, transcribed] =
        [&["--no-titles"][..], &[], &["--transcript", transcript.to_str().unwrap()]].map(least);
    assert!(with <= without + 3 * page, "{with} kB with titles, {without} kB without");
    assert!(transcribed <= with + 2 * page, "{transcribed} kB with a transcript, {with} kB without");
}

/// Copy-on-write: after a fork, a page that the parent writes stays as a private copy with the
/// children that exist. Where many clients connect at once, an older child pays for all the writes.
#[test]
fn a_child_forked_before_many_others_is_at_most_four_pages_larger() {
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
