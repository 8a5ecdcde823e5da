//! A real browser: its pages, as the one who sits before them.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

use super::devtools::DevTools;
use super::{PATIENCE, Program, skip};

/// The names under which systems have it.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A browser without a window, with a profile of its own that goes with it.
pub struct Browser {
    program: Program,
    address: SocketAddr,
    control: DevTools,
    _profile: tempfile::TempDir,
}

impl Browser {
    /// None where no browser is installed: the test is recorded as skipped.
    #[track_caller]
    pub fn start() -> Option<Browser> {
        let there = |name: &&&str| {
            Command::new(name).arg("--version").output().is_ok_and(|done| done.status.success())
        };
        let Some(name) = NAMES.iter().find(there) else {
            skip(skip::BROWSER, format!("none of {} is installed", NAMES.join(", ")));
            return None;
        };
        let profile = tempfile::tempdir().expect("a directory for the profile");
        let mut command = Command::new(name);
        command
            .args(["--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"])
            // Its sandbox does not work for root, nor in many containers; it shows our own page alone. Shared memory is small there.
            .args(["--no-sandbox", "--disable-dev-shm-usage"])
            // It asks nobody else for anything.
            .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
            .arg(format!("--user-data-dir={}", profile.path().display()))
            .arg("about:blank");
        let program = Program::start(&mut command);
        let line = program.err.line_with(&["DevTools listening on ws://"]);
        let (_, endpoint) = line.split_once("ws://").expect("an endpoint");
        let (address, path) = endpoint.trim().split_once('/').expect("its path");
        let address = address.parse().expect("an address");
        let control = DevTools::connect(address, path);
        Some(Browser { program, address, control, _profile: profile })
    }

    /// A page in a window of its own that shares nothing with others, and remembers nothing of them.
    #[track_caller]
    pub fn opens(&mut self, url: &str) -> Page {
        let context = self.control.call("Target.createBrowserContext", json!({}))["browserContextId"].clone();
        self.opens_in(&context, url)
    }

    /// A further page of the one who has `page`.
    #[track_caller]
    pub fn opens_beside(&mut self, page: &Page, url: &str) -> Page {
        self.opens_in(&page.context, url)
    }

    #[track_caller]
    fn opens_in(&mut self, context: &Value, url: &str) -> Page {
        let wanted = json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = self.control.call("Target.createTarget", wanted)["targetId"].clone();
        let path = format!("devtools/page/{}", target.as_str().expect("a target"));
        let mut page = Page { devtools: DevTools::connect(self.address, &path), context: context.clone() };
        for domain in ["Page", "Runtime", "Log", "Network", "Accessibility"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        // Each page believes that somebody looks at it, or it would make no frames.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page.goes_to(url);
        page
    }
}

impl Drop for Browser {
    /// All its processes end before the profile goes, or they would put files there again.
    fn drop(&mut self) {
        if matches!(self.program.child.try_wait(), Ok(None)) {
            self.program.signal(Signal::SIGTERM);
        }
        if !std::thread::panicking() {
            self.program.err.to_the_end();
        }
    }
}

/// A page, as the one who sits before it and as its developer.
pub struct Page {
    devtools: DevTools,
    context: Value,
}

impl Page {
    pub fn call(&mut self, method: &str, parameters: Value) -> Value {
        self.devtools.call(method, parameters)
    }

    /// Loads `url`, and waits until that is done.
    #[track_caller]
    pub fn goes_to(&mut self, url: &str) {
        let answer = self.call("Page.navigate", json!({ "url": url }));
        assert_eq!(answer.get("errorText"), None, "{url}");
        self.waits_until("document.readyState === 'complete' && location.href !== 'about:blank'");
    }

    /// What an expression of JavaScript is, once its promise is kept.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// The same of one that is a string.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        self.value(expression).as_str().unwrap_or_else(|| panic!("{expression} is no string")).to_string()
    }

