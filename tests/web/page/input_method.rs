//! Enter that ends a composition of an input method (Japanese, Chinese, Korean) sends nothing.

use super::*;

/// JavaScript: dispatches events to the focused element, each given by its name, and for a key its
/// name, its code and whether it belongs to a composition.
const DISPATCH: &str = "((events) => {
    for (const [type, key, keyCode, isComposing] of events) {
        const event = type.startsWith('key')
            ? new KeyboardEvent(type, { key, keyCode, isComposing, bubbles: true, cancelable: true })
            : new CompositionEvent(type, { bubbles: true });
        document.activeElement.dispatchEvent(event);
    }
})";

#[test]
fn enter_that_ends_a_composition_sends_nothing() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    for (i, (browser, events)) in [
        ("Chrome", "[['compositionstart'], ['keydown', 'Enter', 229, true], ['compositionend'], ['keyup', 'Enter', 13]]"),
        ("Firefox", "[['compositionstart'], ['keydown', 'Process', 229, true], ['compositionend'], ['keyup', 'Enter', 13]]"),
        ("Safari", "[['compositionstart'], ['compositionend'], ['keydown', 'Enter', 229], ['keyup', 'Enter', 13]]"),
        ("Safari, 13", "[['compositionstart'], ['compositionend'], ['keydown', 'Enter', 13], ['keyup', 'Enter', 13]]"),
        ("code alone", "[['keydown', 'Enter', 229], ['keyup', 'Enter', 13]]"),
    ]
    .iter()
    .enumerate()
    {
        let _row = Row::of(&browser);
        let text = format!("{browser} : 日本");
        alice.pastes(&text);
        alice.value(&format!("{DISPATCH}({events})"));
        assert_eq!(alice.text("document.querySelector('#text').value"), text, "{browser}");
        // The Enter after it sends: what was sent before would be shown before.
        alice.presses("Enter");
        alice.has_messages(i + 1);
        assert_eq!(alice.texts(TEXTS)[i..], [text]);
    }
}

#[test]
fn enter_sends_right_after_a_composition_that_a_key_has_ended() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.pastes("日本");
    let events =
        "[['compositionend'], ['keydown', 'Enter', 229], ['keyup', 'Enter', 13], ['keydown', 'Enter', 13]]";
    alice.value(&format!("{DISPATCH}({events})"));
    alice.has_messages(1);
}

#[test]
fn a_composition_of_the_browser_itself_is_not_sent_by_its_enter() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let composed = serde_json::json!({ "text": "にほん", "selectionStart": 3, "selectionEnd": 3 });
    alice.call("Input.imeSetComposition", composed);
    alice.presses("Enter");
    alice.pastes("日本");
    assert_eq!(alice.value(&format!("{TEXTS}.length")), 0);
    alice.presses("Enter");
    alice.has_messages(1);
}

#[test]
fn enter_that_ends_a_composition_does_not_take_the_pseudo() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut page = browser.opens(&room.url);
    page.waits_until("document.querySelector('#ask').open && document.activeElement.id === 'pseudo'");
    page.pastes("花子");
    page.value(&format!("{DISPATCH}([['compositionend'], ['keydown', 'Enter', 229]])"));
    let last = "document.activeElement.dispatchEvent(new KeyboardEvent('keydown', \
        { key: 'Enter', keyCode: 229, bubbles: true, cancelable: true }))";
    assert_eq!(page.value(last), false, "its default, to submit the form, is prevented");
    page.presses("Enter");
    page.waits_until("!document.querySelector('#ask').open");
    assert_eq!(page.text("document.querySelector('#my-name').innerText"), "花子");
}
