//! The first process: it lets clients in, serves the first pair, keeps a line of those who wait, and hands further pairs to
//! children.

use std::collections::VecDeque;
use std::io::{self, Read};
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::net::UnixStream;
use std::time::{Duration, Instant};

use anyhow::Context;

use super::child::{self, SERVED};
use super::occupant::Occupant;
use super::places::{self, Place};
use super::table::{Desk, Table};
use super::{EXIT, words};
use crate::cli::Program;
use crate::server::{self, Options, Parent, prepare};
use crate::sys::{self, Ended, Interest, Pid, PollFd, Signal};

/// Its name.
pub const PROGRAM: Program = Program::french("relay_serveur");

/// What the first process marks its lines with.
const MARK: &str = "(père)";

/// How long children may take to end when the server does: each first lets its clients hear of it.
const GRACE: Duration = Duration::from_secs(3);

/// A further pair.
struct Child {
    pid: Pid,
    /// Its number: 2, 3, ...
    pair: usize,
    /// Through which it gets its clients; `None` once it is to end or is lost.
    link: Option<UnixStream>,
    /// How many of its places are taken.
    taken: usize,
}

struct Server {
    parent: Parent,
    /// The most pairs at once.
    pairs: usize,
    /// The first pair.
    table: Table,
    children: Vec<Child>,
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
    let parent = Parent::open(PROGRAM, options, prepare()?)?;
    let (table, children, line) = (Table::default(), Vec::new(), VecDeque::new());
    let mut server = Server { parent, pairs, table, children, line };
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
                        self.reap(now)?;
                    }
                }
                Event::Parent(server::Event::Door(door)) => self.accept(door, now),
                Event::Link(child) => self.hear(child),
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
        let links = self.children.iter().filter_map(|child| {
            let link = child.link.as_ref()?;
            Some((Event::Link(child.pid), sys::watch(link.as_fd(), Interest::Read)))
        });
        let line = self.line.iter().map(move |occupant| occupant.watch(false, now));
        links.chain(parent).chain(self.table.watch(now).chain(line).map(|fd| (Event::Clients, fd)))
    }

    fn accept(&mut self, door: usize, now: Instant) {
        for client in self.parent.accept(door, now) {
            let Some((socket, peer)) = self.parent.admit(client, self.present(), refusal, now) else {
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
        self.table.taken() + self.children.iter().map(|child| child.taken).sum::<usize>() + self.line.len()
    }

    /// Gives places to those in line, as long as there are any.
    fn fill(&mut self, now: Instant) {
        while let Some(place) = self.free_place() {
            let Some(occupant) = self.line.pop_front() else { return };
            match place {
                Place::Here => {
                    let Server { table, parent, .. } = self;
                    table.seat(occupant, &mut desk(parent, now));
                }
                // A child that is gone is no place any more: the next look finds another.
                Place::Child(at) => {
                    if self.pass(at, &occupant).is_err() {
                        self.line.push_front(occupant);
                    }
                }
                Place::NewChild => {
                    if let Err(reason) = self.spawn().and_then(|at| self.pass(at, &occupant)) {
                        let (socket, peer, _) = occupant.into_parts();
                        self.parent.refuse_without_process((socket, peer), &reason, refusal, now);
                    }
                }
            }
        }
    }

    fn free_place(&self) -> Option<Place> {
        let taken: Vec<usize> = self.linked().map(|(_, child)| child.taken).collect();
        let place = places::next(self.table.taken(), &taken, self.pairs)?;
        Some(match place {
            // Among all children, ending ones included.
            Place::Child(at) => Place::Child(self.linked().nth(at)?.0),
            other => other,
        })
    }

    fn linked(&self) -> impl Iterator<Item = (usize, &Child)> {
        self.children.iter().enumerate().filter(|(_, child)| child.link.is_some())
    }

    /// Passes a client's socket to a child, which then has the only copy.
    ///
    /// # Errors
    /// The child is gone, as SIGCHLD will tell.
    fn pass(&mut self, at: usize, occupant: &Occupant) -> io::Result<()> {
        let child = &mut self.children[at];
        let link = child.link.as_ref().ok_or(io::ErrorKind::BrokenPipe)?;
        sys::pass(link, occupant.socket().as_fd()).inspect_err(|_| child.link = None)?;
        child.taken += 1;
        self.parent.out.line(words::passed(child.pair, child.pid, occupant.peer()));
        Ok(())
    }

    /// Makes a child for another pair and returns its place in the list.
    fn spawn(&mut self) -> io::Result<usize> {
        let (ours, theirs) = UnixStream::pair()?;
        ours.set_nonblocking(true)?;
        // Written before the fork, or it would be written twice.
        self.parent.flush();
        let Parent { signals, out, err, .. } = &mut self.parent;
        let pid = sys::spawn(signals, &[theirs.as_raw_fd(), out.number()], || {
            // Ctrl+C reaches every process of the terminal; the first one decides, and the link tells this one.
            sys::ignore_signal(Signal::SIGINT);
            out.forget();
            err.forget();
            child::serve(&theirs, out)
        })?;
        let is_free = |pair: &usize| self.linked().all(|(_, child)| child.pair != *pair);
        let pair = (2..).find(is_free).unwrap_or_default();
        self.parent.out.line(words::new_pair(pair, pid));
        self.children.push(Child { pid, pair, link: Some(ours), taken: 0 });
        Ok(self.children.len() - 1)
    }

    /// Reads what a child says: a byte for each place that became free. When both are, it is to end.
    fn hear(&mut self, pid: Pid) {
        let Some(child) = self.children.iter_mut().find(|child| child.pid == pid) else { return };
        let Some(mut link) = child.link.as_ref() else { return };
        match link.read(&mut [0; 64]) {
            Ok(n @ 1..) => {
                child.taken = child.taken.saturating_sub(n);
                if child.taken == 0 {
                    child.link = None;
                }
            }
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::Interrupted) => {}
            // It is gone, as SIGCHLD will tell.
            Ok(0) | Err(_) => child.link = None,
        }
    }

    /// Takes all ended children; their places are free.
    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        while let Some((pid, ended)) = sys::reap_one().context("waitpid")? {
            let Some(at) = self.children.iter().position(|child| child.pid == pid) else { continue };
            let pair = self.children.remove(at).pair;
            match ended {
                Ended::Status(SERVED) => self.parent.out.line(words::pair_ended(pair, pid)),
                _ => self.parent.err.line(words::pair_lost(pair, pid, ended)),
            }
        }
        self.parent.reopen(now);
        Ok(())
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
        self.children.iter_mut().for_each(|child| child.link = None);
        let deadline = Instant::now() + GRACE;
        for occupant in self.line.drain(..) {
            self.parent.farewells.add(occupant.into_parts().0, EXIT.to_vec(), Instant::now());
        }
        self.table.close(&mut self.parent.farewells);
        self.parent.farewells.finish();
        self.wait_for_children(deadline)?;
        self.parent.flush();
        Ok(())
    }

    fn wait_for_children(&mut self, deadline: Instant) -> anyhow::Result<()> {
        self.reap(Instant::now())?;
        while !self.children.is_empty() && Instant::now() < deadline {
            let mut watched = [sys::watch(self.parent.signals.as_fd(), Interest::Read)];
            sys::wait(&mut watched, Some(deadline.saturating_duration_since(Instant::now())))
                .context("poll")?;
            self.parent.take_signals();
            self.reap(Instant::now())?;
        }
        for child in &self.children {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped.
            sys::kill(child.pid, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(child.pid);
        }
        Ok(())
    }
}

fn desk(parent: &mut Parent, now: Instant) -> Desk<'_> {
    Desk { out: &mut parent.out, mark: MARK, now }
}
