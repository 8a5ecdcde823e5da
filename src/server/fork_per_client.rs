//! The server of a lab whose clients share nothing: each is served to its end by one function, in a child of its own or, one
//! after the other, by the first process itself.

use std::collections::BTreeMap;
use std::io::{self, PipeReader, PipeWriter};
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::client_handler::{linger, serve};
use super::{
    ACCEPTED_AT_ONCE, ClientHandler, Event, Options, PendingConnection, ServeMode, Session, Supervisor,
};
use crate::sys::{self, Ended, Pid, PollFd, Signal};

/// How long children may take to end when the server does.
const GRACE: Duration = Duration::from_secs(1);

/// How long the last lines may wait for a reader that is busy.
const LAST_LINES: Duration = Duration::from_millis(200);

/// The status of a child that has served its client, however that ended.
const SERVED: i32 = 0;

/// By which children learn that the server ends: they hold the read end and see its end of file, however the first process
/// ended.
struct Lifeline {
    children: PipeReader,
    _held: PipeWriter,
}

struct Server<L> {
    lab: L,
    way: ServeMode,
    supervisor: Supervisor,
    /// None: one client at a time.
    lifeline: Option<Lifeline>,
    /// And the address of the client of each.
    children: BTreeMap<Pid, IpAddr>,
}

/// Runs a lab until SIGINT or SIGTERM. `limit` is what [`crate::server::startup`] gave; `open` makes the lab, as the user that the server
/// runs as.
///
/// # Errors
/// Whatever the system refuses, with what was being done.
pub fn run<L: ClientHandler>(
    options: &Options,
    way: ServeMode,
    limit: u64,
    open: impl FnOnce() -> anyhow::Result<L>,
) -> anyhow::Result<()> {
    let mut server = Server::open(options, way, limit, open)?;
    server.supervisor.announce(&[])?;
    while server.supervisor.stop.is_none() {
        server.turn()?;
    }
    server.close()
}

impl<L: ClientHandler> Server<L> {
    /// The listening socket is the lowest descriptor that is free, the next client the one after it.
    fn open(
        options: &Options,
        way: ServeMode,
        limit: u64,
        lab: impl FnOnce() -> anyhow::Result<L>,
    ) -> anyhow::Result<Server<L>> {
        let mut supervisor = Supervisor::open(L::PROGRAM, options, limit, &[])?;
        supervisor.drop_privileges()?;
        let lab = lab()?;
        let lifeline = match way.iterative {
            true => {
                // It forks nobody. A child that it has from before its exec must not end the session of a client.
                sys::default_signal(Signal::SIGCHLD);
                None
            }
            false => {
                supervisor.confine(L::PROFILE, lab.directory());
                let (children, held) = io::pipe().context("pipe")?;
                let high = |fd: OwnedFd| supervisor.move_high_numbered(fd).context("fcntl");
                Some(Lifeline { children: high(children.into())?.into(), _held: high(held.into())?.into() })
            }
        };
        Ok(Server { lab, way, supervisor, lifeline, children: BTreeMap::new() })
    }

    fn turn(&mut self) -> anyhow::Result<()> {
        // One at a time: whoever has been served is gone before the next comes in.
        let accepting = !self.way.iterative || self.supervisor.lingering.is_empty();
        let (events, mut watched): (Vec<Event>, Vec<PollFd>) = self.supervisor.watched(accepting).unzip();
        let left = self.supervisor.due().map(|at| at.saturating_duration_since(Instant::now()));
        sys::wait(&mut watched, left).context("poll")?;
        let ready: Vec<bool> = watched.iter().map(sys::is_ready).collect();
        let now = Instant::now();
        for (event, _) in events.into_iter().zip(ready).filter(|(_, ready)| *ready) {
            match event {
                Event::Signal => {
                    if self.supervisor.take_signals() {
                        self.reap(now)?;
                    }
                }
                Event::Listener(listener) if self.way.iterative => {
                    if let Some(pending) = self.supervisor.accept(listener, now) {
                        self.serve_here(pending.client);
                    }
                }
                Event::Listener(listener) => self.accept(listener, now),
                Event::Other => {}
            }
        }
        self.look_again(now);
        self.supervisor.end_turn(now);
        Ok(())
    }

