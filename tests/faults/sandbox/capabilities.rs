//! Root's children, without `--user`: none of root's capabilities.

use super::*;
use std::fs::Permissions;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::process::Command;

const SETS: [&str; 5] = ["CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"];

#[track_caller]
fn capabilities_of(running: &Running, pid: i32) -> [u64; 5] {
    SETS.map(|set| u64::from_str_radix(&running.status(pid, set), 16).unwrap())
}

/// Waits until the child is confined, with these capabilities, permitted and effective, alone.
#[track_caller]
fn has_alone(running: &Running, capabilities: u64) {
    eventually("a child without root's capabilities", || {
        let expected = [0, capabilities, capabilities, 0, 0];
        (capabilities_of(running, running.child) == expected).then_some(())
    });
    assert_eq!(running.status(running.child, "NoNewPrivs"), "1");
    assert_eq!(running.status(running.child, "Uid"), "0\t0\t0\t0");
}

#[test]
fn no_child_of_root_has_a_capability_and_each_serves_its_client() {
    if !is_root() {
        return;
    }
    for lab in LABS {
        for more in [&["-v"][..], &["-v", "--no-seccomp", "--no-limits"]] {
            let _row = Row::of(&(lab.server, more));
            let mut running = lab.start(more);
            has_alone(&running, 0);
            assert_ne!(capabilities_of(&running, running.server.pid())[2], 0);
            running.server.program.out.line_with(&["root", "capabilities"]);
            (lab.talk)(&mut running.clients);
        }
    }
}

/// A call that is root's alone, made by the child itself.
#[test]
fn a_child_of_root_cannot_regain_or_use_a_capability() {
    if !is_root() {
        return;
    }
    let mut running = CHAT.start(&["--no-seccomp", "--no-limits"]);
    let Some(mut held) = running.holds() else { return };
    let (root, empty) = (held.text("/"), held.text(""));
    for (what, call) in [
        ("chroot", call(libc::SYS_chroot, &[root])),
        ("sethostname", call(libc::SYS_sethostname, &[empty, 0])),
        ("setuid", call(libc::SYS_setuid, &[65534])),
    ] {
        let _row = Row::of(&what);
        assert_eq!(held.makes(call), Err(Errno::EPERM));
    }
    drop(held);
    (CHAT.talk)(&mut running.clients);
}

#[test]
fn a_child_that_writes_to_another_users_directory_keeps_the_capability_for_that_alone() {
    if !is_root() {
        return;
    }
    let landing = tempfile::tempdir().unwrap();
    chown(landing.path(), Some(65534), Some(65534)).unwrap();
    let upload = &LABS[5];
    let server = Server::of(upload.server, &["-v", "--dir", landing.path().to_str().unwrap()]);
    let mut clients = vec![server.connect()];
    let child = server.wait_for_children(1)[0];
    let running = Running { server, clients: Vec::new(), child };
    running.server.program.out.line_with(&["CAP_DAC_OVERRIDE"]);
    // Bit 1.
    has_alone(&running, 2);
    (upload.talk)(&mut clients);
    assert_eq!(std::fs::metadata(landing.path().join("received.txt")).unwrap().uid(), 0);
}

/// A service with another capability, as `setcap cap_net_bind_service` or a container gives it.
#[test]
fn a_child_keeps_no_capability_that_its_server_does_not_have() {
    if !is_root() {
        return;
    }
    let landing = tempfile::tempdir().unwrap();
    chown(landing.path(), Some(65534), Some(65534)).unwrap();
    std::fs::set_permissions(landing.path(), Permissions::from_mode(0o777)).unwrap();
    let upload = &LABS[5];
    let mut command = Command::new("setpriv");
    command.args(["--bounding-set=-all,+net_bind_service", upload.server, "--bind", "127.0.0.1"]);
    command.args(["-v", "--port", "0", "--dir", landing.path().to_str().unwrap()]);
    let server = Server::from(&mut command);
    let mut clients = vec![server.connect()];
    server.program.out.line_with(&["none of root's capabilities"]);
    (upload.talk)(&mut clients);
    assert!(landing.path().join("received.txt").exists());
}
