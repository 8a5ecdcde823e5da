//! The sandbox of the children of every lab: a child can serve its client, and nothing else. The
//! tests make real children issue the system calls that an attacker in control of one would try.

mod capabilities;
mod no_seccomp;
mod privilege_drop;
mod resource_limits;
mod traced_child;
mod verbose_report;
use crate::common::*;
use crate::labs::*;
use traced_child::{Call, Held, call};

use nix::errno::Errno;
use nix::libc;
use std::process::Command;

impl Running {
    /// The child, held by ptrace while it waits for its client. `None` where ptrace is not
    /// permitted: the test is recorded as skipped.
    #[track_caller]
    fn holds(&self) -> Option<Held> {
        Held::take(self.child)
    }
}

/// True if the kernel has no seccomp: the test is recorded as skipped.
#[track_caller]
fn lacks_seccomp() -> bool {
    let has = std::fs::read_to_string("/proc/self/status").unwrap().contains("Seccomp:");
    if !has {
        skip(skip::SECCOMP, "/proc/self/status has no line Seccomp");
    }
    !has
}

/// True if the server does not report landlock: the test is recorded as skipped.
#[track_caller]
fn lacks_landlock(server: &Server) -> bool {
    let lacks = !server.program.out.line_with(&["confined"]).contains("landlock");
    if lacks {
        skip(skip::LANDLOCK, "the server reports no landlock");
    }
    lacks
}

/// Calls that the sandbox must refuse, chosen to be harmless where it does not.
#[track_caller]
fn forbidden(held: &Held, parent: i32) -> Vec<(&'static str, Call)> {
    let (nowhere, room) = (held.text("/nowhere/at/all"), held.bytes(&[0; 64]));
    let address = held.bytes(&[libc::AF_INET as u8, 0, 0, 9, 127, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0]);
    let (socket, inet, stream) = (held.socket(), libc::AF_INET as u64, libc::SOCK_STREAM as u64);
    vec![
        ("socket", call(libc::SYS_socket, &[inet, stream, 0])),
        ("connect", call(libc::SYS_connect, &[socket, address, 16])),
        ("bind", call(libc::SYS_bind, &[socket, address, 16])),
        ("accept", call(libc::SYS_accept4, &[socket, 0, 0])),
        ("execve", call(libc::SYS_execve, &[nowhere, 0, 0])),
        ("fork", call(libc::SYS_clone, &[(libc::SIGCHLD | libc::CLONE_PTRACE) as u64])),
        ("kill", call(libc::SYS_kill, &[parent as u64, 0])),
        ("fcntl", call(libc::SYS_fcntl, &[socket, libc::F_GETFL as u64])),
        ("getrlimit", call(libc::SYS_getrlimit, &[libc::RLIMIT_CORE as u64, room])),
        ("truncate", call(libc::SYS_truncate, &[nowhere, 0])),
        ("rename", call(libc::SYS_rename, &[nowhere, nowhere])),
    ]
}

#[test]
fn no_child_can_fork_connect_exec_kill_or_change_a_flag_and_each_still_serves_its_client() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&[]);
        let Some(mut held) = running.holds() else { return };
        for (what, call) in forbidden(&held, running.server.pid()) {
            let _row = Row::of(&what);
            assert_eq!(held.makes(call), Err(Errno::EPERM), "{what} in a child of {}", lab.server);
        }
        // Where it is a socket, as under systemd, that would end the log of all.
        for shared in 0..3 {
            let shutdown = call(libc::SYS_shutdown, &[shared, libc::SHUT_RDWR as u64]);
            for call in [shutdown, call(libc::SYS_dup, &[shared])] {
                assert_eq!(held.makes(call), Err(Errno::EPERM), "{call:?} in a child of {}", lab.server);
            }
        }
        drop(held);
        (lab.talk)(&mut running.clients);
    }
}

/// Calls that open this file, for reading and for appending.
#[track_caller]
fn openings(held: &Held, path: &str) -> Vec<Call> {
    let (path, here) = (held.text(path), libc::AT_FDCWD as u64);
    let open = |flags: i32| {
        let flags = flags as u64;
        let how = held.bytes(&[flags.to_ne_bytes(), [0; 8], [0; 8]].concat());
        [
            call(libc::SYS_open, &[path, flags]),
            call(libc::SYS_openat, &[here, path, flags]),
            call(libc::SYS_openat2, &[here, path, how, 24]),
        ]
    };
    [libc::O_RDONLY, libc::O_WRONLY | libc::O_APPEND].into_iter().flat_map(open).collect()
}

