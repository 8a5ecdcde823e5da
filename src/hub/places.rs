//! Fairness: when places run out, a client of the address that has the most gives way, never a
//! stranger.

use std::net::IpAddr;
use std::time::SystemTime;

use super::connection::Connection;
use super::event_loop::Hub;
use super::service::Service;
use crate::server::{oldest_of_heaviest, source};
use crate::sys::Pid;

/// Connections outside the room, which take no place in it: browsers that have asked for nothing
/// yet, or are being answered. Beyond this number, the oldest of the heaviest source gives way.
const MAX_OUTSIDE: usize = 128;

/// Candidates in the order in which they connected.
type Pool = Vec<(SystemTime, Pid, IpAddr, bool)>;

impl<S: Service> Hub<S> {
    /// Clients in the room, as `--max-clients` counts them: exact where the room may be full.
    pub(super) fn present(&self) -> usize {
        match self.clients.len() {
            few if few < self.supervisor.max_clients => few,
            _ => self.clients.connections().filter(|connection| is_inside(connection)).count(),
        }
    }

    /// In a full room, makes the oldest client that has said nothing give its place to a newcomer
    /// whose source has at least two clients less. True if one does.
    pub(super) fn make_place(&mut self, newcomer: IpAddr) -> bool {
        let (pool, newcomer) = (self.pool(is_inside), source(newcomer));
        let sources: Vec<IpAddr> = pool.iter().map(|&(_, _, source, _)| source).collect();
        let own = sources.iter().filter(|&&source| source == newcomer).count();
        let is_silent = |at: usize| !pool[at].3;
        let Some((at, weight)) = oldest_of_heaviest(&sources, is_silent) else { return false };
        let gives_way = weight > own + 1;
        if gives_way {
            let messages = self.supervisor.messages;
            self.dismiss(pool[at].1, messages.place_is_given());
            if let Some((connection, _)) = self.clients.get_mut(pool[at].1) {
                self.supervisor.err.line(messages.gave_its_place(connection.peer));
            }
        }
        gives_way
    }

    /// Makes one connection outside the room give way where there are too many with that of a
    /// newcomer, or, without one, at all.
    pub(super) fn make_room_outside(&mut self, newcomer: Option<IpAddr>) {
        let pool = self.pool(|connection| connection.channel.is_none() && connection.is_open());
        let outside = pool.len();
        let mut sources: Vec<IpAddr> = pool.iter().map(|&(_, _, source, _)| source).collect();
        sources.extend(newcomer.map(source));
        if newcomer.is_none() || outside >= MAX_OUTSIDE {
            let oldest = oldest_of_heaviest(&sources, |at| at < outside);
            if let Some((at, _)) = oldest {
                self.dismiss(pool[at].1, self.supervisor.messages.too_many_without_request());
            }
        }
    }

    fn pool(&self, is_member: impl Fn(&Connection) -> bool) -> Pool {
        let members = self.clients.connections().filter(|connection| is_member(connection));
        let member = |one: &Connection| (one.since, one.pid, source(one.peer.ip()), one.has_spoken);
        let mut pool: Pool = members.map(member).collect();
        pool.sort_unstable_by_key(|&(since, pid, ..)| (since, pid));
        pool
    }

    fn dismiss(&mut self, pid: Pid, reason: &str) {
        let Hub { service, clients, channels, .. } = self;
        let Some((connection, client)) = clients.get_mut(pid) else { return };
        let unsent = connection.channel.map(|id| connection.unsent_messages(&channels[id]));
        let last_words = service.dismissal(connection, client, reason, unsent.unwrap_or_default());
        connection.disconnect(last_words);
    }
}

fn is_inside(connection: &Connection) -> bool {
    connection.channel.is_some() && connection.is_open()
}
