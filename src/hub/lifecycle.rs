//! A client's life: accept, fork a worker, join; then reap the worker and close the connection.
//! Every end goes this way: an orderly leave, a reset, a crashed worker, the server's disconnect.

use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::fd::AsRawFd;
use std::time::{Duration, Instant};

use anyhow::Context as _;

use super::connection::Connection;
use super::event_loop::{Few, Hub, send_released};
use super::record_reader::CAPACITY;
use super::service::{Context, Service};
use crate::server::{ACCEPTED_AT_ONCE, PendingConnection};
use crate::sys::{self, Ended, Pid};

/// Time that a worker that ended without a report may go unnoticed beside others that reported.
const REAP_ALL_AFTER: Duration = Duration::from_millis(100);

/// Connections of one address that may stay outside the room without counting against
/// `--max-per-address`: browsers open connections before they need them, and keep them a while.
const OUTSIDE_PER_ADDRESS: usize = 8;

impl<S: Service> Hub<S> {
    pub(super) fn accept(&mut self, listener: usize, now: Instant) {
        self.admit_waiting(now);
        for _ in 0..ACCEPTED_AT_ONCE {
            let Some(pending) = self.supervisor.accept(listener, now) else { break };
            self.admit(pending, now);
        }
    }

    /// Admits or refuses connections that wait for another of their address to close.
    pub(super) fn admit_waiting(&mut self, now: Instant) {
        for pending in self.supervisor.retry_waiting(now) {
            self.admit(pending, now);
        }
    }

    fn admit(&mut self, pending: PendingConnection, now: Instant) {
        let Hub { service, clients, supervisor, .. } = self;
        let listener = pending.listener;
        let encode = |reason: &str| service.refusal(listener, reason);
        // Connections of an address as `--max-per-address` counts them.
        let count = |address| {
            if service.is_proxy(listener, address) {
                return 0;
            }
            let (inside, outside) = clients.all().count_from(address);
            inside + outside.saturating_sub(OUTSIDE_PER_ADDRESS)
        };
        if let Some(accepted) = supervisor.admit(pending, clients.len(), count, encode, now) {
            self.fork_worker(accepted, listener, now);
        }
    }

    /// Gives a client its worker, or tells it why not.
    fn fork_worker(&mut self, accepted: (TcpStream, SocketAddr), listener: usize, now: Instant) {
        let Hub { service, pipe, reader, clients, channels, supervisor, .. } = self;
        let keep = [pipe.as_raw_fd(), accepted.0.as_raw_fd()];
        let forked = sys::spawn(&supervisor.signals, &keep, &supervisor.privileges.sandbox, || {
            reader.discard_in_child();
            clients.discard_in_child();
            channels.discard_in_child();
            service.discard_in_child();
            supervisor.out.forget();
            supervisor.err.forget();
            service.serve(listener, &accepted, pipe)
        });
        match forked {
            Ok(pid) => self.add_client(pid, accepted, listener, now),
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
    pub(super) fn reap(&mut self, now: Instant) -> anyhow::Result<()> {
        let mut reaped = Few::new();
        for &pid in &self.clients.leaving {
            if let Some(ended) = sys::reap_ended(pid).context("waitpid")? {
                reaped.push((pid, ended));
            }
        }
        if reaped.is_empty() {
            return self.reap_all(now);
        }
        self.reap_all_at = self.reap_all_at.or(Some(now + REAP_ALL_AFTER));
        self.finish_reaped(reaped, now);
        Ok(())
    }

    /// Reaps all ended workers, whether they have reported their end or not.
    pub(super) fn reap_all(&mut self, now: Instant) -> anyhow::Result<()> {
        self.reap_all_at = None;
        let mut reaped = Few::new();
        while let Some(child) = sys::reap_one().context("waitpid")? {
            reaped.push(child);
        }
        self.finish_reaped(reaped, now);
        Ok(())
    }

    /// Reads what ended workers wrote, then closes their connections: in this order, since a worker
    /// may write its last record and end between the hub's read of the pipe and its wait.
    fn finish_reaped(&mut self, reaped: Few<(Pid, Ended)>, now: Instant) {
        reaped.iter().for_each(|&(pid, _)| self.mark_reaped(pid));
        self.drain_pipe(now);
        self.service.before_send(&mut self.supervisor);
        for (pid, ended) in reaped {
            self.close_connection(pid, ended, now);
        }
        self.supervisor.resume(now);
    }

    /// Marks a worker reaped. Call before reading the pipe: a record may be a reason to disconnect,
    /// which must not signal a pid that was reaped.
    pub(super) fn mark_reaped(&mut self, pid: Pid) {
        if let Some((connection, _)) = self.clients.get_mut(pid) {
            connection.is_reaped = true;
        }
    }

    fn close_connection(&mut self, pid: Pid, ended: Ended, now: Instant) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        let Some((mut connection, client)) = clients.remove(pid) else { return };
        let unsent = connection.unsent(channels);
        connection.leave_channel(channels);
        let mut context = Context { peers: clients.all(), channels, supervisor, now };
        let last_words = service.on_disconnect(&connection, client, ended, &mut context);
        let last_words = connection.last_words.take().unwrap_or_else(|| [unsent, last_words].concat());
        if connection.left == Some(0) && last_words.is_empty() {
            // The client has ended its side and received all: there is no unread input for which
            // `close` would reset the connection.
            return;
        }
        self.supervisor.lingering.add(connection.socket, last_words, now);
    }

    /// Reads what is in the pipe now; what is written meanwhile may wait.
    pub(super) fn drain_pipe(&mut self, now: Instant) {
        self.read_pipe(sys::pipe_capacity(&self.reader.pipe).max(CAPACITY), now);
    }

    /// Ends all workers and connections. Each client gets the earlier messages that it takes at
    /// once.
    pub(super) fn close(&mut self) {
        let now = Instant::now();
        if let Some(signal) = self.supervisor.stop {
            let line = self.supervisor.messages.stopping(signal, self.channels.readers());
            self.supervisor.out.line(line);
        }
        for pid in self.clients.pids() {
            sys::kill_and_reap(pid);
            self.mark_reaped(pid);
        }
        self.drain_pipe(now);
        self.service.before_send(&mut self.supervisor);
        self.channels.all.iter_mut().for_each(|channel| channel.pacer.release_all());
        send_released(&mut self.clients, &mut self.channels, &mut self.backpressure, now, |_, _| ());
        for pid in self.clients.pids() {
            let Some((connection, client)) = self.clients.remove(pid) else { continue };
            if connection.unsent(&self.channels).is_empty() && !connection.is_closed {
                // As much of it as goes at once.
                let _ = sys::try_send(&connection.socket, &self.service.stopping(&client));
            }
            // It fails only when the connection is gone already.
            let _ = connection.socket.shutdown(Shutdown::Both);
        }
        self.supervisor.flush();
    }
}
