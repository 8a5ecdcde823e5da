//! Own messages that are not heard back, and the text in the field, over a reload of the page.

use super::dead_path::{LOST, PENDING, through_a_path};
use super::path::Path;
use super::*;

use nix::sys::signal::Signal;

/// JavaScript: the text in the field.
const DRAFT: &str = "document.querySelector('#text').value";

/// JavaScript: true where the browser would ask before it leaves the page.
const ASKS: &str = "!dispatchEvent(new Event('beforeunload', { cancelable: true }))";

/// JavaScript: storage as a browser has it that was told to store nothing.
const DISABLED: &str = "for (const name of ['sessionStorage', 'localStorage', 'BroadcastChannel'])
    Object.defineProperty(window, name, { get() { throw new DOMException('', 'SecurityError'); } });";

/// JavaScript: storage that takes nothing.
const REFUSING: &str =
    "Storage.prototype.setItem = () => { throw new DOMException('', 'QuotaExceededError'); }";

/// JavaScript: storage with less room than a message and its key need.
const FULL: &str = "for (let n = 2 ** 23; n > 16; n /= 2)
    try { for (;;) sessionStorage.setItem(n + Math.random(), 'x'.repeat(n)); } catch { continue; }";

impl Page {
    /// Shows these own messages, and no other, as perhaps not arrived.
    #[track_caller]
    fn offers(&mut self, texts: &[&str]) {
        let rows: Vec<String> = texts.iter().map(|text| format!("{text} | {LOST}")).collect();
        self.waits_until(&format!("JSON.stringify({PENDING}) === '{}'", serde_json::json!(rows)));
    }

    /// Loads the page with this text in the storage of its tab.
    #[track_caller]
    fn finds_in_its_storage(&mut self, room: &Room, stored: &str) {
        let key = self.value("storeKey");
        // A path of the same origin, without the page.
        self.goes_to(&format!("{}nothing", room.url));
        self.value(&format!("sessionStorage.setItem({key}, {})", serde_json::json!(stored)));
        self.goes_to(&room.url);
        self.is_connected();
    }
}

/// A page that was loaded again with two lost messages, one just sent, and a draft; and bob.
#[track_caller]
fn with_three_kept(browser: &mut Browser) -> (Room, Path, Page, Peer) {
    let (room, path, mut alice) = through_a_path(browser);
    let mut bob = room.server.join();
    alice.says("arrivé");
    assert_eq!(bob.strings(1), ["alice : arrivé"]);
    alice.has_messages(1);
    alice.has_nothing_pending();
    path.goes_silent();
    alice.says("un\ndeux");
    alice.passes(30, 10);
    path.loses_the_old_ones();
    alice.is_connected();
    path.goes_silent();
    alice.says("trois");
    alice.pastes("pas encore\nenvoyé");
    path.lets_new_ones_through();
    alice.reloads();
    alice.offers(&["un", "deux", "trois"]);
    (room, path, alice, bob)
}

#[test]
fn own_messages_not_heard_back_and_the_draft_are_kept_over_a_reload() {
    let Some(mut browser) = Browser::start() else { return };
    let (_room, _path, mut alice, mut bob) = with_three_kept(&mut browser);
    alice.has_notice("D'avant le rechargement : 3 messages à renvoyer ou à oublier.");
    assert_eq!(alice.text(DRAFT), "pas encore\nenvoyé");
    alice.takes_screenshot("pending-after-a-reload");
    // Nothing is sent again by itself: the next message in the room is bob's.
    bob.sends("bob : rien entendu\0");
    assert_eq!(bob.strings(1), ["bob : rien entendu"]);
    alice.has_messages(1);
    alice.clicks_at_pending("Oublier");
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alice : deux"]);
    alice.has_messages(2);
    alice.reloads();
    alice.offers(&["trois"]);
    assert_eq!(alice.text(DRAFT), "pas encore\nenvoyé");
    alice.presses("Enter");
    assert_eq!(bob.strings(2), ["alice : pas encore", "alice : envoyé"]);
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alice : trois"]);
    alice.has_messages(3);
    alice.reloads();
    alice.has_nothing_pending();
    assert_eq!(alice.text(DRAFT), "");
    assert_eq!(alice.value(&format!("{NOTICES}.length")), 0);
}

#[test]
fn a_kept_message_that_arrives_after_the_reload_is_no_longer_offered() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    path.goes_silent();
    alice.says("en retard");
    path.lets_new_ones_through();
    alice.reloads();
    alice.offers(&["en retard"]);
    path.resumes();
    assert_eq!(bob.strings(1), ["alice : en retard"]);
    alice.has_messages(1);
    alice.has_nothing_pending();
}

