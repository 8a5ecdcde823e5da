//! The end of a WebSocket connection: close codes and notices.

use super::*;
use nix::sys::signal::Signal::{SIGKILL, SIGTERM};
use tungstenite::protocol::CloseFrame;
use tungstenite::protocol::frame::coding::CloseCode;

#[test]
fn a_close_frame_is_answered_and_the_client_has_left_like_any_other() {
    let room = Room::open(&[]);
    for code in [CloseCode::Normal, CloseCode::Away, CloseCode::Library(4000)] {
        let _row = Row::of(&code);
        let mut page = room.enter();
        page.says("alice : au revoir");
        page.socket.close(Some(CloseFrame { code, reason: "fini".into() })).unwrap();
        let (before, answered) = page.hears_the_close();
        assert_eq!((before[0]["text"].as_str(), answered), (Some("au revoir"), Some(code.into())));
        room.server.program.out.line_with(&["est parti", &format!("fils {} terminé", page.pid)]);
    }
    let mut page = room.enter();
    page.socket.close(None).unwrap();
    assert_eq!(page.hears_the_close(), (vec![], None));
    room.server.program.out.line_with(&["est parti (WebSocket : code 4000)"]);
    assert_eq!(room.server.wait_for_children(0).len(), 0);
}

#[test]
fn a_page_that_disconnects_without_a_close_frame_has_left_too() {
    let room = Room::open(&[]);
    let (ended, reset) = (room.enter(), room.enter_raw());
    drop(ended);
    reset.resets();
    assert_eq!(room.server.wait_for_children(0).len(), 0);
    room.server.program.out.line_with(&["0 en ligne"]);
    assert_eq!(room.server.program.err.so_far(), "");
}

#[test]
fn a_protocol_error_closes_with_its_code_after_the_earlier_messages() {
    let room = Room::open(&[]);
    let long = frame(0x81, &[b'x'; 1024]);
    let in_halves = [frame(0x01, &[b'x'; 1000]), frame(0x80, &[b'x'; 1000])].concat();
    for (wrong, code) in [
        (vec![0x81, 2, b'h', b'i'], 1002),
        (frame(0xc1, b"compressed"), 1002),
        (frame(0x90, b""), 1002),
        (frame(0x83, b"reserved"), 1002),
        (frame(0x80, b"nothing begun"), 1002),
        (frame(0x89, &[b'x'; 126]), 1002),
        (frame(0x09, b"ping in fragments"), 1002),
        (frame(0x88, b"\x03"), 1002),
        (frame(0x88, b"\x03\xee"), 1002),
        (frame(0x82, b"binary"), 1003),
        (frame(0x81, b"\xff"), 1007),
        (long, 1009),
        (in_halves, 1009),
        ([&[0x81, 0xff][..], &[0x7f; 12]].concat(), 1009),
    ] {
        let _row = Row::of(&(&wrong, &code));
        let mut raw = room.enter_raw();
        raw.sends([&frame(0x81, b"eve : avant")[..], &wrong, &frame(0x81, b"eve : jamais")].concat());
        raw.hears_up_to("avant\"}");
        assert_eq!(raw.hears_the_end(), close(code), "{:?}", String::from_utf8_lossy(&wrong));
    }
    assert!(!room.server.program.out.so_far().contains("jamais"));
    room.server.program.out.line_with(&["est parti (WebSocket : code 1009)"]);
    assert_eq!(room.server.wait_for_children(0).len(), 0);
}

#[test]
fn a_server_that_ends_closes_its_pages_with_code_1001() {
    let room = Room::open(&[]);
    let (mut page, mut pending) = (room.enter(), Peer::connect(room.web));
    room.server.wait_for_children(2);
    page.says("alice : bonjour");
    page.hears();
    room.server.program.signal(SIGTERM);
    assert_eq!(page.hears_the_close(), (vec![], Some(1001)));
    assert_eq!(pending.hears_the_end(), b"");
}

#[test]
fn a_silent_page_is_disconnected_with_a_notice_and_pings_do_not_count() {
    let room = Room::open(&["--idle-timeout", "2"]);
    let (mut page, mut pinging) = (room.enter(), room.enter());
    let told = json!({ "notice": "vous n'avez rien dit depuis 2 s, vous êtes déconnecté" });
    let pings = std::thread::spawn(move || {
        loop {
            // Loops until the server's idle timeout.
            let sent = pinging.socket.send(Message::Ping(vec![1].into()));
            match pinging.socket.read() {
                Ok(Message::Pong(_)) if sent.is_ok() => {}
                Ok(Message::Text(text)) => break serde_json::from_str::<Value>(text.as_str()).unwrap(),
                other => panic!("{other:?}"),
            }
        }
    });
    assert_eq!(page.hears_the_close(), (vec![told.clone()], Some(1008)));
    assert_eq!(pings.join().unwrap(), told);
    room.server.program.out.line_with(&["n'a rien dit pendant trop longtemps"]);
    // A request for the page alone is not affected.
    assert!(room.gets("/").starts_with("HTTP/1.1 200"));
}

#[test]
fn a_page_that_loses_its_child_gets_code_1011_and_the_others_go_on() {
    let room = Room::open(&[]);
    let (mut page, mut other) = (room.enter(), room.enter());
    send(page.pid, SIGKILL);
    assert_eq!(page.hears_the_close(), (vec![], Some(1011)));
    room.server.program.err.line_with(&["a perdu son fils"]);
    other.says("bob : encore là");
    assert_eq!(other.hears_words().1, "bob : encore là");
}

#[test]
fn a_page_that_does_not_read_is_disconnected_in_whole_frames_and_the_others_go_on() {
    // The reason can be read for 500 ms. A busy machine may exceed that, not five times.
    let is_told = (0..5).any(|_| {
        let room = Room::open(&["--pace", "0", "--lag-limit", "100000", "-q"]);
        let (mut slow, mut speaker, mut page) = (room.enter(), room.server.connect(), room.enter());
        let text = format!("bob : {}\0", "}é\u{81}".repeat(200));
        while !room.server.program.err.so_far().contains("lit trop lentement") {
            // Less than the lag limit, so that speaker and listener are never dropped.
            (0..20).for_each(|_| speaker.sends(&text));
            assert_eq!(speaker.strings(20).len(), 20);
            (0..20).for_each(|_| assert_eq!(page.hears_words().1, text.trim_end_matches('\0')));
        }
        let (mut last, mut code) = (Value::Null, None);
        while let Ok(frame) = slow.socket.read() {
            match frame {
                Message::Close(frame) => {
                    code = frame.map(|frame| u16::from(frame.code));
                    break;
                }
                message => last = json_of(message),
            }
        }
        speaker.sends("fin\0");
        assert_eq!(page.hears_words().1, "fin");
        drop(page);
        // The page that listened has left as well.
        room.server.wait_for_children(1);
        let notice = last["notice"].as_str().unwrap_or_default();
        code == Some(1013) && notice.starts_with("vous lisez trop lentement")
    });
    assert!(is_told, "no notice, or not in a frame of its own");
}
