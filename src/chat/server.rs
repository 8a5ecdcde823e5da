//! The chat server: what one client says, all receive, each in its [`Encoding`].

use std::net::{SocketAddr, TcpStream};
use std::os::fd::RawFd;
use std::time::Duration;

use super::client_state::ClientState;
use super::encoding::{self, Encoding};
use super::filter::MessageFilter;
use super::hop_trace::HopTrace;
use super::message::{is_mark, is_rest_of_end};
use super::options::Verbosity;
use super::proc_title::ProcTitle;
use super::status_report::Report;
use super::transcript::Transcript;
use super::web::response::Response;
use super::web::{self, endpoint::WebEndpoint, ws_encode};
use super::{PROGRAM, messages};
use crate::cli::Program;
use crate::hub::connection::{Connection, Lag};
use crate::hub::message_log::ChannelId;
use crate::hub::peer_address::PeerAddress;
use crate::hub::record::{IDLE, Kind, Record};
use crate::hub::service::{Context, Service};
use crate::hub::worker::{DONE, IdleTimeouts, RecordPipe, Worker};
use crate::server::first_bytes::{BAD_REQUEST, Expected, FirstBytes, Foreign};
use crate::server::telnet::NO_TIMING_MARK;
use crate::server::{GREETING_DELAY, Messages, Supervisor};
use crate::sys::{Ended, ScopedAddress, Signal, Title};

pub(super) struct ChatServer {
    pub verbosity: Verbosity,
    pub idle_timeout: Option<Duration>,
    pub filter: MessageFilter,
    /// First bytes of clients that are no browsers; `None`: not checked.
    pub expected: Option<Expected>,
    /// The encoding of each listener's clients; `None` for HTTP, before a WebSocket handshake.
    pub listeners: Vec<Option<Encoding>>,
    /// One channel per encoding that can be in use.
    pub strings: ChannelId,
    pub lines: Option<ChannelId>,
    pub frames: Option<ChannelId>,
    pub web: Option<WebEndpoint>,
    /// For the process titles of workers; empty where they are not wanted.
    pub title: Title,
    pub transcript: Option<Transcript>,
    /// A status report that is being printed.
    pub report: Option<Report>,
    pub trace: HopTrace,
}

impl ChatServer {
    /// Says one client's message to all, and prints it.
    fn say(&mut self, record: &Record, peer: PeerAddress, context: &mut Context<ClientState>) {
        if record.kind == Kind::Message && is_mark(record.body) {
            return context.say(self.strings, record.body);
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.note(record, peer, context.supervisor);
        }
        if record.kind == Kind::Line {
            context.say(self.strings, &encoding::string_of_line(record.body));
            self.say_line(record.body, context);
        } else {
            context.say(self.strings, record.body);
            if self.lines.is_some() {
                encoding::lines_of_string(record.body).for_each(|line| self.say_line(&line, context));
            }
        }
        if let (Some(web), Some(frames)) = (&mut self.web, self.frames) {
            context.say(frames, web.encoder.frame(record.pid, ws_encode::now(), record.body));
        }
        let out = &mut context.supervisor.out;
        if self.verbosity >= Verbosity::Chat && out.has_room() {
            out.line(messages::said(record.pid, record.body));
        }
    }

    fn say_line(&self, line: &[u8], context: &mut Context<ClientState>) {
        if let Some(lines) = self.lines {
            context.say(lines, &encoding::timed_line(encoding::now(), line));
        }
    }

    /// True where connects and disconnects of such a client are printed.
    fn prints(&self, client: &ClientState) -> bool {
        self.verbosity >= if client.encoding.is_some() { Verbosity::Chat } else { Verbosity::Hops }
    }
}

impl Service for ChatServer {
    const PROGRAM: Program = PROGRAM;
    type Client = ClientState;

