//! `scripts/launch_server.sh` and `scripts/launch_client.sh`: which program they start, with what, where, and in whose
//! place; what they do of cargo and of the screen. Cargo is a small script of the test's own, and so are the programs,
//! except where two of ours talk.

use crate::common::*;

use nix::sys::signal::Signal;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished, Stdio};

const SERVER_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/launch_server.sh");
const CLIENT_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/launch_client.sh");
const LABS: [&str; 6] = ["relay", "chat", "echo", "calc", "upload", "direct"];

/// A program that says who and where it is, and each of its arguments.
const TELLS: &str =
    "echo \"${0##*/} pid $$ in $(pwd -P)\"; for given; do printf '<%s>' \"$given\"; done; echo .";
/// Cargo with nothing to do: it notes where it was called, how, and what it could read.
const UP_TO_DATE: &str =
    "{ pwd -P; printf '%s\\n' \"$@\"; cat; } >\"$0.called\"; echo '    Finished `release` profile' >&2";
const COMPILES: &str = "echo '   Compiling forklab v0.1.0' >&2; echo '    Finished `release` profile' >&2";
const FAILS: &str = "echo 'error: could not compile `forklab`' >&2; exit 101";

/// A user's place: a cargo, what it has built, and a directory to work in.
struct Desk {
    home: tempfile::TempDir,
}

impl Desk {
    #[track_caller]
    fn new(cargo: &str) -> Desk {
        let desk = Desk { home: tempfile::tempdir().unwrap() };
        for directory in ["bin", "target/release", "work"] {
            let _row = Row::of(&directory);
            std::fs::create_dir_all(desk.path(directory)).unwrap();
        }
        executable(&desk.path("bin/cargo"), cargo);
        executable(&desk.path("target/release/relay_serveur"), TELLS);
        let others = LABS.iter().flat_map(|lab| [format!("{lab}_serveur"), format!("{lab}_client")]);
        for program in others.skip(1) {
            symlink("relay_serveur", desk.path("target/release").join(program)).unwrap();
        }
        desk
    }

    #[track_caller]
    fn path(&self, name: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(name)
    }

    /// A program of the test's own in the place of one that tells.
    #[track_caller]
    fn put(&self, program: &str, body: &str) {
        let place = self.path("target/release").join(program);
        std::fs::remove_file(&place).unwrap();
        executable(&place, body);
    }

    #[track_caller]
    fn search_path(&self) -> String {
        format!("{}:{}", self.path("bin").display(), std::env::var("PATH").unwrap())
    }

    #[track_caller]
    fn launch(&self, script: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(script.as_ref());
        command.args(arguments).current_dir(self.path("work")).env("PATH", self.search_path());
        command.env("CARGO_TARGET_DIR", self.path("target"));
        command
    }

    /// The same on a terminal that `env` is told about.
    #[track_caller]
    fn launch_on_a_terminal(&self, env: &[&str], script: &str) -> Terminal {
        let path = format!("PATH={}", self.search_path());
        let target = format!("CARGO_TARGET_DIR={}", self.path("target").display());
        Terminal::start("env", &[env, &[&path, &target, script]].concat())
    }

    /// What cargo has noted, if it was called.
    #[track_caller]
    fn cargo_call(&self) -> Option<String> {
        std::fs::read_to_string(self.path("bin/cargo.called")).ok()
    }
}

