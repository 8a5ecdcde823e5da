//! The server: the hub's rules for directed messages. Each client has a channel of its own, which holds what others gave it and
//! the errors that it is told, in the order in which they came.

use std::fmt::Display;
use std::io::PipeWriter;
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use super::message::{LONGEST, Mistake, parse, texts};
use super::name::Name;
use super::words;
use crate::chat::channel::Hears;
use crate::chat::child::{self, Patience};
use crate::chat::client::{Client, Lag};
use crate::chat::cutter::Framing;
use crate::chat::hub::Hub;
use crate::chat::record::{IDLE, Kind, Record};
use crate::chat::room::Room;
use crate::chat::stage::{Rules, Stage};
use crate::cli::Program;
use crate::server::{self, Parent};
use crate::sys::{Ended, Pid, abandon, large};

/// Its name.
pub const PROGRAM: Program = Program::english("direct_serveur");

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
    let direct = Direct { name_timeout: options.name_timeout, members: large() };
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
        words::Connected { count, names: self.members.iter().map(|member| &member.name) }
    }

    /// Takes one text: the first that a client sends is its name.
    fn take(&mut self, pid: Pid, text: &[u8], stage: &mut Stage) {
        if stage.room.client(pid).is_none_or(|client| client.sent_away.is_some()) {
            // This was on its way when it was sent away.
            return;
        }
        match self.members.iter().position(|member| member.pid == pid) {
            None => self.register(pid, text, stage),
            Some(at) => {
                if let Err(mistake) = self.route(at, text, stage) {
                    self.tell(at, mistake, stage);
                }
            }
        }
    }

    fn register(&mut self, pid: Pid, text: &[u8], stage: &mut Stage) {
        let bears = |member: &Member, name: &Name| {
            // The name of one who left is free, even before its process has ended.
            member.name == *name && stage.room.heard_by(member.pid).is_some()
        };
        let name = match Name::new(text) {
            Ok(name) if self.members.iter().any(|member| bears(member, &name)) => Err(words::taken(&name)),
            Ok(name) => Ok(name),
            Err(error) => Err(error.to_string()),
        };
        let count = stage.room.len();
        let Some(client) = stage.room.client(pid) else { return };
        match name {
            Ok(name) => {
                self.members.push(Member { pid, name: name.clone() });
                stage.parent.out.line(words::named(&name, client, self.connected(count)));
            }
            Err(why) => {
                stage.parent.out.line(words::refused(text, client, &why));
                stage.room.send_away(pid, words::last_error(why).into());
            }
        }
    }

    /// Gives a text to the one that it is for.
    fn route<'a>(&mut self, from: usize, text: &'a [u8], stage: &mut Stage) -> Result<(), Mistake<'a>> {
        if text.len() > LONGEST {
            // The child skips the rest of it.
            return Err(Mistake::TooLong);
        }
        let (name, message) = parse(text)?;
        let sender = &self.members[from];
        let bearers = self.members.iter().filter(|member| member.name.as_bytes() == name);
        let recipient = bearers.filter_map(|member| Some((member, stage.room.heard_by(member.pid)?))).next();
        let (recipient, channel) = recipient.ok_or(Mistake::Nobody(name))?;
        // Nobody but the server begins a line so: a space tells that it was not.
        let mark = if message.starts_with(words::ERROR.as_bytes()) { &b" "[..] } else { b"" };
        stage.room.say(channel, &[mark, message, b"\n"].concat(), stage.now);
        stage.parent.out.line(words::routed(sender.pid, &sender.name, &recipient.name, message));
        Ok(())
    }

    /// Tells a mistake to who made it, and to the one who runs the server: in its place among the messages, so on standard output.
    fn tell(&self, from: usize, mistake: Mistake, stage: &mut Stage) {
        let Member { pid, name, .. } = &self.members[from];
        if let Some(channel) = stage.room.heard_by(*pid) {
            stage.room.say(channel, words::error(mistake).as_bytes(), stage.now);
        }
        if let Some(client) = stage.room.client(*pid) {
            stage.parent.out.line(words::mistaken(name, client, mistake));
        }
    }
}

impl Rules for Direct {
    const PROGRAM: Program = PROGRAM;

    fn serve(&self, _door: usize, (socket, _): &(TcpStream, SocketAddr), pipe: &PipeWriter) -> i32 {
        let patience = Patience { first: self.name_timeout, between: None };
        child::serve(socket, pipe, TEXTS, false, patience, None)
    }

    fn welcome(&mut self, _door: usize, room: &mut Room, now: Instant) -> (Hears, Vec<u8>) {
        (room.own_channel(now), Vec::new())
    }

    fn hear(&mut self, record: Record, stage: &mut Stage) -> bool {
        match record.kind {
            Kind::Message => texts(record.body).for_each(|text| self.take(record.pid, text, stage)),
            Kind::Left => stage.room.left(&record),
            _ => return false,
        }
        true
    }

    fn joined(&self, client: &Client, count: usize, parent: &mut Parent) {
        parent.out.line(words::joined(client, count));
    }

    fn departed(&mut self, client: &Client, ended: Ended, count: usize, parent: &mut Parent) -> Vec<u8> {
        let at = self.members.iter().position(|member| member.pid == client.pid);
        let name = at.map(|at| self.members.remove(at).name);
        let console = if client.lost_its_child() { &mut parent.err } else { &mut parent.out };
        console.line(words::departed(name.as_ref(), client, ended, self.connected(count)));
        match (name, self.name_timeout) {
            (None, Some(time)) if client.left == Some(IDLE) => {
                words::last_error(words::nameless(time)).into()
            }
            _ => Vec::new(),
        }
    }

    fn too_slow(&self, client: &Client, lag: Lag, _rest: &[u8], parent: &mut Parent) -> Vec<u8> {
        parent.err.line(words::too_slow(self.name_of(client.pid), client, lag));
        // It stopped in the middle of a line, most likely: that is ended first.
        format!("\n{}", words::last_error(words::you_are_too_slow(lag))).into()
    }

    fn refusal(&self, _door: usize, reason: &str) -> Vec<u8> {
        words::error(reason).into()
    }

    fn forget(&mut self) {
        abandon(&mut self.members);
    }
}
