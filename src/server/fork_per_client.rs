//! The server of a lab without shared state: one function serves each client to its end, in a child
//! process or, with [`ServeMode::iterative`], in the first process.

use std::io;
use std::net::{IpAddr, TcpStream};
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::time::{Duration, Instant};

use anyhow::Context;

use super::children::{Child, Children};
use super::client_handler::{linger, serve};
use super::first_bytes::FirstBytes;
use super::{
    ACCEPTED_AT_ONCE, ClientHandler, Event, Options, PendingConnection, ServeMode, Session, Supervisor,
};
use crate::sys::{self, Ended, Pid, ScopedAddress, Signal};

/// Time for children to exit when the server stops: more than [`super::Grace`] and [`LAST_LINES`],
/// which one takes whose client goes on sending.
const GRACE: Duration = Duration::from_secs(6);

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
    children: Children,
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
            // Children are from before its exec, or orphans (of a container, as its process 1).
            // Their SIGCHLD must not end a session. Ignored, the kernel reaps them: wait(2), NOTES.
            sys::ignore_signal(Signal::SIGCHLD);
            while sys::reap_one().context("waitpid")?.is_some() {}
            None
        }
        false => {
            supervisor.confine(L::PROFILE, lab.directory());
            let (reader, writer) = io::pipe().context("pipe")?;
            let high = |fd: OwnedFd| supervisor.move_high_numbered(fd).context("fcntl");
            Some(Lifeline { reader: high(reader.into())?, _writer: high(writer.into())? })
        }
    };
    let children = Children::new(options.max_clients).context("mmap")?;
    let mut server = Server { lab, mode, supervisor, lifeline, children };
    server.supervisor.announce(&[])?;
    while server.supervisor.stop.is_none() {
        server.turn();
    }
    server.close();
    Ok(())
}

impl<L: ClientHandler> Server<L> {
    fn turn(&mut self) {
        // Iterative: the last client is closed before the next is accepted.
        let accepting = !self.mode.iterative || self.supervisor.lingering.is_empty();
        let left = self.supervisor.due().map(|at| at.saturating_duration_since(Instant::now()));
        let (events, has_timed_out) = sys::wait_for_events(self.supervisor.watched(accepting), left);
        self.supervisor.begin_turn(&has_timed_out);
        let now = Instant::now();
        for event in events {
            match event {
                Event::Signal => {
                    // When the server stops, `close` reaps.
                    if self.supervisor.take_signals() && self.supervisor.stop.is_none() {
                        self.reap(now);
                    }
                }
                Event::Listener(listener) if self.mode.iterative => {
                    if let Some(pending) = self.supervisor.accept(listener, now) {
                        self.serve_here(pending.client);
                    }
                }
                Event::Listener(listener) => self.accept(listener, now),
                Event::LingeringClose => self.supervisor.turns.progress(),
                Event::Output => {}
            }
        }
        if self.supervisor.reaps_again(now) {
            self.reap(now);
        }
        self.retry_waiting(now);
        self.supervisor.end_turn(now);
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
    fn serve_here(&mut self, (socket, peer): (TcpStream, ScopedAddress)) {
        let Server { lab, mode, supervisor, .. } = self;
        let (out, stop, mark) = (&mut supervisor.out, supervisor.signals.as_fd(), "(parent)".to_string());
        let (idle_timeout, first_bytes, unsent) =
            (mode.idle_timeout, FirstBytes::new(L::EXPECTED), Vec::new());
        let session = Session {
            socket: &socket,
            peer,
            out,
            mark,
            stop,
            idle_timeout,
            first_bytes,
            last_heard: None,
            unsent,
        };
        let unsent = serve(lab, session);
        supervisor.lingering.add(socket, unsent, Instant::now());
    }

    /// Forks a child for a client, or refuses it.
    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let encode = |_, reason: &str| L::refusal(reason);
        let Server { supervisor, children, .. } = self;
        let pending = supervisor.check_penalty(pending, encode, now);
        let count = |address| children.count_from(address);
        let pending = pending.and_then(|pending| supervisor.check_address(pending, count, encode, now));
        let Some(pending) = pending else { return };
        let peer = pending.client.1;
        if children.len() >= supervisor.max_clients && !self.make_place(peer.ip(), now) {
            return self.supervisor.refuse_full(pending, encode, now);
        }
        let Server { lab, mode, supervisor, lifeline: Some(lifeline), children } = self else { return };
        let (clock, last_heard) = children.next_clock();
        let socket = &pending.client.0;
        let mut keep = vec![socket.as_raw_fd(), lifeline.reader.as_raw_fd()];
        keep.extend(lab.directory().map(|directory| directory.as_raw_fd()));
        let forked = supervisor.spawn(keep, |out| {
            let (mark, stop) = (format!("(child {})", Pid::this()), lifeline.reader.as_fd());
            sys::stop_by_sigterm(stop);
            let (idle_timeout, first_bytes, unsent) =
                (mode.idle_timeout, FirstBytes::new(L::EXPECTED), Vec::new());
            let session =
                Session { socket, peer, out, mark, stop, idle_timeout, first_bytes, last_heard, unsent };
            linger(socket, serve(lab, session));
            out.finish(LAST_LINES);
            SERVED
        });
        match forked {
            Ok(child) => {
                supervisor.fork_succeeded();
                children.insert(child, peer.ip(), clock);
            }
            Err(reason) => {
                if supervisor.needs_process(&reason, now) {
                    self.make_place(peer.ip(), now);
                }
                self.supervisor.refuse_without_process(pending, &reason, encode, now);
            }
        }
    }

