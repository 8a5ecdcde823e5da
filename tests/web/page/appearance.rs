//! Appearance, accessibility, and the requests that the page makes.

use super::*;

/// JavaScript: true when something in the page is wider than its window.
pub const SCROLLS_SIDEWAYS: &str = "[document.documentElement, document.body, ...document.querySelectorAll('#log, header, footer, .row, .text')].some((element) => element.scrollWidth > element.clientWidth)";

/// JavaScript: the least contrast of any visible text with its background, 1 to 21 as in WCAG 2,
/// and its element. A canvas converts the colours to sRGB, for CSS may give them in other spaces.
const LEAST_CONTRAST: &str = "(() => {
    const canvas = new OffscreenCanvas(1, 1).getContext('2d', { willReadFrequently: true });
    const drawn = (...colours) => {
        for (const colour of colours) { canvas.fillStyle = colour; canvas.fillRect(0, 0, 1, 1); }
        return [...canvas.getImageData(0, 0, 1, 1).data].slice(0, 3);
    };
    const light = (parts) => {
        const [r, g, b] = parts.map((part) => part / 255).map((part) => part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4);
        return 0.2126 * r + 0.7152 * g + 0.0722 * b;
    };
    const grounds = (element) => element === null ? [] : [...grounds(element.parentElement), getComputedStyle(element).backgroundColor];
    const contrast = (element) => {
        const under = grounds(element), ink = getComputedStyle(element).color;
        const [a, b] = [light(drawn(...under)), light(drawn(...under, ink))];
        return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
    };
    const hasText = (element) => [...element.childNodes].some((node) => node.nodeType === 3 && node.data.trim() !== '');
    const all = [...document.querySelectorAll('body *')].filter((element) => hasText(element) && element.offsetParent !== null && !element.closest('noscript, script'));
    const worst = all.map((element) => [contrast(element), element.outerHTML.slice(0, 80)]).sort(([a], [b]) => a - b)[0];
    return worst.join(' ');
})()";

/// The messages in the screenshots.
const CONVERSATION: [&str; 8] = [
    "bob : Quelqu'un a compris pourquoi accept() rend un nouveau descripteur ?",
    "chloé : oui ! celui d'écoute reste ouvert pour les suivants",
    "chloé : regarde avec ss -tnp, on voit les deux",
    "david > et pourquoi deux processus ont la même socket ?",
    "محمد : مرحبا بالجميع",
    "bob : fork() copie les descripteurs\nle père et le fils l'ont donc tous les deux\n\tvoir src/server/listener.rs",
    "message envoyé avec nc, sans pseudo",
    "chloé : https://man7.org/linux/man-pages/man2/accept.2.html",
];

/// A page with a conversation in it.
#[track_caller]
fn busy(browser: &mut Browser, room: &Room) -> Page {
    let mut alice = browser.opens("data:,");
    alice.call("Network.enable", serde_json::json!({}));
    alice.goes_to(&room.url);
    alice.is_named("alice");
    let mut peers: Vec<Peer> = (0..5).map(|_| room.server.join()).collect();
    for (i, message) in CONVERSATION.iter().enumerate() {
        let _row = Row::of(&(&i, &message));
        let who = message.chars().next().map_or(0, |first| "bcdم".find(first).map_or(4, |at| at.min(3)));
        peers[who].sends(format!("{message}\0"));
        alice.has_messages(i + 1);
    }
    alice.says("Merci, c'est clair : une socket, deux descripteurs, un par processus.");
    alice.has_messages(CONVERSATION.len() + 1);
    alice
}

#[test]
fn at_each_width_and_theme_text_is_readable_and_nothing_scrolls_sideways() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = busy(&mut browser, &room);
    is_readable(&mut alice, &[("wide", (1280, 800)), ("narrow", (360, 740)), ("least", (320, 480))]);
    // Enough names for all colours, long ones among them, and a notice.
    let names = (0..24).map(|i| ["ève", "zoé", "Max"][i % 3].repeat(i / 3 + 1));
    let mut peer = room.server.join();
    peer.sends(names.map(|name| format!("{name} : couleur\0")).collect::<String>());
    alice.has_messages(CONVERSATION.len() + 25);
    drop(room);
    alice.pastes("je n'ai pas fini");
    alice.has_notice("Connexion perdue");
    alice.waits_until("/dans \\d+ s/.test(document.querySelector('#why').innerText)");
    is_readable(
        &mut alice,
        &[("lost-wide", (1280, 800)), ("lost-narrow", (360, 740)), ("lost-least", (320, 480))],
    );
}

