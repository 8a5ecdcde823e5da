//! The servers' texts for the operator and for refused clients. `(père)` and `(parent)` mark those
//! about the first process.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;
use std::time::Duration;

use nix::unistd::geteuid;

use super::first_bytes::{Foreign, Protocol};
use crate::cli::Language::{self, English, French};
use crate::cli::catalogue;
use crate::sys::{Capabilities, Ended, Layer, Pid, Sandbox, ScopedAddress, Signal, plain_reason};

/// The catalogue in one language.
#[derive(Clone, Copy, Debug)]
pub struct Messages(pub Language);

catalogue! {
    impl Messages, |self| self.0;
    ready(address: SocketAddr) where address = ScopedAddress::from(address), pid = Pid::this() =>
        "(père) en attente de clients sur {address} (pid {pid} ; Ctrl+C arrête)",
        "(parent) waiting for clients on {address} (pid {pid}; Ctrl+C stops)";
    cannot_listen(address: SocketAddr, reason: &io::Error)
    where
        hint = listen_hint(self.0, address.port(), reason), address = ScopedAddress::from(address),
        reason = plain_reason(reason) =>
        "impossible d'écouter sur {address} : {reason}{hint}",
        "cannot listen on {address}: {reason}{hint}";
    cannot_become(name: &str) where hint = root_hint(self.0) =>
        "impossible de devenir l'utilisateur « {name} »{hint}",
        "cannot become the user \"{name}\"{hint}";
    unknown_user(name: &str) =>
        "aucun utilisateur ne s'appelle « {name} » (--user NOM, UID ou UID:GID)",
        "no user is called \"{name}\" (--user NAME, UID or UID:GID)";
    unknown_group(name: &str) =>
        "aucun groupe ne s'appelle « {name} » (--user NOM:GROUPE ou UID:GID)",
        "no group is called \"{name}\" (--user NAME:GROUP or UID:GID)";
    runs_as(name: &str, uid: u32) =>
        "(père) désormais {name} (uid {uid}), sans retour",
        "(parent) now {name} (uid {uid}), without a way back";
    no_children_to_confine =>
        "(père) sans fils, rien n'est confiné",
        "(parent) without children, nothing is confined";
    confined_by(limits: &str, seccomp: &str, landlock: &str, capabilities: &str) =>
        "(père) chaque fils est confiné : {limits} ; {seccomp}{landlock}{capabilities}",
        "(parent) each child is confined: {limits}; {seccomp}{landlock}{capabilities}";
    foreign_terminal =>
        "(père) ce terminal est à quelqu'un d'autre et pourrait bloquer le serveur : rien d'autre ne s'y affiche",
        "(parent) this terminal is somebody else's and could block the server: nothing more is shown on it";
    refused_full(peer: impl Display, most: usize) where most = clients(most) =>
        "(père) client {peer} refusé : la salle est pleine ({most} au plus, --max-clients)",
        "(parent) client {peer} refused: the server is full (at most {most}, --max-clients)";
    room_is_full(most: usize) where most = clients(most) =>
        "la salle est pleine ({most} au plus), réessayez plus tard",
        "the server is full (at most {most}), try again later";
    refused_address(peer: impl Display, most: usize) where most = clients(most) =>
        "(père) client {peer} refusé : {most} au plus d'une même adresse (--max-per-address)",
        "(parent) client {peer} refused: at most {most} of one address (--max-per-address)";
    too_many_from_your_address(most: usize) where most = clients(most) =>
        "votre adresse a déjà toutes ses places ({most} au plus), réessayez plus tard",
        "your address has all its places already (at most {most}), try again later";
    refused_penalty(peer: impl Display, left: Duration) where left = left.as_secs() + 1 =>
        "(père) client {peer} refusé, pour {left} s encore : trop de fils ont planté pour son adresse (--no-penalties)",
        "(parent) client {peer} refused, for {left} s more: too many children have crashed for its address (--no-penalties)";
    your_address_has_to_wait(left: Duration) where left = left.as_secs() + 1 =>
        "trop de processus ont planté pour votre adresse, réessayez dans {left} s",
        "too many processes have crashed for your address, try again in {left} s";
    gave_its_place(peer: impl Display) =>
        "(père) client {peer} déconnecté : tout est plein, et son adresse ou son réseau a plus de places que ceux d'un nouveau client",
        "(parent) client {peer} disconnected: all is full, and its address or network has more places than those of a new client";
    child_gave_its_place(child: Pid) =>
        "(père) le client du fils {child} est déconnecté : tout est plein, et son adresse ou son réseau a plus de places que ceux d'un nouveau client",
        "(parent) the client of child {child} disconnected: all is full, and its address or network has more places than those of a new client";
    place_is_given =>
        "tout est plein, et votre adresse ou votre réseau a plusieurs places : votre place va à une autre adresse",
        "all is full, and your address or network has several places: your place goes to another address";
    too_many_without_request =>
        "trop de connexions attendent ici sans rien demander, réessayez",
        "too many connections wait here without a request, try again";
    fork_failed(peer: impl Display, reason: &io::Error) where reason = plain_reason(reason) =>
        "(père) client {peer} refusé : fork impossible : {reason}",
        "(parent) client {peer} refused: cannot fork: {reason}";
    no_process_for_you =>
        "le serveur ne peut plus créer de processus, réessayez plus tard",
        "the server cannot make another process, try again later";
    accept_paused(reason: &io::Error) where reason = plain_reason(reason) =>
        "(père) accept impossible : {reason} ; les nouveaux clients attendent, nouvel essai au départ d'un client, ou bientôt",
        "(parent) cannot accept: {reason}; new clients wait, tried again when a client leaves, or soon";
    poll_failed(reason: &io::Error, count: u64) where reason = plain_reason(reason) =>
        "(père) poll impossible ({count} fois) : {reason} ; le serveur continue plus lentement",
        "(parent) cannot poll ({count} times): {reason}; the server goes on more slowly";
    turns_are_idle(count: u64) =>
        "(père) le système annonce des événements et n'en livre aucun ({count} fois) : le serveur ralentit",
        "(parent) the system reports events and delivers none ({count} times): the server slows down";
    no_memory_to_send(count: usize) where count = clients(count) =>
        "(père) depuis une seconde, le système n'a pas de mémoire pour envoyer à {count} : nouvel essai toutes les 20 ms",
        "(parent) for a second, the system has had no memory to send to {count}: tried again every 20 ms";
    descriptor_limit_is_low(limit: u64, most: usize) where most = clients(most) =>
        "(père) limite de {limit} descripteurs : {most} au plus (voir ulimit -n)",
        "(parent) limit of {limit} descriptors: at most {most} (see ulimit -n)";
    refused_foreign(child: Pid, peer: impl Display, reason: &str) =>
        "(père) client {peer} (fils {child}) refusé : {reason}",
        "(parent) client {peer} (child {child}) refused: {reason}";
    speaks_another_protocol(foreign: &Foreign)
        where french = foreign.shown(["« ", " »"]), english = foreign.shown(["\"", "\""]) =>
        "il parle un autre protocole ({french})",
        "it speaks another protocol ({english})";
    sends_control_characters(foreign: &Foreign)
        where french = foreign.shown(["« ", " »"]), english = foreign.shown(["\"", "\""]) =>
        "il envoie des caractères de contrôle, pas du texte ({french})",
        "it sends control characters, not text ({english})";
    no_web_server =>
        "ceci n'est pas un serveur web ni de courrier",
        "this is not a web server, nor one for mail";
    text_is_expected =>
        "du texte est attendu ici, pas des caractères de contrôle",
        "text is expected here, not control characters";
    bad_record(count: u64) =>
        "(père) le tube contient autre chose que des enregistrements ({count} fois) : ignoré",
        "(parent) the pipe holds something else than records ({count} times): ignored";
    forged_record(count: u64) =>
        "(père) le tube contient des enregistrements sans la clé de leur fils ({count} fois) : ignorés",
        "(parent) the pipe holds records without the key of their child ({count} times): ignored";
    forger_ended(forger: Pid, peer: impl Display, claimed: Pid) =>
        "(père) le fils {forger} du client {peer} a écrit au nom du fils {claimed} : arrêté",
        "(parent) child {forger} of client {peer} wrote in the name of child {claimed}: ended";
    no_output(reason: &io::Error) where reason = plain_reason(reason) =>
        "(père) impossible d'écrire sur la sortie standard : {reason} ; le serveur continue, ses lignes se perdent",
        "(parent) cannot write to standard output: {reason}; the server goes on, its lines are lost";
    lines_dropped(count: u64) =>
        "(père) {count} lignes n'ont pas pu être écrites",
        "(parent) {count} lines could not be written";
    stopping(signal: Signal, count: usize) =>
        "(père) {signal} reçu : arrêt, {count} en ligne",
        "(parent) {signal} received: stopping, {count} connected";
}

