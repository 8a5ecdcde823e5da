//! Catalogue of the French texts of `chat_serveur`: one function or constant per text, so that a
//! text can be reworded or translated without touching the code that prints it.
//!
//! - Lines of standard output and standard error begin with `(père)` for the first process or
//!   `(fils PID)` for a child. A text without such a mark goes to a client, or into an error that
//!   the caller prints.
//! - A text is one line without its newline, except [`WELCOME_TO_LINES`].
//! - Bytes from the network or of a path pass through [`Visible`].
//! - "With `-v`" marks the lines of [`super::options::Verbosity::Hops`].

use std::collections::BTreeMap;
use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::os::fd::RawFd;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use super::message::trim;
use super::names::NameTaken;
use super::web::ws_decode::NO_STATUS;
use crate::cli::{Language, catalogue};
use crate::hub::connection::{Connection, Lag};
use crate::hub::record::{IDLE, close_code};
use crate::server::Messages;
use crate::sys::{Ended, Pid, ScopedAddress, system_reason};
use crate::text::{Visible, from_fn, visible};

const MESSAGES: Messages = Messages(Language::French);

catalogue! {
    /// At the start: the line listener is open.
    ready_for_lines(address: SocketAddr) where address = ScopedAddress::from(address) =>
        "(père) en attente de clients en lignes de texte sur {address}";
    /// A client is in the room: `by` is empty, or ` (web)` for a browser.
    joined(client: &Connection, by: &str, count: usize)
        where Connection { pid, peer, .. } = client, descriptor = client.descriptor() =>
        "(père) nouveau client {peer}{by} : descripteur {descriptor}, fils {pid}, {count} en ligne";
    /// With `-v`: a connection to the web listener.
    visited(client: &Connection)
        where Connection { pid, peer, .. } = client, descriptor = client.descriptor() =>
        "(père) visiteur web {peer} : descripteur {descriptor}, fils {pid}";
    /// With `-v`: the status of an HTTP response.
    answered(client: &Connection, status: &str) where Connection { pid, peer, .. } = client =>
        "(père) visiteur web {peer} (fils {pid}) : réponse {status}";
    /// A slow reader is disconnected.
    too_slow(client: &Connection, lag: Lag)
        where Connection { pid, peer, .. } = client, bytes = lag.bytes,
              since = format!("{:.1} s", lag.since.as_secs_f64()).replace('.', ",") =>
        "(père) le client {peer} (fils {pid}) lit trop lentement : {bytes} octets de retard depuis {since} ; déconnecté";
    /// The notice to that client.
    you_are_too_slow(lag: Lag) where bytes = lag.bytes =>
        "vous lisez trop lentement ({bytes} octets de retard), vous êtes déconnecté";
    /// A message was refused for its name.
    not_said(client: &Connection, taken: &NameTaken)
        where Connection { pid, peer, .. } = client, name = visible(taken.name.as_bytes()), times = taken.times =>
        "(père) un message du client {peer} (fils {pid}) n'est pas transmis : le pseudo « {name} » est celui d'un autre \
         ({times} en tout)";
    /// The notice to its client.
    name_is_taken(name: &str) where name = visible(name.as_bytes()) =>
        "{NOT_SAID} : le pseudo « {name} » est déjà pris (c'est ce qui précède « : »), choisissez-en un qui ne lui ressemble pas";
    /// Notice to a client over `--idle-timeout`.
    you_were_idle(time: Duration) where seconds = time.as_secs() =>
        "vous n'avez rien dit depuis {seconds} s, vous êtes déconnecté";
    /// At the start: where the transcript goes.
    transcribes(path: &Path) where path = shown(path) =>
        "(père) ce qui se dit est noté dans {path} (SIGHUP le rouvre)";
    /// Error at the start.
    cannot_transcribe(path: &Path) where path = shown(path) => "impossible de tenir la transcription {path}";
    /// Context of an error of the transcript's directory.
    directory(path: &Path) where path = shown(path) => "répertoire {path}";
    /// Warning: the file existed, with permission `bits` for group or others.
    transcript_is_open_to_others(path: &Path, bits: u32) where path = shown(path) =>
        "(père) attention : d'autres utilisateurs ont accès à la transcription {path} (leurs droits : {bits:03o})";
    transcript_reopened(path: &Path) where path = shown(path) =>
        "(père) SIGHUP reçu : la transcription continue dans {path}";
    /// With `-v`: client to child.
    hop_read(pid: Pid, descriptor: RawFd, bytes: u32) =>
        "(fils {pid}) read(descripteur {descriptor}) : {bytes} octets de son client";
    /// With `-v`: child to hub.
    hop_pipe(pid: Pid, header: usize, body: usize) where size = header + body =>
        "(père) read(descripteur 3) : un enregistrement de {size} octets que le fils {pid} a écrit dans le tube \
         (descripteur 4) : {header} d'en-tête, {body} de message";
}

