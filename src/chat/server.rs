//! The messenger's rules: what one says, all hear, each in the encoding of the door that it came in by.

use std::collections::BTreeMap;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::encoding::{self, FRAMES, LINES, LOBBY, STRINGS, notified};
use super::filter::MessageFilter;
use super::line_text;
use super::names::NameRegistry;
use super::options::{Options, Verbosity};
use super::proc_title::ProcTitle;
use super::status_report::Report;
use super::transcript::Transcript;
use super::web::endpoint::{self, WebEndpoint};
use super::web::request::Site;
use super::web::ws_encode;
use super::{messages, web};
use crate::cli::Program;
use crate::hub::channel::ChannelId;
use crate::hub::connection::{Connection, Lag, Traffic};
use crate::hub::event_loop::Hub;
use crate::hub::framing::Framing;
use crate::hub::record::{HEADER, IDLE, Kind, Record};
use crate::hub::room::Room;
use crate::hub::service::{Context, Service};
use crate::hub::worker::{self, IdleTimeouts};
use crate::server::Supervisor;
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
    let names = options.distinct_names.then(|| NameRegistry::new(PROGRAM.name));
    let transcript = options.transcript.map(Transcript::new).transpose().context("getcwd")?;
    let gate = MessageFilter { refuses_headers: options.refuses_headers, names };
    let mut more: Vec<String> = transcript.iter().map(|t| messages::transcribes(t.path())).collect();
    let listeners = vec![STRINGS];
    let messenger =
        ChatServer { verbosity, idle_timeout, gate, listeners, web: None, title, transcript, report: None };
    let mut hub = Hub::open(messenger, &options.listening, room)?;
    let backlog = options.listening.backlog;
    if let Some(address) = options.lines {
        let address = hub.add_listener(address, backlog)?;
        hub.rules.listeners.push(LINES);
        more.push(messages::ready_for_lines(address));
    }
    if let Some(address) = options.web {
        let address = hub.add_listener(address, backlog)?;
        hub.rules.listeners.push(LOBBY);
        let (most, machine) = (options.listening.max_per_address, sys::machine_name());
        let site = Site { port: address.port(), machine: machine.clone() };
        hub.rules.web = Some(WebEndpoint::at(site, hub.address()?, most, verbosity));
        more.push(messages::ready_for_browsers(address, &machine));
    }
    hub.run(&more)
}

struct ChatServer {
    verbosity: Verbosity,
    idle_timeout: Option<Duration>,
    gate: MessageFilter,
    /// What is heard by who comes in at each door.
    listeners: Vec<ChannelId>,
    /// The door for browsers.
    web: Option<WebEndpoint>,
    /// What shows whom a child serves; nothing where that is not wanted.
    title: Title,
    transcript: Option<Transcript>,
    /// A list of those who are connected, on its way.
    report: Option<Report>,
}

impl ChatServer {
    /// Says what one client said to all, and prints it.
    fn say(&mut self, record: &Record, context: &mut Context) {
        if let Some(client) = context.room.client(record.pid) {
            client.pseudo.hear(record.body);
            if let Some(transcript) = &mut self.transcript {
                transcript.note(record, client.peer, context.supervisor);
            }
        }
        if record.kind == Kind::Line {
            context.room.say(STRINGS, &line_text::as_string(record.body), context.now);
            self.say_line(record.body, context);
        } else {
            self.say_strings(record.body, context);
        }
        if let Some(web) = &mut self.web {
            context.room.say(FRAMES, web.message(record), context.now);
        }
        self.print_message(record, context);
    }

    /// Says a message of C strings: as it is, and to those who read lines, line by line.
    fn say_strings(&self, message: &[u8], context: &mut Context) {
        context.room.say(STRINGS, message, context.now);
        if self.listeners.contains(&LINES) {
            line_text::of_strings(message).for_each(|line| self.say_line(&line, context));
        }
    }

    fn say_line(&self, line: &[u8], context: &mut Context) {
        context.room.say(LINES, &line_text::stamped(line_text::now(), line), context.now);
    }

    /// What is told of the coming and going of such a client.
    fn tells_of(&self, client: &Connection) -> bool {
        self.verbosity >= if client.channel_id == LOBBY { Verbosity::Hops } else { Verbosity::Chat }
    }

    fn print_read(record: &Record, context: &mut Context) {
        let Some(client) = context.room.client(record.pid) else { return };
        if let (Ok(bytes), true) = (record.body.try_into(), context.supervisor.out.has_room()) {
            let bytes = u32::from_ne_bytes(bytes);
            context.supervisor.out.line(messages::hop_read(record.pid, client.descriptor(), bytes));
        }
    }

    fn print_message(&self, record: &Record, context: &mut Context) {
        let (out, pid, body) = (&mut context.supervisor.out, record.pid, record.body);
        if self.verbosity >= Verbosity::Hops && out.has_room() {
            out.line(messages::hop_pipe(pid, HEADER, body.len()));
        }
        if self.verbosity >= Verbosity::Chat && out.has_room() {
            out.line(messages::said(pid, body));
        }
    }
}

impl Service for ChatServer {
    const PROGRAM: Program = PROGRAM;