fn root_hint(language: Language) -> &'static str {
    if geteuid().is_root() { "" } else { language.pick(" (seul root le peut)", " (only root can)") }
}

/// Advice behind the text of an error of socket(2), setsockopt(2), bind(2) or listen(2).
fn listen_hint(language: Language, port: u16, reason: &io::Error) -> &'static str {
    match reason.kind() {
        io::ErrorKind::AddrInUse => language.pick(
            " (un autre programme y écoute : choisissez un autre port)",
            " (another program listens there: choose another port)",
        ),
        // EPERM, a security module's, is also of this kind.
        _ if reason.raw_os_error() == Some(libc::EACCES) && (1..1024).contains(&port) => language.pick(
            " (les ports au-dessous de 1024 sont à root : choisissez un autre port)",
            " (ports below 1024 are root's: choose another port)",
        ),
        io::ErrorKind::AddrNotAvailable => {
            language.pick(" (cette machine n'a pas cette adresse)", " (this machine has no such address)")
        }
        _ => "",
    }
}

impl Messages {
    /// Why a client is refused for its first bytes, for the operator.
    pub fn foreign(self, foreign: &Foreign) -> String {
        match foreign.protocol {
            Protocol::Binary => self.sends_control_characters(foreign),
            _ => self.speaks_another_protocol(foreign),
        }
    }

