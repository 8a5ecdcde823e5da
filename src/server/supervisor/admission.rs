//! Limits on connections, before a child is forked: admits, keeps waiting, refuses.

use std::fmt::Display;
use std::io;
use std::net::IpAddr;
use std::time::Instant;

use super::Supervisor;
use super::shortage::Shortage;
use crate::server::options::MAX_BACKLOG;
use crate::server::startup::fitting_sockets;
use crate::server::waiting::{PendingConnection, Refusal};

impl Supervisor {
    /// Lowers `--max-clients` to the descriptors that a server has which holds all of its clients'
    /// sockets. `limit`: RLIMIT_NOFILE.
    pub fn fit_descriptors(&mut self, limit: u64) {
        let fitting = fitting_sockets(limit).max(1);
        if fitting < self.max_clients {
            self.max_clients = fitting;
            self.err.line(self.messages.descriptor_limit_is_low(limit, fitting));
        }
    }

    /// Returns the client unless its address has to wait for its crashes. Call before any client
    /// gives way to it. A reason is encoded by `encode` for the client's listener.
    pub fn check_penalty(
        &mut self,
        pending: PendingConnection,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) -> Option<PendingConnection> {
        let (_, peer) = pending.client;
        let Some(reason) = self.penalty(peer.ip(), peer, now) else { return Some(pending) };
        self.turn_away(pending, &reason, encode, now);
        None
    }

    /// The reason to refuse a client of an address that has to wait, logged as one of `peer`.
    pub fn penalty(&mut self, address: IpAddr, peer: impl Display, now: Instant) -> Option<String> {
        let penalty = self.penalties.as_mut()?.refuse(address, now)?;
        // Rate limit: the 1st, 2nd, 4th, 8th, ... is logged.
        if penalty.refused.is_power_of_two() {
            self.err.line(self.messages.refused_penalty(peer, penalty.left));
        }
        Some(self.messages.your_address_has_to_wait(penalty.left))
    }

    /// Counts the end of a client's child against its address, if it is a crash.
    pub fn child_ended(&mut self, address: IpAddr, is_crash: bool, now: Instant) {
        if let Some(penalties) = self.penalties.as_mut().filter(|_| is_crash) {
            penalties.crash(address, now);
        }
    }

    /// Returns the client if its address has a place left: `count` gives the clients of an address.
    /// Otherwise keeps it for its grace period, or refuses it.
    pub fn check_address(
        &mut self,
        pending: PendingConnection,
        count: impl FnOnce(IpAddr) -> usize,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) -> Option<PendingConnection> {
        let peer = pending.client.1;
        let Some(most) = self.max_per_address.filter(|&most| count(peer.ip()) >= most) else {
            return Some(pending);
        };
        let log = self.messages.refused_address(peer, most);
        let reason = self.messages.too_many_from_your_address(most);
        self.keep_waiting(pending, Refusal { log, reason }, encode, now);
        None
    }

    /// Refuses a client for which there is no place.
    pub fn refuse_full(
        &mut self,
        pending: PendingConnection,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) {
        self.err.line(self.messages.refused_full(pending.client.1, self.max_clients));
        self.turn_away(pending, &self.messages.room_is_full(self.max_clients), encode, now);
    }

    /// True where a client is to give its process to a newcomer: fork has failed for this reason.
    pub fn needs_process(&self, reason: &io::Error, now: Instant) -> bool {
        let is_short = [Some(libc::EAGAIN), Some(libc::ENOMEM)].contains(&reason.raw_os_error());
        is_short && self.shortage.needs_process(now)
    }

    /// A client has given its process to a newcomer.
    pub fn process_freed(&mut self, now: Instant) {
        self.shortage.process_freed(now);
    }

    pub fn fork_succeeded(&mut self) {
        self.shortage = Shortage::default();
    }

    /// Refuses a client after a failed fork, or keeps it for its grace period while the process of
    /// another one ends.
    pub fn refuse_without_process(
        &mut self,
        pending: PendingConnection,
        reason: &io::Error,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) {
        let log = self.messages.fork_failed(pending.client.1, reason);
        let refusal = Refusal { log, reason: self.messages.no_process_for_you().to_string() };
        match pending.has_waited() || self.shortage.is_under_way(now) {
            true => self.keep_waiting(pending, refusal, encode, now),
            false => self.refuse(pending, &refusal, encode, now),
        }
    }

    /// Takes the waiting connections to try again, oldest first.
    pub fn retry_waiting(&mut self, now: Instant) -> Vec<PendingConnection> {
        self.waiting.retry(now)
    }

    /// Takes no more clients, as the server ends: refuses those in their grace period, and closes
    /// those that were not accepted yet, which the system would reset.
    pub fn stop_accepting(&mut self, encode: impl Fn(usize, &str) -> Vec<u8>, now: Instant) {
        self.lingering.lift_limit();
        for mut listener in std::mem::take(&mut self.listeners) {
            // Linux holds one more than the backlog. More may come meanwhile, without end.
            for _ in 0..=MAX_BACKLOG {
                let Ok(Some((socket, _))) = listener.accept(now) else { break };
                self.lingering.add(socket, Vec::new(), now);
            }
        }
        for (pending, refusal) in self.waiting.take_all() {
            self.refuse(pending, &refusal, &encode, now);
        }
    }

    fn keep_waiting(
        &mut self,
        pending: PendingConnection,
        refusal: Refusal,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) {
        if let Some((refused, refusal)) = self.waiting.add(pending, refusal, now) {
            self.refuse(refused, &refusal, encode, now);
        }
    }

    fn refuse(
        &mut self,
        pending: PendingConnection,
        Refusal { log, reason }: &Refusal,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) {
        self.err.line(log);
        self.turn_away(pending, reason, encode, now);
    }

    fn turn_away(
        &mut self,
        pending: PendingConnection,
        reason: &str,
        encode: impl Fn(usize, &str) -> Vec<u8>,
        now: Instant,
    ) {
        let reason = self.program.says(reason);
        let answer = encode(pending.listener, &reason);
        self.lingering.refuse(pending.client.0, reason, answer, now);
    }
}
