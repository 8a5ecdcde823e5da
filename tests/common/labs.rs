//! Servers of the labs, and assertions on the command lines of every program.

use std::process::Command;

use super::{Peer, Program, Server, child_with_connection};

impl Server {
    /// Starts `program` on a free port of 127.0.0.1, with more `options`.
    #[track_caller]
    pub fn of(program: &str, options: &[&str]) -> Server {
        Server::from(Command::new(program).args(["--bind", "127.0.0.1", "--port", "0"]).args(options))
    }

    /// A connection, and the process that serves it.
    #[track_caller]
    pub fn connect_served(&self) -> (Peer, i32) {
        let peer = self.connect();
        let pid = self.server_of(&peer);
        (peer, pid)
    }

    /// The process that serves `peer`: a child, or the server itself with `--iterative`.
    #[track_caller]
    pub fn server_of(&self, peer: &Peer) -> i32 {
        self.program.out.line_about(peer.stream.local_addr().unwrap());
        child_with_connection(self.pid(), &peer.stream).unwrap_or_else(|| self.pid())
    }
}

/// Exit status and output of a program that has ended.
pub struct Outcome {
    pub status: Option<i32>,
    pub out: String,
    pub err: String,
}

/// Runs a program to its end with `keyboard` as standard input.
#[track_caller]
pub fn outcome_of(program: &str, arguments: &[&str], keyboard: impl AsRef<[u8]>) -> Outcome {
    let mut program = Program::start(Command::new(program).args(arguments));
    program.types(keyboard);
    program.closes_stdin();
    let status = program.ends().code();
    Outcome { status, out: program.out.to_the_end(), err: program.err.to_the_end() }
}

/// Asserts status 2, an empty standard output, and one line on standard error that contains `what`
/// and the usage.
#[track_caller]
pub fn is_refused_in_english(program: &str, arguments: &[&str], what: &str) {
    let Outcome { status, out, err: said } = outcome_of(program, arguments, "");
    assert_eq!(status, Some(2), "{arguments:?}: {said}");
    assert_eq!(out, "", "{arguments:?}");
    assert_eq!(said.lines().count(), 1, "{arguments:?}: {said}");
    let in_english = said.contains("; usage: ") && said.contains("(--help explains it all)");
    assert!(said.contains(what) && in_english, "{arguments:?}: {said}");
}

/// Asserts that `--help` contains each of `parts` and examples, in English and in lines that fit a
/// terminal.
#[track_caller]
pub fn help_contains(program: &str, parts: &[&str]) {
    help_contains_in(program, parts, &["Examples:\n", "\n\nUsage: "], &["Usage :", "Affiche"]);
}

/// The same in French.
#[track_caller]
pub fn french_help_contains(program: &str, parts: &[&str]) {
    help_contains_in(program, parts, &["Exemples :\n", "\n\nUsage : "], &["Usage:", "Print", "default"]);
}

#[track_caller]
fn help_contains_in(program: &str, parts: &[&str], own: &[&str], foreign: &[&str]) {
    for flag in ["-h", "--help"] {
        let Outcome { status, out: help, err } = outcome_of(program, &[flag], "");
        assert_eq!((status, err.as_str()), (Some(0), ""), "{program} {flag}");
        assert!(parts.iter().chain(own).all(|part| help.contains(part)), "{parts:?} in {help}");
        assert!(!help.contains('{'), "{help}");
        assert!(!foreign.iter().any(|part| help.contains(part)), "{help}");
        assert!(help.lines().all(|line| line.chars().count() <= 100), "{help}");
    }
    assert!(outcome_of(program, &["--version"], "").out.contains(env!("CARGO_PKG_VERSION")));
}
