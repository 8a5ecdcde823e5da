//! The resource limits of the children, without seccomp.

use super::*;

/// The soft and the hard limit, from /proc/PID/limits.
#[track_caller]
fn limit_of(pid: i32, name: &str) -> (String, String) {
    let limits = std::fs::read_to_string(format!("/proc/{pid}/limits")).unwrap();
    let line = limits.lines().find_map(|line| line.strip_prefix(name)).expect("a line of this name");
    let mut words = line.split_whitespace().map(str::to_string);
    (words.next().unwrap(), words.next().unwrap())
}

#[track_caller]
fn is_none(pid: i32, name: &str) -> bool {
    limit_of(pid, name) == ("0".to_string(), "0".to_string())
}

#[track_caller]
fn wait_for_limits(child: i32) {
    eventually("the child's limits", || is_none(child, "Max core file size").then_some(()));
    eventually("the child's limits", || is_none(child, "Max processes").then_some(()));
}

#[test]
fn no_child_may_fork_or_dump_core_and_only_that_of_upload_writes_files() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let running = lab.start(&["--no-seccomp"]);
        wait_for_limits(running.child);
        let writes = lab.server.ends_with("upload_serveur");
        eventually("the limit of files", || {
            (is_none(running.child, "Max file size") != writes).then_some(())
        });
        assert!(
            !is_none(running.server.pid(), "Max processes")
                && !is_none(running.server.pid(), "Max file size")
        );
    }
}

#[test]
fn without_limits_a_child_has_those_of_the_parent() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let running = lab.start(&["--no-limits"]);
        // The absence of a limit has no event; seccomp is set after the limits.
        if !lacks_seccomp() {
            eventually("the child to be confined", || {
                (running.status(running.child, "Seccomp") == "2").then_some(())
            });
        }
        for name in ["Max processes", "Max core file size", "Max file size"] {
            let _row = Row::of(&name);
            assert_eq!(limit_of(running.child, name), limit_of(running.server.pid(), name), "{name}");
        }
    }
}

#[test]
fn a_child_whose_output_is_a_file_still_prints_to_it() {
    let directory = tempfile::tempdir().unwrap();
    let said = directory.path().join("said");
    let mut command = Command::new(env!("CARGO_BIN_EXE_echo_serveur"));
    command.args(["--port", "0", "-v"]).stdout(std::fs::File::create(&said).unwrap());
    let _server = Program::start_with_its_own_output(&mut command);
    let so_far = || std::fs::read_to_string(&said).unwrap();
    let address = eventually("the first lines", || {
        let said = Some(so_far()).filter(|said| said.contains("limits (no process, no core);"))?;
        said.split_whitespace().find_map(|word| word.parse().ok())
    });
    talk(&mut Peer::connect(address), "a line\n", "a line\n");
    eventually("what the child has printed", || so_far().contains("a line").then_some(()));
}

#[test]
fn a_write_to_a_file_is_an_error_and_not_the_end_of_the_child() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("new").to_str().unwrap().to_string();
    let mut running = CHAT.start(&["--no-seccomp"]);
    let Some(mut held) = running.holds() else { return };
    let (path, byte) = (held.text(&path), held.bytes(b"x"));
    let flags = (libc::O_WRONLY | libc::O_CREAT) as u64;
    let file = held.makes(call(libc::SYS_openat, &[libc::AT_FDCWD as u64, path, flags, 0o600])).unwrap();
    assert_eq!(held.makes(call(libc::SYS_write, &[file as u64, byte, 1])), Err(Errno::EFBIG));
    drop(held);
    (CHAT.talk)(&mut running.clients);
}

#[test]
fn without_root_the_limit_alone_prevents_fork() {
    if !is_root() {
        return;
    }
    for lab in LABS.iter().filter(|lab| !lab.server.ends_with("upload_serveur")) {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&["--no-seccomp", "--user", "nobody"]);
        let Some(mut held) = running.holds() else { return };
        let fork = call(libc::SYS_clone, &[libc::SIGCHLD as u64]);
        assert_eq!(held.makes(fork), Err(Errno::EAGAIN), "fork in a child of {}", lab.server);
        drop(held);
        (lab.talk)(&mut running.clients);
    }
}
