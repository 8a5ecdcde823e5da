//! Command lines, valid and invalid.

use super::*;

/// Expects status 2, nothing on standard output, and one line on standard error with `what` and the
/// usage.
#[track_caller]
fn is_refused(program: &str, arguments: &[&str], what: &str) {
    let output = Command::new(program).args(arguments).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!((output.status.code(), &output.stdout[..]), (Some(2), &b""[..]), "{arguments:?}: {said}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    assert!(said.contains(what) && said.contains("usage: "), "{arguments:?}: {said}");
}

#[test]
fn invalid_command_lines_are_refused_in_one_line() {
    for (arguments, what) in [
        (&["5556"][..], "\"5556\" is not expected"),
        (&["--port", "65536"], "\"65536\" refused: a number from 0 to 65535"),
        (&["--max-clients", "0"], "\"0\" refused: a number from 1"),
        (&["--name-timeout", "-1"], "\"-1\""),
        (&["--name-timeout", "soon"], "\"soon\" refused: a number from 0 to 86400"),
        (&["--name-timeout"], "a value is missing"),
        (&["--bind", "here"], "\"here\" refused"),
        (&["--max-per-address", "few"], "\"few\" refused: a number from 0 to 1000000"),
        (&["--idle-timeout", "5"], "\"--idle-timeout\" is not expected"),
        (&["--no-limits=1"], "takes no value"),
    ] {
        let _row = Row::of(&(&arguments, &what));
        is_refused(SERVER, arguments, what);
    }
    let long = "x".repeat(65);
    for (arguments, what) in [
        (&[][..], "<NAME> is missing"),
        (&[""], "refused: a name cannot be empty"),
        (&["  "], "refused: a name cannot be empty"),
        (&["bo%b"], "refused: a name holds no %"),
        (&["b\x1b[2J"], "\"b^[[2J\" refused: a name holds no control characters"),
        (&[&long], "refused: a name has at most 64 bytes"),
        (&["bob", "127.0.0.1", "5556"], "\"5556\" is not expected"),
        (&["bob", "--port", "0"], "\"0\" refused: a number from 1 to 65535"),
    ] {
        let _row = Row::of(&(&arguments, &what));
        is_refused(CLIENT, arguments, what);
    }
}

#[test]
fn help_names_every_option_and_gives_examples_in_one_language() {
    let options = ["--bind", "--port", "--max-clients", "--backlog", "--name-timeout"];
    let defaults = ["5556 by default", "(5 by default", "60 by default"];
    let guards = ["--max-per-address", "--user", "--no-limits", "--no-seccomp", "-v, --verbose"];
    help_contains(SERVER, &[&options[..], &defaults, &guards].concat());
    help_contains(
        CLIENT,
        &["<NAME>", "[HOST]", "--port", "127.0.0.1 by default", "5556 by default", "--plain"],
    );
}

#[test]
fn the_first_line_gives_address_and_pid() {
    let server = server(&[]);
    let first =
        server.program.out.line_with(&["(parent) waiting for clients on", &server.address.to_string()]);
    assert!(first.contains(&format!("pid {}", server.pid())), "{first}");
}