    fn serve(&self, listener: usize, (socket, peer): &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32 {
        let tag = ProcTitle::new(self.title, PROGRAM.name, *peer);
        if let (LOBBY, Some(web)) = (self.listeners[listener], &self.web) {
            return web::worker::serve(socket, pipe, &web.site, self.tells_hops(), self.idle_timeout, tag);
        }
        let framing = if self.listeners[listener] == LINES { Framing::Lines } else { worker::STRINGS };
        let patience = IdleTimeouts { first: self.idle_timeout, between: self.idle_timeout };
        worker::serve(socket, pipe, framing, self.tells_hops(), patience, Some(tag))
    }

    fn welcome(&mut self, listener: usize, _room: &mut Room, _now: Instant) -> (ChannelId, Vec<u8>) {
        let channel_id = self.listeners[listener];
        (channel_id, if channel_id == LINES { messages::welcome_to_lines() } else { Vec::new() })
    }

    fn hear(&mut self, record: Record, context: &mut Context) -> bool {
        let Some(channel_id) = context.room.client(record.pid).map(|client| client.channel_id) else {
            return false;
        };
        match (record.kind, channel_id) {
            (Kind::Message, STRINGS) | (Kind::Line, LINES | FRAMES) => {
                if let Some(client) = context.room.client(record.pid) {
                    client.said.add(Traffic { messages: 1, bytes: record.body.len() as u64 });
                }
                if let Some(body) = self.gate.pass(&record, context, notified) {
                    self.say(&Record { body: &body, ..record }, context);
                }
            }
            (Kind::Enter | Kind::Answer, LOBBY) => {
                return self.web.as_ref().is_some_and(|web| web.visited(&record, context));
            }
            (Kind::Ping, FRAMES) => context.room.pong(record.pid, ws_encode::pong(record.body), context.now),
            (Kind::Read, _) if self.tells_hops() => ChatServer::print_read(&record, context),
            (Kind::Left, _) => context.room.left(&record),
            _ => return false,
        }
        true
    }

    fn joined(&self, client: &Connection, count: usize, supervisor: &mut Supervisor) {
        if self.tells_of(client) && supervisor.out.has_room() {
            supervisor.out.line(match client.channel_id {
                LOBBY => messages::visited(client),
                _ => messages::joined(client, count),
            });
        }
    }

    fn departed(
        &mut self,
        client: &Connection,
        ended: Ended,
        count: usize,
        supervisor: &mut Supervisor,
    ) -> Vec<u8> {
        if let Some(names) = &mut self.gate.names {
            names.forget(client.pid);
        }
        let line = messages::departed(client, ended, count);
        if client.died_unexpectedly() {
            // That went wrong, whatever one wants to see.
            supervisor.err.line(line);
        } else if self.tells_of(client) {
            supervisor.out.line(line);
        }
        let silent = self.idle_timeout.filter(|_| client.left == Some(IDLE)).map(messages::you_were_idle);
        encoding::last_words(client, silent.as_deref())
    }

    fn too_slow(&self, client: &Connection, lag: Lag, rest: &[u8], supervisor: &mut Supervisor) -> Vec<u8> {
        supervisor.err.line(messages::too_slow(client, lag));
        encoding::too_slow(client.channel_id, rest, &messages::you_are_too_slow(lag))
    }

    fn refusal(&self, listener: usize, reason: &str) -> Vec<u8> {
        match (self.listeners[listener], &self.web) {
            (LOBBY, Some(web)) => web.refusal(reason),
            (channel_id, _) => encoding::ended(channel_id, reason),
        }
    }

    fn stopping(&self, client: &Connection) -> Vec<u8> {
        if client.channel_id == FRAMES { endpoint::stopping() } else { Vec::new() }
    }

    fn signals(&self) -> Vec<Signal> {
        [Signal::SIGUSR1].into_iter().chain(self.transcript.iter().map(|_| Signal::SIGHUP)).collect()
    }

    fn take_user_signals(&mut self, signal: Signal, context: &mut Context) {
        match (signal, &mut self.transcript) {
            (Signal::SIGHUP, Some(transcript)) => transcript.reopen(context.supervisor),
            // Of one that is on its way, the rest comes.
            _ => drop(self.report.get_or_insert_with(|| Report::begin(context))),
        }
    }

    fn open(&mut self, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        self.transcript.as_mut().map_or(Ok(()), |transcript| transcript.open(supervisor))
    }

    fn before_send(&mut self, supervisor: &mut Supervisor) {
        if let Some(transcript) = &mut self.transcript {
            transcript.write(supervisor);
        }
    }

    fn end_turn(&mut self, context: &mut Context) {
        if self.report.as_mut().is_some_and(|report| report.goes_on(context)) {
            self.report = None;
        }
    }

    fn forget(&mut self) {
        self.web.iter_mut().for_each(WebEndpoint::forget);
        if let Some(transcript) = &mut self.transcript {
            transcript.forget();
        }
    }

    fn tells_hops(&self) -> bool {
        self.verbosity >= Verbosity::Hops
    }

    fn sent(&self, descriptors_by_size: &BTreeMap<usize, Vec<RawFd>>, supervisor: &mut Supervisor) {
        if supervisor.out.has_room() {
            supervisor.out.line(messages::hops_send(descriptors_by_size));
        }
    }
}
