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
use super::clothes::{self, FRAMES, LINES, LOBBY, STRINGS, told};
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
use super::web::door::{self, Web};
use super::web::encoding;
use super::web::request::Site;
use super::{web, words};
use crate::cli::Program;
use crate::server::Parent;
use crate::sys::{self, Ended, Signal, Title};

/// The server's name.
pub const PROGRAM: Program = Program::french("chat_serveur");

/// Runs the messenger until SIGINT or SIGTERM.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn run(options: Options) -> anyhow::Result<()> {
    let (now, mut room) = (Instant::now(), Room::new(options.lag_limit));
    room.add_channel(options.pace, now);
    if options.lines.is_some() || options.web.is_some() {
        // Clients that read lines, or frames, read them whole, however they come: no pace.
        for _ in [LINES, FRAMES] {
            room.add_channel(Duration::ZERO, now);
        }
        room.add_lobby(now);
    }
    let Options { verbosity, idle_timeout, .. } = options;
    let title = if options.titles { Title::find() } else { Title::default() };
    let names = options.distinct_names.then(|| Names::new(PROGRAM.name));
    let transcript = options.transcript.map(Transcript::new).transpose().context("getcwd")?;
    let gate = Gate { refuses_headers: options.refuses_headers, names };
    let mut more: Vec<String> = transcript.iter().map(|t| words::transcribes(t.path())).collect();
    let doors = vec![STRINGS];
    let messenger =
        Messenger { verbosity, idle_timeout, gate, doors, web: None, title, transcript, report: None };
    let mut hub = Hub::open(messenger, &options.listening, room)?;
    let backlog = options.listening.backlog;
    if let Some(address) = options.lines {
        let address = hub.open_another_door(address, backlog)?;
        hub.rules.doors.push(LINES);
        more.push(words::ready_for_lines(address));
    }
    if let Some(address) = options.web {
        let address = hub.open_another_door(address, backlog)?;
        hub.rules.doors.push(LOBBY);
        let (most, machine) = (options.listening.max_per_address, sys::machine_name());
        let site = Site { port: address.port(), machine: machine.clone() };
        hub.rules.web = Some(Web::at(site, hub.address()?, most, verbosity));
        more.push(words::ready_for_browsers(address, &machine));
    }
    hub.run(&more)
}

struct Messenger {
    verbosity: Verbosity,
    idle_timeout: Option<Duration>,
    gate: Gate,
    /// What is heard by who comes in at each door.
    doors: Vec<Hears>,
    /// The door for browsers.
    web: Option<Web>,
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
        if let Some(web) = &mut self.web {
            stage.room.say(FRAMES, web.message(record), stage.now);
        }
        self.print_message(record, stage);
    }

    /// Says a message of C strings: as it is, and to those who read lines, line by line.
    fn say_strings(&self, message: &[u8], stage: &mut Stage) {
        stage.room.say(STRINGS, message, stage.now);
        if self.doors.contains(&LINES) {
            lines::of_strings(message).for_each(|line| self.say_line(&line, stage));
        }
    }

    fn say_line(&self, line: &[u8], stage: &mut Stage) {
        stage.room.say(LINES, &lines::stamped(lines::now(), line), stage.now);
    }

    /// What is told of the coming and going of such a client.
    fn tells_of(&self, client: &Client) -> bool {
        self.verbosity >= if client.hears == LOBBY { Verbosity::Hops } else { Verbosity::Chat }
    }

    fn print_read(record: &Record, stage: &mut Stage) {
        let Some(client) = stage.room.client(record.pid) else { return };
        if let (Ok(bytes), true) = (record.body.try_into(), stage.parent.out.has_room()) {
            let bytes = u32::from_ne_bytes(bytes);
            stage.parent.out.line(words::hop_read(record.pid, client.descriptor(), bytes));
        }
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

impl Rules for Messenger {
    const PROGRAM: Program = PROGRAM;

    fn serve(&self, door: usize, (socket, peer): &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32 {
        let tag = Nametag::new(self.title, PROGRAM.name, *peer);
        if let (LOBBY, Some(web)) = (self.doors[door], &self.web) {
            return web::child::serve(socket, pipe, &web.site, self.tells_hops(), self.idle_timeout, tag);
        }
        let framing = if self.doors[door] == LINES { Framing::Lines } else { child::STRINGS };
        let patience = Patience { first: self.idle_timeout, between: self.idle_timeout };
        child::serve(socket, pipe, framing, self.tells_hops(), patience, Some(tag))
    }

    fn welcome(&mut self, door: usize, _room: &mut Room, _now: Instant) -> (Hears, Vec<u8>) {
        let hears = self.doors[door];
        (hears, if hears == LINES { words::welcome_to_lines() } else { Vec::new() })
    }

    fn hear(&mut self, record: Record, stage: &mut Stage) -> bool {
        let Some(hears) = stage.room.client(record.pid).map(|client| client.hears) else { return false };
        match (record.kind, hears) {
            (Kind::Message, STRINGS) | (Kind::Line, LINES | FRAMES) => {
                if let Some(client) = stage.room.client(record.pid) {
                    client.said.add(Traffic { messages: 1, bytes: record.body.len() as u64 });
                }
                if let Some(body) = self.gate.pass(&record, stage, told) {
                    self.say(&Record { body: &body, ..record }, stage);
                }
            }
            (Kind::Enter | Kind::Answer, LOBBY) => {
                return self.web.as_ref().is_some_and(|web| web.visited(&record, stage));
            }
            (Kind::Ping, FRAMES) => stage.room.pong(record.pid, encoding::pong(record.body), stage.now),
            (Kind::Read, _) if self.tells_hops() => Messenger::print_read(&record, stage),
            (Kind::Left, _) => stage.room.left(&record),
            _ => return false,
        }
        true
    }

    fn joined(&self, client: &Client, count: usize, parent: &mut Parent) {
        if self.tells_of(client) && parent.out.has_room() {
            parent.out.line(match client.hears {
                LOBBY => words::visited(client),
                _ => words::joined(client, count),
            });
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
        } else if self.tells_of(client) {
            parent.out.line(line);
        }
        let silent = self.idle_timeout.filter(|_| client.left == Some(IDLE)).map(words::you_are_silent);
        clothes::last_words(client, silent.as_deref())
    }

    fn too_slow(&self, client: &Client, lag: Lag, rest: &[u8], parent: &mut Parent) -> Vec<u8> {
        parent.err.line(words::too_slow(client, lag));
        clothes::too_slow(client.hears, rest, &words::you_are_too_slow(lag))
    }

    fn refusal(&self, door: usize, reason: &str) -> Vec<u8> {
        match (self.doors[door], &self.web) {
            (LOBBY, Some(web)) => web.refusal(reason),
            (hears, _) => clothes::ended(hears, reason),
        }
    }

    fn stopping(&self, client: &Client) -> Vec<u8> {
        if client.hears == FRAMES { door::stopping() } else { Vec::new() }
    }

    fn signals(&self) -> Vec<Signal> {
        [Signal::SIGUSR1].into_iter().chain(self.transcript.iter().map(|_| Signal::SIGHUP)).collect()
    }

    fn asked(&mut self, signal: Signal, stage: &mut Stage) {
        match (signal, &mut self.transcript) {
            (Signal::SIGHUP, Some(transcript)) => transcript.reopen(stage.parent),
            // Of one that is on its way, the rest comes.
            _ => drop(self.report.get_or_insert_with(|| Report::begin(stage))),
        }
    }

    fn open(&mut self, parent: &mut Parent) -> anyhow::Result<()> {
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
        self.web.iter_mut().for_each(Web::forget);
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
