//! The registry of claimed names. Input: a sequence of actions of some clients. A byte gives the
//! client and its action; for a message, another gives its length, and the message follows.

use std::collections::BTreeMap;

use forklab::chat::names::NameRegistry;
use forklab::sys::Pid;

use super::input::Input;

/// The server's own name. It has more than letters.
const SERVER: &str = "chat_serveur";

/// Clients 0 to 3 act by the input; this one only checks.
const STRANGER: i32 = 9;

/// The oracle's knowledge of a client's name.
#[derive(Clone, PartialEq, Eq)]
enum Own {
    /// It has none.
    None,
    Name(String),
    /// It may have one, by a message that the oracle does not parse.
    Unknown,
}

struct Room {
    names: NameRegistry,
    own: BTreeMap<i32, Own>,
    /// Clients that have left and are not yet forgotten.
    gone: Vec<i32>,
}

/// A check gives the same result when it is repeated, and agrees with the oracle: the name of
/// another connected client is refused, a client's own name passes, a refusal names a confusable
/// name that another has, and the name of a client that has left is free.
pub fn holds(bytes: &[u8]) {
    let mut input = Input(bytes);
    let mut room = Room {
        names: NameRegistry::new(SERVER),
        own: (0..4).chain([STRANGER]).map(|client| (client, Own::None)).collect(),
        gone: Vec::new(),
    };
    while !input.is_empty() {
        let what = input.byte();
        let client = i32::from(what & 3);
        match what >> 2 & 7 {
            0 => room.leaves(client),
            1 => room.is_forgotten(client),
            _ => {
                let length = usize::from(input.byte()) * 2;
                room.says(client, input.take(length));
            }
        }
    }
    // Only at the end: a prefix of an input is an input as well.
    room.is_in_order();
}

impl Room {
    /// The other client's name, if the message is refused.
    fn judge(&mut self, client: i32, message: &[u8]) -> Result<(), String> {
        let gone = &self.gone;
        let verdict = self.names.check(Pid::from_raw(client), message, |pid| !gone.contains(&pid.as_raw()));
        verdict.map_err(|taken| taken.name)
    }

    fn says(&mut self, client: i32, message: &[u8]) {
        let verdict = self.judge(client, message);
        assert_eq!(self.judge(client, message), verdict, "asked again");
        let own = self.own[&client].clone();
        let claim = claimed(message);
        if let Claim::Nothing = claim {
            assert_eq!(verdict, Ok(()), "without a name, it is fine");
        }
        match (verdict, claim) {
            (Ok(()), Claim::Name(name)) if own == Own::None => {
                self.own.insert(client, Own::Name(name));
            }
            (Ok(()), Claim::Unclear) if own == Own::None => {
                self.own.insert(client, Own::Unknown);
            }
            (Err(theirs), claim) => {
                let mut others = self.here().filter(|(other, _)| **other != client);
                let is_anothers = |own: &Own| *own == Own::Name(theirs.clone()) || *own == Own::Unknown;
                assert!(theirs == SERVER || others.any(|(_, own)| is_anothers(own)));
                assert!(!matches!(claim, Claim::Name(name) if differ(&theirs, &name)), "{theirs}");
            }
            _ => {}
        }
    }

    fn leaves(&mut self, client: i32) {
        self.gone.push(client);
        self.is_free_of(client);
    }

    fn is_forgotten(&mut self, client: i32) {
        self.names.forget(Pid::from_raw(client));
        self.is_free_of(client);
        self.own.insert(client, Own::None);
        self.gone.retain(|gone| *gone != client);
    }

    /// The name of `client`, which has left, is free for another, unless a third one has it.
    fn is_free_of(&mut self, client: i32) {
        let Own::Name(name) = self.own[&client].clone() else { return };
        let may_be = |own: &Own| *own == Own::Name(name.clone()) || *own == Own::Unknown;
        let is_others = self.here().any(|(other, own)| *other != client && may_be(own));
        if !is_others {
            let verdict = self.judge(STRANGER, form(&name, " : ").as_bytes());
            assert_ne!(verdict, Err(name));
            self.names.forget(Pid::from_raw(STRANGER));
        }
    }

    fn here(&self) -> impl Iterator<Item = (&i32, &Own)> {
        self.own.iter().filter(|(client, _)| !self.gone.contains(client))
    }

    fn is_in_order(&mut self) {
        let owners: Vec<i32> = self.here().map(|(client, _)| *client).collect();
        for owner in owners {
            let Own::Name(name) = self.own[&owner].clone() else { continue };
            assert_eq!(self.judge(owner, form(&name, " : ").as_bytes()), Ok(()), "{name}");
            let is_other = |other: &i32| *other != owner && !self.gone.contains(other);
            for other in self.own.keys().copied().filter(is_other).collect::<Vec<_>>() {
                for name in [name.clone(), name.to_uppercase(), name.to_lowercase()] {
                    for separator in [" : ", " > ", ":"] {
                        let verdict = self.judge(other, form(&name, separator).as_bytes());
                        assert!(verdict.is_err(), "{name}{separator}");
                    }
                }
            }
        }
    }
}

fn form(name: &str, separator: &str) -> String {
    format!("{name}{separator}bonjour\0")
}

/// True for names with first letters that look different in any font.
fn differ(one: &str, other: &str) -> bool {
    let first = |name: &str| name.bytes().next().map(|byte| byte.to_ascii_lowercase());
    let is_clear = |name: &str| matches!(first(name), Some(b'a'..=b'e'));
    is_clear(one) && is_clear(other) && first(one) != first(other)
}

/// The name in a message, by the oracle.
enum Claim {
    Name(String),
    /// It may have a name, but does not claim it.
    Mention,
    Nothing,
    /// Not parsed by the oracle.
    Unclear,
}

/// Parses names of letters that look like no other.
fn claimed(message: &[u8]) -> Claim {
    let is_letter = |byte: &u8| byte.is_ascii_alphanumeric() || *byte == b' ';
    let end = message.iter().position(|byte| !is_letter(byte)).unwrap_or(message.len());
    let (front, rest) = message.split_at(end);
    let front = String::from_utf8_lossy(front);
    let name = front.split_whitespace().collect::<Vec<_>>().join(" ");
    match rest {
        [] => Claim::Nothing,
        _ if name.bytes().filter(|&byte| byte != b' ').count() > 32 => Claim::Nothing,
        _ if name.is_empty() => Claim::Unclear,
        [b':', b' ', ..] if front.ends_with(' ') => Claim::Name(name),
        [b':' | b'>', ..] => Claim::Mention,
        _ => Claim::Unclear,
    }
}
