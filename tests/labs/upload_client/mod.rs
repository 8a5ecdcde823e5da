//! `upload_client`, on a terminal and without one, with servers that the tests play.

mod arguments;
mod foreign_servers;
mod streams;
use crate::common::*;

use nix::sys::signal::Signal::{SIGINT, SIGTERM};
use nix::sys::signal::kill;
use std::io::ErrorKind;
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use tempfile::{TempDir, tempdir};

const UPLOAD: &str = env!("CARGO_BIN_EXE_upload_client");

/// The greeting of our server, which alone is sent a header.
const GREETING: &str = "upload_serveur: send your file\r\n";

/// More than the buffers of both sides hold.
const LARGE: usize = 32 << 20;

/// A file to send, in a temporary directory of its own.
struct Sample {
    _place: TempDir,
    path: PathBuf,
}

impl Sample {
    #[track_caller]
    fn new(name: &str, bytes: &[u8]) -> Sample {
        let place = tempdir().unwrap();
        let path = place.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        Sample { _place: place, path }
    }

    #[track_caller]
    fn path(&self) -> &str {
        self.path.to_str().unwrap()
    }
}

/// The expected header for `bytes`. The sum comes from sha256sum(1), independent of our code.
#[track_caller]
fn header(name: &str, bytes: &[u8]) -> Vec<u8> {
    let sample = Sample::new("x", bytes);
    let output = Command::new("sha256sum").arg(sample.path()).output().expect("sha256sum, of coreutils");
    let sum = String::from_utf8(output.stdout).unwrap()[..64].to_string();
    format!("\0forklab-upload 1 {} {sum} {name}\n", bytes.len()).into_bytes()
}

/// A listener and its port.
#[track_caller]
fn listen() -> (TcpListener, String) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port().to_string();
    (listener, port)
}

#[track_caller]
fn accept(listener: &TcpListener) -> Peer {
    let (connection, _) = listener.accept().unwrap();
    connection.set_read_timeout(Some(PATIENCE)).unwrap();
    Peer::adopt(connection)
}

/// The client with a file to send, and the server's end of its connection, which the test plays.
#[track_caller]
fn sending(sample: &Sample, options: &[&str]) -> (Program, Peer) {
    let (listener, port) = listen();
    let program =
        Program::start(Command::new(UPLOAD).args(options).args([sample.path(), "127.0.0.1", &port]));
    (program, accept(&listener))
}

/// [`sending`], with the client on a terminal.
#[track_caller]
fn sending_on_terminal(sample: &Sample) -> (Terminal, Peer) {
    let (listener, port) = listen();
    let terminal = Terminal::start(UPLOAD, &[sample.path(), "127.0.0.1", &port]);
    (terminal, accept(&listener))
}

/// Expects status 1, `out` on standard output, and one line on standard error that holds all of
/// `parts`.
#[track_caller]
fn fails(mut program: Program, out: &str, parts: &[&str]) {
    assert_eq!(program.ends().code(), Some(1));
    let said = program.err.to_the_end();
    assert_eq!(program.out.to_the_end(), out, "{said}");
    assert!(said.lines().count() == 1 && said.starts_with("upload_client"), "{said}");
    assert!(parts.iter().all(|part| said.contains(part)), "{said}");
}

#[track_caller]
fn succeeds(mut program: Program, out: &str) {
    assert_eq!(program.ends().code(), Some(0), "{}", program.err.so_far());
    assert_eq!((program.out.to_the_end().as_str(), program.err.to_the_end().as_str()), (out, ""));
}

/// The client without a server.
#[track_caller]
fn alone(arguments: &[&str]) -> Program {
    Program::start(Command::new(UPLOAD).args(arguments))
}

/// Waits until the process sleeps, with nothing left to do at once.
#[track_caller]
fn sleeps(pid: i32) {
    eventually("the client to wait", || {
        let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
        stat.rsplit(')').next()?.trim_start().starts_with('S').then_some(())
    });
}

#[test]
fn any_bytes_are_sent_after_a_header_and_no_bar_is_drawn_without_a_terminal() {
    let bytes: Vec<u8> = (0..=255).cycle().take(300_000).collect();
    let sample = Sample::new("all bytes (1).bin", &bytes);
    let (client, mut server) = sending(&sample, &[]);
    server.sends(GREETING);
    server.hears([header("all bytes (1).bin", &bytes), bytes].concat());
    server.sends("kept as all bytes (1).bin [SUCCESS]");
    assert_eq!(server.hears_the_end(), b"", "nothing beyond the announced bytes");
    drop(server);
    succeeds(client, "upload_serveur: send your file\nkept as all bytes (1).bin [SUCCESS]\n");
}

#[test]
fn an_empty_file_is_sent_as_a_header_alone() {
    let (client, mut server) = sending(&Sample::new("empty", b""), &[]);
    server.sends(GREETING);
    server.hears(header("empty", b""));
    server.sends("[SUCCESS]");
    drop(server);
    succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
}

