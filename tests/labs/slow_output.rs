//! Clients whose output is read slowly, as by `less`: nothing is lost, however long that takes.

use crate::common::*;

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

/// Longer than the server is given to close after the end of input.
const LONGER_THAN_GRACE: Duration = Duration::from_secs(6);

/// More than pipe and client hold.
const LINES: usize = 40_000;

/// Runs a client on `keyboard`, and reads its output after [`LONGER_THAN_GRACE`].
#[track_caller]
fn output_of(program: &str, more: &[&str], server: SocketAddr, keyboard: Vec<u8>) -> String {
    let (read_end, write_end) = std::io::pipe().expect("pipe");
    let mut command = Command::new(program);
    command.args(more).arg(server.to_string());
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(OwnedFd::from(write_end))
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    drop(command);
    let mut stdin = client.stdin.take().unwrap();
    let typing = thread::spawn(move || stdin.write_all(&keyboard).expect("the client reads its input"));
    thread::sleep(LONGER_THAN_GRACE);
    let mut shown = String::new();
    { read_end }.read_to_string(&mut shown).expect("read");
    typing.join().unwrap();
    let outcome = client.wait_with_output().expect("wait");
    let complaint = String::from_utf8_lossy(&outcome.stderr);
    assert!(outcome.status.success(), "{}: {complaint}", outcome.status);
    shown
}

#[test]
fn all_of_an_echo_is_shown_however_slowly_the_output_is_read() {
    let server = Server::of(env!("CARGO_BIN_EXE_echo_serveur"), &[]);
    let lines: String = (0..LINES).map(|i| format!("line {i}\n")).collect();
    let shown = output_of(env!("CARGO_BIN_EXE_echo_client"), &[], server.address, lines.clone().into_bytes());
    assert!(shown == lines, "{} lines of {LINES}", shown.lines().count());
}

#[test]
fn all_that_a_server_sends_is_shown_however_slowly_the_output_is_read() {
    for (program, more, keyboard) in [
        (env!("CARGO_BIN_EXE_direct_client"), &["alice"][..], ""),
        (env!("CARGO_BIN_EXE_calc_client"), &[], "1\n"),
    ] {
        let _row = Row::of(&program);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let server = thread::spawn(move || {
            let (mut stream, _) = listener.accept().expect("accept");
            let mut said = BufReader::new(stream.try_clone().unwrap());
            said.read_line(&mut String::new()).expect("the name, or a number");
            for i in 0..LINES {
                // Fails once the client has given up.
                let _ = stream.write_all(format!("line {i}\n").as_bytes());
            }
            let _ = said.read_to_end(&mut Vec::new());
        });
        let shown = output_of(program, more, address, keyboard.into());
        server.join().unwrap();
        assert_eq!(shown.lines().filter(|line| line.starts_with("line ")).count(), LINES);
    }
}
