//! A pair with its sockets: what the two say and what they are told, within the poll loop of whichever process serves them.

use std::net::TcpStream;
use std::time::Instant;

use super::EXIT;
use super::connection::{Connection, Disconnect};
use super::messages;
use super::pair::{Effect, Pair, Side};
use crate::server::{LingeringCloses, Output};
use crate::sys::{self, PollFd};

/// What the process that serves a table lends it for a turn of its loop.
pub struct Context<'a> {
    /// Where to print.
    pub out: &'a mut Output,
    /// Which process that is, in front of each line.
    pub mark: &'a str,
    /// The time of this turn.
    pub now: Instant,
}

impl Context<'_> {
    fn line(&mut self, line: impl std::fmt::Display) {
        self.out.line(format_args!("{} {line}", self.mark));
    }
}

/// Two places at which clients sit.
#[derive(Debug, Default)]
pub struct PairSession {
    pair: Pair,
    occupants: [Option<Connection>; 2],
    left: Vec<TcpStream>,
}

impl PairSession {
    /// How many of the two places are taken.
    pub fn taken(&self) -> usize {
        self.occupants.iter().flatten().count()
    }

    /// Gives a client the place that is free. Nobody is sent to a full table; whoever was would be let go.
    pub fn seat(&mut self, occupant: Connection, context: &mut Context) {
        let Some(side) = self.pair.free() else { return };
        let peer = occupant.peer();
        let has_begun = self.pair.turn().is_some();
        let effects = self.pair.join(side);
        self.occupants[side.index()] = Some(occupant);
        context.line(messages::seated(side, peer, has_begun));
        if !has_begun && self.pair.turn().is_some() {
            context.line(messages::begins());
        }
        self.tell_turn(context);
        self.carry_out(effects, context);
    }

    /// Goes on as far as is possible now: hears one message at most, tells what is to be told, looks who is still there.
    /// Returns the connections of those who left, each of which makes a place free: to be closed once that is known to all whom
    /// it concerns, since whoever sees it closed may send the next.
    pub fn advance(&mut self, context: &mut Context) -> Vec<TcpStream> {
        let speaker = self.pair.speaker();
        for side in Side::BOTH {
            let heard = self.occupant(side).map(|occupant| occupant.hear(speaker == Some(side), context.now));
            match heard {
                Some(Ok(Some(said))) => {
                    messages::said(side, &said).iter().for_each(|line| context.line(line));
                    let effects = self.pair.said(&said);
                    self.carry_out(effects, context);
                    self.tell_turn(context);
                }
                Some(Err(leave)) => self.leave(side, &leave, context),
                Some(Ok(None)) | None => {}
            }
        }
        for side in Side::BOTH {
            if let Some(Err(leave)) = self.occupant(side).map(|occupant| occupant.send(context.now)) {
                self.leave(side, &leave, context);
            }
        }
        std::mem::take(&mut self.left)
    }

    /// What to wait for.
    pub fn watch(&self, now: Instant) -> impl Iterator<Item = PollFd<'_>> {
        let speaker = self.pair.speaker();
        let occupants = Side::BOTH.into_iter().zip(&self.occupants);
        occupants
            .filter_map(move |(side, occupant)| Some(occupant.as_ref()?.watch(speaker == Some(side), now)))
    }

    /// Until when to wait at most.
    pub fn due(&self) -> Option<Instant> {
        self.occupants.iter().flatten().filter_map(Connection::due).min()
    }

    /// Ends both: each is told so, once it will not take it for the rest of what it was told just before.
    pub fn close(&mut self, lingering: &mut LingeringCloses) {
        let occupants = self.occupants.iter().flatten();
        if let Some(quiet_until) = occupants.filter_map(Connection::quiet_until).max() {
            let mut left = quiet_until.saturating_duration_since(Instant::now());
            // No event ends that time; a signal only interrupts the wait for it.
            while !left.is_zero() && sys::wait(&mut [], Some(left)).is_ok() {
                left = quiet_until.saturating_duration_since(Instant::now());
            }
        }
        for occupant in self.occupants.iter_mut().filter_map(Option::take) {
            let (socket, _, unfinished) = occupant.into_parts();
            lingering.add(socket, [&unfinished, EXIT].concat(), Instant::now());
        }
        self.pair = Pair::default();
    }

    fn occupant(&mut self, side: Side) -> Option<&mut Connection> {
        self.occupants[side.index()].as_mut()
    }

    fn carry_out(&mut self, effects: Vec<Effect>, context: &mut Context) {
        for effect in effects {
            match effect {
                Effect::Tell(side, item) => {
                    if let Some(occupant) = self.occupant(side) {
                        occupant.tell(item);
                    }
                }
                Effect::Dismiss(side) => self.leave(side, &Disconnect::Fin, context),
            }
        }
    }

    fn leave(&mut self, side: Side, leave: &Disconnect, context: &mut Context) {
        let Some(occupant) = self.occupants[side.index()].take() else { return };
        let (socket, peer, _) = occupant.into_parts();
        self.left.push(socket);
        let had_begun = self.pair.turn().is_some();
        self.pair.left(side);
        context.line(messages::left(side, peer, leave));
        if had_begun && self.pair.turn().is_none() {
            context.line(messages::starts_anew());
        }
    }

    /// Prints whose turn it is, if the two have begun.
    fn tell_turn(&mut self, context: &mut Context) {
        if let Some(side) = self.pair.turn() {
            context.line(messages::turn(side, self.occupants[side.index()].is_some()));
        }
    }
}
