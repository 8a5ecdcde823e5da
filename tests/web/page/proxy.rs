//! The page behind nginx, as docs/USAGE.md sets it up, and behind a forwarded port, as by `ssh -L`.

use super::path::Path;
use super::*;

use std::fs;
use std::net::TcpListener;
use std::os::fd::OwnedFd;
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

/// A configuration of docs/USAGE.md, "Behind nginx", and the server's options beside it.
struct Recipe {
    options: Vec<String>,
    nginx: String,
}

/// The recipes of the document: at the root by HTTP, and under a prefix by TLS.
#[track_caller]
fn recipes() -> [Recipe; 2] {
    let document = fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/docs/USAGE.md")).unwrap();
    let (_, section) = document.split_once("\n### Behind nginx\n").expect("the section");
    let blocks = |kind: &str| {
        let fence = format!("```{kind}\n");
        let blocks = section.split(&fence).skip(1);
        blocks.map(|block| block.split_once("```").expect("its end").0.to_string()).collect::<Vec<_>>()
    };
    let all = blocks("console").into_iter().zip(blocks("nginx")).map(|(command, nginx)| {
        let options = command.trim().strip_prefix("$ chat_serveur ").expect("the server's command");
        Recipe { options: options.split(' ').map(str::to_string).collect(), nginx }
    });
    all.collect::<Vec<_>>().try_into().unwrap_or_else(|_| panic!("two recipes"))
}

impl Recipe {
    /// Replaces a part that must be there.
    #[track_caller]
    fn with(self, from: &str, to: &str) -> Recipe {
        assert!(self.nginx.contains(from), "{from} in {}", self.nginx);
        Recipe { nginx: self.nginx.replace(from, to), ..self }
    }

    /// Starts the server without these options of the document, each with its value.
    #[track_caller]
    fn without(mut self, option: &str) -> Recipe {
        let at = self.options.iter().position(|word| word == option).expect(option);
        self.options.drain(at..at + 2);
        self
    }
}

/// nginx and the server behind it, at a free port of localhost.
struct Proxied {
    room: Room,
    nginx: Child,
    url: String,
    _directory: tempfile::TempDir,
}

impl Proxied {
    /// `None` where nginx or openssl is missing.
    #[track_caller]
    fn start(recipe: Recipe) -> Option<Proxied> {
        for (program, argument) in [("nginx", "-v"), ("openssl", "version")] {
            if let Err(error) = Command::new(program).arg(argument).output() {
                skip(skip::NGINX, format!("{program}: {error}"));
                return None;
            }
        }
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let is_tls = recipe.nginx.contains("ssl_certificate");
        let (scheme, port) = if is_tls { ("https", "443") } else { ("http", "80") };
        let site = format!("localhost:{}", address.port());
        let options: Vec<String> = recipe
            .options
            .iter()
            .map(|word| match word.as_str() {
                "8080" => "0".to_string(),
                word => word.replace("chat.example.org", &site),
            })
            .collect();
        let room = Room::with(&options.iter().map(String::as_str).collect::<Vec<_>>());
        let directory = tempfile::tempdir().unwrap();
        // Workers of nginx are nobody's where the test is root's.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let there = directory.path().display();
        if is_tls {
            make_certificate(directory.path());
        }
        let server = recipe
            .nginx
            .replace(&format!("listen {port}"), &format!("listen {address}"))
            .replace("server_name chat.example.org", "server_name localhost")
            .replace("/etc/ssl/chat.example.org", &format!("{there}/site"))
            .replace("127.0.0.1:8080", &format!("127.0.0.1:{}", room.port()));
        let temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
        let temporary = temporary.map(|name| format!("{name}_temp_path {there}/{name};\n")).concat();
        let whole = format!(
            "daemon off;\nworker_processes 1;\npid {there}/pid;\nerror_log stderr;\nevents {{}}\n\
             http {{\naccess_log off;\n{temporary}{server}}}\n"
        );
        let conf = directory.path().join("nginx.conf");
        fs::write(&conf, &whole).unwrap();
        // NGINX names descriptors of listening sockets, as at an upgrade of nginx in place: the
        // port is bound already.
        let mut command = Command::new("nginx");
        command.args(["-e", "stderr", "-p"]).arg(directory.path()).arg("-c").arg(conf).env("NGINX", "0;");
        let nginx = command.stdin(OwnedFd::from(listener)).stderr(Stdio::inherit()).spawn().expect("nginx");
        Some(Proxied { room, nginx, url: format!("{scheme}://{site}/"), _directory: directory })
    }
}

