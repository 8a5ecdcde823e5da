//! The liveness probe of pages: a text message of one NUL.

use super::*;

pub(super) const PROBE: &[u8] = b"\0";

#[test]
fn a_probe_is_answered_to_its_client_alone_behind_what_that_has_said() {
    let room = Room::open(&["--lines", "0"]);
    let (mut page, mut other, mut string) = (room.enter(), room.enter(), room.server.join());
    let mut line = Peer::connect(room.server.lines_address());
    line.hears_up_to("\r\n");
    room.server.wait_for_children(4);
    for i in 0..20 {
        page.says(&format!("alice : {i}"));
        page.says("\0");
        assert_eq!(page.hears_words().1, format!("alice : {i}"));
        assert_eq!(page.hears(), json!({ "alive": true }));
    }
    for i in 0..20 {
        assert_eq!(other.hears_words().1, format!("alice : {i}"));
        string.hears(format!("alice : {i}\0\0"));
        line.hears_up_to(&format!("alice : {i}\n"));
    }
    // Counted nowhere.
    room.server.program.signal(nix::sys::signal::Signal::SIGUSR1);
    let address = page.socket.get_ref().local_addr().unwrap();
    let row = room.server.program.out.line_with(&[&format!("{address} "), " alice "]);
    let fields: Vec<&str> = row.split_whitespace().collect();
    assert_eq!(fields[5], "20", "{row}");
}

#[test]
fn an_answer_behind_a_notice_is_still_behind_what_was_said_between_them() {
    let room = Room::open(&["--distinct-names"]);
    let (mut bob, mut page) = (room.server.join(), room.enter_raw());
    bob.sends("bob : à moi\0");
    page.hears_up_to("à moi\"}");
    // One segment: its messages reach the hub in one turn.
    page.sends(
        [frame(0x81, "bob : refusé".as_bytes()), frame(0x81, b"eve : dit"), frame(0x81, PROBE)].concat(),
    );
    for heard in ["dit\"}", "{\"alive\":true}"] {
        page.hears_up_to(heard);
    }
}

#[test]
fn a_message_that_only_resembles_a_probe_is_what_it_was() {
    let room = Room::open(&[]);
    let (mut page, mut string) = (room.enter(), room.server.join());
    for text in ["", "\0\0", " \0", "\0 ", "\n", "\0alice : moi"] {
        page.says(text);
    }
    string.hears("alice : moi\0\0");
    assert_eq!(page.hears_words().1, "alice : moi");
}

#[test]
fn a_probe_does_not_count_as_a_message() {
    let room = Room::open(&["--idle-timeout", "2"]);
    let mut page = room.enter();
    loop {
        // Until the server's idle timeout.
        if page.socket.send(Message::text("\0")).is_err() {
            break;
        }
        match page.socket.read() {
            Ok(Message::Text(text)) if text.as_str().contains("alive") => {}
            Ok(Message::Text(text)) => {
                assert!(text.as_str().contains("rien dit depuis 2 s"), "{text}");
                break;
            }
            other => panic!("{other:?}"),
        }
    }
}
