//! Command lines: clap finds out what is wrong, and this says it in one line, in the program's language.

mod error;
mod hardening_args;
mod listen_args;
mod parsers;

use std::io::Write;
use std::process::ExitCode;

use clap::{Arg, ArgAction, Command, Parser};

use crate::sys;
use crate::text::visible;

pub use hardening_args::HardeningArgs;
pub use listen_args::{ListenArgs, PerAddress};
pub use parsers::{Expected, address, local_socket, number};

/// The status for a command line that makes no sense.
const USAGE: u8 = 2;

/// What a program says to its user in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Language {
    /// `chat_*` and `relay_*`.
    French,
    /// The others.
    English,
}

/// A program, as it names itself to its user.
#[derive(Clone, Copy, Debug)]
pub struct Program {
    /// In front of what it says on standard error.
    pub name: &'static str,
    /// Of all that it says.
    pub language: Language,
}

impl Program {
    /// A program that speaks French.
    pub const fn french(name: &'static str) -> Program {
        Program { name, language: Language::French }
    }

    /// A program that speaks English.
    pub const fn english(name: &'static str) -> Program {
        Program { name, language: Language::English }
    }

    /// Reads the command line and runs the program with it. Returns the status to end with: 0 also after `--help` and
    /// `--version`, 1 with one line that tells what went wrong, 2 after a mistake on the command line.
    pub fn run<P: Parser>(self, work: impl FnOnce(P) -> anyhow::Result<()>) -> ExitCode {
        match self.parse() {
            Ok(arguments) => self.finish(work(arguments)),
            Err(status) => status,
        }
    }

    fn parse<P: Parser>(self) -> Result<P, ExitCode> {
        let mut command = self.localized(P::command());
        let matches = command.try_get_matches_from_mut(std::env::args_os());
        matches.and_then(|matches| P::from_arg_matches(&matches)).map_err(|error| {
            if !error.use_stderr() {
                // Help on a full disk or a closed pipe: nobody can be told but by the status.
                return if error.print().is_ok() { ExitCode::SUCCESS } else { ExitCode::FAILURE };
            }
            self.complain(&error::one_line(&error, &command, self.language));
            ExitCode::from(USAGE)
        })
    }

    /// The options that every program has, and the words that every program shares.
    fn localized(self, command: Command) -> Command {
        let (template, help, version) = match self.language {
            Language::French => ("Usage : {usage}", "Affiche cette aide", "Affiche la version"),
            Language::English => ("Usage: {usage}", "Print this help", "Print the version"),
        };
        listen_args::localized(command, self.language)
            .name(self.name)
            .version(env!("CARGO_PKG_VERSION"))
            .help_template(format!("{{about}}\n\n{template}\n\n{{all-args}}{{after-help}}"))
            .disable_help_flag(true)
            .disable_version_flag(true)
            .arg(Arg::new("help").short('h').long("help").action(ArgAction::Help).help(help))
            .arg(Arg::new("version").short('V').long("version").action(ArgAction::Version).help(version))
    }

    /// `line` with the program's name before it.
    pub fn says(self, line: &str) -> String {
        match self.language {
            Language::French => format!("{} : {line}", self.name),
            Language::English => format!("{}: {line}", self.name),
        }
    }

    /// One line on standard error, in the program's name. What cannot be said there at once cannot be said: a terminal
    /// that is held must not keep a program from ending.
    pub fn complain(self, line: &str) {
        // One write per line, so that the lines of two processes do not mix.
        let line = format!("{}\n", self.says(&visible(line.as_bytes())));
        if sys::is_writable_now(std::io::stderr()) {
            let _ = std::io::stderr().write_all(line.as_bytes());
        }
    }

    fn finish(self, outcome: anyhow::Result<()>) -> ExitCode {
        match outcome {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => {
                // "{:#}": what was being done, then the system's reason.
                self.complain(&format!("{error:#}"));
                ExitCode::FAILURE
            }
        }
    }
}