/// Expects a readable page at each size, light and dark. Screenshots are named after both.
#[track_caller]
fn is_readable(page: &mut Page, sizes: &[(&str, (u32, u32))]) {
    for &(name, size) in sizes {
        let _row = Row::of(&(&name, &size));
        for theme in ["light", "dark"] {
            let _row = Row::of(&theme);
            page.looks(size, theme);
            page.waits_until(&format!("document.documentElement.dataset.theme === '{theme}'"));
            assert_eq!(page.value(SCROLLS_SIDEWAYS), false, "{name} {theme}");
            let worst = page.text(LEAST_CONTRAST);
            let contrast: f64 =
                worst.split(' ').next().and_then(|number| number.parse().ok()).expect("a number");
            assert!(contrast >= 4.5, "{name} {theme}: {worst}");
            let small = "[...document.querySelectorAll('button, input, textarea')].filter((one) => one.offsetParent !== null && Math.min(one.offsetWidth, one.offsetHeight) < 44).map((one) => one.id)";
            assert!(page.texts(small).is_empty(), "too small for a finger");
            // A phone zooms into a field with a smaller font.
            assert_eq!(page.text("getComputedStyle(document.querySelector('#text')).fontSize"), "16px");
            page.takes_screenshot(&format!("{name}-{theme}"));
        }
    }
}

#[test]
fn a_screen_reader_finds_the_log_the_field_the_button_and_their_names() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = busy(&mut browser, &room);
    let tree = alice.call("Accessibility.getFullAXTree", serde_json::json!({}));
    let nodes = tree["nodes"].as_array().expect("nodes");
    let has = |role: &str, name: &str| {
        nodes.iter().any(|node| node["role"]["value"] == role && node["name"]["value"] == name)
    };
    for (role, name) in [
        ("log", "Messages"),
        ("textbox", "Votre message"),
        ("button", "Envoyer"),
        ("button", "Pseudo : alice"),
        ("button", "Thème sombre"),
        ("heading", "Messagerie"),
    ] {
        let _row = Row::of(&(&role, &name));
        assert!(has(role, name), "{role} {name:?} in {nodes:#?}");
    }
    assert_eq!(alice.text("document.documentElement.lang"), "fr");
    // A name that is not shown again is still read out.
    assert_eq!(alice.value("document.querySelectorAll('.row.again .name').length > 0"), true);
    let names = nodes.iter().filter(|node| node["name"]["value"] == "chloé").count();
    assert!(names >= 3, "{names} times chloé");
}

#[test]
fn the_page_makes_no_foreign_request_and_the_browser_logs_no_error() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let mut alice = busy(&mut browser, &room);
    alice.value("document.querySelector('#theme').click()");
    let origin = room.url.trim_end_matches('/').strip_prefix("http://").expect("an address").to_string();
    let allowed = |url: &str| {
        [format!("http://{origin}/"), format!("ws://{origin}/room")].contains(&url.to_string())
            || url.starts_with("data:")
    };
    let requests = alice.requests();
    assert!(
        requests.iter().any(|url| url.starts_with("ws://")) && requests.iter().all(|url| allowed(url)),
        "{requests:?}"
    );
    assert!(alice.logged().is_empty(), "{:?}", alice.logged());
    // The content security policy is in force: violations are logged.
    alice.value("document.body.setAttribute('style', 'color: red'); document.head.append(Object.assign(document.createElement('script'), { textContent: 'window.ran = 1' }))");
    alice.waits_until("window.ran === undefined");
    eventually("the browser to log the violations", || (alice.logged().len() >= 2).then_some(()));
}
