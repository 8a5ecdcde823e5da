//! What the server says to the one who runs it, in French. `(père)` marks what concerns the first process, `(fils PID)`
//! what a child did. Whatever comes from the network has been through [`Visible`].

use std::collections::BTreeMap;
use std::fmt::{self, Display};
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::message::trim_end;
use super::names::NameTaken;
use super::web::ws_decode::NO_CODE;
use crate::cli::Language;
use crate::hub::connection::{Connection, Lag};
use crate::hub::record::{IDLE, code_of};
use crate::server::Messages;
use crate::sys::{Ended, Pid, system_reason};
use crate::text::{Visible, visible};

const MESSAGES: Messages = Messages(Language::French);

/// The second line: the second door is open.
pub fn ready_for_lines(address: SocketAddr) -> String {
    format!("(père) en attente de clients en lignes de texte sur {address}")
}

/// The next line: there is a page for browsers. Where the door is on all of the machine's addresses, it has the name of that
/// `machine`, for 0.0.0.0 is no address to call.
pub fn ready_for_browsers(address: SocketAddr, machine: &str) -> String {
    let url = match address.ip().is_unspecified() && !machine.is_empty() {
        true => format!("http://{machine}:{}/ (ou l'adresse IP de cette machine)", address.port()),
        false => format!("http://{address}/"),
    };
    format!("(père) en attente de navigateurs sur {url}")
}

/// What a client of the second door is told at once.
pub fn welcome_to_lines() -> Vec<u8> {
    "Bienvenue : chaque ligne que vous envoyez va à tous.\r\n".into()
}

/// A client came and got its child.
pub fn joined(client: &Connection, count: usize) -> String {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    format!("(père) nouveau client {peer} : descripteur {descriptor}, fils {pid}, {count} en ligne")
}

/// A browser came into the room.
pub fn joined_by_web(client: &Connection, count: usize) -> String {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    format!("(père) nouveau client {peer} (web) : descripteur {descriptor}, fils {pid}, {count} en ligne")
}

/// With `-v`: somebody came in at the door for browsers.
pub fn visited(client: &Connection) -> String {
    let (pid, peer, descriptor) = (client.pid, client.peer, client.descriptor());
    format!("(père) visiteur web {peer} : descripteur {descriptor}, fils {pid}")
}

/// With `-v`: what such a visitor got.
pub fn answered(client: &Connection, status: &str) -> String {
    format!("(père) visiteur web {} (fils {}) : réponse {status}", client.peer, client.pid)
}

/// A visitor was sent by another site's page, or came under a name that is not this machine's.
pub fn foreign_visitor(client: &Connection, by_name: bool) -> String {
    let (pid, peer) = (client.pid, client.peer);
    let why = match by_name {
        true => "l'en-tête Host n'est pas une adresse de ce serveur",
        false => "l'en-tête Origin est celui d'un autre site",
    };
    format!("(père) visiteur web {peer} (fils {pid}) refusé : {why}")
}

/// What a client said. Not a `String`: it goes straight where it is printed, as often as there are messages.
pub fn said(pid: Pid, message: &[u8]) -> impl Display {
    Said(pid, Visible(trim_end(message)))
}

struct Said<'a>(Pid, Visible<'a>);

impl Display for Said<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Said(pid, text) = self;
        write!(f, "(fils {pid}) {text}")
    }
}

/// A client's process has ended, for whatever reason.
pub fn departed(client: &Connection, ended: Ended, count: usize) -> String {
    let (pid, peer) = (client.pid, client.peer);
    let why = match client.why_it_left() {
        _ if client.sent_away.is_some() => "a été déconnecté".to_string(),
        Some(0) => "est parti".to_string(),
        Some(IDLE) => "n'a rien dit pendant trop longtemps".to_string(),
        Some(left) => match code_of(left) {
            Some(1000 | 1001 | NO_CODE) => "est parti".to_string(),
            Some(code) => format!("est parti (WebSocket : code {code})"),
            None => format!("a disparu ({})", system_reason(left)),
        },
        None => MESSAGES.child_lost(ended),
    };
    format!("(père) le client {peer} {why} ; fils {pid} terminé, {count} en ligne")
}