    /// Makes a client give its place, and its process, to a newcomer. True if one does.
    fn make_place(&mut self, newcomer: IpAddr, now: Instant) -> bool {
        let Server { supervisor, children, .. } = self;
        let Some(child) = children.make_place(newcomer, now) else { return false };
        supervisor.err.line(supervisor.messages.child_gave_its_place(child));
        supervisor.process_freed(now);
        true
    }

    fn reap(&mut self, now: Instant) {
        while let Some((child, ended)) = self.supervisor.reap_one(now) {
            let Some(Child { gave_way, source, .. }) = self.children.remove(child) else { continue };
            self.supervisor.child_ended(source, ended.is_crash(), now);
            self.lab.child_ended(child);
            let is_expected = ended == Ended::Status(SERVED) || self.supervisor.ends_with_server(ended);
            let (count, Supervisor { out, err, messages, .. }) = (self.children.len(), &mut self.supervisor);
            if is_expected || gave_way {
                out.line(format_args!("(parent) child {child} ended, {count} connected"));
            } else {
                let lost = messages.child_lost(ended);
                err.line(format_args!("(parent) the client of child {child} {lost}, {count} connected"));
            }
        }
        self.supervisor.resume(now);
    }

    /// Ends the children: they see the lifeline's end of file; after [`GRACE`], the rest is killed.
    fn close(&mut self) {
        self.supervisor.announce_stop(self.children.len());
        self.supervisor.stop_accepting(|_, reason| L::refusal(reason), Instant::now());
        self.lifeline = None;
        let deadline = Instant::now() + GRACE;
        // SIGCHLD may have been taken together with the signal that ends the server.
        self.reap(Instant::now());
        while !self.children.is_empty() && Instant::now() < deadline {
            self.supervisor.wait_for_signal(deadline);
            self.reap(Instant::now());
        }
        let left: Vec<Pid> = self.children.pids().collect();
        sys::kill_and_reap(&left);
        left.into_iter().for_each(|child| self.lab.child_ended(child));
        self.supervisor.lingering.finish();
        self.supervisor.out.finish(LAST_LINES);
        self.supervisor.err.finish(LAST_LINES);
    }
}
