//! The lines that the server prints beside those of every server, in French. Bytes from the network
//! go through [`Visible`].

use std::io::Error;

use super::connection::Disconnect;
use super::message::without_line_ends;
use super::pair::Side;
use super::{SERVER, refusal};
use crate::cli::{Language, catalogue};
use crate::server::Messages;
use crate::server::first_bytes::BAD_REQUEST;
use crate::sys::{Ended, Pid, ScopedAddress, plain_reason};
use crate::text::Visible;

const MESSAGES: Messages = Messages(Language::French);

/// Bytes of a message in one line. A line of more than PIPE_BUF bytes could be torn by another
/// child's, and a byte that is no text takes four.
const SHOWN: usize = 1000;

pub const LOST_WHILE_PASSED: &str = "un client a disparu avant d'avoir une place";
pub const BEGINS: &str = "les deux clients sont là : le client 1 émet (emi), le client 2 reçoit (rec)";
pub const STARTS_ANEW: &str = "les deux clients sont partis : les deux suivants commenceront à neuf";

catalogue! {
    few_places(pairs: usize, most: usize) where places = 2 * pairs =>
        "(père) --pairs {pairs} demande --max-clients {places} ; clients admis : {most}";
    connected(peer: ScopedAddress) => "(père) nouveau client {peer}";
    queued(peer: ScopedAddress, queued: usize) => "(père) le client {peer} attend une place ({queued} en attente)";
    left_queue(peer: ScopedAddress, reason: &Disconnect, queued: usize) where reason = manner(reason) =>
        "(père) le client {peer} {reason}, sans avoir eu de place ({queued} en attente)";
    new_pair(pair: usize, child: Pid) => "(père) paire {pair} : servie par le fils {child}";
    passed(pair: usize, child: Pid, peer: ScopedAddress) =>
        "(père) le client {peer} est confié au fils {child} (paire {pair})";
    not_passed(peer: ScopedAddress, reason: &Error) where reason = plain_reason(reason) =>
        "(père) client {peer} refusé : il ne peut être confié à un fils : {reason}";
    forged_places(pair: usize, child: Pid) =>
        "(père) le fils {child} (paire {pair}) libère plus de places qu'il n'a de clients : arrêté";
    pair_ended(pair: usize, child: Pid) => "(père) paire {pair} : plus de clients, fils {child} terminé";
    pair_lost(pair: usize, child: Pid, ended: Ended) where lost = MESSAGES.child_lost(ended) =>
        "(père) la paire {pair} {lost} (fils {child}) ; ses clients sont perdus";
    joined(side: Side, peer: ScopedAddress, has_begun: bool)
        where number = side.number(), role = if has_begun { ", il reçoit (rec)" } else { "" } =>
        "le client {peer} a le numéro {number}{role}";
    turn(side: Side, is_taken: bool)
        where number = side.number(), place = if is_taken { "" } else { ", dont la place est libre" } =>
        "au tour du client {number}{place}";
    left(side: Side, peer: ScopedAddress, reason: &Disconnect)
        where number = side.number(), reason = manner(reason) =>
        "le client {number} ({peer}) {reason} ; sa place est libre";
}

/// One line or more.
pub fn relayed(side: Side, text: &[u8]) -> Vec<String> {
    let (from, to) = (side.number(), side.other().number());
    let line = |piece: &[u8]| format!("client {from} → client {to} : {}", Visible(piece));
    match without_line_ends(text) {
        [] => vec![line(b"")],
        text => text.chunks(SHOWN).map(line).collect(),
    }
}

/// The last bytes for a client: those of another protocol are told so.
pub fn last_words(reason: &Disconnect) -> Vec<u8> {
    let Disconnect::Foreign(foreign) = reason else { return Vec::new() };
    foreign.answer(BAD_REQUEST, &SERVER.says(MESSAGES.wrong_protocol(foreign)), refusal)
}

fn manner(reason: &Disconnect) -> String {
    match reason {
        Disconnect::Fin => "a dit fin".to_string(),
        Disconnect::Closed => "est parti".to_string(),
        Disconnect::Broken(error) => format!("a disparu ({})", plain_reason(error)),
        Disconnect::SlowReader => "ne lit pas ce qu'on lui envoie, il est déconnecté".to_string(),
        Disconnect::Foreign(foreign) => format!("est refusé, car {}", MESSAGES.foreign(foreign)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_unless_it_could_be_torn() {
        let lines = |text: &[u8]| relayed(Side::One, text);
        assert_eq!(lines(b"bonjour\n"), ["client 1 → client 2 : bonjour"]);
        assert_eq!(lines(b"a\n(p\xc3\xa8re) faux\x1b[1A"), ["client 1 → client 2 : a^J(père) faux^[[1A"]);
        assert_eq!(lines(b""), ["client 1 → client 2 : "]);
        let worst = lines(&[0xff; crate::labs::relay::MAX_LEN]);
        assert!(worst.iter().all(|line| format!("(fils 4194304) {line}\n").len() <= 4096), "{worst:?}");
        assert_eq!(relayed(Side::Two, b"exit "), ["client 2 → client 1 : exit "]);
    }
}
