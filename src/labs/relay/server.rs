//! The first process: it lets clients in, serves the first pair, keeps a line of those who wait, and hands further pairs to
//! children.

use std::collections::VecDeque;
use std::io;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::further::Further;
use super::occupant::Occupant;
use super::places::{self, Place};
use super::table::{Desk, Table};
use super::{EXIT, words};
use crate::cli::Program;
use crate::server::{self, ACCEPTED_AT_ONCE, Options, Parent, prepare};
use crate::sys::{self, Duty, Pid, PollFd};

/// Its name.
pub const PROGRAM: Program = Program::french("relay_serveur");

/// What the first process marks its lines with.
const MARK: &str = "(père)";

/// How long children may take to end when the server does: each first lets its clients hear of it.
const GRACE: Duration = Duration::from_secs(3);

struct Server {
    parent: Parent,
    /// The most pairs at once.
    pairs: usize,
    /// The first pair.
    table: Table,
    further: Further,
    /// Those for whom no place is free, the first comer first.
    line: VecDeque<Occupant>,
}

/// What poll found.
#[derive(Clone, Copy, Debug)]
enum Event {
    Parent(server::Event),
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
    let mut parent = Parent::open(PROGRAM, options, prepare()?, &[])?;
    parent.become_user()?;
    if pairs > 1 {
        parent.confine(Duty::Pair, None);
    }
    let (table, further, line) = (Table::default(), Further::default(), VecDeque::new());
    let mut server = Server { parent, pairs, table, further, line };
    if 2 * pairs > options.max_clients {
        server.parent.err.line(words::few_places(pairs, options.max_clients));
    }
    server.parent.announce(&[])?;
    while server.parent.stop.is_none() {
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
                Event::Parent(server::Event::Signal) => {
                    if self.parent.take_signals() {
                        self.further.reap(&mut self.parent)?;
                        self.parent.reopen(now);
                    }
                }
                Event::Parent(server::Event::Door(door)) => self.accept(door, now),
                Event::Link(child) => self.further.hear(child),
                Event::Parent(server::Event::Other) | Event::Clients => {}
            }
        }
        self.fill(now);
        self.parent.end_turn(now);
        Ok(())
    }

    fn advance(&mut self, now: Instant) {
        let Server { table, parent, .. } = self;
        let left = table.advance(&mut desk(parent, now));
        left.into_iter().for_each(|socket| parent.farewells.add(socket, Vec::new(), now));
        self.look_along_the_line(now);
    }

    /// Waits for whatever comes first, and says what it is.
    fn wait(&self) -> io::Result<Vec<Event>> {
        let now = Instant::now();
        let (events, mut watched): (Vec<Event>, Vec<PollFd>) = self.watched(now).unzip();
        let due = self.parent.due().into_iter().chain(self.table.due()).min();
        sys::wait(&mut watched, due.map(|at| at.saturating_duration_since(now)))?;
        let ready = events.into_iter().zip(watched).filter(|(_, fd)| sys::is_ready(fd));
        Ok(ready.map(|(event, _)| event).collect())
    }

    fn watched(&self, now: Instant) -> impl Iterator<Item = (Event, PollFd<'_>)> {
        let parent = self.parent.watched(true).map(|(event, fd)| (Event::Parent(event), fd));
        let links = self.further.watch().map(|(child, fd)| (Event::Link(child), fd));
        let line = self.line.iter().map(move |occupant| occupant.watch(false, now));
        links.chain(parent).chain(self.table.watch(now).chain(line).map(|fd| (Event::Clients, fd)))
    }

    fn accept(&mut self, door: usize, now: Instant) {
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(visitor) = self.parent.accept(door, now) else { break };
            let Some((socket, peer)) = self.parent.admit(visitor, self.present(), |_| 0, refusal, now) else {
                continue;
            };
            self.parent.out.line(words::came(peer));
            self.line.push_back(Occupant::new((socket, peer)));
            self.fill(now);
            if !self.line.is_empty() {
                self.parent.out.line(words::waits(peer, self.line.len()));
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
            let Server { table, further, parent, line, .. } = self;
            match place {
                Place::Here => table.seat(occupant, &mut desk(parent, now)),
                Place::Child(child) => {
                    if further.pass(child, &occupant, parent).is_err() {
                        // A child that is gone is no place any more: the next look finds another.
                        line.push_front(occupant);
                    }
                }
                Place::NewChild => {
                    let child = further.spawn(parent);
                    let passed = child.and_then(|child| further.pass(child, &occupant, parent));
                    if let Err(reason) = passed {
                        let (socket, peer, _) = occupant.into_parts();
                        parent.refuse_without_process((socket, peer), &reason, refusal, now);
                    }
                }
            }
        }
    }

    fn free_place(&self) -> Option<Place<Pid>> {
        places::next(self.table.taken(), self.further.open(), self.pairs)
    }

    /// Lets go of those in line who are gone.
    fn look_along_the_line(&mut self, now: Instant) {
        let Server { line, parent, .. } = self;
        let mut gone = Vec::new();
        line.retain_mut(|occupant| match occupant.hear(false, now) {
            Ok(_) => true,
            Err(leave) => {
                gone.push((occupant.peer(), leave));
                false
            }
        });
        if !gone.is_empty() {
            parent.reopen(now);
        }
        for (peer, leave) in gone {
            parent.out.line(words::left_the_line(peer, &leave, line.len()));
        }
    }

    /// Tells everybody, and waits until they have heard it and all children have ended, but not for ever.
    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(signal) = self.parent.stop {
            self.parent.out.line(self.parent.words.stopping(signal, self.present()));
        }
        self.parent.flush();
        self.further.end();
        let deadline = Instant::now() + GRACE;
        for occupant in self.line.drain(..) {
            self.parent.farewells.add(occupant.into_parts().0, EXIT.to_vec(), Instant::now());
        }
        self.table.close(&mut self.parent.farewells);
        self.parent.farewells.finish();
        self.further.wait(deadline, &mut self.parent)?;
        self.parent.flush();
        Ok(())
    }
}

fn desk(parent: &mut Parent, now: Instant) -> Desk<'_> {
    Desk { out: &mut parent.out, mark: MARK, now }
}
