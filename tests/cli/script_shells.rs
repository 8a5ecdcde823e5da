//! `scripts/*.sh` in every POSIX shell and in zsh, and with the line ends of Windows, as a download
//! or `core.autocrlf` may leave them.

use super::launch_scripts::{
    CLIENT_SCRIPT, COMPILES, FAILS, SERVER_SCRIPT, UP_TO_DATE, Workspace, executable, started,
    started_nothing,
};
use crate::common::*;

use std::path::PathBuf;
use std::process::{Command, Output as Finished};

const SCRIPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/scripts");

const SHELLS: [&[&str]; 8] =
    [&["sh"], &["dash"], &["bash"], &["bash", "--posix"], &["busybox", "sh"], &["ksh"], &["mksh"], &["zsh"]];
/// The shells that `.ci/run` does not install.
const OPTIONAL: [&str; 3] = ["ksh", "mksh", "zsh"];

/// The installed ones of [`SHELLS`]. Records the test as skipped for dash and busybox.
#[track_caller]
fn shells() -> Vec<&'static [&'static str]> {
    let is_installed = |shell: &&&[&str]| {
        let found = Command::new(shell[0]).args(&shell[1..]).args(["-c", "exit 0"]).output();
        let is_installed = found.is_ok_and(|found| found.status.success());
        if !is_installed && !OPTIONAL.contains(&shell[0]) {
            skip(skip::SHELLS, format!("{shell:?} does not run"));
        }
        is_installed
    };
    SHELLS.iter().filter(is_installed).copied().collect()
}

/// `script` with `arguments`, by `shell`.
#[track_caller]
fn run(workspace: &Workspace, shell: &[&str], script: &str, arguments: &[&str]) -> Command {
    workspace.launch(shell[0], &[&shell[1..], &[script], arguments].concat())
}

/// Closes standard error and runs its arguments.
const WITHOUT_STDERR: [&str; 4] = ["sh", "-c", "\"$@\" 2>&-", "sh"];

#[track_caller]
fn line_and_status(command: &mut Command) -> (Option<i32>, String) {
    let Finished { status, stdout, stderr } = command.output().unwrap();
    let shown = String::from_utf8([stdout, stderr].concat()).unwrap();
    (status.code(), shown.lines().last().unwrap_or_default().to_string())
}

/// The scripts in `clone/scripts`, with a carriage return at the end of each line.
#[track_caller]
fn with_windows_line_ends(workspace: &Workspace) -> PathBuf {
    let directory = workspace.path("clone/scripts");
    std::fs::create_dir_all(&directory).unwrap();
    for script in std::fs::read_dir(SCRIPTS).unwrap() {
        let script = script.unwrap().path();
        let text = std::fs::read_to_string(&script).unwrap();
        assert!(!text.contains('\r'), "{script:?} is kept with Unix line ends");
        std::fs::write(directory.join(script.file_name().unwrap()), text.replace('\n', "\r\n")).unwrap();
    }
    std::fs::create_dir_all(workspace.path("clone/fuzz")).unwrap();
    directory
}

/// A cargo with two fuzz targets.
const FUZZES: &str = "case $2 in list) printf 'record\\nrelay\\n' ;; run)
echo 'stat::number_of_executed_units: 12' >&2; echo 'stat::average_exec_per_sec: 3' >&2
echo '#12 DONE cov: 4 ft: 5 corp: 6' >&2 ;; esac";

#[test]
fn the_launchers_run_in_every_posix_shell() {
    let workspace = Workspace::new(UP_TO_DATE);
    let broken = Workspace::new(FAILS);
    for shell in shells() {
        let _row = Row::of(&shell);
        let given = ["echo", "--port", "8001", "deux mots", "*"];
        let server = started(&mut run(&workspace, shell, SERVER_SCRIPT, &given));
        assert_eq!(server, ("echo_serveur".into(), "<--port><8001><deux mots><*>.".into()));
        let client = started(&mut run(&workspace, shell, CLIENT_SCRIPT, &[]));
        assert_eq!(client, ("relay_client".into(), ".".into()));
        let (status, _) = line_and_status(&mut run(&workspace, shell, SERVER_SCRIPT, &["ecko"]));
        assert_eq!(status, Some(2));
        let (status, help) = line_and_status(&mut run(&workspace, shell, CLIENT_SCRIPT, &["--help"]));
        assert!(status == Some(0) && help.contains("--help"), "{help}");
        let said = started_nothing(&mut run(&broken, shell, SERVER_SCRIPT, &["chat"]));
        assert!(said.starts_with("error: could not compile") && said.lines().count() == 2, "{said}");
    }
}

