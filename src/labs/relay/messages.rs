//! What the server prints beside what every server does, in French. Whatever comes from the network has been through
//! [`Visible`].

use std::net::SocketAddr;

use super::connection::Disconnect;
use super::message::{Said, without_line_end};
use super::pair::Side;
use crate::cli::Language;
use crate::server::Messages;
use crate::sys::{Ended, Pid, system_reason};
use crate::text::Visible;

const MESSAGES: Messages = Messages(Language::French);

/// Bytes of a message in one line: a line of more than PIPE_BUF bytes could be torn by another child's, and a byte that is
/// no text takes four.
const SHOWN: usize = 1000;

/// Not all pairs can ever be served.
pub fn few_places(pairs: usize, most: usize) -> String {
    format!("(père) --pairs {pairs} demande --max-clients {} ; clients admis : {most}", 2 * pairs)
}

/// A client came in.
pub fn came(peer: SocketAddr) -> String {
    format!("(père) nouveau client {peer}")
}

/// It stands in line.
pub fn waits(peer: SocketAddr, in_line: usize) -> String {
    format!("(père) le client {peer} attend une place ({in_line} en attente)")
}

/// It left the line.
pub fn left_the_line(peer: SocketAddr, leave: &Disconnect, in_line: usize) -> String {
    format!("(père) le client {peer} {}, sans avoir eu de place ({in_line} en attente)", manner(leave))
}

/// Another pair has a process.
pub fn new_pair(pair: usize, child: Pid) -> String {
    format!("(père) paire {pair} : servie par le fils {child}")
}

/// A client's socket went to a child.
pub fn passed(pair: usize, child: Pid, peer: SocketAddr) -> String {
    format!("(père) le client {peer} est confié au fils {child} (paire {pair})")
}

/// A pair's clients are gone, and its process too.
pub fn pair_ended(pair: usize, child: Pid) -> String {
    format!("(père) paire {pair} : plus de clients, fils {child} terminé")
}

/// A pair's process ended in another way.
pub fn pair_lost(pair: usize, child: Pid, ended: Ended) -> String {
    format!("(père) la paire {pair} {} (fils {child}) ; ses clients sont perdus", MESSAGES.child_lost(ended))
}

/// A client that was passed to this child is gone already.
pub fn lost_on_the_way() -> &'static str {
    "un client a disparu avant d'avoir une place"
}

/// A client has a place.
pub fn seated(side: Side, peer: SocketAddr, has_begun: bool) -> String {
    let role = if has_begun { ", il reçoit (rec)" } else { "" };
    format!("le client {peer} a le numéro {}{role}", side.number())
}

/// Both are there.
pub fn begins() -> &'static str {
    "les deux clients sont là : le client 1 émet (emi), le client 2 reçoit (rec)"
}

/// Whose turn it is.
pub fn turn(side: Side, is_there: bool) -> String {
    let place = if is_there { "" } else { ", dont la place est libre" };
    format!("au tour du client {}{place}", side.number())
}

/// What one said to the other, in one line or more. Its leaving is told otherwise.
pub fn said(side: Side, said: &Said) -> Vec<String> {
    let text: &[u8] = match said {
        Said::Fin => return Vec::new(),
        Said::Exit => b"exit ",
        Said::Text(text) => without_line_end(text),
    };
    let (from, to) = (side.number(), side.other().number());
    let line = |piece: &[u8]| format!("client {from} → client {to} : {}", Visible(piece));
    match text {
        [] => vec![line(text)],
        _ => text.chunks(SHOWN).map(line).collect(),
    }
}

/// A client left its place.
pub fn left(side: Side, peer: SocketAddr, leave: &Disconnect) -> String {
    format!("le client {} ({peer}) {} ; sa place est libre", side.number(), manner(leave))
}

/// Both are gone.
pub fn starts_anew() -> &'static str {
    "les deux clients sont partis : les deux suivants commenceront à neuf"
}

fn manner(leave: &Disconnect) -> String {
    match leave {
        Disconnect::Fin => "a dit fin".to_string(),
        Disconnect::Closed => "est parti".to_string(),
        Disconnect::Broken(reason) => {
            format!("a disparu ({})", system_reason(reason.raw_os_error().unwrap_or_default()))
        }
        Disconnect::Deaf => "ne lit pas ce qu'on lui envoie, il est déconnecté".to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_is_in_it_unless_it_could_be_torn() {
        let lines = |text: &[u8]| said(Side::One, &Said::Text(text.to_vec()));
        assert_eq!(lines(b"bonjour\n"), ["client 1 → client 2 : bonjour"]);
        assert_eq!(lines(b"a\n(p\xc3\xa8re) faux\x1b[1A"), ["client 1 → client 2 : a^J(père) faux^[[1A"]);
        assert_eq!(lines(b""), ["client 1 → client 2 : "]);
        let worst = lines(&[0xff; crate::labs::relay::MAX_LEN]);
        assert!(worst.iter().all(|line| format!("(fils 4194304) {line}\n").len() <= 4096));
        assert_eq!(said(Side::Two, &Said::Exit), ["client 2 → client 1 : exit "]);
        assert!(said(Side::One, &Said::Fin).is_empty());
    }
}
