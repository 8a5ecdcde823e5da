//! The server of a lab whose clients share nothing: each is served to its end by one function, in a child of its own or, one
//! after the other, by the first process itself.

use std::collections::BTreeSet;
use std::io::{self, PipeReader, PipeWriter};
use std::net::{SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, BorrowedFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::{End, Event, Farewells, Options, Parent, Session};
use crate::cli::Program;
use crate::sys::{self, Duty, Ended, Pid, PollFd, Signal};

/// How long children may take to end when the server does.
const GRACE: Duration = Duration::from_secs(1);

/// How long the last lines may wait for a reader that is busy.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The status of a child that has served its client, however that ended.
const SERVED: i32 = 0;

/// What makes a server one lab's and not another's.
pub trait Lab {
    /// Who is running.
    const PROGRAM: Program;
    /// What its children must be able to do.
    const DUTY: Duty;

    /// Serves one client to its end.
    ///
    /// # Errors
    /// Why it is served no longer, when that was not the lab's own decision.
    fn serve(&self, session: &mut Session) -> Result<(), End>;

    /// What a client is told that is not let in: `reason`, in the protocol's clothes.
    fn refusal(reason: &str) -> Vec<u8>;

    /// The directory that children write files to, whose descriptor they keep.
    fn directory(&self) -> Option<BorrowedFd<'_>> {
        None
    }

    /// This child has ended, perhaps in the middle of something.
    fn child_ended(&self, _child: Pid) {}
}

/// How clients are served.
#[derive(Clone, Copy, Debug)]
pub struct Way {
    /// One at a time, by the first process; the others wait to be accepted.
    pub iterative: bool,
    /// How long a client may be silent, or not take what it is sent.
    pub patience: Option<Duration>,
}

/// By which children learn that the server ends: they hold the read end and see its end of file, however the first process
/// ended.
struct Lifeline {
    children: PipeReader,
    _held: PipeWriter,
}

struct Server<L> {
    lab: L,
    way: Way,
    parent: Parent,
    /// None: one client at a time.
    lifeline: Option<Lifeline>,
    children: BTreeSet<Pid>,
}

/// Runs a lab until SIGINT or SIGTERM. `limit` is what [`super::prepare`] gave; `open` makes the lab, as the user that the server
/// runs as.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn run<L: Lab>(
    options: &Options,
    way: Way,
    limit: u64,
    open: impl FnOnce() -> anyhow::Result<L>,
) -> anyhow::Result<()> {
    let mut server = Server::open(options, way, limit, open)?;
    server.parent.announce(&[])?;
    while server.parent.stop.is_none() {
        server.turn()?;
    }
    server.close()
}

