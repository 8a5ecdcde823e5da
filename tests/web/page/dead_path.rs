//! A path that drops everything without a word: the page notices, keeps own messages, comes back.

use super::path::Path;
use super::*;

/// Makes the page's clock of liveness the test's: its checks, every 10 s, run in [`passes`] alone,
/// and so do all later timers once `isThrottled` is set.
const CLOCK: &str = "window.ahead = 0; window.checks = new Map();
    const now = performance.now.bind(performance), [every, never] = [setInterval, clearInterval];
    performance.now = () => now() + ahead * 1000;
    window.setInterval = (check, time) => {
        if (time !== 10000 && !window.isThrottled) return every(check, time);
        const id = -1 - checks.size;
        checks.set(id, check);
        return id;
    };
    window.clearInterval = (id) => checks.has(id) ? checks.set(id, () => {}) : never(id);
    window.passes = (seconds, step) => {
        for (let passed = 0; passed < seconds; passed += step) { ahead += step; checks.forEach((check) => check()); }
    };";

/// JavaScript: the texts of the own messages that are not heard back, each with its state.
pub(super) const PENDING: &str = "[...document.querySelectorAll('#pending li:not([hidden])')].map((row) => \
    [...row.children].slice(0, 2).map((part) => part.textContent).join(' | '))";

pub(super) const SENT: &str = "envoyé, pas encore relayé";
pub(super) const LOST: &str = "peut-être pas arrivé";

/// A room, a path to its page, and the page of alice, connected through it.
#[track_caller]
pub(super) fn through_a_path(browser: &mut Browser) -> (Room, Path, Page) {
    let room = Room::open();
    let path = Path::to(room.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap());
    let mut alice = browser.opens(&format!("{}nothing", path.url()));
    alice.call("Page.addScriptToEvaluateOnNewDocument", serde_json::json!({ "source": CLOCK }));
    alice.goes_to(&path.url());
    alice.is_named("alice");
    (room, path, alice)
}

impl Page {
    /// Lets this many seconds pass for the page; its timers run every `step` seconds.
    #[track_caller]
    pub(super) fn passes(&mut self, seconds: u32, step: u32) {
        self.value(&format!("passes({seconds}, {step})"));
    }

    #[track_caller]
    pub(super) fn is_lost(&mut self) {
        assert_eq!(self.text("document.body.dataset.state"), "lost");
    }

    /// Clicks the button with this label of the first own message that has one.
    #[track_caller]
    pub(super) fn clicks_at_pending(&mut self, label: &str) {
        let button = format!(
            "[...document.querySelectorAll('#pending button')].find((button) => !button.hidden && !button.disabled \
             && button.parentElement.checkVisibility() && button.textContent === '{label}')"
        );
        self.waits_until(&format!("{button} !== undefined"));
        self.value(&format!("{button}.click()"));
    }

    /// Waits until no own message is shown as not heard back.
    #[track_caller]
    pub(super) fn has_nothing_pending(&mut self) {
        self.waits_until("document.querySelector('#pending').hidden && pending.length === 0");
    }
}

#[test]
fn a_silent_room_is_probed_and_nobody_hears_of_it() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, _path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    for _ in 0..10 {
        alice.passes(30, 10);
        alice.waits_until("askedAt === 0 && performance.now() - heardAt < 30000");
    }
    assert_eq!(alice.text("document.body.dataset.state"), "open");
    assert_eq!(alice.value("Boolean(askedAt)"), false);
    alice.says("encore là");
    assert_eq!(bob.strings(1), ["alice : encore là"]);
    alice.has_messages(1);
    alice.has_nothing_pending();
}

#[test]
fn a_dead_path_is_noticed_within_two_minutes_and_the_page_comes_back() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    path.goes_silent();
    alice.passes(60, 10);
    alice.is_lost();
    alice.has_notice("Connexion perdue : aucune réponse depuis");
    alice.takes_screenshot("dead-path");
    path.loses_the_old_ones();
    alice.is_connected();
    alice.has_notice("Reconnecté");
    room.server.join().sends("bob : te revoilà\0");
    alice.has_messages(1);
}