impl Drop for Proxied {
    fn drop(&mut self) {
        // SIGKILL would leave its worker.
        let pid = nix::unistd::Pid::from_raw(self.nginx.id() as i32);
        let _ = nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM);
        let _ = self.nginx.wait();
    }
}

#[track_caller]
fn make_certificate(directory: &std::path::Path) {
    let made = Command::new("openssl")
        .args([
            "req",
            "-x509",
            "-newkey",
            "rsa:2048",
            "-nodes",
            "-subj",
            "/CN=localhost",
            "-days",
            "2",
            "-keyout",
        ])
        .arg(directory.join("site.key"))
        .arg("-out")
        .arg(directory.join("site.pem"))
        .output()
        .expect("openssl");
    assert!(made.status.success(), "{made:?}");
}

/// Opens the page, and talks with a client of the room's first port.
#[track_caller]
fn is_in_the_room(browser: &mut Browser, room: &Room, url: &str) {
    let mut bob = room.server.join();
    let mut alice = browser.opens(url);
    alice.is_named("alice");
    alice.says("bonjour");
    assert_eq!(bob.strings(1), ["alice : bonjour"]);
    bob.sends("bob : salut\0");
    alice.has_messages(2);
    assert_eq!(alice.texts(TEXTS), ["bonjour", "salut"]);
    assert_eq!(alice.value(&format!("{NOTICES}.length")), 0);
}

#[test]
fn the_page_is_in_the_room_behind_nginx_as_documented() {
    let Some(mut browser) = Browser::start() else { return };
    let [root, prefix] = recipes();
    for (recipe, path) in [(root, ""), (prefix, "salle/")] {
        let _row = Row::of(&path);
        let Some(proxied) = Proxied::start(recipe) else { return };
        is_in_the_room(&mut browser, &proxied.room, &format!("{}{path}", proxied.url));
        // The browser's address is known, and marked.
        proxied.room.server.program.out.line_with(&["nouveau client 127.0.0.1 via 127.0.0.1:", "(web)"]);
    }
}

#[test]
fn the_page_is_in_the_room_behind_other_forms_of_the_same() {
    let Some(mut browser) = Browser::start() else { return };
    let upgrade = "proxy_set_header Upgrade $http_upgrade;";
    for (name, adapt, path) in [
        (
            "the browser's Host",
            Box::new(move |[root, _]: [Recipe; 2]| {
                root.with(upgrade, &format!("{upgrade} proxy_set_header Host $host;"))
            }) as Box<dyn Fn([Recipe; 2]) -> Recipe>,
            "",
        ),
        (
            "the browser's Host with its port, without --origin",
            Box::new(move |[root, _]| {
                root.without("--origin")
                    .with(upgrade, &format!("{upgrade} proxy_set_header Host $http_host;"))
            }),
            "",
        ),
        ("the prefix not stripped", Box::new(|[_, prefix]| prefix.with("8080/;", "8080;")), "salle/"),
        ("a prefix without its slash", Box::new(|[_, prefix]| prefix), "salle"),
        (
            "a location without its slash",
            Box::new(|[_, prefix]| prefix.with("location /salle/", "location /salle")),
            "salle",
        ),
    ] {
        let _row = Row::of(&name);
        let Some(proxied) = Proxied::start(adapt(recipes())) else { return };
        is_in_the_room(&mut browser, &proxied.room, &format!("{}{path}", proxied.url));
    }
}

