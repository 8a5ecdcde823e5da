//! A page as the server's operator sees it: process title, status report, transcript.

use super::*;
use nix::sys::signal::Signal::{SIGTERM, SIGUSR1};

#[test]
fn the_title_of_a_pages_child_is_its_address_and_its_pseudo() {
    let room = Room::open(&[]);
    let (mut page, pending) = (room.enter(), Peer::connect(room.web));
    let title = |pid: i32| {
        let line = std::fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        String::from_utf8_lossy(&line).trim_end_matches('\0').to_string()
    };
    let address = page.socket.get_ref().local_addr().unwrap();
    assert_eq!(title(page.pid), format!("chat_serveur: {address}"));
    page.says("alice : bonjour");
    page.hears();
    assert_eq!(title(page.pid), format!("chat_serveur: {address} alice"));
    let address = pending.stream.local_addr().unwrap();
    let pending_child =
        room.server.wait_for_children(2).into_iter().find(|&child| child != page.pid).unwrap();
    eventually("the title before the upgrade", || {
        (title(pending_child) == format!("chat_serveur: {address}")).then_some(())
    });
}

#[test]
fn sigusr1_counts_the_messages_of_a_page_since_its_upgrade() {
    let room = Room::open(&[]);
    let mut string = room.server.join();
    string.sends("bob : avant\0");
    string.hears("bob : avant\0\0");
    let mut page = room.enter();
    page.says("alice : un");
    page.hears();
    room.server.program.signal(SIGUSR1);
    let address = page.socket.get_ref().local_addr().unwrap().to_string();
    let line = room.server.program.out.line_with(&[&format!("{address} "), " alice "]);
    let fields: Vec<&str> = line.split_whitespace().collect();
    assert_eq!((fields[5], fields[6], fields[7], fields[9]), ("1", "10", "1", "0"), "{line}");
}

#[test]
fn messages_of_a_page_are_in_the_transcript() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("transcript");
    let room = Room::open(&["--transcript", file.to_str().unwrap()]);
    let mut page = room.enter();
    page.says("alice : bonjour");
    page.hears();
    let line: Value = serde_json::from_str(std::fs::read_to_string(file).unwrap().trim()).unwrap();
    let address = page.socket.get_ref().local_addr().unwrap().to_string();
    let expected = [json!(page.pid), json!(address), json!("alice"), json!("bonjour")];
    assert_eq!(["pid", "address", "name", "text"].map(|key| line[key].clone()), expected);
}

#[test]
fn a_connection_without_an_upgrade_is_counted_nowhere() {
    let room = Room::open(&[]);
    let (_string, pending) = (room.server.join(), Peer::connect(room.web));
    room.server.wait_for_children(2);
    let _page = room.enter();
    room.server.program.out.line_with(&["nouveau client", "(web)", "2 en ligne"]);
    room.server.program.signal(SIGUSR1);
    room.server.program.out.line_with(&["(père) 2 en ligne à"]);
    room.server.program.out.line_with(&["total : 2 "]);
    let address = pending.stream.local_addr().unwrap().to_string();
    let printed = room.server.program.out.so_far();
    assert!(!printed.contains(&address), "{printed}");
    room.server.program.signal(SIGTERM);
    room.server.program.out.line_with(&["arrêt, 2 en ligne"]);
}
