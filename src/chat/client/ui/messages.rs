//! What the client says of itself on the terminal, in French.

/// The end of a connection, for `reason`, and that another is being tried.
pub fn lost(reason: &str) -> String {
    format!("{reason} ; on réessaie jusqu'à ce qu'il réponde")
}

/// Another connection has come after one that was lost.
pub const BACK: &str = "de nouveau connecté ; ce qui s'est dit entre-temps n'a pas été entendu";

/// The first connection, to `address` under the name of `pseudo`.
pub fn connected(address: &str, pseudo: &str) -> String {
    format!("Connecté à {address} sous le nom {pseudo} (Ctrl+D pour partir)")
}

/// The server sends to all but who has spoken.
pub const NOTHING_BACK: &str =
    "ce serveur ne renvoie rien à celui qui parle : vos messages s'affichent dès qu'ils partent";

/// Behind what was sent on a connection that was lost before it came back.
pub const MAY_BE_LOST: &str = "(perdu avec la connexion ?)";

/// Behind what the server has not passed on; why, it says itself.
pub const REFUSED: &str = "(non transmis)";

/// Why what waits is not sent.
pub const NO_CONNECTION: &str = "pas de connexion";

/// The second process is not there.
pub const NO_SECOND: &str = "le second processus manque";

/// The last word, and how many messages have found no server.
pub fn with_unsent(word: &str, messages: usize) -> String {
    match messages {
        0 => word.to_string(),
        1 => format!("{word} (1 message n'est pas parti)"),
        _ => format!("{word} ({messages} messages ne sont pas partis)"),
    }
}

/// A line that is not kept, because too many wait.
pub fn not_kept(line: &str) -> String {
    format!("trop de messages attendent le serveur, celui-ci n'est pas gardé : {line}")
}

/// So many messages.
pub fn counted(messages: usize) -> String {
    match messages {
        0 | 1 => format!("{messages} message"),
        _ => format!("{messages} messages"),
    }
}

/// How the connection is, or the search for one, which may be `for_ever`.
pub fn state(is_up: bool, was_up: bool, for_ever: bool, leaves: bool, waiting: usize) -> String {
    let waiting_for_it = match waiting {
        0 => String::new(),
        1 => " (1 message attend)".to_string(),
        _ => format!(" ({waiting} messages attendent)"),
    };
    let state = match (is_up, was_up) {
        (true, _) if leaves => "au revoir",
        (true, _) if waiting > 0 => "le serveur ne prend pas tout",
        (true, _) => "connecté",
        (false, true) => "connexion perdue, nouvel essai",
        (false, false) if for_ever => "pas encore de serveur, nouvel essai",
        (false, false) => "connexion en cours",
    };
    format!("{state}{waiting_for_it}")
}