#[test]
fn no_child_can_open_a_file_and_that_of_upload_none_outside_its_directory() {
    if lacks_seccomp() {
        return;
    }
    let somewhere = tempfile::NamedTempFile::new().unwrap();
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&["-v"]);
        let is_upload = lab.server.ends_with("upload_serveur");
        if is_upload && lacks_landlock(&running.server) {
            return;
        }
        let Some(mut held) = running.holds() else { return };
        for call in openings(&held, somewhere.path().to_str().unwrap()) {
            let _row = Row::of(&call);
            let may_open = is_upload && call.0 != libc::SYS_open;
            // EACCES comes from landlock, where seccomp admits the call.
            let refused = if may_open { Errno::EACCES } else { Errno::EPERM };
            assert_eq!(held.makes(call), Err(refused), "{call:?} in a child of {}", lab.server);
        }
        drop(held);
        (lab.talk)(&mut running.clients);
    }
}

#[test]
fn without_seccomp_none_of_these_calls_is_refused() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let mut running = lab.start(&["--no-seccomp", "--no-limits"]);
        let Some(mut held) = running.holds() else { return };
        for (what, call) in forbidden(&held, running.server.pid()) {
            let _row = Row::of(&what);
            // It may fail for another reason, such as EISCONN.
            assert_ne!(held.makes(call), Err(Errno::EPERM), "{what} in a child of {}", lab.server);
        }
        let passwd = openings(&held, "/etc/passwd");
        assert!(passwd.iter().all(|&call| held.makes(call).is_ok()), "a file in a child of {}", lab.server);
        drop(held);
        assert_eq!(running.status(running.child, "Seccomp"), "0");
        (lab.talk)(&mut running.clients);
    }
}

/// For a server on a terminal. Standard error stays open, for the message of a panic.
#[test]
fn a_child_of_the_messenger_neither_reads_the_keyboard_nor_writes_to_the_screen() {
    for confined in [true, false] {
        let _row = Row::of(&confined);
        let off: &[&str] = if confined { &[] } else { &["--no-limits", "--no-seccomp"] };
        let mut terminal = Terminal::start(SERVER, &[&["--bind", "127.0.0.1", "--port", "0"], off].concat());
        let address = terminal.screen.wait_for("the address", |said| {
            let line =
                String::from_utf8_lossy(said.split_inclusive(|&byte| byte == b'\n').next()?).into_owned();
            line.ends_with('\n').then(|| line.split_whitespace().find_map(|word| word.parse().ok()))?
        });
        let _client = Peer::connect(address);
        let child = eventually("a child", || children_of(terminal.pid()).first().copied());
        let Some(mut held) = Held::take(child) else { return };
        terminal.types("secret\r");
        terminal.shows("secret\r\n");
        let (forged, room) = (held.bytes(b"(forged)"), held.bytes(&[0; 64]));
        let [keyboard, screen] =
            [call(libc::SYS_read, &[0, room, 64]), call(libc::SYS_write, &[1, forged, 8])];
        assert_eq!(held.makes(keyboard), Ok(if confined { 0 } else { 7 }));
        assert_eq!(held.makes(screen), Ok(8));
        if confined {
            assert_eq!(held.makes(call(libc::SYS_read, &[2, room, 64])), Err(Errno::EBADF));
        }
        drop(held);
        send(child, nix::sys::signal::Signal::SIGKILL);
        terminal.shows("SIGKILL");
        assert_eq!(terminal.screen.so_far().contains("(forged)"), !confined);
    }
}

#[test]
fn the_parent_is_not_confined() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let running = lab.start(&[]);
        assert_eq!(running.status(running.server.pid(), "Seccomp"), "0");
        assert_eq!(running.status(running.server.pid(), "NoNewPrivs"), "0");
    }
}

#[test]
fn proc_shows_the_confinement_of_a_child() {
    if lacks_seccomp() {
        return;
    }
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let running = lab.start(&[]);
        eventually("the child to be confined", || {
            (running.status(running.child, "Seccomp") == "2").then_some(())
        });
        assert_eq!(running.status(running.child, "NoNewPrivs"), "1");
    }
}
