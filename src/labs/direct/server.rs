//! The server: the hub's rules for directed messages. Each client has a channel of its own, which holds what others gave it and
//! the errors that it is told, in the order in which they came.

use std::fmt::Display;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::message::{MAX_LEN, RouteError, parse, texts};
use super::name::Name;
use super::{SERVER, messages};
use crate::cli::Program;
use crate::hub::channel::ChannelId;
use crate::hub::connection::{Connection, Lag};
use crate::hub::event_loop::Hub;
use crate::hub::framing::Framing;
use crate::hub::record::{IDLE, Kind, Record};
use crate::hub::room::Room;
use crate::hub::service::{Context, Service};
use crate::hub::worker::{self, IdleTimeouts};
use crate::server::{self, Supervisor};
use crate::sys::{Ended, Pid, discard_in_child, dontfork_vec};

/// How many bytes a client may be behind, beside what its socket holds.
const LAG_LIMIT: u64 = 1 << 20;

/// What clients send: a text that neither a newline nor a NUL ends waits so long for its rest, since a segment that was lost on
/// the way is sent again after 200 ms or more: RFC 6298.
const TEXTS: Framing = Framing::Texts(Duration::from_millis(300));

/// How the server is to be run; the command line's options, checked.
#[derive(Clone, Debug)]
pub struct Options {
    /// Where to listen, and for how many.
    pub listening: server::Options,
    /// How long a client may take to give its name; `None`: for ever.
    pub name_timeout: Option<Duration>,
}

/// Runs the server until SIGINT or SIGTERM.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn serve(options: &Options) -> anyhow::Result<()> {
    let direct = Direct { name_timeout: options.name_timeout, members: dontfork_vec() };
    Hub::open(direct, &options.listening, Room::new(LAG_LIMIT))?.run(&[])
}

struct Direct {
    name_timeout: Option<Duration>,
    /// In the order in which they gave their names.
    members: Vec<Member>,
}

/// A client that has given its name.
struct Member {
    pid: Pid,
    name: Name,
}

impl Direct {
    fn name_of(&self, pid: Pid) -> Option<&Name> {
        self.members.iter().find(|member| member.pid == pid).map(|member| &member.name)
    }

    fn connected(&self, count: usize) -> impl Display {
        messages::Connected { count, names: self.members.iter().map(|member| &member.name) }
    }

    /// Takes one text: the first that a client sends is its name.
    fn take(&mut self, pid: Pid, text: &[u8], context: &mut Context) {
        if context.room.client(pid).is_none_or(|client| client.sent_away.is_some()) {
            // This was on its way when it was sent away.
            return;
        }
        match self.members.iter().position(|member| member.pid == pid) {
            None => self.register(pid, text, context),
            Some(at) => {
                if let Err(mistake) = self.route(at, text, context) {
                    self.tell(at, mistake, context);
                }
            }
        }
    }

    fn register(&mut self, pid: Pid, text: &[u8], context: &mut Context) {
        let bears = |member: &Member, name: &Name| {
            // The name of one who left is free, even before its process has ended.
            member.name == *name && context.room.heard_by(member.pid).is_some()
        };
        let name = match Name::new(text) {
            Ok(name) if self.members.iter().any(|member| bears(member, &name)) => Err(messages::taken(&name)),
            Ok(name) => Ok(name),
            Err(error) => Err(error.to_string()),
        };
        let count = context.room.len();
        let Some(client) = context.room.client(pid) else { return };
        match name {
            Ok(name) => {
                self.members.push(Member { pid, name: name.clone() });
                context.supervisor.out.line(messages::named(&name, client, self.connected(count)));
            }
            Err(why) => {
                context.supervisor.out.line(messages::refused(text, client, &why));
                context.room.send_away(pid, messages::last_error(why).into());
            }
        }
    }

    /// Gives a text to the one that it is for.
    fn route<'a>(
        &mut self,
        from: usize,
        text: &'a [u8],
        context: &mut Context,
    ) -> Result<(), RouteError<'a>> {
        if text.len() > MAX_LEN {
            // The child skips the rest of it.
            return Err(RouteError::TooLong);
        }
        let (name, message) = parse(text)?;
        let sender = &self.members[from];
        let bearers = self.members.iter().filter(|member| member.name.as_bytes() == name);
        let recipient =
            bearers.filter_map(|member| Some((member, context.room.heard_by(member.pid)?))).next();
        let (recipient, channel) = recipient.ok_or(RouteError::Nobody(name))?;
        // Nobody but the server begins a line so: a space tells that it was not.
        let mark = if message.starts_with(messages::ERROR.as_bytes()) { &b" "[..] } else { b"" };
        context.room.say(channel, &[mark, message, b"\n"].concat(), context.now);
        context.supervisor.out.line(messages::routed(sender.pid, &sender.name, &recipient.name, message));
        Ok(())
    }

    /// Tells a mistake to who made it, and to the one who runs the server: in its place among the messages, so on standard output.
    fn tell(&self, from: usize, mistake: RouteError, context: &mut Context) {
        let Member { pid, name, .. } = &self.members[from];
        if let Some(channel) = context.room.heard_by(*pid) {
            context.room.say(channel, messages::error(mistake).as_bytes(), context.now);
        }
        if let Some(client) = context.room.client(*pid) {
            context.supervisor.out.line(messages::mistaken(name, client, mistake));
        }
    }
}

impl Service for Direct {
    const PROGRAM: Program = SERVER;

    fn serve(&self, _door: usize, (socket, _): &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32 {
        let patience = IdleTimeouts { first: self.name_timeout, between: None };
        worker::serve(socket, pipe, TEXTS, false, patience, None)
    }

    fn welcome(&mut self, _door: usize, room: &mut Room, now: Instant) -> (ChannelId, Vec<u8>) {
        (room.own_channel(now), Vec::new())
    }

    fn hear(&mut self, record: Record, context: &mut Context) -> bool {
        match record.kind {
            Kind::Message => texts(record.body).for_each(|text| self.take(record.pid, text, context)),
            Kind::Left => context.room.left(&record),
            _ => return false,
        }
        true
    }

    fn joined(&self, client: &Connection, count: usize, supervisor: &mut Supervisor) {
        supervisor.out.line(messages::joined(client, count));
    }

    fn departed(
        &mut self,
        client: &Connection,
        ended: Ended,
        count: usize,
        supervisor: &mut Supervisor,
    ) -> Vec<u8> {
        let at = self.members.iter().position(|member| member.pid == client.pid);
        let name = at.map(|at| self.members.remove(at).name);
        let output = if client.died_unexpectedly() { &mut supervisor.err } else { &mut supervisor.out };
        output.line(messages::departed(name.as_ref(), client, ended, self.connected(count)));
        match (name, self.name_timeout) {
            (None, Some(time)) if client.left == Some(IDLE) => {
                messages::last_error(messages::nameless(time)).into()
            }
            _ => Vec::new(),
        }
    }

    fn too_slow(&self, client: &Connection, lag: Lag, _rest: &[u8], supervisor: &mut Supervisor) -> Vec<u8> {
        supervisor.err.line(messages::too_slow(self.name_of(client.pid), client, lag));
        // It stopped in the middle of a line, most likely: that is ended first.
        format!("\n{}", messages::last_error(messages::you_are_too_slow(lag))).into()
    }

    fn refusal(&self, _door: usize, reason: &str) -> Vec<u8> {
        messages::error(reason).into()
    }

    fn forget(&mut self) {
        discard_in_child(&mut self.members);
    }
}
