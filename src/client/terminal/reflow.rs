//! What a terminal does with lines that are too long for a new width: some wrap them anew, others cut them. Pure, but for what the
//! environment says.
//!
//! Nothing tells but who it is. To take one that cuts for one that wraps would erase what was said above our rows; the other way
//! round, a piece of these stays behind. So only those wrap anew that are known to.

use std::env::var_os;

/// What those set that wrap anew.
const VARIABLES: [&str; 9] = [
    "VTE_VERSION",
    "KITTY_WINDOW_ID",
    "ALACRITTY_WINDOW_ID",
    "ALACRITTY_SOCKET",
    "WEZTERM_PANE",
    "KONSOLE_VERSION",
    "GHOSTTY_RESOURCES_DIR",
    "WT_SESSION",
    "TERM_PROGRAM",
];

/// How their TERM begins, which crosses ssh and sudo, as the others do not.
const NAMES: [&str; 8] =
    ["tmux", "vte", "gnome", "xterm-kitty", "alacritty", "wezterm", "foot", "xterm-ghostty"];

/// True where it is certain that the terminal wraps anew.
pub fn is_certain() -> bool {
    is_told_by(|name| var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn is_told_by(value: impl Fn(&str) -> Option<String>) -> bool {
    let term = value("TERM").unwrap_or_default();
    let begins = |name: &&str| term.starts_with(*name);
    // What is started in tmux and has a terminal of its own, xterm or GNU screen, inherits the variable, and has another TERM or its own
    // variable.
    let is_tmux = value("TMUX").is_some() && begins(&"screen") && value("STY").is_none();
    if is_tmux || NAMES.iter().any(&begins) {
        return true;
    }
    // What is started from another terminal inherits what that has set: xterm, GNU screen, the Linux console and Emacs cut.
    let is_one_that_cuts = value("XTERM_VERSION").is_some()
        || value("STY").is_some()
        || ["screen", "linux", "eterm"].iter().any(begins);
    !is_one_that_cuts && VARIABLES.iter().any(|name| value(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told_by(set: &[(&str, &str)]) -> bool {
        is_told_by(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn only_what_is_known_to_wrap_anew_does() {
        let xterm = ("TERM", "xterm-256color");
        for variable in VARIABLES {
            assert!(told_by(&[xterm, (variable, "1")]), "{variable}");
            // Its own window is one that cuts.
            assert!(!told_by(&[xterm, (variable, "1"), ("XTERM_VERSION", "XTerm(390)")]), "{variable}");
            assert!(!told_by(&[("TERM", "screen.xterm-256color"), (variable, "1"), ("STY", "1.pts-0")]));
        }
        assert!(told_by(&[("TERM", "tmux-256color")]) && told_by(&[("TERM", "foot")]));
        assert!(told_by(&[("TERM", "screen"), ("TMUX", "/tmp/tmux"), ("XTERM_VERSION", "XTerm(390)")]));
        // An xterm, or GNU screen, that was started in tmux.
        let tmux = ("TMUX", "/tmp/tmux");
        assert!(!told_by(&[xterm, tmux, ("XTERM_VERSION", "XTerm(390)")]));
        assert!(!told_by(&[("TERM", "screen"), tmux, ("STY", "1.pts-0")]));
        // Over ssh, from anywhere.
        assert!(!told_by(&[]) && !told_by(&[xterm]) && !told_by(&[("TERM", "screen-256color")]));
    }
}