    fn look_again(&mut self, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.welcome(pending, now);
        }
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        self.look_again(now);
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            self.welcome(pending, now);
        }
    }

    /// Serves a client in the first process; nobody else is served meanwhile.
    fn serve_here(&mut self, (socket, peer): (TcpStream, SocketAddr)) {
        let Server { lab, way, supervisor, .. } = self;
        let (out, stop) = (&mut supervisor.out, supervisor.signals.as_fd());
        let mut session = Session::new((&socket, peer), out, "(parent)".to_string(), stop, way.patience);
        serve(lab, &mut session);
        supervisor.lingering.add(socket, Vec::new(), Instant::now());
    }

    /// Gives a client its process, or tells it why not.
    fn welcome(&mut self, pending: PendingConnection, now: Instant) {
        let children = &self.children;
        let with = |address| children.values().filter(|&&other| other == address).count();
        let Some(client) = self.supervisor.admit(pending, children.len(), with, L::refusal, now) else {
            return;
        };
        let Server { lab, way, supervisor, lifeline: Some(lifeline), .. } = self else { return };
        let (socket, peer) = (&client.0, client.1);
        let mut keep = vec![socket.as_raw_fd(), lifeline.children.as_raw_fd(), supervisor.out.number()];
        keep.extend(lab.directory().map(|directory| directory.as_raw_fd()));
        keep.extend(supervisor.privileges.sandbox.keeps());
        // Written before the fork, or it would be written twice.
        supervisor.flush();
        let Supervisor { signals, out, err, privileges, .. } = supervisor;
        let forked = sys::spawn(signals, &keep, &privileges.sandbox, || {
            // Ctrl+C reaches every process of the terminal; the first one decides, and its end ends this one.
            sys::ignore_signal(Signal::SIGINT);
            out.forget();
            err.forget();
            let mark = format!("(child {})", Pid::this());
            let stop = lifeline.children.as_fd();
            serve(lab, &mut Session::new((socket, peer), out, mark, stop, way.patience));
            linger(socket);
            out.finish(LAST_LINES);
            SERVED
        });
        match forked {
            Ok(child) => drop(self.children.insert(child, peer.ip())),
            Err(reason) => self.supervisor.refuse_without_process(client, &reason, L::refusal, now),
        }
    }

    fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        while let Some((child, ended)) = sys::reap_one().context("waitpid")? {
            if self.children.remove(&child).is_none() {
                continue;
            }
            self.lab.child_ended(child);
            let count = self.children.len();
            match ended {
                Ended::Status(SERVED) => {
                    self.supervisor.out.line(format_args!("(parent) child {child} ended, {count} connected"));
                }
                _ => {
                    let lost = self.supervisor.messages.child_lost(ended);
                    self.supervisor
                        .err
                        .line(format_args!("(parent) the client of child {child} {lost}, {count} connected"));
                }
            }
        }
        self.supervisor.resume(now);
        Ok(())
    }

    /// Ends all children: they see the lifeline end, and those that do not are killed.
    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(signal) = self.supervisor.stop {
            self.supervisor.out.line(self.supervisor.messages.stopping(signal, self.children.len()));
        }
        self.supervisor.flush();
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        while !self.children.is_empty() && Instant::now() < deadline {
            let mut watched = [sys::watch(self.supervisor.signals.as_fd(), sys::Interest::Read)];
            sys::wait(&mut watched, Some(deadline.saturating_duration_since(Instant::now())))
                .context("poll")?;
            self.supervisor.take_signals();
            self.reap(Instant::now())?;
        }
        for &child in self.children.keys() {
            // Not SIGTERM: it would stay pending in a child that somebody has stopped.
            sys::kill(child, Signal::SIGKILL);
            // An error could only say that it is no child any more.
            let _ = sys::reap_this(child);
            self.lab.child_ended(child);
        }
        self.supervisor.lingering.finish();
        self.supervisor.out.finish(LAST_LINES);
        self.supervisor.err.finish(LAST_LINES);
        Ok(())
    }
}
