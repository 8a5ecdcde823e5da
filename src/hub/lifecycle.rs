//! A client's life: accept, fork a worker, join; then reap the worker and close the connection.
//! Every end goes this way: an orderly leave, a reset, a crashed worker, the server's disconnect.

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
use crate::sys::{self, Ended, Pid};

/// Time that a worker that ended without a report may go unnoticed beside others that reported,
/// and that one may take to end after its report.
pub(super) const REAP_ALL_AFTER: Duration = Duration::from_millis(100);

/// Connections of one address that may stay outside the room without counting against
/// `--max-per-address`: browsers open connections before they need them, and keep them a while.
const OUTSIDE_PER_ADDRESS: usize = 8;

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
        if self.supervisor.listeners[listener].is_paused() && self.supervisor.lingering.is_empty() {
            self.free_descriptor(now);
        }
    }

    /// Admits or refuses connections that wait for another client to be gone.
    pub(super) fn admit_waiting(&mut self, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
    }

    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let (listener, peer) = (pending.listener, pending.client.1);
        let address = peer.ip();
        let Hub { service, clients, supervisor, .. } = self;
        let encode = |listener, reason: &str| service.refusal(listener, reason);
        // Behind a proxy are many clients: each is judged when it enters the room.
        let is_proxys = service.is_proxy(listener, peer.address);
        let joins_at_once = service.joins_at_once(listener);
        let mut pending = Some(pending);
        if !is_proxys {
            // Connections of an address as `--max-per-address` counts them.
            let count = |address| {
                let (inside, outside) = clients.all().count_from(address);
                inside + outside.saturating_sub(OUTSIDE_PER_ADDRESS)
            };
            pending = pending.and_then(|pending| supervisor.check_penalty(pending, encode, now));
            pending = pending.and_then(|pending| supervisor.check_address(pending, count, encode, now));
        }
        let Some(pending) = pending else { return };
        if !joins_at_once {
            self.make_room_outside(Some(address));
        }
        let has_place = self.present() < self.supervisor.max_clients
            || match joins_at_once {
                true => self.make_place(address, now),
                // No client gives way to a browser that may never enter the room.
                false => is_proxys || self.clients.all().gives_way_to(address, now).is_some(),
            };
        let Hub { service, supervisor, .. } = self;
        match has_place {
            true => self.fork_worker(pending, now),
            false => supervisor.refuse_full(pending, |at, reason| service.refusal(at, reason), now),
        }
    }

    /// Gives a client its worker, or tells it why not.
    fn fork_worker(&mut self, pending: PendingConnection, now: Instant) {
        let Hub { service, pipe, clients, channels, supervisor, .. } = self;
        let PendingConnection { client, listener, .. } = &pending;
        let keep = [pipe.as_raw_fd(), client.0.as_raw_fd()];
        let mut key = Key::default();
        let drawn = clients.draw_key(&mut key);
        let has_key = drawn.is_ok();
        let work = || {
            clients.discard_in_child();
            channels.discard_in_child();
            service.discard_in_child();
            supervisor.out.forget();
            supervisor.err.forget();
            service.serve(*listener, client, RecordPipe { pipe, key: &key })
        };
        let forked = drawn
            .and_then(|()| sys::spawn(&supervisor.signals, &keep, &mut supervisor.privileges.sandbox, work));
        // Later children inherit this stack.
        sys::wipe(&mut key);
        match forked {
            Ok(pid) => {
                supervisor.fork_succeeded();
                // The system may give the pid of a reaped worker again.
                self.close_where(now, |reaped| reaped.pid == pid);
                self.add_client(pid, pending, now);
            }
            Err(reason) => {
                let may_free = has_key && supervisor.needs_process(&reason, now);
                if may_free {
                    self.free_process(pending.client.1.ip(), now);
                }
                let Hub { service, supervisor, .. } = self;
                let encode = |listener, reason: &str| service.refusal(listener, reason);
                supervisor.refuse_without_process(pending, &reason, encode, now);
            }
        }
    }

    /// Closes a connection that its client has left, or else disconnects one outside the room.
    fn free_descriptor(&mut self, now: Instant) {
        match self.clients.departures.evict() {
            true => self.supervisor.resume(now),
            false => self.make_room_outside(None),
        }
    }

    fn add_client(&mut self, pid: Pid, admitted: PendingConnection, now: Instant) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        let PendingConnection { client, listener, .. } = admitted;
        let mut connection = Connection::new(pid, client);
        let mut context = Context { peers: clients.all(), channels, supervisor, now, gives_way: None };
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

    /// Reaps all ended workers, whether they have reported their end or not, and kills those that
    /// reported and live on: a stopped worker, or one that was taken over.
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
        self.clients.kill_leaving();
    }

    /// Marks workers reaped. Their last records may still be in the pipe: a worker may write and
    /// end between the hub's read of the pipe and its wait.
    pub(super) fn finish_reaped(&mut self, reaped: Few<(Pid, Ended)>, now: Instant) {
        let written = self.bytes_read + self.pipe_capacity() as u64;
        for (pid, ended) in reaped {
            self.clients.mark_reaped(pid);
            self.reaped.push(Reaped { pid, ended, written });
        }
        self.close_reaped(now);
    }

    /// Closes the connections of reaped workers once all their records have been read: the pipe was
    /// found empty since, or so much was read as it held. It is read no faster for them than for
    /// the others, which may have written first.
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
        let (address, channel) = (connection.peer.address(), connection.leave_channel(channels));
        // Outside the room, the address of a proxy stands for many clients.
        let mut listeners = 0..supervisor.listeners.len();
        let is_proxys = channel.is_none() && listeners.any(|listener| service.is_proxy(listener, address));
        if !is_proxys {
            supervisor.child_ended(address.ip(), ended.is_crash() || connection.worker_killed, now);
        }
        let mut context = Context { peers: clients.all(), channels, supervisor, now, gives_way: None };
        let last_words = service.on_disconnect(&connection, client, ended, &mut context);
        self.depart(connection, channel, last_words, now);
    }

    /// Sends a client what is left for it in its channel, then `last_words`, and closes. One that
    /// was disconnected is sent the last words of that alone.
    pub(super) fn depart(
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
}
