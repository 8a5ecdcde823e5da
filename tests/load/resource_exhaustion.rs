//! Shortage of descriptors or processes: new clients are refused with the reason, or a client of
//! the address that has the most gives way; connected clients talk on, the server does not spin,
//! and it recovers by itself.

use crate::common::*;

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::process::Command;
use std::thread;
use std::time::{Duration, Instant};

const ELSEWHERE: IpAddr = IpAddr::V4(Ipv4Addr::new(127, 0, 0, 2));

/// The share of one processor that `pid` uses while `work` runs. Lower on a busy machine.
#[track_caller]
fn share_of_cpu(pid: i32, work: impl FnOnce()) -> f64 {
    let (used, began) = (cpu_time_of(pid), Instant::now());
    work();
    (cpu_time_of(pid) - used).as_secs_f64() / began.elapsed().as_secs_f64()
}

/// A server with few descriptors.
#[track_caller]
fn with_64_descriptors(options: &str) -> Server {
    let limited = format!("ulimit -n 64; exec \"$0\" --bind 127.0.0.1 --port 0 {options}");
    Server::from(Command::new("sh").args(["-c", &limited, SERVER]))
}

#[test]
fn with_64_descriptors_as_many_clients_are_admitted_as_fit_and_the_others_are_told() {
    let _machine = crate::beside_others();
    let server = with_64_descriptors("");
    server.program.err.line_with(&["limite de 64 descripteurs", "44 clients au plus"]);
    let (mut peers, mut refused) = (Vec::new(), Vec::new());
    for number in 0..100 {
        if number < 44 { peers.push(server.join()) } else { refused.push(server.connect()) }
    }
    for mut peer in refused {
        let notice = String::from_utf8(peer.hears_the_end()).unwrap();
        assert!(notice.contains("la salle est pleine (44 clients au plus)"), "{notice}");
    }
    // The connected clients talk on.
    peers[0].sends("dedans\0");
    peers.iter_mut().for_each(|peer| peer.hears("dedans\0\0"));
    // A server that spins would use a whole core.
    let share = share_of_cpu(server.pid(), || thread::sleep(Duration::from_secs(2)));
    assert!(share < 0.05, "{:.1}% of a processor", share * 100.0);
    for number in 0..20 {
        let address = peers[0].stream.local_addr().unwrap().to_string();
        drop(peers.remove(0));
        server.program.out.line_with(&[&address, "terminé"]);
        let mut next = server.join();
        next.sends(format!("enfin {number}\0"));
        next.hears_up_to(&format!("enfin {number}\0"));
        peers.push(next);
    }
}

#[test]
fn one_address_that_takes_all_descriptors_keeps_no_stranger_out() {
    let _machine = crate::beside_others();
    let server = with_64_descriptors("");
    // Many are refused, and keep their ends open.
    let _silent: Vec<Peer> = (0..120).map(|_| server.connect()).collect();
    let mut stranger = Peer::connect_from(ELSEWHERE, server.address);
    stranger.sends("from elsewhere\0");
    stranger.hears("from elsewhere\0\0");
}

/// A server of a user without other processes: RLIMIT_NPROC counts the processes of a user, and
/// does not bind root.
struct ServerOfLoneUser {
    server: Server,
    user: String,
    _directory: tempfile::TempDir,
}

/// A command that runs as the user ID `user`.
fn run_as(user: &str) -> Command {
    let mut command = Command::new("setpriv");
    command.args([&format!("--reuid={user}"), "--regid=65534", "--clear-groups"]);
    command
}

impl ServerOfLoneUser {
    /// Starts a server under `command`, such as prlimit(1). `None` without root: the test is
    /// recorded as skipped.
    #[track_caller]
    fn start(program: &str, number: u32, command: &[&str], options: &[&str]) -> Option<ServerOfLoneUser> {
        if !is_root() {
            return None;
        }
        let user = (100_000 + std::process::id() * 16 + number).to_string();
        let (_directory, binary) = for_nobody(program);
        let mut run = run_as(&user);
        let server = Server::from(
            run.args(command).arg(&binary).args(["--bind", "127.0.0.1", "--port", "0"]).args(options),
        );
        Some(ServerOfLoneUser { server, user, _directory })
    }

