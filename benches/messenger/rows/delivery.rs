//! Rows 1 and 2: nothing is lost in a burst, or of a paste as the course's client shows it.

use std::thread::sleep;
use std::time::{Duration, Instant};

use crate::common::{Program, Server, c_client, our_client};
use crate::harness::readers::Readers;
use crate::table::{ROUNDS, Row, list};

/// Messages of the burst.
const BURST: usize = 1000;

/// Lines of the paste.
const PASTE: usize = 20;

/// Pastes of each kind, each to a new client.
const RUNS: usize = 3;

/// Deadline for the last line on the screen, on a machine busy with other work.
const PATIENCE: Duration = Duration::from_secs(2);

/// Row 1: messages of a burst that arrive unchanged and in order.
pub fn burst() -> Vec<Row> {
    let server = Server::start(&[]);
    let rounds: Vec<Vec<usize>> = (0..ROUNDS).map(|_| one_burst(&server)).collect();
    // The figure is the worst round, not a median.
    let worst = rounds.iter().min_by_key(|delivered| delivered.iter().min()).expect("rounds");
    vec![Row {
        measurement: "burst of 1000 short messages from one client, 3 readers: delivered".to_string(),
        figure: list(worst),
        compared: "the courses' server: 188".to_string(),
        target: "1000 to each",
        met: Some(worst.iter().all(|&delivered| delivered == BURST)),
        notes: vec![format!("the worst of {ROUNDS} bursts; what counts is delivered unchanged and in order")],
    }]
}

/// Messages that each of three readers received unchanged and in order.
fn one_burst(server: &Server) -> Vec<usize> {
    let messages: Vec<String> = (0..BURST).map(|i| format!("eve : {i:04}")).collect();
    let mut readers = Readers::connect(server.address, 3);
    let mut sender = server.connect();
    server.wait_for_clients(4);
    for message in &messages {
        sender.sends(format!("{message}\0"));
    }
    let mut received = vec![Vec::new(); 3];
    readers.drain(|reader, bytes| {
        received[reader].extend_from_slice(bytes);
        received.iter().all(|bytes| strings(bytes).count() >= BURST)
    });
    let in_order = |bytes: &Vec<u8>| {
        // A lost message does not count those after it as lost: the search goes on behind the last
        // match.
        let mut expected = messages.iter();
        strings(bytes).filter(|string| expected.any(|message| message.as_bytes() == *string)).count()
    };
    drop(readers);
    drop(sender);
    server.wait_for_clients(0);
    received.iter().map(in_order).collect()
}

/// The non-empty strings ended by a NUL.
fn strings(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let complete = bytes.iter().rposition(|&byte| byte == 0).map_or(0, |at| at + 1);
    bytes[..complete].split(|&byte| byte == 0).filter(|string| !string.is_empty())
}

/// Row 2: lines of a paste on the screen of the course's client, which prints one C string per
/// read.
pub fn paste() -> Vec<Row> {
    let server = Server::start(&[]);
    let ours: Vec<usize> = (0..RUNS).map(|_| one_paste(&server, into_our_client)).collect();
    let raw: Vec<usize> = (0..RUNS).map(|_| one_paste(&server, in_one_write)).collect();
    vec![Row {
        measurement: "20 lines pasted at once: on the course client's screen".to_string(),
        figure: format!("{} (into chat_client); {} (in one write)", list(&ours), list(&raw)),
        compared: "the courses' server: 1 or 2".to_string(),
        target: "20",
        met: Some(ours.iter().chain(&raw).all(|&shown| shown == PASTE)),
        notes: Vec::new(),
    }]
}

/// Lines sent by `paste` that a course's client shows before the deadline.
fn one_paste(server: &Server, paste: fn(&Server, &[String])) -> usize {
    let reader = c_client(server, "bob", "course");
    server.wait_for_clients(1);
    let lines: Vec<String> = (1..=PASTE).map(|i| format!("ligne {i} du collage")).collect();
    paste(server, &lines);
    let deadline = Instant::now() + PATIENCE;
    loop {
        let shown = shown_by(&reader, &lines);
        if shown == PASTE || Instant::now() >= deadline {
            drop(reader);
            server.wait_for_clients(0);
            return shown;
        }
        // Polled: a lost line makes no event to wait for.
        sleep(Duration::from_millis(10));
    }
}

fn shown_by(reader: &Program, lines: &[String]) -> usize {
    let screen = reader.out.so_far();
    let is_shown = |line: &&String| screen.lines().any(|shown| shown == format!("alice : {line}"));
    lines.iter().filter(is_shown).count()
}

fn into_our_client(server: &Server, lines: &[String]) {
    let mut alice = our_client(server, "alice");
    server.wait_for_clients(2);
    alice.types(lines.join("\n") + "\n");
    alice.closes_stdin();
    alice.ends();
}

fn in_one_write(server: &Server, lines: &[String]) {
    let text: String = lines.iter().map(|line| format!("alice : {line}\0")).collect();
    server.join().sends(text);
}
