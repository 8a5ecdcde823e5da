//! What the server says, to the one who runs it and to its clients. `(parent)` marks what concerns the first process,
//! `(child PID)` what a child did. Whatever comes from the network has been through [`Visible`].

use std::fmt::Display;
use std::time::Duration;

use nix::errno::Errno;

use super::message::Mistake;
use super::name::Name;
use super::server::PROGRAM;
use crate::chat::room::{Client, Lag};
use crate::server::Words;
use crate::sys::{Ended, Pid, system_reason};
use crate::text::Visible;

const WORDS: Words = Words(PROGRAM.language);

/// An error, as a client is told.
pub fn error(what: impl Display) -> String {
    format!("[ERROR] {what}\n")
}

/// The same when it is the last that the client hears: in the server's name, by which `direct_client` knows it.
pub fn last_error(what: impl Display) -> String {
    error(PROGRAM.says(&what.to_string()))
}

/// How many are connected, and who: `names` of those who have given theirs.
pub fn connected<'a>(count: usize, names: impl Iterator<Item = &'a Name>) -> String {
    let mut all: Vec<String> = names.map(Name::to_string).collect();
    match count.saturating_sub(all.len()) {
        0 => {}
        nameless => all.push(format!("{nameless} without a name")),
    }
    match all.is_empty() {
        true => format!("{count} connected"),
        false => format!("{count} connected: {}", all.join(", ")),
    }
}

/// A client came and got its child.
pub fn joined(client: &Client, count: usize) -> String {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    format!("(parent) new client {peer}: descriptor {descriptor}, child {pid}, {count} connected")
}

/// A client has given its name.
pub fn named(name: &Name, client: &Client, connected: &str) -> String {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    format!("(parent) {name} is {peer}, descriptor {descriptor}, child {pid}; {connected}")
}

/// A name that cannot be.
pub fn refused(text: &[u8], client: &Client, why: &str) -> String {
    let (pid, peer) = (client.pid, client.peer);
    format!("(parent) client {peer} (child {pid}) refused as \"{}\": {why}", Visible(text))
}

/// Two clients of one name.
pub fn taken(name: &Name) -> String {
    format!("the name \"{name}\" is taken")
}

/// No name came in time.
pub fn nameless(within: Duration) -> String {
    format!("no name within {} s", within.as_secs())
}

/// A message went to its recipient.
pub fn routed(pid: Pid, from: &Name, to: &Name, message: &[u8]) -> String {
    format!("(child {pid}) {from} -> {to}: {}", Visible(message))
}

/// A text went to nobody.
pub fn mistaken(from: &Name, client: &Client, mistake: Mistake) -> String {
    let (pid, peer) = (client.pid, client.peer);
    format!("(child {pid}) [ERROR] {from} ({peer}): {mistake}")
}

/// A client's process has ended, for whatever reason.
pub fn departed(name: Option<&Name>, client: &Client, ended: Ended, connected: &str) -> String {
    let (pid, who) = (client.pid, who(name, client));
    let why = match client.left {
        _ if client.sent_away.is_some() => "was sent away".to_string(),
        Some(0) => "left".to_string(),
        Some(errno) if errno == Errno::ETIMEDOUT as i32 && name.is_none() => {
            "gave no name in time".to_string()
        }
        Some(errno) => format!("vanished ({})", system_reason(errno)),
        None => WORDS.child_lost(ended),
    };
    format!("(parent) {who} {why}; child {pid} ended, {connected}")
}

/// A client is sent away because it does not read, or not fast enough.
pub fn too_slow(name: Option<&Name>, client: &Client, lag: Lag) -> String {
    let (pid, who, bytes, since) = (client.pid, who(name, client), lag.bytes, lag.since.as_secs_f64());
    format!("(parent) {who} (child {pid}) reads too slowly: {bytes} bytes behind for {since:.1} s; sent away")
}

/// What such a client is told, where that is still possible.
pub fn you_are_too_slow(lag: Lag) -> String {
    format!("you read too slowly ({} bytes behind), you are sent away", lag.bytes)
}

fn who(name: Option<&Name>, client: &Client) -> String {
    let peer = client.peer;
    name.map_or_else(|| format!("client {peer}"), |name| format!("{name} ({peer})"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_is_connected_is_told_by_name_as_far_as_names_are_known() {
        let names = [b"alice", b"bobby"].map(|name| Name::new(name).unwrap());
        assert_eq!(connected(0, [].iter()), "0 connected");
        assert_eq!(connected(2, names.iter()), "2 connected: alice, bobby");
        assert_eq!(connected(4, names.iter()), "4 connected: alice, bobby, 2 without a name");
    }

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let names = [b"alice", b"bobby"].map(|name| Name::new(name).unwrap());
        let line = routed(Pid::from_raw(7), &names[0], &names[1], b"x\r(parent) false\x1b[1A\xff");
        assert_eq!(line, "(child 7) alice -> bobby: x^M(parent) false^[[1A\\xff");
    }

    #[test]
    fn an_error_is_a_line_of_its_own() {
        assert_eq!(error(Mistake::Nobody(b"carl")), "[ERROR] no client is called \"carl\"\n");
        assert_eq!(last_error("full"), "[ERROR] direct_serveur: full\n");
    }
}