impl<L: Lab> Server<L> {
    /// The listening socket is the lowest descriptor that is free, the next client the one after it.
    fn open(
        options: &Options,
        way: Way,
        limit: u64,
        lab: impl FnOnce() -> anyhow::Result<L>,
    ) -> anyhow::Result<Server<L>> {
        let mut parent = Parent::open(L::PROGRAM, options, limit)?;
        parent.become_user()?;
        let lab = lab()?;
        let lifeline = match way.iterative {
            true => {
                // It forks nobody. A child that it has from before its exec must not end the session of a client.
                sys::default_signal(Signal::SIGCHLD);
                None
            }
            false => {
                parent.confine(L::DUTY, lab.directory());
                let (children, held) = io::pipe().context("pipe")?;
                let high = |fd: OwnedFd| parent.out_of_the_way(fd).context("fcntl");
                Some(Lifeline { children: high(children.into())?.into(), _held: high(held.into())?.into() })
            }
        };
        Ok(Server { lab, way, parent, lifeline, children: BTreeSet::new() })
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        // One at a time: whoever has been served is gone before the next comes in.
        let doors_open = !self.way.iterative || self.parent.farewells.is_empty();
        let (events, mut watched): (Vec<Event>, Vec<PollFd>) = self.parent.watched(doors_open).unzip();
        let left = self.parent.due().map(|at| at.saturating_duration_since(Instant::now()));
        sys::wait(&mut watched, left).context("poll")?;
        let ready: Vec<bool> = watched.iter().map(sys::is_ready).collect();
        let now = Instant::now();
        for (event, _) in events.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            match event {
                Event::Signal => {
                    if self.parent.take_signals() {
                        self.reap(now)?;
                    }
                }
                Event::Door(door) if self.way.iterative => {
                    if let Some(client) = self.parent.accept_one(door, now) {
                        self.serve_here(client);
                    }
                }
                Event::Door(door) => {
                    for client in self.parent.accept(door, now) {
                        self.welcome(client, now);
                    }
                }
                Event::Other => {}
            }
        }
        self.parent.end_turn(now);
        Ok(())
    }

    /// Serves a client in the first process; nobody else is served meanwhile.
    fn serve_here(&mut self, (socket, peer): (TcpStream, SocketAddr)) {
        let Server { lab, way, parent, .. } = self;
        let (out, stop) = (&mut parent.out, parent.signals.as_fd());
        let mut session = Session::new((&socket, peer), out, "(parent)".to_string(), stop, way.patience);
        serve(lab, &mut session);
        parent.farewells.add(socket, Vec::new(), Instant::now());
    }

    /// Gives a client its process, or tells it why not.
    fn welcome(&mut self, client: (TcpStream, SocketAddr), now: Instant) {
        let Some(client) = self.parent.admit(client, self.children.len(), L::refusal, now) else { return };
        let Server { lab, way, parent, lifeline: Some(lifeline), .. } = self else { return };
        let (socket, peer) = (&client.0, client.1);
        let mut keep = vec![socket.as_raw_fd(), lifeline.children.as_raw_fd(), parent.out.number()];
        keep.extend(lab.directory().map(|directory| directory.as_raw_fd()));
        keep.extend(parent.guard.confinement.keeps());
        // Written before the fork, or it would be written twice.
        parent.flush();
        let Parent { signals, out, err, guard, .. } = parent;
        let forked = sys::spawn(signals, &keep, &guard.confinement, || {
            // Ctrl+C reaches every process of the terminal; the first one decides, and its end ends this one.
            sys::ignore_signal(Signal::SIGINT);
            out.forget();
            err.forget();
            let mark = format!("(child {})", Pid::this());
            let stop = lifeline.children.as_fd();
            serve(lab, &mut Session::new((socket, peer), out, mark, stop, way.patience));
            take_leave(socket);
            out.finish(LAST_LINES);
            SERVED
        });
        match forked {
            Ok(child) => drop(self.children.insert(child)),
            Err(reason) => self.parent.refuse_without_process(client, &reason, L::refusal, now),
        }
    }

    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        while let Some((child, ended)) = sys::reap_one().context("waitpid")? {
            if !self.children.remove(&child) {
                continue;
            }
            self.lab.child_ended(child);
            let count = self.children.len();
            match ended {
                Ended::Status(SERVED) => {
                    self.parent.out.line(format_args!("(parent) child {child} ended, {count} connected"));
                }
                _ => {
                    let lost = self.parent.words.child_lost(ended);
                    self.parent
                        .err
                        .line(format_args!("(parent) the client of child {child} {lost}, {count} connected"));
                }
            }
        }
        self.parent.reopen(now);
        Ok(())
    }

    /// Ends all children: they see the lifeline end, and those that do not are killed.
    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(signal) = self.parent.stop {
            self.parent.out.line(self.parent.words.stopping(signal, self.children.len()));
        }
        self.parent.flush();
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        while !self.children.is_empty() && Instant::now() < deadline {
            let mut watched = [sys::watch(self.parent.signals.as_fd(), sys::Interest::Read)];
            sys::wait(&mut watched, Some(deadline.saturating_duration_since(Instant::now())))
                .context("poll")?;
            self.parent.take_signals();
            self.reap(Instant::now())?;
        }
        for &child in &self.children {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped.
            sys::kill(child, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(child);
            self.lab.child_ended(child);
        }
        self.parent.farewells.finish();
        self.parent.out.finish(LAST_LINES);
        self.parent.err.finish(LAST_LINES);
        Ok(())
    }
}

/// Serves one client, and prints how it came and went.
fn serve<L: Lab>(lab: &L, session: &mut Session) {
    let (peer, descriptor) = (session.peer, session.socket.as_raw_fd());
    session.log(format_args!("client {peer} connected, descriptor {descriptor}"));
    let left = match lab.serve(session) {
        Ok(()) => "was served".to_string(),
        Err(End::Closed) => "left".to_string(),
        Err(End::Broken(reason)) => {
            format!("vanished ({})", sys::system_reason(reason.raw_os_error().unwrap_or_default()))
        }
        Err(End::Idle) => "was silent for too long".to_string(),
        Err(End::Stopped) => "is left, because the server ends".to_string(),
    };
    session.log(format_args!("client {peer} {left}"));
}

/// In a child: what was said last is heard before the connection is closed.
fn take_leave(socket: &TcpStream) {
    // A copy that is gone with the process; no descriptor for it means no leave. By dup(2) and not `try_clone`: a child has no
    // fcntl(2), see [`sys::Confinement`].
    if let Ok(copy) = nix::unistd::dup(socket) {
        let mut farewells = Farewells::default();
        farewells.add(copy.into(), Vec::new(), Instant::now());
        farewells.finish();
    }
}
