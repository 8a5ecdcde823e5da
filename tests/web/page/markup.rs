//! Names and messages are displayed as text, never as markup.

use super::*;

/// Markup with effects that the tests would notice.
const MARKUP: [&str; 5] = [
    "<img src=x onerror=window.ran=1>",
    "</script><script>window.ran=1</script>",
    "<style>*{display:none}</style><b>gras</b> &lt;&#60;",
    "<iframe srcdoc='<script>parent.ran=1</script>'></iframe>",
    "javascript:window.ran=1 ${window.ran=1} {{ran=1}}",
];

#[test]
fn markup_in_names_and_texts_is_shown_and_not_run() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    let elements = alice.value("document.querySelectorAll('img, iframe, script, style, b').length");
    for (i, markup) in MARKUP.iter().enumerate() {
        let _row = Row::of(&(&i, &markup));
        peer.sends(format!("{i}{markup} : {markup}\0"));
    }
    alice.has_messages(MARKUP.len());
    alice.takes_screenshot("hostile-markup");
    assert_eq!(alice.texts(TEXTS), MARKUP);
    let named: Vec<String> = MARKUP.iter().enumerate().map(|(i, markup)| format!("{i}{markup}")).collect();
    assert_eq!(alice.texts("[...document.querySelectorAll('.name')].map((name) => name.textContent)"), named);
    assert_eq!(alice.value("document.querySelectorAll('img, iframe, script, style, b').length"), elements);
    assert_eq!(alice.value("window.ran === undefined"), true);
    assert!(alice.logged().is_empty(), "{:?}", alice.logged());
}

#[test]
fn misleading_characters_are_made_visible() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    peer.sends("eve : \u{202e}tpircs\u{2066}\u{200b} \x1b[2J\x07\x7f\u{9b}\0");
    alice.has_messages(1);
    peer.sends("e\u{202e}v\x1be\t : a\tb\0");
    alice.has_messages(2);
    peer.sends("\u{5d0}\u{5d1} : \u{5e9}\u{5dc}\u{5d5}\u{5dd} abc\0");
    alice.has_messages(3);
    alice.takes_screenshot("hostile-characters");
    let texts = alice.texts("[...document.querySelectorAll('.text')].map((text) => text.textContent)");
    assert_eq!(texts[0], "<U+202E>tpircs<U+2066><U+200B> ^[[2J^G^?<U+009B>");
    assert_eq!(texts[1], "a\tb");
    assert_eq!(alice.text("document.querySelectorAll('.name')[1].textContent"), "e<U+202E>v^[e^I");
    // A text from right to left does not change the direction of its row.
    let direction = "getComputedStyle(document.querySelectorAll('.text')[2]).direction + getComputedStyle(document.querySelectorAll('.row')[2]).direction";
    assert_eq!(alice.text(direction), "rtlltr");
    assert_eq!(alice.text("getComputedStyle(document.querySelectorAll('.name')[2]).unicodeBidi"), "isolate");
}

#[test]
fn a_newline_does_not_forge_a_second_message() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    peer.sends("eve : bonjour\nprof : rendez vos copies\0");
    alice.has_messages(1);
    assert_eq!(alice.texts(TEXTS), ["bonjour\nprof : rendez vos copies"]);
    assert_eq!(alice.texts("[...document.querySelectorAll('.name')].map((name) => name.innerText)"), ["eve"]);
    assert_eq!(alice.value("document.querySelectorAll('.row').length"), 1);
}

#[test]
fn long_words_many_lines_and_long_names_do_not_break_the_page() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.looks((320, 640), "light");
    let mut peer = room.server.join();
    peer.sends(format!("eve : {}\0", "x".repeat(1017)));
    alice.has_messages(1);
    peer.sends(format!("{} : court\0", "n".repeat(255)));
    alice.has_messages(2);
    peer.sends(format!("eve : {}fin\0", "\n".repeat(900)));
    alice.has_messages(3);
    alice.takes_screenshot("hostile-lengths");
    assert_eq!(alice.value("document.querySelector('.text').textContent.length"), 1017);
    assert_eq!(alice.value(appearance::SCROLLS_SIDEWAYS), false);
    let higher = "[...document.querySelectorAll('.row')].some((row) => row.offsetHeight > innerHeight)";
    assert_eq!(alice.value(higher), false);
}
