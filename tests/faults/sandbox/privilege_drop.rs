//! `--user`: the processes run as that user, for good.

use super::*;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::path::Path;

/// User, group and all groups of `nobody`, from id(1).
#[track_caller]
fn nobody() -> (String, String, Vec<String>) {
    let id = |flag: &str| {
        let output = Command::new("id").args([flag, "nobody"]).output().expect("id");
        String::from_utf8(output.stdout).unwrap().trim().to_string()
    };
    let mut groups: Vec<String> = id("-G").split(' ').map(str::to_string).collect();
    groups.sort();
    (id("-u"), id("-g"), groups)
}

/// Asserts that the real, effective, saved and file-system IDs are those of `nobody`, and that no
/// capability is left.
#[track_caller]
fn is_nobody(running: &Running, pid: i32) {
    let (user, group, groups) = nobody();
    let four = |id: &str| [id; 4].join("\t");
    assert_eq!(running.status(pid, "Uid"), four(&user));
    assert_eq!(running.status(pid, "Gid"), four(&group));
    let mut shown: Vec<String> =
        running.status(pid, "Groups").split_whitespace().map(str::to_string).collect();
    shown.sort();
    assert_eq!(shown, groups);
    assert_eq!(running.status(pid, "CapEff"), "0".repeat(16));
    assert_eq!(running.status(pid, "CapPrm"), "0".repeat(16));
}

#[test]
fn a_server_and_its_children_become_the_user_in_every_lab_and_serve() {
    if !is_root() {
        return;
    }
    let landing = landing_of_nobody();
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut more = vec!["-v", "--user", "nobody"];
        let lab = match lab.server.ends_with("upload_serveur") {
            true => {
                more.extend(["--dir", landing.path().to_str().unwrap()]);
                Lab { options: &[], ..lab }
            }
            false => lab,
        };
        let mut running = lab.start(&more);
        let said = running.server.program.out.line_with(&["nobody (uid "]);
        assert!(said.starts_with("(p"), "{said}");
        is_nobody(&running, running.server.pid());
        is_nobody(&running, running.child);
        (lab.talk)(&mut running.clients);
        running.clients.clear();
        running.server.wait_for_children(0);
    }
    let received = std::fs::metadata(landing.path().join("received.txt")).unwrap();
    assert_eq!(received.uid().to_string(), nobody().0);
}

/// A directory that belongs to the user `nobody`.
#[track_caller]
fn landing_of_nobody() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    let (user, group, _) = nobody();
    chown(directory.path(), user.parse().ok(), group.parse().ok()).unwrap();
    directory
}

#[test]
fn a_user_may_be_a_number_with_or_without_an_entry_and_with_a_group() {
    if !is_root() {
        return;
    }
    let (user, group, groups) = nobody();
    let both = format!("{user}:{group}");
    for (typed, user, group, groups) in [
        (user.as_str(), user.as_str(), group.as_str(), groups.clone()),
        ("nobody:", user.as_str(), group.as_str(), groups),
        (both.as_str(), user.as_str(), group.as_str(), vec![group.clone()]),
        ("nobody:4322", user.as_str(), "4322", vec!["4322".to_string()]),
        ("4321", "4321", "4321", vec!["4321".to_string()]),
        ("4321:4322", "4321", "4322", vec!["4322".to_string()]),
    ] {
        let _row = Row::of(&typed);
        let mut running = CHAT.start(&["--user", typed]);
        for pid in [running.server.pid(), running.child] {
            assert_eq!(running.status(pid, "Uid"), [user; 4].join("\t"));
            assert_eq!(running.status(pid, "Gid"), [group; 4].join("\t"));
            let shown = running.status(pid, "Groups");
            let mut shown: Vec<&str> = shown.split_whitespace().collect();
            shown.sort();
            assert_eq!(shown, groups);
            assert_eq!(running.status(pid, "CapPrm"), "0".repeat(16));
        }
        (CHAT.talk)(&mut running.clients);
    }
    let (no_user, no_group) = ("aucun utilisateur ne s'appelle", "aucun groupe ne s'appelle");
    for (typed, reason, part) in [
        ("4321:", no_group, ""),
        ("4321:no-such-group", no_group, "no-such-group"),
        ("4321:4294967295", no_group, "4294967295"),
        (":4321", no_user, ""),
        ("no-such-user:4321", no_user, "no-such-user"),
        ("-1", no_user, "-1"),
        // (uid_t) -1 is no user's.
        ("4294967295", no_user, "4294967295"),
        ("4294967296", no_user, "4294967296"),
    ] {
        let _row = Row::of(&typed);
        let notice = refusal_of(SERVER, &[&format!("--user={typed}")]);
        assert!(notice.contains(&format!("{reason} « {part} »")) && notice.contains("UID:GID"), "{notice}");
    }
}

