//! Terminals that take nothing for a while as their client ends: Ctrl+S, a slow path, a window that
//! is being selected in.

use crate::common::*;

use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use nix::sys::termios::{FlowArg, tcflow};

const LINES: usize = 100;

/// Stops or continues the output of a terminal, as Ctrl+S and Ctrl+Q do.
#[track_caller]
fn flow(terminal: &Terminal, action: FlowArg) {
    let slave = format!("/proc/{}/fd/1", terminal.pid());
    let slave = std::fs::File::options().write(true).custom_flags(nix::libc::O_NOCTTY).open(slave);
    tcflow(slave.expect("the terminal"), action).expect("tcflow");
}

/// Ends the input while the output is stopped: once it goes on, it shows all lines and the last one.
#[track_caller]
fn shows_all(server: &Server, mut client: Terminal, last: &str) {
    let others = server.children().len() - 1;
    client.types("\x04");
    server.wait_for_children(others);
    // Longer than a stopped terminal is given after a signal.
    thread::sleep(Duration::from_secs(2));
    flow(&client, FlowArg::TCOON);
    assert_eq!(client.ends().code(), Some(0));
    let shown = client.screen.to_the_end();
    let missing = (0..LINES).filter(|i| !shown.contains(&format!("line {i}.")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<usize>::new());
    // The terminal is restored, and the last line shown.
    assert!(shown.contains("\x1b[?2004l") && shown.contains(last), "{shown:?}");
}

#[test]
fn a_stopped_terminal_loses_nothing_of_chat_client() {
    let server = Server::start(&[]);
    let mut bob = server.join();
    let port = server.address.port().to_string();
    let client = Terminal::start(CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    server.wait_for_children(2);
    client.shows("connecté");
    flow(&client, FlowArg::TCOOFF);
    (0..LINES).for_each(|i| bob.sends(format!("bob : line {i}.\0")));
    bob.hears_up_to(&format!("line {}.\0", LINES - 1));
    shows_all(&server, client, "au revoir");
}

#[test]
fn a_stopped_terminal_loses_nothing_of_a_labs_client() {
    let server = Server::of(env!("CARGO_BIN_EXE_echo_serveur"), &[]);
    let port = server.address.port().to_string();
    let mut client = Terminal::start(env!("CARGO_BIN_EXE_echo_client"), &["127.0.0.1", &port]);
    server.wait_for_children(1);
    client.shows("Connected");
    flow(&client, FlowArg::TCOOFF);
    (0..LINES).for_each(|i| client.types(&format!("line {i}.\r")));
    shows_all(&server, client, "goodbye");
}

#[test]
fn ctrl_c_ends_a_client_that_waits_for_a_stopped_terminal() {
    let server = Server::start(&[]);
    let port = server.address.port().to_string();
    let mut client = Terminal::start(CLIENT, &["127.0.0.1", "alice", "--port", &port]);
    server.wait_for_children(1);
    client.shows("connecté");
    flow(&client, FlowArg::TCOOFF);
    let mut bob = server.join();
    bob.sends("bob : hello\0");
    bob.hears_up_to("hello\0");
    client.types("\x04");
    server.wait_for_children(1);
    client.types("\x03");
    // Its last line waits for the terminal, with the modes of the shell: there a Ctrl+C is a signal.
    eventually("the end of the client", || {
        client.types("\x03");
        client.child.try_wait().unwrap()
    });
}