#[test]
fn nothing_is_sent_before_the_greeting() {
    let (client, mut server) = sending(&Sample::new("x", b"abc"), &[]);
    sleeps(client.pid());
    server.stream.set_nonblocking(true).unwrap();
    assert_eq!(server.stream.peek(&mut [0]).unwrap_err().kind(), ErrorKind::WouldBlock);
    server.stream.set_nonblocking(false).unwrap();
    for part in ["upload_serveur: send ", "your file", "\r", "\n"] {
        let _row = Row::of(&part);
        server.sends(part);
    }
    server.hears([header("x", b"abc"), b"abc".to_vec()].concat());
    server.sends("[SUCCESS]");
    drop(server);
    succeeds(client, "upload_serveur: send your file\n[SUCCESS]\n");
}

#[test]
fn an_error_answer_ends_the_upload_of_a_large_file_at_once() {
    let sample = Sample::new("large", &vec![b'x'; LARGE]);
    // The server stays open without reading, half-closes, or closes with unread bytes, which
    // resets.
    type Close = fn(&mut Peer);
    let ways: [(&str, Option<Close>); 3] =
        [("stays open", None), ("half-closes", Some(Peer::half_closes)), ("resets", Some(|_| ()))];
    for (way, close) in ways {
        let _row = Row::of(&way);
        let (client, mut server) = sending(&sample, &[]);
        server.sends(GREETING);
        server.hears("\0forklab-upload 1 ");
        server.sends("too large, 1000 bytes are the most [ERROR]");
        match close {
            None => fails(
                client,
                "upload_serveur: send your file\ntoo large, 1000 bytes are the most [ERROR]\n",
                &["did not keep", sample.path()],
            ),
            Some(close) => {
                close(&mut server);
                drop(server);
                fails(
                    client,
                    "upload_serveur: send your file\ntoo large, 1000 bytes are the most [ERROR]\n",
                    &["did not keep", sample.path()],
                );
            }
        }
    }
}

#[test]
fn a_connection_lost_in_the_middle_is_reported_with_the_bytes_sent() {
    let sample = Sample::new("large", &vec![b'x'; LARGE]);
    let (client, mut server) = sending(&sample, &[]);
    server.sends(GREETING);
    server.hears_up_to(&"x".repeat(100_000));
    drop(server);
    fails(client, "upload_serveur: send your file\n", &["of 33554432 bytes", "connection"]);
    let (client, mut server) = sending(&sample, &[]);
    server.sends(GREETING);
    server.hears("\0");
    server.resets();
    fails(
        client,
        "upload_serveur: send your file\n",
        &["the connection broke after ", "of 33554432 bytes: Connection reset by peer"],
    );
}

#[test]
fn a_server_that_closes_without_an_answer_is_an_error() {
    let (client, mut server) = sending(&Sample::new("x", b"abc"), &[]);
    server.sends(GREETING);
    server.hears([header("x", b"abc"), b"abc".to_vec()].concat());
    drop(server);
    let said = "the server closed the connection after 3 of 3 bytes, without an answer";
    fails(client, "upload_serveur: send your file\n", &[said]);
}

#[test]
fn success_before_all_bytes_are_sent_is_an_error() {
    let (client, mut server) = sending(&Sample::new("large", &vec![b'x'; LARGE]), &[]);
    server.sends(GREETING);
    server.hears("\0forklab-upload 1 ");
    server.sends("first line kept [SUCCESS]");
    fails(
        client,
        "upload_serveur: send your file\nfirst line kept [SUCCESS]\n",
        &["content with", "of 33554432 bytes"],
    );
}

#[test]
fn a_refusal_in_place_of_the_greeting_is_shown() {
    let sample = Sample::new("x", b"abc");
    let (client, mut server) = sending(&sample, &[]);
    server.sends("no room, try later [ERROR]");
    drop(server);
    fails(client, "no room, try later [ERROR]\n", &["did not keep"]);
    let (client, mut server) = sending(&sample, &[]);
    server.sends("no room, try later [ERROR]\r\n");
    server.half_closes();
    fails(client, "no room, try later [ERROR]\n", &["did not keep"]);
}

#[test]
fn an_answer_that_is_neither_success_nor_error_is_an_error() {
    let (client, mut server) = sending(&Sample::new("x", b""), &[]);
    server.sends(GREETING);
    server.hears(header("x", b""));
    server.sends("[SUCCESS] maybe");
    drop(server);
    fails(
        client,
        "upload_serveur: send your file\n[SUCCESS] maybe\n",
        &["neither in [SUCCESS] nor in [ERROR]"],
    );
}

#[test]
fn an_endless_answer_is_cut_off() {
    let sample = Sample::new("x", b"");
    let (client, mut server) = sending(&sample, &[]);
    server.sends(GREETING);
    server.hears(header("x", b""));
    server.sends("y".repeat(5000) + "[SUCCESS]");
    drop(server);
    let shown = format!("upload_serveur: send your file\n{}\n", "y".repeat(1025));
    fails(client, &shown, &["more than 1024 bytes"]);
    let (client, mut server) = sending(&sample, &[]);
    server.sends("y".repeat(5000));
    fails(client, &format!("{}\n", "y".repeat(1025)), &["more than 1024 bytes"]);
}

