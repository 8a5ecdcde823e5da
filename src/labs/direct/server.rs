//! The server: a service of the hub. Each client has a channel of its own, which holds what others
//! gave it and the errors that it is told, in the order in which they came.

use std::fmt::Display;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use super::message::{MAX_LEN, RouteError, parse, texts};
use super::name::Name;
use super::shares::{Limit, Sender, Shares};
use super::{SERVER, messages};
use crate::cli::Program;
use crate::hub::connection::{Connection, Lag};
use crate::hub::event_loop::Hub;
use crate::hub::framing::Framing;
use crate::hub::message_log::Channels;
use crate::hub::record::{IDLE, Kind, Record};
use crate::hub::service::{Context, Service};
use crate::hub::worker::{IdleTimeouts, RecordPipe, Worker};
use crate::server::first_bytes::{BAD_REQUEST, Expected, FirstBytes, Foreign};
use crate::server::telnet::NO_TIMING_MARK;
use crate::server::{self, Messages, Supervisor, source};
use crate::sys::{self, Ended, Pid, ScopedAddress, discard_in_child, dontfork_vec};

/// Bytes that wait for a client, beside what its socket holds, beyond which a sender is refused
/// that has more than its share of [`SHARES`].
const FULL: u64 = 1 << 20;
const SHARES: u64 = FULL / 2;

/// Bytes that a client may be behind: no sender adds more for one that reads.
const LAG_LIMIT: u64 = FULL + SHARES;

/// A recipient that takes nothing for so long has stopped reading, and no sender is refused for it
/// any more. On one machine, a slow one takes 64 KiB at a time (the loopback's segments).
const STOPPED_AFTER: Duration = Duration::from_secs(5);

/// The framing of clients' texts. One without a newline or NUL is held this long for its rest: a
/// lost segment is sent again after 200 ms or more (RFC 6298).
const TEXTS: Framing = Framing::Texts(Duration::from_millis(300));

#[derive(Clone, Debug)]
pub struct Options {
    pub listening: server::Options,
    /// Time that a client may take to give its name; `None`: for ever.
    pub name_timeout: Option<Duration>,
}

pub fn serve(options: &Options) -> anyhow::Result<()> {
    let direct = Direct { name_timeout: options.name_timeout, members: dontfork_vec() };
    Hub::open(direct, &options.listening, Channels::default(), LAG_LIMIT)?.run(&[])
}

struct Direct {
    name_timeout: Option<Duration>,
    /// In the order in which they gave their names.
    members: Vec<Member>,
}

struct Member {
    pid: Pid,
    name: Name,
    /// Of what waits for it.
    shares: Shares,
    /// What it had taken, and since when; `None` while its queue is not full.
    taken: Option<(Taken, Instant)>,
}

/// How far its log and its socket were read: changes while the client reads.
type Taken = (u64, usize);

impl Member {
    fn has_stopped(&mut self, taken: Option<Taken>, now: Instant) -> bool {
        if self.taken.map(|(before, _)| before) != taken {
            self.taken = taken.map(|taken| (taken, now));
        }
        self.taken.is_some_and(|(_, since)| now.saturating_duration_since(since) >= STOPPED_AFTER)
    }
}

impl Direct {
    fn position(&self, pid: Pid) -> Option<usize> {
        self.members.iter().position(|member| member.pid == pid)
    }

    fn connected(&self, count: usize) -> impl Display {
        messages::connected(count, self.members.iter().map(|member| &member.name))
    }

    /// Takes one text: the first of a client is its name.
    fn take(&mut self, text: &[u8], connection: &mut Connection, context: &mut Context<()>) {
        if connection.last_words.is_some() {
            // Sent before the client was disconnected.
            return;
        }
        let Some(from) = self.position(connection.pid) else {
            return self.register(text, connection, context);
        };
        let Err(error) = self.route(from, text, connection, context) else {
            return connection.silence.end(context.now);
        };
        if let Some(channel) = connection.channel().filter(|_| connection.is_open()) {
            context.say(channel, messages::error(error).as_bytes());
        }
        // On standard output, it has its place among the messages.
        context.supervisor.out.line(messages::route_error(&self.members[from].name, connection, error));
    }

    fn register(&mut self, text: &[u8], connection: &mut Connection, context: &mut Context<()>) {
        // The name of a client that has left is free, even before its worker was reaped.
        let is_taken = |name: &Name| {
            let mut others = self.members.iter().filter(|member| member.name == *name);
            others.any(|other| context.peers.get(other.pid).is_some_and(|(peer, _)| peer.is_served()))
        };
        let why = match Name::new(text) {
            Ok(name) if is_taken(&name) => messages::taken(&name),
            Err(why) => why,
            Ok(name) => {
                let (pid, shares) = (connection.pid, Shares::default());
                self.members.push(Member { pid, name: name.clone(), shares, taken: None });
                let connected = self.connected(context.channels.readers());
                context.supervisor.out.line(messages::named(&name, connection, connected));
                return;
            }
        };
        context.supervisor.out.line(messages::refused(text, connection, &why));
        connection.disconnect(messages::last_error(why).into());
    }

