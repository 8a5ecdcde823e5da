//! Messages of every client to its user, in its program's language.

use std::io;
use std::time::Duration;

use crate::cli::Language::{English, French};
use crate::cli::Program;

#[derive(Clone, Copy, Debug)]
pub struct Messages {
    pub program: Program,
}

impl Messages {
    fn choose<T>(self, french: T, english: T) -> T {
        self.program.language.pick(french, english)
    }

    pub fn interrupted(self) -> &'static str {
        self.choose("interrompu, au revoir", "interrupted, goodbye")
    }

    pub fn end_of_input(self) -> &'static str {
        self.choose("fin de l'entrée, au revoir", "end of input, goodbye")
    }

    /// By the server.
    pub fn closed(self) -> &'static str {
        self.choose("le serveur a fermé la connexion", "the server closed the connection")
    }

    pub fn broken(self) -> &'static str {
        self.choose("la connexion au serveur est rompue", "the connection to the server is broken")
    }

    /// The server has not answered our half-close with its own.
    pub fn not_closed(self) -> &'static str {
        self.choose(
            "fin de l'entrée, mais le serveur n'a pas fermé la connexion",
            "end of input, but the server did not close the connection",
        )
    }

    pub fn no_keyboard(self) -> &'static str {
        self.choose("impossible de lire le clavier", "cannot read the keyboard")
    }

    pub fn no_output(self, reason: &str) -> String {
        match self.program.language {
            French => format!("impossible d'écrire sur la sortie standard : {reason}"),
            English => format!("cannot write to standard output: {reason}"),
        }
    }

    pub fn no_terminal(self) -> &'static str {
        self.choose("impossible d'écrire sur le terminal", "cannot write to the terminal")
    }

    /// Parts of the status after the end of input, until queued lines are sent and the server has
    /// closed.
    pub fn leaving(self) -> [&'static str; 2] {
        self.choose(
            ["départ dès que possible", "Ctrl+D : tout de suite"],
            ["leaving when all is said", "Ctrl+D: at once"],
        )
    }

    /// Status while bytes for the server are unsent.
    pub fn takes_nothing(self) -> &'static str {
        self.choose("le serveur ne prend rien", "the server takes nothing")
    }

    pub fn too_much_waits(self) -> &'static str {
        self.choose("trop de lignes attendent, rien n'est pris", "too many lines wait, nothing is taken")
    }

    pub fn waiting(self, lines: usize) -> String {
        match (self.program.language, lines) {
            (French, 0 | 1) => format!("{lines} ligne en attente"),
            (French, _) => format!("{lines} lignes en attente"),
            (English, 1) => "1 line waits".to_string(),
            (English, _) => format!("{lines} lines wait"),
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
        let question = self.choose("lignes : Entrée ou Échap ?", "lines: Enter or Escape?");
        let keys = self.choose("Entrée ou Échap", "Enter or Escape");
        [format!("{lines} {effect}"), format!("{lines} {question}"), keys.to_string()]
    }

    /// Notice after a paste that did not fit, the longest form first.
    pub fn line_is_full(self) -> [&'static str; 2] {
        self.choose(
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

    pub fn unknown_host(self, host: &str, reason: &io::Error) -> String {
        match self.program.language {
            French => format!("le nom « {host} » ne mène à aucune adresse : {reason}"),
            English => format!("the name \"{host}\" leads to no address: {reason}"),
        }
    }

    pub fn unreachable(self, host: &str, port: u16, tried: Duration, reason: &io::Error) -> String {
        let tried = tried.as_secs();
        match self.program.language {
            French => format!("aucun serveur ne répond à {host} port {port} (essayé {tried} s) : {reason}"),
            English => format!("no server answers at {host} port {port} (tried for {tried} s): {reason}"),
        }
    }
}
