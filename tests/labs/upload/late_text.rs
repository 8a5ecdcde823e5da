//! Texts that go on after their end was guessed: never the success of a part.

use super::*;

/// How a client goes on after its answer.
type Ending = fn(Peer, &mut Landing);

/// A client that has sent `text`, and its answer, which says how many bytes came.
#[track_caller]
fn answered(landing: &Landing, text: &str) -> Peer {
    let mut client = landing.client();
    client.sends(text);
    client.hears(format!("received {} bytes as received.txt [SUCCESS]", text.len()));
    client
}

#[track_caller]
fn has(landing: &Landing, text: &str) {
    landing.server.wait_for_children(0);
    assert_eq!(landing.files(), BTreeMap::from([("received.txt".to_string(), text.into())]));
}

#[test]
fn what_comes_after_the_answer_is_kept_and_answered_anew() {
    for parts in [&["a\n", "b\n"][..], &["a\n", "b"], &["a\n", "b\nc\n", "d \n"], &["a \n", "b\n"]] {
        let _row = Row::of(&parts);
        let landing = Landing::start(&[]);
        let mut client = answered(&landing, parts[0]);
        parts[1..].iter().for_each(|part| client.sends(part));
        client.half_closes();
        let whole = parts.concat();
        let last = String::from_utf8(client.hears_the_end()).unwrap();
        // The server closes its side at once after a space and a newline, else 2 s after the
        // answer: a busy machine may be later than that. The file is whole all the same.
        let expected = format!("\nreceived {} bytes as received.txt [SUCCESS]", whole.len());
        assert!(last.is_empty() || last.ends_with(&expected), "{last:?}");
        assert!(!parts[0].ends_with(" \n") || last.is_empty(), "{last:?}");
        has(&landing, &whole);
        landing.server.program.out.line_with(&[expected.trim_start()]);
    }
}

#[test]
fn each_line_after_a_pause_is_added_however_many_there_are() {
    let landing = Landing::start(&[]);
    let mut client = answered(&landing, "un\n");
    let mut whole = "un\n".to_string();
    for line in ["deux\n", "trois\n", "quatre\n"] {
        client.sends(line);
        whole += line;
        let said = format!("received {} bytes as received.txt [SUCCESS]", whole.len());
        landing.server.program.out.line_with(&[&said]);
    }
    drop(client);
    has(&landing, &whole);
}

#[test]
fn the_server_closes_although_the_client_does_not() {
    for text in ["a\n", "a \n"] {
        let _row = Row::of(&text);
        let landing = Landing::start(&[]);
        let mut client = answered(&landing, text);
        assert_eq!(client.hears_the_end(), b"");
        // Still held open by the client, and whole at once.
        assert_eq!(landing.files()["received.txt"], text.as_bytes());
    }
}

#[test]
fn an_answered_text_whose_client_does_not_close_gives_its_place_to_a_stranger() {
    let landing = Landing::start(&["--max-clients", "2"]);
    let mut first = answered(&landing, "a\n");
    let mut second = landing.client();
    second.sends("b\n");
    second.hears("received 2 bytes as received-2.txt, because received.txt was there already [SUCCESS]");
    assert_eq!((first.hears_the_end(), second.hears_the_end()), (vec![], vec![]));
    let elsewhere = std::net::Ipv4Addr::new(127, 0, 0, 2).into();
    let mut stranger = Peer::connect_from(elsewhere, landing.server.address);
    stranger.hears(GREETING);
    stranger.sends("c\n");
    stranger.hears_up_to("[SUCCESS]");
    assert_eq!(landing.names(), ["received-2.txt", "received-3.txt", "received.txt"]);
}

#[test]
fn a_text_that_fails_after_its_answer_is_removed() {
    let endings: [(&str, &[&str], Ending); 3] = [
        ("at most 5 bytes", &["--max-bytes", "5"], |mut client, _| {
            client.sends("bcdefg\n");
            let answer = answer_to(&mut client);
            assert!(answer.is_empty() || answer.ends_with("[ERROR]"), "{answer}");
        }),
        ("nothing came for too long", &["--idle-timeout", "1"], |mut client, _| {
            client.sends("b");
            answer_to(&mut client);
        }),
        ("the server stops", &[], |mut client, landing| {
            // The first part of the rest is answered, so that the second has most likely come.
            client.sends("b\n");
            landing.server.program.out.line_with(&["received 4 bytes"]);
            client.sends("c");
            let calls = landing.directory.path().join("received.txt");
            eventually("the rest", || (std::fs::read(&calls).unwrap() == b"a\nb\nc").then_some(()));
            landing.server.program.signal(SIGTERM);
            answer_to(&mut client);
        }),
    ];
    for (why, options, end) in endings {
        let _row = Row::of(&why);
        let mut landing = Landing::start(options);
        let client = answered(&landing, "a\n");
        end(client, &mut landing);
        landing.server.program.out.line_with(&[why, "[ERROR]"]);
        landing.is_empty();
    }
}

#[test]
fn a_connection_that_breaks_after_the_answer_leaves_no_part() {
    let landing = Landing::start(&[]);
    let mut client = answered(&landing, "a\n");
    client.sends("b");
    let file = landing.directory.path().join("received.txt");
    eventually("the rest", || (std::fs::read(&file).unwrap() == b"a\nb").then_some(()));
    client.resets();
    landing.server.program.out.line_with(&["the connection broke after 3 bytes", "[ERROR]"]);
    landing.is_empty();
}

#[test]
fn an_answered_text_stays_however_its_client_leaves() {
    let endings: [(&str, &[&str], Ending); 4] = [
        ("closes", &[], |client, _| drop(client)),
        ("resets", &[], |client, _| client.resets()),
        ("is silent", &["--idle-timeout", "1"], |mut client, landing| {
            answer_to(&mut client);
            landing.server.wait_for_children(0);
        }),
        ("sees the server stop", &[], |mut client, landing| {
            landing.server.program.signal(SIGTERM);
            answer_to(&mut client);
        }),
    ];
    for (way, options, end) in endings {
        let _row = Row::of(&way);
        for text in ["a\n", "a \n"] {
            let mut landing = Landing::start(options);
            let client = answered(&landing, text);
            end(client, &mut landing);
            has(&landing, text);
        }
    }
}

#[test]
fn a_text_that_went_on_before_the_servers_end_does_not_stay_in_part() {
    let landing = Landing::start(&[]);
    let mut client = answered(&landing, "a\n");
    let child = landing.server.children()[0];
    stop(child);
    client.sends("b\n");
    landing.server.program.signal(SIGTERM);
    landing.server.program.out.line_with(&["SIGTERM received"]);
    send(child, Signal::SIGCONT);
    let told = String::from_utf8(client.hears_the_end()).unwrap();
    assert!(told.ends_with("[ERROR]"), "{told:?}");
    landing.is_empty();
}
