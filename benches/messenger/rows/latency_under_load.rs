//! What one client's flood does to another's messages.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::{scope, sleep};
use std::time::{Duration, Instant};

use crate::common::{PATIENCE, Server};
use crate::harness::flood::listen;
use crate::harness::readers::{Readers, all_in};
use crate::table::{ROUNDS, Row, median, micros, quantile};

/// Those who only listen, beside the two who talk.
const LISTENERS: usize = 8;

/// Messages of a round, and the time between two.
const MESSAGES: usize = 200;
const BETWEEN: Duration = Duration::from_millis(3);

/// The flood: messages of so many bytes one after the other, in writes of ten, at this many bytes a second.
const FLOOD_MESSAGE: usize = 1000;
const A_WRITE: usize = 10 * FLOOD_MESSAGE;
const A_SECOND: f64 = 10e6;

/// Median and 99th percentile of a message's way from a client to itself, in microseconds.
#[derive(Clone, Copy)]
struct Times {
    p50: f64,
    p99: f64,
}

/// The time of a message in a quiet room, and in one where somebody floods.
pub fn a_flood() -> Vec<Row> {
    let server = Server::start(&[]);
    let mut streams = all_in(server.pid(), server.address, 0, 2 + LISTENERS);
    let (mut alice, eve) = (streams.remove(0), streams.remove(0));
    alice.set_nodelay(true).expect("setsockopt");
    alice.set_read_timeout(Some(PATIENCE)).expect("setsockopt");
    eve.set_read_timeout(Some(Duration::from_millis(50))).expect("setsockopt");
    let mut listeners = Readers::new(streams);
    let (mut quiet, mut flooded, mut rates) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..ROUNDS {
        quiet.push(beside(&mut alice, &mut listeners, None).0);
        let (times, rate) = beside(&mut alice, &mut listeners, Some(&eve));
        flooded.push(times);
        rates.push(rate);
    }
    vec![row(&quiet, &flooded, &rates)]
}

fn row(quiet: &[Times], flooded: &[Times], rates: &[f64]) -> Row {
    let of = |rounds: &[Times], what: fn(&Times) -> f64| median(&rounds.iter().map(what).collect::<Vec<_>>());
    let ratio = |what: fn(&Times) -> f64| {
        let ratios = quiet.iter().zip(flooded).map(|(quiet, flooded)| what(flooded) / what(quiet));
        median(&ratios.collect::<Vec<_>>())
    };
    let told = |rounds| {
        format!("{} / {}", micros(of(rounds, |times| times.p50)), micros(of(rounds, |times| times.p99)))
    };
    Row {
        what: "a message while another client sends 10 MB/s without end, until it is heard: p50 (p99)"
            .to_string(),
        figure: format!("{:.1} ({:.1})", ratio(|times| times.p50), ratio(|times| times.p99)),
        compared: "the same room, quiet = 1".to_string(),
        reach: "shown",
        reached: None,
        notes: vec![format!(
            "{} clients, default pace; p50 / p99: quiet {}, beside the flood {}; it reached {:.1} MB/s; every message \
             arrived",
            LISTENERS + 2,
            told(quiet),
            told(flooded),
            median(rates) / 1e6
        )],
    }
}

/// Alice's messages, perhaps with Eve's flood beside them. Also the flood's bytes a second.
fn beside(alice: &mut TcpStream, listeners: &mut Readers, eve: Option<&TcpStream>) -> (Times, f64) {
    let over = AtomicBool::new(false);
    let mut times = Vec::new();
    let rate = scope(|scope| {
        scope.spawn(|| listeners.drain(|_, _| over.load(Ordering::Relaxed)));
        let flood = eve.map(|eve| {
            scope.spawn(|| listen(eve, &over));
            scope.spawn(|| flood(eve, &over))
        });
        for number in 0..MESSAGES {
            sleep(BETWEEN);
            times.push(heard_again(alice, number));
        }
        over.store(true, Ordering::Relaxed);
        // Also for those who listen, so that they look up.
        heard_again(alice, MESSAGES);
        flood.map(|flood| flood.join().expect("the flood"))
    });
    (Times { p50: median(&times), p99: quantile(&times, 0.99) }, rate.unwrap_or_default())
}

/// The time in microseconds until Alice hears what she says, whatever she hears before.
fn heard_again(alice: &mut TcpStream, number: usize) -> f64 {
    let said = format!("alice : {number}\0");
    let start = Instant::now();
    alice.write_all(said.as_bytes()).expect("send");
    let mut heard = Vec::new();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let n = alice.read(&mut buffer).expect("receive");
        assert!(n > 0, "the server closed the connection");
        heard.extend_from_slice(&buffer[..n]);
        if heard.windows(said.len()).any(|window| window == said.as_bytes()) {
            return start.elapsed().as_secs_f64() * 1e6;
        }
        // Its beginning may be here.
        heard.drain(..heard.len().saturating_sub(said.len()));
    }
}

fn flood(mut eve: &TcpStream, over: &AtomicBool) -> f64 {
    let message = [&[b'e'; FLOOD_MESSAGE - 1][..], b"\0"].concat();
    let messages = message.repeat(A_WRITE / FLOOD_MESSAGE);
    let start = Instant::now();
    let mut sent = 0.0;
    while !over.load(Ordering::Relaxed) {
        if sent < start.elapsed().as_secs_f64() * A_SECOND {
            eve.write_all(&messages).expect("send");
            sent += messages.len() as f64;
        } else {
            sleep(Duration::from_micros(200));
        }
    }
    sent / start.elapsed().as_secs_f64()
}
