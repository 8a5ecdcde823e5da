//! Messages of every client to its user, in its program's language.

use std::io;
use std::time::Duration;

use crate::cli::Language::{self, English, French};
use crate::cli::{Program, catalogue};
use crate::sys::plain_reason;

#[derive(Clone, Copy, Debug)]
pub struct Messages {
    pub program: Program,
}

catalogue! {
    impl Messages, |self| self.program.language;
    interrupted => "interrompu, au revoir", "interrupted, goodbye";
    end_of_input => "fin de l'entrée, au revoir", "end of input, goodbye";
    /// The server closed its side.
    closed => "le serveur a fermé la connexion", "the server closed the connection";
    broken => "la connexion au serveur est rompue", "the connection to the server is broken";
    /// The server has not answered our half-close with its own.
    not_closed =>
        "fin de l'entrée, mais le serveur n'a pas fermé la connexion",
        "end of input, but the server did not close the connection";
    /// Whatever is tried fails: poll, or a call on what poll has reported as ready.
    stuck =>
        "le système refuse d'attendre, de lire ou d'écrire, réessayez plus tard",
        "the system refuses to wait, read or write, try again later";
    no_keyboard => "impossible de lire le clavier", "cannot read the keyboard";
    no_output(reason: &str) =>
        "impossible d'écrire sur la sortie standard : {reason}",
        "cannot write to standard output: {reason}";
    no_terminal => "impossible d'écrire sur le terminal", "cannot write to the terminal";
    /// Status while bytes for the server are unsent.
    takes_nothing => "le serveur ne prend rien", "the server takes nothing";
    too_much_waits => "trop de lignes attendent, rien n'est pris", "too many lines wait, nothing is taken";
    /// The search goes on.
    not_yet(host: &str, port: u16, reason: &io::Error) where reason = plain_reason(reason) =>
        "aucun serveur ne répond encore à {host} port {port} ({reason}) ; on réessaie jusqu'à ce qu'il réponde, Ctrl+C abandonne",
        "no server answers yet at {host} port {port} ({reason}); trying until one does, Ctrl+C gives up";
    cannot_connect(host: &str, port: u16, reason: &io::Error) where
        hint = connect_hint(self.program.language, reason),
        reason = plain_reason(reason) =>
        "impossible de se connecter à {host} port {port} : {reason}{hint}",
        "cannot connect to {host} port {port}: {reason}{hint}";
    unreachable(host: &str, port: u16, tried: Duration, reason: &io::Error) where
        tried = tried.as_secs(),
        hint = connect_hint(self.program.language, reason),
        reason = plain_reason(reason) =>
        "aucun serveur ne répond à {host} port {port} (essayé {tried} s) : {reason}{hint}",
        "no server answers at {host} port {port} (tried for {tried} s): {reason}{hint}";
}

/// Advice behind the text of an error of connect(2).
fn connect_hint(language: Language, reason: &io::Error) -> &'static str {
    use io::ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut};
    match reason.kind() {
        ConnectionRefused => language.pick(
            " (aucun serveur n'écoute là : lancez-le, ou vérifiez l'adresse et le port)",
            " (no server listens there: start it, or check the address and the port)",
        ),
        HostUnreachable | NetworkUnreachable | TimedOut => {
            language.pick(" (vérifiez l'adresse et le réseau)", " (check the address and the network)")
        }
        _ => "",
    }
}

impl Messages {
    /// Parts of the status after the end of input, until queued lines are sent and the server has
    /// closed.
    pub fn leaving(self) -> [&'static str; 2] {
        self.program.language.pick(
            ["départ dès que possible", "Ctrl+D : tout de suite"],
            ["leaving when all is said", "Ctrl+D: at once"],
        )
    }

    pub fn waiting(self, lines: usize) -> String {
        match (self.program.language, lines) {
            (French, 0 | 1) => format!("{lines} ligne en attente"),
            (French, _) => format!("{lines} lignes en attente"),
            (English, 1) => "1 line waits".to_string(),
            (English, _) => format!("{lines} lines wait"),
        }
    }

    /// The closing message, with the number of lines that were taken and not sent.
    pub fn with_unsent(self, reason: &str, lines: usize) -> String {
        match (self.program.language, lines) {
            (_, 0) => reason.to_string(),
            (French, 1) => format!("{reason} (1 ligne n'est pas partie)"),
            (French, _) => format!("{reason} ({lines} lignes ne sont pas parties)"),
            (English, 1) => format!("{reason} (1 line was not sent)"),
            (English, _) => format!("{reason} ({lines} lines were not sent)"),
        }
    }

    /// Question after a paste of several lines, the longest form first. `is_cut`: more lines were
    /// pasted than kept.
    pub fn pasted(self, lines: usize, is_cut: bool) -> [String; 3] {
        let effect = match (self.program.language, is_cut) {
            (French, true) => "lignes collées (le reste est perdu) : Entrée les envoie, Échap renonce",
            (French, false) => "lignes collées : Entrée envoie chacune comme un message, Échap renonce",
            (English, true) => "lines pasted (the rest is lost): Enter sends each, Escape gives up",
            (English, false) => "lines pasted: Enter sends each, Escape gives up",
        };
        let question = self.program.language.pick("lignes : Entrée ou Échap ?", "lines: Enter or Escape?");
        let keys = self.program.language.pick("Entrée ou Échap", "Enter or Escape");
        [format!("{lines} {effect}"), format!("{lines} {question}"), keys.to_string()]
    }

    /// Question after a reconnection, about lines that may be lost, the longest form first.
    pub fn offered(self, lines: usize) -> [String; 3] {
        let (counted, not_heard) = match (self.program.language, lines) {
            (French, 1) => ("1 ligne".to_string(), "n'est pas revenue"),
            (French, _) => (format!("{lines} lignes"), "ne sont pas revenues"),
            (English, 1) => ("1 line".to_string(), "was not heard back"),
            (English, _) => (format!("{lines} lines"), "were not heard back"),
        };
        let (effect, question, short) = self.program.language.pick(
            (
                " : Entrée sur une ligne vide renvoie, Échap renonce",
                "à renvoyer : Entrée ou Échap ?",
                "à renvoyer ?",
            ),
            (
                ": Enter on an empty line sends again, Escape gives up",
                "to resend: Enter or Escape?",
                "to resend?",
            ),
        );
        [
            format!("{counted} {not_heard}{effect}"),
            format!("{counted} {question}"),
            format!("{lines} {short}"),
        ]
    }

    /// Notice after a paste that did not fit, the longest form first.
    pub fn line_is_full(self) -> [&'static str; 2] {
        self.program.language.pick(
            ["ligne pleine : la fin de ce qui a été collé n'y est pas", "ligne pleine"],
            ["the line is full: the end of what was pasted is not in it", "the line is full"],
        )
    }

    /// Prompt during a history search for `part`.
    pub fn search(self, part: &str, found: bool) -> String {
        match (self.program.language, found) {
            (French, true) => format!("(recherche « {part} ») "),
            (French, false) => format!("(« {part} » introuvable) "),
            (English, true) => format!("(search \"{part}\") "),
            (English, false) => format!("(no \"{part}\" found) "),
        }
    }
}