#[test]
fn a_launcher_that_is_sourced_leaves_the_callers_shell() {
    let workspace = Workspace::new(UP_TO_DATE);
    let windows = with_windows_line_ends(&workspace);
    let [server, client] = ["launch_server.sh", "launch_client.sh"].map(|name| windows.join(name));
    for shell in shells() {
        for script in [SERVER_SCRIPT.as_ref(), CLIENT_SCRIPT.as_ref(), &*server, &*client] {
            let _row = Row::of(&(shell, script));
            let sources = format!(". {}; echo \"still here: $?\"", script.display());
            let mut command = workspace.launch(shell[0], &[&shell[1..], &["-c", &sources]].concat());
            let Finished { stdout, stderr, .. } = command.output().unwrap();
            let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
            assert_eq!(out, "still here: 2\n");
            assert!(err.lines().count() == 1 && err.contains("sh scripts/launch_"), "{err}");
        }
    }
}

#[test]
fn the_scripts_run_with_standard_error_closed() {
    let workspace = Workspace::new(COMPILES);
    let broken = Workspace::new(FAILS);
    let (inspect, server) = (format!("{SCRIPTS}/inspect.sh"), Server::start(&[]));
    for shell in shells() {
        let _row = Row::of(&shell);
        let quiet = [&WITHOUT_STDERR[..], shell].concat();
        let launched = started(&mut run(&workspace, &quiet, SERVER_SCRIPT, &["chat", "a b"]));
        assert_eq!(launched, ("chat_serveur".into(), "<a b>.".into()));
        let launched = started(&mut run(&workspace, &quiet, CLIENT_SCRIPT, &[]));
        assert_eq!(launched, ("relay_client".into(), ".".into()));
        assert_eq!(started_nothing(&mut run(&broken, &quiet, SERVER_SCRIPT, &[])), "");
        let (status, _) = line_and_status(&mut run(&workspace, &quiet, SERVER_SCRIPT, &["ecko"]));
        assert_eq!(status, Some(2));
        let pid = server.pid().to_string();
        let (_, count) = line_and_status(&mut run(&workspace, &quiet, &inspect, &[&pid]));
        assert!(count.starts_with("Compte : 0 client, 1 processus : "), "{count}");
        let inject = format!("{SCRIPTS}/inject.sh");
        let (status, _) = line_and_status(&mut run(&workspace, &quiet, &inject, &["-b", SERVER, "hub"]));
        assert_eq!(status, Some(2));
    }
}

#[test]
fn inspect_and_fuzz_run_in_every_posix_shell() {
    let workspace = Workspace::new(FUZZES);
    let [inspect, fuzz] = ["inspect.sh", "fuzz.sh"].map(|name| format!("{SCRIPTS}/{name}"));
    let server = Server::start(&[]);
    let _client = server.join();
    for shell in shells() {
        let _row = Row::of(&shell);
        let (_, count) = line_and_status(&mut run(&workspace, shell, &inspect, &[&server.pid().to_string()]));
        assert!(count.starts_with("Compte : 1 client, 2 processus : "), "{count}");
        let (status, _) = line_and_status(&mut run(&workspace, shell, &inspect, &["no_such_server"]));
        assert_eq!(status, Some(1));
        let (status, summary) = line_and_status(&mut run(&workspace, shell, &fuzz, &["1"]));
        assert_eq!(status, Some(0), "{summary}");
        assert!(summary.starts_with("relay ") && summary.ends_with("4 edges, 5 features"), "{summary}");
        let (status, usage) = line_and_status(&mut run(&workspace, shell, &fuzz, &["1", "no_such_target"]));
        assert!(status == Some(2) && usage.ends_with("the targets: record relay"), "{usage}");
    }
}

