//! `--transcript`: every message that a client has received is in the file, even after a crash of
//! the server; and an error of the file does not affect the room.

use crate::common::*;

use std::fs;
use std::io::{Read, Write};
use std::path::{Path, PathBuf};

use nix::sys::signal::Signal::{SIGHUP, SIGKILL, SIGTERM};
use serde_json::Value;

mod hangup;
mod ownership;
mod rotation;
mod write_errors;

/// A temporary directory for a transcript.
struct Place(tempfile::TempDir);

impl Place {
    #[track_caller]
    fn new() -> Place {
        Place(tempfile::tempdir().unwrap())
    }

    #[track_caller]
    fn path(&self) -> PathBuf {
        self.0.path().join("transcript.jsonl")
    }

    /// Starts a server with this transcript and more `options`.
    #[track_caller]
    fn server(&self, options: &[&str]) -> Server {
        Server::start(&[&["--transcript", self.path().to_str().unwrap()], options].concat())
    }
}

/// Parses a transcript: one object a line, the last line terminated too.
#[track_caller]
fn objects(path: &Path) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap();
    assert!(text.is_empty() || text.ends_with('\n'), "{:?}", text.lines().last());
    objects_in(&text)
}

#[track_caller]
fn objects_in(text: &str) -> Vec<Value> {
    let object = |line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{line:?}: {error}"));
    text.lines().map(object).collect()
}

/// The messages of a transcript, in the form `name : text`.
#[track_caller]
fn said(objects: &[Value]) -> Vec<String> {
    let whole = |object: &Value| match object["name"].as_str() {
        Some(name) => format!("{name} : {}", object["text"].as_str().unwrap()),
        None => object["text"].as_str().unwrap().to_string(),
    };
    objects.iter().map(whole).collect()
}

#[test]
fn each_message_is_an_object_with_its_time_child_and_address() {
    use std::os::unix::fs::MetadataExt;
    let place = Place::new();
    let server = place.server(&["--lines", "0"]);
    server.program.out.line_with(&["ce qui se dit est noté dans", "transcript.jsonl"]);
    let (mut alice, mut line) = (server.join(), Peer::connect(server.lines_address()));
    line.hears_line();
    alice.sends("alice : bonjour\0");
    alice.hears("alice : bonjour\0\0");
    line.sends("sans nom\r\n");
    alice.hears("sans nom\0\0");
    let objects = objects(&place.path());
    assert_eq!(said(&objects), ["alice : bonjour", "sans nom"]);
    for (object, peer) in objects.iter().zip([&alice, &line]) {
        assert_eq!(object["pid"], server.child_of(peer));
        assert_eq!(object["address"], peer.stream.local_addr().unwrap().to_string());
        let shape: String = object["time"]
            .as_str()
            .unwrap()
            .chars()
            .map(|c| if c.is_ascii_digit() { '9' } else { c })
            .collect();
        assert_eq!(shape.replace('-', "+"), "9999+99+99T99:99:99.999+99:99");
    }
    assert_eq!(objects[1].get("name"), None);
    assert_eq!(fs::metadata(place.path()).unwrap().mode() & 0o777, 0o600);
    // Only the parent holds the file, above the descriptors of the clients.
    let holds = |pid| {
        let open = descriptors_of(pid).into_iter();
        open.filter(|(_, what)| what.ends_with("transcript.jsonl"))
            .map(|(number, _)| number)
            .collect::<Vec<_>>()
    };
    assert!(matches!(holds(server.pid())[..], [number] if number >= 48), "{:?}", holds(server.pid()));
    assert!(descriptors_of_child(server.child_of(&alice)).iter().all(|(_, what)| !what.ends_with(".jsonl")));
}

#[test]
fn for_any_bytes_each_line_is_json_without_control_characters() {
    let place = Place::new();
    let server = place.server(&["-q"]);
    let mut eve = server.connect();
    let cases: [&[u8]; 6] = [
        b"eve : \"},{\\\0",
        b"\x1b[2J\x07eve : \x7f\x01\0",
        "eve : \u{9b}31m\u{202e}x\u{2028}y\0".as_bytes(),
        b"\xff\xc3 : caf\xe9\0",
        b"un\n\0",
        "👍 : 日本\0".as_bytes(),
    ];
    for case in cases {
        let _row = Row::of(&case);
        eve.sends(case);
        eve.hears([case, b"\0"].concat());
    }
    let text = fs::read_to_string(place.path()).unwrap();
    assert!(
        !text.contains(|c: char| c != '\n' && (c.is_control() || "\u{202e}\u{2028}".contains(c))),
        "{text:?}"
    );
    let objects = objects(&place.path());
    let heard = [
        "eve : \"},{\\",
        "\x1b[2J\x07eve : \x7f\x01",
        "eve : \u{9b}31m\u{202e}x\u{2028}y",
        "\u{fffd}\u{fffd} : caf\u{fffd}",
        "un",
        "👍 : 日本",
    ];
    assert_eq!(said(&objects), heard);
    let with_bytes: Vec<&Value> = objects.iter().filter_map(|object| object.get("bytes")).collect();
    assert_eq!(with_bytes, ["ffc3203a20636166e90000"]);
}

