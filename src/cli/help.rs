//! The help of the options shared by programs, in both languages.

use clap::Command;

use super::Language;

/// Option, its help in French and English. `bind_all`: `--bind` with all addresses as the default;
/// `wait_default`: `--wait` with a default.
#[rustfmt::skip]
const SHARED: [(&str, &str, &str); 16] = [
    ("bind_all",
        "Adresse où écouter, IPv4 ou IPv6 ({default} par défaut : toutes)",
        "Address to listen on, IPv4 or IPv6 ({default} by default: all)"),
    ("bind",
        "Adresse où écouter, IPv4 ou IPv6 ({default} par défaut)",
        "Address to listen on, IPv4 or IPv6 ({default} by default)"),
    ("port",
        "Port où écouter ({default} par défaut ; 0 : un port libre, affiché au démarrage)",
        "Port to listen on ({default} by default; 0: any free port, shown at the start)"),
    ("max_clients",
        "Clients admis en même temps ({default} par défaut)",
        "Clients admitted at the same time ({default} by default)"),
    ("max_per_address",
        "Clients admis en même temps d'une même adresse ({default} par défaut : sans limite ; une salle entière est souvent derrière une seule)",
        "Clients admitted at the same time from one address ({default} by default: no limit; a whole room is often behind one)"),
    ("backlog",
        "Connexions qui peuvent attendre d'être acceptées ({default} par défaut)",
        "Connections that may wait to be accepted ({default} by default)"),
    ("user",
        "Utilisateur que le serveur devient, une fois qu'il écoute : nom, UID ou UID:GID ; il faut être root pour le demander",
        "User that the server becomes once it listens: name, UID or UID:GID; only root may ask for that"),
    ("no_limits",
        "Laisse aux processus fils les limites du premier (sinon : ni processus, ni core, ni fichier de plus)",
        "Leave child processes the first one's limits (else: no process, no core, no file to write without need)"),
    ("no_seccomp",
        "Laisse aux processus fils tous les appels système (sinon, sous Linux : ceux qu'il leur faut)",
        "Leave child processes all system calls (else, on Linux: those that they need)"),
    ("no_penalties",
        "Admet aussitôt les clients d'une adresse pour laquelle plusieurs fils ont planté (sinon : après une attente qui croît, de 10 s à 10 min)",
        "Admit clients of an address for which several children have crashed at once (else: after a wait that grows from 10 s to 10 min)"),
    ("verbose",
        "Dit au démarrage ce qui confine les processus fils",
        "Tell at the start what confines child processes"),
    ("host",
        "Adresse ou nom de la machine du serveur ({default} par défaut), ou HOST:PORT",
        "Address or name of the server's machine ({default} by default), or HOST:PORT"),
    ("server_port",
        "Port du serveur ({default} par défaut)",
        "Port of the server ({default} by default)"),
    ("wait",
        "Secondes pendant lesquelles chercher un serveur qui n'est pas encore là (0 : un seul essai ; sans cette option : jusqu'à ce qu'il réponde)",
        "Seconds to look for a server that is not up yet (0: one try; without this option: until it answers)"),
    ("wait_default",
        "Secondes pendant lesquelles chercher un serveur qui n'est pas encore là ({default} par défaut ; 0 : un seul essai)",
        "Seconds to look for a server that is not up yet ({default} by default; 0: one try)"),
    ("plain",
        "Affichage simple, comme le client du cours",
        "On a terminal: a simple prompt, as the course's client has; no status line"),
];

/// Sets the help of the shared options, and puts the actual default in place of `{default}` in the
/// help of every option: the two cannot differ.
pub(super) fn localized(command: Command, language: Language) -> Command {
    command.mut_args(|argument| {
        let default = argument.get_default_values().first();
        let default = default.map(|default| default.display().to_string()).unwrap_or_default();
        let key = match argument.get_id().as_str() {
            "bind" if default == "0.0.0.0" => "bind_all",
            "wait" if !default.is_empty() => "wait_default",
            option => option,
        };
        // An option without help of its own is a shared one.
        let shared = SHARED.iter().find(|(option, ..)| *option == key);
        let shared = shared.map(|&(_, french, english)| language.pick(french, english).to_string());
        match argument.get_help().map(ToString::to_string).or(shared) {
            Some(help) => argument.help(help.replace("{default}", &default)),
            None => argument,
        }
    })
}