/// A git with one commit, whose worktree has a mark.
const HAS_ONE_COMMIT: &str = "case $1 in rev-parse) [ \"${5%^*}\" = 24cac62 ] && echo 24cac62 ;;
worktree) [ \"$2\" = remove ] || { mkdir \"$5\" && touch \"$5/mark\"; } ;; esac";

/// A cargo that builds a benchmark with worse figures in that worktree, different in each round.
const BUILDS_A_BENCHMARK: &str = "if [ -e mark ]; then figure=1.; else figure=0.; fi; it=${0%/*}/bench$figure
printf '%s\n' '#!/bin/sh' \"echo x >>\\$0.calls; echo '| 13. memory | $figure'\\$(grep -c x \\$0.calls)' kB | - |'\" >$it
chmod +x $it; printf '{\"target\":{\"name\":\"messenger\"},\"executable\":\"%s\"}\\n' $it";

/// A cargo whose benchmark is false(1).
const CANNOT_MEASURE: &str =
    "printf '{\"target\":{\"name\":\"messenger\"},\"executable\":\"%s\"}\\n' \"$(command -v false)\"";

#[test]
fn the_comparison_of_benchmarks_prints_the_medians_of_both_commits() {
    let compare = format!("{SCRIPTS}/compare_bench.sh");
    for shell in shells() {
        let _row = Row::of(&shell);
        let workspace = Workspace::new(BUILDS_A_BENCHMARK);
        executable(&workspace.path("bin/git"), HAS_ONE_COMMIT);
        let Finished { status, stdout, stderr } =
            run(&workspace, shell, &compare, &["24cac62", "3", "13"]).output().unwrap();
        let [out, err] = [stdout, stderr].map(|bytes| String::from_utf8(bytes).unwrap());
        assert!(status.success(), "{err}");
        let rows: Vec<Vec<&str>> = out.lines().map(|line| line.split_whitespace().collect()).collect();
        let before = ["13", "before", "1.20", "1.1", "to", "1.3"];
        let now = ["13", "now", "0.20", "0.1", "to", "0.3"];
        assert_eq!(rows, [before, now], "{err}");
        for wrong in [&["nonsense"][..], &["24cac62", "0"], &["24cac62", "3", "x"], &[]] {
            let (status, said) = line_and_status(&mut run(&workspace, shell, &compare, wrong));
            assert_eq!(status, Some(2), "{said}");
        }
        for (cargo, reason) in [(FAILS, "no benchmark was built"), (CANNOT_MEASURE, "could not be measured")]
        {
            executable(&workspace.path("bin/cargo"), cargo);
            let (status, said) =
                line_and_status(&mut run(&workspace, shell, &compare, &["24cac62", "3", "13"]));
            assert!(status == Some(1) && said.contains(reason), "{said}");
        }
    }
}

#[test]
fn scripts_with_windows_line_ends_run_by_a_shell() {
    let (workspace, fuzzes) = (Workspace::new(UP_TO_DATE), Workspace::new(FUZZES));
    let place = with_windows_line_ends(&workspace);
    let script = |name: &str| place.join(name).display().to_string();
    let (server_script, client_script) = (script("launch_server.sh"), script("launch_client.sh"));
    let server = Server::start(&[]);
    for shell in shells() {
        let _row = Row::of(&shell);
        let given = ["chat", "deux mots", "--port", "5016"];
        let started_server = started(&mut run(&workspace, shell, &server_script, &given));
        assert_eq!(started_server, ("chat_serveur".into(), "<deux mots><--port><5016>.".into()));
        let started_client = started(&mut run(&workspace, shell, &client_script, &["direct", ""]));
        assert_eq!(started_client, ("direct_client".into(), "<>.".into()));
        let (status, count) =
            line_and_status(&mut run(&workspace, shell, &script("inspect.sh"), &[&server.pid().to_string()]));
        assert!(status == Some(0) && count.starts_with("Compte : 0 client, 1 processus : "), "{count}");
        let (status, summary) =
            line_and_status(&mut run(&fuzzes, shell, &script("fuzz.sh"), &["1", "record"]));
        assert!(status == Some(0) && summary.ends_with("4 edges, 5 features"), "{summary}");
    }
}

/// Without a shell in front, the kernel looks for the interpreter `/bin/sh\r`: a checkout has Unix
/// line ends, whatever `core.autocrlf` says.
#[test]
fn a_checkout_has_unix_line_ends() {
    let attributes = std::fs::read_to_string(format!("{SCRIPTS}/../.gitattributes")).unwrap();
    let is_set = |line: &str| line.split_whitespace().eq(["*.sh", "text", "eol=lf"]);
    assert!(attributes.lines().any(is_set), "{attributes}");
}

/// By the first line, which names the shell: bashisms are errors.
#[test]
fn every_script_is_one_for_sh() {
    for script in std::fs::read_dir(SCRIPTS).unwrap() {
        let script = script.unwrap().path();
        let _row = Row::of(&script);
        assert!(std::fs::read_to_string(&script).unwrap().starts_with("#!/bin/sh\n"));
        match Command::new("shellcheck").arg(&script).output() {
            Ok(said) => assert!(said.status.success(), "{}", String::from_utf8_lossy(&said.stdout)),
            Err(error) => skip(skip::SHELLCHECK, error),
        }
    }
}
