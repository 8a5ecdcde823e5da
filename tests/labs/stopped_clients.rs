//! Clients without a terminal that are stopped (Ctrl+Z, SIGSTOP) while they wait for the server to
//! close: what it sent meanwhile is shown.

use crate::common::*;

use std::net::TcpListener;
use std::os::unix::process::CommandExt;
use std::process::Command;
use std::thread;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

const LINES: usize = 200;

#[test]
fn a_client_that_was_stopped_in_its_grace_period_shows_all() {
    // About as long as the grace period, and longer.
    let [about, longer] = [5500, 7000].map(Duration::from_millis);
    let rows: [(&str, &[&str], &str, Duration); 5] = [
        (env!("CARGO_BIN_EXE_chat_client"), &["HOST:PORT", "open"], "hello\n", about),
        (env!("CARGO_BIN_EXE_chat_client"), &["HOST:PORT", "alice"], "hello\n", about),
        (env!("CARGO_BIN_EXE_chat_client"), &["HOST:PORT", "alice"], "hello\n", longer),
        (env!("CARGO_BIN_EXE_calc_client"), &["HOST:PORT"], "1\n", about),
        (env!("CARGO_BIN_EXE_direct_client"), &["alice", "HOST:PORT"], "%bob%hello\n", longer),
    ];
    for_each_at_once(&rows, |_, (program, arguments, typed, stop)| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let mut command = Command::new(program);
        command.args(arguments.iter().map(|argument| argument.replace("HOST:PORT", &address)));
        let mut client = Program::start(command.process_group(0));
        let mut server = Peer::adopt(listener.accept().unwrap().0);
        client.types(typed);
        client.closes_stdin();
        // Its half-close.
        let heard = server.hears_the_end();
        let group = Pid::from_raw(client.pid());
        killpg(group, Signal::SIGSTOP).unwrap();
        eventually("a stopped client", || status_of(client.pid()).contains("T (stopped)").then_some(()));
        let end = if heard.ends_with(&[0]) { '\0' } else { '\n' };
        let lines: String = (0..LINES).map(|i| format!("line {i}.{end}")).collect();
        server.sends(lines);
        server.sends(heard);
        // Its end is not there: it is held for its rest.
        server.sends("last.");
        // As some courses' servers, that of `open` keeps the connection.
        let _open = arguments.contains(&"open").then(|| server.duplicate());
        drop(server);
        thread::sleep(*stop);
        killpg(group, Signal::SIGCONT).unwrap();
        assert_eq!(client.ends().code(), Some(0), "{}", client.err.to_the_end());
        let shown = client.out.to_the_end();
        assert_eq!((0..LINES).filter(|i| !shown.contains(&format!("line {i}."))).count(), 0);
        assert!(shown.contains("last."), "{shown:?}");
    });
}

fn status_of(pid: i32) -> String {
    std::fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default()
}