    fn route<'a>(
        &mut self,
        from: usize,
        text: &'a [u8],
        connection: &Connection,
        context: &mut Context<()>,
    ) -> Result<(), RouteError<'a>> {
        if text.len() > MAX_LEN {
            // The worker skips the rest of it.
            return Err(RouteError::TooLong);
        }
        let (name, message) = parse(text)?;
        // Only the server begins a line with this word: a space marks a client's.
        let mark = if message.starts_with(messages::ERROR.as_bytes()) { &b" "[..] } else { b"" };
        let line = [mark, message, b"\n"].concat();
        let (channels, now) = (&context.channels, context.now);
        let mut named = self.members.iter().enumerate().filter(|(_, one)| one.name.as_bytes() == name);
        let found = named.find_map(|(to, member)| {
            let client = context.open_client(member.pid, connection)?;
            let (channel, lag) = (client.channel()?, client.lag(channels, now)?);
            let end = channels[channel].log.end();
            let (from, is_full) = (end - lag.bytes, lag.bytes + line.len() as u64 > FULL);
            let taken = is_full.then(|| (from, sys::unacknowledged(&client.socket)));
            Some((to, channel, from..end, taken))
        });
        let (to, channel, waiting, taken) = found.ok_or(RouteError::UnknownName(name))?;
        let share = SHARES / self.members.len() as u64;
        let member = &mut self.members[to];
        let has_stopped = member.has_stopped(taken, now);
        let [full, most] = [FULL, LAG_LIMIT].map(|limit| if has_stopped { u64::MAX } else { limit });
        let limit = Limit { full, share, most };
        if !member.shares.admit(sender(connection), line.len() as u64, waiting, &limit) {
            return Err(RouteError::SlowRecipient(name));
        }
        context.say(channel, &line);
        let [sender, recipient] = [from, to].map(|at| &self.members[at]);
        context.supervisor.out.line(messages::routed(sender.pid, &sender.name, &recipient.name, message));
        Ok(())
    }
}

fn sender(connection: &Connection) -> Sender {
    Sender { pid: Some(connection.pid), source: source(connection.peer.ip()) }
}

impl Service for Direct {
    const PROGRAM: Program = SERVER;
    type Client = ();

    fn serve(&self, _listener: usize, (socket, _): &(TcpStream, ScopedAddress), pipe: RecordPipe) -> i32 {
        let timeouts = IdleTimeouts { before_first: self.name_timeout, between: None };
        let on_message = |_: &[u8]| ();
        let first_bytes = FirstBytes::new(Some(Expected::Text));
        Worker { socket, pipe, framing: TEXTS, first_bytes, timeouts, traces_reads: false, on_message }.run()
    }

    fn refusal(&self, _listener: usize, reason: &str) -> Vec<u8> {
        messages::error(reason).into()
    }

    fn answer_foreign(&self, (): &(), foreign: &Foreign) -> Vec<u8> {
        let reason = SERVER.says(Messages(SERVER.language).wrong_protocol(foreign));
        foreign.answer(BAD_REQUEST, &reason, |reason| messages::error(reason).into())
    }

    fn on_connect(&mut self, _listener: usize, connection: &mut Connection, context: &mut Context<()>) {
        let channel = context.channels.unused(context.now);
        connection.join(channel, context.channels);
        context.supervisor.out.line(messages::joined(connection, context.channels.readers()));
    }

    fn on_record(
        &mut self,
        record: &Record,
        connection: &mut Connection,
        (): &mut (),
        context: &mut Context<()>,
    ) -> bool {
        match record.kind {
            Kind::Message => texts(record.body).for_each(|text| self.take(text, connection, context)),
            Kind::Probe => context.tell(connection, NO_TIMING_MARK),
            _ => return false,
        }
        true
    }

    fn on_disconnect(
        &mut self,
        connection: &Connection,
        (): (),
        ended: Ended,
        context: &mut Context<()>,
    ) -> Vec<u8> {
        let name = self.position(connection.pid).map(|at| self.members.remove(at).name);
        self.members.iter_mut().for_each(|member| member.shares.leave(sender(connection)));
        let connected = self.connected(context.channels.readers());
        let line = messages::departed(name.as_ref(), connection, ended, connected);
        let Supervisor { out, err, .. } = context.supervisor;
        if connection.worker_died() { err } else { out }.line(line);
        match (&name, self.name_timeout) {
            (None, Some(time)) if connection.left == Some(IDLE) => {
                messages::last_error(messages::name_timeout(time)).into()
            }
            _ => Vec::new(),
        }
    }

    fn on_slow_reader(
        &self,
        connection: &Connection,
        (): &(),
        lag: Lag,
        _unsent: &[u8],
        supervisor: &mut Supervisor,
    ) -> Vec<u8> {
        let name = self.position(connection.pid).map(|at| &self.members[at].name);
        supervisor.err.line(messages::too_slow(name, connection, lag));
        // It has most likely stopped within a line: end that first.
        format!("\n{}", messages::last_error(messages::too_slow_notice(lag))).into()
    }

    fn dismissal(&self, connection: &Connection, (): &(), reason: &str, _unsent: &[u8]) -> Vec<u8> {
        let cut = if connection.blocked_since.is_some() { "\n" } else { "" };
        format!("{cut}{}", messages::last_error(reason)).into()
    }

    fn discard_in_child(&mut self) {
        discard_in_child(&mut self.members);
    }
}
