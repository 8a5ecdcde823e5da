//! Clients whose output is read slowly, as by `less`: nothing is lost, however long that takes.

use crate::common::*;

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::os::fd::OwnedFd;
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

/// Time before the end of input: the output is full by then, and the client would half-close at
/// once.
const BEFORE_END: Duration = Duration::from_secs(2);

/// Longer than the server is given to close after the end of input.
const LONGER_THAN_GRACE: Duration = Duration::from_secs(6);

/// More than pipe and client hold.
const LINES: usize = 40_000;

/// Runs a client on `keyboard`, and reads its output after [`LONGER_THAN_GRACE`].
#[track_caller]
fn output_of(
    program: &str,
    arguments: &[&str],
    server: SocketAddr,
    keyboard: Vec<u8>,
    output_is_read: &AtomicBool,
) -> String {
    let (read_end, write_end) = std::io::pipe().expect("pipe");
    let mut command = Command::new(program);
    command.args(arguments.iter().map(|argument| argument.replace("HOST:PORT", &server.to_string())));
    let mut client = command
        .stdin(Stdio::piped())
        .stdout(OwnedFd::from(write_end))
        .stderr(Stdio::piped())
        .spawn()
        .expect("start");
    drop(command);
    let mut stdin = client.stdin.take().unwrap();
    let typing = thread::spawn(move || {
        stdin.write_all(&keyboard).expect("the client reads its input");
        thread::sleep(BEFORE_END);
    });
    thread::sleep(BEFORE_END + LONGER_THAN_GRACE);
    output_is_read.store(true, Ordering::SeqCst);
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
    let (client, sent) = (env!("CARGO_BIN_EXE_echo_client"), lines.clone().into_bytes());
    let shown = output_of(client, &["HOST:PORT"], server.address, sent, &AtomicBool::new(false));
    assert!(shown == lines, "{} lines of {LINES}", shown.lines().count());
}

/// Says much after the client's first bytes, and waits for its half-close, which may not come
/// before `output_is_read`: a server that has closed keeps what is left for a bounded time.
#[track_caller]
fn talks(listener: &TcpListener, end: &str, output_is_read: &AtomicBool) {
    let (mut stream, _) = listener.accept().expect("accept");
    let mut first = [0; 100];
    let n = stream.read(&mut first).expect("a name, a number or a message");
    // Longer than a client waits for an answer before it half-closes.
    thread::sleep(Duration::from_millis(500));
    let lines: String = (0..LINES).map(|i| format!("line {i}{end}")).collect();
    stream.write_all(lines.as_bytes()).expect("write");
    // For the messenger's client, which waits for it.
    stream.write_all(&first[..n]).expect("write");
    stream.read_to_end(&mut Vec::new()).expect("an orderly end");
    assert!(output_is_read.load(Ordering::SeqCst), "a half-close while much is unread");
}

#[test]
fn all_that_a_server_sends_is_shown_however_slowly_the_output_is_read() {
    for (program, arguments, keyboard, end) in [
        (env!("CARGO_BIN_EXE_direct_client"), &["alice", "HOST:PORT"][..], "", "\n"),
        (env!("CARGO_BIN_EXE_calc_client"), &["HOST:PORT"], "1\n", "\n"),
        (env!("CARGO_BIN_EXE_chat_client"), &["HOST:PORT", "alice"], "hello\n", "\0"),
    ] {
        let _row = Row::of(&program);
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let output_is_read = AtomicBool::new(false);
        let shown = thread::scope(|scope| {
            scope.spawn(|| talks(&listener, end, &output_is_read));
            output_of(program, arguments, address, keyboard.into(), &output_is_read)
        });
        assert_eq!(shown.lines().filter(|line| line.starts_with("line ")).count(), LINES);
    }
}

/// While the output takes nothing, the client takes no silence of the server for a pause.
#[test]
fn calc_client_goes_on_at_full_speed_after_its_output_was_not_read() {
    const NUMBERS: usize = 20_000;
    let server = Server::of(env!("CARGO_BIN_EXE_calc_serveur"), &[]);
    let (mut read_end, write_end) = std::io::pipe().expect("pipe");
    let mut command = Command::new(env!("CARGO_BIN_EXE_calc_client"));
    command.arg(server.address.to_string()).stdout(OwnedFd::from(write_end));
    let mut client = Program::start_with_its_own_output(&mut command);
    drop(command);
    let mut stdin = client.take_stdin();
    let numbers: String = (1..=NUMBERS).map(|i| format!("{i}\n")).collect();
    let typing = thread::spawn(move || stdin.write_all(numbers.as_bytes()));
    thread::sleep(Duration::from_secs(4));
    let reading = thread::spawn(move || {
        let mut shown = String::new();
        read_end.read_to_string(&mut shown).map(|_| shown)
    });
    assert_eq!(client.ends().code(), Some(0));
    typing.join().unwrap().expect("the client reads its input");
    let shown = reading.join().unwrap().expect("read");
    assert!(shown.lines().count() > NUMBERS, "{} lines", shown.lines().count());
}
