//! Terminals that take nothing for a while as their client ends: a slow path, flow control, a
//! window that is being selected in.

use crate::common::*;

use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::thread;
use std::time::Duration;

use nix::sys::signal::Signal::{SIGKILL, SIGTERM};
use nix::sys::termios::{FlowArg, LocalFlags, tcflow, tcgetattr};

const LINES: usize = 100;

/// Stops or continues the output of a terminal.
#[track_caller]
fn flow(terminal: &Terminal, action: FlowArg) {
    let slave = format!("/proc/{}/fd/1", terminal.pid());
    let slave = std::fs::File::options().write(true).custom_flags(nix::libc::O_NOCTTY).open(slave);
    tcflow(slave.expect("the terminal"), action).expect("tcflow");
}

/// Ends the input while the output is stopped: once it goes on, it shows all lines and the last
/// one.
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
fn echo_client_takes_no_line_for_lost_while_its_terminal_is_stopped() {
    const MANY: usize = 60_000;
    let server = Server::of(env!("CARGO_BIN_EXE_echo_serveur"), &[]);
    let port = server.address.port().to_string();
    let script = format!("seq 1 {MANY} | \"$0\" \"$@\"");
    let arguments = ["-c", &script, env!("CARGO_BIN_EXE_echo_client"), "127.0.0.1", &port];
    let mut client = Terminal::start("sh", &arguments);
    client.shows("Connected");
    flow(&client, FlowArg::TCOOFF);
    // Longer than an answer is waited for.
    thread::sleep(Duration::from_secs(5));
    flow(&client, FlowArg::TCOON);
    assert_eq!(client.ends().code(), Some(0));
    let shown = client.screen.to_the_end();
    let whole = shown.lines().filter_map(|line| line.trim_start_matches("> ").parse::<usize>().ok());
    assert!(whole.eq(1..=MANY), "{}", shown.lines().last().unwrap_or_default());
}

/// The modes of a client's terminal.
#[track_caller]
fn is_raw(terminal: &Terminal) -> bool {
    let modes = tcgetattr(terminal.master()).expect("tcgetattr");
    !modes.local_flags.contains(LocalFlags::ICANON)
}

/// The second process has reported the end of the server, and another has taken its place.
#[track_caller]
fn is_left_to_a_watchdog(client: i32, second: i32) -> i32 {
    wait_for_death(&[second]);
    eventually("a watchdog", || children_of(client).first().copied().filter(|&child| child != second))
}

#[test]
fn a_stopped_terminal_is_restored_although_its_client_is_killed_after_the_servers_end() {
    let mut server = Server::start(&[]);
    let mut bob = server.join();
    let port = server.address.port().to_string();
    // A shell, which leads the session.
    let script = "\"$0\" \"$@\"; read -r rest";
    let terminal = Terminal::start("sh", &["-c", script, CLIENT, "127.0.0.1", "alice", "--port", &port]);
    server.wait_for_children(2);
    terminal.shows("connecté");
    let client = eventually("the client", || children_of(terminal.pid()).first().copied());
    let second = eventually("the second process", || children_of(client).first().copied());
    flow(&terminal, FlowArg::TCOOFF);
    bob.sends("bob : hello\0");
    bob.hears_up_to("hello\0");
    server.program.signal(SIGTERM);
    assert!(server.program.ends().success());
    let watchdog = is_left_to_a_watchdog(client, second);
    assert!(is_raw(&terminal));
    send(client, SIGKILL);
    wait_for_death(&[watchdog]);
    assert!(!is_raw(&terminal));
}

#[test]
fn lines_that_are_typed_after_the_servers_end_are_not_lost_in_silence() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    for (program, arguments, connected, report) in [
        (CLIENT, &["alice"][..], "connecté", "cette ligne n'est pas partie : bonjour"),
        (env!("CARGO_BIN_EXE_echo_client"), &[], "Connected", "1 line"),
    ] {
        let _row = Row::of(&program);
        let address = format!("127.0.0.1:{port}");
        let mut client = Terminal::start(program, &[&[&*address], arguments].concat());
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        client.shows(connected);
        let second = children_of(client.pid()).first().copied();
        flow(&client, FlowArg::TCOOFF);
        server.sends("bob : hello\0\n");
        drop(server);
        if program == CLIENT {
            is_left_to_a_watchdog(client.pid(), second.unwrap());
        }
        client.types("bonjour\r");
        // So that it is read before the terminal goes on. Where not, it is reported all the same.
        thread::sleep(Duration::from_millis(500));
        flow(&client, FlowArg::TCOON);
        assert_eq!(client.ends().code(), Some(1));
        let shown = client.screen.to_the_end();
        assert!(shown.contains(report), "{shown:?}");
    }
}

#[test]
fn a_stopped_terminal_of_an_idle_client_is_restored_and_shown_the_reason() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    for (program, arguments) in [
        (CLIENT, &[&*address, "alice"][..]),
        (env!("CARGO_BIN_EXE_echo_client"), &[&*address]),
        (env!("CARGO_BIN_EXE_calc_client"), &[&*address]),
        (env!("CARGO_BIN_EXE_relay_client"), &[&*address]),
        (env!("CARGO_BIN_EXE_direct_client"), &["alice", &*address]),
    ] {
        let _row = Row::of(&program);
        let mut client = Terminal::start(program, arguments);
        let server = listener.accept().unwrap().0;
        // Its status row.
        client.shows("──");
        // So that nothing is left to be drawn: the terminal alone makes the client wait.
        thread::sleep(Duration::from_millis(500));
        flow(&client, FlowArg::TCOOFF);
        drop(server);
        thread::sleep(Duration::from_secs(2));
        assert_eq!(client.child.try_wait().unwrap(), None, "it waits for its terminal");
        flow(&client, FlowArg::TCOON);
        assert_eq!(client.ends().code(), Some(1));
        let shown = client.screen.to_the_end();
        let name = program.rsplit('/').next().unwrap();
        let (_, behind) = shown.split_once("\x1b[?2004l").expect("no bracketed pastes any more");
        assert!(behind.contains(name), "{shown:?}");
    }
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
    // Its last line waits for the terminal, with the modes of the shell: there a Ctrl+C is a
    // signal.
    eventually("the end of the client", || {
        client.types("\x03");
        client.child.try_wait().unwrap()
    });
}
