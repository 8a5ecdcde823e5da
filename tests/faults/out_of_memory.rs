//! The out-of-memory killer takes a child, not the first process.

use crate::common::*;
use crate::labs::*;

use std::path::PathBuf;

#[track_caller]
fn score_of(pid: i32) -> i32 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/oom_score_adj")).unwrap();
    text.trim().parse().unwrap()
}

#[test]
fn every_child_has_a_higher_score_than_its_server() {
    let own = score_of(std::process::id() as i32);
    for lab in LABS {
        let _row = Row::of(&lab.server);
        for more in [&[][..], &["--user", "nobody"]] {
            let _row = Row::of(&more);
            let as_user = !more.is_empty();
            // Nobody may not write to the directory of upload.
            if as_user && (!is_root() || lab.server.ends_with("upload_serveur")) {
                continue;
            }
            let running = lab.start(more);
            // The child raises it itself, a moment after its fork.
            eventually("the child's score", || {
                (score_of(running.child) == 1000.min(own + 500)).then_some(())
            });
            eventually("the server's own score again", || {
                (score_of(running.server.pid()) == own).then_some(())
            });
        }
    }
}

/// A memory cgroup, version 1 or 2, deleted when dropped.
struct Group {
    path: PathBuf,
    limit: &'static str,
}

impl Group {
    /// `None` where none can be made: the test is recorded as skipped.
    #[track_caller]
    fn make() -> Option<Group> {
        let name = format!("forklab-test-{}", std::process::id());
        let versions = [("/sys/fs/cgroup/memory", "memory.limit_in_bytes"), ("/sys/fs/cgroup", "memory.max")];
        for (root, limit) in versions {
            let path = PathBuf::from(root).join(&name);
            if std::fs::create_dir(&path).is_ok() {
                let group = Group { path, limit };
                if group.path.join(limit).exists() {
                    return Some(group);
                }
            }
        }
        skip(skip::MEMORY_CGROUP, "no memory cgroup can be made in /sys/fs/cgroup");
        None
    }

    #[track_caller]
    fn write(&self, file: &str, text: impl ToString) {
        let path = self.path.join(file);
        std::fs::write(&path, text.to_string()).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        // Its processes may be in their last moments.
        let end = std::time::Instant::now() + PATIENCE;
        while std::fs::remove_dir(&self.path).is_err() && std::time::Instant::now() < end {
            std::thread::sleep(std::time::Duration::from_millis(5));
        }
    }
}

/// Clients arrive until their memory is more than the group may have.
#[test]
fn when_memory_is_short_clients_are_lost_and_not_the_room() {
    let Some(group) = Group::make() else { return };
    let server = Server::start(&["-q", "--max-clients", "5000"]);
    let _stays = server.connect();
    server.wait_for_children(1);
    group.write("cgroup.procs", server.pid());
    group.write(group.limit, 24 << 20);
    let mut clients = Vec::new();
    eventually("a child to be killed for its memory", || {
        clients.extend((0..20).map(|_| server.connect()));
        server.program.err.so_far().contains("SIGKILL").then_some(())
    });
    clients.clear();
    assert!(is_alive(server.pid()));
    group.write(group.limit, 1 << 30);
    let mut peer = server.connect();
    peer.sends("encore là\0");
    peer.hears("encore là\0\0");
}