    /// Sets RLIMIT_NPROC of the running server.
    #[track_caller]
    fn may_have(&self, count: &str) {
        let limit = ["prlimit", "--pid", &self.server.pid().to_string(), &format!("--nproc={count}:")];
        let set = run_as(&self.user).args(limit).status();
        assert!(set.expect("setpriv of util-linux").success());
    }
}

#[track_caller]
fn web_of(server: &Server) -> SocketAddr {
    let url = server.program.out.web_url();
    url.trim_start_matches("http://").trim_end_matches('/').parse().expect("an address")
}

/// Asserts that a new client is refused for want of a process.
#[track_caller]
fn is_refused(server: &Server) {
    let notice = String::from_utf8(server.connect().hears_the_end()).unwrap();
    assert!(notice.contains("ne peut plus créer de processus") && notice.ends_with('\0'), "{notice}");
}

#[test]
fn at_the_limit_of_processes_a_client_is_refused_with_the_reason_until_one_leaves() {
    let _machine = crate::beside_others();
    let Some(ServerOfLoneUser { ref server, .. }) =
        ServerOfLoneUser::start(SERVER, 0, &["prlimit", "--nproc=21"], &[])
    else {
        return;
    };
    // The parent and 20 children: 21.
    let mut inside: Vec<Peer> = (0..20).map(|_| server.join()).collect();
    is_refused(server);
    server.program.err.line_with(&["refusé : fork impossible", "Resource temporarily unavailable"]);
    for _ in 0..3 {
        inside.remove(0);
        server.wait_for_children(19);
        inside.push(server.join());
        is_refused(server);
    }
    inside[19].sends("entré\0");
    inside.iter_mut().for_each(|peer| peer.hears_up_to("entré\0"));
    // One of another address takes the place of one that has said nothing.
    let mut stranger = Peer::connect_from(ELSEWHERE, server.address);
    stranger.sends("d'ailleurs\0");
    stranger.hears_up_to("d'ailleurs\0");
    let notice = String::from_utf8(inside[0].hears_the_end()).unwrap();
    assert!(notice.contains("votre place va à une autre adresse"), "{notice}");
}

#[test]
fn one_address_that_takes_all_processes_keeps_no_page_of_a_stranger_out() {
    let _machine = crate::beside_others();
    let Some(lone) = ServerOfLoneUser::start(SERVER, 3, &["prlimit", "--nproc=4"], &["--web", "0"]) else {
        return;
    };
    let server = &lone.server;
    let mut silent = [(); 3].map(|()| server.join());
    is_refused(server);
    let web = web_of(server);
    let mut page = Peer::connect_from(ELSEWHERE, web);
    page.sends(format!("GET / HTTP/1.1\r\nHost: {web}\r\n\r\n"));
    page.hears_up_to("HTTP/1.1 200");
    silent[0].hears_up_to("votre place va à une autre adresse");
}

#[test]
fn one_address_that_takes_all_processes_of_a_lab_keeps_no_stranger_out() {
    let _machine = crate::beside_others();
    let echo = env!("CARGO_BIN_EXE_echo_serveur");
    let Some(lone) = ServerOfLoneUser::start(echo, 2, &["prlimit", "--nproc=4"], &[]) else { return };
    let server = &lone.server;
    let mut silent = [(); 3].map(|()| server.connect_served().0);
    let told = String::from_utf8(server.connect().hears_the_end()).unwrap();
    assert!(told.contains("cannot make another process"), "{told}");
    let mut stranger = Peer::connect_from(ELSEWHERE, server.address);
    stranger.sends("from elsewhere");
    stranger.hears("from elsewhere");
    silent[0].hears_the_end();
    silent[2].sends("still served");
    silent[2].hears("still served");
}