#[test]
fn a_hidden_page_notices_a_dead_path_within_two_minutes_and_comes_back() {
    let Some(mut browser) = Browser::start() else { return };
    let (_room, path, mut alice) = through_a_path(&mut browser);
    alice.is_hidden(true);
    // Its timers run once a minute, the first one this many seconds after the last message.
    for phase in [1, 20, 29, 30, 31, 59, 60] {
        let _row = Row::of(&phase);
        alice.waits_until("document.body.dataset.state === 'open' && askedAt === 0");
        path.goes_silent();
        // The longest pauses before the next attempts.
        alice.value("attempts = 4, window.isThrottled = true");
        alice.passes(phase, phase);
        alice.passes(60, 60);
        alice.is_lost();
        path.loses_the_old_ones();
        alice.passes(60, 60);
    }
    alice.is_connected();
}

#[test]
fn a_dead_path_is_noticed_while_others_still_come_through() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, _path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    // The way to the server is dead, the way back is not.
    alice.value("void (socket.send = () => {})");
    alice.says("pour personne");
    for i in 1..=4 {
        alice.passes(10, 10);
        bob.sends(format!("bob : {i}\0"));
        alice.has_messages(i);
    }
    alice.passes(10, 10);
    alice.is_lost();
    alice.waits_until(&format!("{PENDING}.join() === 'pour personne | {LOST}'"));
}

#[test]
fn a_machine_that_was_suspended_waits_again_before_it_gives_up() {
    let Some(mut browser) = Browser::start() else { return };
    let (_room, path, mut alice) = through_a_path(&mut browser);
    path.goes_silent();
    alice.passes(30, 10);
    alice.waits_until("askedAt > 0");
    // An hour of sleep; the answer waits in the socket.
    alice.passes(3600, 3600);
    assert_eq!(alice.text("document.body.dataset.state"), "open");
    path.resumes();
    alice.waits_until("askedAt === 0");
}

#[test]
fn an_answer_that_waited_while_the_machine_was_suspended_says_nothing_of_later_messages() {
    let Some(mut browser) = Browser::start() else { return };
    let (_room, path, mut alice) = through_a_path(&mut browser);
    path.goes_silent();
    // The probe goes out between the two.
    alice.says("un");
    alice.says("deux");
    alice.passes(3600, 3600);
    alice.value("socket.onmessage({ data: '{\"alive\":true}' })");
    alice.waits_until(&format!("{PENDING}.join() === 'un | pas relayé par le serveur,deux | {SENT}'"));
}

#[test]
fn an_own_message_on_a_dead_path_is_kept_and_sent_again_on_request_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    alice.says("arrivé");
    assert_eq!(bob.strings(1), ["alice : arrivé"]);
    alice.has_messages(1);
    path.goes_silent();
    for text in ["un", "deux", "trois"] {
        alice.says(text);
    }
    let shown = |state: &str| ["un", "deux", "trois"].map(|text| format!("{text} | {state}"));
    alice.waits_until(&format!("{PENDING}.length === 3"));
    assert_eq!(alice.texts(PENDING), shown(SENT));
    assert_eq!(alice.texts(TEXTS), ["arrivé"], "an own message is no message of the room yet");
    alice.takes_screenshot("pending-sent");
    alice.passes(30, 10);
    alice.is_lost();
    assert_eq!(alice.texts(PENDING), shown(LOST));
    path.loses_the_old_ones();
    alice.is_connected();
    // Nothing is sent again by itself: the next message in the room is bob's.
    bob.sends("bob : rien entendu\0");
    assert_eq!(bob.strings(1), ["bob : rien entendu"]);
    alice.has_messages(2);
    assert_eq!(alice.texts(PENDING), shown(LOST));
    alice.takes_screenshot("pending-lost");
    alice.clicks_at_pending("Oublier");
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alice : deux"]);
    alice.waits_until(&format!("{PENDING}.join() === 'trois | {LOST}'"));
    alice.says("trois");
    assert_eq!(bob.strings(1), ["alice : trois"]);
    alice.has_nothing_pending();
    alice.has_messages(4);
    assert_eq!(alice.texts(TEXTS), ["arrivé", "rien entendu", "deux", "trois"]);
}