#[test]
fn a_refused_message_is_not_in_the_file() {
    let place = Place::new();
    let server = place.server(&["-q", "--distinct-names"]);
    let (mut alice, mut eve, mut web) = (server.connect(), server.connect(), server.connect());
    alice.sends("alice : un\0");
    eve.hears("alice : un\0\0");
    eve.sends("alice : deux\0");
    eve.hears_up_to("ressemble pas\0");
    web.sends("GET / HTTP/1.1\r\n\r\n");
    web.hears_the_end();
    eve.sends("eve : a\nb\x1b\0");
    eve.hears_up_to("eve : a^Jb^[\0");
    assert_eq!(said(&objects(&place.path())), ["alice : un", "eve : a^Jb^["]);
}

#[test]
fn every_received_message_is_in_the_file_although_the_server_is_killed_at_once() {
    for round in 0..40 {
        let place = Place::new();
        let options: &[&str] = if round % 2 == 0 { &["-q", "--pace", "0"] } else { &["-q"] };
        let server = place.server(options);
        let (listener, speakers) = (server.connect(), [server.connect(), server.connect()]);
        server.wait_for_children(3);
        let heard = std::thread::scope(|scope| {
            for (speaker, who) in speakers.iter().zip(["alice", "bob"]) {
                let mut speaker = speaker.duplicate();
                scope.spawn(move || {
                    // Until the server is dead.
                    (0..)
                        .take_while(|i| speaker.stream.write_all(format!("{who} : {i}\0").as_bytes()).is_ok())
                        .count()
                });
            }
            heard_until(&listener, 1 + round, || send(server.pid(), SIGKILL))
        });
        // A kill during a write leaves an incomplete line, which no client has received.
        let text = fs::read_to_string(place.path()).unwrap();
        let whole = text.rfind('\n').map_or("", |end| &text[..=end]);
        let written = said(&objects_in(whole));
        assert!(heard.len() > round && written.len() >= heard.len(), "{} of {}", written.len(), heard.len());
        assert_eq!(heard, written[..heard.len()]);
    }
}

/// The messages that a client receives until the end of its connection, orderly or by reset.
/// `at_once` runs after the first `count`.
#[track_caller]
fn heard_until(peer: &Peer, count: usize, at_once: impl FnOnce()) -> Vec<String> {
    let (mut heard, mut buffer, mut at_once) = (Vec::new(), [0; 4096], Some(at_once));
    let texts = |heard: &[u8]| -> Vec<String> {
        let whole = heard.iter().rposition(|&byte| byte == 0).map_or(0, |at| at + 1);
        let texts = heard[..whole].split(|&byte| byte == 0).filter(|text| !text.is_empty());
        texts.map(|text| String::from_utf8(text.to_vec()).unwrap()).collect()
    };
    // ECONNRESET if the server had unread bytes.
    while let Ok(n @ 1..) = (&peer.stream).read(&mut buffer) {
        heard.extend_from_slice(&buffer[..n]);
        if at_once.is_some() && texts(&heard).len() >= count {
            at_once.take().unwrap()();
        }
    }
    texts(&heard)
}

#[test]
fn all_clients_receive_the_messages_of_the_file_in_its_order() {
    const EACH: usize = 2000;
    let place = Place::new();
    let server = place.server(&["-q"]);
    let peers: Vec<Peer> = (0..4).map(|_| server.connect()).collect();
    server.wait_for_children(4);
    let heard = hear_in_one_order(&peers, 2 * EACH, |_| {
        std::thread::scope(|scope| {
            scope.spawn(|| send_numbered(&peers[0], "alice", EACH));
            scope.spawn(|| send_numbered(&peers[1], "bob", EACH));
        });
    });
    assert_eq!(said(&objects(&place.path())), heard);
}

