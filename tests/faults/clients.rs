//! All clients: a server that is not up yet, ways to write its address, a connection that dies
//! silently.

use crate::common::*;

use nix::sys::signal::Signal::SIGINT;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::{Child, Command, ExitStatus};
use std::time::Duration;

/// A client's program, and its arguments around HOST, of which `PORT` gives the port.
pub struct Lab {
    pub program: &'static str,
    before: &'static [&'static str],
    behind: &'static [&'static str],
    port: &'static [&'static str],
    /// Its default.
    default_port: u16,
    /// Bounds its search by itself.
    is_bounded: bool,
}

const fn lab(
    program: &'static str,
    default_port: u16,
    before: &'static [&'static str],
    behind: &'static [&'static str],
) -> Lab {
    Lab { program, before, behind, port: &["--port"], default_port, is_bounded: false }
}

pub const CLIENTS: [Lab; 6] = [
    lab(CLIENT, 5015, &[], &["alice"]),
    lab(env!("CARGO_BIN_EXE_relay_client"), 44573, &[], &[]),
    lab(env!("CARGO_BIN_EXE_direct_client"), 5556, &["alice"], &[]),
    lab(env!("CARGO_BIN_EXE_calc_client"), 5555, &[], &[]),
    Lab { port: &[], ..lab(env!("CARGO_BIN_EXE_echo_client"), 8000, &[], &[]) },
    Lab {
        port: &[],
        is_bounded: true,
        ..lab(
            env!("CARGO_BIN_EXE_upload_client"),
            5555,
            &[concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")],
            &[],
        )
    },
];

impl Lab {
    /// `port`: as an argument of its own.
    #[track_caller]
    pub fn command(&self, host: &str, port: Option<&str>) -> Command {
        let mut command = Command::new("env");
        // Test runners in the background may ignore SIGINT, which the client would inherit.
        command.arg("--default-signal=INT").arg(self.program).args(self.before).arg(host).args(self.behind);
        if let Some(port) = port {
            command.args(self.port).arg(port);
        }
        command
    }

    #[track_caller]
    fn start(&self, host: &str, port: Option<&str>) -> Program {
        Program::start(&mut self.command(host, port))
    }

    /// Started for a server that is not up, and about to try again. Returns its port too.
    #[track_caller]
    fn searching(&self) -> (Program, SocketAddr) {
        let address = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
        let mut command = self.command("127.0.0.1", Some(&address.port().to_string()));
        if self.is_bounded {
            command.args(["--wait", "600"]);
        }
        let client = Program::start(&mut command);
        match self.is_bounded {
            false => drop(client.err.line_with(&[&address.port().to_string(), "Connection refused"])),
            true => eventually("its signals to be caught", || catches_sigterm(client.pid()).then_some(())),
        }
        (client, address)
    }
}

#[track_caller]
pub fn is_connected(client: &Program, listener: &TcpListener) -> TcpStream {
    listener.set_nonblocking(true).unwrap();
    let connection = eventually("a connection", || match listener.accept() {
        Ok((connection, _)) => Some(connection),
        Err(_) => {
            assert!(is_alive(client.pid()), "{}", client.err.so_far());
            None
        }
    });
    connection.set_nonblocking(false).unwrap();
    connection
}

#[test]
fn a_client_started_first_says_so_once_and_waits_for_its_server() {
    for lab in &CLIENTS {
        let _row = Row::of(&lab.program);
        let (client, address) = lab.searching();
        let listener = TcpListener::bind(address).unwrap();
        is_connected(&client, &listener);
        let told = client.err.so_far().lines().filter(|line| line.contains("Connection refused")).count();
        assert_eq!(told, usize::from(!lab.is_bounded));
    }
}

#[test]
fn ctrl_c_ends_the_search_of_every_client() {
    for lab in &CLIENTS {
        let _row = Row::of(&lab.program);
        let (mut client, _) = lab.searching();
        client.signal(SIGINT);
        // An upload that did not take place is a failure.
        assert_eq!(client.ends().code(), Some(i32::from(lab.is_bounded)));
        assert_eq!(client.err.to_the_end().lines().count(), 1 + usize::from(!lab.is_bounded));
        assert_eq!(client.out.to_the_end(), "");
    }
}

#[test]
fn a_search_with_a_limit_ends_with_one_line_and_status_1() {
    let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port().to_string();
    for (lab, wait) in CLIENTS.iter().zip(["0", "1"].into_iter().cycle()) {
        let _row = Row::of(&(&lab.program, &wait));
        let mut client = Program::start(lab.command("127.0.0.1", Some(&port)).args(["--wait", wait]));
        assert_eq!(client.ends().code(), Some(1));
        let said = client.err.to_the_end();
        assert!(said.contains("Connection refused") && said.lines().count() == 1, "{said}");
    }
}

#[test]
fn an_address_that_can_never_answer_is_an_error_at_once() {
    for lab in &CLIENTS {
        for (host, hint) in
            [("fe80::1", "fe80::1%eth0"), ("fe80::1%no-such", "no-such"), ("[::1%0]", "0"), ("::1::2", "::1")]
        {
            let _row = Row::of(&(&lab.program, &host));
            let mut client = lab.start(host, None);
            assert_eq!(client.ends().code(), Some(1));
            let said = client.err.to_the_end();
            assert!(said.contains(hint) && said.lines().count() == 1, "{said}");
            assert!(!said.contains("Name or service"), "{said}");
        }
    }
}

#[test]
fn a_host_is_taken_with_its_port_behind_it() {
    let listeners = ["127.0.0.1:0", "[::1]:0"].map(|address| TcpListener::bind(address).unwrap());
    let [v4, v6] = listeners.each_ref().map(|listener| listener.local_addr().unwrap().port().to_string());
    let forms = [
        (&listeners[0], format!("127.0.0.1:{v4}"), None),
        (&listeners[0], format!("localhost:{v4}"), None),
        (&listeners[0], format!("127.0.0.1:{v4}"), Some(&v4)),
        (&listeners[1], format!("[::1]:{v6}"), None),
        (&listeners[1], "[::1]".to_string(), Some(&v6)),
        (&listeners[1], "::1".to_string(), Some(&v6)),
        (&listeners[1], "::1%lo".to_string(), Some(&v6)),
        (&listeners[0], "::ffff:127.0.0.1".to_string(), Some(&v4)),
    ];
    for lab in &CLIENTS {
        for (listener, host, port) in &forms {
            let _row = Row::of(&(&lab.program, host));
            let client = lab.start(host, port.map(String::as_str));
            is_connected(&client, listener);
        }
    }
}

#[test]
fn a_host_with_another_port_or_that_is_none_is_refused_in_one_line() {
    for lab in &CLIENTS {
        // The examples have the program's own port.
        let [v6, other, address] =
            ["[::1]", "192.0.2.7", "127.0.0.1"].map(|host| format!("{host}:{}", lab.default_port));
        for (host, port, part) in [
            ("127.0.0.1:5017", Some("5016"), "127.0.0.1:5017"),
            ("[::1]:5017", Some("5016"), "port 5016"),
            ("[::1", None, &*v6),
            ("127.0.0.1:", None, &other),
            ("127.0.0.1:0", None, &other),
            ("http://127.0.0.1:8080/", None, &other),
            // A port in the place of the host.
            ("7002", None, &address),
        ] {
            let _row = Row::of(&(&lab.program, &host));
            let mut client = lab.start(host, port);
            assert_eq!(client.ends().code(), Some(2));
            let said = client.err.to_the_end();
            assert!(said.contains(part) && said.lines().count() == 1, "{said}");
        }
    }
}

/// Seconds until the next keepalive probe of connections to `port`, as `ss -o` shows them.
#[track_caller]
fn until_probe(port: u16) -> Option<u32> {
    let shown = Command::new("ss").args(["-Htno", "dport", "=", &port.to_string()]).output();
    let shown = String::from_utf8(shown.expect("ss of iproute2").stdout).unwrap();
    shown.split("timer:(keepalive,").nth(1)?.split("sec").next()?.parse().ok()
}

#[test]
fn every_client_enables_keepalive_on_its_connection() {
    for lab in &CLIENTS {
        let _row = Row::of(&lab.program);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = lab.start("127.0.0.1", Some(&port.to_string()));
        let _connection = is_connected(&client, &listener);
        // At most the 20 s that are set: not the two hours of the system default.
        eventually("keepalive", || until_probe(port).filter(|left| (0..=20).contains(left)));
    }
}

/// The port of a server that sends `tick` for ever, and never closes.
#[track_caller]
fn ticking_server(tick: &'static [u8]) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    // Ends with the client, whose kernel then resets the connection.
    std::thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        while stream.write_all(tick).is_ok() {
            std::thread::sleep(Duration::from_millis(200));
        }
    });
    port
}

/// More than a minute, which a client allows such a server.
#[track_caller]
fn ends_in_time(client: &mut Child) -> ExitStatus {
    eventually_within(Duration::from_secs(300), "the end of the client", || client.try_wait().unwrap())
}

#[test]
fn a_client_on_a_terminal_ends_although_its_server_goes_on_sending_and_never_closes() {
    let port = ticking_server(b"bob : tick\0");
    let mut client = Terminal::start(CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    client.shows("tick");
    client.types("\x04");
    assert_eq!(ends_in_time(&mut client.child).code(), Some(0));
    client.shows("pas fermé la connexion");
}

#[test]
fn a_piped_client_ends_although_its_server_goes_on_sending_and_never_closes() {
    let port = ticking_server(b"tick\n");
    let mut command = Command::new(env!("CARGO_BIN_EXE_direct_client"));
    let mut client = Program::start(command.args(["al", "127.0.0.1", "--port", &port]));
    client.out.line_with(&["tick"]);
    client.closes_stdin();
    let end = ends_in_time(&mut client.child);
    let said = client.err.to_the_end();
    assert_eq!(end.code(), Some(1), "{said}");
    assert!(said.contains("the server did not close the connection"), "{said}");
}