    /// The same for the client.
    pub fn wrong_protocol(self, foreign: &Foreign) -> &'static str {
        match foreign.protocol {
            Protocol::Binary => self.text_is_expected(),
            _ => self.no_web_server(),
        }
    }

    pub fn child_lost(self, ended: Ended) -> String {
        match (self.0, ended) {
            (French, Ended::Signal(signal)) => format!("a perdu son fils, tué par {signal}"),
            (French, Ended::Status(status)) => format!("a perdu son fils, fini avec le statut {status}"),
            (English, Ended::Signal(signal)) => format!("lost its child, killed by {signal}"),
            (English, Ended::Status(status)) => format!("lost its child, ended with status {status}"),
        }
    }

    /// The layers of each child's sandbox, or why one is missing.
    pub fn confined(self, sandbox: &Sandbox) -> String {
        let limits = match (self.0, sandbox.limits()) {
            (French, Some(true)) => "limites (ni processus, ni core, ni écriture dans un fichier)",
            (French, Some(false)) => "limites (ni processus, ni core)",
            (French, None) => "aucune limite (--no-limits)",
            (English, Some(true)) => "limits (no process, no core, no writing to a file)",
            (English, Some(false)) => "limits (no process, no core)",
            (English, None) => "no limits (--no-limits)",
        };
        let seccomp = match (self.0, sandbox.seccomp()) {
            (French, Layer::Up(filter)) => {
                format!("seccomp ({} appels système, EPERM sinon)", filter.calls())
            }
            (French, Layer::Unwanted) => "pas de seccomp (--no-seccomp)".to_string(),
            (French, Layer::Lacking(reason)) => {
                format!("pas de seccomp (le système n'en a pas : {})", plain_reason(reason))
            }
            (English, Layer::Up(filter)) => format!("seccomp ({} system calls, else EPERM)", filter.calls()),
            (English, Layer::Unwanted) => "no seccomp (--no-seccomp)".to_string(),
            (English, Layer::Lacking(reason)) => {
                format!("no seccomp (the system has none: {})", plain_reason(reason))
            }
        };
        // In English alone, as the one server that writes files.
        let landlock = match (self.0, sandbox.landlock()) {
            (English, Layer::Up(_)) => "; landlock (files in its directory alone)".to_string(),
            (English, Layer::Lacking(reason)) => {
                format!("; no landlock (the system has none: {})", plain_reason(reason))
            }
            _ => String::new(),
        };
        let capabilities = match (self.0, sandbox.capabilities().map(Capabilities::is_empty)) {
            (_, None) => "",
            (French, Some(_)) => " ; aucun des droits de root (capabilities)",
            (English, Some(true)) => "; none of root's capabilities",
            (English, Some(false)) => {
                "; CAP_DAC_OVERRIDE alone of root's capabilities (another user's directory)"
            }
        };
        self.confined_by(limits, &seccomp, &landlock, capabilities)
    }
}

/// A number and its noun, in both languages.
fn clients(count: usize) -> String {
    let plural = if count > 1 { "s" } else { "" };
    format!("{count} client{plural}")
}
