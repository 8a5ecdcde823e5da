//! Each client behind a forwarder that closes both ways when one side closes its own, as nginx's
//! `stream` does (`proxy_half_close off`).

use crate::common::*;

use std::io::{Read, Write};
use std::net::{Shutdown, SocketAddr, TcpListener, TcpStream};
use std::process::Command;

/// Copies until `from` ends, then closes both connections both ways.
fn copy(mut from: TcpStream, mut to: TcpStream) {
    let mut bytes = [0; 4096];
    while let Ok(n @ 1..) = from.read(&mut bytes) {
        if to.write_all(&bytes[..n]).is_err() {
            break;
        }
    }
    let _ = (from.shutdown(Shutdown::Both), to.shutdown(Shutdown::Both));
}

/// Forwards one connection to `server`. Returns the port to connect to.
fn forwarder(server: SocketAddr) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    std::thread::spawn(move || {
        let (client, _) = listener.accept().unwrap();
        let server = TcpStream::connect(server).unwrap();
        let (from_client, to_server) = (client.try_clone().unwrap(), server.try_clone().unwrap());
        std::thread::spawn(move || copy(from_client, to_server));
        copy(server, client);
    });
    port
}

#[test]
fn what_a_client_has_asked_is_answered_before_it_half_closes() {
    const ECHO: [&str; 2] = [env!("CARGO_BIN_EXE_echo_serveur"), env!("CARGO_BIN_EXE_echo_client")];
    const CALC: [&str; 2] = [env!("CARGO_BIN_EXE_calc_serveur"), env!("CARGO_BIN_EXE_calc_client")];
    const DIRECT: [&str; 2] = [env!("CARGO_BIN_EXE_direct_serveur"), env!("CARGO_BIN_EXE_direct_client")];
    let rows = [
        ([SERVER, CLIENT], &["alice"][..], "un\ndeux\n", &["alice : un", "alice : deux"][..], 0),
        (ECHO, &[], "un\ndeux\n", &["un", "deux"], 0),
        (CALC, &[], "20\n22\n", &["42"], 0),
        (DIRECT, &["al"], "%al%hello\n", &["al: hello"], 0),
        (DIRECT, &["al"], "%nobody%hi\n", &["[ERROR] no client is called \"nobody\""], 1),
    ];
    for ([server, client], arguments, typed, shown, status) in rows {
        let _row = Row::of(&(&client, &typed));
        // A busy machine may take longer than the client waits.
        let mut attempts = (0..5).map(|_| piped_behind_a_forwarder(server, client, arguments, typed));
        let is_right = |(code, said): (Option<i32>, String)| {
            code == Some(status) && shown.iter().all(|line| said.lines().any(|one| one == *line))
        };
        assert!(attempts.any(is_right), "not {shown:?} and {status}, five times");
    }
}

/// The status of a client, and what it printed.
#[track_caller]
fn piped_behind_a_forwarder(
    server: &str,
    client: &str,
    arguments: &[&str],
    typed: &str,
) -> (Option<i32>, String) {
    let server = Server::from(Command::new(server).args(["--bind", "127.0.0.1", "--port", "0"]));
    let at = format!("127.0.0.1:{}", forwarder(server.address));
    let mut command = Command::new(client);
    // The messenger's client takes the server first.
    if client == CLIENT {
        command.arg(&at).args(arguments)
    } else {
        command.args(arguments).arg(&at)
    };
    let mut client = Program::start(&mut command);
    client.types(typed);
    client.closes_stdin();
    let status = client.ends().code();
    (status, client.out.to_the_end())
}
