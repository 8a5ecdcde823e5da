//! A real browser and its pages, driven as a user would.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;
use std::sync::LazyLock;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::devtools::DevTools;
use super::{PATIENCE, Program, eventually, skip};

/// The browser's program on different systems.
const NAMES: [&str; 4] = ["chromium", "chromium-browser", "google-chrome", "google-chrome-stable"];

/// A shell script: starts its arguments, a browser whose profile is `$0`, and ends it with the test
/// program, which holds its standard input open.
const UNTIL_THE_TESTS_END: &str = r#""$@" </dev/null & exec >/dev/null 2>&1
    read -r _; kill $!; wait $!; until rm -r "$0"; do sleep 1; done"#;

/// Where the headless browser of all these tests listens: a start costs more than most of them.
/// `None` where no browser is installed.
static DEVTOOLS: LazyLock<Option<(SocketAddr, String)>> = LazyLock::new(start);

fn start() -> Option<(SocketAddr, String)> {
    let there =
        |name: &&&str| Command::new(name).arg("--version").output().is_ok_and(|done| done.status.success());
    let name = NAMES.iter().find(there)?;
    let profile = tempfile::tempdir().expect("a directory for the profile").keep();
    let mut command = Command::new("sh");
    command
        .args(["-c", UNTIL_THE_TESTS_END])
        .args([profile.as_os_str(), name.as_ref()])
        .args(["--headless=new", "--remote-debugging-port=0", "--no-first-run", "--disable-gpu"])
        // The sandbox does not work for root, nor in many containers, where shared memory is
        // small as well. The browser loads our own page only.
        .args(["--no-sandbox", "--disable-dev-shm-usage"])
        // The certificate of the tests of TLS is of their own making.
        .arg("--ignore-certificate-errors")
        // No network requests of the browser's own.
        .args(["--disable-background-networking", "--disable-component-update", "--disable-sync"])
        // No process that waits for a page, and none of an extension.
        .args(["--disable-features=SpareRendererForSitePerProcess", "--disable-extensions"])
        .arg("--disable-component-extensions-with-background-pages")
        .arg(format!("--user-data-dir={}", profile.display()))
        .arg("about:blank");
    // Chromium itself crashes at start now and then on a busy machine: three attempts.
    let started = (0..3).find_map(|_| {
        let program = Program::start(&mut command);
        let line = program.err.line_unless_ended("DevTools listening on ws://")?;
        // Its standard input stays open.
        std::mem::forget(program);
        Some(line)
    });
    let line = started.expect("chromium ended at each of three starts");
    let (_, endpoint) = line.split_once("ws://").expect("an endpoint");
    let (address, path) = endpoint.trim().split_once('/').expect("its path");
    Some((address.parse().expect("an address"), path.to_string()))
}

/// The windows that one test opens in the browser. They are closed at its end.
pub struct Browser {
    control: DevTools,
    contexts: Vec<Value>,
}

impl Browser {
    /// None where no browser is installed: the test is recorded as skipped.
    #[track_caller]
    pub fn start() -> Option<Browser> {
        let Some((address, path)) = &*DEVTOOLS else {
            skip(skip::BROWSER, format!("none of {} is installed", NAMES.join(", ")));
            return None;
        };
        Some(Browser { control: DevTools::connect(*address, path), contexts: Vec::new() })
    }

    /// Opens a page in a window of its own, which shares no storage with other windows.
    #[track_caller]
    pub fn opens(&mut self, url: &str) -> Page {
        let context = self.control.call("Target.createBrowserContext", json!({}))["browserContextId"].clone();
        self.contexts.push(context.clone());
        self.opens_in(&context, url)
    }

    /// Opens another page of the same user, in the context of `page`.
    #[track_caller]
    pub fn opens_another_tab(&mut self, page: &Page, url: &str) -> Page {
        self.opens_in(&page.context, url)
    }

    /// Opens a copy of the tab of `page`, its session storage included.
    #[track_caller]
    pub fn duplicates(&mut self, page: &mut Page) -> Page {
        let opens = json!({ "expression": "void open('about:blank')", "userGesture": true });
        page.call("Runtime.evaluate", opens);
        let copy = eventually("the copy of the tab", || {
            let all = self.control.call("Target.getTargets", json!({}));
            let is_copy =
                |one: &&Value| one["browserContextId"] == page.context && one["openerId"].is_string();
            all["targetInfos"].as_array()?.iter().find(is_copy).cloned()
        });
        let mut copy = self.attaches(&page.context, &copy["targetId"]);
        copy.goes_to(&page.text("location.href"));
        copy
    }

    #[track_caller]
    fn opens_in(&mut self, context: &Value, url: &str) -> Page {
        let wanted = json!({ "url": "about:blank", "browserContextId": context, "newWindow": true });
        let target = self.control.call("Target.createTarget", wanted)["targetId"].clone();
        let mut page = self.attaches(context, &target);
        page.goes_to(url);
        page
    }

    #[track_caller]
    fn attaches(&mut self, context: &Value, target: &Value) -> Page {
        let path = format!("devtools/page/{}", target.as_str().expect("a target"));
        let mut page =
            Page { devtools: DevTools::connect(self.control.address, &path), context: context.clone() };
        // Network would tell of each message as well, and Accessibility follow each row.
        for domain in ["Page", "Runtime", "Log"] {
            page.call(&format!("{domain}.enable"), json!({}));
        }
        // Without emulated focus, pages in the background draw no frames.
        page.call("Emulation.setFocusEmulationEnabled", json!({ "enabled": true }));
        page
    }
}

