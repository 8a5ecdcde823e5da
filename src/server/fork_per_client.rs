//! The server of a lab without shared state: one function serves each client to its end, in a child
//! process or, with [`ServeMode::iterative`], in the first process.

use std::collections::BTreeMap;
use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::client_handler::{linger, serve};
use super::first_bytes::FirstBytes;
use super::{
    ACCEPTED_AT_ONCE, ClientHandler, Event, Options, PendingConnection, ServeMode, Session, Supervisor,
};
use crate::sys::{self, Ended, Pid, Signal};

/// Time for children to exit when the server stops.
const GRACE: Duration = Duration::from_secs(1);

/// Time for a busy reader to take the last lines.
const LAST_LINES: Duration = Duration::from_millis(200);

/// Exit status of a child, however its client left.
const SERVED: i32 = 0;

/// A pipe without data: children see its end of file when the first process ends, however it ends.
struct Lifeline {
    reader: OwnedFd,
    _writer: OwnedFd,
}

struct Server<L> {
    lab: L,
    mode: ServeMode,
    supervisor: Supervisor,
    /// `None` in iterative mode.
    lifeline: Option<Lifeline>,
    /// With the address of each one's client.
    children: BTreeMap<Pid, IpAddr>,
}

/// Runs a lab until SIGINT or SIGTERM. `limit`: RLIMIT_NOFILE, from [`crate::server::startup()`].
/// `open` is called once privileges are dropped.
pub fn run<L: ClientHandler>(
    options: &Options,
    mode: ServeMode,
    limit: u64,
    open: impl FnOnce() -> anyhow::Result<L>,
) -> anyhow::Result<()> {
    // The listening socket has the lowest free number, the first client the next one.
    let mut supervisor = Supervisor::open(L::PROGRAM, options, limit, &[])?;
    supervisor.drop_privileges()?;
    let lab = open()?;
    let lifeline = match mode.iterative {
        true => {
            // Children can only be from before its exec: their SIGCHLD must not end a session.
            sys::default_signal(Signal::SIGCHLD);
            None
        }
        false => {
            supervisor.confine(L::PROFILE, lab.directory());
            let (reader, writer) = io::pipe().context("pipe")?;
            let high = |fd: OwnedFd| supervisor.move_high_numbered(fd).context("fcntl");
            Some(Lifeline { reader: high(reader.into())?, _writer: high(writer.into())? })
        }
    };
    let mut server = Server { lab, mode, supervisor, lifeline, children: BTreeMap::new() };
    server.supervisor.announce(&[])?;
    while server.supervisor.stop.is_none() {
        server.turn()?;
    }
    server.close()
}

impl<L: ClientHandler> Server<L> {
    fn turn(&mut self) -> anyhow::Result<()> {
        // Iterative: the last client is closed before the next is accepted.
        let accepting = !self.mode.iterative || self.supervisor.lingering.is_empty();
        let left = self.supervisor.due().map(|at| at.saturating_duration_since(Instant::now()));
        let events = sys::wait_for_events(self.supervisor.watched(accepting), left).context("poll")?;
        let now = Instant::now();
        for event in events {
            match event {
                Event::Signal => {
                    if self.supervisor.take_signals() {
                        self.reap(now)?;
                    }
                }
                Event::Listener(listener) if self.mode.iterative => {
                    if let Some(pending) = self.supervisor.accept(listener, now) {
                        self.serve_here(pending.client);
                    }
                }
                Event::Listener(listener) => self.accept(listener, now),
                Event::Other => {}
            }
        }
        self.retry_waiting(now);
        self.supervisor.end_turn(now);
        Ok(())
    }

    fn retry_waiting(&mut self, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
    }

    fn accept(&mut self, listener: usize, now: Instant) {
        self.retry_waiting(now);
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            self.admit(pending, now);
        }
    }

    /// Serves a client in the first process.
    fn serve_here(&mut self, (socket, peer): (TcpStream, SocketAddr)) {
        let Server { lab, mode, supervisor, .. } = self;
        let (out, stop, mark) = (&mut supervisor.out, supervisor.signals.as_fd(), "(parent)".to_string());
        serve(
            lab,
            &mut Session {
                socket: &socket,
                peer,
                out,
                mark,
                stop,
                idle_timeout: mode.idle_timeout,
                first_bytes: FirstBytes::new(L::EXPECTED),
            },
        );
        supervisor.lingering.add(socket, Vec::new(), Instant::now());
    }

    /// Forks a child for a client, or refuses it.
    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let children = &self.children;
        let count = |address| children.values().filter(|&&other| other == address).count();
        let Some(client) = self.supervisor.admit(pending, children.len(), count, L::refusal, now) else {
            return;
        };
        let Server { lab, mode, supervisor, lifeline: Some(lifeline), .. } = self else { return };
        let (socket, peer) = (&client.0, client.1);
        let mut keep = vec![socket.as_raw_fd(), lifeline.reader.as_raw_fd()];
        keep.extend(lab.directory().map(|directory| directory.as_raw_fd()));
        let forked = supervisor.spawn(keep, |out| {
            let (mark, stop) = (format!("(child {})", Pid::this()), lifeline.reader.as_fd());
            serve(
                lab,
                &mut Session {
                    socket,
                    peer,
                    out,
                    mark,
                    stop,
                    idle_timeout: mode.idle_timeout,
                    first_bytes: FirstBytes::new(L::EXPECTED),
                },
            );
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
            let (count, Supervisor { out, err, messages, .. }) = (self.children.len(), &mut self.supervisor);
            if ended == Ended::Status(SERVED) {
                out.line(format_args!("(parent) child {child} ended, {count} connected"));
            } else {
                let lost = messages.child_lost(ended);
                err.line(format_args!("(parent) the client of child {child} {lost}, {count} connected"));
            }
        }
        self.supervisor.resume(now);
        Ok(())
    }

    /// Ends the children: they see the lifeline's end of file; after [`GRACE`], the rest is killed.
    fn close(&mut self) -> anyhow::Result<()> {
        if let Some(signal) = self.supervisor.stop {
            self.supervisor.out.line(self.supervisor.messages.stopping(signal, self.children.len()));
        }
        self.supervisor.flush();
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        while !self.children.is_empty() && Instant::now() < deadline {
            self.supervisor.wait_for_signal(deadline)?;
            self.reap(Instant::now())?;
        }
        for &child in self.children.keys() {
            sys::kill_and_reap(child);
            self.lab.child_ended(child);
        }
        self.supervisor.lingering.finish();
        self.supervisor.out.finish(LAST_LINES);
        self.supervisor.err.finish(LAST_LINES);
        Ok(())
    }
}
