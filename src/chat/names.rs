//! Registry of claimed names (`--distinct-names`): a name, and every name that looks like it,
//! belongs to one client. Pure.
//!
//! Names are compared by their skeletons (`confusables`). A check is a hash lookup: its cost
//! depends on the length of the name, not on the number of clients.

use std::collections::HashMap;

use super::confusables::{Skeleton, is_separator, skeletons};
use crate::sys::Pid;
use crate::text::is_seen;

/// Longest name, in visible characters. Anything longer before a separator is text.
const MAX_LEN: usize = 32;

#[derive(Debug)]
pub struct NameRegistry {
    owners: HashMap<Skeleton, Owner>,
    claims: HashMap<Pid, Claim>,
}

#[derive(Clone, Debug)]
struct Owner {
    /// `None`: the server itself.
    pid: Option<Pid>,
    name: String,
}

/// A client that has claimed a name or was refused one.
#[derive(Debug, Default)]
struct Claim {
    /// Its own name as its messages begin with it, up to the colon; empty without a name.
    prefix: Vec<u8>,
    skeletons: Vec<Skeleton>,
    refused: u64,
}

/// The message is under a name that is, or looks like, `name` of another client.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTaken {
    pub name: String,
    /// Number of refused messages of this client, this one included.
    pub times: u64,
}

impl NameRegistry {
    /// A registry in which only the server's own name is taken.
    pub fn new(server_name: &str) -> NameRegistry {
        let owner = Owner { pid: None, name: server_name.to_string() };
        let owners = skeletons(server_name).into_iter().map(|skeleton| (skeleton, owner.clone())).collect();
        NameRegistry { owners, claims: HashMap::new() }
    }

    /// Checks a message of the client `pid`. Its first name in the form `pseudo : text` becomes its
    /// own. A name of a client that is not connected any more is free.
    pub fn check(
        &mut self,
        pid: Pid,
        message: &[u8],
        is_connected: impl Fn(Pid) -> bool,
    ) -> Result<(), NameTaken> {
        let own = self.claims.get(&pid).map_or(&[][..], |claim| &claim.prefix);
        let is_own = !own.is_empty() && message.starts_with(own) && is_connected(pid);
        let Some(prefix) = NamePrefix::of(message).filter(|_| !is_own) else { return Ok(()) };
        let skeletons = skeletons(&prefix.name);
        let is_taken = |owner: &&Owner| owner.pid.is_none_or(|other| other != pid && is_connected(other));
        if let Some(owner) = skeletons.iter().filter_map(|skeleton| self.owners.get(skeleton)).find(is_taken)
        {
            let claim = self.claims.entry(pid).or_default();
            claim.refused += 1;
            return Err(NameTaken { name: owner.name.clone(), times: claim.refused });
        }
        if prefix.is_claim && own.is_empty() {
            let owner = Owner { pid: Some(pid), name: prefix.name };
            self.owners.extend(skeletons.iter().map(|skeleton| (skeleton.clone(), owner.clone())));
            let claim = self.claims.entry(pid).or_default();
            (claim.prefix, claim.skeletons) = (message[..prefix.end].to_vec(), skeletons.into());
        }
        Ok(())
    }

    pub fn forget(&mut self, pid: Pid) {
        for skeleton in self.claims.remove(&pid).map(|claim| claim.skeletons).unwrap_or_default() {
            // Another client may have claimed it since.
            if self.owners.get(&skeleton).is_some_and(|owner| owner.pid == Some(pid)) {
                self.owners.remove(&skeleton);
            }
        }
    }
}

/// The part of a message up to the first separator.
struct NamePrefix {
    /// As a reader sees it.
    name: String,
    /// Index behind the separator.
    end: usize,
    /// Has the form `pseudo : text`.
    is_claim: bool,
}

impl NamePrefix {
    /// The visible characters up to the first separator behind one. Invisible characters are
    /// skipped, and so are blanks and separators before the name, however many. `None` for a
    /// message without a name.
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

/// The characters of a message and their lengths in bytes. Bytes that are not UTF-8 are read as
/// ISO 8859-1, its C1 controls as private use characters: no two bytes read alike.
fn characters(message: &[u8]) -> impl Iterator<Item = (char, usize)> {
    let latin_1 = |&byte: &u8| match byte {
        0x80..=0x9f => (char::from_u32(0xf700 + u32::from(byte)).unwrap_or_default(), 1),
        _ => (char::from(byte), 1),
    };
    message.utf8_chunks().flat_map(move |chunk| {
        chunk.valid().chars().map(|c| (c, c.len_utf8())).chain(chunk.invalid().iter().map(latin_1))
    })
}

#[cfg(test)]
mod tests;
