//! Row 18: round-trip time of one client's messages while another client floods the room.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Server};
use crate::harness::flood::discard_input;
use crate::harness::readers::{Readers, connect_accepted};
use crate::table::{ROUNDS, Row, median, micros, quantile};

/// Clients that only read, besides the two that send.
const READERS: usize = 8;

/// Measured messages of a round, and the pause between two.
const MESSAGES: usize = 200;
const PAUSE: Duration = Duration::from_millis(3);

/// The flood: messages of this size, ten per write, at this rate in bytes per second.
const FLOOD_MESSAGE: usize = 1000;
const FLOOD_WRITE: usize = 10 * FLOOD_MESSAGE;
const FLOOD_RATE: f64 = 10e6;

/// Median and 99th percentile of a round, in microseconds.
#[derive(Clone, Copy)]
struct RoundTrip {
    p50: f64,
    p99: f64,
}

pub fn beside_a_flood() -> Vec<Row> {
    let server = Server::start(&[]);
    let mut streams = connect_accepted(server.pid(), server.address, 0, 2 + READERS);
    let (mut alice, eve) = (streams.remove(0), streams.remove(0));
    alice.set_nodelay(true).expect("setsockopt");
    alice.set_read_timeout(Some(PATIENCE)).expect("setsockopt");
    eve.set_read_timeout(Some(Duration::from_millis(50))).expect("setsockopt");
    let mut readers = Readers::new(streams);
    let (mut quiet, mut loaded, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(round(&mut alice, &mut readers, None).0);
        let (times, rate) = round(&mut alice, &mut readers, Some(&eve));
        loaded.push(times);
        rates.push(rate);
    }
    vec![row(&quiet, &loaded, &rates)]
}

fn row(quiet: &[RoundTrip], loaded: &[RoundTrip], rates: &[f64]) -> Row {
    let of = |rounds: &[RoundTrip], field: fn(&RoundTrip) -> f64| {
        median(&rounds.iter().map(field).collect::<Vec<_>>())
    };
    let ratio = |field: fn(&RoundTrip) -> f64| {
        let ratios = quiet.iter().zip(loaded).map(|(quiet, loaded)| field(loaded) / field(quiet));
        median(&ratios.collect::<Vec<_>>())
    };
    let absolute = |rounds| {
        format!("{} / {}", micros(of(rounds, |times| times.p50)), micros(of(rounds, |times| times.p99)))
    };
    Row {
        measurement: "round trip of a message while another client sends 10 MB/s: p50 (p99)".to_string(),
        figure: format!("{:.1} ({:.1})", ratio(|times| times.p50), ratio(|times| times.p99)),
        compared: "the same room, quiet = 1".to_string(),
        target: "none",
        met: None,
        notes: vec![format!(
            "{} clients, default pace; p50 / p99: quiet {}, beside the flood {}; it reached {:.1} MB/s; every message \
             arrived",
            READERS + 2,
            absolute(quiet),
            absolute(loaded),
            median(rates) / 1e6
        )],
    }
}

/// Alice's round trips, with Eve's flood or without, and the flood's rate in bytes per second.
fn round(alice: &mut TcpStream, readers: &mut Readers, eve: Option<&TcpStream>) -> (RoundTrip, f64) {
    let over = AtomicBool::new(false);
    let mut times = Vec::new();
    let rate = scope(|scope| {
        scope.spawn(|| readers.drain(|_, _| over.load(Ordering::Relaxed)));
        let flood = eve.map(|eve| {
            scope.spawn(|| discard_input(eve, &over));
            scope.spawn(|| flood(eve, &over))
        });
        for number in 0..MESSAGES {
            sleep(PAUSE);
            times.push(round_trip(alice, number));
        }
        over.store(true, Ordering::Relaxed);
        // One more message, so that the readers wake up and see `over`.
        round_trip(alice, MESSAGES);
        flood.map(|flood| flood.join().expect("the flood"))
    });
    (RoundTrip { p50: median(&times), p99: quantile(&times, 0.99) }, rate.unwrap_or_default())
}

/// Microseconds until Alice receives her own message; other messages before it are skipped.
fn round_trip(alice: &mut TcpStream, number: usize) -> f64 {
    let message = format!("alice : {number}\0");
    let start = Instant::now();
    alice.write_all(message.as_bytes()).expect("send");
    let mut received = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = alice.read(&mut buffer).expect("receive");
        assert!(n > 0, "the server closed the connection");
        received.extend_from_slice(&buffer[..n]);
        if received.windows(message.len()).any(|window| window == message.as_bytes()) {
            return start.elapsed().as_secs_f64() * 1e6;
        }
        // Keeps a tail: it may be the message's beginning.
        received.drain(..received.len().saturating_sub(message.len()));
    }
}

/// Sends at FLOOD_RATE, or as fast as the server reads, until `over`. Returns the rate reached.
fn flood(mut eve: &TcpStream, over: &AtomicBool) -> f64 {
    let message = [&[b'e'; FLOOD_MESSAGE - 1][..], b"\0"].concat();
    let messages = message.repeat(FLOOD_WRITE / FLOOD_MESSAGE);
    let start = Instant::now();
    let mut sent = 0.0;
    while !over.load(Ordering::Relaxed) {
        if sent < start.elapsed().as_secs_f64() * FLOOD_RATE {
            eve.write_all(&messages).expect("send");
            sent += messages.len() as f64;
        } else {
            sleep(Duration::from_micros(200));
        }
    }
    sent / start.elapsed().as_secs_f64()
}
