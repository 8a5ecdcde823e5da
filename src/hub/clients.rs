//! All connected clients, found by the pid of their workers.

use std::io;
use std::mem::ManuallyDrop;
use std::net::IpAddr;
use std::os::fd::AsFd;
use std::time::Instant;

use super::connection::Connection;
use super::departures::Departures;
use super::keys::KeyTable;
use super::record::{Key, Record};
use crate::server::source;
use crate::sys::{self, Interest, Pid, PollFd, Signal, dontfork_vec};

type Entry<C> = (Connection, C);

#[derive(Debug)]
pub(crate) struct ClientTable<C> {
    /// In no order, side by side: each message writes to every cursor. `ManuallyDrop`, since a
    /// worker gives the memory back without closing sockets that it does not own.
    entries: Vec<ManuallyDrop<Entry<C>>>,
    /// The index of each entry, ordered by pid: an insertion moves these few bytes, not entries.
    index: Vec<(Pid, u32)>,
    /// In the order of `entries`, and behind them that of the next client.
    keys: KeyTable,
    /// Clients of workers that have reported that they end, and were not reaped.
    pub leaving: Vec<Pid>,
    /// Clients without a worker, which are sent the rest of their messages.
    pub departures: Departures,
    /// `poll` has found a blocked socket writable.
    pub any_writable: bool,
    /// A socket is full.
    pub any_blocked: bool,
    /// Clients that the system has had no memory to send to for a second, and that were not
    /// reported.
    pub starved: usize,
}

impl<C> Default for ClientTable<C> {
    fn default() -> ClientTable<C> {
        ClientTable {
            entries: dontfork_vec(),
            index: dontfork_vec(),
            keys: KeyTable::default(),
            leaving: dontfork_vec(),
            departures: Departures::default(),
            any_writable: false,
            any_blocked: false,
            starved: 0,
        }
    }
}

