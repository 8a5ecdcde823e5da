use super::super::message::Message;
use super::*;
use Side::{One, Two};
use proptest::prelude::*;

fn sends(side: Side, text: &str) -> (Side, Item) {
    (side, Item { bytes: string(text.as_bytes()), opening: false })
}

#[track_caller]
fn begin(pair: &mut Pair) {
    assert_eq!((pair.turn, pair.free()), (None, Some(One)));
    assert_eq!(pair.join(One), [opening(One, b"1")]);
    assert_eq!((pair.turn, pair.speaker()), (None, None));
    assert_eq!(pair.join(Two), [opening(Two, b"2"), opening(One, b"emi"), opening(Two, b"rec")]);
}

#[track_caller]
fn begun() -> Pair {
    let mut pair = Pair::default();
    begin(&mut pair);
    pair
}

#[test]
fn the_turn_passes_with_each_message() {
    let mut pair = begun();
    for (message, to) in [("un", Two), ("", One), ("trois", Two)] {
        assert_eq!(pair.receive(message.into()), Some(sends(to, message)));
        assert_eq!(pair.speaker(), Some(to));
    }
}

#[test]
fn exit_is_relayed_with_a_space_and_fin_is_not_relayed() {
    let (mut pair, exit) = (begun(), Message::Exit.relayed().unwrap());
    assert_eq!(pair.receive(exit), Some(sends(Two, "exit ")));
    assert_eq!(Message::Fin.relayed(), None);
    pair.leave(Two);
    assert_eq!(pair.join(Two), [opening(Two, b"2"), opening(Two, b"rec"), opening(Two, b"exit ")]);
}

#[test]
fn a_later_client_gets_the_number_the_last_message_and_the_turn_of_the_one_that_left() {
    let mut pair = begun();
    pair.receive("un".into());
    // It is 2's turn.
    pair.leave(Two);
    assert_eq!(pair.free(), Some(Two));
    assert_eq!(pair.join(Two), [opening(Two, b"2"), opening(Two, b"rec"), opening(Two, b"un")]);
    assert_eq!(pair.receive("deux".into()), Some(sends(One, "deux")));
}

#[test]
fn a_later_client_out_of_turn_gets_the_last_message_too_and_its_partner_keeps_the_turn() {
    let mut pair = begun();
    pair.receive("un".into());
    pair.receive("deux".into());
    // It is 1's turn when 2 leaves.
    pair.leave(Two);
    assert_eq!(pair.join(Two), [opening(Two, b"2"), opening(Two, b"rec"), opening(Two, b"un")]);
    assert_eq!(pair.speaker(), Some(One));
    assert_eq!(pair.receive("trois".into()), Some(sends(Two, "trois")));
    assert_eq!(pair.receive("quatre".into()), Some(sends(One, "quatre")));
}

#[test]
fn a_message_to_a_free_place_is_kept_for_the_next_client() {
    let mut pair = begun();
    pair.leave(Two);
    assert_eq!(pair.receive("pour le suivant".into()), None);
    assert_eq!((pair.turn, pair.speaker()), (Some(Two), None));
    assert_eq!(pair.receive("ignored: nobody has the turn".into()), None);
    assert_eq!(pair.join(Two), [opening(Two, b"2"), opening(Two, b"rec"), opening(Two, b"pour le suivant")]);
    assert_eq!(pair.receive("réponse".into()), Some(sends(One, "réponse")));
}

#[test]
fn a_later_client_in_turn_without_a_last_message_gets_an_empty_one() {
    let mut pair = begun();
    pair.leave(One);
    assert_eq!(pair.join(One), [opening(One, b"1"), opening(One, b"rec"), opening(One, b"")]);
    assert_eq!(pair.receive("enfin".into()), Some(sends(Two, "enfin")));
    pair.leave(One);
    // Not its turn: the next message is for it.
    assert_eq!(pair.join(One), [opening(One, b"1"), opening(One, b"rec")]);
}

#[test]
fn when_both_are_gone_the_pair_starts_anew() {
    let mut pair = begun();
    pair.receive("oublié".into());
    pair.leave(One);
    pair.leave(Two);
    begin(&mut pair);
    let mut alone = Pair::default();
    alone.join(One);
    alone.leave(One);
    begin(&mut alone);
}

/// Checks the strings sent to one client as the course's client would read them.
#[track_caller]
fn check_sent(items: &[Item], side: Side) {
    let strings: Vec<&[u8]> = items.iter().map(|item| &item.bytes[..]).collect();
    assert_eq!(strings[0], string(side.number().to_string().as_bytes()));
    if let Some(role) = strings.get(1) {
        assert!([&b"emi\0"[..], b"rec\0"].contains(role));
        assert!(items[..2].iter().all(|item| item.opening));
    }
    assert!(items.iter().skip(3).all(|item| !item.opening));
    assert!(strings.iter().all(|string| !string[..string.len() - 1].contains(&0)));
    assert!(!strings.contains(&&b"exit\0"[..]));
}

/// A pair and a second account of what it should do.
#[derive(Default)]
struct Model {
    pair: Pair,
    /// The items sent to each client that is there.
    sent: [Option<Vec<Item>>; 2],
    /// The last message to each side.
    last: [Option<Vec<u8>>; 2],
    turn: Option<Side>,
}

impl Model {
    fn apply(&mut self, event: u8, word: &str) {
        match event {
            0 | 1 => self.join(),
            2..=4 => self.receive(word),
            5 => self.pair.speaker().into_iter().for_each(|side| self.leave(side)),
            6 => self.receive("exit "),
            7 => self.leave(One),
            _ => self.leave(Two),
        }
    }

    fn join(&mut self) {
        let Some(side) = self.pair.free() else { return };
        self.sent[side.index()] = Some(Vec::new());
        self.pair.join(side).into_iter().for_each(|item| self.send(item));
        if self.pair.free().is_none() {
            self.turn.get_or_insert(One);
        }
    }

    fn receive(&mut self, text: &str) {
        let reader = self.pair.speaker().map(Side::other);
        self.pair.receive(text.into()).into_iter().for_each(|item| self.send(item));
        if let Some(to) = reader {
            (self.turn, self.last[to.index()]) = (reader, Some(string(text.as_bytes())));
        }
    }

    fn send(&mut self, (side, item): (Side, Item)) {
        self.sent[side.index()].as_mut().unwrap().push(item);
    }

    fn leave(&mut self, side: Side) {
        if self.sent[side.index()].take().is_some() {
            self.pair.leave(side);
            if self.sent[side.other().index()].is_none() {
                (self.turn, self.last) = (None, [None, None]);
            }
        }
    }

    #[track_caller]
    fn check(&self) {
        assert_eq!(self.pair.turn, self.turn);
        for side in Side::BOTH {
            let Some(sent) = &self.sent[side.index()] else { continue };
            check_sent(sent, side);
            let newest = &sent.last().unwrap().bytes;
            if let Some(message) = &self.last[side.index()] {
                assert_eq!(newest, message, "the last message was sent last");
            }
            if self.turn == Some(side) {
                // It knows: by its role, or by a message after that.
                assert!(sent.len() > 2 || newest == b"emi\0");
            }
        }
    }
}

proptest! {
    /// For any joins, messages and departures: each client gets its number, its role, then
    /// messages; the two speak in turn; each message reaches its reader, at once or on joining; no
    /// deadlock.
    #[test]
    fn the_rules_hold_for_any_events(events in prop::collection::vec((0u8..9, "[a-z]{0,3}"), 0..200)) {
        let mut model = Model::default();
        for (event, word) in events {
            model.apply(event, &word);
            model.check();
        }
    }
}
