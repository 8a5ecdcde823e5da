//! What every client says to its user, in its program's language.

use std::io;
use std::time::Duration;

use crate::cli::Language::{English, French};
use crate::cli::Program;

/// The words of one program.
#[derive(Clone, Copy, Debug)]
pub struct Messages {
    /// Whose they are.
    pub program: Program,
}

impl Messages {
    /// The user has ended it by a signal.
    pub fn interrupted(self) -> &'static str {
        match self.program.language {
            French => "interrompu, au revoir",
            English => "interrupted, goodbye",
        }
    }

    /// The user has ended it by the end of the keyboard.
    pub fn end_of_input(self) -> &'static str {
        match self.program.language {
            French => "fin de l'entrée, au revoir",
            English => "end of input, goodbye",
        }
    }

    /// The server has ended it.
    pub fn closed(self) -> &'static str {
        match self.program.language {
            French => "le serveur a fermé la connexion",
            English => "the server closed the connection",
        }
    }

    /// The connection broke.
    pub fn broken(self) -> &'static str {
        match self.program.language {
            French => "la connexion au serveur est rompue",
            English => "the connection to the server is broken",
        }
    }

    /// The server does not answer the end of our side with the end of its own.
    pub fn not_closed(self) -> &'static str {
        match self.program.language {
            French => "fin de l'entrée, mais le serveur n'a pas fermé la connexion",
            English => "end of input, but the server did not close the connection",
        }
    }

    /// The keyboard cannot be read.
    pub fn no_keyboard(self) -> &'static str {
        match self.program.language {
            French => "impossible de lire le clavier",
            English => "cannot read the keyboard",
        }
    }

    /// The screen takes nothing any more, for this reason of the system's.
    pub fn no_output(self, reason: &str) -> String {
        match self.program.language {
            French => format!("impossible d'écrire sur la sortie standard : {reason}"),
            English => format!("cannot write to standard output: {reason}"),
        }
    }

    /// The user has no more to say, and what was typed before is not all said, or the server has not closed; and how not to wait.
    pub fn leaving(self) -> [&'static str; 2] {
        match self.program.language {
            French => ["départ dès que possible", "Ctrl+D : tout de suite"],
            English => ["leaving when all is said", "Ctrl+D: at once"],
        }
    }

    /// Bytes for the server wait.
    pub fn takes_nothing(self) -> &'static str {
        match self.program.language {
            French => "le serveur ne prend rien",
            English => "the server takes nothing",
        }
    }

    /// Typed lines are not taken, since too many wait.
    pub fn too_much_waits(self) -> &'static str {
        match self.program.language {
            French => "trop de lignes attendent, rien n'est pris",
            English => "too many lines wait, nothing is taken",
        }
    }

    /// So many typed lines cannot be said yet.
    pub fn waiting(self, lines: usize) -> String {
        match (self.program.language, lines) {
            (French, 0 | 1) => format!("{lines} ligne en attente"),
            (French, _) => format!("{lines} lignes en attente"),
            (English, 1) => "1 line waits".to_string(),
            (English, _) => format!("{lines} lines wait"),
        }
    }

    /// The terminal takes nothing any more.
    pub fn no_terminal(self) -> &'static str {
        match self.program.language {
            French => "impossible d'écrire sur le terminal",
            English => "cannot write to the terminal",
        }
    }

    /// So many lines were pasted at once, and more than that if `is_cut`: what is to become of them. The longest form first.
    pub(super) fn pasted(self, lines: usize, is_cut: bool) -> [String; 3] {
        match self.program.language {
            French => {
                let what = match is_cut {
                    true => " (le reste est perdu) : Entrée les envoie",
                    false => " : Entrée envoie chacune comme un message",
                };
                [
                    format!("{lines} lignes collées{what}, Échap renonce"),
                    format!("{lines} lignes : Entrée ou Échap ?"),
                    "Entrée ou Échap".to_string(),
                ]
            }
            English => {
                let lost = if is_cut { " (the rest is lost)" } else { "" };
                [
                    format!("{lines} lines pasted{lost}: Enter sends each, Escape gives up"),
                    format!("{lines} lines: Enter or Escape?"),
                    "Enter or Escape".to_string(),
                ]
            }
        }
    }

    /// Of a paste, the line has taken no more than fits. The longest form first.
    pub(super) fn line_is_full(self) -> [&'static str; 2] {
        match self.program.language {
            French => ["ligne pleine : la fin de ce qui a été collé n'y est pas", "ligne pleine"],
            English => ["the line is full: the end of what was pasted is not in it", "the line is full"],
        }
    }

    /// What stands before the line while `part` is searched for in those typed before.
    pub(super) fn search(self, part: &str, found: bool) -> String {
        match (self.program.language, found) {
            (French, true) => format!("(recherche « {part} ») "),
            (French, false) => format!("(« {part} » introuvable) "),
            (English, true) => format!("(search \"{part}\") "),
            (English, false) => format!("(no \"{part}\" found) "),
        }
    }

    pub(super) fn unknown_host(self, host: &str, reason: &io::Error) -> String {
        match self.program.language {
            French => format!("le nom « {host} » ne mène à aucune adresse : {reason}"),
            English => format!("the name \"{host}\" leads to no address: {reason}"),
        }
    }

    pub(super) fn unreachable(self, host: &str, port: u16, tried: Duration, reason: &io::Error) -> String {
        let tried = tried.as_secs();
        match self.program.language {
            French => format!("aucun serveur ne répond à {host} port {port} (essayé {tried} s) : {reason}"),
            English => format!("no server answers at {host} port {port} (tried for {tried} s): {reason}"),
        }
    }
}