#[test]
fn all_lost_messages_are_sent_again_in_their_order() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    path.goes_silent();
    alice.says("un\ndeux\ntrois");
    alice.passes(30, 10);
    path.loses_the_old_ones();
    alice.is_connected();
    alice.looks((320, 640), "dark");
    alice.takes_screenshot("pending-on-a-phone");
    assert_eq!(alice.value(appearance::SCROLLS_SIDEWAYS), false);
    alice.clicks_at_pending("Tout renvoyer");
    assert_eq!(bob.strings(3), ["alice : un", "alice : deux", "alice : trois"]);
    alice.has_messages(3);
    alice.has_nothing_pending();
}

#[test]
fn a_double_click_meets_one_lost_message_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    path.goes_silent();
    alice.says("un\ndeux\ntrois\nquatre");
    path.loses_the_old_ones();
    alice.is_connected();
    for (label, left) in [("Oublier", "deux,trois,quatre"), ("Renvoyer", "trois,quatre")] {
        let _row = Row::of(&label);
        let button = format!(
            "[...document.querySelectorAll('#pending li button')].find(({{ textContent }}) => textContent === '{label}')"
        );
        alice.waits_until(&format!("{button}.checkVisibility() && !{button}.disabled"));
        let center = "({ x, y, width, height }) => ({ x: x + width / 2, y: y + height / 2 })";
        let mut event = alice.value(&format!("({center})({button}.getBoundingClientRect())"));
        event["button"] = "left".into();
        for (kind, count) in
            [("mousePressed", 1), ("mouseReleased", 1), ("mousePressed", 2), ("mouseReleased", 2)]
        {
            (event["type"], event["clickCount"]) = (kind.into(), count.into());
            alice.call("Input.dispatchMouseEvent", event.clone());
        }
        alice.waits_until(&format!("pending.map(({{ text }}) => text).join() === '{left}'"));
    }
    // Nor does a script send a message twice.
    let first = "pendingRows.querySelector('button')";
    alice.value(&format!("((button) => {{ button.click(); button.click(); }})({first})"));
    alice.says("fin");
    assert_eq!(bob.strings(3), ["alice : deux", "alice : trois", "alice : fin"]);
}

#[test]
fn a_message_that_arrives_after_the_loss_is_no_longer_offered() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    path.goes_silent();
    alice.says("en retard");
    alice.passes(30, 10);
    path.lets_new_ones_through();
    alice.is_connected();
    alice.waits_until(&format!("{PENDING}.join() === 'en retard | {LOST}'"));
    // The old connection delivers it to its child, which is still there.
    path.resumes();
    assert_eq!(bob.strings(1), ["alice : en retard"]);
    alice.has_messages(1);
    alice.has_nothing_pending();
}

#[test]
fn a_message_that_the_server_does_not_relay_is_offered_again() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&["--web", "0", "--distinct-names"]);
    let mut bob = room.server.join();
    bob.sends("alice : moi d'abord\0");
    assert_eq!(bob.strings(1), ["alice : moi d'abord"]);
    let mut alice = room.page(&mut browser, "alice");
    alice.says("moi aussi");
    alice.waits_until(&format!("{PENDING}.join() === 'moi aussi | pas relayé par le serveur'"));
    alice.takes_screenshot("pending-refused");
    alice.value("document.querySelector('#me').click()");
    alice.is_named("alicia");
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alicia : moi aussi"]);
    alice.has_nothing_pending();
}

#[test]
fn each_of_several_lost_messages_with_one_text_is_sent_again_alone() {
    let Some(mut browser) = Browser::start() else { return };
    let (room, path, mut alice) = through_a_path(&mut browser);
    let mut bob = room.server.join();
    path.goes_silent();
    alice.says("oui\noui\noui");
    path.loses_the_old_ones();
    alice.is_connected();
    let left =
        |count: usize| format!("{PENDING}.join() === '{}'", vec![format!("oui | {LOST}"); count].join(","));
    alice.waits_until(&left(3));
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alice : oui"]);
    alice.waits_until(&left(2));
    alice.says("oui");
    assert_eq!(bob.strings(1), ["alice : oui"]);
    alice.waits_until(&left(1));
    alice.clicks_at_pending("Renvoyer");
    assert_eq!(bob.strings(1), ["alice : oui"]);
    alice.has_nothing_pending();
}
