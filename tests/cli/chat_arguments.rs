//! Command lines of the messenger: help texts, and errors in one line.

use crate::common::*;

use std::process::Command;

/// Exit status and output of a program that has ended.
struct Outcome {
    status: Option<i32>,
    out: String,
    err: String,
}

#[track_caller]
fn run(program: &str, arguments: &[&str]) -> Outcome {
    let mut program = Program::start(Command::new(program).args(arguments));
    program.closes_stdin();
    let status = program.ends().code();
    Outcome { status, out: program.out.to_the_end(), err: program.err.to_the_end() }
}

/// Asserts status 2, an empty standard output, and one line on standard error that contains `what`
/// and the usage.
#[track_caller]
fn is_refused(program: &str, arguments: &[&str], what: &str) {
    let Outcome { status, out, err: said } = run(program, arguments);
    assert_eq!(status, Some(2), "{arguments:?}: {said}");
    assert_eq!(out, "", "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    assert!(
        said.contains(what) && said.contains("usage : ") && said.contains("--help"),
        "{arguments:?}: {said}"
    );
}

#[test]
fn the_server_reports_each_invalid_command_line_in_one_line() {
    let mistakes: [(&[&str], &str); 51] = [
        (&["--porte", "5015"], "« --porte »"),
        (&["5015"], "« 5015 »"),
        (&["--port"], "--port <N> : il manque une valeur"),
        (&["--port", "65536"], "« 65536 » refusé : un nombre de 0 à 65535"),
        (&["--port", "-1"], "« -1 »"),
        (&["--port", "cinq"], "« cinq » refusé"),
        (&["--port", "+5015"], "« +5015 » refusé : un nombre de 0 à 65535"),
        (&["--web", "+8080"], "« +8080 » refusé : un port est attendu"),
        (&["--port", "1", "--port", "2"], "--port <N> est donné deux fois"),
        (&["--bind", "ici"], "« ici » refusé : une adresse IPv4 ou IPv6"),
        (&["--bind", "256.0.0.1"], "« 256.0.0.1 » refusé"),
        (&["--bind", ""], "--bind"),
        (&["--bind", "224.0.0.1"], "« 224.0.0.1 » refusé : aucun client ne peut s'y connecter"),
        (&["--bind", "255.255.255.255"], "« 255.255.255.255 » refusé : aucun client ne peut s'y connecter"),
        (&["--web", "224.0.0.1:0"], "« 224.0.0.1:0 » refusé : aucun client ne peut s'y connecter"),
        (&["--max-clients", "0"], "« 0 » refusé : un nombre de 1"),
        (&["--max-clients", "1000001"], "refusé"),
        (&["--backlog", "0"], "« 0 » refusé"),
        (&["--backlog", "4097"], "« 4097 » refusé : un nombre de 1 à 4096"),
        (&["--pace", "201"], "« 201 » refusé : un nombre de 0 à 200"),
        (&["--pace", "1.5"], "« 1.5 » refusé"),
        (&["--lag-limit", "0"], "« 0 » refusé"),
        (&["--lag-limit", "99999999999999999999"], "refusé"),
        (&["--lines", "65536"], "--lines <PORT> : « 65536 » refusé : un nombre de 0 à 65535"),
        (&["--idle-timeout", "86401"], "--idle-timeout <S> : « 86401 » refusé : un nombre de 0 à 86400"),
        (&["--idle-timeout", "jamais"], "« jamais » refusé"),
        (&["--idle-timeout"], "--idle-timeout <S> : il manque une valeur"),
        (&["--max-per-address", "-1"], "« -1 »"),
        (&["--max-per-address", "1000001"], "« 1000001 » refusé : un nombre de 0 à 1000000"),
        (
            &["--web", "0", "--origin", "chat.example.org"],
            "« chat.example.org » refusé : l'adresse d'un site",
        ),
        (&["--web", "0", "--origin", "ftp://chat.example.org"], "refusé : l'adresse d'un site"),
        (&["--web", "0", "--origin", "https://*.example.org"], "sans « * »"),
        (&["--web", "0", "--origin", "https://café.example.org"], "par exemple xn--caf-dma.fr pour café.fr"),
        (&["--origin", "https://chat.example.org"], "il manque --web"),
        (
            &["--web", "0", "--trusted-proxy", "localhost"],
            "« localhost » refusé : une adresse IP ou un réseau",
        ),
        (&["--web", "0", "--trusted-proxy", "10.0.0.0/33"], "« 10.0.0.0/33 » refusé"),
        (&["--web", "0", "--trusted-proxy", "10.0.0.0/+8"], "« 10.0.0.0/+8 » refusé"),
        (&["--trusted-proxy", "127.0.0.1"], "il manque --web"),
        (&["--distinct-names=oui"], "ne prend pas de valeur"),
        (&["--no-header-check", "non"], "« non »"),
        (&["--no-limits", "--no-limits"], "--no-limits est donné deux fois"),
        (&["--no-seccomp=1"], "ne prend pas de valeur"),
        (&["--user"], "--user <NAME> : il manque une valeur"),
        (&["--transcript"], "--transcript <FICHIER> : il manque une valeur"),
        (&["--transcript", ""], "--transcript <FICHIER>"),
        (&["--transcript-sync"], "il manque --transcript <FICHIER>"),
        (&["--no-titles=1"], "ne prend pas de valeur"),
        (&["-v", "-q"], "ne va pas avec"),
        (&["-x"], "« -x »"),
        (&["--quiet=3"], "ne prend pas de valeur"),
        (&["--port", "\x1b[2J"], "^[[2J"),
    ];
    for (arguments, what) in mistakes {
        let _row = Row::of(&(&arguments, &what));
        is_refused(SERVER, arguments, what);
    }
}

