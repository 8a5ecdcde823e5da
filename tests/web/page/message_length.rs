//! The length limit of a message, and longer texts.

use super::*;

#[test]
fn a_long_text_is_sent_in_several_messages_and_the_page_announces_that() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let mut peer = room.server.join();
    // The pseudo takes 8 bytes. The limit counts bytes, not letters.
    alice.pastes(&"é".repeat(500));
    alice.waits_until("document.querySelector('#hint').innerText === 'Encore 15 octets dans ce message.'");
    alice.pastes(&"é".repeat(8));
    alice.waits_until("document.querySelector('#hint').innerText === 'Partira en 2 messages.'");
    alice.presses("Enter");
    alice.has_messages(2);
    assert_eq!(peer.strings(2), [format!("alice : {}", "é".repeat(507)), "alice : é".to_string()]);
    // Split between words, where there are some.
    let words = "mot ".repeat(300);
    alice.says(&words);
    alice.has_messages(4);
    let heard: Vec<String> =
        peer.strings(2).iter().map(|message| message["alice : ".len()..].to_string()).collect();
    assert!(heard.iter().all(|text| text.split(' ').all(|word| word == "mot")), "{heard:?}");
    assert_eq!(heard.join(" "), words.trim());
}

#[test]
fn each_line_is_a_message_and_more_than_five_are_sent_only_after_a_confirmation() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.says("un\n\ndeux\ntrois");
    alice.has_messages(3);
    let many: Vec<String> = (0..12).map(|i| format!("ligne {i}")).collect();
    alice.says(&many.join("\n"));
    alice.waits_until("document.querySelector('#many').open");
    assert_eq!(alice.text("document.querySelector('#many-title').innerText"), "Envoyer 12 messages ?");
    alice.takes_screenshot("many");
    // Escape cancels, and the text stays.
    alice.presses("Escape");
    alice.waits_until("!document.querySelector('#many').open && document.activeElement.id === 'text'");
    assert_eq!(alice.text("document.querySelector('#text').value"), many.join("\n"));
    alice.presses("Enter");
    alice.waits_until("document.querySelector('#many').open");
    alice.waits_until("document.activeElement.innerText === 'Envoyer'");
    alice.presses("Enter");
    alice.has_messages(15);
    assert_eq!(alice.texts(TEXTS)[..3], ["un", "deux", "trois"]);
    assert_eq!(alice.texts(TEXTS)[3..], many);
}
