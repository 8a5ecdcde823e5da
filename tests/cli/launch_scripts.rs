//! `scripts/launch_server.sh` and `scripts/launch_client.sh`: the program that they exec, its
//! arguments and working directory; their use of cargo and of the screen. cargo and the programs
//! are small shell scripts made by the tests, except in the one test where the messenger runs.

use crate::common::*;

use nix::sys::signal::Signal;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output as Finished, Stdio};

pub(super) const SERVER_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/launch_server.sh");
pub(super) const CLIENT_SCRIPT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts/launch_client.sh");
const LABS: [&str; 6] = ["relay", "chat", "echo", "calc", "upload", "direct"];

/// A program that prints its name, process ID and directory, and then each argument.
const ECHOES_ARGUMENTS: &str =
    "echo \"${0##*/} pid $$ in $(pwd -P)\"; for given; do printf '<%s>' \"$given\"; done; echo .";
/// A cargo with nothing to build: records its directory, arguments and standard input.
pub(super) const UP_TO_DATE: &str =
    "{ pwd -P; printf '%s\\n' \"$@\"; cat; } >\"$0.called\"; echo '    Finished `release` profile' >&2";
pub(super) const COMPILES: &str =
    "echo '   Compiling forklab v0.1.0' >&2; echo '    Finished `release` profile' >&2";
pub(super) const FAILS: &str = "echo 'error: could not compile `forklab`' >&2; exit 101";

/// A temporary user environment: a cargo, its target directory, and a working directory.
pub(super) struct Workspace {
    home: tempfile::TempDir,
}

impl Workspace {
    #[track_caller]
    pub fn new(cargo: &str) -> Workspace {
        let workspace = Workspace { home: tempfile::tempdir().unwrap() };
        for directory in ["bin", "target/release", "work"] {
            let _row = Row::of(&directory);
            std::fs::create_dir_all(workspace.path(directory)).unwrap();
        }
        executable(&workspace.path("bin/cargo"), cargo);
        executable(&workspace.path("target/release/relay_serveur"), ECHOES_ARGUMENTS);
        let others = LABS.iter().flat_map(|lab| [format!("{lab}_serveur"), format!("{lab}_client")]);
        for program in others.skip(1) {
            symlink("relay_serveur", workspace.path("target/release").join(program)).unwrap();
        }
        workspace
    }

    #[track_caller]
    pub fn path(&self, name: &str) -> PathBuf {
        self.home.path().canonicalize().unwrap().join(name)
    }

    /// Replaces one of the programs in the target directory.
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
    pub fn launch(&self, script: impl AsRef<Path>, arguments: &[&str]) -> Command {
        let mut command = Command::new(script.as_ref());
        command.args(arguments).current_dir(self.path("work")).env("PATH", self.search_path());
        command.env("CARGO_TARGET_DIR", self.path("target"));
        command
    }

    /// Like [`Workspace::launch`], on a terminal, with more arguments of env(1).
    #[track_caller]
    fn launch_on_a_terminal(&self, env: &[&str], script: &str) -> Terminal {
        let path = format!("PATH={}", self.search_path());
        let target = format!("CARGO_TARGET_DIR={}", self.path("target").display());
        Terminal::start("env", &[env, &[&path, &target, script]].concat())
    }

    /// The record of the last call of cargo, if any.
    #[track_caller]
    fn cargo_call(&self) -> Option<String> {
        std::fs::read_to_string(self.path("bin/cargo.called")).ok()
    }
}

/// Writes an executable script. A separate process writes it: a concurrent fork in this one would
/// inherit the descriptor open for writing, and exec would fail with ETXTBSY.
#[track_caller]
pub(super) fn executable(path: &Path, body: &str) {
    let mut writer = Command::new("sh");
    writer.args(["-c", "cat >\"$0\" && chmod +x \"$0\""]).arg(path).stdin(Stdio::piped());
    let mut writer = writer.spawn().unwrap();
    writer.stdin.take().unwrap().write_all(format!("#!/bin/sh\n{body}\n").as_bytes()).unwrap();
    assert!(writer.wait().unwrap().success());
}