#[test]
fn the_client_reports_each_invalid_command_line_in_one_line() {
    let long = "x".repeat(256);
    let mistakes: [(&[&str], &str); 18] = [
        (&[], "il manque <IP>, <PSEUDO>"),
        (&["127.0.0.1"], "il manque <PSEUDO>"),
        (&["127.0.0.1", "alice", "5015"], "« 5015 » n'est pas attendu (un port : --port 5015)"),
        (&["127.0.0.1", ""], "un pseudo ne peut pas être vide"),
        (&["127.0.0.1", "  "], "un pseudo ne peut pas être vide"),
        (&["127.0.0.1", "\u{200d}"], "un pseudo ne peut pas être vide"),
        (&["127.0.0.1", "a:b"], "« : »"),
        (&["127.0.0.1", "a > b"], "« > »"),
        (&["127.0.0.1", "a >"], "« > »"),
        (&["127.0.0.1", "a\nb"], "caractères de contrôle"),
        (&["127.0.0.1", "a\x1b[31m"], "caractères de contrôle"),
        (&["127.0.0.1", "a\u{9b}b"], "caractères de contrôle"),
        (&["127.0.0.1", "a\u{202e}b"], "caractères de contrôle"),
        (&["127.0.0.1", &long], "255 octets"),
        (&["127.0.0.1", "alice", "--port", "0"], "« 0 » refusé : un nombre de 1 à 65535"),
        (&["127.0.0.1", "alice", "--port"], "il manque une valeur"),
        (&["127.0.0.1", "alice", "--verbose"], "« --verbose »"),
        (&["127.0.0.1", "alice", "--port", "http"], "« http » refusé"),
    ];
    for (arguments, what) in mistakes {
        let _row = Row::of(&(&arguments, &what));
        is_refused(CLIENT, arguments, what);
    }
}

#[test]
fn an_argument_that_is_not_utf8_is_refused_like_any_other() {
    use std::os::unix::ffi::OsStrExt;
    let output =
        Command::new(CLIENT).arg("127.0.0.1").arg(std::ffi::OsStr::from_bytes(b"\xff")).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(String::from_utf8(output.stderr).unwrap().lines().count(), 1);
}

#[test]
fn help_lists_every_option_with_examples_in_one_language() {
    let options =
        ["--bind", "--port", "--max-clients", "--backlog", "--pace", "--lag-limit", "--lines", "-v", "-q"];
    let guards = [
        "--max-per-address <N>",
        "--idle-timeout <S>",
        "--distinct-names",
        "--no-header-check",
        "--user <NAME>",
    ];
    let walls =
        ["--no-limits", "--no-seccomp", "« EHLO »", "conseillé en classe", "jamais, on peut se taire"];
    let options = [&options[..], &guards, &walls].concat();
    let defaults = ["5015 par défaut", "1000 par défaut", "128 par défaut", "(1048576"];
    french_help_contains(SERVER, &[&options[..], &defaults].concat());
    french_help_contains(
        CLIENT,
        &["<IP>", "<PSEUDO>", "--port", "5015 par défaut", "Échap", "renvoie ces lignes"],
    );
}

#[test]
fn a_port_in_use_is_reported_with_the_systems_reason() {
    let server = Server::start(&[]);
    let Outcome { status, err: said, .. } = run(SERVER, &["--bind", "127.0.0.1", "--port", &server.port()]);
    assert_eq!(status, Some(1));
    assert!(said.contains(&format!("impossible d'écouter sur {}", server.address)), "{said}");
    assert!(said.contains("Address already in use (un autre programme y écoute"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn a_foreign_address_is_reported_with_the_systems_reason() {
    let Outcome { status, err: said, .. } = run(SERVER, &["--bind", "192.0.2.1", "--port", "0"]);
    assert_eq!(status, Some(1));
    assert!(said.contains("192.0.2.1:0") && said.contains("Cannot assign"), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
}

#[test]
fn quiet_prints_only_the_first_line() {
    let server = Server::start(&["-q"]);
    let mut peer = server.connect();
    peer.sends("bonjour\0");
    peer.hears("bonjour\0\0");
    drop(peer);
    server.wait_for_children(0);
    assert_eq!(server.program.out.so_far().lines().count(), 1);
}

#[test]
fn verbose_reports_each_step_of_a_message() {
    let server = Server::start(&["-v"]);
    let (mut alice, _bob) = (server.join(), server.join());
    let child = server.child_of(&alice);
    alice.sends("alice : bonjour\0");
    let out = &server.program.out;
    out.line_with(&[&format!("(fils {child}) read(descripteur 6) : 16 octets")]);
    out.line_with(&["(père) read(descripteur 3)", "32 octets", &format!("fils {child}"), "descripteur 4"]);
    out.line_with(&["(père) send : 17 octets à 2 clients (descripteurs 6 7)"]);
}

#[test]
fn quiet_still_reports_a_killed_child() {
    let server = Server::start(&["-q"]);
    let mut peer = server.connect();
    let child = server.wait_for_children(1)[0];
    nix::sys::signal::kill(nix::unistd::Pid::from_raw(child), nix::sys::signal::Signal::SIGKILL).unwrap();
    peer.hears_the_end();
    server.program.err.line_with(&["a perdu son fils, tué par SIGKILL"]);
}
