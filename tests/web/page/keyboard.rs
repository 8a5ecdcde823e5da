//! The page without a mouse.

use super::*;

/// JavaScript: the ID of the focused element.
const FOCUS: &str = "document.activeElement.id";

impl Page {
    /// Presses a key, and expects the focus to move to `id` and to be visible.
    #[track_caller]
    fn moves_to(&mut self, id: &str, press: impl FnOnce(&mut Page)) {
        press(self);
        self.waits_until(&format!("{FOCUS} === '{id}'"));
        assert_eq!(
            self.text("getComputedStyle(document.activeElement).outlineStyle"),
            "solid",
            "the focus on {id} is visible"
        );
    }
}

#[test]
fn tab_reaches_everything_in_order_with_a_visible_focus() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    // Back to the start of the page, and from there to its end.
    let order = ["me", "theme", "log", "text", "send"];
    order.iter().rev().skip(2).for_each(|id| alice.moves_to(id, |page| page.presses_shift_and("Tab")));
    order.iter().skip(1).for_each(|id| alice.moves_to(id, |page| page.presses("Tab")));
}

#[test]
fn keys_alone_set_the_name_send_recall_and_change_the_theme() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = browser.opens(&room.url);
    alice.waits_until("document.querySelector('#ask').open && document.activeElement.id === 'pseudo'");
    alice.types("alice");
    alice.presses("Enter");
    alice.is_connected();
    alice.types("un");
    alice.presses("Enter");
    alice.types("deux");
    alice.moves_to("send", |page| page.presses("Tab"));
    alice.presses("Enter");
    alice.has_messages(2);
    assert_eq!(alice.texts(TEXTS), ["un", "deux"]);
    assert_eq!(alice.text(FOCUS), "text");
    alice.presses("ArrowUp");
    alice.presses("ArrowUp");
    assert_eq!(alice.text("document.querySelector('#text').value"), "un");
    alice.presses("ArrowDown");
    alice.presses("Enter");
    alice.has_messages(3);
    assert_eq!(alice.texts(TEXTS)[2], "deux");
    let before = alice.text("document.documentElement.dataset.theme");
    ["log", "theme"].iter().for_each(|id| alice.moves_to(id, |page| page.presses_shift_and("Tab")));
    alice.presses("Enter");
    let after = alice.text("document.documentElement.dataset.theme");
    assert_ne!(after, before);
    alice.goes_to(&room.url);
    assert_eq!(alice.text("document.documentElement.dataset.theme"), after, "the theme is remembered");
}

#[test]
fn page_keys_scroll_the_messages_and_new_ones_do_not_scroll_them() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    (0..100).for_each(|i| peer.sends(format!("bob : message {i}\0")));
    alice.has_messages(100);
    let is_at_end = "document.querySelector('#log').scrollHeight - document.querySelector('#log').scrollTop - document.querySelector('#log').clientHeight < 40";
    alice.waits_until(is_at_end);
    alice.presses("PageUp");
    alice.waits_until(&format!("!({is_at_end})"));
    let in_sight = "(() => { const { top, left } = document.querySelector('#log').getBoundingClientRect(); return document.elementFromPoint(left + 400, top + 60).closest('.row, #rows').innerText; })()";
    let reading = alice.value(in_sight);
    (0..3).for_each(|i| peer.sends(format!("bob : plus tard {i}\0")));
    alice.waits_until("document.querySelector('#below').innerText === '3 nouveaux messages ↓'");
    alice.takes_screenshot("reading-above");
    assert_eq!(alice.value(in_sight), reading);
    alice.presses("End");
    alice.waits_until(is_at_end);
    alice.waits_until("document.querySelector('#below').offsetParent === null");
    peer.sends("bob : et encore\0");
    alice.has_messages(104);
    alice.waits_until(is_at_end);
}
