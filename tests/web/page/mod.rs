//! The page of `chat_serveur --web` in a real browser.
//!
//! Skipped, and recorded as skipped, where no browser is installed. With
//! FORKLAB_SCREENSHOTS=DIRECTORY in the environment, screenshots are written there.

mod appearance;
mod chromium;
mod connection;
mod conversation;
mod dead_path;
mod devtools;
mod flood;
mod input_method;
mod keyboard;
mod markup;
mod message_length;
mod nickname;
mod path;
mod proxy;
mod reload;

use crate::common::*;
use chromium::{Browser, Page};

/// JavaScript: the texts of all messages.
const TEXTS: &str =
    "[...document.querySelectorAll('.row:not(.notice) .text')].map((text) => text.textContent)";

/// JavaScript: the texts of all notices.
const NOTICES: &str = "[...document.querySelectorAll('.row.notice')].map((notice) => notice.textContent)";

/// A server with `--web`, and the URL of its page.
struct Room {
    server: Server,
    url: String,
}

impl Room {
    #[track_caller]
    fn open() -> Room {
        Room::with(&["--web", "0"])
    }

    /// A server with its page on a given port.
    #[track_caller]
    fn at(port: &str) -> Room {
        Room::with(&["--web", port])
    }

    #[track_caller]
    fn with(options: &[&str]) -> Room {
        let server = Server::start(options);
        Room { url: server.program.out.web_url(), server }
    }

    #[track_caller]
    fn port(&self) -> String {
        self.url.trim_end_matches('/').rsplit(':').next().expect("a port").to_string()
    }

    /// Opens a page, gives it a pseudo, and waits until it is connected.
    #[track_caller]
    fn page(&self, browser: &mut Browser, pseudo: &str) -> Page {
        let mut page = browser.opens(&self.url);
        page.is_named(pseudo);
        page
    }
}

impl Page {
    /// Gives the page the pseudo that it asks for, and waits until it is connected.
    #[track_caller]
    fn is_named(&mut self, pseudo: &str) {
        self.waits_until("document.querySelector('#ask').open");
        self.pastes(pseudo);
        self.presses("Enter");
        self.waits_until("!document.querySelector('#ask').open && document.activeElement.id === 'text'");
        self.is_connected();
    }

    #[track_caller]
    fn is_connected(&mut self) {
        self.waits_until("document.body.dataset.state === 'open'");
    }

    /// Sends a message by the keyboard.
    #[track_caller]
    fn says(&mut self, text: &str) {
        self.pastes(text);
        self.presses("Enter");
    }

    /// Waits until the page shows at least `count` messages.
    #[track_caller]
    fn has_messages(&mut self, count: usize) {
        self.waits_until(&format!("{TEXTS}.length >= {count}"));
    }

    /// Waits for a notice with these words.
    #[track_caller]
    fn has_notice(&mut self, words: &str) {
        self.waits_until(&format!(
            "{NOTICES}.some((notice) => notice.includes({}))",
            serde_json::json!(words)
        ));
    }
}
