//! A pair with its two sockets, within the poll loop of the process that serves it.

use std::fmt::Display;
use std::net::TcpStream;
use std::time::Instant;

use super::EXIT;
use super::connection::{Connection, Disconnect};
use super::messages;
use super::pair::{Item, Pair, Side};
use crate::server::{LingeringCloses, Output};
use crate::sys::{self, PollFd};

#[derive(Debug, Default)]
pub struct PairSession {
    /// Names the serving process, in front of each line.
    mark: String,
    pair: Pair,
    connections: [Option<Connection>; 2],
    /// Sockets of clients that left since the last [`PairSession::advance`], and their last bytes.
    left: Vec<(TcpStream, Vec<u8>)>,
}

impl PairSession {
    pub fn new(mark: String) -> PairSession {
        PairSession { mark, ..PairSession::default() }
    }

    pub fn line(&self, out: &mut Output, line: impl Display) {
        out.line(format_args!("{} {line}", self.mark));
    }

    pub fn client_count(&self) -> usize {
        self.connections.iter().flatten().count()
    }

    /// Gives a client the free place. Must not be called on a full pair, which would close it.
    pub fn join(&mut self, connection: Connection, out: &mut Output) {
        let Some(side) = self.pair.free() else { return };
        let has_begun = self.pair.turn.is_some();
        self.line(out, messages::joined(side, connection.peer, has_begun));
        let items = self.pair.join(side);
        self.connections[side.index()] = Some(connection);
        if !has_begun && self.pair.turn.is_some() {
            self.line(out, messages::BEGINS);
        }
        self.print_turn(out);
        self.queue(items);
    }

    /// Receives one message at most, sends what is due, notices clients that left. Returns their
    /// sockets and last bytes: to be closed once the freed places are known everywhere, since a
    /// peer that sees the close may connect again at once.
    pub fn advance(&mut self, out: &mut Output, now: Instant) -> Vec<(TcpStream, Vec<u8>)> {
        let speaker = self.pair.speaker();
        for side in Side::BOTH {
            let Some(connection) = &mut self.connections[side.index()] else { continue };
            match connection.receive(speaker == Some(side), now) {
                Ok(Some(text)) => {
                    messages::relayed(side, &text).iter().for_each(|line| self.line(out, line));
                    let item = self.pair.receive(text);
                    self.queue(item);
                    self.print_turn(out);
                }
                Ok(None) => {}
                Err(reason) => {
                    self.disconnect(side, &reason, out);
                    if let Disconnect::Fin = reason {
                        self.print_turn(out);
                    }
                }
            }
        }
        for side in Side::BOTH {
            let Some(connection) = &mut self.connections[side.index()] else { continue };
            if let Err(reason) = connection.send(now) {
                self.disconnect(side, &reason, out);
            }
        }
        std::mem::take(&mut self.left)
    }

    pub fn watch(&self, now: Instant) -> impl Iterator<Item = PollFd<'_>> {
        let speaker = self.pair.speaker();
        let connections = Side::BOTH.into_iter().zip(&self.connections);
        connections.filter_map(move |(side, client)| Some(client.as_ref()?.watch(speaker == Some(side), now)))
    }

    pub fn due(&self) -> Option<Instant> {
        self.connections.iter().flatten().filter_map(Connection::due).min()
    }

    /// Relays a message without an end that the speaker has sent. Then sends both `exit`, after the
    /// pause that follows an opening item.
    pub fn close(&mut self, out: &mut Output, lingering: &mut LingeringCloses) {
        let now = Instant::now();
        for connection in self.connections.iter_mut().flatten() {
            connection.hold_no_longer(now);
        }
        for (socket, last_words) in self.advance(out, now) {
            lingering.add(socket, last_words, now);
        }
        let connections = self.connections.iter().flatten();
        let quiet_until = connections.filter_map(|connection| connection.queue.quiet_until).max();
        let left = || quiet_until?.checked_duration_since(Instant::now());
        // Nothing is polled; a signal only interrupts the wait.
        while left().is_some_and(|left| sys::wait(&mut [], Some(left)).is_ok()) {}
        for Connection { socket, queue, .. } in self.connections.iter_mut().filter_map(Option::take) {
            lingering.add(socket, [&queue.rest()[..], EXIT].concat(), Instant::now());
        }
        self.pair = Pair::default();
    }

    fn queue(&mut self, items: impl IntoIterator<Item = (Side, Item)>) {
        for (side, item) in items {
            if let Some(connection) = &mut self.connections[side.index()] {
                connection.queue.items.push_back(item);
            }
        }
    }

    fn disconnect(&mut self, side: Side, reason: &Disconnect, out: &mut Output) {
        let Some(Connection { socket, peer, .. }) = self.connections[side.index()].take() else { return };
        self.left.push((socket, messages::last_words(reason)));
        let had_begun = self.pair.turn.is_some();
        self.pair.leave(side);
        self.line(out, messages::left(side, peer, reason));
        if had_begun && self.pair.turn.is_none() {
            self.line(out, messages::STARTS_ANEW);
        }
    }

    /// Prints nothing before both have joined.
    fn print_turn(&self, out: &mut Output) {
        if let Some(side) = self.pair.turn {
            self.line(out, messages::turn(side, self.connections[side.index()].is_some()));
        }
    }
}
