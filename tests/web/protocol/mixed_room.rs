//! Browsers and other clients in one room.

use super::*;
use nix::sys::signal::Signal::SIGKILL;

#[test]
fn pages_c_clients_and_line_clients_hear_one_order() {
    let room = Room::open(&["--pace", "0", "--lines", "0"]);
    let lines = room.server.lines_address();
    let (mut first, mut second, string) = (room.enter(), room.enter(), room.server.join());
    let mut line = Peer::connect(lines);
    line.line();
    let (mut line_speaker, mut string_speaker, mut string) = (line.duplicate(), string.duplicate(), string);
    let third = room.enter();
    std::thread::scope(|scope| {
        scope.spawn(move || (0..300).for_each(|i| line_speaker.sends(format!("ligne : {i}\n"))));
        scope.spawn(move || (0..300).for_each(|i| string_speaker.sends(format!("chaine : {i}\0"))));
        let speaks = scope.spawn(move || {
            let mut third = third;
            (0..300).for_each(|i| third.says(&format!("page : {i}")));
            // The messages received meanwhile wait in the socket.
            (0..900).map(|_| third.hears_words().1).collect::<Vec<_>>()
        });
        let others = scope.spawn(move || (0..900).map(|_| second.hears_words().1).collect::<Vec<_>>());
        let strings = string.strings(900);
        let in_lines: Vec<String> = (0..900).map(|_| line.line()[11..].trim_end().to_string()).collect();
        let heard: Vec<String> = (0..900).map(|_| first.hears_words().1).collect();
        assert_eq!(heard, strings);
        assert_eq!(in_lines, strings);
        assert_eq!(others.join().unwrap(), strings);
        assert_eq!(speaks.join().unwrap(), strings);
        ["ligne", "chaine", "page"].iter().for_each(|who| contains_all_messages(&strings, who, 300));
    });
}

