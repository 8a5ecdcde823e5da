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

/// The user leaves, and so many messages have found no server.
pub fn unsent(messages: usize) -> String {
    match messages {
        1 => "pas de connexion : 1 message n'est pas parti".to_string(),
        _ => format!("pas de connexion : {messages} messages ne sont pas partis"),
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

/// How the connection is.
pub fn state(is_up: bool, was_up: bool, leaves: bool, waiting: usize) -> String {
    let waiting_for_it = match waiting {
        0 => String::new(),
        1 => " (1 message attend)".to_string(),
        _ => format!(" ({waiting} messages attendent)"),
    };
    let state = match (is_up, was_up, leaves) {
        (true, _, true) => "au revoir",
        (true, ..) if waiting > 0 => "le serveur ne prend pas tout",
        (true, ..) => "connecté",
        (false, true, _) => "connexion perdue, nouvel essai",
        (false, false, _) => "pas encore de serveur, nouvel essai",
    };
    format!("{state}{waiting_for_it}")
}