impl<C> ClientTable<C> {
    /// Connections, browsers outside the room included: each has a worker.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    pub fn connections(&self) -> impl Iterator<Item = &Connection> {
        self.entries.iter().map(|entry| &entry.0)
    }

    pub fn connections_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.entries.iter_mut().map(|entry| &mut entry.0)
    }

    /// In ascending order.
    pub fn pids(&self) -> Vec<Pid> {
        self.index.iter().map(|&(pid, _)| pid).collect()
    }

    pub fn get_mut(&mut self, pid: Pid) -> Option<&mut Entry<C>> {
        let at = self.position(pid)?;
        Some(&mut self.entries[at])
    }

    /// Draws the key of the next client to be inserted, and copies it to `key`. Call before its
    /// fork: its worker cannot read this table.
    pub fn draw_key(&mut self, key: &mut Key) -> io::Result<()> {
        self.keys.draw(self.entries.len(), key)
    }

    /// The client of the worker that has this key.
    pub fn owner_of(&mut self, key: &Key) -> Option<&mut Connection> {
        let at = self.keys.position(key, self.entries.len())?;
        Some(&mut self.entries[at].0)
    }

    pub fn insert(&mut self, connection: Connection, client: C) {
        let pid = connection.pid;
        self.any_blocked |= connection.blocked_since.is_some();
        let (Ok(at) | Err(at)) = self.search(pid);
        self.index.insert(at, (pid, self.entries.len() as u32));
        self.entries.push(ManuallyDrop::new((connection, client)));
    }

    pub fn remove(&mut self, pid: Pid) -> Option<Entry<C>> {
        let (_, at) = self.index.remove(self.search(pid).ok()?);
        let entry = ManuallyDrop::into_inner(self.entries.swap_remove(at as usize));
        self.keys.swap_remove(at as usize, self.entries.len());
        // The last entry took its place.
        if let Some(moved) = self.entries.get(at as usize).map(|moved| moved.0.pid)
            && let Ok(found) = self.search(moved)
        {
            self.index[found].1 = at;
        }
        self.leaving.retain(|&leaving| leaving != pid);
        Some(entry)
    }

    /// The client whose worker has this pid and this key, beside all others.
    pub fn split(&mut self, pid: Pid, key: &Key) -> Option<(&mut Connection, &mut C, Peers<'_, C>)> {
        let at = self.position(pid).filter(|&at| self.keys.is(at, key))?;
        let (before, rest) = self.entries.split_at_mut(at);
        let (entry, after) = rest.split_first_mut()?;
        let (connection, client) = &mut **entry;
        Some((connection, client, Peers { before, after, index: &self.index }))
    }

    pub fn all(&self) -> Peers<'_, C> {
        Peers { before: &self.entries, after: &[], index: &self.index }
    }

    /// Takes a worker's report that its client has left. The worker ends by itself: see
    /// [`ClientTable::kill_leaving`].
    pub fn note_left(&mut self, record: &Record) {
        let Some((connection, _)) = self.get_mut(record.pid) else { return };
        connection.left = record.body.try_into().ok().map(i32::from_ne_bytes);
        if !connection.is_reaped {
            self.leaving.push(record.pid);
        }
    }

    /// Kills the workers that have reported their end and live on.
    pub fn kill_leaving(&self) {
        self.leaving.iter().for_each(|&pid| sys::kill(pid, Signal::SIGKILL));
    }

    /// The full sockets, to be polled until they take bytes again, but for those that back off.
    /// Sockets that are not full are not polled: an idle room of a thousand costs `poll` nothing.
    pub fn blocked(&self, now: Instant) -> impl Iterator<Item = (Pid, PollFd<'_>)> {
        let blocked = self.blocked_connections().filter(move |connection| !connection.backs_off(now));
        blocked.map(|connection| (connection.pid, sys::watch(connection.socket.as_fd(), Interest::Write)))
    }

    pub fn due(&self, now: Instant) -> Option<Instant> {
        let waiting = self.blocked_connections().filter(|connection| connection.backs_off(now));
        waiting.filter_map(|connection| connection.retry_at).chain(self.departures.due(now)).min()
    }

    /// Marks a worker reaped. A record may be a reason to disconnect, which must not signal a pid
    /// that was reaped.
    pub fn mark_reaped(&mut self, pid: Pid) {
        self.leaving.retain(|&leaving| leaving != pid);
        if let Some((connection, _)) = self.get_mut(pid) {
            connection.is_reaped = true;
        }
    }

    /// True if a worker that runs holds a message for its rest.
    pub fn has_held(&self) -> bool {
        self.connections()
            .any(|connection| connection.is_held && connection.is_open() && !connection.is_reaped)
    }

    /// Walks no table in a room where all read: a turn of the loop costs the same in a large one.
    fn blocked_connections(&self) -> impl Iterator<Item = &Connection> {
        let connections = self.any_blocked.then(|| self.connections());
        let is_blocked =
            |connection: &&Connection| connection.blocked_since.is_some() && !connection.is_closed;
        connections.into_iter().flatten().filter(is_blocked)
    }

    /// `poll` has found this socket of [`ClientTable::blocked`] writable.
    pub fn set_writable(&mut self, pid: Pid) {
        if let Some((connection, _)) = self.get_mut(pid) {
            connection.is_writable = true;
            self.any_writable = true;
        }
    }

    pub fn discard_in_child(&mut self) {
        sys::discard_in_child(&mut self.entries);
        sys::discard_in_child(&mut self.index);
        sys::discard_in_child(&mut self.leaving);
        self.departures.discard_in_child();
    }

    fn position(&self, pid: Pid) -> Option<usize> {
        self.search(pid).ok().map(|at| self.index[at].1 as usize)
    }

    fn search(&self, pid: Pid) -> Result<usize, usize> {
        self.index.binary_search_by_key(&pid, |&(pid, _)| pid)
    }
}

