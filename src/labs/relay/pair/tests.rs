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
fn a_newcomer_out_of_turn_gets_the_last_message_too_and_the_other_goes_on() {
    let mut pair = begun();
    pair.said(&text("un"));
    pair.said(&text("deux"));
    // It is 1's turn; 2 leaves, 1 goes on as if nothing had happened.
    pair.left(Two);
    assert_eq!(pair.join(Two), [opens(Two, "2"), opens(Two, "rec"), opens(Two, "un")]);
    assert_eq!(pair.speaker(), Some(One));
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

/// A pair, and what is to be expected of it.
#[derive(Default)]
struct Expected {
    pair: Pair,
    /// Those who are there.
    told: [Option<Told>; 2],
    /// The last message to each.
    last: [Option<Vec<u8>>; 2],
    turn: Option<Side>,
}

impl Expected {
    fn happens(&mut self, event: u8, word: &str) {
        let effects = match event {
            0 | 1 => self.joins(),
            2..=4 => self.says(&text(word), Some(string(word.as_bytes()))),
            5 => self.says(&Said::Fin, None),
            6 => self.says(&Said::Exit, Some(string(b"exit "))),
            7 => self.leaves(One),
            _ => self.leaves(Two),
        };
        effects.into_iter().for_each(|effect| self.follows(effect));
    }

    fn joins(&mut self) -> Vec<Effect> {
        let Some(side) = self.pair.free() else { return Vec::new() };
        self.told[side.index()] = Some(Told::default());
        let effects = self.pair.join(side);
        if self.pair.free().is_none() {
            self.turn.get_or_insert(One);
        }
        effects
    }

    /// The one whose turn it is says something, of which its partner hears this.
    fn says(&mut self, said: &Said, heard: Option<Vec<u8>>) -> Vec<Effect> {
        let speaker = self.pair.speaker();
        let effects = self.pair.said(said);
        if let (Some(side), Some(heard)) = (speaker, heard) {
            let to = side.other();
            assert!(self.told[to.index()].is_some() || effects.is_empty());
            (self.turn, self.last[to.index()]) = (Some(to), Some(heard));
        }
        effects
    }

    fn leaves(&self, side: Side) -> Vec<Effect> {
        self.told[side.index()].iter().map(|_| Effect::Dismiss(side)).collect()
    }

    fn follows(&mut self, effect: Effect) {
        match effect {
            Effect::Tell(side, item) => self.told[side.index()].as_mut().unwrap().0.push(item),
            Effect::Dismiss(side) => {
                self.told[side.index()].take().unwrap();
                self.pair.left(side);
                if self.told[side.other().index()].is_none() {
                    (self.turn, self.last) = (None, [None, None]);
                }
            }
        }
    }

    fn check(&self) {
        assert_eq!(self.pair.turn(), self.turn);
        for side in Side::BOTH {
            let Some(told) = &self.told[side.index()] else { continue };
            told.check(side);
            let heard = &told.0.last().unwrap().bytes;
            if let Some(message) = &self.last[side.index()] {
                assert_eq!(heard, message, "the last message is what it was told last");
            }
            if self.turn == Some(side) {
                // It knows: by its role, or by a message after that.
                assert!(told.0.len() > 2 || heard == b"emi\0");
            }
        }
    }
}

proptest! {
    /// Whoever comes, speaks and goes, whenever: each client is told its number, then its role, then messages; the two speak
    /// in turn; each message reaches its reader, at once or when it comes; nobody waits for ever.
    #[test]
    fn the_rules_hold_whatever_happens(events in prop::collection::vec((0u8..9, "[a-z]{0,3}"), 0..200)) {
        let mut expected = Expected::default();
        for (event, word) in events {
            expected.happens(event, &word);
            expected.check();
        }
    }
}