#[test]
fn that_only_root_may_become_another_user_is_not_told_to_root() {
    if !is_root() || !can_trace() {
        return;
    }
    let fails = ["strace", "-D", "-qq", "-o", "/dev/null", "-e", "inject=setuid:error=EPERM", SERVER];
    let notice = refusal_by(&fails, &["--user", "4321"]);
    let ends = "impossible de devenir l'utilisateur « 4321 » : setuid : Operation not permitted";
    assert!(notice.contains(ends), "{notice}");
    let as_user = ["setpriv", "--reuid=4320", "--clear-groups", SERVER];
    let notice = refusal_by(&as_user, &["--user", "4321"]);
    assert!(notice.contains("« 4321 » (seul root le peut)"), "{notice}");
}

#[test]
fn iterative_becomes_the_user_as_well() {
    if !is_root() {
        return;
    }
    let server = Server::of(env!("CARGO_BIN_EXE_echo_serveur"), &["--iterative", "--user", "nobody"]);
    let child = server.pid();
    let mut running = Running { clients: vec![server.connect()], server, child };
    is_nobody(&running, child);
    talk(&mut running.clients[0], "a\n", "a\n");
}

#[test]
fn privileged_ports_are_bound_before_the_privileges_are_dropped() {
    if !is_root() {
        return;
    }
    // Ports that only root may bind: one for C strings, one for lines.
    let (port, lines) = (free_port_below_1024(0), free_port_below_1024(1));
    let (port, lines) = (port.to_string(), lines.to_string());
    let server = Server::from(Command::new(SERVER).args([
        "--bind",
        "127.0.0.1",
        "--port",
        &port,
        "--lines",
        &lines,
        "--user",
        "nobody",
    ]));
    assert_eq!(server.port(), port);
    let mut peer = server.join();
    talk(&mut peer, "a\0", "a\0\0");
    let mut reader = Peer::connect(format!("127.0.0.1:{lines}").parse().unwrap());
    talk(&mut reader, "b\n", "b\n");
}

/// A free port below 1024.
#[track_caller]
fn free_port_below_1024(which: usize) -> u16 {
    let is_free = |port: &u16| std::net::TcpListener::bind(("127.0.0.1", *port)).is_ok();
    (700..1000).rev().filter(is_free).nth(which).expect("a free port")
}

#[test]
fn a_directory_that_the_user_cannot_write_is_reported_at_the_start() {
    if !is_root() {
        return;
    }
    let roots = tempfile::tempdir().unwrap();
    std::fs::set_permissions(roots.path(), PermissionsExt::from_mode(0o755)).unwrap();
    let notice = refusal_of(
        env!("CARGO_BIN_EXE_upload_serveur"),
        &["--dir", path_of(roots.path()), "--user", "nobody"],
    );
    let expected =
        format!("cannot make a file in the directory {}: Permission denied", roots.path().display());
    assert!(notice.contains(&expected), "{notice}");
    assert_eq!(std::fs::read_dir(roots.path()).unwrap().count(), 0);
}

#[track_caller]
fn path_of(path: &Path) -> &str {
    path.to_str().unwrap()
}

/// Asserts status 1, an empty standard output and one line on standard error, and returns the line.
#[track_caller]
fn refusal_of(program: &str, options: &[&str]) -> String {
    refusal_by(&[program], options)
}

/// [`refusal_of`] a server that another program starts.
#[track_caller]
fn refusal_by(started: &[&str], options: &[&str]) -> String {
    let all = [&started[1..], &["--bind", "127.0.0.1", "--port", "0"], options].concat();
    let Outcome { status, out, err } = outcome_of(started[0], &all, "");
    assert_eq!((status, out.as_str(), err.lines().count()), (Some(1), "", 1), "{err}");
    err
}

#[test]
fn an_unknown_user_is_reported_in_one_line() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let notice = refusal_of(lab.server, &["--user", "no-such-user"]);
        let in_words =
            ["no user is called \"no-such-user\"", "aucun utilisateur ne s'appelle « no-such-user »"];
        assert!(in_words.iter().any(|words| notice.contains(words)), "{notice}");
    }
}

#[test]
fn without_root_the_option_user_is_refused_with_the_reason() {
    // As root, run the server as `nobody`, which may not even become `nobody`: initgroups(3) needs
    // root.
    let (_directory, binary) = for_nobody(SERVER);
    let mut command = Command::new(&binary);
    if nix::unistd::geteuid().is_root() {
        command = Command::new("setpriv");
        command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&binary);
    }
    let output = command.args(["--bind", "127.0.0.1", "--port", "0", "--user", "nobody"]).output().unwrap();
    let notice = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), notice.lines().count()), (Some(1), 1), "{notice}");
    assert!(notice.contains("« nobody »") && notice.contains("Operation not permitted"), "{notice}");
}