#[test]
fn text_from_the_server_is_shown_escaped() {
    let (client, mut server) = sending(&Sample::new("x", b""), &["--text"]);
    server.sends("\x1b[2JWelcome\u{202e}\x07\r\n");
    server.hears(" \n");
    server.sends(&b"a\nb\x1b]0;title\x07 \xff [SUCCESS]\n"[..]);
    drop(server);
    succeeds(client, "^[[2JWelcome<U+202E>^G\na^Jb^[]0;title^G \\xff [SUCCESS]\n");
}

#[test]
fn on_a_terminal_a_progress_bar_is_drawn_and_erased_before_the_answer() {
    let sample = Sample::new("large", &vec![b'x'; LARGE]);
    let (mut client, mut server) = sending_on_terminal(&sample);
    server.sends(GREETING);
    client.shows(GREETING);
    server.hears_up_to(&"x".repeat(LARGE / 2));
    client.shows("Sending [=");
    client.shows("MiB/32.00 MiB");
    server.hears_up_to(&"x".repeat(LARGE / 2));
    server.sends("kept [SUCCESS]");
    drop(server);
    assert_eq!(client.ends().code(), Some(0));
    client.shows("\r\x1b[2Kkept [SUCCESS]\r\n");
}

#[test]
fn ctrl_c_ends_the_client_with_a_line_and_status_1_in_every_state() {
    let sample = Sample::new("large", &vec![b'x'; LARGE]);
    type Step = fn(&mut Peer);
    let states: [(&str, Step); 3] = [
        ("before the greeting", |_| ()),
        ("while it sends", |server| {
            server.sends(GREETING);
            server.hears("\0forklab-upload 1 ");
        }),
        ("before the answer", |server| {
            server.sends(GREETING);
            server.hears_up_to("large\n");
            server.hears("x".repeat(LARGE));
        }),
    ];
    for (state, come_to) in states {
        let _row = Row::of(&state);
        let (mut client, mut server) = sending_on_terminal(&sample);
        come_to(&mut server);
        client.types("\x03");
        assert_eq!(client.ends().code(), Some(1));
        client.screen.wait_for("the line that says so", |bytes| {
            let text = String::from_utf8_lossy(bytes);
            let line = text.lines().last()?;
            (line.contains("upload_client") && line.ends_with("interrupted")).then_some(())
        });
    }
    for signal in [SIGINT, SIGTERM] {
        let _row = Row::of(&signal);
        let (client, mut server) = sending(&sample, &[]);
        server.sends(GREETING);
        server.hears("\0");
        client.signal(signal);
        fails(client, "upload_serveur: send your file\n", &["interrupted"]);
    }
}

#[test]
fn a_signal_ends_the_client_while_it_waits_for_a_server() {
    let (listener, port) = listen();
    drop(listener);
    let sample = Sample::new("x", b"");
    let client = alone(&[sample.path(), "127.0.0.1", &port]);
    eventually("its signals to be caught", || catches_sigterm(client.pid()).then_some(()));
    client.signal(SIGINT);
    assert_eq!({ client }.ends().code(), Some(1));
}

#[test]
fn a_stopped_terminal_blocks_neither_the_upload_nor_a_signal() {
    let sample = Sample::new("large", &vec![b'x'; LARGE]);
    for end in [None, Some(SIGTERM)] {
        let _row = Row::of(&end);
        let (mut client, mut server) = sending_on_terminal(&sample);
        server.sends(GREETING);
        client.shows("Sending [");
        // Ctrl+S stops the terminal's output until Ctrl+Q.
        client.types("\x13");
        server.hears_up_to("large\n");
        server.hears("x".repeat(LARGE));
        server.sends("kept [SUCCESS]");
        server.half_closes();
        match end {
            None => {
                client.types("\x11");
                client.shows("kept [SUCCESS]\r\n");
                assert_eq!(client.ends().code(), Some(0));
            }
            Some(signal) => {
                // The client has the answer and cannot show it.
                server.hears_the_end();
                kill(nix::unistd::Pid::from_raw(client.pid()), signal).unwrap();
                assert_eq!(client.ends().code(), Some(1));
            }
        }
    }
}

#[test]
fn a_file_that_changes_while_it_is_sent_is_reported_and_never_arrives_whole() {
    type Change = fn(&Path);
    let changes: [(Change, &str); 2] = [
        (
            |path| std::fs::File::options().write(true).open(path).unwrap().set_len(9).unwrap(),
            "became shorter",
        ),
        (
            |path| {
                use std::os::unix::fs::FileExt;
                let file = std::fs::File::options().write(true).open(path).unwrap();
                file.write_all_at(b"y", LARGE as u64 - 1).unwrap();
            },
            "was changed",
        ),
    ];
    for (change, why) in changes {
        let _row = Row::of(&why);
        let sample = Sample::new("large", &vec![b'x'; LARGE]);
        let (client, mut server) = sending(&sample, &[]);
        server.sends(GREETING);
        server.hears_up_to("large\n");
        change(&sample.path);
        assert!(server.hears_the_end().len() < LARGE);
        fails(client, "upload_serveur: send your file\n", &[why, "while it was being sent", sample.path()]);
    }
}