/// Its old child is not reaped yet as a pair becomes free.
#[test]
fn the_relays_line_waits_while_no_child_can_be_forked() {
    let _machine = crate::beside_others();
    let relay = env!("CARGO_BIN_EXE_relay_serveur");
    let Some(lone) = ServerOfLoneUser::start(relay, 8, &["prlimit", "--nproc=2"], &["--pairs", "2"]) else {
        return;
    };
    let server = &lone.server;
    let pair = || {
        let mut pair = [(); 2].map(|()| server.connect());
        pair[0].hears("1\0emi\0");
        pair[1].hears("2\0rec\0");
        pair
    };
    let (_first, second) = (pair(), pair());
    let mut waiting: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    eventually("the line", || (server.program.out.so_far().matches("attente").count() >= 4).then_some(()));
    drop(second);
    waiting[0].hears("1\0emi\0");
    waiting[1].hears("2\0rec\0");
    drop(waiting.drain(..2));
    waiting[0].hears("1\0emi\0");
}

#[test]
fn strangers_that_come_together_each_get_a_process_of_the_one_address_that_has_all() {
    let _machine = crate::beside_others();
    for (number, program) in [(6, SERVER), (7, env!("CARGO_BIN_EXE_echo_serveur"))] {
        let _row = Row::of(&program);
        let Some(lone) = ServerOfLoneUser::start(program, number, &["prlimit", "--nproc=13"], &[]) else {
            return;
        };
        let server = &lone.server;
        let _inside = [(); 12].map(|()| server.connect_served());
        server.program.signal(nix::sys::signal::Signal::SIGSTOP);
        let mut strangers = [2, 3, 4, 5].map(|host| {
            let address = IpAddr::V4(Ipv4Addr::new(127, 0, 0, host));
            let mut stranger = Peer::connect_from(address, server.address);
            stranger.sends("d'ailleurs\0");
            stranger
        });
        server.program.signal(nix::sys::signal::Signal::SIGCONT);
        strangers.iter_mut().for_each(|stranger| stranger.hears_up_to("d'ailleurs"));
        eventually("as many processes", || (server.children().len() == 12).then_some(()));
    }
}

/// Other programs of the user have all processes: one that ends is of no use.
#[test]
fn processes_that_are_freed_in_vain_cost_few_clients() {
    let _machine = crate::beside_others();
    for (number, program) in [(4, SERVER), (5, env!("CARGO_BIN_EXE_echo_serveur"))] {
        let _row = Row::of(&program);
        let Some(lone) = ServerOfLoneUser::start(program, number, &[], &[]) else { return };
        let server = &lone.server;
        let _inside = [(); 8].map(|()| server.connect_served());
        lone.may_have("1");
        for _ in 0..8 {
            let told = Peer::connect_from(ELSEWHERE, server.address).hears_the_end();
            assert!(String::from_utf8_lossy(&told).contains("process"), "{told:?}");
        }
        // The first, the second a second later, the third two seconds later.
        assert!(server.children().len() >= 3);
        lone.may_have("100");
        let before = server.children().len();
        let _stranger = Peer::connect_from(ELSEWHERE, server.address);
        server.wait_for_children(before + 1);
    }
}

#[test]
fn after_a_hundred_failed_forks_the_next_client_is_served_without_a_restart() {
    let _machine = crate::beside_others();
    let Some(lone) = ServerOfLoneUser::start(SERVER, 1, &[], &[]) else { return };
    let server = &lone.server;
    let mut inside = server.join();
    let before = descriptors_of(server.pid());
    lone.may_have("1");
    let share = share_of_cpu(server.pid(), || {
        for _ in 0..100 {
            is_refused(server);
            // At most fifty attempts a second.
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

#[test]
fn out_of_descriptors_connections_outside_the_room_give_way() {
    let _machine = crate::beside_others();
    let server = with_64_descriptors("--web 0");
    let web = web_of(&server);
    let silent: Vec<Peer> = (0..80).map(|_| Peer::connect(web)).collect();
    server.program.err.line_with(&["accept impossible", "Too many open files"]);
    // Clients of the room, as many as there are descriptors.
    let mut peers: Vec<Peer> = (0..30).map(|_| server.join()).collect();
    peers[29].sends("entré\0");
    peers.iter_mut().for_each(|peer| peer.hears_up_to("entré\0"));
    drop(silent);
}