/// At the start: the web listener is open. On an address that no browser can connect to, the URL
/// has the name of the `machine`: the unspecified address, and one with an interface, which
/// browsers do not take in a URL (RFC 6874).
pub fn ready_for_browsers(address: SocketAddr, machine: &str) -> String {
    let port = address.port();
    let has_interface = matches!(address, SocketAddr::V6(address) if address.scope_id() != 0);
    let url = match (address.ip().is_unspecified(), machine.split('.').next().unwrap_or_default()) {
        (_, "") => format!("http://{address}/"),
        (true, _) => format!("http://{machine}:{port}/ (ou l'adresse IP de cette machine)"),
        (_, name) if has_interface => {
            let address = ScopedAddress::from(address);
            format!("http://{name}.local:{port}/ (par mDNS : aucun navigateur ne prend {address})")
        }
        _ => format!("http://{address}/"),
    };
    format!("(père) en attente de navigateurs sur {url}")
}

/// Greeting of the line listener, as it is sent.
pub const WELCOME_TO_LINES: &str = "Bienvenue : chaque ligne que vous envoyez va à tous.\r\n";

/// Refused by the check of the Host header (`by_name`) or of the Origin header.
pub fn foreign_visitor(client: &Connection, by_name: bool) -> String {
    let (pid, peer) = (client.pid, client.peer);
    let why = match by_name {
        true => "l'en-tête Host n'est pas une adresse de ce serveur (--origin en nomme)",
        false => "l'en-tête Origin est celui d'un autre site (--origin nomme ceux du serveur)",
    };
    format!("(père) visiteur web {peer} (fils {pid}) refusé : {why}")
}

/// A message. Formatted where it is printed, without a `String` for each.
pub fn said(pid: Pid, message: &[u8]) -> impl Display {
    let text = Visible(trim(message));
    from_fn(move |f| write!(f, "(fils {pid}) {text}"))
}

/// A client's child has ended.
pub fn departed(client: &Connection, ended: Ended, count: usize) -> String {
    let (pid, peer) = (client.pid, client.peer);
    let why = match client.end_reason() {
        _ if client.last_words.is_some() => "a été déconnecté".to_string(),
        Some(0) => "est parti".to_string(),
        Some(IDLE) => "n'a rien dit pendant trop longtemps".to_string(),
        Some(left) => match close_code(left) {
            Some(1000 | 1001 | NO_STATUS) => "est parti".to_string(),
            Some(code) => format!("est parti (WebSocket : code {code})"),
            None => format!("a disparu ({})", system_reason(left)),
        },
        None => MESSAGES.child_lost(ended),
    };
    format!("(père) le client {peer} {why} ; fils {pid} terminé, {count} en ligne")
}

/// Start of every notice that a message was refused.
pub const NOT_SAID: &str = "message non transmis";

/// Reason: a FIFO or a device, where a write may block.
pub const NO_ORDINARY_FILE: &str = "ce n'est pas un fichier ordinaire";
pub const NO_DIRECTORY: &str = "son répertoire n'existe pas";
pub const IS_A_LINK: &str = "c'est un lien symbolique";
pub const IS_ANOTHERS: &str = "il appartient à un autre utilisateur";
/// Reason: locked by another server.
pub const IS_IN_USE: &str = "un autre serveur y écrit déjà";

/// `goes_on`: the old file is still open.
pub fn transcript_not_reopened(error: &anyhow::Error, goes_on: bool) -> String {
    let then = if goes_on { "elle continue dans l'ancien fichier" } else { "elle reste arrêtée" };
    format!("(père) SIGHUP reçu : {} ; {then}", visible(Language::French.reasons(error).as_bytes()))
}

pub fn transcript_stops(path: &Path, error: &io::Error) -> String {
    let reason = error.raw_os_error().map_or_else(|| "rien n'est écrit".to_string(), system_reason);
    format!(
        "(père) la transcription {} s'arrête : {reason} ; la salle continue (SIGHUP réessaie)",
        shown(path)
    )
}

fn shown(path: &Path) -> String {
    visible(path.as_os_str().as_bytes())
}

/// With `-v`: hub to clients, a line for each number of bytes sent.
pub fn hops_send(descriptors_by_size: &BTreeMap<usize, Vec<RawFd>>) -> String {
    let hop = |(bytes, descriptors): (&usize, &Vec<RawFd>)| {
        let list: Vec<String> = descriptors.iter().map(RawFd::to_string).collect();
        let (count, plural, list) = (list.len(), if list.len() > 1 { "s" } else { "" }, list.join(" "));
        format!("(père) send : {bytes} octets à {count} client{plural} (descripteur{plural} {list})")
    };
    descriptors_by_size.iter().map(hop).collect::<Vec<_>>().join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_printed_on_one_line() {
        let pid = Pid::from_raw(7);
        assert_eq!(said(pid, b"alice : bonjour\n\0\0").to_string(), "(fils 7) alice : bonjour");
        assert_eq!(said(pid, b"x\n(p\xc3\xa8re) faux\x1b[1A\0").to_string(), "(fils 7) x^J(père) faux^[[1A");
        assert_eq!(said(pid, b"\n\0").to_string(), "(fils 7) ");
    }
}
