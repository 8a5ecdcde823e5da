//! Tells by the environment how the terminal treats long rows when its width changes. Pure, but for
//! reading it.
//!
//! Terminals that do not reflow cut long lines. To take one that cuts for one that reflows would
//! erase output above the viewport; the other way round, a piece of the viewport stays behind. So
//! only known ones count as reflowing. xterm, the Linux console and Emacs cut. tmux reflows, but
//! does not count: [`super::viewport`] needs no width there.

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
const NAMES: [&str; 7] = ["vte", "gnome", "xterm-kitty", "alacritty", "wezterm", "foot", "xterm-ghostty"];

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Reflow {
    /// Cut or kept, or reflowed by tmux.
    #[default]
    Unknown,
    /// A long row becomes several.
    Reflows,
    /// So too, but a row that was several stays joined to the next one, whatever is written there,
    /// unless it was deleted.
    GnuScreen,
}

impl Reflow {
    pub fn of_environment() -> Reflow {
        reflow(|name| var_os(name).map(|value| value.to_string_lossy().into_owned()))
    }
}

fn reflow(variable: impl Fn(&str) -> Option<String>) -> Reflow {
    let term = variable("TERM").unwrap_or_default();
    let begins = |name: &&str| term.starts_with(*name);
    if NAMES.iter().any(&begins) {
        return Reflow::Reflows;
    }
    // Started from another terminal, they inherit its variables.
    let is_tmux = variable("TERM_PROGRAM").is_some_and(|name| name == "tmux");
    let is_in_screen = variable("STY").is_some();
    if is_in_screen && !is_tmux && begins(&"screen") {
        return Reflow::GnuScreen;
    }
    let is_another = variable("XTERM_VERSION").is_some()
        || is_in_screen
        || is_tmux
        || ["tmux", "screen", "linux", "eterm"].iter().any(begins);
    match !is_another && VARIABLES.iter().any(|name| variable(name).is_some()) {
        true => Reflow::Reflows,
        false => Reflow::Unknown,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reflow_with(set: &[(&str, &str)]) -> Reflow {
        reflow(|name| set.iter().find(|(key, _)| *key == name).map(|(_, value)| value.to_string()))
    }

    fn reflows_with(set: &[(&str, &str)]) -> bool {
        reflow_with(set) == Reflow::Reflows
    }

    #[test]
    fn only_known_terminals_reflow() {
        let xterm = ("TERM", "xterm-256color");
        for variable in VARIABLES {
            assert!(reflows_with(&[xterm, (variable, "1")]), "{variable}");
            // Started from that terminal, in a window of its own.
            assert!(!reflows_with(&[xterm, (variable, "1"), ("XTERM_VERSION", "XTerm(390)")]), "{variable}");
            assert!(!reflows_with(&[xterm, (variable, "1"), ("STY", "1.pts-0")]), "{variable}");
        }
        // GNU screen, also in a terminal that cuts.
        let in_screen =
            [("TERM", "screen.xterm-256color"), ("STY", "1.pts-0"), ("XTERM_VERSION", "XTerm(390)")];
        assert_eq!(reflow_with(&in_screen), Reflow::GnuScreen);
        assert!(!reflows_with(&[("TERM", "screen"), ("STY", "1.pts-0"), ("TERM_PROGRAM", "tmux")]));
        assert!(reflows_with(&[("TERM", "foot")]) && reflows_with(&[("TERM", "xterm-kitty")]));
        for term in ["tmux-256color", "screen", "screen-256color", "xterm-256color"] {
            let in_tmux = [("TERM", term), ("TMUX", "/tmp/tmux"), ("TERM_PROGRAM", "tmux")];
            assert!(!reflows_with(&in_tmux), "{term}");
        }
        // Over ssh, from anywhere.
        assert!(
            !reflows_with(&[]) && !reflows_with(&[xterm]) && !reflows_with(&[("TERM", "screen-256color")])
        );
    }
}
