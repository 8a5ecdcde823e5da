//! Tells by the environment if the terminal reflows long lines when its width changes. Pure,
//! but for reading it.
//!
//! Terminals that do not reflow cut long lines. To take one that cuts for one that reflows would
//! erase output above the viewport; the other way round, a piece of the viewport stays behind. So
//! only known ones count as reflowing.

use std::env::var_os;

/// Set by terminals that reflow.
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

/// Prefixes of their TERM, which crosses ssh and sudo, unlike the other variables.
const NAMES: [&str; 8] =
    ["tmux", "vte", "gnome", "xterm-kitty", "alacritty", "wezterm", "foot", "xterm-ghostty"];

pub fn terminal_reflows() -> bool {
    reflows(|name| var_os(name).map(|value| value.to_string_lossy().into_owned()))
}

fn reflows(variable: impl Fn(&str) -> Option<String>) -> bool {
    let term = variable("TERM").unwrap_or_default();
    let begins = |name: &&str| term.starts_with(*name);
    // An xterm or GNU screen started in tmux inherits TMUX, and sets TERM or STY.
    let is_tmux = variable("TMUX").is_some() && begins(&"screen") && variable("STY").is_none();
    if is_tmux || NAMES.iter().any(&begins) {
        return true;
    }
    // xterm, GNU screen, the Linux console and Emacs cut; started from another terminal, they
    // inherit its variables.
    let cuts = variable("XTERM_VERSION").is_some()
        || variable("STY").is_some()
        || ["screen", "linux", "eterm"].iter().any(begins);
    !cuts && VARIABLES.iter().any(|name| variable(name).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reflows_with(set: &[(&str, &str)]) -> bool {
        reflows(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    #[test]
    fn only_known_terminals_reflow() {
        let xterm = ("TERM", "xterm-256color");
        for variable in VARIABLES {
            assert!(reflows_with(&[xterm, (variable, "1")]), "{variable}");
            // Started from that terminal, in a window of its own.
            assert!(!reflows_with(&[xterm, (variable, "1"), ("XTERM_VERSION", "XTerm(390)")]), "{variable}");
            assert!(!reflows_with(&[("TERM", "screen.xterm-256color"), (variable, "1"), ("STY", "1.pts-0")]));
        }
        assert!(reflows_with(&[("TERM", "tmux-256color")]) && reflows_with(&[("TERM", "foot")]));
        assert!(reflows_with(&[("TERM", "screen"), ("TMUX", "/tmp/tmux"), ("XTERM_VERSION", "XTerm(390)")]));
        // An xterm, or GNU screen, that was started in tmux.
        let tmux = ("TMUX", "/tmp/tmux");
        assert!(!reflows_with(&[xterm, tmux, ("XTERM_VERSION", "XTerm(390)")]));
        assert!(!reflows_with(&[("TERM", "screen"), tmux, ("STY", "1.pts-0")]));
        // Over ssh, from anywhere.
        assert!(
            !reflows_with(&[]) && !reflows_with(&[xterm]) && !reflows_with(&[("TERM", "screen-256color")])
        );
    }
}
