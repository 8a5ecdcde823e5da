//! A pair with its sockets: what the two say and what they are told, within the poll loop of whichever process serves them.

use std::net::TcpStream;
use std::time::Instant;

use super::EXIT;
use super::occupant::{Leave, Occupant};
use super::pair::{Effect, Pair, Side};
use super::words;
use crate::server::{Console, Farewells};
use crate::sys::{self, PollFd};

/// What the process that serves a table lends it for a turn of its loop.
pub struct Desk<'a> {
    /// Where to print.
    pub out: &'a mut Console,
    /// Which process that is, in front of each line.
    pub mark: &'a str,
    /// The time of this turn.
    pub now: Instant,
}

impl Desk<'_> {
    fn line(&mut self, line: impl std::fmt::Display) {
        self.out.line(format_args!("{} {line}", self.mark));
    }
}

/// Two places at which clients sit.
#[derive(Debug, Default)]
pub struct Table {
    pair: Pair,
    occupants: [Option<Occupant>; 2],
    left: Vec<TcpStream>,
}

impl Table {
    /// How many of the two places are taken.
    pub fn taken(&self) -> usize {
        self.occupants.iter().flatten().count()
    }

    /// Gives a client the place that is free. Nobody is sent to a full table; whoever was would be let go.
    pub fn seat(&mut self, occupant: Occupant, desk: &mut Desk) {
        let Some(side) = self.pair.free() else { return };
        let peer = occupant.peer();
        let has_begun = self.pair.turn().is_some();
        let effects = self.pair.join(side);
        self.occupants[side.index()] = Some(occupant);
        desk.line(words::seated(side, peer, has_begun));
        if !has_begun && self.pair.turn().is_some() {
            desk.line(words::begins());
        }
        self.tell_turn(desk);
        self.carry_out(effects, desk);
    }

    /// Goes on as far as is possible now: hears one message at most, tells what is to be told, looks who is still there.
    /// Returns the connections of those who left, each of which makes a place free: to be closed once that is known to all whom
    /// it concerns, since whoever sees it closed may send the next.
    pub fn advance(&mut self, desk: &mut Desk) -> Vec<TcpStream> {
        let speaker = self.pair.speaker();
        for side in Side::BOTH {
            let heard = self.occupant(side).map(|occupant| occupant.hear(speaker == Some(side), desk.now));
            match heard {
                Some(Ok(Some(said))) => {
                    words::said(side, &said).iter().for_each(|line| desk.line(line));
                    let effects = self.pair.said(&said);
                    self.carry_out(effects, desk);
                    self.tell_turn(desk);
                }
                Some(Err(leave)) => self.leave(side, &leave, desk),
                Some(Ok(None)) | None => {}
            }
        }
        for side in Side::BOTH {
            if let Some(Err(leave)) = self.occupant(side).map(|occupant| occupant.send(desk.now)) {
                self.leave(side, &leave, desk);
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
        self.occupants.iter().flatten().filter_map(Occupant::due).min()
    }

    /// Ends both: each is told so, once it will not take it for the rest of what it was told just before.
    pub fn close(&mut self, farewells: &mut Farewells) {
        let occupants = self.occupants.iter().flatten();
        if let Some(quiet_until) = occupants.filter_map(Occupant::quiet_until).max() {
            let mut left = quiet_until.saturating_duration_since(Instant::now());
            // No event ends that time; a signal only interrupts the wait for it.
            while !left.is_zero() && sys::wait(&mut [], Some(left)).is_ok() {
                left = quiet_until.saturating_duration_since(Instant::now());
            }
        }
        for occupant in self.occupants.iter_mut().filter_map(Option::take) {
            let (socket, _, unfinished) = occupant.into_parts();
            farewells.add(socket, [&unfinished, EXIT].concat(), Instant::now());
        }
        self.pair = Pair::default();
    }

    fn occupant(&mut self, side: Side) -> Option<&mut Occupant> {
        self.occupants[side.index()].as_mut()
    }

    fn carry_out(&mut self, effects: Vec<Effect>, desk: &mut Desk) {
        for effect in effects {
            match effect {
                Effect::Tell(side, item) => {
                    if let Some(occupant) = self.occupant(side) {
                        occupant.tell(item);
                    }
                }
                Effect::Dismiss(side) => self.leave(side, &Leave::Fin, desk),
            }
        }
    }

    fn leave(&mut self, side: Side, leave: &Leave, desk: &mut Desk) {
        let Some(occupant) = self.occupants[side.index()].take() else { return };
        let (socket, peer, _) = occupant.into_parts();
        self.left.push(socket);
        let had_begun = self.pair.turn().is_some();
        self.pair.left(side);
        desk.line(words::left(side, peer, leave));
        if had_begun && self.pair.turn().is_none() {
            desk.line(words::starts_anew());
        }
    }

    /// Prints whose turn it is, if the two have begun.
    fn tell_turn(&mut self, desk: &mut Desk) {
        if let Some(side) = self.pair.turn() {
            desk.line(words::turn(side, self.occupants[side.index()].is_some()));
        }
    }
}