/// The clients beside the one that a service is handling, or all of them.
#[derive(Debug)]
pub(crate) struct Peers<'a, C> {
    before: &'a [ManuallyDrop<Entry<C>>],
    after: &'a [ManuallyDrop<Entry<C>>],
    index: &'a [(Pid, u32)],
}

impl<'a, C> Peers<'a, C> {
    pub fn get(&self, pid: Pid) -> Option<(&'a Connection, &'a C)> {
        let at = self.index.binary_search_by_key(&pid, |&(pid, _)| pid).ok()?;
        self.at(self.index[at].1 as usize)
    }

    /// By ascending pid, from the first after `pid`.
    pub fn after(&self, pid: Pid) -> impl Iterator<Item = (&'a Connection, &'a C)> {
        let from = self.index.partition_point(|&(other, _)| other <= pid);
        self.index[from..].iter().filter_map(|&(_, at)| self.at(at as usize))
    }

    fn at(&self, at: usize) -> Option<(&'a Connection, &'a C)> {
        let entry = match at.checked_sub(self.before.len()) {
            None => &self.before[at],
            // The one between the two halves is not in the view.
            Some(behind) => self.after.get(behind.checked_sub(1)?)?,
        };
        Some((&entry.0, &entry.1))
    }

    pub fn connections(&self) -> impl Iterator<Item = &'a Connection> {
        self.before.iter().chain(self.after).map(|entry| &entry.0)
    }

    /// Connections from an address's [`source()`] that are served: in the room, and browsers
    /// outside.
    pub fn count_from(&self, address: IpAddr) -> (usize, usize) {
        let from = source(address);
        let is_counted = |one: &&Connection| source(one.peer.ip()) == from && one.is_served();
        let served = self.connections().filter(is_counted);
        served.fold((0, 0), |(inside, outside), connection| match connection.channel {
            Some(_) => (inside + 1, outside),
            None => (inside, outside + 1),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::net::{TcpListener, TcpStream};

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(32))]

        #[test]
        fn clients_are_found_by_pid_after_any_joins_and_leaves(steps in prop::collection::vec(1i32..20, 1..60)) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut table, mut present) = (ClientTable::default(), std::collections::BTreeSet::new());
            let mut keys = std::collections::BTreeMap::new();
            for number in steps {
                let pid = Pid::from_raw(number);
                if present.remove(&number) {
                    prop_assert_eq!(table.remove(pid).map(|(connection, n)| (connection.pid, n)), Some((pid, number)));
                } else {
                    let client = (stream.try_clone().unwrap(), listener.local_addr().unwrap().into());
                    let mut key = [0; 8];
                    table.draw_key(&mut key).unwrap();
                    keys.insert(number, key);
                    table.insert(Connection::new(pid, client), number);
                    present.insert(number);
                }
                prop_assert!(table.remove(Pid::from_raw(99)).is_none());
                let numbers: Vec<i32> = table.pids().iter().map(|pid| pid.as_raw()).collect();
                prop_assert!(numbers.iter().eq(&present) && table.len() == present.len());
                for number in 1..20 {
                    let found = table.get_mut(Pid::from_raw(number)).map(|(connection, _)| connection.pid.as_raw());
                    prop_assert_eq!(found, present.contains(&number).then_some(number));
                    let others = |of: Peers<i32>| of.after(Pid::from_raw(0)).map(|(_, &n)| n).collect::<Vec<_>>();
                    prop_assert!(others(table.all()).iter().eq(&present));
                    let Some(key) = keys.get(&number) else { continue };
                    let split = table.split(Pid::from_raw(number), key);
                    prop_assert_eq!(split.is_some(), present.contains(&number));
                    if let Some((connection, n, peers)) = split {
                        prop_assert_eq!((connection.pid.as_raw(), *n), (number, number));
                        prop_assert!(peers.get(connection.pid).is_none());
                        prop_assert!(others(peers).iter().eq(present.iter().filter(|&&other| other != number)));
                    }
                    prop_assert!(table.split(Pid::from_raw(number), &[0; 8]).is_none());
                }
            }
        }
    }
}