/// The canonical path of the repository.
#[track_caller]
fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).canonicalize().unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

/// Runs a launch that must succeed with an empty standard error. Returns the name of the started
/// program and its arguments.
#[track_caller]
pub(super) fn started(command: &mut Command) -> (String, String) {
    let Finished { status, stdout, stderr } = command.output().unwrap();
    assert!(status.success() && stderr.is_empty(), "{command:?}: {status}, {}", text(&stderr));
    let out = text(&stdout);
    let (program, arguments) = out.split_once('\n').expect("two lines");
    (program.split(' ').next().unwrap().to_string(), arguments.trim_end().to_string())
}

/// Asserts status 1 and an empty standard output. Returns standard error.
#[track_caller]
pub(super) fn started_nothing(command: &mut Command) -> String {
    let Finished { status, stdout, stderr } = command.output().unwrap();
    assert_eq!((status.code(), text(&stdout).as_str()), (Some(1), ""), "{}", text(&stderr));
    text(&stderr)
}

#[test]
fn without_the_name_of_a_lab_the_relay_is_started() {
    let workspace = Workspace::new(UP_TO_DATE);
    assert_eq!(started(&mut workspace.launch(SERVER_SCRIPT, &[])), ("relay_serveur".into(), ".".into()));
    assert_eq!(started(&mut workspace.launch(CLIENT_SCRIPT, &[])), ("relay_client".into(), ".".into()));
}

