//! Fairness: when places run out, a client of the address that has the most gives way, never a
//! stranger.

use std::net::IpAddr;
use std::time::Instant;

use super::clients::{ClientTable, Peers};
use super::connection::Connection;
use super::event_loop::Hub;
use super::message_log::Channels;
use super::service::Service;
use crate::server::{Occupant, Supervisor, gives_way, oldest_of_heaviest, source};
use crate::sys::Pid;

/// Connections outside the room, which take no place in it: browsers that have asked for nothing
/// yet, or are being answered. Beyond this number, the oldest of the heaviest source gives way.
const MAX_OUTSIDE: usize = 128;

impl<C> Peers<'_, C> {
    /// Clients in the room, as `--max-clients` counts them.
    pub fn present(&self) -> usize {
        self.connections().filter(|connection| is_inside(connection)).count()
    }

    /// The client that would give its place in a full room to a newcomer: see [`gives_way`].
    pub fn gives_way_to(&self, newcomer: IpAddr, now: Instant) -> Option<Pid> {
        let inside = self.connections().filter(|connection| is_inside(connection));
        gives_way(inside.map(occupant).collect(), newcomer, now)
    }
}

impl<S: Service> Hub<S> {
    /// Clients in the room: exact where it may be full.
    pub(super) fn present(&self) -> usize {
        match self.clients.len() {
            few if few < self.supervisor.max_clients => few,
            _ => self.clients.all().present(),
        }
    }

    /// Makes a client give its place to a newcomer. True if one does.
    pub(super) fn make_place(&mut self, newcomer: IpAddr, now: Instant) -> bool {
        let gives_way = self.clients.all().gives_way_to(newcomer, now);
        self.give(gives_way, now)
    }

    /// As [`Hub::make_place`], for the process of any client, in the room or not: free once reaped.
    pub(super) fn free_process(&mut self, newcomer: IpAddr, now: Instant) {
        let served = self.clients.connections().filter(|connection| connection.is_served());
        let gives_way = gives_way(served.map(occupant).collect(), newcomer, now);
        self.give(gives_way, now);
    }

    fn give(&mut self, gives_way: Option<Pid>, now: Instant) -> bool {
        let Some(pid) = gives_way else { return false };
        let Hub { service, clients, channels, supervisor, .. } = self;
        give_place(pid, service, clients, channels, supervisor);
        supervisor.process_freed(now);
        true
    }

    /// Makes one connection outside the room give way where there are too many with that of a
    /// newcomer, or, without one, at all.
    pub(super) fn make_room_outside(&mut self, newcomer: Option<IpAddr>) {
        let Hub { service, clients, channels, supervisor, .. } = self;
        let is_outside = |one: &&Connection| one.channel.is_none() && one.is_served();
        let mut outside: Vec<Occupant<Pid>> =
            clients.connections().filter(is_outside).map(occupant).collect();
        outside.sort_unstable_by_key(|one| (one.silence, one.id));
        let mut sources: Vec<IpAddr> = outside.iter().map(|one| one.source).collect();
        sources.extend(newcomer.map(source));
        let has_room = newcomer.is_some() && outside.len() < MAX_OUTSIDE;
        let oldest = oldest_of_heaviest(&sources, |at| !has_room && at < outside.len());
        if let Some(at) = oldest {
            let reason = supervisor.messages.too_many_without_request();
            dismiss(outside[at].id, reason, service, clients, channels);
        }
    }
}

/// Disconnects a client that gives its place to another.
pub(super) fn give_place<S: Service>(
    pid: Pid,
    service: &S,
    clients: &mut ClientTable<S::Client>,
    channels: &Channels,
    supervisor: &mut Supervisor,
) {
    let messages = supervisor.messages;
    dismiss(pid, messages.place_is_given(), service, clients, channels);
    if let Some((connection, _)) = clients.get_mut(pid) {
        supervisor.err.line(messages.gave_its_place(connection.peer));
    }
}

fn dismiss<S: Service>(
    pid: Pid,
    reason: &str,
    service: &S,
    clients: &mut ClientTable<S::Client>,
    channels: &Channels,
) {
    let Some((connection, client)) = clients.get_mut(pid) else { return };
    let unsent = connection.channel.map(|id| connection.unsent_messages(&channels[id]));
    let last_words = service.dismissal(connection, client, reason, unsent.unwrap_or_default());
    connection.disconnect(last_words);
}

fn occupant(connection: &Connection) -> Occupant<Pid> {
    let Connection { pid, peer, silence, .. } = *connection;
    Occupant { id: pid, source: source(peer.ip()), silence }
}

fn is_inside(connection: &Connection) -> bool {
    connection.channel.is_some() && connection.is_served()
}
