//! Pages and a C client in one room.

use super::*;

#[test]
fn two_pages_and_a_c_client_talk() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let (mut alice, mut bob) = (room.page(&mut browser, "alice"), room.page(&mut browser, "bob"));
    let mut carole = c_client(&room.server, "carole", "course");
    // In turn: of several messages in one read, this client shows the first only.
    let mut said = Vec::new();
    for i in 0..5 {
        for (speaker, page) in [("alice", &mut alice), ("bob", &mut bob)] {
            let text = format!("{speaker} en dit {i}");
            page.says(&text);
            carole.out.line_with(&[&format!("{speaker} : {text}")]);
            said.push(text);
        }
        said.push(format!("carole en dit {i}"));
        carole.types(format!("carole en dit {i}\n"));
        carole.out.line_with(&[&format!("carole : carole en dit {i}")]);
    }
    for page in [&mut alice, &mut bob] {
        page.has_messages(said.len());
        assert_eq!(page.texts(TEXTS), said);
    }
    let screen = carole.out.so_far();
    let shown: Vec<&str> =
        screen.lines().filter_map(|line| line.split_once(" : ")).map(|(_, text)| text).collect();
    assert_eq!(shown, said);
}

#[test]
fn two_pages_and_a_string_client_that_send_at_once_receive_one_order() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let (mut alice, mut bob) = (room.page(&mut browser, "alice"), room.page(&mut browser, "bob"));
    let mut carole = room.server.join();
    for i in 0..20 {
        alice.says(&format!("a{i}"));
        carole.sends(format!("carole : c{i}\0"));
        bob.says(&format!("b{i}"));
    }
    alice.has_messages(60);
    bob.has_messages(60);
    let heard = alice.texts(TEXTS);
    assert_eq!(bob.texts(TEXTS), heard);
    let by_carole: Vec<String> = carole
        .strings(60)
        .iter()
        .filter_map(|message| Some(message.split_once(" : ")?.1.to_string()))
        .collect();
    assert_eq!(by_carole, heard);
    for who in ["a", "b", "c"] {
        let _row = Row::of(&who);
        let own: Vec<String> = heard.iter().filter(|text| text.starts_with(who)).cloned().collect();
        let said: Vec<String> = (0..20).map(|i| format!("{who}{i}")).collect();
        assert_eq!(own, said);
    }
}

#[test]
fn a_message_shows_its_name_its_time_and_a_mark_if_it_is_the_pages_own() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    peer.sends("bob : salut\0");
    alice.has_messages(1);
    peer.sends("sans rien devant\0");
    alice.has_messages(2);
    alice.says("bonjour");
    alice.has_messages(3);
    assert_eq!(alice.texts(TEXTS), ["salut", "sans rien devant", "bonjour"]);
    assert_eq!(
        alice.texts("[...document.querySelectorAll('.name')].map((name) => name.innerText)"),
        ["bob", "sans nom", "alice"]
    );
    assert_eq!(
        alice.value("[...document.querySelectorAll('.row')].map((row) => row.matches('.own'))"),
        serde_json::json!([false, false, true])
    );
    let pid = alice.text("document.querySelectorAll('.pid')[1].innerText");
    assert_eq!(pid, format!("#{}", room.server.child_of(&peer)));
    assert_eq!(alice.text("document.querySelectorAll('.pid')[2].innerText"), "(vous)");
    // The time is a recent one, and is shown as hours and minutes.
    let age =
        alice.value("Math.abs(Date.now() - Date.parse(document.querySelector('time').dateTime)) < 3600e3");
    assert_eq!(age, true);
    let shown = alice.value("/^\\d\\d:\\d\\d$/.test(document.querySelector('time').innerText) && document.querySelector('time').title.length > 20");
    assert_eq!(shown, true);
}

#[test]
fn two_senders_of_one_name_are_distinguished_by_their_processes() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let (mut first, mut second) = (room.server.join(), room.server.join());
    let numbers =
        "[...document.querySelectorAll('.pid')].map((pid) => pid.offsetParent === null ? '' : pid.innerText)";
    first.sends("bob : un\0");
    alice.has_messages(1);
    assert_eq!(alice.texts(numbers), [""]);
    second.sends("bob : deux\0");
    alice.has_messages(2);
    let pids = [&first, &second].map(|peer| format!("#{}", room.server.child_of(peer)));
    assert_eq!(alice.texts(numbers), pids);
}

#[test]
fn a_hidden_page_counts_new_messages_in_its_title() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    alice.is_hidden(true);
    peer.sends("bob : un\0");
    peer.sends("bob : deux\0");
    alice.waits_until("document.title === '(2) Messagerie'");
    alice.is_hidden(false);
    alice.waits_until("document.title === 'Messagerie'");
    alice.has_messages(2);
}

#[test]
fn an_own_message_is_heard_back_whatever_characters_are_in_it() {
    let Some(mut browser) = Browser::start() else { return };
    for options in [&["--web", "0"][..], &["--web", "0", "--distinct-names"]] {
        let _row = Row::of(&options);
        let room = Room::with(options);
        let mut alice = room.page(&mut browser, "alice");
        // A lone surrogate is no Unicode: only a script can make it.
        alice.value("put('un\\ud800deux')");
        alice.presses("Enter");
        alice.has_messages(1);
        // These end lines for other readers, and so here.
        alice.says("1\u{b}2\u{c}3\u{1c}4\u{1d}5");
        alice.has_messages(6);
        alice.says("6\u{1e}7\u{85}8\u{2028}9\u{2029}10");
        alice.has_messages(11);
        alice.says(&"\u{202e}".repeat(300));
        alice.has_messages(12);
        let others =
            ["\u{feff}bonjour", "\tx", "\u{a0}x", "a\u{1b}\u{1f}\u{200b}b", "\u{e0041}x", "^K ? <U+FEFF>"];
        for (text, count) in others.into_iter().zip(13..) {
            let _row = Row::of(&text);
            alice.says(text);
            alice.has_messages(count);
        }
        assert_eq!(alice.texts(TEXTS)[1..11], ["1", "2", "3", "4", "5", "6", "7", "8", "9", "10"]);
        // The page heard of each before it could take one for not relayed: the last is after all.
        alice.says("fin");
        alice.waits_until("askedAt === 0");
        assert_eq!(alice.value("pending.length"), 0, "{}", alice.text("at('pending').innerText"));
    }
}
