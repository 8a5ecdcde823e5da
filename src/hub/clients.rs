//! The roster: the clients that are in, found by their children's numbers.

use std::mem::ManuallyDrop;

use super::connection::Connection;
use crate::sys::{Pid, discard_in_child, dontfork_vec};

/// All clients.
#[derive(Debug)]
pub struct ClientTable {
    /// In no order, side by side, since each message writes to every cursor. Not dropped implicitly: a child gives the block
    /// back without closing sockets, which in a child it does not own.
    clients: Vec<ManuallyDrop<Connection>>,
    /// Where each is, ordered by number: in a large room, a newcomer moves these few bytes of the others and not their cursors.
    places: Vec<(Pid, u32)>,
}

/// Nobody.
impl Default for ClientTable {
    fn default() -> ClientTable {
        ClientTable { clients: dontfork_vec(), places: dontfork_vec() }
    }
}

impl ClientTable {
    /// How many there are.
    pub fn len(&self) -> usize {
        self.clients.len()
    }

    /// True when nobody is in.
    pub fn is_empty(&self) -> bool {
        self.clients.is_empty()
    }

    /// Everybody.
    pub fn iter(&self) -> impl Iterator<Item = &Connection> {
        self.clients.iter().map(|client| &**client)
    }

    /// Everybody, to be changed.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut Connection> {
        self.clients.iter_mut().map(|client| &mut **client)
    }

    /// The children's numbers, in their order.
    pub fn pids(&self) -> Vec<Pid> {
        self.places.iter().map(|&(pid, _)| pid).collect()
    }

    /// The client that `pid` serves.
    pub fn get(&self, pid: Pid) -> Option<&Connection> {
        Some(&self.clients[self.place_of(pid)?])
    }

    /// The same, to be changed.
    pub fn get_mut(&mut self, pid: Pid) -> Option<&mut Connection> {
        let place = self.place_of(pid)?;
        Some(&mut self.clients[place])
    }

    /// Puts a client in.
    pub fn insert(&mut self, client: Connection) {
        let place = (client.pid, self.clients.len() as u32);
        let (Ok(at) | Err(at)) = self.search(client.pid);
        self.places.insert(at, place);
        self.clients.push(ManuallyDrop::new(client));
    }

    /// Takes a client out.
    pub fn remove(&mut self, pid: Pid) -> Option<Connection> {
        let (_, place) = self.places.remove(self.search(pid).ok()?);
        let client = ManuallyDrop::into_inner(self.clients.swap_remove(place as usize));
        // The last one is in its place now.
        if let Some(moved) = self.clients.get(place as usize).map(|moved| moved.pid)
            && let Ok(at) = self.search(moved)
        {
            self.places[at].1 = place;
        }
        Some(client)
    }

    /// Gives the memory back, in a child, which has no use for it.
    pub fn forget(&mut self) {
        discard_in_child(&mut self.clients);
        discard_in_child(&mut self.places);
    }

    fn place_of(&self, pid: Pid) -> Option<usize> {
        self.search(pid).ok().map(|at| self.places[at].1 as usize)
    }

    fn search(&self, pid: Pid) -> Result<usize, usize> {
        self.places.binary_search_by_key(&pid, |&(pid, _)| pid)
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
        fn whoever_comes_and_goes_each_is_found_under_its_own_number(steps in prop::collection::vec(1i32..20, 1..60)) {
            let listener = TcpListener::bind("127.0.0.1:0").unwrap();
            let stream = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
            let (mut roster, mut present) = (ClientTable::default(), std::collections::BTreeSet::new());
            for number in steps {
                let pid = Pid::from_raw(number);
                if present.remove(&number) {
                    prop_assert_eq!(roster.remove(pid).map(|client| client.pid), Some(pid));
                } else {
                    let client = (stream.try_clone().unwrap(), listener.local_addr().unwrap());
                    roster.insert(Connection::new(pid, client, 0, 0, 0));
                    present.insert(number);
                }
                prop_assert_eq!(roster.remove(Pid::from_raw(99)).is_none(), true);
                let numbers: Vec<i32> = roster.pids().iter().map(|pid| pid.as_raw()).collect();
                prop_assert!(numbers.iter().eq(&present) && roster.len() == present.len());
                for number in 1..20 {
                    let found = roster.get(Pid::from_raw(number)).map(|client| client.pid.as_raw());
                    prop_assert_eq!(found, present.contains(&number).then_some(number));
                }
            }
        }
    }
}