/// Makes a script that can be started. Another process writes it: a test that forks meanwhile would hold it open for
/// writing, and what is held so cannot be started (ETXTBSY).
#[track_caller]
fn executable(path: &Path, body: &str) {
    let mut writer = Command::new("sh");
    writer.args(["-c", "cat >\"$0\" && chmod +x \"$0\""]).arg(path).stdin(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    writer.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{body}\n").as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

/// The repository's, as the system calls it.
#[track_caller]
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// What was told by a program that was started without a word from anybody else: (its name, its arguments).
#[track_caller]
fn told(command: &mut Command) -> (String, String) {
    let Finished { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success() && stderr.is_empty(), "{command:?}: {status}, {}", text(&stderr));
    let out = text(&stdout);
    let (who, arguments) = out.split_once('\n').expect("two lines");
    (who.split(' ').next().unwrap().to_string(), arguments.trim_end().to_string())
}

/// Status 1, nothing from any program, and what standard error has.
#[track_caller]
fn started_nothing(command: &mut Command) -> String {
    let Finished { status, stdout, stderr } = command.output().unwrap();
    assert_eq!((status.code(), text(&stdout).as_str()), (Some(1), ""), "{}", text(&stderr));
    text(&stderr)
}

#[test]
fn without_a_labs_name_the_relay_is_started() {
    let desk = Desk::new(UP_TO_DATE);
    assert_eq!(told(&mut desk.launch(SERVER_SCRIPT, &[])), ("relay_serveur".into(), ".".into()));
    assert_eq!(told(&mut desk.launch(CLIENT_SCRIPT, &[])), ("relay_client".into(), ".".into()));
}

#[test]
fn every_lab_has_its_server_and_its_client() {
    let desk = Desk::new(UP_TO_DATE);
    for lab in LABS {
        let _row = Row::of(&lab);
        let [server, client] = [SERVER_SCRIPT, CLIENT_SCRIPT].map(|script| {
            let started = told(&mut desk.launch(script, &[lab, "--port", "8001"]));
            (started, desk.cargo_call().expect("cargo was asked"))
        });
        assert_eq!(server.0, (format!("{lab}_serveur"), "<--port><8001>.".into()));
        assert_eq!(client.0, (format!("{lab}_client"), "<--port><8001>.".into()));
        for (asked, program) in [(server.1, format!("{lab}_serveur")), (client.1, format!("{lab}_client"))] {
            let _row = Row::of(&(&asked, &program));
            assert!(asked.contains(&format!("\nbuild\n--release\n--bin\n{program}\n")), "{asked}");
        }
    }
}

#[test]
fn what_is_no_labs_name_goes_to_the_relay_with_all_that_follows() {
    let desk = Desk::new(UP_TO_DATE);
    let cases: [(&[&str], &str); 7] = [
        (&["--pairs", "2"], "<--pairs><2>."),
        (&["192.168.1.7"], "<192.168.1.7>."),
        (&["relay", "echo"], "<echo>."),
        (&["", "chat"], "<><chat>."),
        (&["Chat"], "<Chat>."),
        (&["relay_client"], "<relay_client>."),
        (&["--", "chat"], "<--><chat>."),
    ];
    for (given, passed) in cases {
        let _row = Row::of(&(&given, &passed));
        let expected = ("relay_client".into(), passed.into());
        assert_eq!(told(&mut desk.launch(CLIENT_SCRIPT, given)), expected, "{given:?}");
    }
}

#[test]
fn a_labs_name_mistyped_starts_no_server_and_builds_none() {
    let desk = Desk::new(UP_TO_DATE);
    for given in [&["ecko"][..], &["Chat", "--port", "5016"], &["echo_serveur"]] {
        let _row = Row::of(&given);
        let Finished { status, stdout, stderr } = desk.launch(SERVER_SCRIPT, given).output().unwrap();
        assert_eq!((status.code(), &stdout[..]), (Some(2), &b""[..]));
        let said = text(&stderr);
        assert!(
            said.contains(&format!("« {} » n'est pas un TP", given[0])) && said.lines().count() == 1,
            "{said}"
        );
        assert!(LABS.iter().all(|lab| said.contains(lab)), "{said}");
    }
    assert_eq!(desk.cargo_call(), None);
    assert_eq!(told(&mut desk.launch(SERVER_SCRIPT, &["--pairs", "2"])).1, "<--pairs><2>.");
}

#[test]
fn arguments_arrive_as_they_were_given() {
    let desk = Desk::new(UP_TO_DATE);
    std::fs::write(desk.path("work/a_file_for_the_glob"), "").unwrap();
    let given = ["un nom", "*", "", " ", "$HOME", "`id`", "\\", "'\"", "deux\nlignes", "-n", "é"];
    let passed: String = given.iter().map(|argument| format!("<{argument}>")).collect();
    let (program, arguments) = told(&mut desk.launch(CLIENT_SCRIPT, &[&["chat"], &given[..]].concat()));
    assert_eq!((program.as_str(), arguments), ("chat_client", passed + "."));
}

#[test]
fn cargo_works_in_the_repository_and_the_program_where_its_caller_is() {
    let desk = Desk::new(UP_TO_DATE);
    let output = desk.launch(SERVER_SCRIPT, &["upload"]).output().unwrap();
    let place = format!(" in {}\n", desk.path("work").display());
    assert!(text(&output.stdout).contains(&place), "{}", text(&output.stdout));
    let target = format!("\n--target-dir\n{}\n", desk.path("target").display());
    let asked = desk.cargo_call().unwrap();
    assert!(
        asked.starts_with(&format!("{}\nbuild\n", root().display())) && asked.contains(&target),
        "{asked}"
    );
}

#[test]
fn a_relative_target_directory_is_the_repositorys_and_so_is_the_default() {
    let desk = Desk::new(UP_TO_DATE);
    let up = "../".repeat(root().components().count() - 1);
    let relative = format!("{up}{}", desk.path("target").display().to_string().trim_start_matches('/'));
    let started = told(desk.launch(SERVER_SCRIPT, &["echo"]).env("CARGO_TARGET_DIR", relative));
    assert_eq!(started, ("echo_serveur".into(), ".".into()));

    // A cargo that fails: nothing that may be in the real directory is started.
    let desk = Desk::new(&format!("{UP_TO_DATE}; {FAILS}"));
    started_nothing(desk.launch(SERVER_SCRIPT, &["echo"]).env_remove("CARGO_TARGET_DIR"));
    let asked = desk.cargo_call().unwrap();
    assert!(asked.contains(&format!("\n--target-dir\n{}/target\n", root().display())), "{asked}");
}

#[test]
fn through_a_link_or_the_search_path_it_finds_the_same_repository() {
    let desk = Desk::new(UP_TO_DATE);
    symlink(SERVER_SCRIPT, desk.path("bin/serveur")).unwrap();
    symlink("../bin/serveur", desk.path("work/link to a link")).unwrap();
    symlink(root().join("scripts"), desk.path("scripts")).unwrap();
    let ways = ["serveur", "./link to a link", "../scripts/launch_server.sh"];
    for way in ways {
        let _row = Row::of(&way);
        // By a shell: it is what looks for `./` and `../` from the caller's directory.
        let (program, arguments) = told(&mut desk.launch("sh", &["-c", "\"$0\" chat -q", way]));
        assert_eq!((program.as_str(), arguments.as_str()), ("chat_serveur", "<-q>."), "{way}");
        assert!(desk.cargo_call().unwrap().starts_with(&format!("{}\n", root().display())), "{way}");
    }
}

#[test]
fn the_program_takes_the_scripts_place_with_its_number_its_status_and_its_signals() {
    let desk = Desk::new(UP_TO_DATE);
    let mut program = Program::start(&mut desk.launch(SERVER_SCRIPT, &[]));
    program.out.line_with(&["relay_serveur", &format!("pid {} ", program.pid())]);
    assert!(program.ends().success());

    desk.put("calc_client", "exit 7");
    assert_eq!(desk.launch(CLIENT_SCRIPT, &["calc"]).output().unwrap().status.code(), Some(7));
    // A shell above it would make a status of this: 137.
    desk.put("calc_client", "kill -KILL $$");
    assert_eq!(desk.launch(CLIENT_SCRIPT, &["calc"]).output().unwrap().status.signal(), Some(9));
}

#[test]
fn the_programs_input_is_not_cargos() {
    let desk = Desk::new(UP_TO_DATE);
    desk.put("chat_client", "cat");
    let mut program = Program::start(&mut desk.launch(CLIENT_SCRIPT, &["chat"]));
    program.types("bonjour\n");
    program.end_of_keyboard();
    assert!(program.ends().success());
    assert_eq!(program.out.to_the_end(), "bonjour\n");
    assert!(!desk.cargo_call().unwrap().contains("bonjour"));
}

#[test]
fn what_cargo_says_is_shown_when_it_compiles_and_never_on_the_programs_output() {
    let output = Desk::new(COMPILES).launch(SERVER_SCRIPT, &["chat"]).output().unwrap();
    assert_eq!(text(&output.stderr), "   Compiling forklab v0.1.0\n");
    assert!(text(&output.stdout).starts_with("chat_serveur pid "), "{}", text(&output.stdout));
}

#[test]
fn a_build_that_fails_shows_cargos_error_and_starts_nothing() {
    let desk = Desk::new(FAILS);
    let said = started_nothing(&mut desk.launch(SERVER_SCRIPT, &["chat"]));
    let expected = "error: could not compile `forklab`\n\
        launch_server.sh : la compilation de chat_serveur a échoué ; rien n'est lancé\n";
    assert_eq!(said, expected);
}

#[test]
fn ctrl_c_during_the_build_starts_nothing() {
    let desk = Desk::new("echo '   Compiling forklab' >&2; exec sleep 600");
    let mut terminal = desk.launch_on_a_terminal(&["TERM=xterm"], CLIENT_SCRIPT);
    terminal.shows("Compiling");
    terminal.types("\x03");
    assert!(!terminal.ends().success());
    assert!(!terminal.screen.to_the_end().contains("relay_client pid"));
}

#[test]
fn the_screen_is_cleared_once_all_is_built_before_the_program_starts() {
    let desk = Desk::new(COMPILES);
    let mut terminal = desk.launch_on_a_terminal(&["TERM=xterm"], SERVER_SCRIPT);
    assert!(terminal.ends().success());
    let screen = terminal.screen.to_the_end();
    let (before, after) = screen.split_once("\x1b[H\x1b[2J").expect("home, and all erased");
    assert!(before.contains("Compiling") && after.contains("relay_serveur pid"), "{screen:?}");

    // A build that fails leaves its errors on the screen.
    let desk = Desk::new(FAILS);
    let mut terminal = desk.launch_on_a_terminal(&["TERM=xterm"], SERVER_SCRIPT);
    assert_eq!(terminal.ends().code(), Some(1));
    assert!(!terminal.screen.to_the_end().contains('\x1b'));
}

#[test]
fn a_pipe_or_a_terminal_of_no_known_kind_is_not_cleared_and_that_is_no_error() {
    let desk = Desk::new(UP_TO_DATE);
    let output = desk.launch(SERVER_SCRIPT, &[]).env("TERM", "xterm").output().unwrap();
    assert!(text(&output.stdout).starts_with("relay_serveur pid "), "{}", text(&output.stdout));
    for env in [&["-u", "TERM"][..], &["TERM="], &["TERM=dumb"], &["TERM=no_such_terminal"]] {
        let _row = Row::of(&env);
        let mut terminal = desk.launch_on_a_terminal(env, SERVER_SCRIPT);
        assert!(terminal.ends().success(), "{env:?}");
        let screen = terminal.screen.to_the_end();
        assert!(screen.starts_with("relay_serveur pid "), "{env:?}: {screen:?}");
    }
}

#[test]
fn without_cargo_what_is_built_is_started_and_what_is_not_is_told_in_one_line() {
    let desk = Desk::new(UP_TO_DATE);
    let bare = desk.path("bare");
    std::fs::create_dir(&bare).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for tool in ["bash", "readlink"] {
        let _row = Row::of(&tool);
        let found = std::env::split_paths(&path).map(|place| place.join(tool)).find(|file| file.is_file());
        symlink(found.expect("needed for this test"), bare.join(tool)).unwrap();
    }
    let started = told(desk.launch(CLIENT_SCRIPT, &["direct", "alice"]).env("PATH", &bare));
    assert_eq!(started, ("direct_client".into(), "<alice>.".into()));

    std::fs::remove_file(desk.path("target/release/direct_client")).unwrap();
    let said = started_nothing(desk.launch(CLIENT_SCRIPT, &["direct", "alice"]).env("PATH", &bare));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("launch_client.sh : direct_client n'est pas compilé"), "{said}");
    assert!(said.contains("cargo") && said.contains("rustup.rs"), "{said}");
}

#[test]
fn help_alone_is_the_scripts_own_and_builds_nothing() {
    let desk = Desk::new(UP_TO_DATE);
    for (script, name) in [(SERVER_SCRIPT, "launch_server.sh"), (CLIENT_SCRIPT, "launch_client.sh")] {
        let _row = Row::of(&name);
        for option in ["-h", "--help"] {
            let _row = Row::of(&option);
            let output = desk.launch(script, &[option]).output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
            let out = text(&output.stdout);
            assert!(out.starts_with(&format!("Usage : {name} [TP] [ARGUMENT...]\n")), "{out}");
            assert!(LABS.iter().all(|lab| out.contains(lab)) && out.contains("relay --help"), "{out}");
        }
    }
    assert_eq!(desk.cargo_call(), None);
    assert_eq!(told(&mut desk.launch(SERVER_SCRIPT, &["relay", "--help"])).1, "<--help>.");
    assert_eq!(
        told(&mut desk.launch(SERVER_SCRIPT, &["chat", "-h"])),
        ("chat_serveur".into(), "<-h>.".into())
    );
}

#[test]
fn the_messenger_launched_so_is_as_without_the_script() {
    let desk = Desk::new(UP_TO_DATE);
    for (name, program) in [("chat_serveur", SERVER), ("chat_client", CLIENT)] {
        let _row = Row::of(&(&name, &program));
        let place = desk.path("target/release").join(name);
        std::fs::remove_file(&place).unwrap();
        symlink(program, place).unwrap();
    }
    let server = ["chat", "--bind", "127.0.0.1", "--port", "0"];
    let mut server = Server::from(&mut desk.launch(SERVER_SCRIPT, &server));
    let mut peer = server.join();
    let client = ["chat", "127.0.0.1", "alice", "--port", &server.port()];
    let mut client = Program::start(&mut desk.launch(CLIENT_SCRIPT, &client));
    client.out.line_with(&["Connecté à"]);
    client.types("bonjour\n");
    assert_eq!(peer.strings(1), ["alice : bonjour"]);

    // The script leaves it no descriptor, and no other name.
    assert_eq!(name_of(server.pid()), "chat_serveur");
    let open = descriptors_of(server.pid());
    let kinds: Vec<&str> = open[3..7].iter().map(|(_, what)| what.split(':').next().unwrap()).collect();
    assert_eq!(kinds, ["pipe", "pipe", "socket", "socket"], "{open:?}");
    server.program.signal(Signal::SIGTERM);
    assert!(server.program.ends().success());
}

#[test]
fn shellcheck_has_nothing_to_say() {
    let shared = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/launch.sh");
    match Command::new("shellcheck").args([SERVER_SCRIPT, CLIENT_SCRIPT, shared]).output() {
        Ok(said) => assert!(said.status.success(), "{}", text(&said.stdout)),
        Err(error) => skip(skip::SHELLCHECK, error),
    }
}
