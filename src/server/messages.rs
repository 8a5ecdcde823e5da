//! What every server says to the one who runs it, in its program's language. `(père)`, `(supervisor)` marks what concerns the
//! first process.

use std::io;
use std::net::SocketAddr;

use crate::cli::Language::{self, English, French};
use crate::sys::{Ended, Layer, Pid, Sandbox, Signal};

/// The words of one language.
#[derive(Clone, Copy, Debug)]
pub struct Messages(pub Language);

impl Messages {
    /// The first line: the server is ready.
    pub fn ready(self, address: SocketAddr) -> String {
        let pid = Pid::this();
        match self.0 {
            French => format!("(père) en attente de clients sur {address} (pid {pid} ; Ctrl+C arrête)"),
            English => format!("(parent) waiting for clients on {address} (pid {pid}; Ctrl+C stops)"),
        }
    }

    /// No server without a socket that listens.
    pub fn cannot_listen(self, address: SocketAddr) -> String {
        match self.0 {
            French => format!("impossible d'écouter sur {address}"),
            English => format!("cannot listen on {address}"),
        }
    }

    /// The server cannot run as this user.
    pub fn cannot_become(self, name: &str) -> String {
        match self.0 {
            French => format!("impossible de devenir l'utilisateur « {name} »"),
            English => format!("cannot become the user \"{name}\""),
        }
    }

    /// There is no such user.
    pub fn unknown_user(self, name: &str) -> String {
        match self.0 {
            French => format!("aucun utilisateur ne s'appelle « {name} » (--user)"),
            English => format!("no user is called \"{name}\" (--user)"),
        }
    }

    /// Who it runs as.
    pub fn runs_as(self, name: &str, uid: u32) -> String {
        match self.0 {
            French => format!("(père) désormais {name} (uid {uid}), sans retour"),
            English => format!("(parent) now {name} (uid {uid}), without a way back"),
        }
    }