#[test]
fn every_lab_has_its_server_and_its_client() {
    let workspace = Workspace::new(UP_TO_DATE);
    for lab in LABS {
        let _row = Row::of(&lab);
        let [server, client] = [SERVER_SCRIPT, CLIENT_SCRIPT].map(|script| {
            let started = started(&mut workspace.launch(script, &[lab, "--port", "8001"]));
            (started, workspace.cargo_call().expect("a call of cargo"))
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
fn a_first_argument_that_names_no_lab_is_passed_to_the_relay() {
    let workspace = Workspace::new(UP_TO_DATE);
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
        assert_eq!(started(&mut workspace.launch(CLIENT_SCRIPT, given)), expected, "{given:?}");
    }
}

#[test]
fn a_mistyped_lab_starts_no_server_and_builds_none() {
    let workspace = Workspace::new(UP_TO_DATE);
    for given in [&["ecko"][..], &["Chat", "--port", "5016"], &["echo_serveur"]] {
        let _row = Row::of(&given);
        let Finished { status, stdout, stderr } = workspace.launch(SERVER_SCRIPT, given).output().unwrap();
        assert_eq!((status.code(), &stdout[..]), (Some(2), &b""[..]));
        let said = text(&stderr);
        assert!(
            said.contains(&format!("« {} » n'est pas un TP", given[0])) && said.lines().count() == 1,
            "{said}"
        );
        assert!(LABS.iter().all(|lab| said.contains(lab)), "{said}");
    }
    assert_eq!(workspace.cargo_call(), None);
    assert_eq!(started(&mut workspace.launch(SERVER_SCRIPT, &["--pairs", "2"])).1, "<--pairs><2>.");
}

#[test]
fn arguments_are_passed_unchanged() {
    let workspace = Workspace::new(UP_TO_DATE);
    std::fs::write(workspace.path("work/a_file_for_the_glob"), "").unwrap();
    let given = ["un nom", "*", "", " ", "$HOME", "`id`", "\\", "'\"", "deux\nlignes", "-n", "é"];
    let passed: String = given.iter().map(|argument| format!("<{argument}>")).collect();
    let (program, arguments) =
        started(&mut workspace.launch(CLIENT_SCRIPT, &[&["chat"], &given[..]].concat()));
    assert_eq!((program.as_str(), arguments), ("chat_client", passed + "."));
}

#[test]
fn cargo_runs_in_the_repository_and_the_program_in_the_callers_directory() {
    let workspace = Workspace::new(UP_TO_DATE);
    let output = workspace.launch(SERVER_SCRIPT, &["upload"]).output().unwrap();
    let place = format!(" in {}\n", workspace.path("work").display());
    assert!(text(&output.stdout).contains(&place), "{}", text(&output.stdout));
    let target = format!("\n--target-dir\n{}\n", workspace.path("target").display());
    let asked = workspace.cargo_call().unwrap();
    assert!(
        asked.starts_with(&format!("{}\nbuild\n", root().display())) && asked.contains(&target),
        "{asked}"
    );
}

#[test]
fn a_relative_target_directory_and_the_default_are_resolved_in_the_repository() {
    let workspace = Workspace::new(UP_TO_DATE);
    let up = "../".repeat(root().components().count() - 1);
    let relative = format!("{up}{}", workspace.path("target").display().to_string().trim_start_matches('/'));
    let started = started(workspace.launch(SERVER_SCRIPT, &["echo"]).env("CARGO_TARGET_DIR", relative));
    assert_eq!(started, ("echo_serveur".into(), ".".into()));

    // This cargo fails: no program in the real target directory is started.
    let workspace = Workspace::new(&format!("{UP_TO_DATE}; {FAILS}"));
    started_nothing(workspace.launch(SERVER_SCRIPT, &["echo"]).env_remove("CARGO_TARGET_DIR"));
    let asked = workspace.cargo_call().unwrap();
    assert!(asked.contains(&format!("\n--target-dir\n{}/target\n", root().display())), "{asked}");
}

#[test]
fn through_a_link_or_the_search_path_the_repository_is_found() {
    let workspace = Workspace::new(UP_TO_DATE);
    symlink(SERVER_SCRIPT, workspace.path("bin/serveur")).unwrap();
    symlink("../bin/serveur", workspace.path("work/link to a link")).unwrap();
    symlink(root().join("scripts"), workspace.path("scripts")).unwrap();
    let ways = ["serveur", "./link to a link", "../scripts/launch_server.sh"];
    for way in ways {
        let _row = Row::of(&way);
        // Through a shell, which resolves `./` and `../` against the directory of the caller.
        let (program, arguments) = started(&mut workspace.launch("sh", &["-c", "\"$0\" chat -q", way]));
        assert_eq!((program.as_str(), arguments.as_str()), ("chat_serveur", "<-q>."), "{way}");
        assert!(workspace.cargo_call().unwrap().starts_with(&format!("{}\n", root().display())), "{way}");
    }
}

/// As on macOS before 12.3. Through CDPATH, `cd` prints the directory.
#[test]
fn a_readlink_without_its_option_f_is_enough() {
    let workspace = Workspace::new(UP_TO_DATE);
    executable(&workspace.path("bin/readlink"), "echo 'readlink: illegal option -- f' >&2; exit 1");
    for (place, script) in [(workspace.path("work"), SERVER_SCRIPT), (root(), "scripts/launch_server.sh")] {
        let _row = Row::of(&script);
        let mut command = workspace.launch("sh", &[script, "echo"]);
        command.current_dir(place).env("CDPATH", ".:..");
        assert_eq!(started(&mut command), ("echo_serveur".into(), ".".into()));
    }
}

#[test]
fn the_program_replaces_the_script_and_keeps_its_pid_status_and_signals() {
    let workspace = Workspace::new(UP_TO_DATE);
    let mut program = Program::start(&mut workspace.launch(SERVER_SCRIPT, &[]));
    program.out.line_with(&["relay_serveur", &format!("pid {} ", program.pid())]);
    assert!(program.ends().success());

    workspace.put("calc_client", "exit 7");
    assert_eq!(workspace.launch(CLIENT_SCRIPT, &["calc"]).output().unwrap().status.code(), Some(7));
    // A remaining parent shell would turn the signal into status 137.
    workspace.put("calc_client", "kill -KILL $$");
    assert_eq!(workspace.launch(CLIENT_SCRIPT, &["calc"]).output().unwrap().status.signal(), Some(9));
}

#[test]
fn cargo_does_not_read_the_programs_input() {
    let workspace = Workspace::new(UP_TO_DATE);
    workspace.put("chat_client", "cat");
    let mut program = Program::start(&mut workspace.launch(CLIENT_SCRIPT, &["chat"]));
    program.types("bonjour\n");
    program.closes_stdin();
    assert!(program.ends().success());
    assert_eq!(program.out.to_the_end(), "bonjour\n");
    assert!(!workspace.cargo_call().unwrap().contains("bonjour"));
}

#[test]
fn cargos_messages_are_shown_when_it_compiles_and_never_on_standard_output() {
    let output = Workspace::new(COMPILES).launch(SERVER_SCRIPT, &["chat"]).output().unwrap();
    assert_eq!(text(&output.stderr), "   Compiling forklab v0.1.0\n");
    assert!(text(&output.stdout).starts_with("chat_serveur pid "), "{}", text(&output.stdout));
}

#[test]
fn a_failed_build_shows_cargos_error_and_starts_nothing() {
    let workspace = Workspace::new(FAILS);
    let said = started_nothing(&mut workspace.launch(SERVER_SCRIPT, &["chat"]));
    let expected = "error: could not compile `forklab`\n\
        launch_server.sh : la compilation de chat_serveur a échoué ; rien n'est lancé\n";
    assert_eq!(said, expected);
}

#[test]
fn ctrl_c_during_the_build_starts_nothing() {
    let workspace = Workspace::new("echo '   Compiling forklab' >&2; exec sleep 600");
    let mut terminal = workspace.launch_on_a_terminal(&["TERM=xterm"], CLIENT_SCRIPT);
    terminal.shows("Compiling");
    terminal.types("\x03");
    assert!(!terminal.ends().success());
    assert!(!terminal.screen.to_the_end().contains("relay_client pid"));
}

#[test]
fn the_screen_is_cleared_between_the_build_and_the_program() {
    let workspace = Workspace::new(COMPILES);
    let mut terminal = workspace.launch_on_a_terminal(&["TERM=xterm"], SERVER_SCRIPT);
    assert!(terminal.ends().success());
    let screen = terminal.screen.to_the_end();
    let (before, after) = screen.split_once("\x1b[H\x1b[2J").expect("home, and all erased");
    assert!(before.contains("Compiling") && after.contains("relay_serveur pid"), "{screen:?}");

    // A failed build leaves its errors on the screen.
    let workspace = Workspace::new(FAILS);
    let mut terminal = workspace.launch_on_a_terminal(&["TERM=xterm"], SERVER_SCRIPT);
    assert_eq!(terminal.ends().code(), Some(1));
    assert!(!terminal.screen.to_the_end().contains('\x1b'));
}

#[test]
fn a_pipe_or_an_unknown_terminal_is_not_cleared_and_not_an_error() {
    let workspace = Workspace::new(UP_TO_DATE);
    let output = workspace.launch(SERVER_SCRIPT, &[]).env("TERM", "xterm").output().unwrap();
    assert!(text(&output.stdout).starts_with("relay_serveur pid "), "{}", text(&output.stdout));
    for env in [&["-u", "TERM"][..], &["TERM="], &["TERM=dumb"], &["TERM=no_such_terminal"]] {
        let _row = Row::of(&env);
        let mut terminal = workspace.launch_on_a_terminal(env, SERVER_SCRIPT);
        assert!(terminal.ends().success(), "{env:?}");
        let screen = terminal.screen.to_the_end();
        assert!(screen.starts_with("relay_serveur pid "), "{env:?}: {screen:?}");
    }
}

#[test]
fn without_cargo_a_built_program_starts_and_a_missing_one_is_reported_in_one_line() {
    let workspace = Workspace::new(UP_TO_DATE);
    let bare = workspace.path("bare");
    std::fs::create_dir(&bare).unwrap();
    let path = std::env::var_os("PATH").unwrap();
    for tool in ["sh", "readlink"] {
        let _row = Row::of(&tool);
        let found = std::env::split_paths(&path).map(|place| place.join(tool)).find(|file| file.is_file());
        symlink(found.expect("needed for this test"), bare.join(tool)).unwrap();
    }
    let started = started(workspace.launch(CLIENT_SCRIPT, &["direct", "alice"]).env("PATH", &bare));
    assert_eq!(started, ("direct_client".into(), "<alice>.".into()));

    std::fs::remove_file(workspace.path("target/release/direct_client")).unwrap();
    let said = started_nothing(workspace.launch(CLIENT_SCRIPT, &["direct", "alice"]).env("PATH", &bare));
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.starts_with("launch_client.sh : direct_client n'est pas compilé"), "{said}");
    assert!(said.contains("cargo") && said.contains("rustup.rs"), "{said}");
}

#[test]
fn help_alone_is_that_of_the_script_and_builds_nothing() {
    let workspace = Workspace::new(UP_TO_DATE);
    for (script, name) in [(SERVER_SCRIPT, "launch_server.sh"), (CLIENT_SCRIPT, "launch_client.sh")] {
        let _row = Row::of(&name);
        for option in ["-h", "--help"] {
            let _row = Row::of(&option);
            let output = workspace.launch(script, &[option]).output().unwrap();
            assert_eq!((output.status.code(), text(&output.stderr).as_str()), (Some(0), ""));
            let out = text(&output.stdout);
            assert!(out.starts_with(&format!("Usage : {name} [TP] [ARGUMENT...]\n")), "{out}");
            assert!(LABS.iter().all(|lab| out.contains(lab)) && out.contains("relay --help"), "{out}");
        }
        let full = std::fs::File::options().write(true).open("/dev/full").unwrap();
        let output = workspace.launch(script, &["--help"]).stdout(full).output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr).lines().count()), (Some(1), 1));
    }
    assert_eq!(workspace.cargo_call(), None);
    assert_eq!(started(&mut workspace.launch(SERVER_SCRIPT, &["relay", "--help"])).1, "<--help>.");
    assert_eq!(
        started(&mut workspace.launch(SERVER_SCRIPT, &["chat", "-h"])),
        ("chat_serveur".into(), "<-h>.".into())
    );
}

