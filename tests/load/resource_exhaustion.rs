//! Descriptors, processes or memory that the system does not give: who cannot come in is told why or waits, those inside talk
//! on, the server does not spin, and goes on by itself as soon as it gets what it lacked.

use crate::common::*;

use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

/// The share of one processor that `pid` uses during `work`, which takes its time. Less on a machine that is busy elsewhere.
#[track_caller]
fn share_of_cpu(pid: i32, work: impl FnOnce()) -> f64 {
    let (used, began) = (cpu_time_of(pid), Instant::now());
    work();
    (cpu_time_of(pid) - used).as_secs_f64() / began.elapsed().as_secs_f64()
}

#[test]
fn with_64_descriptors_a_hundred_clients_all_get_in_one_after_the_other() {
    let _machine = crate::beside_others();
    let server = Server::from(Command::new("sh").args([
        "-c",
        "ulimit -n 64; exec \"$0\" --bind 127.0.0.1 --port 0",
        SERVER,
    ]));
    server.program.err.line_with(&["limite de 64 descripteurs"]);
    let mut peers: Vec<Peer> = (0..100).map(|_| server.connect()).collect();
    server.program.err.line_with(&["accept impossible", "Too many open files"]);
    let inside = server.children().len();
    assert!((40..64).contains(&inside), "{inside} of 100");
    // Those inside talk on.
    peers[0].sends("dedans\0");
    peers[..inside].iter_mut().for_each(|peer| peer.hears("dedans\0\0"));
    // A server that spins would use all of a core; this one waits.
    let share = share_of_cpu(server.pid(), || thread::sleep(Duration::from_secs(2)));
    assert!(share < 0.05, "{:.1}% of a processor", share * 100.0);
    // As one leaves, one who has waited comes in, and says so itself; the first are the first.
    for number in inside..100 {
        drop(peers.remove(0));
        let mut next = peers[inside - 1].also();
        next.sends(format!("enfin {number}\0"));
        next.hears_up_to(&format!("enfin {number}\0"));
    }
    // The shortage was told once, not at every try.
    assert_eq!(server.program.err.so_far().matches("accept impossible").count(), 1);
}

/// A server run by a user who is nobody else: RLIMIT_NPROC counts a user's processes, and binds everybody but root.
struct OfALoneUser {
    server: Server,
    user: String,
    _directory: tempfile::TempDir,
}

/// As the user with the number `user`.
fn run_as(user: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), "--regid=65534", "--clear-groups"]);
    command
}

impl OfALoneUser {
    /// Under `command`, such as prlimit(1). `None` for whoever is not root: the test is recorded as skipped.
    #[track_caller]
    fn start(number: u32, command: &[&str]) -> Option<OfALoneUser> {
        if !is_root() {
            return None;
        }
        let user = (100_000 + std::process::id() * 2 + number).to_string();
        let (_directory, binary) = server_for_nobody();
        let mut run = run_as(&user);
        let server =
            Server::from(run.args(command).arg(&binary).args(["--bind", "127.0.0.1", "--port", "0"]));
        Some(OfALoneUser { server, user, _directory })
    }

    /// Sets how many processes the user of this server, which runs, may have.
    #[track_caller]
    fn may_have(&self, count: &str) {
        let limit = ["prlimit", "--pid", &self.server.pid().to_string(), &format!("--nproc={count}:")];
        let set = run_as(&self.user).args(limit).status();
        assert!(set.expect("setpriv of util-linux").success());
    }
}

/// A client that is told that there is no process for it.
#[track_caller]
fn is_told_why(server: &Server) {
    let told = String::from_utf8(server.connect().hears_the_end()).unwrap();
    assert!(told.contains("ne peut plus créer de processus") && told.ends_with('\0'), "{told}");
}

#[test]
fn at_the_limit_of_processes_who_comes_is_told_why_and_who_leaves_makes_room() {
    let _machine = crate::beside_others();
    let Some(OfALoneUser { ref server, .. }) = OfALoneUser::start(0, &["prlimit", "--nproc=21"]) else {
        return;
    };
    // The first process and its children: 21.
    let mut inside: Vec<Peer> = (0..20).map(|_| server.join()).collect();
    is_told_why(server);
    server.program.err.line_with(&["refusé : fork impossible", "Resource temporarily unavailable"]);
    for _ in 0..3 {
        inside.remove(0);
        server.wait_for_children(19);
        inside.push(server.join());
        is_told_why(server);
    }
    inside[19].sends("entré\0");
    inside.iter_mut().for_each(|peer| peer.hears_up_to("entré\0"));
}

#[test]
fn after_a_hundred_forks_that_failed_the_next_client_is_served_without_a_restart() {
    let _machine = crate::beside_others();
    let Some(lone) = OfALoneUser::start(1, &[]) else { return };
    let server = &lone.server;
    let mut inside = server.join();
    let before = descriptors_of(server.pid());
    lone.may_have("1");
    let share = share_of_cpu(server.pid(), || {
        for _ in 0..100 {
            is_told_why(server);
            // Fifty a second at most: a modest rate.
            thread::sleep(Duration::from_millis(20));
        }
    });
    assert!(share < 0.05, "{:.1}% of a processor", share * 100.0);
    assert_eq!(server.program.err.so_far().matches("refusé : fork impossible").count(), 100);
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
    lone.may_have("100");
    server.join().sends("enfin\0");
    inside.hears("enfin\0\0");
}