    /// No children, no walls.
    pub fn no_children_to_confine(self) -> &'static str {
        match self.0 {
            French => "(père) sans fils, rien n'est confiné",
            English => "(parent) without children, nothing is confined",
        }
    }

    /// What confines each child, or why something does not.
    pub fn confined(self, sandbox: &Sandbox) -> String {
        let (limits, seccomp) = (self.limits(sandbox), self.seccomp(sandbox));
        match self.0 {
            French => format!("(père) chaque fils est confiné : {limits} ; {seccomp}"),
            English => {
                let files = self.files(sandbox);
                format!("(parent) each child is confined: {limits}; {seccomp}{files}")
            }
        }
    }

    fn limits(self, sandbox: &Sandbox) -> &'static str {
        match (self.0, sandbox.limits()) {
            (French, Layer::Up(true)) => "limites (ni processus, ni core, ni écriture dans un fichier)",
            (French, Layer::Up(false)) => "limites (ni processus, ni core)",
            (French, _) => "aucune limite (--no-limits)",
            (English, Layer::Up(true)) => "limits (no process, no core, no writing to a file)",
            (English, Layer::Up(false)) => "limits (no process, no core)",
            (English, _) => "no limits (--no-limits)",
        }
    }

    /// Of the one server that writes files, which speaks English.
    fn files(self, sandbox: &Sandbox) -> String {
        match sandbox.fence() {
            Layer::Up(_) => "; landlock (files in its directory alone)".to_string(),
            Layer::Lacking(reason) => format!("; no landlock (the system has none: {reason})"),
            Layer::Unwanted => String::new(),
        }
    }

    fn seccomp(self, sandbox: &Sandbox) -> String {
        match (self.0, sandbox.seccomp()) {
            (French, Layer::Up(filter)) => {
                format!("seccomp ({} appels système, EPERM sinon)", filter.calls())
            }
            (French, Layer::Unwanted) => "pas de seccomp (--no-seccomp)".to_string(),
            (French, Layer::Lacking(reason)) => format!("pas de seccomp (le système n'en a pas : {reason})"),
            (English, Layer::Up(filter)) => format!("seccomp ({} system calls, else EPERM)", filter.calls()),
            (English, Layer::Unwanted) => "no seccomp (--no-seccomp)".to_string(),
            (English, Layer::Lacking(reason)) => format!("no seccomp (the system has none: {reason})"),
        }
    }

    /// Nothing more will be printed, and why.
    pub fn foreign_terminal(self) -> &'static str {
        match self.0 {
            French => {
                "(père) ce terminal est à quelqu'un d'autre et pourrait bloquer le serveur : rien d'autre ne s'y affiche"
            }
            English => {
                "(parent) this terminal is somebody else's and could block the server: nothing more is shown on it"
            }
        }
    }

    /// One client too many, for the one who runs the server.
    pub fn refused_full(self, peer: SocketAddr, most: usize) -> String {
        let most = clients(most);
        match self.0 {
            French => {
                format!("(père) client {peer} refusé : la salle est pleine ({most} au plus, --max-clients)")
            }
            English => {
                format!("(parent) client {peer} refused: the server is full (at most {most}, --max-clients)")
            }
        }
    }

    /// What that client is told.
    pub fn room_is_full(self, most: usize) -> String {
        let most = clients(most);
        match self.0 {
            French => format!("la salle est pleine ({most} au plus), réessayez plus tard"),
            English => format!("the server is full (at most {most}), try again later"),
        }
    }

    /// One client too many of an address, for the one who runs the server.
    pub fn refused_address(self, peer: SocketAddr, most: usize) -> String {
        let most = clients(most);
        match self.0 {
            French => {
                format!("(père) client {peer} refusé : {most} au plus d'une même adresse (--max-per-address)")
            }
            English => {
                format!("(parent) client {peer} refused: at most {most} of one address (--max-per-address)")
            }
        }
    }

    /// What that client is told.
    pub fn too_many_from_your_address(self, most: usize) -> String {
        let most = clients(most);
        match self.0 {
            French => format!("votre adresse a déjà toutes ses places ({most} au plus), réessayez plus tard"),
            English => format!("your address has all its places already (at most {most}), try again later"),
        }
    }

    /// A client for whom no process could be made, for the one who runs the server.
    pub fn fork_failed(self, peer: SocketAddr, reason: &io::Error) -> String {
        match self.0 {
            French => format!("(père) client {peer} refusé : fork impossible : {reason}"),
            English => format!("(parent) client {peer} refused: cannot fork: {reason}"),
        }
    }

    /// What that client is told.
    pub fn no_process_for_you(self) -> &'static str {
        match self.0 {
            French => "le serveur ne peut plus créer de processus, réessayez plus tard",
            English => "the server cannot make another process, try again later",
        }
    }

    /// No descriptor is left for another client.
    pub fn accept_paused(self, reason: &io::Error) -> String {
        match self.0 {
            French => format!(
                "(père) accept impossible : {reason} ; les nouveaux clients attendent qu'un descripteur se libère"
            ),
            English => {
                format!("(parent) cannot accept: {reason}; new clients wait until a descriptor is free")
            }
        }
    }

    /// The limit of descriptors is lower than what was asked for.
    pub fn descriptor_limit_is_low(self, limit: u64, most: usize) -> String {
        match self.0 {
            French => {
                format!(
                    "(père) limite de {limit} descripteurs : moins de {most} clients tiendront (voir ulimit -n)"
                )
            }
            English => {
                format!(
                    "(parent) limit of {limit} descriptors: fewer than {most} clients will fit (see ulimit -n)"
                )
            }
        }
    }

    /// Somebody wrote into the pipe what is no record of a living child, for the `count`th time.
    pub fn bad_record(self, count: u64) -> String {
        match self.0 {
            French => {
                format!("(père) le tube contient autre chose que des enregistrements ({count} fois) : ignoré")
            }
            English => {
                format!("(parent) the pipe holds something else than records ({count} times): ignored")
            }
        }
    }

    /// Lines that could not be written.
    pub fn lines_dropped(self, count: u64) -> String {
        match self.0 {
            French => format!("(père) {count} lignes n'ont pas pu être écrites"),
            English => format!("(parent) {count} lines could not be written"),
        }
    }

    /// The server was asked to stop.
    pub fn stopping(self, signal: Signal, count: usize) -> String {
        match self.0 {
            French => format!("(père) {signal} reçu : arrêt, {count} en ligne"),
            English => format!("(parent) {signal} received: stopping, {count} connected"),
        }
    }

    /// A child ended in a way that no client's leaving explains.
    pub fn child_lost(self, ended: Ended) -> String {
        match (self.0, ended) {
            (French, Ended::Signal(signal)) => format!("a perdu son fils, tué par {signal}"),
            (French, Ended::Status(status)) => format!("a perdu son fils, fini avec le statut {status}"),
            (English, Ended::Signal(signal)) => format!("lost its child, killed by {signal}"),
            (English, Ended::Status(status)) => format!("lost its child, ended with status {status}"),
        }
    }
}

/// So many clients, in both languages.
fn clients(count: usize) -> String {
    let plural = if count > 1 { "s" } else { "" };
    format!("{count} client{plural}")
}
