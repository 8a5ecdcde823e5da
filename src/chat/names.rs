//! Names that are their clients' own, for rooms that want it (`--distinct-names`): nobody speaks under another's, nor under one
//! that looks like it. Pure.
//!
//! A name is judged as a reader sees it, and costs no more than its own length: it is looked up, whoever else is there.

use std::collections::HashMap;

use super::confusables::{Skeleton, is_separator, skeletons};
use crate::sys::Pid;
use crate::text::is_seen;

/// So many visible characters may be a name. What is longer is text, whatever follows it.
const MAX_LEN: usize = 32;

/// Whose name is whose.
#[derive(Debug)]
pub struct NameRegistry {
    owners: HashMap<Skeleton, Owner>,
    clients: HashMap<Pid, Claim>,
}

#[derive(Clone, Debug)]
struct Owner {
    /// `None`: the server itself.
    pid: Option<Pid>,
    name: String,
}

/// What is known of a client that has a name, or wanted another's.
#[derive(Debug, Default)]
struct Claim {
    /// How its messages begin that bear its own name, separator included; empty while it has none.
    front: Vec<u8>,
    skeletons: Vec<Skeleton>,
    refused: u64,
}

/// Why a message may not be said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTaken {
    /// It bears a name that is, or looks like, this one of another client.
    pub name: String,
    /// So many messages of its client were refused.
    pub times: u64,
}

impl NameRegistry {
    /// Nobody has a name but the server, which has `own`: nobody speaks as if it were the server.
    pub fn new(own: &str) -> NameRegistry {
        let owner = Owner { pid: None, name: own.to_string() };
        let owners = skeletons(own).into_iter().map(|skeleton| (skeleton, owner.clone())).collect();
        NameRegistry { owners, clients: HashMap::new() }
    }

    /// Judges what the client of `pid` wants to say. The first name that it bears in the course's form is its own from then on.
    /// The names of those who are not here any more, as `is_here` tells, are free.
    ///
    /// # Errors
    /// That the name is another's.
    pub fn judge(
        &mut self,
        pid: Pid,
        message: &[u8],
        is_here: impl Fn(Pid) -> bool,
    ) -> Result<(), NameTaken> {
        let own = self.clients.get(&pid).map_or(&[][..], |known| &known.front);
        let is_own = !own.is_empty() && message.starts_with(own) && is_here(pid);
        let Some(front) = NamePrefix::of(message).filter(|_| !is_own) else { return Ok(()) };
        let skeletons = skeletons(&front.name);
        let is_anothers = |owner: &&Owner| owner.pid.is_none_or(|other| other != pid && is_here(other));
        if let Some(owner) =
            skeletons.iter().filter_map(|skeleton| self.owners.get(skeleton)).find(is_anothers)
        {
            let known = self.clients.entry(pid).or_default();
            known.refused += 1;
            return Err(NameTaken { name: owner.name.clone(), times: known.refused });
        }
        if front.is_claim && own.is_empty() {
            let owner = Owner { pid: Some(pid), name: front.name };
            self.owners.extend(skeletons.iter().map(|skeleton| (skeleton.clone(), owner.clone())));
            let known = self.clients.entry(pid).or_default();
            (known.front, known.skeletons) = (message[..front.end].to_vec(), skeletons.into());
        }
        Ok(())
    }

    /// The client of `pid` has left.
    pub fn forget(&mut self, pid: Pid) {
        for skeleton in self.clients.remove(&pid).map(|known| known.skeletons).unwrap_or_default() {
            // It may be another's by now.
            if self.owners.get(&skeleton).is_some_and(|owner| owner.pid == Some(pid)) {
                self.owners.remove(&skeleton);
            }
        }
    }
}

/// What stands before the text of a message.
struct NamePrefix {
    /// As a reader sees it.
    name: String,
    /// Where the message goes on behind the separator.
    end: usize,
    /// It has the course's form: `pseudo : text`.
    is_claim: bool,
}

impl NamePrefix {
    /// The name that a reader sees: what is visible up to a separator. What is invisible, and blanks and separators before it, are
    /// passed over, however many there are. `None` when the message bears no name.
    fn of(message: &[u8]) -> Option<NamePrefix> {
        let (mut name, mut end, mut seen, mut is_apart) = (String::new(), 0, 0, false);
        for (c, bytes) in characters(message) {
            end += bytes;
            if c.is_whitespace() && (c == '\t' || !c.is_control()) {
                is_apart = !name.is_empty();
            } else if is_seen(c) && !is_separator(c) {
                name.extend(std::mem::take(&mut is_apart).then_some(' '));
                name.push(c);
                seen += 1;
                if seen > MAX_LEN {
                    return None;
                }
            } else if is_seen(c) && !name.is_empty() {
                let is_claim = message[..end].ends_with(b" :") && message[end..].starts_with(b" ");
                return Some(NamePrefix { name, end, is_claim });
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