/// A client was dropped because it does not read, or not fast enough.
pub fn too_slow(client: &Connection, lag: Lag) -> String {
    let (pid, peer, bytes, since) = (client.pid, client.peer, lag.bytes, seconds(lag.since));
    format!(
        "(père) le client {peer} (fils {pid}) lit trop lentement : {bytes} octets de retard depuis {since} ; déconnecté"
    )
}

/// What such a client is told, where that is still possible.
pub fn you_are_too_slow(lag: Lag) -> String {
    format!("vous lisez trop lentement ({} octets de retard), vous êtes déconnecté", lag.bytes)
}

/// A client's first words were a header of another protocol.
pub fn foreign(client: &Connection, messages: &[u8]) -> String {
    let (pid, peer) = (client.pid, client.peer);
    let line = messages.split(|byte| matches!(byte, b'\r' | b'\n' | 0)).next().unwrap_or_default();
    let line = Visible(&line[..line.len().min(80)]);
    format!("(père) client {peer} (fils {pid}) refusé : il parle un autre protocole (« {line} »)")
}

/// What such a client is told.
pub fn wrong_protocol() -> &'static str {
    "ceci est une messagerie, pas un serveur web ni de courrier"
}

/// How what a client is told begins whose message was not passed on.
pub const NOT_SAID: &str = "message non transmis";

/// A message was not passed on, because of its name.
pub fn not_said(client: &Connection, NameTaken { name, times }: &NameTaken) -> String {
    let (pid, peer, name) = (client.pid, client.peer, visible(name.as_bytes()));
    format!(
        "(père) un message du client {peer} (fils {pid}) n'est pas transmis : le pseudo « {name} » est celui d'un autre \
         ({times} en tout)"
    )
}

/// What its client is told.
pub fn name_is_taken(name: &str) -> String {
    let name = visible(name.as_bytes());
    format!("{NOT_SAID} : le pseudo « {name} » est déjà pris, choisissez-en un qui ne lui ressemble pas")
}

/// What a client is told that has said nothing for so long.
pub fn you_were_idle(time: Duration) -> String {
    format!("vous n'avez rien dit depuis {} s, vous êtes déconnecté", time.as_secs())
}

/// The line at the start: where the transcript goes.
pub fn transcribes(path: &Path) -> String {
    format!("(père) ce qui se dit est noté dans {} (SIGHUP le rouvre)", shown(path))
}

/// There is no server without the transcript that was asked for.
pub fn cannot_transcribe(path: &Path) -> String {
    format!("impossible de tenir la transcription {}", shown(path))
}

/// Why not, for what is there but may hold a write for ever.
pub fn no_ordinary_file() -> &'static str {
    "ce n'est pas un fichier ordinaire"
}

/// Why not, for a symbolic link.
pub fn is_a_link() -> &'static str {
    "c'est un lien symbolique"
}

/// Why not, for a file that somebody else has made.
pub fn is_anothers() -> &'static str {
    "il appartient à un autre utilisateur"
}

/// Why not, for the file of another server.
pub fn is_in_use() -> &'static str {
    "un autre serveur y écrit déjà"
}

/// What failed, where it is the directory of the transcript.
pub fn directory(path: &Path) -> String {
    format!("répertoire {}", shown(path))
}

/// A file that was there already lets others see what is said.
pub fn transcript_is_open_to_others(path: &Path, bits: u32) -> String {
    format!(
        "(père) attention : d'autres utilisateurs ont accès à la transcription {} (leurs droits : {bits:03o})",
        shown(path)
    )
}

/// After SIGHUP.
pub fn transcript_reopened(path: &Path) -> String {
    format!("(père) SIGHUP reçu : la transcription continue dans {}", shown(path))
}

/// After SIGHUP, where that fails.
pub fn transcript_not_reopened(error: &anyhow::Error, goes_on: bool) -> String {
    let then = if goes_on { "elle continue dans l'ancien fichier" } else { "elle reste arrêtée" };
    format!("(père) SIGHUP reçu : {} ; {then}", visible(format!("{error:#}").as_bytes()))
}

/// The disk is full, or the like.
pub fn transcript_stops(path: &Path, error: &io::Error) -> String {
    let reason = error.raw_os_error().map_or("rien n'est écrit", system_reason);
    format!(
        "(père) la transcription {} s'arrête : {reason} ; la salle continue (SIGHUP réessaie)",
        shown(path)
    )
}

fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
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

fn seconds(duration: Duration) -> String {
    format!("{:.1} s", duration.as_secs_f64()).replace('.', ",")
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
