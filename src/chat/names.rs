//! Names that are their clients' own, for rooms that want it (`--distinct-names`): nobody speaks under another's, nor under one
//! that looks like it. Pure.

use std::collections::BTreeMap;

use unicode_security::skeleton;

use crate::sys::Pid;
use crate::text::{is_blank, shows_nothing};

/// So many bytes from the front of a message may hold its name.
const LONGEST: usize = 300;

/// Whose name is whose.
#[derive(Debug, Default)]
pub struct Names {
    owners: BTreeMap<Pid, Name>,
}

/// A name, and what it looks like.
#[derive(Clone, Debug)]
struct Name {
    text: String,
    looks: Looks,
}

/// What a name looks like in lower case, in capitals, and as it is: UTS #39, 4, with the letters' case left out of account.
/// One look in common is enough to be taken for another.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Looks([String; 3]);

/// Why a message may not be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// It bears a name that is, or looks like, this one of another client.
    Taken(String),
    /// It bears another name than this one, which its client has.
    NotYours(String),
}

impl Names {
    /// Judges what the client of `pid` wants to say. The first name that it bears in the course's form is its own from then on.
    /// The names of those who are not here any more, as `is_here` tells, are free.
    ///
    /// # Errors
    /// The [`Refusal`].
    pub fn judge(&mut self, pid: Pid, message: &[u8], is_here: impl Fn(Pid) -> bool) -> Result<(), Refusal> {
        let front = String::from_utf8_lossy(&message[..message.len().min(LONGEST)]);
        let Some((text, is_claim)) = name_of(&front) else { return Ok(()) };
        if self.owners.get(&pid).is_some_and(|own| own.text == text) {
            return Ok(());
        }
        let looks = Looks::of(text);
        let mut others = self.owners.iter().filter(|(owner, _)| **owner != pid && is_here(**owner));
        if let Some((_, other)) = others.find(|(_, other)| other.looks.resembles(&looks)) {
            return Err(Refusal::Taken(other.text.clone()));
        }
        match self.owners.get(&pid) {
            Some(own) if is_claim && !own.looks.resembles(&looks) => Err(Refusal::NotYours(own.text.clone())),
            None if is_claim => {
                self.owners.insert(pid, Name { text: text.to_string(), looks });
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The client of `pid` has left.
    pub fn forget(&mut self, pid: Pid) {
        self.owners.remove(&pid);
    }
}

/// The name that a reader sees at the front of a message: what stands before a colon, or the `>` of some students' clients, or
/// what looks like them. True beside it when ` : ` follows, as in the
/// messages of the course's client.
fn name_of(front: &str) -> Option<(&str, bool)> {
    let line = front.split(['\0', '\n']).next()?;
    let (at, _) = line.char_indices().find(|&(_, c)| is_separator(c))?;
    let name = line[..at].trim();
    let is_claim = line[..at].ends_with(' ') && line[at..].starts_with(": ");
    (!is_blank(name)).then_some((name, is_claim))
}

fn is_separator(c: char) -> bool {
    let mut buffer = [0; 4];
    let mut looks = skeleton(c.encode_utf8(&mut buffer));
    matches!((looks.next(), looks.next()), (Some(':' | '>'), None))
}

impl Looks {
    fn of(name: &str) -> Looks {
        let shown: String = name.chars().filter(|&c| !c.is_control() && !shows_nothing(c)).collect();
        let shown = shown.split_whitespace().collect::<Vec<_>>().join(" ");
        let look = |text: &str| skeleton(text).collect::<String>().to_lowercase();
        Looks([look(&shown.to_lowercase()), look(&shown.to_uppercase()), look(&shown)])
    }

    fn resembles(&self, other: &Looks) -> bool {
        self.0.iter().zip(&other.0).any(|(ours, theirs)| ours == theirs)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Verdict = Result<(), Refusal>;
    const FINE: Verdict = Ok(());

    fn taken(name: &str) -> Verdict {
        Err(Refusal::Taken(name.into()))
    }

    const ALICE: Pid = Pid::from_raw(1);
    const EVE: Pid = Pid::from_raw(2);

    fn with_alice() -> Names {
        let mut names = Names::default();
        assert_eq!(names.judge(ALICE, b"alice : bonjour\0", |_| true), FINE);
        names
    }

    fn eve_says(message: &str) -> Verdict {
        with_alice().judge(EVE, message.as_bytes(), |_| true)
    }

    #[test]
    fn nobody_speaks_under_anothers_name_or_one_that_looks_like_it() {
        let look_alikes = [
            "alice",
            "Alice",
            "ALICE",
            " alice ",
            "a\u{200b}lice",
            "\u{430}lice",
            "al\u{456}ce",
            "aIice",
            "AL1CE",
            "ａｌｉｃｅ",
            "alic\u{435}",
            "\u{202e}alice",
            "al\u{1}ice",
        ];
        for name in look_alikes {
            for form in [" : bonjour\0", ": bonjour\n", "： bonjour", " > bonjour\n", ":bonjour"] {
                assert_eq!(eve_says(&format!("{name}{form}")), taken("alice"), "{name:?}{form:?}");
            }
        }
    }

    #[test]
    fn other_names_and_what_bears_none_are_fine() {
        for message in
            ["eve : bonjour\0", "bonjour alice", "alicia : moi\0", " : rien", "a\nalice : moi\0", "\0", ""]
        {
            assert_eq!(eve_says(message), FINE, "{message:?}");
        }
    }

    #[test]
    fn the_first_name_is_its_clients_own_and_the_only_one() {
        let mut names = with_alice();
        assert_eq!(names.judge(ALICE, b"carol : moi\0", |_| true), Err(Refusal::NotYours("alice".into())));
        for message in ["alice : encore\0", "Alice : encore\0", "sans nom\0", "NB: sans nom\0"] {
            assert_eq!(names.judge(ALICE, message.as_bytes(), |_| true), FINE, "{message}");
        }
        // What had not the form of a name was none.
        assert_eq!(names.judge(EVE, b"NB: deux\0", |_| true), FINE);
        assert_eq!(names.judge(EVE, b"eve : moi\0", |_| true), FINE);
        assert_eq!(names.judge(ALICE, b"eve : moi\0", |_| true), taken("eve"));
    }

    #[test]
    fn the_name_of_one_who_left_is_free() {
        let mut names = with_alice();
        assert_eq!(names.judge(EVE, b"alice : moi\0", |pid| pid != ALICE), FINE);
        let mut names = with_alice();
        names.forget(ALICE);
        assert_eq!(names.judge(EVE, b"alice : moi\0", |_| true), FINE);
    }

    #[test]
    fn a_name_in_no_encoding_is_a_name_as_well() {
        let mut names = Names::default();
        assert_eq!(names.judge(ALICE, b"Andr\xe9 : moi\0", |_| true), FINE);
        assert!(names.judge(EVE, b"andr\xe9 : moi\0", |_| true).is_err());
    }
}
