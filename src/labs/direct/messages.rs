//! The server's lines, printed and sent. `(parent)` marks the first process, `(child PID)` a child.
//! Bytes from the network go through [`Visible`].
//!
//! Printed lines are not `String`s: a heap write per message copies pages (copy-on-write) and shows
//! up as private memory of every child forked before.

use std::fmt::Display;
use std::time::Duration;

use super::SERVER;
use super::message::RouteError;
use super::name::Name;
use crate::cli::catalogue;
use crate::hub::connection::{Connection, Lag};
use crate::hub::record::IDLE;
use crate::server::Messages;
use crate::sys::{Ended, Pid, system_reason};
use crate::text::{Visible, from_fn};

const MESSAGES: Messages = Messages(SERVER.language);

/// The start of each line that the server itself sends.
pub const ERROR: &str = "[ERROR]";

pub fn error(what: impl Display) -> String {
    format!("{ERROR} {what}\n")
}

/// The line before a close. `direct_client` recognizes it by the server's name.
pub fn last_error(what: impl Display) -> String {
    error(SERVER.says(&what.to_string()))
}

catalogue! {
    taken(name: &Name) => "the name \"{name}\" is taken";
    name_timeout(within: Duration) where seconds = within.as_secs() => "no name within {seconds} s";
    too_slow_notice(lag: Lag) where bytes = lag.bytes =>
        "you read too slowly ({bytes} bytes behind), you are sent away";
}

/// [`format!`] without the `String`.
macro_rules! line {
    ($($format:tt)*) => { from_fn(move |f| write!(f, $($format)*)) };
}

/// `count`: clients without a name included.
pub fn connected<'a>(count: usize, names: impl Iterator<Item = &'a Name> + Clone) -> impl Display {
    from_fn(move |f| {
        write!(f, "{count} connected")?;
        let mut mark = ": ";
        for name in names.clone() {
            write!(f, "{mark}{name}")?;
            mark = ", ";
        }
        match count.saturating_sub(names.clone().count()) {
            0 => Ok(()),
            unnamed => write!(f, "{mark}{unnamed} without a name"),
        }
    })
}

pub fn joined(client: &Connection, count: usize) -> impl Display {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    line!("(parent) new client {peer}: descriptor {descriptor}, child {pid}, {count} connected")
}

pub fn named(name: &Name, client: &Connection, connected: impl Display) -> impl Display {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    line!("(parent) {name} is {peer}, descriptor {descriptor}, child {pid}; {connected}")
}

pub fn refused(text: &[u8], client: &Connection, why: &str) -> impl Display {
    let (pid, peer) = (client.pid, client.peer);
    line!("(parent) client {peer} (child {pid}) refused as \"{}\": {why}", Visible(text))
}

pub fn routed(pid: Pid, from: &Name, to: &Name, message: &[u8]) -> impl Display {
    line!("(child {pid}) {from} -> {to}: {}", Visible(message))
}

pub fn route_error(from: &Name, client: &Connection, mistake: RouteError) -> impl Display {
    let (pid, peer) = (client.pid, client.peer);
    line!("(child {pid}) [ERROR] {from} ({peer}): {mistake}")
}

pub fn departed<'a>(
    name: Option<&'a Name>,
    client: &'a Connection,
    ended: Ended,
    connected: impl Display,
) -> impl Display {
    let (pid, who) = (client.pid, who(name, client));
    from_fn(move |f| {
        write!(f, "(parent) {who} ")?;
        match client.end_reason() {
            _ if client.last_words.is_some() => f.write_str("was sent away")?,
            Some(0) => f.write_str("left")?,
            Some(IDLE) => f.write_str("gave no name in time")?,
            Some(errno) => write!(f, "vanished ({})", system_reason(errno))?,
            None => f.write_str(&MESSAGES.child_lost(ended))?,
        }
        write!(f, "; child {pid} ended, {connected}")
    })
}

pub fn too_slow<'a>(name: Option<&'a Name>, client: &'a Connection, lag: Lag) -> impl Display {
    let (pid, who, bytes, since) = (client.pid, who(name, client), lag.bytes, lag.since.as_secs_f64());
    line!("(parent) {who} (child {pid}) reads too slowly: {bytes} bytes behind for {since:.1} s; sent away")
}

fn who(name: Option<&Name>, Connection { peer, .. }: &Connection) -> impl Display {
    from_fn(move |f| match name {
        Some(name) => write!(f, "{name} ({peer})"),
        None => write!(f, "client {peer}"),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connected_clients_are_listed_by_name() {
        let both = [b"alice", b"bobby"].map(|name| Name::new(name).unwrap());
        let told = |count, names: &[Name]| connected(count, names.iter()).to_string();
        assert_eq!(told(0, &[]), "0 connected");
        assert_eq!(told(1, &[]), "1 connected: 1 without a name");
        assert_eq!(told(2, &both), "2 connected: alice, bobby");
        assert_eq!(told(4, &both), "4 connected: alice, bobby, 2 without a name");
    }

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let [alice, bob] = [b"alice", b"bobby"].map(|name| Name::new(name).unwrap());
        let line = routed(Pid::from_raw(7), &alice, &bob, b"x\r(parent) false\x1b[1A\xff");
        assert_eq!(line.to_string(), "(child 7) alice -> bobby: x^M(parent) false^[[1A\\xff");
    }

    #[test]
    fn an_error_is_a_line_of_its_own() {
        assert_eq!(error(RouteError::UnknownName(b"carl")), "[ERROR] no client is called \"carl\"\n");
        assert_eq!(last_error("full"), "[ERROR] direct_serveur: full\n");
    }
}
