//! The messenger's rules: what one says, all hear, each in the encoding of the door that it came in by.

use std::collections::BTreeMap;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::channel::Hears;
use super::child::{self, Patience};
use super::client::{Client, Lag, Traffic};
use super::cutter::Framing;
use super::gate::Gate;
use super::hub::Hub;
use super::lines;
use super::names::Names;
use super::nametag::Nametag;
use super::options::{Options, Verbosity};
use super::record::{HEADER, IDLE, Kind, Record};
use super::report::Report;
use super::room::Room;
use super::stage::{Rules, Stage};
use super::transcript::Transcript;
use super::words;
use crate::cli::Program;
use crate::server::Parent;
use crate::sys::{Ended, Signal, Title};

/// The server's name.
pub const PROGRAM: Program = Program::french("chat_serveur");

/// The door, and the channel, of clients that send and read C strings.
const STRINGS: usize = 0;
/// The door, and the channel, of clients that send and read lines.
const LINES: usize = 1;

/// Runs the messenger until SIGINT or SIGTERM.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn run(options: Options) -> anyhow::Result<()> {
    let (now, mut room) = (Instant::now(), Room::new(options.lag_limit));
    room.add_channel(options.pace, now);
    let Options { verbosity, idle_timeout, .. } = options;
    let title = if options.titles { Title::find() } else { Title::default() };
    let names = options.distinct_names.then(|| Names::new(PROGRAM.name));
    let transcript = options.transcript.map(Transcript::new).transpose().context("getcwd")?;
    let gate = Gate { refuses_headers: options.refuses_headers, names };
    let mut messenger =
        Messenger { verbosity, idle_timeout, gate, has_lines: false, title, transcript, report: None };
    let mut more: Vec<String> = messenger.transcript.iter().map(|t| words::transcribes(t.path())).collect();
    if options.lines.is_some() {
        // Clients that read lines read them whole, however they come: no pace.
        room.add_channel(Duration::ZERO, now);
        messenger.has_lines = true;
    }
    let mut hub = Hub::open(messenger, &options.listening, room)?;
    if let Some(address) = options.lines {
        let address = hub.open_second_door(address, options.listening.backlog)?;
        more.push(words::ready_for_lines(address));
    }
    hub.run(&more)
}

struct Messenger {
    verbosity: Verbosity,
    idle_timeout: Option<Duration>,
    gate: Gate,
    /// There is a second door.
    has_lines: bool,
    /// What shows whom a child serves; nothing where that is not wanted.
    title: Title,
    transcript: Option<Transcript>,
    /// A list of those who are connected, on its way.
    report: Option<Report>,
}

impl Messenger {
    /// Says what one client said to all, and prints it.
    fn say(&mut self, record: &Record, stage: &mut Stage) {
        if let Some(client) = stage.room.client(record.pid) {
            client.pseudo.hear(record.body);
            if let Some(transcript) = &mut self.transcript {
                transcript.note(record, client.peer, stage.parent);
            }
        }
        if record.kind == Kind::Line {
            stage.room.say(STRINGS, &lines::as_string(record.body), stage.now);
            self.say_line(record.body, stage);
        } else {
            self.say_strings(record.body, stage);
        }
        self.print_message(record, stage);
    }

    /// Says a message of C strings: as it is, and to those who read lines, line by line.
    fn say_strings(&self, message: &[u8], stage: &mut Stage) {
        stage.room.say(STRINGS, message, stage.now);
        if self.has_lines {
            lines::of_strings(message).for_each(|line| self.say_line(&line, stage));
        }
    }

    fn say_line(&self, line: &[u8], stage: &mut Stage) {
        stage.room.say(LINES, &lines::stamped(lines::now(), line), stage.now);
    }

    fn print_message(&self, record: &Record, stage: &mut Stage) {
        let (out, pid, body) = (&mut stage.parent.out, record.pid, record.body);
        if self.verbosity >= Verbosity::Hops && out.has_room() {
            out.line(words::hop_pipe(pid, HEADER, body.len()));
        }
        if self.verbosity >= Verbosity::Chat && out.has_room() {
            out.line(words::said(pid, body));
        }
    }
}

/// What the server itself says to one client of `door`.
fn told(door: usize, what: &str) -> Vec<u8> {
    in_clothes_of(door, &PROGRAM.says(what))
}

fn in_clothes_of(door: usize, text: &str) -> Vec<u8> {
    let end = if door == LINES { '\n' } else { '\0' };
    format!("{text}{end}").into_bytes()
}