#[test]
fn a_message_carries_the_process_id_of_its_child_and_the_time() {
    let room = Room::open(&[]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    assert_eq!(room.server.children().into_iter().min(), Some(page.pid));
    let now = || std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_millis();
    let before = now();
    page.says("alice : bonjour");
    let said = page.hears();
    let time = said["time"].as_u64().expect("milliseconds");
    assert!((before..=now()).contains(&u128::from(time)), "{time}");
    assert_eq!(said, json!({ "pid": page.pid, "time": time, "name": "alice", "text": "bonjour" }));
    string.hears("alice : bonjour\0\0");
    string.sends("sans nom\n");
    assert_eq!(page.hears_words(), (i64::from(room.server.child_of(&string)), "sans nom".to_string()));
    room.server.program.out.line_with(&["nouveau client", "(web)", "1 en ligne"]);
    room.server.program.out.line_with(&[&format!("(fils {}) alice : bonjour", page.pid)]);
}

#[test]
fn any_bytes_of_a_c_client_are_one_json_string() {
    let room = Room::open(&[]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    string.sends(b"\"},{\"pid\":1,\"x\":\" : </script>\n\x01\x1b[2J\x7f\\u0041\xff\xe2\x80\xae\0");
    let said = page.hears();
    assert_eq!(said["name"], "\"},{\"pid\":1,\"x\":\"");
    assert_eq!(said["text"], "</script>\n\u{1}\u{1b}[2J\u{7f}\\u0041\u{fffd}\u{202e}");
    assert_eq!(said.as_object().unwrap().len(), 4);
}

#[test]
fn a_message_of_a_page_is_one_line_for_all_clients() {
    let room = Room::open(&[]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    page.says("eve : a\r\nbob : b\nbob\0 : c\r[00:00:00] d\u{2028}e ");
    string.hears("eve : a bob : b bob : c [00:00:00] d e\0\0");
    page.says("   \n");
    page.says("GET / HTTP/1.1");
    string.hears("GET / HTTP/1.1\0\0");
    let longest = format!("eve : {}", "x".repeat(1017));
    page.says(&longest);
    string.hears(longest + "\0\0");
}

#[test]
fn a_page_receives_no_message_sent_before_its_upgrade() {
    let room = Room::open(&[]);
    let (mut alice, mut pending) = (room.server.join(), Peer::connect(room.web));
    room.server.wait_for_children(2);
    alice.sends("alice : avant\0");
    alice.hears("alice : avant\0\0");
    // The first frame comes with the upgrade request.
    pending.sends([upgrade(room.web).as_bytes(), &frame(0x81, b"eve : pendant")].concat());
    alice.hears("eve : pendant\0\0");
    alice.sends("alice : apres\0");
    pending.hears("HTTP/1.1 101 Switching Protocols\r\n");
    pending.hears_up_to("pendant");
    pending.hears_up_to("apres");
    let mut late = room.enter();
    alice.sends("alice : tard\0");
    assert_eq!(late.hears_words().1, "alice : tard");
}

#[test]
fn distinct_names_apply_to_pages_too() {
    let room = Room::open(&["--distinct-names"]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    string.sends("alice : bonjour\0");
    assert_eq!(page.hears_words().1, "alice : bonjour");
    page.says("alice : moi aussi");
    let notice = page.hears()["notice"].as_str().expect("a notice").to_string();
    assert!(notice.starts_with("message non transmis : le pseudo « alice » est déjà pris"), "{notice}");
    page.says("bob : salut");
    assert_eq!(page.hears_words().1, "bob : salut");
    string.hears("alice : bonjour\0\0bob : salut\0\0");
    string.sends("bob : c'est moi\0");
    assert!(string.strings(1)[0].contains("« bob » est déjà pris"));
}

#[test]
fn a_page_has_a_child_like_any_other_client() {
    let room = Room::open(&[]);
    let (page, _string) = (room.enter(), room.server.join());
    let children = room.server.wait_for_children(2);
    assert!(children.contains(&page.pid));
    assert!(children.iter().all(|&child| name_of(child) == "chat_serveur"));
    let low: Vec<i32> = descriptors_of(room.server.pid()).iter().map(|(number, _)| *number).collect();
    assert_eq!(low[..8], [0, 1, 2, 3, 4, 5, 6, 7]);
    assert!(low[8..].iter().all(|&number| number >= 48), "{low:?}");
    let own: Vec<i32> = descriptors_of_child(page.pid).iter().map(|(number, _)| *number).collect();
    assert_eq!(own, [0, 1, 2, 4, 6]);
    // Where the kernel has seccomp, the child has done all of this under its filter.
    let status = std::fs::read_to_string(format!("/proc/{}/status", page.pid)).unwrap();
    assert!(!status.contains("Seccomp:") || status.contains("Seccomp:\t2"), "{status}");
}

#[test]
fn a_pages_child_stays_small_whatever_its_page_sends() {
    let room = Room::open(&["--pace", "0", "-q"]);
    let mut page = room.enter();
    let longest = "x".repeat(1023);
    let ping = Message::Ping(vec![b'x'; 125].into());
    let mut sends_all = |times: usize| {
        for _ in 0..times {
            page.says(&longest);
            page.socket.send(ping.clone()).unwrap();
            while !page.socket.read().unwrap().is_pong() {}
        }
        private_memory_of(page.pid)
    };
    // The first rounds copy the memory pages that they write to (copy-on-write).
    let (before, after) = (sends_all(100), sends_all(2000));
    assert!(after <= before + 64, "{before} kB, then {after} kB");
}

#[test]
fn when_the_first_process_is_killed_no_child_of_a_page_is_left() {
    let room = Room::open(&[]);
    let (mut page, mut pending) = (room.enter(), Peer::connect(room.web));
    let children = room.server.wait_for_children(2);
    room.server.program.signal(SIGKILL);
    wait_for_death(&children);
    assert!(page.socket.read().is_err());
    assert_eq!(pending.hears_the_end(), b"");
}

#[test]
fn with_verbose_output_a_page_can_still_send() {
    let room = Room::open(&["-v"]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    page.says("alice : bonjour");
    string.hears("alice : bonjour\0\0");
    assert_eq!(page.hears_words().1, "alice : bonjour");
    room.server.program.out.line_with(&["read(descripteur 6)", "octets de son client"]);
}
