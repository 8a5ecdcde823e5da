//! A host that vanishes silently, as if a cable were pulled, and a path that dies in between:
//! servers and clients detect it within two minutes. Two tests wait for that at the same time, for
//! several servers and clients at once.

use super::network::*;
use crate::common::*;

use std::net::SocketAddr;
use std::process::Command;
use std::time::Duration;

/// The timers of the kernel (101 s at most) can be set, not sped up.
const FIVE_MINUTES: Duration = Duration::from_secs(300);

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
    hosts.pulls_the_cable();
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

/// Waits for the end of a client after its server has vanished: status 1, and one line with the
/// reason, after one for each of `lost` messages.
#[track_caller]
fn gives_up(client: &mut Program, lost: usize) {
    let status = eventually_within(FIVE_MINUTES, "the end of a client", || client.child.try_wait().unwrap());
    let said = client.err.to_the_end();
    assert_eq!((status.code(), said.lines().count()), (Some(1), 1 + lost), "{said}");
    let reasons = ["ne répond plus", "timed out", "No route to host"];
    assert!(reasons.iter().any(|reason| said.contains(reason)), "{said}");
}

#[test]
fn clients_notice_a_dead_path_and_an_own_line_is_never_shown_as_said_nor_doubled() {
    let Some(hosts) = Hosts::start() else { return };
    let server = hosts.server();
    let echo = Server::from(
        on(&hosts.near, env!("CARGO_BIN_EXE_echo_serveur")).args(["--bind", "0.0.0.0", "--port", "0"]),
    );
    let near = client_on(&hosts.near, "127.0.0.1", "alice", &server);
    let mut idle = client_on(&hosts.far, NEAR, "muet", &server);
    let mut talking = client_on(&hosts.far, NEAR, "bavard", &server);
    let mut echoes = [(); 2].map(|()| {
        Program::start(on(&hosts.far, env!("CARGO_BIN_EXE_echo_client")).args([NEAR, &echo.port()]))
    });
    for echoed in &mut echoes {
        echoed.types("ici\n");
        echoed.out.line_with(&["ici"]);
    }
    let at = format!("--net=/proc/{}/ns/net", hosts.far.pid());
    let arguments = [&at, CLIENT, NEAR, "loin", "--reconnect", "--port", &server.port()];
    let mut far = Emulator::start((120, 20), &[], "nsenter", &arguments);
    far.types("avant\r");
    let has = |row: &str| {
        let row = row.to_string();
        move |screen: &vt100::Screen| rows_of(screen).contains(&row).then_some(())
    };
    far.sees("a line, said", has("» loin : avant"));
    hosts.forwards(false);
    far.types("es-tu là ?\r");
    talking.types("perdu\n");
    echoes[0].types("perdu\n");
    far.sees("a line, sent", has("› loin : es-tu là ?"));
    gives_up(&mut talking, 1);
    assert!(talking.err.to_the_end().contains("bavard : perdu"));
    [&mut idle].into_iter().chain(&mut echoes).for_each(|client| gives_up(client, 0));
    let lost = has("› loin : es-tu là ? (perdu avec la connexion ?)");
    eventually_within(FIVE_MINUTES, "the loss", || {
        let shown =
            String::from_utf8_lossy(far.terminal.screen.so_far().as_bytes()).contains("perdu avec la");
        shown.then_some(())
    });
    far.sees("the loss", lost);
    hosts.forwards(true);
    far.sees("the reconnection", |screen| {
        screen.contents().contains("1 ligne n'est pas revenue").then_some(())
    });
    let said = || near.out.so_far().matches("loin : es-tu là ?").count();
    assert_eq!(said(), 0);
    assert!(!far.with_scrollback().contains(&"» loin : es-tu là ?".to_string()));
    far.types("\rfin\r");
    far.sees("the line after", has("» loin : fin"));
    assert!(far.with_scrollback().contains(&"» loin : es-tu là ?".to_string()));
    near.out.line_with(&["loin : fin"]);
    assert_eq!(said(), 1);
}