#[test]
fn the_messenger_runs_as_without_the_script() {
    let workspace = Workspace::new(UP_TO_DATE);
    for (name, program) in [("chat_serveur", SERVER), ("chat_client", CLIENT)] {
        let _row = Row::of(&(&name, &program));
        let place = workspace.path("target/release").join(name);
        std::fs::remove_file(&place).unwrap();
        symlink(program, place).unwrap();
    }
    let server = ["chat", "--bind", "127.0.0.1", "--port", "0"];
    let mut server = Server::from(&mut workspace.launch(SERVER_SCRIPT, &server));
    let mut peer = server.join();
    let client = ["chat", "127.0.0.1", "alice", "--port", &server.port()];
    let mut client = Program::start(&mut workspace.launch(CLIENT_SCRIPT, &client));
    client.out.line_with(&["Connecté à"]);
    client.types("bonjour\n");
    assert_eq!(peer.strings(1), ["alice : bonjour"]);

    // exec leaves no descriptor of the script open, and the program keeps its own name.
    assert_eq!(name_of(server.pid()), "chat_serveur");
    let open = descriptors_of(server.pid());
    let kinds: Vec<&str> = open[3..7].iter().map(|(_, what)| what.split(':').next().unwrap()).collect();
    assert_eq!(kinds, ["pipe", "pipe", "socket", "socket"], "{open:?}");
    server.program.signal(Signal::SIGTERM);
    assert!(server.program.ends().success());
}
