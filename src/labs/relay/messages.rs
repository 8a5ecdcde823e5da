//! The lines that the server prints beside those of every server, in French. Bytes from the network
//! go through [`Visible`].

use std::net::SocketAddr;

use super::connection::Disconnect;
use super::message::{Message, without_line_end};
use super::pair::Side;
use crate::cli::Language;
use crate::server::Messages;
use crate::sys::{Ended, Pid, system_reason};
use crate::text::Visible;

const MESSAGES: Messages = Messages(Language::French);

/// Bytes of a message in one line. A line of more than PIPE_BUF bytes could be torn by another
/// child's, and a byte that is no text takes four.
const SHOWN: usize = 1000;

pub const LOST_WHILE_PASSED: &str = "un client a disparu avant d'avoir une place";
pub const BEGINS: &str = "les deux clients sont là : le client 1 émet (emi), le client 2 reçoit (rec)";
pub const STARTS_ANEW: &str = "les deux clients sont partis : les deux suivants commenceront à neuf";

pub fn few_places(pairs: usize, most: usize) -> String {
    format!("(père) --pairs {pairs} demande --max-clients {} ; clients admis : {most}", 2 * pairs)
}

pub fn connected(peer: SocketAddr) -> String {
    format!("(père) nouveau client {peer}")
}

pub fn queued(peer: SocketAddr, queued: usize) -> String {
    format!("(père) le client {peer} attend une place ({queued} en attente)")
}

pub fn left_queue(peer: SocketAddr, reason: &Disconnect, queued: usize) -> String {
    format!("(père) le client {peer} {}, sans avoir eu de place ({queued} en attente)", manner(reason))
}

pub fn new_pair(pair: usize, child: Pid) -> String {
    format!("(père) paire {pair} : servie par le fils {child}")
}

pub fn passed(pair: usize, child: Pid, peer: SocketAddr) -> String {
    format!("(père) le client {peer} est confié au fils {child} (paire {pair})")
}

pub fn pair_ended(pair: usize, child: Pid) -> String {
    format!("(père) paire {pair} : plus de clients, fils {child} terminé")
}

pub fn pair_lost(pair: usize, child: Pid, ended: Ended) -> String {
    format!("(père) la paire {pair} {} (fils {child}) ; ses clients sont perdus", MESSAGES.child_lost(ended))
}

pub fn joined(side: Side, peer: SocketAddr, has_begun: bool) -> String {
    let role = if has_begun { ", il reçoit (rec)" } else { "" };
    format!("le client {peer} a le numéro {}{role}", side.number())
}

pub fn turn(side: Side, is_taken: bool) -> String {
    let place = if is_taken { "" } else { ", dont la place est libre" };
    format!("au tour du client {}{place}", side.number())
}

/// One line or more; none for `fin`.
pub fn relayed(side: Side, message: &Message) -> Vec<String> {
    let Some(text) = message.relayed().map(without_line_end) else { return Vec::new() };
    let (from, to) = (side.number(), side.other().number());
    let line = |piece: &[u8]| format!("client {from} → client {to} : {}", Visible(piece));
    match text {
        [] => vec![line(text)],
        _ => text.chunks(SHOWN).map(line).collect(),
    }
}

pub fn left(side: Side, peer: SocketAddr, reason: &Disconnect) -> String {
    format!("le client {} ({peer}) {} ; sa place est libre", side.number(), manner(reason))
}

fn manner(reason: &Disconnect) -> String {
    match reason {
        Disconnect::Fin => "a dit fin".to_string(),
        Disconnect::Closed => "est parti".to_string(),
        Disconnect::Broken(error) => {
            format!("a disparu ({})", system_reason(error.raw_os_error().unwrap_or_default()))
        }
        Disconnect::SlowReader => "ne lit pas ce qu'on lui envoie, il est déconnecté".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_unless_it_could_be_torn() {
        let lines = |text: &[u8]| relayed(Side::One, &Message::Text(text.to_vec()));
        assert_eq!(lines(b"bonjour\n"), ["client 1 → client 2 : bonjour"]);
        assert_eq!(lines(b"a\n(p\xc3\xa8re) faux\x1b[1A"), ["client 1 → client 2 : a^J(père) faux^[[1A"]);
        assert_eq!(lines(b""), ["client 1 → client 2 : "]);
        let worst = lines(&[0xff; crate::labs::relay::MAX_LEN]);
        assert!(worst.iter().all(|line| format!("(fils 4194304) {line}\n").len() <= 4096), "{worst:?}");
        assert_eq!(relayed(Side::Two, &Message::Exit), ["client 2 → client 1 : exit "]);
        assert!(relayed(Side::One, &Message::Fin).is_empty());
    }
}
