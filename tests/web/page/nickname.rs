//! The pseudo of a page.

use super::*;

#[test]
fn the_page_asks_for_the_pseudo_first_and_remembers_it() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = browser.opens(&room.url);
    alice.waits_until("document.querySelector('#ask').open && document.activeElement.id === 'pseudo'");
    alice.takes_screenshot("pseudo");
    alice.types("alice");
    alice.presses("Enter");
    alice.is_connected();
    alice.takes_screenshot("empty");
    alice.goes_to(&room.url);
    alice.is_connected();
    assert_eq!(alice.value("document.querySelector('#ask').open"), false);
    alice.says("me revoilà");
    alice.has_messages(1);
    assert_eq!(alice.text("document.querySelector('.name').innerText"), "alice");
    // Another tab of the same user.
    let mut other_tab = browser.opens_another_tab(&alice, &room.url);
    assert_eq!(other_tab.text("document.querySelector('#my-name').innerText"), "alice");
}

#[test]
fn a_pseudo_can_be_changed_and_each_tab_keeps_its_own() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut bob = browser.opens_another_tab(&alice, &room.url);
    bob.value("document.querySelector('#me').click()");
    bob.is_named("bob");
    alice.goes_to(&room.url);
    alice.is_connected();
    alice.says("je suis alice");
    bob.has_messages(1);
    bob.says("et moi bob");
    bob.has_messages(2);
    let names = bob.texts("[...document.querySelectorAll('.name')].map((name) => name.innerText)");
    assert_eq!(names, ["alice", "bob"]);
}

#[test]
fn a_pseudo_that_chat_client_refuses_is_refused_with_the_reason() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut page = browser.opens(&room.url);
    for (pseudo, reason) in [
        (" \u{200d}", "vide"),
        ("a:b", "« : »"),
        ("a > b", "« > »"),
        ("a >", "« > »"),
        ("a\u{202e}b", "contrôle"),
        (&"é".repeat(128), "255 octets (ici 256)"),
    ] {
        let _row = Row::of(&(&pseudo, &reason));
        page.waits_until("document.querySelector('#ask').open");
        page.pastes(pseudo);
        page.presses("Enter");
        page.waits_until(&format!(
            "document.querySelector('#pseudo-wrong[role=alert]').innerText.includes('{reason}')"
        ));
        assert_eq!(page.value("document.querySelector('#ask').open"), true, "{pseudo:?}");
    }
    // The longest pseudo is accepted, and the refused one does not stay in the field.
    page.is_named(&"n".repeat(255));
    page.says(&"x".repeat(800));
    page.has_messages(2);
    let texts = page.texts(TEXTS);
    assert_eq!(texts.iter().map(String::len).collect::<Vec<_>>(), [1023 - 258, 800 - (1023 - 258)]);
}

#[test]
fn a_page_without_a_pseudo_shows_messages_and_asks_for_one_before_it_sends() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut page = browser.opens(&room.url);
    page.waits_until("document.querySelector('#ask').open");
    page.presses("Escape");
    page.waits_until("!document.querySelector('#ask').open");
    page.is_connected();
    room.server.join().sends("bob : salut\0");
    page.has_messages(1);
    page.says("bonjour");
    page.is_named("carole");
    assert_eq!(page.text("document.querySelector('#text').value"), "bonjour");
    page.presses("Enter");
    page.has_messages(2);
}
