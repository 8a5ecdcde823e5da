//! The connection: its state is shown, and it is re-established.

use super::*;

use nix::sys::signal::Signal;

#[test]
fn a_killed_server_is_reported_and_found_again_when_it_is_back() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.says("avant");
    alice.has_messages(1);
    let port = room.port();
    room.server.program.signal(Signal::SIGKILL);
    alice.waits_until("document.querySelector('#state[role=status]').innerText === 'Connexion perdue'");
    alice.has_notice("Connexion perdue");
    alice.waits_until("/Nouvel essai/.test(document.querySelector('#lost').innerText)");
    alice.pastes("écrit sans serveur");
    alice.waits_until("document.querySelector('#send').disabled && document.querySelector('#hint').innerText.startsWith('Envoi impossible')");
    alice.presses("Enter");
    drop(room);
    let room = Room::at(&port);
    alice.is_connected();
    alice.has_notice("Reconnecté");
    assert_eq!(alice.text("document.querySelector('#state').innerText"), "Connecté");
    assert_eq!(alice.text("document.querySelector('#text').value"), "écrit sans serveur");
    alice.presses("Enter");
    alice.has_messages(2);
    assert_eq!(alice.texts(TEXTS), ["avant", "écrit sans serveur"]);
    // The page is in the room as before.
    room.server.join().sends("bob : content de te revoir\0");
    alice.has_messages(3);
}

#[test]
fn the_user_can_reconnect_before_the_next_attempt() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    let port = room.port();
    drop(room);
    // Pauses between attempts become longer.
    alice.waits_until("/dans [5-9] s|dans 10 s/.test(document.querySelector('#why').innerText)");
    let _room = Room::at(&port);
    alice.value("document.querySelector('#now').focus()");
    alice.presses("Enter");
    alice.is_connected();
    assert_eq!(alice.text("document.activeElement.id"), "text");
}

#[test]
fn a_message_that_may_be_lost_is_reported() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = room.page(&mut browser, "alice");
    alice.says("arrivé");
    alice.has_messages(1);
    // A stopped server relays nothing.
    room.server.program.signal(Signal::SIGSTOP);
    alice.says("perdu");
    assert_eq!(alice.text("document.querySelector('#text').value"), "");
    room.server.program.signal(Signal::SIGKILL);
    alice.has_notice("Peut-être pas arrivé : « perdu »");
    assert_eq!(alice.value(&format!("{NOTICES}.some((notice) => notice.includes('« arrivé »'))")), false);
}

#[test]
fn a_page_disconnected_by_the_server_shows_why_and_reconnects_only_on_request() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&["--web", "0", "--idle-timeout", "1"]);
    // `Room::page` also waits for the connection, which may have ended before a busy machine looks.
    let mut alice = browser.opens(&room.url);
    alice.waits_until("document.querySelector('#ask').open");
    alice.pastes("alice");
    alice.presses("Enter");
    alice.waits_until("document.body.dataset.state === 'sent-away'");
    alice.has_notice("Le serveur : vous n'avez rien dit depuis 1 s");
    alice.has_notice("Connexion perdue.");
    assert_eq!(
        alice.value(&format!("{NOTICES}.some((notice) => notice.includes('se reconnecte seule'))")),
        false
    );
    assert_eq!(
        alice.text("document.querySelector('#why').innerText"),
        "Le serveur a mis fin à la connexion."
    );
    alice.value("document.querySelector('#now').click()");
    alice.has_notice("Reconnecté");
}

#[test]
fn notices_for_one_page_are_shown_and_read_out() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&["--web", "0", "--distinct-names"]);
    let mut alice = room.page(&mut browser, "alice");
    alice.says("je suis la première");
    alice.has_messages(1);
    let mut other = room.page(&mut browser, "alice");
    other.says("moi aussi");
    other.has_notice("message non transmis : le pseudo « alice » est déjà pris");
    assert_eq!(other.value("document.querySelector('.row.notice').getAttribute('role')"), "status");
    // The message can be sent again, under another name.
    other.value("document.querySelector('#me').click()");
    other.is_named("alicia");
    other.presses("ArrowUp");
    other.presses("Enter");
    alice.has_messages(2);
    assert_eq!(alice.texts(TEXTS), ["je suis la première", "moi aussi"]);
    assert_eq!(alice.value(&format!("{NOTICES}.length")), 0);
}

#[test]
fn a_refused_page_shows_why_and_joins_once_there_is_a_place() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::with(&["--web", "0", "--max-per-address", "1"]);
    let mut alice = browser.opens(&format!("{}nothing", room.url));
    // The page loads, but at first its WebSocket has a wrong path.
    alice.call(
        "Page.addScriptToEvaluateOnNewDocument",
        serde_json::json!({ "source": "window.way = '/nowhere';
            window.WebSocket = class extends WebSocket { constructor(url) { super(url.replace('/room', way)); } }" }),
    );
    alice.goes_to(&room.url);
    alice.waits_until("document.querySelector('#state[role=status]').innerText === 'Pas encore connecté'");
    let bob = room.server.join();
    alice.value("way = '/room'");
    alice.waits_until("document.querySelector('#why').innerText.startsWith('Le serveur : chat_serveur : votre adresse a déjà toutes ses places (1 client au plus)')");
    assert_eq!(alice.text("document.querySelector('#state').innerText"), "Pas encore connecté");
    alice.takes_screenshot("refused");
    drop(bob);
    alice.is_connected();
    // No message is reported as lost.
    assert_eq!(alice.value(&format!("{NOTICES}.length")), 0);
}
