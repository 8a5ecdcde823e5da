//! The rules of one pair as a state machine: numbers, roles, turns, and what a later client is
//! sent. Pure: events in, items to send out; no socket, no clock.

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
    /// A number, a role or a replayed message: the next item waits, see [`super::item_queue`].
    pub opening: bool,
}

#[derive(Debug, Default)]
pub struct Pair {
    taken: [bool; 2],
    /// The text of the last message to each side; replayed to the next client there.
    last: [Option<Vec<u8>>; 2],
    /// `None` until both have been there.
    pub turn: Option<Side>,
}

impl Pair {
    pub fn free(&self) -> Option<Side> {
        Side::BOTH.into_iter().find(|side| !self.taken[side.index()])
    }

    /// The side whose turn it is, if its client is there.
    pub fn speaker(&self) -> Option<Side> {
        self.turn.filter(|turn| self.taken[turn.index()])
    }

    /// A client takes the place `side`, which is free. Returns what to send to whom.
    pub fn join(&mut self, side: Side) -> Vec<(Side, Item)> {
        self.taken[side.index()] = true;
        let mut items = vec![opening(side, side.number().to_string().as_bytes())];
        match self.turn {
            None if self.free().is_none() => {
                self.turn = Some(Side::One);
                items.extend([opening(Side::One, b"emi"), opening(Side::Two, b"rec")]);
            }
            // Alone: its role comes with its partner.
            None => {}
            Some(turn) => {
                items.push(opening(side, b"rec"));
                // Also in the partner's turn: leaving out of turn counts as `fin`.
                let last = self.last[side.index()].as_deref();
                // With role `rec` and no message, it and its partner would wait for each other.
                let text = last.or((turn == side).then_some(b""));
                items.extend(text.map(|text| opening(side, text)));
            }
        }
        items
    }

    /// The speaker, if there is one, says `text`: to be sent at once if its partner is there.
    pub fn receive(&mut self, text: Vec<u8>) -> Option<(Side, Item)> {
        let to = self.speaker()?.other();
        let item = Item { bytes: string(&text), opening: false };
        (self.turn, self.last[to.index()]) = (Some(to), Some(text));
        self.taken[to.index()].then_some((to, item))
    }

    /// A client is gone. The turn and the last messages stay, unless both are gone.
    pub fn leave(&mut self, side: Side) {
        self.taken[side.index()] = false;
        if !self.taken[side.other().index()] {
            *self = Pair::default();
        }
    }
}

fn string(text: &[u8]) -> Vec<u8> {
    [text, b"\0"].concat()
}

fn opening(side: Side, text: &[u8]) -> (Side, Item) {
    (side, Item { bytes: string(text), opening: true })
}

#[cfg(test)]
mod tests;
