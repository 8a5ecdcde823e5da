//! What the server says to the one who runs it, in French. `(père)` marks what concerns the first process, `(fils PID)`
//! what a child did. Whatever comes from the network has been through [`Visible`].

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::time::Duration;

use super::room::{Client, Lag};
use crate::sys::{Ended, Pid};
use crate::text::Visible;

/// The first line: the server is ready.
pub fn ready(address: SocketAddr) -> String {
    format!("(père) en attente de clients sur {address} (pid {} ; Ctrl+C arrête)", Pid::this())
}

/// Nothing more will be printed, and why.
pub fn foreign_terminal() -> String {
    "(père) ce terminal est à quelqu'un d'autre et pourrait bloquer le serveur : rien d'autre ne s'y affiche"
        .to_string()
}

/// A client came and got its child.
pub fn joined(pid: Pid, client: &Client, count: usize) -> String {
    let (peer, descriptor) = (client.peer, client.descriptor());
    format!("(père) nouveau client {peer} : descripteur {descriptor}, fils {pid}, {count} en ligne")
}

/// What a client said. Not a `String`: it goes straight where it is printed, as often as there are messages.
pub fn said(pid: Pid, message: &[u8]) -> impl Display {
    let end = message.iter().rposition(|byte| !matches!(byte, 0 | b'\n' | b'\r')).map_or(0, |at| at + 1);
    Said(pid, Visible(&message[..end]))
}

struct Said<'a>(Pid, Visible<'a>);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said(pid, text) = self;
        write!(f, "(fils {pid}) {text}")
    }
}

/// A client's process has ended, for whatever reason.
pub fn departed(pid: Pid, client: &Client, ended: Ended, count: usize) -> String {
    let peer = client.peer;
    let why = match (client.left, ended) {
        _ if client.dropped.is_some() => "a été déconnecté".to_string(),
        (Some(0), _) => "est parti".to_string(),
        (Some(errno), _) => format!("a disparu ({})", system_reason(errno)),
        (None, Ended::Signal(signal)) => format!("a perdu son fils, tué par {signal}"),
        (None, Ended::Status(status)) => format!("a perdu son fils, fini avec le statut {status}"),
    };
    format!("(père) le client {peer} {why} ; fils {pid} terminé, {count} en ligne")
}

/// A client was dropped because it does not read, or not fast enough.
pub fn too_slow(pid: Pid, client: &Client, lag: Lag) -> String {
    let (peer, bytes, since) = (client.peer, lag.bytes, seconds(lag.since));
    format!(
        "(père) le client {peer} (fils {pid}) lit trop lentement : {bytes} octets de retard depuis {since} ; déconnecté"
    )
}

/// What such a client is told, where that is still possible. It stopped in the middle of a message, most likely: the first
/// NUL ends that.
pub fn you_are_too_slow(lag: Lag) -> Vec<u8> {
    c_string(&format!(
        "\0chat_serveur : vous lisez trop lentement ({} octets de retard), vous êtes déconnecté",
        lag.bytes
    ))
}

/// What one client too many is told.
pub fn you_are_too_many(most: usize) -> Vec<u8> {
    c_string(&format!("chat_serveur : la salle est pleine ({most} clients au plus), réessayez plus tard"))
}

/// The same, for the one who runs the server.
pub fn refused_full(peer: SocketAddr, most: usize) -> String {
    format!("(père) client {peer} refusé : la salle est pleine ({most} clients au plus, --max-clients)")
}

/// What a client is told for whom no process could be made.
pub fn you_get_no_process() -> Vec<u8> {
    c_string("chat_serveur : le serveur ne peut plus créer de processus, réessayez plus tard")
}

/// The same, for the one who runs the server.
pub fn refused_no_process(peer: SocketAddr, reason: &std::io::Error) -> String {
    format!("(père) client {peer} refusé : fork impossible : {reason}")
}

/// No descriptor is left for another client.
pub fn door_shut(reason: &std::io::Error) -> String {
    format!(
        "(père) accept impossible : {reason} ; les nouveaux clients attendent qu'un descripteur se libère"
    )
}

/// The limit of descriptors is lower than what was asked for.
pub fn few_descriptors(limit: u64, most: usize) -> String {
    format!("(père) limite de {limit} descripteurs : moins de {most} clients tiendront (voir ulimit -n)")
}

/// A child wrote what is no record.
pub fn bad_record() -> String {
    "(père) le tube contient autre chose que des enregistrements ; ils sont ignorés".to_string()
}

/// Lines that could not be written.
pub fn lines_lost(count: u64) -> String {
    format!("(père) {count} lignes n'ont pas pu être écrites")
}

/// The server was asked to stop.
pub fn stopping(signal: crate::sys::Signal, count: usize) -> String {
    format!("(père) {signal} reçu : arrêt, {count} en ligne")
}

/// With `-v`: the first hop.
pub fn hop_read(pid: Pid, descriptor: RawFd, bytes: u32) -> String {
    format!("(fils {pid}) read(descripteur {descriptor}) : {bytes} octets de son client")
}

/// With `-v`: the second hop, through the pipe.
pub fn hop_pipe(pid: Pid, header: usize, body: usize) -> String {
    let size = header + body;
    format!(
        "(père) read(descripteur 3) : un enregistrement de {size} octets que le fils {pid} a écrit dans le tube \
         (descripteur 4) : {header} d'en-tête, {body} de message"
    )
}

fn hop_send(bytes: usize, descriptors: &[RawFd]) -> String {
    let list: Vec<String> = descriptors.iter().map(RawFd::to_string).collect();
    let plural = if list.len() > 1 { "s" } else { "" };
    format!(
        "(père) send : {bytes} octets à {} client{plural} (descripteur{plural} {})",
        list.len(),
        list.join(" ")
    )
}

/// With `-v`: the last hop, a line for each number of bytes; one line in a room where everybody reads.
pub fn hops_send(descriptors_by_size: &BTreeMap<usize, Vec<RawFd>>) -> String {
    let hops = descriptors_by_size.iter().map(|(&bytes, descriptors)| hop_send(bytes, descriptors));
    hops.collect::<Vec<_>>().join("\n")
}

/// In the protocol's clothes.
fn c_string(text: &str) -> Vec<u8> {
    [text.as_bytes(), b"\0"].concat()
}

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64()).replace('.', ",")
}

/// strerror(3), without Rust's " (os error N)".
fn system_reason(errno: i32) -> &'static str {
    nix::errno::Errno::from_raw(errno).desc()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_one_line_whatever_is_in_it() {
        let pid = Pid::from_raw(7);
        assert_eq!(said(pid, b"alice : bonjour\n\0\0").to_string(), "(fils 7) alice : bonjour");
        assert_eq!(said(pid, b"x\n(p\xc3\xa8re) faux\x1b[1A\0").to_string(), "(fils 7) x^J(père) faux^[[1A");
        assert_eq!(said(pid, b"\n\0").to_string(), "(fils 7) ");
    }
}