#[test]
fn the_page_says_which_option_is_missing_behind_nginx() {
    let Some(mut browser) = Browser::start() else { return };
    for (recipe, path) in recipes().into_iter().zip(["", "salle/"]) {
        let _row = Row::of(&path);
        let Some(proxied) = Proxied::start(recipe.without("--origin")) else { return };
        let mut alice = browser.opens(&format!("{}{path}", proxied.url));
        let option = format!("--origin {}", proxied.url.trim_end_matches('/'));
        alice.waits_until(&format!("document.querySelector('#why').innerText.includes('{option}')"));
        alice.takes_screenshot("origin-refused");
        proxied.room.server.program.err.line_with(&["visiteur web", "refusé", "--origin"]);
        // While the next attempt runs, too.
        alice.waits_until("attempts >= 3");
        assert!(alice.text("document.querySelector('#why').innerText").contains(&option));
    }
}

#[test]
fn the_page_says_that_nginx_does_not_forward_the_upgrade() {
    let Some(mut browser) = Browser::start() else { return };
    let [root, _] = recipes();
    let recipe = root.with("proxy_set_header Upgrade $http_upgrade;", "");
    let Some(proxied) = Proxied::start(recipe) else { return };
    let mut alice = browser.opens(&proxied.url);
    alice.waits_until("document.querySelector('#why').innerText.includes('Upgrade et Connection')");
}

#[test]
fn the_page_says_that_nginx_sends_it_elsewhere() {
    let Some(mut browser) = Browser::start() else { return };
    let [root, _] = recipes();
    let login = "location /room { return 302 https://login.example.org/; }";
    let recipe = root.with("location / {", &format!("{login}\n    location / {{"));
    let Some(proxied) = Proxied::start(recipe) else { return };
    let mut alice = browser.opens(&proxied.url);
    alice.waits_until("document.querySelector('#why').innerText.startsWith('Un proxy renvoie')");
}

#[test]
fn the_page_says_that_a_policy_of_nginx_blocks_its_script() {
    let Some(mut browser) = Browser::start() else { return };
    // The latter lets the page have its style.
    for policy in ["default-src 'self'", "script-src 'self'"] {
        let _row = Row::of(&policy);
        let [root, _] = recipes();
        let header = format!("add_header Content-Security-Policy \"{policy}\";");
        let Some(proxied) = Proxied::start(root.with("location / {", &format!("location / {{ {header}")))
        else {
            return;
        };
        let mut alice = browser.opens(&proxied.url);
        let shown = alice.text("document.querySelector('#state').innerText");
        assert!(shown.matches("Content-Security-Policy").count() == 2, "{shown}");
        let is_whole =
            "document.querySelector('.about').scrollWidth <= document.querySelector('.about').clientWidth";
        assert_eq!(alice.value(is_whole), true);
        alice.takes_screenshot("script-blocked");
    }
}

#[test]
fn the_page_says_when_nginx_answers_in_place_of_the_server() {
    let Some(mut browser) = Browser::start() else { return };
    let [root, _] = recipes();
    let Some(proxied) = Proxied::start(root) else { return };
    let mut alice = browser.opens(&proxied.url);
    alice.is_named("alice");
    proxied.room.server.program.signal(nix::sys::signal::Signal::SIGKILL);
    alice.waits_until("document.querySelector('#why').innerText.startsWith('Réponse HTTP 502')");
}

#[test]
fn the_page_is_in_the_room_through_a_forwarded_port() {
    let Some(mut browser) = Browser::start() else { return };
    let room = Room::open();
    let path = Path::to(room.url.trim_start_matches("http://").trim_end_matches('/').parse().unwrap());
    assert_ne!(path.address.port().to_string(), room.port());
    for what in ["", "?x=1#y", "/salle/"] {
        let _row = Row::of(&what);
        is_in_the_room(&mut browser, &room, &format!("{}{what}", path.url()));
    }
}
