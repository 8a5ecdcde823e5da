//! `relay_client`, `direct_client`, `echo_client` and `calc_client` on a terminal, as their users
//! see them: an emulator reads their output, and the tests compare its screen. Output with
//! `--plain` or without a terminal is tested in `tests/labs`.

use crate::common::*;

use std::net::TcpListener;

mod direct_names;
mod echo_and_calc;
mod plain_output;
mod relay_turns;
mod terminal_restored;

const RELAY: &str = env!("CARGO_BIN_EXE_relay_client");
const RELAY_SERVER: &str = env!("CARGO_BIN_EXE_relay_serveur");
const DIRECT: &str = env!("CARGO_BIN_EXE_direct_client");
const DIRECT_SERVER: &str = env!("CARGO_BIN_EXE_direct_serveur");
const ECHO: &str = env!("CARGO_BIN_EXE_echo_client");
const CALC: &str = env!("CARGO_BIN_EXE_calc_client");
const CALC_SERVER: &str = env!("CARGO_BIN_EXE_calc_serveur");

/// Wide enough for every status row.
const SIZE: (u16, u16) = (100, 12);

/// A client on a terminal, connected to a server that the test plays.
#[track_caller]
fn with_fake_server(client: &str) -> (Emulator, Peer) {
    let (listener, port) = listening();
    let emulator = Emulator::start(SIZE, &[], client, &arguments(client, &port));
    (emulator, accept(&listener))
}

/// `relay_client` under a shell, connected to a server that the test plays. The shell prints the
/// line that it reads afterwards.
#[track_caller]
fn with_fake_server_under_a_shell() -> (Emulator, Peer) {
    let (listener, port) = listening();
    let script = r#""$0" "$@"; echo "status $?"; read -r line; echo "read <$line>"; read -r rest"#;
    let arguments = [&["-c", script, RELAY], &arguments(RELAY, &port)[..]].concat();
    let emulator = Emulator::start(SIZE, &[], "sh", &arguments);
    (emulator, accept(&listener))
}

#[track_caller]
fn listening() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

#[track_caller]
fn accept(listener: &TcpListener) -> Peer {
    let connection = listener.accept().unwrap().0;
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    Peer::adopt(connection)
}

/// The arguments for `client` to connect to `port` of this machine.
fn arguments<'a>(client: &str, port: &'a str) -> Vec<&'a str> {
    match client {
        ECHO => vec!["127.0.0.1", port],
        DIRECT => vec!["alice", "127.0.0.1", "--port", port],
        _ => vec!["127.0.0.1", "--port", port],
    }
}

/// The server's address as the status row shows it.
#[track_caller]
fn place(peer: &Peer) -> String {
    format!("127.0.0.1 port {}", peer.stream.local_addr().unwrap().port())
}
