//! The rules of one pair as a state machine: numbers, roles, turns, and what a later client is
//! sent. Pure: events in, effects out; no socket, no clock.

use super::message::Message;

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Client 1, who speaks first.
    One,
    Two,
}

impl Side {
    pub const BOTH: [Side; 2] = [Side::One, Side::Two];

    pub fn other(self) -> Side {
        if self == Side::One { Side::Two } else { Side::One }
    }

    pub fn index(self) -> usize {
        self as usize
    }

    /// 1 or 2, as on the wire.
    pub fn number(self) -> usize {
        self.index() + 1
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// With its NUL.
    pub bytes: Vec<u8>,
    /// A number, a role or a replayed message, which a client reads with one small `recv` each: the
    /// next item has to wait, or the same `recv` would swallow it.
    pub opening: bool,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    Send(Side, Item),
    /// Close the connection after `fin`; then call [`Pair::leave`].
    Disconnect(Side),
}

#[derive(Debug, Default)]
pub struct Pair {
    seats: [Seat; 2],
    /// `None` until both have been there.
    pub turn: Option<Side>,
}

#[derive(Debug, Default)]
struct Seat {
    taken: bool,
    /// The last message to this side, with its NUL; replayed to the next client here.
    last: Option<Vec<u8>>,
}

impl Pair {
    pub fn free(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| !self.seats[side.index()].taken)
    }

    /// The side whose turn it is, if its client is there.
    pub fn speaker(&self) -> Option<Side> {
        self.turn.filter(|turn| self.seats[turn.index()].taken)
    }

    /// A client takes the place `side`, which is free.
    pub fn join(&mut self, side: Side) -> Vec<Effect> {
        self.seats[side.index()].taken = true;
        let mut effects = vec![opening(side, string(side.number().to_string().as_bytes()))];
        match self.turn {
            None if self.free().is_none() => {
                self.turn = Some(Side::One);
                effects.push(opening(Side::One, string(b"emi")));
                effects.push(opening(Side::Two, string(b"rec")));
            }
            // Alone: its role comes with its partner.
            None => {}
            Some(turn) => {
                effects.push(opening(side, string(b"rec")));
                // Also in the partner's turn: leaving out of turn counts as `fin`.
                let last = self.seats[side.index()].last.clone();
                // With role `rec` and no message, it and its partner would wait for each other.
                let message = last.or_else(|| (turn == side).then(|| string(b"")));
                effects.extend(message.map(|bytes| opening(side, bytes)));
            }
        }
        effects
    }

    pub fn receive(&mut self, message: &Message) -> Vec<Effect> {
        let Some(side) = self.speaker() else { return Vec::new() };
        let Some(text) = message.relayed() else { return vec![Effect::Disconnect(side)] };
        let to = side.other();
        let bytes = string(text);
        self.turn = Some(to);
        self.seats[to.index()].last = Some(bytes.clone());
        let is_taken = self.seats[to.index()].taken;
        is_taken.then_some(Effect::Send(to, Item { bytes, opening: false })).into_iter().collect()
    }

    /// A client is gone. The turn and the last messages stay, unless both are gone.
    pub fn leave(&mut self, side: Side) {
        self.seats[side.index()].taken = false;
        if !self.seats[side.other().index()].taken {
            *self = Pair::default();
        }
    }
}

fn string(text: &[u8]) -> Vec<u8> {
    [text, b"\0"].concat()
}

fn opening(side: Side, bytes: Vec<u8>) -> Effect {
    Effect::Send(side, Item { bytes, opening: true })
}

#[cfg(test)]
mod tests;
