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
                if turn == side {
                    // It was told to receive first, but its partner waits for it: without something to receive, both would
                    // wait for ever. Out of turn its partner's next message is what it receives: one before that would make
                    // it speak when it is not its turn, and its every line the answer to a question not yet heard.
                    let last = self.seats[side.index()].last.clone();
                    effects.push(opening(side, last.unwrap_or_else(|| string(b""))));
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
mod tests {
    use super::*;
    use Side::{One, Two};
    use proptest::prelude::*;

    fn tells(side: Side, text: &str) -> Effect {
        Effect::Tell(side, Item { bytes: string(text.as_bytes()), opening: false })
    }

    fn opens(side: Side, text: &str) -> Effect {
        opening(side, string(text.as_bytes()))
    }

    fn text(text: &str) -> Said {
        Said::Text(text.as_bytes().to_vec())
    }

    fn begun() -> Pair {
        let mut pair = Pair::default();
        assert_eq!(pair.join(One), [opens(One, "1")]);
        assert_eq!((pair.turn(), pair.speaker()), (None, None));
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(One, "emi"), opens(Two, "rec")]);
        pair
    }

    #[test]
    fn the_turn_passes_with_each_message() {
        let mut pair = begun();
        assert_eq!(pair.said(&text("un")), [tells(Two, "un")]);
        assert_eq!(pair.said(&text("")), [tells(One, "")]);
        assert_eq!(pair.said(&text("trois")), [tells(Two, "trois")]);
        assert_eq!(pair.speaker(), Some(Two));
    }

    #[test]
    fn exit_is_relayed_with_a_space_and_fin_is_not_relayed() {
        let mut pair = begun();
        assert_eq!(pair.said(&Said::Exit), [tells(Two, "exit ")]);
        assert_eq!(pair.said(&Said::Fin), [Effect::Dismiss(Two)]);
        pair.left(Two);
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(Two, "rec"), opens(Two, "exit ")]);
    }

    #[test]
    fn a_newcomer_gets_the_number_the_last_message_and_the_turn_of_the_one_who_left() {
        let mut pair = begun();
        pair.said(&text("un"));
        // It is 2's turn.
        pair.left(Two);
        assert_eq!(pair.free(), Some(Two));
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(Two, "rec"), opens(Two, "un")]);
        assert_eq!(pair.said(&text("deux")), [tells(One, "deux")]);
    }

    #[test]
    fn a_newcomer_out_of_turn_waits_for_what_its_partner_says_next() {
        let mut pair = begun();
        pair.said(&text("un"));
        pair.said(&text("deux"));
        // It is 1's turn; 2 leaves, 1 goes on as if nothing had happened.
        pair.left(Two);
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(Two, "rec")]);
        assert_eq!(pair.said(&text("trois")), [tells(Two, "trois")]);
        assert_eq!(pair.said(&text("quatre")), [tells(One, "quatre")]);
    }

    #[test]
    fn what_is_said_to_an_empty_place_waits_there() {
        let mut pair = begun();
        pair.left(Two);
        assert_eq!(pair.said(&text("pour le suivant")), []);
        assert_eq!((pair.turn(), pair.speaker()), (Some(Two), None));
        assert_eq!(pair.said(&text("nobody is listened to")), []);
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(Two, "rec"), opens(Two, "pour le suivant")]);
        assert_eq!(pair.said(&text("réponse")), [tells(One, "réponse")]);
    }

    #[test]
    fn a_newcomer_at_its_turn_to_whom_nothing_was_ever_said_gets_an_empty_message() {
        let mut pair = begun();
        pair.left(One);
        assert_eq!(pair.join(One), [opens(One, "1"), opens(One, "rec"), opens(One, "")]);
        assert_eq!(pair.said(&text("enfin")), [tells(Two, "enfin")]);
        pair.left(One);
        // Not its turn: the next message is for it.
        assert_eq!(pair.join(One), [opens(One, "1"), opens(One, "rec")]);
    }

    #[test]
    fn when_both_are_gone_the_pair_starts_anew() {
        let mut pair = begun();
        pair.said(&text("oublié"));
        pair.left(One);
        pair.left(Two);
        begun_again(&mut pair);
        let mut alone = Pair::default();
        alone.join(One);
        alone.left(One);
        begun_again(&mut alone);
    }

    fn begun_again(pair: &mut Pair) {
        assert_eq!(pair.free(), Some(One));
        assert_eq!(pair.join(One), [opens(One, "1")]);
        assert_eq!(pair.join(Two), [opens(Two, "2"), opens(One, "emi"), opens(Two, "rec")]);
    }

    /// What a client of the course's has been told, and whether that makes sense to it.
    #[derive(Default)]
    struct Told(Vec<Item>);

    impl Told {
        fn check(&self, side: Side) {
            let strings: Vec<&[u8]> = self.0.iter().map(|item| &item.bytes[..]).collect();
            assert_eq!(strings[0], string(side.number().to_string().as_bytes()));
            if let Some(role) = strings.get(1) {
                assert!([&b"emi\0"[..], b"rec\0"].contains(role));
                assert!(self.0[..2].iter().all(|item| item.opening));
            }
            assert!(self.0.iter().skip(3).all(|item| !item.opening));
            assert!(strings.iter().all(|string| !string[..string.len() - 1].contains(&0)));
            assert!(!strings.contains(&&b"exit\0"[..]));
        }
    }

    proptest! {
        /// Whoever comes, speaks and goes, whenever: each client is told its number, then its role, then messages; the two speak
        /// in turn; each message reaches its reader, at once or when it comes; nobody waits for ever.
        #[test]
        fn the_rules_hold_whatever_happens(events in prop::collection::vec((0u8..6, "[a-z]{0,3}"), 0..200)) {
            let mut pair = Pair::default();
            let mut told: [Option<Told>; 2] = [None, None];
            let mut waiting: [Option<Vec<u8>>; 2] = [None, None];
            let mut turn = None;
            for (event, word) in events {
                let mut effects = Vec::new();
                match event {
                    0 | 1 => {
                        if let Some(side) = pair.free() {
                            told[side.index()] = Some(Told::default());
                            effects = pair.join(side);
                            if turn.is_none() && pair.free().is_none() {
                                turn = Some(One);
                            }
                        }
                    }
                    2..=4 => {
                        let said = match event {
                            4 if word == "a" => Said::Fin,
                            4 if word == "b" => Said::Exit,
                            _ => text(&word),
                        };
                        let speaker = pair.speaker();
                        effects = pair.said(&said);
                        if let (Some(side), true) = (speaker, said != Said::Fin) {
                            turn = Some(side.other());
                            if told[side.other().index()].is_none() {
                                prop_assert!(effects.is_empty());
                            }
                            let bytes = if said == Said::Exit { string(b"exit ") } else { string(word.as_bytes()) };
                            waiting[side.other().index()] = Some(bytes);
                        }
                    }
                    _ => {
                        let side = if word.len() % 2 == 0 { One } else { Two };
                        if told[side.index()].is_some() {
                            effects = vec![Effect::Dismiss(side)];
                        }
                    }
                }
                for effect in effects {
                    match effect {
                        Effect::Tell(side, item) => told[side.index()].as_mut().unwrap().0.push(item),
                        Effect::Dismiss(side) => {
                            told[side.index()].take().unwrap();
                            pair.left(side);
                            if told[side.other().index()].is_none() {
                                (turn, waiting) = (None, [None, None]);
                            }
                        }
                    }
                }
                prop_assert_eq!(pair.turn(), turn);
                for side in Side::BOTH {
                    let Some(told) = &told[side.index()] else { continue };
                    told.check(side);
                    let last = &told.0.last().unwrap().bytes;
                    if turn == Some(side) {
                        if let Some(message) = &waiting[side.index()] {
                            prop_assert_eq!(last, message, "the last message is what it was told last");
                        }
                        // It knows: by its role, or by a message after that.
                        prop_assert!(told.0.len() > 2 || last == b"emi\0");
                    }
                }
            }
        }
    }
}
