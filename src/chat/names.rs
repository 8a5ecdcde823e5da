//! Names that are their clients' own, for rooms that want it (`--distinct-names`): nobody speaks under another's, nor under one
//! that looks like it. Pure.
//!
//! A name is judged as a reader sees it, and costs no more than its own length: it is looked up, whoever else is there.

use std::collections::HashMap;

use super::look::{Look, is_separator, looks};
use crate::sys::Pid;
use crate::text::is_seen;

/// So many visible characters may be a name. What is longer is text, whatever follows it.
const LONGEST: usize = 32;

/// Whose name is whose.
#[derive(Debug)]
pub struct Names {
    owners: HashMap<Look, Owner>,
    clients: HashMap<Pid, Known>,
}

#[derive(Clone, Debug)]
struct Owner {
    /// `None`: the server itself.
    pid: Option<Pid>,
    name: String,
}

/// What is known of a client that has a name, or wanted another's.
#[derive(Debug, Default)]
struct Known {
    /// How its messages begin that bear its own name, separator included; empty while it has none.
    front: Vec<u8>,
    looks: Vec<Look>,
    refused: u64,
}

/// Why a message may not be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Taken {
    /// It bears a name that is, or looks like, this one of another client.
    pub name: String,
    /// So many messages of its client were refused.
    pub times: u64,
}

impl Names {
    /// Nobody has a name but the server, which has `own`: nobody speaks as if it were the server.
    pub fn new(own: &str) -> Names {
        let owner = Owner { pid: None, name: own.to_string() };
        let owners = looks(own).into_iter().map(|look| (look, owner.clone())).collect();
        Names { owners, clients: HashMap::new() }
    }

    /// Judges what the client of `pid` wants to say. The first name that it bears in the course's form is its own from then on.
    /// The names of those who are not here any more, as `is_here` tells, are free.
    ///
    /// # Errors
    /// That the name is another's.
    pub fn judge(&mut self, pid: Pid, message: &[u8], is_here: impl Fn(Pid) -> bool) -> Result<(), Taken> {
        let own = self.clients.get(&pid).map_or(&[][..], |known| &known.front);
        let is_own = !own.is_empty() && message.starts_with(own) && is_here(pid);
        let Some(front) = Front::of(message).filter(|_| !is_own) else { return Ok(()) };
        let looks = looks(&front.name);
        let is_anothers = |owner: &&Owner| owner.pid.is_none_or(|other| other != pid && is_here(other));
        if let Some(owner) = looks.iter().filter_map(|look| self.owners.get(look)).find(is_anothers) {
            let known = self.clients.entry(pid).or_default();
            known.refused += 1;
            return Err(Taken { name: owner.name.clone(), times: known.refused });
        }
        if front.is_claim && own.is_empty() {
            let owner = Owner { pid: Some(pid), name: front.name };
            self.owners.extend(looks.iter().map(|look| (look.clone(), owner.clone())));
            let known = self.clients.entry(pid).or_default();
            (known.front, known.looks) = (message[..front.end].to_vec(), looks.into());
        }
        Ok(())
    }

    /// The client of `pid` has left.
    pub fn forget(&mut self, pid: Pid) {
        for look in self.clients.remove(&pid).map(|known| known.looks).unwrap_or_default() {
            // It may be another's by now.
            if self.owners.get(&look).is_some_and(|owner| owner.pid == Some(pid)) {
                self.owners.remove(&look);
            }
        }
    }
}

/// What stands before the text of a message.
struct Front {
    /// As a reader sees it.
    name: String,
    /// Where the message goes on behind the separator.
    end: usize,
    /// It has the course's form: `pseudo : text`.
    is_claim: bool,
}

impl Front {
    /// The name that a reader sees: what is visible up to a separator. What is invisible, and blanks and separators before it, are
    /// passed over, however many there are. `None` when the message bears no name.
    fn of(message: &[u8]) -> Option<Front> {
        let (mut name, mut end, mut seen, mut is_apart) = (String::new(), 0, 0, false);
        for (c, bytes) in characters(message) {
            end += bytes;
            if is_separator(c) {
                if !name.is_empty() {
                    let is_claim = message[..end].ends_with(b" :") && message[end..].starts_with(b" ");
                    return Some(Front { name, end, is_claim });
                }
            } else if c.is_whitespace() && (c == '\t' || !c.is_control()) {
                is_apart = !name.is_empty();
            } else if is_seen(c) {
                name.extend(std::mem::take(&mut is_apart).then_some(' '));
                name.push(c);
                seen += 1;
                if seen > LONGEST {
                    return None;
                }
            }
        }
        None
    }
}

/// The characters of a message, and how many bytes each has. Bytes that are no UTF-8 are those of ISO 8859-1, or, where it has
/// none, some of nobody's (of Unicode's private use): each differs from the others.
fn characters(message: &[u8]) -> impl Iterator<Item = (char, usize)> {
    let older = |&byte: &u8| match byte {
        0x80..=0x9f => (char::from_u32(0xf700 + u32::from(byte)).unwrap_or_default(), 1),
        _ => (char::from(byte), 1),
    };
    message.utf8_chunks().flat_map(move |chunk| {
        chunk.valid().chars().map(|c| (c, c.len_utf8())).chain(chunk.invalid().iter().map(older))
    })
}

#[cfg(test)]
mod tests;
