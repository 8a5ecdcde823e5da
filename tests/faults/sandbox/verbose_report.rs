//! `-v`: one line lists the layers of the sandbox, with the reason for each that is missing.

use super::*;

#[track_caller]
fn speaks_french(lab: &Lab) -> bool {
    ["chat_serveur", "relay_serveur"].iter().any(|name| lab.server.ends_with(name))
}

#[test]
fn verbose_lists_the_applied_layers_and_the_disabled_ones() {
    for lab in LABS {
        let _row = Row::of(&lab.server);
        let [confined, limits, nothing] = match speaks_french(&lab) {
            true => [
                "chaque fils est confiné : ",
                "limites (ni processus, ni core",
                "aucune limite (--no-limits) ; pas de seccomp (--no-seccomp)",
            ],
            false => [
                "each child is confined: ",
                "limits (no process, no core",
                "no limits (--no-limits); no seccomp (--no-seccomp)",
            ],
        };
        let running = lab.start(&["-v"]);
        let all = running.server.program.out.line_with(&[confined]);
        assert!(all.contains(limits), "{all}");
        if !lacks_seccomp() {
            assert!(all.contains("; seccomp (") && all.contains("EPERM"), "{all}");
        }
        let running = lab.start(&["-v", "--no-limits", "--no-seccomp"]);
        running.server.program.out.line_with(&[confined, nothing]);
        let running = lab.start(&[]);
        assert!(!running.server.program.out.so_far().contains("confin"));
    }
}

#[test]
fn help_explains_these_options_in_the_language_of_the_program() {
    let options = ["--user <NAME>", "--no-limits", "--no-seccomp", "-v, --verbose"];
    for lab in LABS {
        let _row = Row::of(&lab.server);
        match speaks_french(&lab) {
            true => french_help_contains(
                lab.server,
                &[&options[..], &["Utilisateur", "limites", "appels"]].concat(),
            ),
            false => {
                help_contains(lab.server, &[&options[..], &["User that", "limits", "system calls"]].concat())
            }
        }
    }
}

#[test]
fn an_iterative_server_reports_that_nothing_is_confined() {
    for server in [env!("CARGO_BIN_EXE_echo_serveur"), env!("CARGO_BIN_EXE_calc_serveur")] {
        let _row = Row::of(&server);
        let server = Server::of(server, &["-v", "--iterative"]);
        server.program.out.line_with(&["(parent) without children, nothing is confined"]);
    }
}

#[test]
fn a_relay_for_one_pair_reports_that_nothing_is_confined() {
    let server = Server::of(env!("CARGO_BIN_EXE_relay_serveur"), &["-v"]);
    server.program.out.line_with(&["(père) sans fils, rien n'est confiné"]);
}