    fn serve(&self, listener: usize, (socket, peer): &(TcpStream, ScopedAddress), pipe: RecordPipe) -> i32 {
        let mut title = ProcTitle::new(self.title, PROGRAM.name, (*peer).into());
        let traces_reads = self.trace.is_on;
        let Some(framing) = self.listeners[listener].and_then(Encoding::framing) else {
            let Some(web) = &self.web else { return DONE };
            return web::worker::serve(socket, pipe, &web.site, traces_reads, self.idle_timeout, title);
        };
        let timeouts = IdleTimeouts { before_first: self.idle_timeout, between: self.idle_timeout };
        let on_message = |message: &[u8]| title.update(message);
        let first_bytes = FirstBytes::new(self.expected);
        Worker { socket, pipe, framing, first_bytes, timeouts, traces_reads, on_message }.run()
    }

    fn refusal(&self, listener: usize, reason: &str) -> Vec<u8> {
        match self.listeners[listener] {
            Some(encoding) => encoding.line(reason),
            None => self.web.as_ref().map(|web| web.responses.refusal(reason)).unwrap_or_default(),
        }
    }

    fn answer_foreign(&self, client: &ClientState, foreign: &Foreign) -> Vec<u8> {
        let reason = PROGRAM.says(Messages(PROGRAM.language).wrong_protocol(foreign));
        match client.encoding {
            Some(encoding) => foreign.answer(BAD_REQUEST, &reason, |reason| encoding.line(reason)),
            // A request was expected.
            None => {
                let web = self.web.as_ref();
                web.map(|web| web.responses.bytes(Response::Malformed, false)).unwrap_or_default()
            }
        }
    }

    fn is_proxy(&self, listener: usize, address: SocketAddr) -> bool {
        let web = self.web.as_ref().filter(|_| self.listeners[listener].is_none());
        web.is_some_and(|web| web.site.proxies.contain(address))
    }

    fn on_connect(
        &mut self,
        listener: usize,
        connection: &mut Connection,
        context: &mut Context<ClientState>,
    ) -> ClientState {
        let encoding = self.listeners[listener];
        let channel = encoding.and_then(|encoding| match encoding {
            Encoding::CString => Some(self.strings),
            Encoding::Line => self.lines,
            Encoding::WebSocket => self.frames,
        });
        if let Some(channel) = channel {
            connection.join(channel, context.channels);
        }
        if let Some(greeting) = encoding.and_then(Encoding::greeting) {
            context.tell(connection, greeting.as_bytes());
            connection.hold(context.now, GREETING_DELAY);
        }
        let client = ClientState { encoding, ..ClientState::default() };
        if self.prints(&client) && context.supervisor.out.has_room() {
            context.supervisor.out.line(match encoding {
                Some(_) => messages::joined(connection, "", context.channels.readers()),
                None => messages::visited(connection),
            });
        }
        client
    }

    fn on_record(
        &mut self,
        record: &Record,
        connection: &mut Connection,
        client: &mut ClientState,
        context: &mut Context<ClientState>,
    ) -> bool {
        match (record.kind, client.encoding) {
            // A browser that was disconnected before its request was read.
            (_, None) if connection.last_words.is_some() => {}
            (Kind::Enter | Kind::Answer, None) => {
                let (Some(web), Some(frames)) = (&self.web, self.frames) else { return false };
                return web.on_request(record, connection, client, frames, context);
            }
            (Kind::Ping, Some(Encoding::WebSocket)) => {
                connection.pong(ws_encode::pong(record.body), context.channels, context.now);
            }
            (Kind::Probe, Some(Encoding::WebSocket)) => context.tell(connection, &ws_encode::alive()),
            (Kind::Probe, Some(_)) => context.tell(connection, NO_TIMING_MARK),
            (Kind::Read, _) if self.trace.is_on => {
                self.trace.read(record, connection, &mut context.supervisor.out);
            }
            (kind, Some(encoding)) if kind == encoding.kind() => {
                client.said.messages += 1;
                client.said.bytes += record.body.len() as u64;
                if is_rest_of_end(record.body) {
                    context.say(self.strings, record.body);
                } else if let Some(body) = self.filter.pass(record, connection, client, context) {
                    client.nick.update(&body);
                    connection.silence.end(context.now);
                    self.trace.record(record, &mut context.supervisor.out);
                    self.say(&Record { body: &body, ..*record }, connection.peer, context);
                }
            }
            _ => return false,
        }
        true
    }