impl Drop for Browser {
    fn drop(&mut self) {
        // A failed test may have left a call without its answer.
        if !std::thread::panicking() {
            for context in std::mem::take(&mut self.contexts) {
                self.control.call("Target.disposeBrowserContext", json!({ "browserContextId": context }));
            }
        }
    }
}

/// A page, for its user and for its developer.
pub struct Page {
    devtools: DevTools,
    context: Value,
}

impl Page {
    #[track_caller]
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

    /// Loads the page again, as its user does, and waits until it is connected.
    #[track_caller]
    pub fn reloads(&mut self) {
        self.devtools.call_until("Page.reload", "Page.loadEventFired");
        self.waits_until("document.body.dataset.state === 'open'");
    }

    /// Begins to load the page again, stays when the browser asks, and fails if it does not ask.
    #[track_caller]
    pub fn reloads_and_stays(&mut self) {
        self.devtools.call_until("Page.reload", "Page.javascriptDialogOpening");
        self.call("Page.handleJavaScriptDialog", json!({ "accept": false }));
    }

    /// Evaluates a JavaScript expression. Waits for its promise, if it is one.
    #[track_caller]
    pub fn value(&mut self, expression: &str) -> Value {
        let parameters = json!({ "expression": expression, "awaitPromise": true, "returnByValue": true });
        let answer = self.call("Runtime.evaluate", parameters);
        assert!(answer.get("exceptionDetails").is_none(), "{expression}: {answer}");
        answer["result"]["value"].clone()
    }

    /// Evaluates an expression that is a string.
    #[track_caller]
    pub fn text(&mut self, expression: &str) -> String {
        let value = self.value(expression);
        let Some(text) = value.as_str() else { panic!("{expression} is not a string: {value}") };
        text.to_string()
    }

    /// Evaluates an expression that is a list of strings.
    #[track_caller]
    pub fn texts(&mut self, expression: &str) -> Vec<String> {
        serde_json::from_value(self.value(expression)).expect(expression)
    }

    /// Waits until a JavaScript condition is true.
    #[track_caller]
    pub fn waits_until(&mut self, condition: &str) {
        let end = Instant::now() + PATIENCE;
        while self.value(&format!("Boolean({condition})")) != true {
            assert!(
                Instant::now() < end,
                "{condition}; the page shows {:?}",
                self.value("document.body?.innerText")
            );
            std::thread::sleep(Duration::from_millis(20));
        }
    }

    /// Presses a key, by its name in JavaScript: `Enter`, `Tab`, `ArrowUp`, `a`.
    #[track_caller]
    pub fn presses(&mut self, key: &str) {
        self.presses_with(key, 0);
    }

    /// Presses a key with Shift held.
    #[track_caller]
    pub fn presses_shift_and(&mut self, key: &str) {
        self.presses_with(key, 8);
    }

    #[track_caller]
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

    /// Types text key by key.
    #[track_caller]
    pub fn types(&mut self, text: &str) {
        for c in text.chars() {
            self.presses(&c.to_string());
        }
    }

    /// Inserts text at the cursor, as a paste does.
    #[track_caller]
    pub fn pastes(&mut self, text: &str) {
        self.call("Input.insertText", json!({ "text": text }));
    }

    /// Sets the window's size in pixels and the system's theme, `light` or `dark`.
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

    /// Hides the page, as behind other windows, or shows it again. A headless browser has no
    /// windows to hide behind: the event is simulated.
    #[track_caller]
    pub fn is_hidden(&mut self, hidden: bool) {
        let told =
            format!("Object.defineProperty(document, 'hidden', {{ value: {hidden}, configurable: true }})");
        self.value(&format!("{told}, document.dispatchEvent(new Event('visibilitychange'))"));
    }

    /// Writes a screenshot `NAME.png` to the directory that FORKLAB_SCREENSHOTS names, if it is
    /// set.
    #[track_caller]
    pub fn takes_screenshot(&mut self, name: &str) {
        let Some(directory) = std::env::var_os("FORKLAB_SCREENSHOTS") else { return };
        let picture = self.call("Page.captureScreenshot", json!({ "format": "png" }));
        let png = data_encoding::BASE64
            .decode(picture["data"].as_str().expect("a picture").as_bytes())
            .expect("base64");
        std::fs::create_dir_all(&directory).expect("the directory for pictures");
        std::fs::write(Path::new(&directory).join(format!("{name}.png")), png).expect("the picture");
    }

    /// The parameters of all events called `method` so far.
    #[track_caller]
    pub fn events(&mut self, method: &str) -> Vec<Value> {
        // The answer to a call arrives after all earlier events.
        self.value("0");
        let all = self.devtools.events.iter();
        all.filter(|event| event["method"] == method).map(|event| event["params"].clone()).collect()
    }

    /// Every URL that the page has requested since `Network.enable`.
    #[track_caller]
    pub fn requests(&mut self) -> Vec<String> {
        let by_http =
            self.events("Network.requestWillBeSent").into_iter().map(|event| event["request"]["url"].clone());
        let by_socket = self.events("Network.webSocketCreated").into_iter().map(|event| event["url"].clone());
        by_http.chain(by_socket).map(|url| url.as_str().expect("an address").to_string()).collect()
    }

    /// Everything that the browser has logged: errors, exceptions, policy violations, console
    /// output.
    #[track_caller]
    pub fn logged(&mut self) -> Vec<Value> {
        let entries = self.events("Log.entryAdded");
        let thrown = self.events("Runtime.exceptionThrown");
        let printed = self.events("Runtime.consoleAPICalled");
        entries.into_iter().chain(thrown).chain(printed).collect()
    }
}
