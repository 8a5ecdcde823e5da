//! The first process: it lets clients in, serves the first pair, keeps a line of those who wait, and hands further pairs to
//! children.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::connection::Connection;
use super::pair_pool::PairPool;
use super::pair_session::{Context, PairSession};
use super::placement::{self, Placement};
use super::{EXIT, messages};
use crate::cli::Program;
use crate::server::{self, ACCEPTED_AT_ONCE, Options, Supervisor, startup};
use crate::sys::{self, Pid, PollFd, Profile};

/// Its name.
pub const PROGRAM: Program = Program::french("relay_serveur");

/// What the first process marks its lines with.
const MARK: &str = "(père)";

/// How long children may take to end when the server does: each first lets its clients hear of it.
const GRACE: Duration = Duration::from_secs(3);

struct Server {
    supervisor: Supervisor,
    /// The most pairs at once.
    pairs: usize,
    /// The first pair.
    table: PairSession,
    further: PairPool,
    /// Those for whom no place is free, the first comer first.
    line: VecDeque<Connection>,
}

/// What poll found.
#[derive(Clone, Copy, Debug)]
enum Event {
    Supervisor(server::Event),
    /// A child has something to say.
    Link(Pid),
    /// The table and the line see for themselves what they can do.
    Clients,
}

/// Runs the server until SIGINT or SIGTERM, for at most `pairs` pairs at once.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn serve(options: &Options, pairs: usize) -> anyhow::Result<()> {
    let mut supervisor = Supervisor::open(PROGRAM, options, startup()?, &[])?;
    supervisor.drop_privileges()?;
    if pairs > 1 {
        supervisor.confine(Profile::Pair, None);
    }
    let (table, further, line) = (PairSession::default(), PairPool::default(), VecDeque::new());
    let mut server = Server { supervisor, pairs, table, further, line };
    if 2 * pairs > options.max_clients {
        server.supervisor.err.line(messages::few_places(pairs, options.max_clients));
    }
    server.supervisor.announce(&[])?;
    while server.supervisor.stop.is_none() {
        server.turn()?;
    }
    server.close()
}

/// What a client is told that is not let in.
fn refusal(reason: &str) -> Vec<u8> {
    format!("{reason}\0").into_bytes()
}

impl Server {
    fn turn(&mut self) -> anyhow::Result<()> {
        let events = self.wait().context("poll")?;
        let now = Instant::now();
        // First who leaves, then who comes.
        self.advance(now);
        for event in events {
            match event {
                Event::Supervisor(server::Event::Signal) => {
                    if self.supervisor.take_signals() {
                        self.further.reap(&mut self.supervisor)?;
                        self.supervisor.resume(now);
                    }
                }
                Event::Supervisor(server::Event::Listener(listener)) => self.accept(listener, now),
                Event::Link(child) => self.further.hear(child),
                Event::Supervisor(server::Event::Other) | Event::Clients => {}
            }
        }
        self.fill(now);
        self.supervisor.end_turn(now);
        Ok(())
    }

    fn advance(&mut self, now: Instant) {
        let Server { table, supervisor, .. } = self;
        let left = table.advance(&mut context(supervisor, now));
        left.into_iter().for_each(|socket| supervisor.lingering.add(socket, Vec::new(), now));
        self.look_along_the_line(now);
    }

    /// Waits for whatever comes first, and says what it is.
    fn wait(&self) -> io::Result<Vec<Event>> {
        let now = Instant::now();
        let (events, mut watched): (Vec<Event>, Vec<PollFd>) = self.watched(now).unzip();
        let due = self.supervisor.due().into_iter().chain(self.table.due()).min();
        sys::wait(&mut watched, due.map(|at| at.saturating_duration_since(now)))?;
        let ready = events.into_iter().zip(watched).filter(|(_, fd)| sys::is_ready(fd));
        Ok(ready.map(|(event, _)| event).collect())
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let supervisor = self.supervisor.watched(true).map(|(event, fd)| (Event::Supervisor(event), fd));
        let links = self.further.watch().map(|(child, fd)| (Event::Link(child), fd));
        let line = self.line.iter().map(move |occupant| occupant.watch(false, now));
        links.chain(supervisor).chain(self.table.watch(now).chain(line).map(|fd| (Event::Clients, fd)))
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            let Some((socket, peer)) = self.supervisor.admit(pending, self.present(), |_| 0, refusal, now)
            else {
                continue;
            };
            self.supervisor.out.line(messages::came(peer));
            self.line.push_back(Connection::new((socket, peer)));
            self.fill(now);
            if !self.line.is_empty() {
                self.supervisor.out.line(messages::waits(peer, self.line.len()));
            }
        }
    }

    /// How many clients there are, those in line included.
    fn present(&self) -> usize {
        self.table.taken() + self.further.taken() + self.line.len()
    }

    /// Gives places to those in line, as long as there are any.
    fn fill(&mut self, now: Instant) {
        while let Some(place) = self.free_place() {
            let Some(occupant) = self.line.pop_front() else { return };
            let Server { table, further, supervisor, line, .. } = self;
            match place {
                Placement::Here => table.seat(occupant, &mut context(supervisor, now)),
                Placement::Child(child) => {
                    if further.pass(child, &occupant, supervisor).is_err() {
                        // A child that is gone is no place any more: the next look finds another.
                        line.push_front(occupant);
                    }
                }
                Placement::NewChild => {
                    let child = further.spawn(supervisor);
                    let passed = child.and_then(|child| further.pass(child, &occupant, supervisor));
                    if let Err(reason) = passed {
                        let (socket, peer, _) = occupant.into_parts();
                        supervisor.refuse_without_process((socket, peer), &reason, refusal, now);
                    }
                }
            }
        }
    }

    fn free_place(&self) -> Option<Placement<Pid>> {
        placement::next(self.table.taken(), self.further.open(), self.pairs)
    }

    /// Lets go of those in line who are gone.
    fn look_along_the_line(&mut self, now: Instant) {
        let Server { line, supervisor, .. } = self;
        let mut gone = Vec::new();
        line.retain_mut(|occupant| match occupant.hear(false, now) {
            Ok(_) => true,
            Err(leave) => {
                gone.push((occupant.peer(), leave));
                false
            }
        });
        if !gone.is_empty() {
            supervisor.resume(now);
        }
        for (peer, leave) in gone {
            supervisor.out.line(messages::left_the_line(peer, &leave, line.len()));
        }
    }

    /// Tells everybody, and waits until they have heard it and all children have ended, but not for ever.
    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(signal) = self.supervisor.stop {
            self.supervisor.out.line(self.supervisor.messages.stopping(signal, self.present()));
        }
        self.supervisor.flush();
        self.further.end();
        let deadline = Instant::now() + GRACE;
        for occupant in self.line.drain(..) {
            self.supervisor.lingering.add(occupant.into_parts().0, EXIT.to_vec(), Instant::now());
        }
        self.table.close(&mut self.supervisor.lingering);
        self.supervisor.lingering.finish();
        self.further.wait(deadline, &mut self.supervisor)?;
        self.supervisor.flush();
        Ok(())
    }
}

fn context(supervisor: &mut Supervisor, now: Instant) -> Context<'_> {
    Context { out: &mut supervisor.out, mark: MARK, now }
}
