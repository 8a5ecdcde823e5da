//! Command lines, valid and invalid.

use super::*;
use nix::sys::signal::Signal::SIGTERM;

/// Runs a program to its end, without input. Returns its status, standard output and standard
/// error.
#[track_caller]
fn run(program: &str, arguments: &[&str]) -> (Option<i32>, String, String) {
    let mut program = Program::start(Command::new(program).args(arguments));
    program.closes_stdin();
    (program.ends().code(), program.out.to_the_end(), program.err.to_the_end())
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    let mistakes: [(&str, &[&str], &str); 15] = [
        (SERVER, &["44573"], "(un port : --port 44573)"),
        (SERVER, &["--pairs"], "--pairs <N> : il manque une valeur"),
        (SERVER, &["--pairs", "0"], "« 0 » refusé : un nombre de 1 à 10000"),
        (SERVER, &["--pairs", "10001"], "refusé"),
        (SERVER, &["--pairs", "deux"], "« deux » refusé"),
        (SERVER, &["--pairs", "2", "--pairs", "3"], "--pairs <N> est donné deux fois"),
        (SERVER, &["--max-clients", "0"], "« 0 » refusé"),
        (SERVER, &["--bind", "ici"], "« ici » refusé"),
        (SERVER, &["--max-per-address", "3"], "« --max-per-address »"),
        (SERVER, &["--no-seccomp=1"], "ne prend pas de valeur"),
        (CLIENT, &["127.0.0.1", "44573"], "« 44573 » n'est pas attendu (un port : --port 44573)"),
        (CLIENT, &["--port", "0"], "« 0 » refusé : un nombre de 1 à 65535"),
        (CLIENT, &["--port"], "--port <N> : il manque une valeur"),
        (CLIENT, &["--porte", "1"], "« --porte »"),
        (CLIENT, &["--pairs", "2"], "« --pairs »"),
    ];
    for (program, arguments, what) in mistakes {
        let _row = Row::of(&(&program, &arguments, &what));
        let (status, out, said) = run(program, arguments);
        assert_eq!((status, &out[..], said.lines().count()), (Some(2), "", 1), "{arguments:?}: {said}");
        assert!(said.contains(what) && said.contains("usage : ") && said.contains("--help"), "{said}");
    }
}

#[test]
fn help_names_every_option_and_gives_examples_in_one_language() {
    let options = ["--bind", "--port", "--max-clients", "--backlog", "--pairs", "relay_client"];
    let defaults = ["44573 par défaut", "128 par défaut", "(1 par défaut"];
    let guards = ["--user", "--no-limits", "--no-seccomp", "-v, --verbose"];
    french_help_contains(SERVER, &[&options[..], &defaults, &guards].concat());
    french_help_contains(
        CLIENT,
        &["[HOST]", "--port", "44573 par défaut", "fin", "127.0.0.1 par défaut", "--plain"],
    );
}

#[test]
fn a_port_in_use_is_reported_with_the_systems_reason() {
    let server = server(&[]);
    let (status, _, said) = run(SERVER, &["--bind", "127.0.0.1", "--port", &server.port()]);
    assert_eq!((status, said.lines().count()), (Some(1), 1));
    assert!(said.contains("impossible d'écouter") && said.contains("Address already in use"), "{said}");
}

#[test]
fn pairs_beyond_max_clients_are_reported_at_the_start() {
    let few = server(&["--pairs", "3", "--max-clients", "5"]);
    few.program.err.line_with(&["(père) --pairs 3 demande --max-clients 6", "clients admis : 5"]);
    let mut enough = server(&["--pairs", "3", "--max-clients", "6"]);
    enough.program.signal(SIGTERM);
    enough.program.ends();
    assert_eq!(enough.program.err.to_the_end(), "");
}

#[test]
fn without_a_server_the_client_reports_it_and_exits_with_status_1() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let (status, out, said) = run(CLIENT, &["--port", &port.to_string(), "--wait", "1"]);
    assert_eq!((status, &out[..], said.lines().count()), (Some(1), "", 1));
    assert!(
        said.contains("aucun serveur ne répond à 127.0.0.1") && said.contains("Connection refused"),
        "{said}"
    );
}
