//! A host that vanishes silently, as if a cable were pulled: the server detects it within two
//! minutes. One test waits for that, for several servers at once.

use crate::common::*;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// The timers of the kernel (110 s here) can be set, not sped up.
const FIVE_MINUTES: Duration = Duration::from_secs(300);

/// Two network namespaces, each held by one process, connected by a veth pair.
struct Hosts {
    near: Program,
    far: Program,
}

const NEAR: &str = "192.0.2.1";
const FAR: &str = "192.0.2.2";

/// A command in the network namespace of a host.
fn on(host: &Program, program: &str) -> Command {
    let mut command = Command::new("nsenter");
    command.arg(format!("--net=/proc/{}/ns/net", host.pid())).arg(program);
    command
}

#[track_caller]
fn ip(host: &Program, arguments: &str) {
    let done = on(host, "ip").args(arguments.split(' ')).status().expect("ip of iproute2");
    assert!(done.success(), "ip {arguments}");
}

impl Hosts {
    /// `None` where network namespaces are not permitted: the test is recorded as skipped.
    #[track_caller]
    fn start() -> Option<Hosts> {
        if !Command::new("unshare").args(["--net", "true"]).status().is_ok_and(|done| done.success()) {
            skip(skip::NETWORK_NAMESPACE, "unshare --net failed");
            return None;
        }
        let [near, far] = [NEAR, FAR].map(|_| Program::start(Command::new("unshare").args(["--net", "cat"])));
        for host in [&near, &far] {
            eventually("the host's own network", || (name_of(host.pid()) == "cat").then_some(()));
        }
        ip(&near, &format!("link add near type veth peer name far netns {}", far.pid()));
        for (host, device, address) in [(&near, "near", NEAR), (&far, "far", FAR)] {
            let _row = Row::of(&device);
            ip(host, &format!("address add {address}/24 dev {device}"));
            ip(host, &format!("link set {device} up"));
        }
        ip(&near, "link set lo up");
        Some(Hosts { near, far })
    }

    #[track_caller]
    fn server(&self) -> Server {
        Server::from(on(&self.near, SERVER).args(["--port", "0"]))
    }

    #[track_caller]
    fn cut(&self) {
        ip(&self.far, "link set far down");
    }
}

/// `chat_client` on `host`, connected.
#[track_caller]
fn client_on(host: &Program, address: &str, pseudo: &str, server: &Server) -> Program {
    let client = Program::start(on(host, CLIENT).args([address, pseudo, "--port", &server.port()]));
    client.out.line_about(SocketAddr::new(address.parse().expect("an address"), server.address.port()));
    client
}

/// The connections of a server with the far host and their timers, as `ss -o` shows them.
#[track_caller]
fn timers(hosts: &Hosts, server: &Server) -> String {
    let shown = on(&hosts.near, "ss").args(["-Htno", "dst", FAR, "sport", "=", &server.port()]).output();
    String::from_utf8(shown.expect("ss of iproute2").stdout).unwrap()
}

/// Asserts that the server reports the loss of the far client, with the reason, and frees its
/// descriptors.
#[track_caller]
fn has_found_out(server: &Server, before: &[(i32, String)]) {
    eventually_within(FIVE_MINUTES, "the far host to be reported lost, and why", || {
        let reasons = ["Connection timed out", "No route to host"];
        let is_report = |line: &str| line.contains(FAR) && reasons.iter().any(|why| line.contains(why));
        server.program.out.so_far().lines().any(is_report).then_some(())
    });
    eventually("descriptors as before", || (descriptors_of(server.pid()) == before).then_some(()));
}

/// A room on loopback with 1 MB of messages that a stopped but live client has not read.
struct Paused {
    server: Server,
    client: Peer,
    said: usize,
}

impl Paused {
    #[track_caller]
    fn start() -> Paused {
        let server = Server::start(&["-q", "--pace", "0"]);
        let (mut speaker, client) = (server.connect(), server.connect());
        server.wait_for_children(2);
        for _ in 0..10 {
            speaker.sends(format!("{}\0", "x".repeat(999)).repeat(100));
            assert_eq!(speaker.strings(100).len(), 100);
        }
        Paused { server, client, said: 1000 }
    }

    /// After more time than the server allows a vanished host, the client reads on.
    #[track_caller]
    fn reads_on(mut self) {
        if !has_rto_max() {
            return skip(skip::LINUX_6_15, "an older kernel takes a closed window for a vanished host");
        }
        assert_eq!(self.client.strings(self.said).len(), self.said);
        assert_eq!(self.server.children().len(), 1);
    }
}

/// True from Linux 6.15, which has TCP_RTO_MAX_MS.
#[track_caller]
fn has_rto_max() -> bool {
    let release = std::fs::read_to_string("/proc/sys/kernel/osrelease").unwrap();
    let mut numbers = release.split(['.', '-']).map_while(|number| number.trim().parse::<u32>().ok());
    (numbers.next(), numbers.next()) >= (Some(6), Some(15))
}

#[test]
fn a_vanished_host_is_detected_idle_or_not_and_a_paused_one_is_kept() {
    let Some(hosts) = Hosts::start() else { return };
    let paused = Paused::start();
    let (silent, talking) = (hosts.server(), hosts.server());
    let empty = descriptors_of(silent.pid());
    let _far = client_on(&hosts.far, NEAR, "loin", &silent);
    let mut alice = client_on(&hosts.near, "127.0.0.1", "alice", &talking);
    talking.program.out.line_with(&["nouveau client 127.0.0.1"]);
    let without_the_far_one = descriptors_of(talking.pid());
    let _far_too = client_on(&hosts.far, NEAR, "loin", &talking);
    for server in [&silent, &talking] {
        server.program.out.line_with(&["nouveau client", FAR]);
    }
    hosts.cut();
    alice.types("es-tu là ?\n");
    eventually("unacknowledged bytes", || timers(&hosts, &talking).contains("timer:(on,").then_some(()));
    let shown = timers(&hosts, &silent);
    assert!(shown.contains("timer:(keepalive,"), "{shown}");
    has_found_out(&silent, &empty);
    has_found_out(&talking, &without_the_far_one);
    assert_eq!((silent.children().len(), talking.children().len()), (0, 1));
    paused.reads_on();
    // The room goes on.
    alice.types("tant pis\n");
    alice.out.line_with(&["alice : tant pis"]);
}

#[test]
fn every_server_enables_keepalive_on_its_connections() {
    let servers = [
        SERVER,
        env!("CARGO_BIN_EXE_direct_serveur"),
        env!("CARGO_BIN_EXE_echo_serveur"),
        env!("CARGO_BIN_EXE_calc_serveur"),
        env!("CARGO_BIN_EXE_upload_serveur"),
        env!("CARGO_BIN_EXE_relay_serveur"),
    ];
    let place = tempfile::tempdir().unwrap();
    for program in servers {
        let _row = Row::of(&program);
        let mut command = Command::new(program);
        let server =
            Server::from(command.args(["--bind", "127.0.0.1", "--port", "0"]).current_dir(place.path()));
        let _client = server.connect();
        eventually(&format!("keepalive on a connection of {program}"), || {
            let shown = Command::new("ss").args(["-Htno", "sport", "=", &server.port()]).output();
            let shown = String::from_utf8(shown.expect("ss of iproute2").stdout).unwrap();
            // At most the minute that is set, and more than half of it: not the two hours of the
            // system default.
            let left = shown.split("timer:(keepalive,").nth(1)?.split("sec").next()?.parse::<u32>().ok()?;
            (30..60).contains(&left).then_some(())
        });
    }
}
