//! A client's life: accept, fork a worker, join; then reap the worker and close the connection.
//! Every end goes this way: an orderly leave, a reset, a crashed worker, the server's disconnect.

use std::net::{SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use super::connection::Connection;
use super::event_loop::{Few, Hub};
use super::message_log::ChannelId;
use super::record::Key;
use super::record_reader::CAPACITY;
use super::service::{Context, Service};
use super::worker::RecordPipe;
use crate::server::{ACCEPTED_AT_ONCE, PendingConnection};
use crate::sys::{self, Ended, Pid, Signal};

/// Time that a worker that ended without a report may go unnoticed beside others that reported.
const REAP_ALL_AFTER: Duration = Duration::from_millis(100);

/// Connections of one address that may stay outside the room without counting against
/// `--max-per-address`: browsers open connections before they need them, and keep them a while.
const OUTSIDE_PER_ADDRESS: usize = 8;

/// Time, as the server ends, to read what its workers have written.
const LAST_READS: Duration = Duration::from_secs(2);

/// A worker that was reaped. Its connection stays until its records have been read.
#[derive(Debug)]
pub(super) struct Reaped {
    pid: Pid,
    ended: Ended,
    /// All that it wrote is among so many bytes of the pipe, counted from the start.
    written: u64,
}

impl<S: Service> Hub<S> {
    pub(super) fn accept(&mut self, listener: usize, now: Instant) {
        self.admit_waiting(now);
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            self.admit(pending, now);
        }
        if self.supervisor.listeners[listener].watch().is_none() {
            // Out of descriptors.
            self.make_room_outside(None);
        }
    }

    /// Admits or refuses connections that wait for another of their address to close.
    pub(super) fn admit_waiting(&mut self, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
    }

    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let (listener, address) = (pending.listener, pending.client.1.ip());
        let Hub { service, supervisor, .. } = self;
        let encode = |listener, reason: &str| service.refusal(listener, reason);
        // A browser behind a proxy is judged when it enters the room.
        let pending = match service.is_proxy(listener, address) {
            true => Some(pending),
            false => supervisor.check_penalty(pending, encode, now),
        };
        let Some(pending) = pending else { return };
        let joins_at_once = self.service.joins_at_once(listener);
        if !joins_at_once {
            self.make_room_outside(Some(address));
        }
        let mut present = self.present();
        // Nobody gives way to a browser that may never enter the room.
        if present >= self.supervisor.max_clients && joins_at_once && self.make_place(address) {
            present -= 1;
        }
        let Hub { service, clients, supervisor, .. } = self;
        let encode = |listener, reason: &str| service.refusal(listener, reason);
        // Connections of an address as `--max-per-address` counts them.
        let count = |address| {
            if service.is_proxy(listener, address) {
                return 0;
            }
            let (inside, outside) = clients.all().count_from(address);
            inside + outside.saturating_sub(OUTSIDE_PER_ADDRESS)
        };
        if let Some(accepted) = supervisor.admit(pending, present, count, encode, now) {
            self.fork_worker(accepted, listener, now);
        }
    }

    /// Gives a client its worker, or tells it why not.
    fn fork_worker(&mut self, accepted: (TcpStream, SocketAddr), listener: usize, now: Instant) {
        let Hub { service, pipe, clients, channels, supervisor, .. } = self;
        let keep = [pipe.as_raw_fd(), accepted.0.as_raw_fd()];
        let mut key = Key::default();
        let drawn = clients.draw_key(&mut key);
        let work = || {
            clients.discard_in_child();
            channels.discard_in_child();
            service.discard_in_child();
            supervisor.out.forget();
            supervisor.err.forget();
            service.serve(listener, &accepted, RecordPipe { pipe, key: &key })
        };
        let forked = drawn
            .and_then(|()| sys::spawn(&supervisor.signals, &keep, &mut supervisor.privileges.sandbox, work));
        // Later children inherit this stack.
        sys::wipe(&mut key);
        match forked {
            Ok(pid) => {
                // The system may give the pid of a reaped worker again.
                self.close_where(now, |reaped| reaped.pid == pid);
                self.add_client(pid, accepted, listener, now);
            }
            Err(reason) => {
                let encode = |reason: &str| service.refusal(listener, reason);
                supervisor.refuse_without_process(accepted, &reason, encode, now);
            }
        }
    }

    fn add_client(&mut self, pid: Pid, accepted: (TcpStream, SocketAddr), listener: usize, now: Instant) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        let mut connection = Connection::new(pid, accepted);
        let mut context = Context { peers: clients.all(), channels, supervisor, now };
        let client = service.on_connect(listener, &mut connection, &mut context);
        clients.insert(connection, client);
    }

    /// Reaps workers that have ended, and closes their connections.
    ///
    /// Workers that have reported their end are waited for by pid: to find any ended child, the
    /// kernel walks along all of them, a millisecond among ten thousand. One that ends without a
    /// report at the same time is found a little later.
    pub(super) fn reap(&mut self, now: Instant) {
        let mut reaped = Few::new();
        for &pid in &self.clients.leaving {
            // An error is another's to find: `reap_all`.
            if let Ok(Some(ended)) = sys::reap_ended(pid) {
                self.supervisor.privileges.sandbox.reaped(pid);
                reaped.push((pid, ended));
            }
        }
        if reaped.is_empty() {
            return self.reap_all(now);
        }
        self.reap_all_at = self.reap_all_at.or(Some(now + REAP_ALL_AFTER));
        self.finish_reaped(reaped, now);
    }

    /// Reaps all ended workers, whether they have reported their end or not.
    pub(super) fn reap_all(&mut self, now: Instant) {
        self.reap_all_at = None;
        let mut reaped = Few::new();
        while let Some((pid, ended)) = self.supervisor.reap_one(now) {
            match self.supervisor.ends_with_server(ended) {
                // Left to `close`.
                true => self.clients.mark_reaped(pid),
                false => reaped.push((pid, ended)),
            }
        }
        self.finish_reaped(reaped, now);
    }

    /// Marks workers reaped. Their last records may still be in the pipe: a worker may write and
    /// end between the hub's read of the pipe and its wait.
    fn finish_reaped(&mut self, reaped: Few<(Pid, Ended)>, now: Instant) {
        let written = self.bytes_read + self.pipe_capacity() as u64;
        for (pid, ended) in reaped {
            self.clients.mark_reaped(pid);
            self.reaped.push(Reaped { pid, ended, written });
        }
        self.close_reaped(now);
    }

    /// Closes the connections of reaped workers whose records have all been read: the pipe was
    /// found empty since, or so much was read as it held. It is read no faster for them than for
    /// the others, whose records may come first.
    pub(super) fn close_reaped(&mut self, now: Instant) {
        if self.reaped.is_empty() || self.backpressure.paused_until.is_some() {
            return;
        }
        let is_empty = self.read_pipe(CAPACITY, now);
        self.service.before_send(&mut self.supervisor);
        let read = self.bytes_read;
        self.close_where(now, |reaped| is_empty || reaped.written <= read);
    }

    fn close_where(&mut self, now: Instant, may_close: impl Fn(&Reaped) -> bool) {
        if self.reaped.is_empty() {
            return;
        }
        let (closed, others) = std::mem::take(&mut self.reaped).into_iter().partition(may_close);
        self.reaped = others;
        let closed: Few<Reaped> = closed;
        for Reaped { pid, ended, .. } in closed {
            self.close_connection(pid, ended, now);
            self.supervisor.resume(now);
        }
    }

    fn close_connection(&mut self, pid: Pid, ended: Ended, now: Instant) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        let Some((mut connection, client)) = clients.remove(pid) else { return };
        let (address, channel) = (connection.peer.ip(), connection.leave_channel(channels));
        // Outside the room, the address of a proxy stands for many clients.
        let mut listeners = 0..supervisor.listeners.len();
        let is_proxys = channel.is_none() && listeners.any(|listener| service.is_proxy(listener, address));
        if !is_proxys {
            supervisor.child_ended(address, ended.is_crash() || connection.worker_killed, now);
        }
        let mut context = Context { peers: clients.all(), channels, supervisor, now };
        let last_words = service.on_disconnect(&connection, client, ended, &mut context);
        self.depart(connection, channel, last_words, now);
    }

    /// Sends a client what is left for it in its channel, then `last_words`, and closes. One that
    /// was disconnected is sent the last words of that alone.
    fn depart(
        &mut self,
        mut connection: Connection,
        channel: Option<ChannelId>,
        last_words: Vec<u8>,
        now: Instant,
    ) {
        let Hub { clients, channels, supervisor, .. } = self;
        if let Some(last_words) = connection.last_words.take() {
            return supervisor.lingering.add(connection.socket, last_words, now);
        }
        match channel.filter(|&id| connection.has_unsent(&channels[id])) {
            Some(id) => {
                let end = channels[id].log.end();
                clients.departures.add(connection, (id, end), last_words, now);
            }
            // The client has ended its side and received all: there is no unread input for which
            // `close` would reset the connection.
            None if connection.left == Some(0) && last_words.is_empty() => {}
            None => supervisor.lingering.add(connection.socket, last_words, now),
        }
    }

    fn pipe_capacity(&self) -> usize {
        sys::pipe_capacity(&self.reader.pipe).max(CAPACITY)
    }

    /// Ends all workers, then all connections, each with all that was heard of, within
    /// [`crate::server::Grace`].
    pub(super) fn close(&mut self) {
        if let Some(signal) = self.supervisor.stop {
            let line = self.supervisor.messages.stopping(signal, self.channels.readers());
            self.supervisor.out.line(line);
        }
        self.supervisor.listeners.clear();
        let mut workers = self.clients.pids();
        workers.retain(|&pid| self.clients.get_mut(pid).is_some_and(|(one, _)| !one.is_reaped));
        workers.iter().for_each(|&pid| sys::kill(pid, Signal::SIGKILL));
        for pid in workers {
            sys::kill_and_reap(pid);
            self.supervisor.privileges.sandbox.reaped(pid);
            self.clients.mark_reaped(pid);
        }
        // A mark, which is no client's: turns go on until the pipe is read, no faster than before.
        self.finish_reaped(Few::from_iter([(Pid::from_raw(0), Ended::Status(0))]), Instant::now());
        let deadline = Instant::now() + LAST_READS;
        while !self.reaped.is_empty() && Instant::now() < deadline {
            self.turn();
        }
        self.service.before_send(&mut self.supervisor);
        self.clients.departures.lift_limit();
        self.supervisor.lingering.lift_limit();
        let now = Instant::now();
        for pid in self.clients.pids() {
            let Some((mut connection, client)) = self.clients.remove(pid) else { continue };
            let channel = connection.leave_channel(&mut self.channels);
            self.depart(connection, channel, self.service.stopping(&client), now);
        }
        self.finish_departures();
        self.supervisor.flush();
    }

    /// Waits until every connection is closed.
    fn finish_departures(&mut self) {
        let Hub { clients, channels, supervisor, .. } = self;
        while !clients.departures.is_empty() {
            let now = Instant::now();
            let due = clients.departures.due(now).into_iter().chain(supervisor.lingering.due()).min();
            let departures = clients.departures.watch(now).map(|(at, fd)| (Some(at), fd));
            let watched = departures.chain(supervisor.lingering.watch().map(|fd| (None, fd)));
            let left = due.map(|at| at.saturating_duration_since(now));
            let (ready, has_timed_out) = sys::wait_for_events(watched, left);
            supervisor.begin_turn(&has_timed_out);
            for at in ready.into_iter().flatten() {
                supervisor.turns.progress();
                clients.departures.set_writable(at);
            }
            let now = Instant::now();
            clients.departures.advance(channels, &mut supervisor.lingering, now);
            supervisor.end_turn(now);
        }
        supervisor.lingering.finish();
    }
}
