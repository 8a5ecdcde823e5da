//! Ten thousand messages.

use super::*;

/// A server that waits for a browser that a busy machine stops.
const PATIENT: [&str; 4] = ["--web", "0", "--lag-limit", "1000000000"];

const COUNT: &str = "document.querySelector('#count').innerText.replace(/\\D/g, '')";
const ROWS: &str = "document.querySelectorAll('.row').length";

/// Waits until a number in the page is `most`. A busy machine may take long, as long as it grows.
#[track_caller]
fn grows_to(page: &mut Page, number: &str, most: usize) {
    for least in (1..=10).map(|tenth| most * tenth / 10) {
        page.waits_until(&format!("{number} >= {least}"));
    }
}

#[test]
fn after_ten_thousand_messages_the_page_responds_counts_all_and_keeps_no_more() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&PATIENT);
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    let flood: String = (0..10_000).map(|i| format!("bob : message {i}\0")).collect();
    peer.sends(&flood);
    grows_to(&mut alice, COUNT, 10_000);
    grows_to(&mut alice, ROWS, 10_000);
    assert_eq!(alice.text(&format!("{TEXTS}.at(-1)")), "message 9999");
    // 500 more: the oldest are dropped, and their number is shown.
    peer.sends((0..500).map(|i| format!("bob : encore {i}\0")).collect::<String>());
    grows_to(&mut alice, COUNT, 10_500);
    alice.waits_until("document.querySelector('#older').innerText.replace(/\\D/g, '') === '500'");
    assert_eq!(alice.value(ROWS), 10_000);
    assert_eq!(alice.text("document.querySelector('.text').textContent"), "message 500");
    alice.says("je suis là");
    alice.waits_until(&format!("{TEXTS}.at(-1) === 'je suis là'"));
    alice.takes_screenshot("flood");
}

#[test]
fn a_screen_reader_gets_a_summary_of_a_flood() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    peer.sends("bob : seul\0");
    alice.has_messages(1);
    assert_eq!(alice.text("document.querySelector('#log').ariaLive"), "polite");
    // Records every change: the page may be calm again before the test looks.
    alice.value("window.seen = []; new MutationObserver(() => seen.push(document.querySelector('#log').ariaLive)).observe(document.querySelector('#log'), { attributeFilter: ['aria-live'] }); 0");
    peer.sends((0..1000).map(|i| format!("bob : {i}\0")).collect::<String>());
    alice.waits_until("seen.join() === 'off,polite'");
    alice.waits_until("document.querySelector('#spoken[role=status]').innerText.includes('entre-temps')");
    alice.has_messages(1001);
}

#[test]
fn a_hidden_page_keeps_no_more_than_it_would_show() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&PATIENT);
    let mut alice = room.page(&mut browser, "alice");
    alice.is_hidden(true);
    let mut peer = room.server.join();
    peer.sends((0..25_000).map(|i| format!("bob : {i}\0")).collect::<String>());
    grows_to(&mut alice, "document.title.replace(/\\D/g, '')", 25_000);
    assert_eq!(alice.value(ROWS), 0, "a hidden page draws nothing");
    assert_eq!(alice.value("waiting.length < 20000"), true, "not all is kept");
    alice.is_hidden(false);
    grows_to(&mut alice, ROWS, 10_000);
    alice.waits_until("document.querySelector('#older').innerText.replace(/\\D/g, '') === '15000'");
    assert_eq!(alice.text("document.querySelector('.text').textContent"), "15000");
    assert_eq!(alice.value(ROWS), 10_000);
}
