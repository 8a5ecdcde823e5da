//! Messages of the chat client to its user, in French.

use crate::cli::{Program, catalogue};
use crate::client::Messages;

pub const PROGRAM: Program = Program::french("chat_client");

/// The messages shared by every client.
pub(crate) const MESSAGES: Messages = Messages { program: PROGRAM };

catalogue! {
    lost(reason: &str) => "{reason} ; on réessaie jusqu'à ce qu'il réponde";
    connected(address: &str, pseudo: &str) => "Connecté à {address} sous le nom {pseudo} (Ctrl+D pour partir)";
    not_heard(message: &str) => "pas revenu du serveur, peut-être perdu, non renvoyé : {message}";
    not_sent(line: &str) => "cette ligne n'est pas partie : {line}";
    not_kept(line: &str) => "trop de messages attendent le serveur, celui-ci n'est pas gardé : {line}";
}

/// After a reconnection.
pub const BACK: &str = "de nouveau connecté ; ce qui s'est dit entre-temps n'a pas été entendu";

/// The server does not echo messages to their sender.
pub const NOTHING_BACK: &str =
    "ce serveur ne vous renvoie pas vos messages tels quels : ils s'affichent dès qu'ils partent, marqués ›";

/// After messages that were reported as perhaps lost.
pub const NOT_ALL_BACK: &str = "fin de l'entrée, mais tout n'est pas revenu du serveur";

/// No packet has come for so long that the kernel has given the connection up.
pub const VANISHED: &str = "le serveur ne répond plus, la connexion est rompue";

/// After a message that had no echo when the connection was lost. The room may have heard it.
pub const MAY_BE_LOST: &str = "(perdu avec la connexion ?)";

/// After a message that the server refused, with a reason of its own.
pub const REFUSED: &str = "(non transmis)";

pub const NO_CONNECTION: &str = "pas de connexion";

pub const NO_SECOND: &str = "le second processus manque";

/// The closing message, with the number of unsent messages.
pub fn with_unsent(reason: &str, messages: usize) -> String {
    match messages {
        0 => reason.to_string(),
        1 => format!("{reason} (1 message n'est pas parti)"),
        _ => format!("{reason} ({messages} messages ne sont pas partis)"),
    }
}

pub fn counted(messages: usize) -> String {
    match messages {
        0 | 1 => format!("{messages} message"),
        _ => format!("{messages} messages"),
    }
}

/// State of the connection, or of the attempts, which may go on `for_ever`. `waiting`: messages not
/// sent; `late`: messages not heard back.
pub fn state(
    (is_up, was_up): (bool, bool),
    for_ever: bool,
    leaves: bool,
    (waiting, late): (usize, usize),
) -> String {
    let suffix = match (waiting, late) {
        (0, 0) => String::new(),
        (0, 1) => " (1 message pas encore revenu)".to_string(),
        (0, _) => format!(" ({late} messages pas encore revenus)"),
        (1, _) => " (1 message attend)".to_string(),
        (..) => format!(" ({waiting} messages attendent)"),
    };
    let state = match (is_up, was_up) {
        (true, _) if leaves => "au revoir",
        (true, _) if waiting > 0 => "le serveur ne prend pas tout",
        (true, _) => "connecté",
        (false, true) => "connexion perdue, nouvel essai",
        (false, false) if for_ever => "pas encore de serveur, nouvel essai",
        (false, false) => "connexion en cours",
    };
    format!("{state}{suffix}")
}
