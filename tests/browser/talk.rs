//! Pages and a C client in one room.

use super::*;

#[test]
fn two_pages_and_a_c_client_talk_and_all_see_one_order() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let (mut alice, mut bob) = (room.page(&mut browser, "alice"), room.page(&mut browser, "bob"));
    let mut carole = c_client(&room.server, "carole", "course");
    // Nobody waits for another, so that the order is the server's.
    for i in 0..20 {
        alice.says(&format!("a{i}"));
        carole.types(format!("c{i}\n"));
        bob.says(&format!("b{i}"));
    }
    alice.has_messages(60);
    bob.has_messages(60);
    let heard = alice.texts(TEXTS);
    assert_eq!(bob.texts(TEXTS), heard);
    for who in ["a", "b", "c"] {
        let own: Vec<String> = heard.iter().filter(|text| text.starts_with(who)).cloned().collect();
        let said: Vec<String> = (0..20).map(|i| format!("{who}{i}")).collect();
        assert_eq!(own, said);
    }
    let screen = carole.out.wait_for("60 messages at the C client", |bytes| {
        let screen = String::from_utf8_lossy(bytes).into_owned();
        let seen: Vec<String> = screen
            .lines()
            .filter_map(|line| line.split_once(" : "))
            .map(|(_, text)| text.to_string())
            .collect();
        (seen.len() >= 60).then_some(seen)
    });
    assert_eq!(screen, heard);
}

#[test]
fn a_message_bears_its_name_its_time_and_a_mark_when_it_is_ones_own() {
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
    // The time is this minute, or the one before, in the place where the page is.
    let age =
        alice.value("Math.abs(Date.now() - Date.parse(document.querySelector('time').dateTime)) < 3600e3");
    assert_eq!(age, true);
    let shown = alice.value("/^\\d\\d:\\d\\d$/.test(document.querySelector('time').innerText) && document.querySelector('time').title.length > 20");
    assert_eq!(shown, true);
}

#[test]
fn two_speakers_of_one_name_are_told_apart_by_their_processes() {
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
fn a_page_that_nobody_looks_at_counts_in_its_title() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    let hides = |hidden: bool| {
        format!(
            "Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }}), document.dispatchEvent(new Event('visibilitychange'))"
        )
    };
    alice.value(&hides(true));
    peer.sends("bob : un\0");
    peer.sends("bob : deux\0");
    alice.waits_until("document.title === '(2) Messagerie'");
    alice.value(&hides(false));
    alice.waits_until("document.title === 'Messagerie'");
    alice.has_messages(2);
}