#[test]
fn a_duplicated_tab_does_not_offer_the_messages_of_the_first() {
    let Some(mut browser) = Browser::start() else { return };
    let (_room, path, mut alice) = through_a_path(&mut browser);
    path.goes_silent();
    alice.says("à moi");
    path.loses_the_old_ones();
    alice.is_connected();
    alice.pastes("brouillon");
    alice.offers(&["à moi"]);
    alice.waits_until("Object.values(sessionStorage).some((kept) => kept.includes('brouillon'))");
    let mut copy = browser.duplicates(&mut alice);
    copy.has_notice("Cet onglet est la copie d'un autre");
    copy.has_nothing_pending();
    assert_eq!(copy.text(DRAFT), "brouillon", "the storage was copied");
    alice.offers(&["à moi"]);
    copy.reloads();
    copy.has_nothing_pending();
    assert_eq!(copy.value(&format!("{NOTICES}.length")), 0);
    alice.reloads();
    alice.offers(&["à moi"]);
}

#[test]
fn a_page_from_the_browsers_cache_takes_what_a_later_page_of_its_tab_has_kept() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.pastes("avant");
    // A later page has sent it.
    alice.value(
        "sessionStorage.clear(), dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true }))",
    );
    assert_eq!(alice.text(DRAFT), "");
}

#[test]
fn whatever_is_in_the_storage_the_page_works() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    for (count, stored) in [
        "",
        "{",
        "null",
        "1",
        "[]",
        r#""text""#,
        r#"{"draft":1,"messages":1}"#,
        r#"{"draft":{},"messages":{"length":1}}"#,
        r#"{"messages":[null,1,"a",[],{},{"id":1,"text":1,"name":"a"}]}"#,
        r#"{"messages":[{"id":1,"text":"a","name":{}},{"id":"1","text":"a","name":"a"}]}"#,
    ]
    .into_iter()
    .enumerate()
    {
        let _row = Row::of(&stored);
        alice.finds_in_its_storage(&room, stored);
        alice.has_nothing_pending();
        assert_eq!(alice.text(DRAFT), "");
        alice.says(&count.to_string());
        alice.has_messages(1);
    }
    let markup = "<img src=x onerror=window.ran=1>";
    let message = serde_json::json!({ "id": 1, "text": markup, "name": "", "fate": "constructor", "row": 1 });
    let stored = serde_json::json!({ "draft": markup, "messages": [message] }).to_string();
    alice.finds_in_its_storage(&room, &stored);
    alice.offers(&[markup]);
    assert_eq!(alice.text(DRAFT), markup);
    assert_eq!(alice.value("document.querySelector('img') === null && window.ran === undefined"), true);
    let thrown = alice.events("Runtime.exceptionThrown");
    assert!(thrown.is_empty(), "{thrown:?}");
}

#[test]
fn where_nothing_can_be_kept_the_page_works_and_the_browser_asks_before_it_is_left() {
    let Some(mut browser) = Browser::start() else { return };
    for (is_enabled, source) in [(false, DISABLED), (true, REFUSING), (true, FULL)] {
        let _row = Row::of(&source);
        let room = Room::open();
        let mut alice = browser.opens(&format!("{}nothing", room.url));
        alice.call("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": source }));
        alice.goes_to(&room.url);
        alice.is_named("alice");
        alice.says("arrivé");
        alice.has_messages(1);
        alice.has_nothing_pending();
        assert_eq!(alice.value(ASKS), false, "nothing would be lost");
        room.server.program.signal(Signal::SIGSTOP);
        alice.says("perdu");
        assert_eq!(alice.value(ASKS), true);
        room.server.program.signal(Signal::SIGKILL);
        alice.offers(&["perdu"]);
        assert_eq!(alice.value(ASKS), true);
        alice.clicks_at_pending("Oublier");
        assert_eq!(alice.value(ASKS), false);
        alice.pastes("brouillon");
        assert_eq!(alice.value(ASKS), true);
        if is_enabled {
            alice.reloads_and_stays();
            assert_eq!(alice.text(DRAFT), "brouillon");
        }
        let thrown = alice.events("Runtime.exceptionThrown");
        assert!(thrown.is_empty(), "{thrown:?}");
    }
}

#[test]
fn a_text_too_long_to_keep_is_asked_about_and_takes_no_storage() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.value("put('x'.repeat(900_000))");
    assert_eq!(alice.value(ASKS), false);
    alice.value("put('x'.repeat(1_000_000))");
    assert_eq!(alice.value(ASKS), true);
    assert_eq!(alice.value("sessionStorage.getItem(storeKey)"), serde_json::Value::Null);
}