/// Starts `server` where the far host reaches it. Returns the arguments of nsenter(1) for `client` there.
#[track_caller]
fn server_and_far_client(hosts: &Hosts, server: &str, client: &str) -> (Server, [String; 3]) {
    let server = Server::from(on(&hosts.near, server).args(["--bind", "0.0.0.0", "--port", "0"]));
    let at = format!("--net=/proc/{}/ns/net", hosts.far.pid());
    let address = format!("{NEAR}:{}", server.port());
    (server, [at, client.to_string(), address])
}

#[test]
fn relay_client_does_not_end_well_while_the_path_has_not_taken_its_last_line() {
    let Some(hosts) = Hosts::start() else { return };
    let client = env!("CARGO_BIN_EXE_relay_client");
    let (server, far) = server_and_far_client(&hosts, env!("CARGO_BIN_EXE_relay_serveur"), client);
    let arguments = far.each_ref().map(String::as_str);
    for is_cut in [false, true] {
        let _row = Row::of(&is_cut);
        let mut far = Emulator::start((100, 10), &[], "nsenter", &arguments);
        far.sees("its number", |screen| screen.contents().contains("Vous êtes le client 1").then_some(()));
        let mut partner =
            Program::start(on(&hosts.near, client).args(["127.0.0.1", "--port", &server.port()]));
        far.sees("its turn", |screen| screen.contents().contains("vous parlez en premier").then_some(()));
        hosts.forwards(!is_cut);
        far.types("la suite\r\x04");
        let status = far.terminal.ends();
        far.terminal.shows(if is_cut { "n'a pas fermé la connexion" } else { "au revoir" });
        assert_eq!(status.code(), Some(i32::from(is_cut)));
        if !is_cut {
            partner.out.line_with(&["la suite"]);
            partner.types("fin\n");
            assert!(partner.ends().success());
        }
    }
}

/// Of a client that is left at once by a second Ctrl+D, on a dead path too.
#[test]
fn echo_client_ends_well_on_a_dead_path_where_each_line_has_come_back_alone() {
    let Some(hosts) = Hosts::start() else { return };
    let (server, client) = (env!("CARGO_BIN_EXE_echo_serveur"), env!("CARGO_BIN_EXE_echo_client"));
    let (_server, far) = server_and_far_client(&hosts, server, client);
    let arguments = far.each_ref().map(String::as_str);
    for (last, keys, status) in [("", "\x04", 0), ("", "\x04\x04", 0), ("perdu\r", "\x04\x04", 1)] {
        let _row = Row::of(&(last, keys));
        let mut far = Emulator::start((100, 10), &[], "nsenter", &arguments);
        far.types("un\r");
        far.sees("the answer", |screen| screen.contents().contains("> un\nun").then_some(()));
        hosts.forwards(false);
        far.types(&[last, keys].concat());
        assert_eq!(far.terminal.ends().code(), Some(status), "{}", far.terminal.screen.so_far());
        hosts.forwards(true);
    }
}

#[test]
fn a_link_local_address_is_taken_with_its_interface() {
    let Some(hosts) = Hosts::start() else { return };
    ip(&hosts.router, "address add fe80::99/64 dev to-far nodad");
    let server = Server::from(on(&hosts.router, SERVER).args(["--bind", "::", "--port", "0"]));
    for host in ["fe80::99%far".to_string(), format!("[fe80::99%far]:{}", server.port())] {
        let _row = Row::of(&host);
        let client = Program::start(on(&hosts.far, CLIENT).args([&host, "alice", "--port", &server.port()]));
        client.out.line_with(&["Connecté à [fe80::99%", &server.port()]);
    }
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
            // At most the 20 s that are set: not the two hours of the system default.
            let left = shown.split("timer:(keepalive,").nth(1)?.split("sec").next()?.parse::<u32>().ok()?;
            (0..=20).contains(&left).then_some(())
        });
    }
}