#[test]
fn the_last_messages_are_in_the_file_whether_client_or_server_ends_first() {
    let place = Place::new();
    let mut server = place.server(&["-q", "--pace", "200"]);
    let (mut listener, mut speaker) = (server.connect(), server.connect());
    server.wait_for_children(2);
    // Two messages that wait for their pace, and one of a client that has left when it is sent.
    speaker.sends("al : un\0al : deux\0al : trois\0");
    speaker.half_closes();
    let own = String::from_utf8(speaker.hears_the_end()).unwrap();
    assert_eq!(
        own.split('\0').filter(|text| !text.is_empty()).collect::<Vec<_>>(),
        ["al : un", "al : deux", "al : trois"]
    );
    // At its departure, all its messages are sent at once; then all of them are in the file.
    assert_eq!(said(&objects(&place.path())), ["al : un", "al : deux", "al : trois"]);
    listener.sends("bo : fin\0");
    listener.hears_up_to("al : un\0");
    server.program.signal(SIGTERM);
    assert_eq!(server.program.ends().code(), Some(0));
    let written = said(&objects(&place.path()));
    let heard = String::from_utf8(listener.hears_the_end()).unwrap();
    let heard: Vec<&str> = heard.split('\0').filter(|text| !text.is_empty()).collect();
    assert_eq!(heard, written[1..]);
}

/// Order of the calls by strace(1): write to the file, sync if asked for, sends to the clients.
#[test]
fn each_message_is_written_and_synced_before_it_is_sent() {
    if !can_trace() {
        return;
    }
    for sync in [false, true] {
        let _row = Row::of(&sync);
        let place = Place::new();
        let trace = place.0.path().join("trace");
        let calls = ["-y", "-s", "200", "-e", "trace=write,fdatasync,sendto"];
        let mut command = traced(SERVER, &calls, &trace);
        command.args(["--bind", "127.0.0.1", "--port", "0", "-q", "--transcript"]).arg(place.path());
        let server = Server::from(command.args(sync.then_some("--transcript-sync")));
        let mut peers = [server.connect(), server.connect()];
        server.wait_for_children(2);
        for i in 0..20 {
            let message = format!("alice : numéro {i}\0");
            peers[0].sends(&message);
            peers.iter_mut().for_each(|peer| peer.hears(format!("{message}\0")));
        }
        let kinds = eventually("the trace of all", || {
            let trace = fs::read_to_string(&trace).unwrap();
            let kinds: Vec<char> = trace.lines().filter_map(kind_of).collect();
            (kinds.iter().filter(|&&kind| kind == 's').count() == 40).then_some(kinds)
        });
        let turn = if sync { "wfss" } else { "wss" };
        assert_eq!(kinds.into_iter().collect::<String>(), turn.repeat(20));
    }
}

/// The last messages of a departed client are sent when its child is reaped.
#[test]
fn the_last_messages_of_a_client_are_written_before_they_are_sent() {
    const ROUNDS: usize = 30;
    if !can_trace() {
        return;
    }
    let place = Place::new();
    let trace = place.0.path().join("trace");
    let mut command = traced(SERVER, &["-s", "9999", "-e", "trace=write,sendto"], &trace);
    command.args(["--bind", "127.0.0.1", "--port", "0", "-q", "--pace", "200", "--transcript"]);
    let server = Server::from(command.arg(place.path()));
    for round in 0..ROUNDS {
        let mut peer = server.connect();
        let said: String = (0..3).map(|i| format!("al : mot {round}-{i}\0")).collect();
        peer.sends(&said);
        peer.half_closes();
        assert_eq!(peer.hears_the_end(), [said.as_bytes(), b"\0"].concat());
    }
    let last = format!("mot {}-2\\0", ROUNDS - 1);
    let trace = eventually("the trace of all", || {
        let trace = fs::read_to_string(&trace).unwrap();
        trace.contains(&last).then_some(trace)
    });
    for word in (0..3 * ROUNDS).map(|i| format!("mot {}-{}", i / 3, i % 3)) {
        let first = |call: &str, end: &str| {
            let is_it = |line: &str| line.starts_with(call) && line.contains(&format!("{word}{end}"));
            trace.lines().position(is_it).unwrap_or_else(|| panic!("{word} never in a {call}"))
        };
        assert!(first("write", "\\\"}") < first("sendto", "\\0"), "{word}");
    }
}

/// Classifies a line of the trace: write, fdatasync or send.
fn kind_of(line: &str) -> Option<char> {
    // strace -y shows the path behind a descriptor.
    let is_of_the_file = line.contains("transcript.jsonl>");
    match line.split('(').next()?.split_whitespace().last()? {
        "write" if is_of_the_file => Some('w'),
        "fdatasync" if is_of_the_file => Some('f'),
        "sendto" if line.contains("alice : ") => Some('s'),
        _ => None,
    }
}