    fn on_disconnect(
        &mut self,
        connection: &Connection,
        client: ClientState,
        ended: Ended,
        context: &mut Context<ClientState>,
    ) -> Vec<u8> {
        if let Some(names) = &mut self.filter.names {
            names.forget(connection.pid);
        }
        let line = messages::departed(connection, ended, context.channels.readers());
        if connection.worker_died() {
            // A fault, printed whatever the verbosity.
            context.supervisor.err.line(line);
        } else if self.prints(&client) {
            context.supervisor.out.line(line);
        }
        let notice = self.idle_timeout.filter(|_| connection.left == Some(IDLE)).map(messages::you_were_idle);
        client.encoding.map(|encoding| encoding.last_words(connection, notice.as_deref())).unwrap_or_default()
    }

    fn on_slow_reader(
        &self,
        connection: &Connection,
        client: &ClientState,
        lag: Lag,
        unsent: &[u8],
        supervisor: &mut Supervisor,
    ) -> Vec<u8> {
        supervisor.err.line(messages::too_slow(connection, lag));
        let notice = messages::you_are_too_slow(lag);
        client.encoding.map(|encoding| encoding.too_slow(unsent, &notice)).unwrap_or_default()
    }

    fn joins_at_once(&self, listener: usize) -> bool {
        self.listeners[listener].is_some()
    }

    fn dismissal(
        &self,
        connection: &Connection,
        client: &ClientState,
        reason: &str,
        unsent: &[u8],
    ) -> Vec<u8> {
        match (client.encoding, &self.web) {
            (Some(encoding), _) if connection.blocked_since.is_some() => encoding.too_slow(unsent, reason),
            (Some(encoding), _) => encoding.dismissal(reason),
            (None, Some(web)) => web.responses.refusal(&PROGRAM.says(reason)),
            (None, None) => Vec::new(),
        }
    }

    fn start(&mut self, supervisor: &mut Supervisor) -> anyhow::Result<()> {
        self.transcript.as_mut().map_or(Ok(()), |transcript| transcript.open(supervisor))
    }

    fn signals(&self) -> Vec<Signal> {
        [Signal::SIGUSR1].into_iter().chain(self.transcript.iter().map(|_| Signal::SIGHUP)).collect()
    }

    fn on_signal(&mut self, signal: Signal, context: &mut Context<ClientState>) {
        match (signal, &mut self.transcript) {
            (Signal::SIGHUP, Some(transcript)) => transcript.reopen(context.supervisor),
            // A report that is being printed goes on.
            _ => drop(self.report.get_or_insert_with(|| Report::begin(context))),
        }
    }

    /// The transcript has every message before any client does.
    fn before_send(&mut self, supervisor: &mut Supervisor) {
        if let Some(transcript) = &mut self.transcript {
            transcript.write(supervisor);
        }
    }

    fn on_sent(&mut self, descriptor: RawFd, bytes: usize) {
        self.trace.sent(descriptor, bytes);
    }

    fn end_turn(&mut self, context: &mut Context<ClientState>) {
        self.trace.end_turn(&mut context.supervisor.out);
        self.report.take_if(|report| report.resume(context));
    }

    fn stopping(&self, client: &ClientState) -> Vec<u8> {
        client.encoding.map(Encoding::stopping).unwrap_or_default()
    }

    fn discard_in_child(&mut self) {
        if let Some(web) = &mut self.web {
            web.encoder.forget();
        }
        if let Some(transcript) = &mut self.transcript {
            transcript.forget();
        }
    }
}