    /// The same of one that is a list of strings.
    #[track_caller]
    pub fn texts(&mut self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.value(expression)).unwrap_or_else(|error| panic!("{expression}: {error}"))
    }

    /// Asks again and again until it is true.
    #[track_caller]
    pub fn waits_until(&mut self, condition: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(&format!("Boolean({condition})")) != true {
            assert!(
                Instant::now() < end,
                "{condition}; the page shows {:?}",
                self.value("document.body?.innerText")
            );
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    /// One key, by the name that JavaScript has for it: `Enter`, `Tab`, `ArrowUp`, `a`.
    pub fn presses(&mut self, key: &str) {
        self.presses_with(key, 0);
    }

    /// The same, with the Shift key held.
    pub fn presses_shift_and(&mut self, key: &str) {
        self.presses_with(key, 8);
    }

    fn presses_with(&mut self, key: &str, modifiers: u8) {
        let code = match key {
            "Tab" => 9,
            "Enter" => 13,
            "Escape" => 27,
            " " => 32,
            "PageUp" => 33,
            "PageDown" => 34,
            "End" => 35,
            "Home" => 36,
            "ArrowUp" => 38,
            "ArrowDown" => 40,
            _ => 0,
        };
        let text = match key {
            "Enter" => "\r",
            one if one.chars().count() == 1 => one,
            _ => "",
        };
        let event = |kind: &str| json!({ "type": kind, "key": key, "code": key, "windowsVirtualKeyCode": code, "modifiers": modifiers, "text": text });
        self.call("Input.dispatchKeyEvent", event("keyDown"));
        self.call("Input.dispatchKeyEvent", event("keyUp"));
    }

    /// Text on the keyboard, key by key.
    pub fn types(&mut self, text: &str) {
        text.chars().for_each(|c| self.presses(&c.to_string()));
    }

    /// Text from elsewhere, where the cursor is.
    pub fn pastes(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// A window of so many pixels, in a system that is light or dark.
    #[track_caller]
    pub fn looks(&mut self, (width, height): (u32, u32), theme: &str) {
        let size = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": width < 600 });
        self.call("Emulation.setDeviceMetricsOverride", size);
        let features = json!([{ "name": "prefers-color-scheme", "value": theme }]);
        self.call("Emulation.setEmulatedMedia", json!({ "features": features }));
        self.waits_until(&format!(
            "innerWidth === {width} && matchMedia('(prefers-color-scheme: {theme})').matches"
        ));
    }

    /// Behind other windows, or in sight again. A browser without a window has none to put before it: the page is told so.
    #[track_caller]
    pub fn is_hidden(&mut self, hidden: bool) {
        let told =
            format!("Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})");
        self.value(&format!("{told}, document.dispatchEvent(new Event('visibilitychange'))"));
    }

    /// A picture of it as `NAME.png`, where the environment's FORKLAB_SCREENSHOTS names a directory.
    #[track_caller]
    pub fn is_pictured(&mut self, name: &str) {
        let Some(directory) = std::env::var_os("FORKLAB_SCREENSHOTS") else { return };
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let png = data_encoding::BASE64
            .decode(picture["data"].as_str().expect("a picture").as_bytes())
            .expect("base64");
        std::fs::create_dir_all(&directory).expect("the directory for pictures");
        std::fs::write(Path::new(&directory).join(format!("{name}.png")), png).expect("the picture");
    }

    /// The parameters of all events of a name that have come so far.
    #[track_caller]
    pub fn events(&mut self, method: &str) -> Vec<Value> {
        // An answer comes behind the events of before.
        self.value("0");
        let all = self.devtools.events.iter();
        all.filter(|event| event["method"] == method).map(|event| event["params"].clone()).collect()
    }

    /// Every address that it has asked for something.
    #[track_caller]
    pub fn requests(&mut self) -> Vec<String> {
        let by_http =
            self.events("Network.requestWillBeSent").into_iter().map(|event| event["request"]["url"].clone());
        let by_socket = self.events("Network.webSocketCreated").into_iter().map(|event| event["url"].clone());
        by_http.chain(by_socket).map(|url| url.as_str().expect("an address").to_string()).collect()
    }

    /// What the browser has to say against it: errors, exceptions, violations of its policy.
    #[track_caller]
    pub fn complaints(&mut self) -> Vec<Value> {
        let logged = self.events("Log.entryAdded");
        let thrown = self.events("Runtime.exceptionThrown");
        let printed = self.events("Runtime.consoleAPICalled");
        logged.into_iter().chain(thrown).chain(printed).collect()
    }
}