impl Rules for Messenger {
    const PROGRAM: Program = PROGRAM;

    fn serve(&self, door: usize, (socket, peer): &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32 {
        let framing = if door == LINES { Framing::Lines } else { child::STRINGS };
        let patience = Patience { first: self.idle_timeout, between: self.idle_timeout };
        let tag = Nametag::new(self.title, PROGRAM.name, *peer);
        child::serve(socket, pipe, framing, self.tells_hops(), patience, Some(tag))
    }

    fn welcome(&mut self, door: usize, _room: &mut Room, _now: Instant) -> (Hears, Vec<u8>) {
        (door, if door == LINES { words::welcome_to_lines() } else { Vec::new() })
    }

    fn hear(&mut self, record: Record, stage: &mut Stage) {
        match record.kind {
            Kind::Message | Kind::Line => {
                if let Some(client) = stage.room.client(record.pid) {
                    client.said.add(Traffic { messages: 1, bytes: record.body.len() as u64 });
                }
                let Some(body) = self.gate.pass(&record, stage, told) else { return };
                self.say(&Record { body: &body, ..record }, stage);
            }
            Kind::Read => {
                let Some(client) = stage.room.client(record.pid) else { return };
                if let (Ok(bytes), true) = (record.body.try_into(), stage.parent.out.has_room()) {
                    let bytes = u32::from_ne_bytes(bytes);
                    stage.parent.out.line(words::hop_read(record.pid, client.descriptor(), bytes));
                }
            }
            Kind::Left => stage.room.left(&record),
        }
    }

    fn joined(&self, client: &Client, count: usize, parent: &mut Parent) {
        if self.verbosity >= Verbosity::Chat && parent.out.has_room() {
            parent.out.line(words::joined(client, count));
        }
    }

    fn departed(&mut self, client: &Client, ended: Ended, count: usize, parent: &mut Parent) -> Vec<u8> {
        if let Some(names) = &mut self.gate.names {
            names.forget(client.pid);
        }
        let line = words::departed(client, ended, count);
        if client.lost_its_child() {
            // That went wrong, whatever one wants to see.
            parent.err.line(line);
        } else if self.verbosity >= Verbosity::Chat {
            parent.out.line(line);
        }
        match self.idle_timeout {
            Some(time) if client.left == Some(IDLE) => told(client.hears, &words::you_are_silent(time)),
            _ => Vec::new(),
        }
    }

    fn too_slow(&self, client: &Client, lag: Lag, parent: &mut Parent) -> Vec<u8> {
        parent.err.line(words::too_slow(client, lag));
        let reason = PROGRAM.says(&words::you_are_too_slow(lag));
        match client.hears {
            // It stopped in the middle of a line, or of a string, most likely: that is ended first.
            LINES => format!("\n{reason}\n").into_bytes(),
            _ => format!("\0{reason}\0").into_bytes(),
        }
    }

    fn refusal(door: usize, reason: &str) -> Vec<u8> {
        in_clothes_of(door, reason)
    }

    fn signals(&self) -> Vec<Signal> {
        [Signal::SIGUSR1].into_iter().chain(self.transcript.iter().map(|_| Signal::SIGHUP)).collect()
    }

    fn asked(&mut self, signal: Signal, stage: &mut Stage) {
        match (signal, &mut self.transcript) {
            (Signal::SIGHUP, Some(transcript)) => transcript.reopen(stage.parent),
            _ => self.report = Some(Report::begin(stage)),
        }
    }

    fn open(&mut self, parent: &Parent) -> anyhow::Result<()> {
        self.transcript.as_mut().map_or(Ok(()), |transcript| transcript.open(parent))
    }

    fn before_sending(&mut self, parent: &mut Parent) {
        if let Some(transcript) = &mut self.transcript {
            transcript.write(parent);
        }
    }

    fn end_turn(&mut self, stage: &mut Stage) {
        if self.report.as_mut().is_some_and(|report| report.goes_on(stage)) {
            self.report = None;
        }
    }

    fn forget(&mut self) {
        if let Some(transcript) = &mut self.transcript {
            transcript.forget();
        }
    }

    fn tells_hops(&self) -> bool {
        self.verbosity >= Verbosity::Hops
    }

    fn sent(&self, descriptors_by_size: &BTreeMap<usize, Vec<RawFd>>, parent: &mut Parent) {
        if parent.out.has_room() {
            parent.out.line(words::hops_send(descriptors_by_size));
        }
    }
}
