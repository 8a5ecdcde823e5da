//! Clients whose standard error is read late, as in `2>&1 >/dev/null | less`: no line of it is
//! lost.

use crate::common::*;

use std::io::{PipeReader, Read, Write};
use std::net::TcpListener;
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::thread;

use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::Signal::SIGTERM;

/// More than a pipe holds.
const LINES: usize = 5_000;

/// Starts a client on a file of `lines`, and returns it with its standard error once that is full.
#[track_caller]
fn with_full_errors(program: &str, arguments: &[&str], lines: &str) -> (Child, PipeReader) {
    let mut input = tempfile::tempfile().unwrap();
    input.write_all(lines.as_bytes()).unwrap();
    std::io::Seek::rewind(&mut input).unwrap();
    let (reader, writer) = std::io::pipe().unwrap();
    let ours = writer.try_clone().unwrap();
    let mut command = Command::new(program);
    command.args(arguments).stdin(input).stdout(Stdio::null()).stderr(OwnedFd::from(writer));
    let client = command.spawn().expect("start");
    eventually("a full pipe", || {
        let mut pipe = [PollFd::new(ours.as_fd(), PollFlags::POLLOUT)];
        (poll(&mut pipe, PollTimeout::ZERO) == Ok(0)).then_some(())
    });
    (client, reader)
}

/// A server that says back the first of the messages of `chat_client`, takes all, and resets.
fn loses_all_but_one(listener: TcpListener) {
    thread::spawn(move || {
        let mut client = Peer::adopt(listener.accept().unwrap().0);
        client.hears_up_to("alice : line 0.\0");
        client.sends("alice : line 0.\0");
        client.hears_up_to(&format!("alice : line {}.\0", LINES - 1));
        client.resets();
    });
}

fn lines() -> String {
    (0..LINES).map(|i| format!("line {i}.\n")).collect()
}

#[track_caller]
fn lists_all(mut errors: PipeReader, range: std::ops::Range<usize>, last: &str) {
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    let missing = range.filter(|i| !said.contains(&format!("line {i}.")));
    assert_eq!(missing.collect::<Vec<_>>(), Vec::<usize>::new());
    assert!(said.lines().last().is_some_and(|line| line.contains(last)), "{:?}", said.lines().last());
}

#[test]
fn the_list_of_messages_that_may_be_lost_is_whole() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    loses_all_but_one(listener);
    let chat_client = env!("CARGO_BIN_EXE_chat_client");
    let (mut client, errors) = with_full_errors(chat_client, &[&address, "alice"], &lines());
    lists_all(errors, 1..LINES, "la connexion au serveur est rompue");
    assert_eq!(client.wait().unwrap().code(), Some(1));
}

#[test]
fn a_signal_ends_a_client_whose_errors_are_not_read() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    loses_all_but_one(listener);
    let chat_client = env!("CARGO_BIN_EXE_chat_client");
    let (mut client, _errors) = with_full_errors(chat_client, &[&address, "alice"], &lines());
    send(client.id() as i32, SIGTERM);
    eventually("the end of the client", || client.try_wait().unwrap());
}

#[test]
fn the_lines_that_direct_client_does_not_send_are_all_reported() {
    let server = Server::of(env!("CARGO_BIN_EXE_direct_serveur"), &[]);
    let address = server.address.to_string();
    let direct_client = env!("CARGO_BIN_EXE_direct_client");
    let (mut client, mut errors) = with_full_errors(direct_client, &["alice", &address], &lines());
    let mut said = String::new();
    errors.read_to_string(&mut said).unwrap();
    assert_eq!(said.lines().filter(|line| line.contains("not sent: ")).count(), LINES);
    assert_eq!(client.wait().unwrap().code(), Some(1));
}
