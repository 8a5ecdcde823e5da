//! Sends released messages to all clients: one walk along the cursors, one `send` each.

use std::collections::BTreeMap;
use std::net::IpAddr;
use std::os::fd::RawFd;
use std::time::Instant;

use super::backpressure::Backpressure;
use super::clients::ClientTable;
use super::connection::Connection;
use super::message_log::{Channel, Channels};
use crate::server::source;
use crate::sys::Pid;

/// Releases what may leave now and sends it to each client that can take it. Tells `sent` how many
/// bytes went to which descriptor. Returns the clients that are too far behind.
pub(super) fn fan_out<C>(
    clients: &mut ClientTable<C>,
    channels: &mut Channels,
    backpressure: &mut Backpressure,
    now: Instant,
    mut sent: impl FnMut(RawFd, usize),
) -> Vec<Pid> {
    channels.all.iter_mut().for_each(|channel| channel.pacer.release(now));
    if channels.all.iter().any(Channel::has_news) || clients.any_writable {
        return send_released(clients, channels, backpressure, now, sent);
    }
    // Private notices alone need no walk along all clients: a flood of pings stays cheap.
    while let Some(pid) = channels.notified.pop() {
        if let Some((connection, _)) = clients.get_mut(pid)
            && connection.blocked_since.is_none()
        {
            send(connection, channels, now, &mut sent);
            let (is_blocked, is_starved) = (connection.blocked_since.is_some(), connection.take_starved());
            clients.any_blocked |= is_blocked;
            clients.starved += usize::from(is_starved);
        }
    }
    Vec::new()
}

fn send_released<C>(
    clients: &mut ClientTable<C>,
    channels: &mut Channels,
    backpressure: &mut Backpressure,
    now: Instant,
    mut sent: impl FnMut(RawFd, usize),
) -> Vec<Pid> {
    let (mut slow_readers, mut any_blocked, mut starved) = (Vec::new(), false, 0);
    channels.notified.clear();
    channels.all.iter_mut().for_each(|channel| channel.needed = channel.pacer.released);
    backpressure.begin_round();
    clients.departures.hold(channels, backpressure);
    for connection in clients.connections_mut() {
        let Some(id) = connection.channel else { continue };
        if connection.blocked_since.is_none() || std::mem::take(&mut connection.is_writable) {
            send(connection, channels, now, &mut sent);
            starved += usize::from(connection.take_starved());
        }
        any_blocked |= connection.blocked_since.is_some();
        let channel = &mut channels[id];
        if backpressure.is_too_slow(connection, channel, now) {
            slow_readers.push(connection.pid);
        }
        if !connection.is_closed {
            channel.needed = channel.needed.min(connection.cursor);
        }
    }
    if slow_readers.is_empty() && backpressure.is_over_budget(channels) && !clients.departures.evict() {
        slow_readers.extend(farthest_behind(clients, channels));
    }
    let ended = Instant::now();
    channels.all.iter_mut().for_each(|channel| channel.end_round(now, ended));
    (clients.any_blocked, clients.any_writable) = (any_blocked, false);
    clients.starved += starved;
    slow_readers
}

/// Of the source that is farthest behind in all, the client that is.
fn farthest_behind<C>(clients: &ClientTable<C>, channels: &Channels) -> Option<Pid> {
    let behind =
        |one: &Connection| Some((source(one.peer.ip()), one.behind(&channels[one.channel?]), one.pid));
    let behind: Vec<(IpAddr, u64, Pid)> = clients.connections().filter_map(behind).collect();
    let mut sums = BTreeMap::new();
    behind.iter().for_each(|(source, bytes, _)| *sums.entry(source).or_insert(0) += bytes);
    behind.iter().max_by_key(|(source, bytes, _)| (sums[source], *bytes)).map(|&(_, _, pid)| pid)
}

fn send(connection: &mut Connection, channels: &Channels, now: Instant, sent: &mut impl FnMut(RawFd, usize)) {
    let Some(id) = connection.channel else { return };
    let bytes = connection.catch_up(&channels[id], now);
    if bytes > 0 {
        sent(connection.descriptor(), bytes);
    }
}

#[cfg(test)]
mod tests;
