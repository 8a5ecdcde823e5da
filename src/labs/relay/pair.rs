//! The rules of one pair: who has which number and role, whose turn it is, what a newcomer is told. Pure: in come events,
//! out come effects; no socket, no clock.

use super::message::Said;

/// One of the two places.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Client 1, who speaks first.
    One,
    /// Client 2.
    Two,
}

impl Side {
    /// Both places.
    pub const BOTH: [Side; 2] = [Side::One, Side::Two];

    /// The partner's.
    pub fn other(self) -> Side {
        match self {
            Side::One => Side::Two,
            Side::Two => Side::One,
        }
    }

    /// 0 or 1.
    pub fn index(self) -> usize {
        self as usize
    }

    /// 1 or 2, as clients and users know it.
    pub fn number(self) -> usize {
        self.index() + 1
    }
}

/// One string that a client is told, with its NUL.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Item {
    /// The string.
    pub bytes: Vec<u8>,
    /// It belongs to what a client reads with one small `recv` each (number, role, the replayed message): whatever follows it
    /// has to wait, or the same `recv` would swallow it.
    pub opening: bool,
}

/// What an event leads to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Effect {
    /// The client at this place is to be told.
    Tell(Side, Item),
    /// The client at this place has said `fin`: its connection is to be closed, which is an event of its own
    /// ([`Pair::left`]).
    Dismiss(Side),
}

/// The state of one pair.
#[derive(Debug, Default)]
pub struct Pair {
    seats: [Seat; 2],
    /// Whose turn it is; `None` until both have been there.
    turn: Option<Side>,
}

#[derive(Debug, Default)]
struct Seat {
    taken: bool,
    /// The last message for whoever sits here, with its NUL; it stays for who comes next.
    last: Option<Vec<u8>>,
}

impl Pair {
    /// The place that the next client gets.
    pub fn free(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| !self.seats[side.index()].taken)
    }

    /// Whose turn it is; `None` until both have been there.
    pub fn turn(&self) -> Option<Side> {
        self.turn
    }

    /// The client who is to be listened to: it is its turn, and it is there.
    pub fn speaker(&self) -> Option<Side> {
        self.turn.filter(|turn| self.seats[turn.index()].taken)
    }

    /// A client takes a place that is free.
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
                match &self.seats[side.index()].last {
                    // Also where it is its partner's turn: who left out of turn counts as one who said `fin`.
                    Some(last) => effects.push(opening(side, last.clone())),
                    // It was told to receive first, but its partner waits for it: without this, both would for ever.
                    None if turn == side => effects.push(opening(side, string(b""))),
                    None => {}
                }
            }
        }
        effects
    }

    /// The one whose turn it is has said something.
    pub fn said(&mut self, said: &Said) -> Vec<Effect> {
        let Some(side) = self.speaker() else { return Vec::new() };
        let text = match said {
            Said::Fin => return vec![Effect::Dismiss(side)],
            // With a space, or it would end the partner.
            Said::Exit => b"exit ",
            Said::Text(text) => &text[..],
        };
        let to = side.other();
        let bytes = string(text);
        self.turn = Some(to);
        self.seats[to.index()].last = Some(bytes.clone());
        let is_there = self.seats[to.index()].taken;
        is_there.then_some(Effect::Tell(to, Item { bytes, opening: false })).into_iter().collect()
    }

    /// A client is gone, in whatever way. Its place stays what it was, unless nobody is left: then the pair starts anew.
    pub fn left(&mut self, side: Side) {
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
    Effect::Tell(side, Item { bytes, opening: true })
}

#[cfg(test)]
mod tests;
