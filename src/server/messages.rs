//! The servers' texts for the operator and for refused clients. `(père)` and `(parent)` mark those
//! about the first process.

use std::fmt::Display;
use std::io;
use std::net::SocketAddr;

use crate::cli::Language::{self, English, French};
use crate::cli::catalogue;
use crate::sys::{Ended, Layer, Pid, Sandbox, Signal};

/// The catalogue in one language.
#[derive(Clone, Copy, Debug)]
pub struct Messages(pub Language);

catalogue! {
    impl Messages, |self| self.0;
    ready(address: SocketAddr) where pid = Pid::this() =>
        "(père) en attente de clients sur {address} (pid {pid} ; Ctrl+C arrête)",
        "(parent) waiting for clients on {address} (pid {pid}; Ctrl+C stops)";
    cannot_listen(address: SocketAddr) =>
        "impossible d'écouter sur {address}",
        "cannot listen on {address}";
    cannot_become(name: &str) =>
        "impossible de devenir l'utilisateur « {name} »",
        "cannot become the user \"{name}\"";
    unknown_user(name: &str) =>
        "aucun utilisateur ne s'appelle « {name} » (--user)",
        "no user is called \"{name}\" (--user)";
    runs_as(name: &str, uid: u32) =>
        "(père) désormais {name} (uid {uid}), sans retour",
        "(parent) now {name} (uid {uid}), without a way back";
    no_children_to_confine =>
        "(père) sans fils, rien n'est confiné",
        "(parent) without children, nothing is confined";
    confined_by(limits: &str, seccomp: &str, landlock: &str) =>
        "(père) chaque fils est confiné : {limits} ; {seccomp}{landlock}",
        "(parent) each child is confined: {limits}; {seccomp}{landlock}";
    foreign_terminal =>
        "(père) ce terminal est à quelqu'un d'autre et pourrait bloquer le serveur : rien d'autre ne s'y affiche",
        "(parent) this terminal is somebody else's and could block the server: nothing more is shown on it";
    refused_full(peer: SocketAddr, most: usize) where most = clients(most) =>
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
    fork_failed(peer: SocketAddr, reason: &io::Error) =>
        "(père) client {peer} refusé : fork impossible : {reason}",
        "(parent) client {peer} refused: cannot fork: {reason}";
    no_process_for_you =>
        "le serveur ne peut plus créer de processus, réessayez plus tard",
        "the server cannot make another process, try again later";
    accept_paused(reason: &io::Error) =>
        "(père) accept impossible : {reason} ; les nouveaux clients attendent qu'un descripteur se libère",
        "(parent) cannot accept: {reason}; new clients wait until a descriptor is free";
    descriptor_limit_is_low(limit: u64, most: usize) =>
        "(père) limite de {limit} descripteurs : moins de {most} clients tiendront (voir ulimit -n)",
        "(parent) limit of {limit} descriptors: fewer than {most} clients will fit (see ulimit -n)";
    bad_record(count: u64) =>
        "(père) le tube contient autre chose que des enregistrements ({count} fois) : ignoré",
        "(parent) the pipe holds something else than records ({count} times): ignored";
    lines_dropped(count: u64) =>
        "(père) {count} lignes n'ont pas pu être écrites",
        "(parent) {count} lines could not be written";
    stopping(signal: Signal, count: usize) =>
        "(père) {signal} reçu : arrêt, {count} en ligne",
        "(parent) {signal} received: stopping, {count} connected";
}

impl Messages {
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
            (French, Layer::Lacking(reason)) => format!("pas de seccomp (le système n'en a pas : {reason})"),
            (English, Layer::Up(filter)) => format!("seccomp ({} system calls, else EPERM)", filter.calls()),
            (English, Layer::Unwanted) => "no seccomp (--no-seccomp)".to_string(),
            (English, Layer::Lacking(reason)) => format!("no seccomp (the system has none: {reason})"),
        };
        // In English alone, as the one server that writes files.
        let landlock = match (self.0, sandbox.landlock()) {
            (English, Layer::Up(_)) => "; landlock (files in its directory alone)".to_string(),
            (English, Layer::Lacking(reason)) => format!("; no landlock (the system has none: {reason})"),
            _ => String::new(),
        };
        self.confined_by(limits, &seccomp, &landlock)
    }
}

/// A number and its noun, in both languages.
fn clients(count: usize) -> String {
    let plural = if count > 1 { "s" } else { "" };
    format!("{count} client{plural}")
}
